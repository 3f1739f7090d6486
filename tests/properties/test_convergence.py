"""Whatever happens, in whatever order, no property breaks, and in the end the declared state is there."""

import gc
from functools import cache

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.driver.client import patch
from reconcile.driver.run import settle
from reconcile.events import StopHost
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import Host
from reconcile.testing.fuzzing import HURRY, Schedule, Strike, Wait, Wander, play
from reconcile.testing.schedules import IMAGES, schedules

SMALL = Map.of({"cpu": "1", "memory": "1Gi", "pods": "9", "ephemeral-storage": "1Gi"})


def skewed(number, skew, **more):
    name = f"node-{number}"
    return Host(name=name, ip=f"172.18.0.{number}", pod_cidr=f"10.128.{number}.0/24", clock_skew=skew, **more)


SHAPES = {
    "one": Topology(nodes=1),
    "two": Topology(nodes=2),
    "two masters": Topology(nodes=2, masters=2),
    "three": Topology(nodes=3, taint_masters=True),
    "three, two masters": Topology(nodes=3, masters=2, lock="endpoints"),
    "skewed": Topology(masters=2, hosts=(skewed(1, 0), skewed(2, 90 * SECOND), skewed(3, -7 * SECOND))),
    "small": Topology(masters=2, hosts=(skewed(1, 0, capacity=SMALL), skewed(2, 0, capacity=SMALL))),
}
# Of CI's profile, 2,100 in all; while you work, a few of each.
RUNS = settings.default.max_examples * 3 // 4 if settings.default.max_examples >= 200 else 8
COUNTED = settings(
    max_examples=RUNS,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)


@cache
def booted(shape, seed):
    topology = attrs.evolve(SHAPES[shape], behaviours=Behaviours.parse(IMAGES))
    settled = settle(Cluster.boot(topology, seed=seed))
    assert settled.settled, settled.moving
    return settled.cluster


def judged(shape, seed, schedule):
    gc.disable()  # a state is acyclic: the collector would walk every version of every table for nothing
    try:
        verdict = play(booted(shape, seed), schedule)
    finally:
        gc.enable()
    if verdict.problems:
        problems, happened = ("\n".join(lines) for lines in (verdict.problems, verdict.happened))
        pytest.fail(f"{problems}\n\nafter {verdict.steps} steps:\n{happened}\n\n{snippet(shape, seed, schedule)}")


def snippet(shape, seed, schedule):
    """Write a test that plays *schedule*, to be pasted below."""
    moves = "".join([f"            {move!r},\n" for move in schedule.moves])
    declared = "".join([f"            {manifest!r},\n" for manifest in schedule.manifests])
    parts = f"        (\n{declared}        ),\n        (\n{moves}        ),\n"
    return f"def test_found():\n    judged({shape!r}, {seed}, Schedule(\n{parts}    ))"


def hosts(shape):
    return tuple([host.name for host in SHAPES[shape].machines()])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@COUNTED
@given(st.data(), st.integers(0, 1))
def test_users_and_any_order(shape, data, seed):
    judged(shape, seed, data.draw(schedules()))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@COUNTED
@given(st.data(), st.integers(0, 1))
def test_everything_fails(shape, data, seed):
    judged(shape, seed, data.draw(schedules(hosts(shape))))


def test_ci_makes_enough_runs():
    assert settings.default.max_examples < 200 or 2 * len(SHAPES) * RUNS >= 2_000


def test_a_failure_is_written_as_a_test_that_can_be_pasted():
    schedule = Schedule(({"kind": "Pod"},), (Wander(3, 4), StopHost("node-1"), Strike("drop", 2)))
    played = []
    names = {"Schedule": Schedule, "Wander": Wander, "StopHost": StopHost, "Strike": Strike}
    names["judged"] = lambda *given: played.append(given)
    exec(snippet("two", 1, schedule), names)
    names["test_found"]()
    assert played == [("two", 1, schedule)]


def says(word):
    """Make a controller that wants this word in the ConfigMap `note`."""

    def reconcile(ask):
        found = ask.views.get("configmaps", ask.key)
        if ask.key != "default/note" or found is None or found.data["word"] == word:
            return Outcome()
        return Outcome(calls=(patch("configmaps", "note", {"data": {"word": word}}, namespace="default"),))

    return Controller(name=word, sources=(Source("configmaps", keys_of_itself),), reconcile=reconcile)


@pytest.mark.parametrize("moves", [(), (Wait(SECOND),)])
def test_controllers_that_undo_each_others_work_are_found(moves):
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"word": "none"}}
    boot = settle(Cluster.boot(Topology(nodes=1), seed=1, controllers=(says("yes"), says("no")))).cluster
    (problem,) = play(boot, Schedule((note,), moves)).problems
    assert problem.startswith(f"it does not come to rest: {HURRY} steps at one instant, and 2 messages and turns are")
    assert problem.endswith(("work kube-controller-manager/node-1 yes", "work kube-controller-manager/node-1 no"))
