"""Whatever happens, in whatever order, no property breaks, and in the end the declared state is there."""

from functools import cache
from pprint import pformat

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.run import settle
from reconcile.model.behaviours import Behaviours
from reconcile.testing.fuzzing import play
from reconcile.testing.schedules import IMAGES, schedules

SHAPES = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2))
COUNTED = settings(
    max_examples=settings.default.max_examples,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)


@cache
def booted(nodes, masters, seed):
    topology = Topology(nodes=nodes, masters=masters, behaviours=Behaviours.parse(IMAGES))
    settled = settle(Cluster.boot(topology, seed=seed))
    assert settled.settled, settled.moving
    return settled.cluster


def judged(shape, seed, schedule):
    verdict = play(booted(*shape, seed), schedule)
    assert not verdict.problems, "\n".join(
        [
            *verdict.problems,
            f"{verdict.steps} steps: play(booted(*{shape}, {seed}), {pformat(schedule, width=110)})",
            *verdict.happened,
        ]
    )


def hosts(shape):
    return tuple([f"node-{number + 1}" for number in range(shape[0])])


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
