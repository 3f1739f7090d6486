import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.cluster import Programs
from reconcile.cluster.links import Links
from reconcile.driver.choices import choices
from reconcile.driver.client import create
from reconcile.driver.run import run, settle
from reconcile.driver.step import step
from reconcile.driver.wire import Digester, state_digest, state_json
from reconcile.events import Advance, CutLink, Deliver, Disconnect, Submit
from reconcile.lib.digest import canonical
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers
from reconcile.store import Store

MANIFEST = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx"}]},
        },
    },
}


@pytest.fixture(scope="module")
def ready():
    cluster = Cluster.boot(Topology(nodes=2), seed=7)
    return settle(cluster).cluster


@pytest.fixture(scope="module")
def deployed(ready):
    return settle(ready, (Submit(request=create(MANIFEST)),)).cluster


def test_the_same_run_has_the_same_digest(ready, deployed):
    again = settle(settle(Cluster.boot(Topology(nodes=2), seed=7)).cluster).cluster
    assert state_digest(again) == state_digest(ready)
    assert state_digest(settle(again, (Submit(request=create(MANIFEST)),)).cluster) == state_digest(deployed)
    assert state_digest(ready) != state_digest(deployed)
    assert state_digest(Cluster.boot(Topology(nodes=2), seed=8)) != state_digest(
        Cluster.boot(Topology(nodes=2), seed=7)
    )


def test_a_run_in_one_go_digests_as_the_same_run_in_steps(ready):
    submit = Submit(request=create(MANIFEST))
    whole = run(ready, (submit,)).cluster
    cluster, _ = step(ready, submit)
    while not (stepped := run(cluster, steps=1)).idle:
        cluster = stepped.cluster
    assert state_digest(cluster) == state_digest(whole)
    assert state_json(cluster) == state_json(whole)


def test_a_digester_gives_what_state_digest_gives(ready, deployed):
    digester = Digester()
    for cluster in (ready, deployed, ready, ready):
        assert digester.digest(cluster) == state_digest(cluster)


def test_a_copy_has_the_same_digest_and_the_same_future(deployed):
    cluster, _ = step(deployed, Disconnect("node-2"))
    copied = pickle.loads(pickle.dumps(cluster))
    assert state_digest(copied) == state_digest(cluster)
    at = cluster.now + 60_000_000_000
    assert state_digest(run(copied, until=at).cluster) == state_digest(run(cluster, until=at).cluster)


def test_every_part_of_a_cluster_decides_but_two(ready):
    parts = {field.name for field in attrs.fields(Cluster)}
    assert parts - set(state_json(ready)) == {"steps", "head", "cuts", "programs", "links", *OF_MEMBERS}


def test_a_link_that_is_cut_decides_too(ready):
    cut, _ = step(ready, CutLink("node-1", "node-2"))
    assert "cuts" in state_json(cut)
    assert state_digest(attrs.evolve(cut, steps=ready.steps)) != state_digest(ready)
    one_way, _ = step(ready, CutLink("node-1", "node-2", one_way=True))
    assert "links" in state_json(one_way)
    assert state_digest(one_way) != state_digest(cut)


def test_of_a_cluster_with_members_they_decide_too():
    agreed = Cluster.boot(Topology(masters=3, members=3))
    assert set(OF_MEMBERS) <= set(state_json(agreed))
    assert state_digest(attrs.evolve(agreed, calm=True)) != state_digest(agreed)
    assert state_digest(attrs.evolve(agreed, front=7)) != state_digest(agreed)
    assert state_digest(attrs.evolve(agreed, members=agreed.members.remove("node-2"))) != state_digest(agreed)


OTHERWISE = {
    int: lambda value: value + 1,
    str: lambda value: f"{value}x",
    tuple: lambda value: value[:-1] if value else ("x",),
    Topology: lambda value: attrs.evolve(value, lock="endpoints"),
    Store: lambda value: attrs.evolve(value, revision=value.revision + 1),
    Timers: lambda value: value.cancel(value.first().key),
    Programs: lambda value: attrs.evolve(value, listeners=Table.of([("10.128.0.2:80", "default/web/web/node-1")])),
    Links: lambda value: Links((*value.ways, ("node-1", "node-2"))),
    Table: lambda value: value.remove(value.keys()[0]),
}
OF_MEMBERS = ("members", "front", "asked", "calm", "snapshots")  # what a cluster with one member of etcd has none of
PARTS = [field.name for field in attrs.fields(Cluster) if field.name not in ("steps", "head", "cuts", *OF_MEMBERS)]


@pytest.mark.parametrize("part", PARTS)
def test_a_cluster_of_which_one_part_is_otherwise_has_another_digest(ready, part):
    cluster = run(ready, (Submit(request=create(MANIFEST)),), steps=2).cluster
    while not (cluster.pending and cluster.turns):
        cluster = step(cluster, choices(cluster)[0])[0]
    value = getattr(cluster, part)
    other = attrs.evolve(cluster, **{part: OTHERWISE[type(value)](value)})
    assert state_digest(other) != state_digest(cluster)
    assert state_json(other) != state_json(cluster)


@pytest.mark.parametrize("part", ["states", "processes", "elections", "recorders", "cursors", "channels", "hosts"])
def test_so_has_a_cluster_that_lacks_any_row(ready, part):
    table, digest = getattr(ready, part), state_digest(ready)
    for key in table:
        lacking = attrs.evolve(ready, **{part: table.remove(key)})
        assert state_digest(lacking) != digest, key


def test_every_choice_leads_to_a_state_of_its_own(ready):
    cluster, _ = step(ready, Submit(request=create(MANIFEST)))
    for _ in range(40):
        offered = choices(cluster)
        digests = [state_digest(step(cluster, choice)[0]) for choice in offered]
        assert len(set(digests)) == len(digests)
        assert state_digest(cluster) not in digests
        cluster, _ = step(cluster, offered[0])


def test_a_lagging_cache_is_part_of_the_state(ready):
    # Two clusters whose stores are equal, and one scheduler of which has not been told.
    name, watch = "kube-scheduler/node-1", "pods"
    cluster, _ = step(ready, Submit(request=create(MANIFEST)))
    while not cluster.lag(name, watch):
        cluster, _ = step(cluster, next(c for c in choices(cluster) if c != Deliver(name, watch, 1)))
    view = dict(state_json(cluster)["cursors"][_place(cluster, name, watch)][1])["view"]
    assert [row[1] for row in view] == [None]
    told, _ = step(cluster, Deliver(name, watch, 1))
    assert dict(state_json(told)["cursors"][_place(told, name, watch)][1])["view"] == []
    assert state_digest(told) != state_digest(cluster)


def test_faults_are_part_of_the_state(ready):
    assert state_digest(step(ready, Disconnect("node-2"))[0]) != state_digest(ready)


def test_the_number_of_steps_is_not(ready):
    at = next(choice for choice in choices(ready) if isinstance(choice, Advance))
    half = (ready.now + at.to) // 2
    once, _ = step(ready, at)
    twice, _ = step(step(ready, Advance(half))[0], at)
    assert (once.steps, twice.steps) == (ready.steps + 1, ready.steps + 2)
    assert state_digest(once) == state_digest(twice)


def test_a_digest_is_the_same_under_every_hash_seed():
    code = (
        "from reconcile.cluster import Cluster, Topology\n"
        "from reconcile.driver import settle\n"
        "from reconcile.driver.wire import state_digest\n"
        "print(state_digest(settle(Cluster.boot(Topology(nodes=1), seed=3)).cluster))\n"
    )
    root = str(Path(__file__).parents[4])
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_a_state_is_json_to_look_at(deployed):
    state = state_json(deployed)
    assert json.loads(canonical(state)) == state
    pods = dict(state["store"]["tables"]["pods"])
    assert sorted(pods)[:1] == [next(iter(deployed.store.table("pods")))]


def _place(cluster, name, watch):
    return list(cluster.cursors.keys()).index((name, watch))
