"""Circles: whatever settles is none, however early it is looked; whoever fights is found, whatever else goes on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.cluster import Cluster, Topology
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.driver import settle
from reconcile.driver.client import create, patch, scale
from reconcile.driver.wire import state_digest
from reconcile.events import StopHost, Submit


def deployment(name, replicas):
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "c"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


@settings(max_examples=15)
@given(
    st.integers(1, 6), st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(0, 40), st.integers(60, 900)
)
def test_what_comes_to_rest_is_no_circle(nodes, sizes, later, hurry):
    boot = Cluster.boot(Topology(nodes=nodes), seed=1)
    made = [Submit(deployment(f"d{place}", replicas)) for place, replicas in enumerate(sizes)]
    lost = (StopHost(f"node-{nodes}"),) if nodes > 1 else ()
    digests = set()
    for looked in (hurry, 10**9):
        cluster = boot
        for events in ((), made, (Submit(scale("deployments", "d0", later)), *lost)):
            done = settle(cluster, tuple(events), hurry=looked)
            assert done.settled, done.moving
            cluster = done.cluster
        digests.add(state_digest(cluster))
    assert len(digests) == 1, "to look changes nothing"


@settings(max_examples=10)
@given(st.integers(1, 12), st.integers(0, 30), st.integers(300, 2000))
def test_who_fights_is_found_whatever_else_goes_on(fought, replicas, hurry):
    def says(word):
        def reconcile(asked):
            note = asked.views.get("configmaps", asked.key)
            if not asked.key.startswith("default/note") or note is None or note.data["word"] == word:
                return Outcome()
            return Outcome(calls=(patch("configmaps", note.metadata.name, {"data": {"word": word}}),))

        return Controller(name=word, sources=(Source("configmaps", keys_of_itself),), reconcile=reconcile)

    boot = settle(Cluster.boot(Topology(nodes=2), seed=1, controllers=(says("yes"), says("no")))).cluster
    notes = [
        Submit(
            create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"note-{n}"}, "data": {"word": ""}})
        )
        for n in range(fought)
    ]
    done = settle(boot, (Submit(deployment("d", replicas)), *notes), hurry=hurry)
    assert not done.settled
    assert done.moving[0].startswith("controller no and controller yes go round in a circle, ")
    assert " data.word written " in done.moving[0]
    assert done.steps < 20 * max(hurry, 1_500)
