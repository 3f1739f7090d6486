"""
The example of a replicated store, under whatever fails: no acknowledged write is lost, and a mistake in it is found.

Each run is a schedule drawn from its number: processes are killed and frozen, links are cut, nodes lose power, and time
goes by between. The mistaken store, which acknowledges what it alone has, loses a write in some of the same runs.
"""

import random
from contextlib import suppress

import pytest

from docs.examples import ledger
from reconcile import Cluster, Topology, apply, ask, delete, run, settle, step
from reconcile.adapters.manifests import read_text
from reconcile.components.election import ANNOTATION
from reconcile.events import CutLink, Freeze, MendLink, StartHost, StopHost, StopProcess, Thaw
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.drivers import Driver

BEHAVIOURS = {
    "ledger:*": "component ledger, start 2s",
    "elector:*": "component elector",
    "client:*": "component ledger-client",
}
HOSTS = ("node-2", "node-3", "node-4")
CENTRE = ("etcd/node-1", "kube-apiserver/node-1")
LINKS = [("node-2", "node-3"), ("node-2", "node-4"), ("node-3", "node-4")]


def begun(applications, root):
    topology = Topology(
        nodes=4, heartbeats=False, drivers=(Driver(name="csi.example.com"),), behaviours={"images": BEHAVIOURS}
    )
    cluster = settle(Cluster.boot(topology, seed=1, controllers=applications)).cluster
    for manifest in read_text((root / "docs/examples/ledger/ledger.yaml").read_text(), "ledger.yaml"):
        content = manifest.content
        if content["kind"] == "Pod":  # the client is beside the API server, so that it is never cut off
            content["spec"]["nodeName"] = "node-1"
        cluster, response = apply(cluster, content)
        assert response.ok, response
    return run(cluster, until=cluster.now + 20 * SECOND).cluster


def strikes(cluster, dice, centre=()):
    """
    Draw what fails next: as often as not it is where the leader is, for that is what matters; or *centre* is paused.
    """
    leading = [place.host for _, place, state in cluster.applications("ledger") if state.serves]
    host = leading[-1] if leading and dice.random() < 0.5 else dice.choice(HOSTS)
    here = [name for name in cluster.processes if name.startswith("default/ledger-") and name.endswith(host)]
    drawn = [[CutLink(*link) for link in LINKS if host in link], [StopHost(host)]]
    if here:
        drawn += [[StopProcess(dice.choice(here))], [Freeze(dice.choice(here))]]
    return dice.choice([*drawn, *[[Freeze(name)] for name in centre]])


def lost(cluster, number, centre=()):
    """Play a schedule; give what the property says, first."""
    dice = random.Random(number)
    for _ in range(3):
        for _ in range(2):
            cluster = happened(cluster, strikes(cluster, dice, centre))
            cluster = run(cluster, until=cluster.now + dice.randrange(1, 7) * SECOND).cluster
            if list(ledger.kept.check(cluster)):
                return next(ledger.kept.check(cluster))
        # Long enough for another to lead, with what failed still broken or not.
        cluster = cluster if dice.random() < 0.5 else mended(cluster)
        cluster = run(cluster, until=cluster.now + 25 * SECOND).cluster
        if list(ledger.kept.check(cluster)):
            return next(ledger.kept.check(cluster))
        cluster = mended(cluster)
    return None


def happened(cluster, events):
    for event in events:
        with suppress(ReconcileError):  # it cannot happen now
            cluster, _ = step(cluster, event)
    return cluster


def mended(cluster):
    frozen = [Thaw(name) for name, process in cluster.processes.items() if process.kind == "frozen"]
    return happened(cluster, [*[MendLink(*link) for link in LINKS], *map(StartHost, HOSTS), *frozen])


@pytest.fixture(scope="module")
def sound(root):
    return begun(ledger.applications, root)


def test_no_acknowledged_write_is_lost(sound):
    for number in range(4):
        assert lost(sound, number) is None, number
        assert lost(sound, number, CENTRE) is None, number


def test_in_the_end_the_client_goes_on(sound):
    before = sound.applications("ledger-client")[0][2].acknowledged
    cluster, _ = step(sound, StopHost("node-3"))
    cluster = run(cluster, until=cluster.now + 60 * SECOND).cluster
    assert cluster.applications("ledger-client")[0][2].acknowledged > before + 20


def test_the_mistake_is_found(root):
    mistaken = begun((ledger.hasty, ledger.elector, ledger.client), root)
    assert any(lost(mistaken, number) for number in range(20))


def test_the_sidecar_may_lock_an_annotation_of_endpoints(root):
    topology = Topology(nodes=3, behaviours={"images": {**BEHAVIOURS, "ledger:*": "runs"}}, heartbeats=False)
    cluster = settle(Cluster.boot(topology, seed=1, controllers=ledger.applications)).cluster
    text = (root / "docs/examples/ledger/ledger.yaml").read_text()
    wanted = {"Role", "RoleBinding", "ServiceAccount"}
    contents = [each.content for each in read_text(text, "ledger.yaml") if each.content["kind"] in wanted]
    for content in contents:
        for rule in content.get("rules", ()):
            rule["resources"] = ["endpoints" if each == "leases" else each for each in rule["resources"]]
            rule["apiGroups"] = ["" if each == "coordination.k8s.io" else each for each in rule["apiGroups"]]
    env = [
        {"name": "LEASE", "value": "ledger"},
        {"name": "TELL", "value": "7000"},
        {"name": "LOCK", "value": "endpoints"},
    ]
    for name in ("a", "b"):
        meta = {"name": name, "labels": {"app": "ledger"}}
        spec = {"serviceAccountName": "ledger", "containers": [{"name": "elector", "image": "elector:1", "env": env}]}
        contents.append({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    for content in contents:
        cluster, response = apply(cluster, content)
        assert response.ok, response
    cluster = run(cluster, until=cluster.now + 20 * SECOND).cluster
    assert ANNOTATION in cluster.get("endpoints", "ledger").metadata.annotations
    roles = [cluster.get("pods", name).metadata.labels["role"] for name in ("a", "b")]
    assert sorted(roles) == ["leader", "replica"]
    (leader,) = [name for name, role in zip(("a", "b"), roles, strict=True) if role == "leader"]
    cluster, _ = ask(cluster, delete("pods", leader))
    cluster = run(cluster, until=cluster.now + 6 * SECOND).cluster  # it let go of the lock: nobody waits for its end
    (left,) = [name for name in ("a", "b") if name != leader]
    assert cluster.get("pods", left).metadata.labels["role"] == "leader"
