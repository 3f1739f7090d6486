"""
A ReplicaSet's controller that does not see its own pods makes more of them, every five minutes, as long as it is blind.

So it was until 1.36 (https://github.com/kubernetes/kubernetes/issues/129795): an expectation that is not met is given
up after five minutes. With StaleControllerConsistencyReplicaSet, which is on by default, it waits until it sees them.
"""

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.run import settle
from reconcile.events import HoldWatch
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.testing.fuzzing import Schedule, Wait, play
from reconcile.testing.moves import Resize

MANAGER = "kube-controller-manager/node-1"
GATE = "StaleControllerConsistencyReplicaSet"
MOST = 4
SPEC = {"containers": [{"name": "c", "image": "c:1"}]}
SET = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "a"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "a"}},
        "template": {"metadata": {"labels": {"app": "a"}}, "spec": SPEC},
    },
}
# What may happen: a cache of the controllers stays behind, the user scales, time goes by.
HOLDS = st.sampled_from(("pods", "nodes", "replicasets.apps")).map(lambda watch: HoldWatch(MANAGER, watch))
RESIZES = st.integers(1, MOST).map(lambda replicas: Resize("ReplicaSet", "a", replicas))
WAITS = st.sampled_from((SECOND, MINUTE, 6 * MINUTE)).map(Wait)
MOVES = st.tuples(st.just(Wait(MINUTE)), HOLDS, st.lists(st.tuples(RESIZES, WAITS), min_size=1, max_size=4)).map(
    lambda drawn: (*drawn[:2], *[move for pair in drawn[2] for move in pair])
)


class Leaks(Exception):  # noqa: N818 -- what is looked for
    pass


@cache
def booted(*, gate):
    topology = Topology(nodes=1, heartbeats=False, events=False, feature_gates={GATE: gate})
    return settle(Cluster.boot(topology, seed=3)).cluster


def most_at_once(cluster):
    """Give how many pods of the ReplicaSet there were at most at one time, those that were being deleted left out."""
    alive, most = set(), 0
    history = cluster.store.history("pods")
    for change in history.between(history.start, history.end):
        new = change.new
        if new is None or new.metadata.deletion_timestamp is not None:
            alive.discard(change.key)
        elif new.metadata.owner_references and new.metadata.owner_references[0].kind == "ReplicaSet":
            alive.add(change.key)
        most = max(most, len(alive))
    return most


def first_leak(*, gate, most):
    """Play schedules; give how many it took, and the first that makes more pods than were ever wanted."""
    count, found = 0, None

    @settings(max_examples=most, database=None, deadline=None, phases=(Phase.generate,))
    @given(MOVES)
    def plays(moves):
        nonlocal count, found
        count += found is None
        verdict = play(booted(gate=gate), Schedule((SET,), moves))
        if most_at_once(verdict.cluster) > MOST:
            found = moves
            raise Leaks

    with suppress(Leaks):
        plays()
    return count, found


def test_a_blind_controller_leaks_pods_where_the_gate_is_off():
    count, found = first_leak(gate=False, most=60)
    assert found is not None, f"not found in {count} schedules"
    assert any(isinstance(move, HoldWatch) and move.watch == "pods" for move in found)


def test_with_the_gate_on_it_does_not():
    assert first_leak(gate=True, most=20)[1] is None


@pytest.mark.parametrize(("gate", "expected"), [(False, 5), (True, 4)])
def test_a_way_to_it(gate, expected):
    moves = (HoldWatch(MANAGER, "pods"), Resize("ReplicaSet", "a", 3), Wait(6 * MINUTE), Resize("ReplicaSet", "a", 4))
    verdict = play(booted(gate=gate), Schedule((SET,), (Wait(MINUTE), *moves, Wait(MINUTE))))
    assert most_at_once(verdict.cluster) == expected
