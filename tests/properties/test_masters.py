"""Three masters that are cut off, slow, late, frozen and replaced end in what is declared once all is whole again."""

from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.driver.run import collector_paused, settle
from reconcile.model.balancers import Balancer
from reconcile.testing.fuzzing import play
from reconcile.testing.programs import WAYS, programs, world
from reconcile.testing.writing import scenario_of

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
