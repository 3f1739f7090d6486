"""Three masters that are cut off, slow, late, frozen and replaced end in what is declared once all is whole again."""

from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.adapters.manifests import read_text
from reconcile.cluster.cluster import Cluster
from reconcile.driver.run import collector_paused, settle
from reconcile.driver.wire import state_digest
from reconcile.events import Freeze, SetClock, SlowDisk
from reconcile.lib.instant import SECOND
from reconcile.model.balancers import Balancer
from reconcile.testing.blocks import read
from reconcile.testing.fuzzing import Schedule, Strike, Wait, play
from reconcile.testing.moves import Repair, Replace
from reconcile.testing.programs import WAYS, programs, world
from reconcile.testing.scenarios import Scenario
from reconcile.testing.writing import scenario_of

NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}}
HOSTS = ("node-1", "node-2", "node-3", "node-4")
MASTERS = HOSTS[:3]
SHAPES = {
    "members": {"members": 3},
    "balanced": {"balancer": Balancer()},
    "both": {"members": 3, "balancer": Balancer(kind="floating-address")},
}
THEMES = ("plain", "rollouts", "jobs", "claims", "daemons", "budgets")
# A soak plays as many as its profile says; everybody else a few.
RUNS = settings.default.max_examples if settings.default.max_examples > 1000 else settings.default.max_examples // 12
COUNTED = settings(
    max_examples=max(RUNS, 4),
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)


def shaped(shape):
    return world(4, masters=3, **SHAPES[shape])


@cache
def booted(shape):
    settled = settle(Cluster.boot(shaped(shape), seed=1))
    assert settled.settled, settled.moving
    return settled.cluster


@pytest.mark.parametrize("shape", SHAPES)
@COUNTED
@given(st.data())
def test_what_befalls_masters_is_healed(shape, data):
    program = data.draw(programs(HOSTS, themes=THEMES, masters=MASTERS))
    with collector_paused():
        verdict = play(booted(shape), program, past=WAYS)
    if verdict.problems:
        said = "\n".join([*verdict.problems, *verdict.happened])
        pytest.fail(f"{said}\n\n{scenario_of(shaped(shape), 1, program, past=WAYS)}")


def test_what_befalls_masters_is_written_as_a_scenario_and_replayed():
    moves = (SlowDisk("node-2", SECOND), SetClock("node-1", 61 * SECOND), Freeze("kube-scheduler/node-1"))
    moves += (Strike("delay", 3), Wait(5 * SECOND), Repair(), Wait(20 * SECOND), Replace("node-3"))
    verdict = play(booted("both"), Schedule((NOTE,), moves), past=WAYS)
    assert verdict.problems == ()
    text = scenario_of(shaped("both"), 1, Schedule((NOTE,), moves), past=WAYS)
    scenario = Scenario(lambda text: tuple([each.content for each in read_text(text)]) if text else (), past=WAYS)
    outputs = [(block.output, scenario.play(block)) for block in read(text)]
    assert all(written == said for written, said in outputs)
    assert outputs[-1][1] == "ok"
    assert state_digest(scenario.cluster) == state_digest(verdict.cluster)
