"""Whatever happens, in whatever order, no property breaks, and in the end the declared state is there."""

from functools import cache
from pprint import pformat

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.run import settle
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import Host
from reconcile.testing.fuzzing import play
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
COUNTED = settings(
    max_examples=settings.default.max_examples,
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
    verdict = play(booted(shape, seed), schedule)
    assert not verdict.problems, "\n".join(
        [
            *verdict.problems,
            f"{verdict.steps} steps: play(booted({shape!r}, {seed}), {pformat(schedule, width=110)})",
            *verdict.happened,
        ]
    )


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
