import enum
import functools
import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.cluster import Cluster, Topology
from reconcile.driver.choices import choices
from reconcile.driver.client import create
from reconcile.driver.run import run, settle
from reconcile.driver.step import step
from reconcile.driver.wire import Digester, plain, state_digest, state_json
from reconcile.events import Advance, Deliver, Disconnect, Submit
from reconcile.lib.dice import Dice
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    left: int
    right: str


@dataclass(frozen=True)
class Point:
    x: int


@attrs.frozen
class Thing:
    name: str
    _hidden: int = 0
    cached: Any = attrs.field(default=None, eq=False)


POD = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="web"), spec=core_v1.PodSpec(containers=()))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ((1, "a", (True, 1.5)), [1, "a", [True, 1.5]]),
        (Map({"b": 1, "a": (2,)}), {"a": [2], "b": 1}),
        (Map({"is": 1}), {"is": "Map", "rows": [["is", 1]]}),
        ({2: "b", 1: "a"}, {"is": "Map", "rows": [[1, "a"], [2, "b"]]}),
        (frozenset({"b", "a"}), {"is": "set", "rows": ["a", "b"]}),
        (Table.of([("b", 2), ("a", 1)]), {"rows": [["a", 1], ["b", 2]]}),
        (Sequence().append("x"), {"is": "Sequence", "start": 0, "items": ["x"]}),
        (
            Timers().set("b", 2).set("a", 1, periodic=True).set("c", 1).cancel("c"),
            {"is": "Timers", "timers": [[1, "a", True], [2, "b", False]]},
        ),
        (Dice(7, "x", 3), {"is": "Dice", "seed": 7, "stream": "x", "count": 3}),
        (Quantity.parse("1500m"), "1500m"),
        (Time.at(0), "1970-01-01T00:00:00Z"),
        (MicroTime.at(1000), "1970-01-01T00:00:00.000001Z"),
        (b"\x01\xff", {"is": "bytes", "hex": "01ff"}),
        (Thing("a", 3, object()), {"is": "Thing", "name": "a", "hidden": 3}),
        (Colour.RED, {"is": "Colour", "name": "RED"}),
        (Pair(1, "x"), {"is": "Pair", "left": 1, "right": "x"}),
        (Point(3), {"is": "Point", "x": 3}),
        (canonical, {"is": "function", "name": "reconcile.lib.digest.canonical"}),
        (Thing, {"is": "function", "name": f"{__name__}.Thing"}),
        (
            functools.partial(canonical, 1),
            {"is": "partial", "of": [{"is": "function", "name": "reconcile.lib.digest.canonical"}, [1], {}]},
        ),
        (
            Map({"pod": POD}),
            {
                "pod": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "web"},
                    "spec": {"containers": []},
                }
            },
        ),
    ],
)
def test_plain(value, wanted):
    assert plain(value) == wanted
    canonical(plain(value))


def test_what_a_state_must_not_hold_is_refused():
    with pytest.raises(ReconcileError, match=r"builtins\.object has no form in JSON"):
        plain((object(),))


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
    assert parts - set(state_json(ready)) == {"steps", "head"}


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
