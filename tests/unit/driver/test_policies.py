import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.driver import Recorded, Shuffled, choices, run, settle, step
from reconcile.driver.client import create
from reconcile.driver.wire import state_digest
from reconcile.events import Advance, Begin, Execute
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE
from tests.unit.driver.lab import booted, deployment, running, submitted

SEEDS = st.integers(0, 2**32)


def begun():
    return submitted(booted(), create(deployment(2)))[0]


class Spy:
    """A policy that remembers what another one picks."""

    def __init__(self, policy, picked):
        self.policy, self.picked = policy, picked

    def choose(self, cluster, offered):
        choice, policy = self.policy.choose(cluster, offered)
        self.picked.append(choice)
        return choice, Spy(policy, self.picked)


@settings(max_examples=10)
@given(SEEDS)
def test_the_same_seed_picks_the_same_run(seed):
    cluster = begun()
    runs = [run(cluster, steps=300, until=cluster.now + MINUTE, policy=Shuffled.of(seed)).cluster for _ in range(2)]
    assert len({state_digest(each) for each in runs}) == 1


def test_other_seeds_pick_other_runs():
    cluster = begun()
    runs = [run(cluster, steps=300, until=cluster.now + MINUTE, policy=Shuffled.of(seed)).cluster for seed in range(4)]
    assert len({state_digest(each) for each in runs}) == 4


@settings(max_examples=10)
@given(SEEDS, st.integers(1, 400))
def test_a_recorded_list_of_choices_plays_a_shuffled_run_again(seed, steps):
    cluster, picked = begun(), []
    shuffled = run(cluster, steps=steps, until=cluster.now + MINUTE, policy=Spy(Shuffled.of(seed), picked))
    assert len(picked) == shuffled.steps
    again = run(cluster, steps=shuffled.steps, until=cluster.now + MINUTE, policy=Recorded(tuple(picked)))
    by_hand = cluster
    for choice in picked:
        by_hand, _ = step(by_hand, choice)
    assert state_digest(shuffled.cluster) == state_digest(again.cluster) == state_digest(by_hand)


@settings(max_examples=10)
@given(SEEDS)
def test_a_shuffled_cluster_ends_where_it_was_told_to(seed):
    cluster = begun()
    shuffled = run(cluster, steps=1500, until=cluster.now + MINUTE, policy=Shuffled.of(seed)).cluster
    done = settle(shuffled)
    assert done.settled, done.moving
    assert running(done.cluster) == 2


def test_a_cluster_comes_up_under_any_order():
    from reconcile.cluster import Cluster, Topology

    for seed in range(5):
        cluster = Cluster.boot(Topology(nodes=2), seed=seed)
        done = settle(run(cluster, steps=1000, until=cluster.now + MINUTE, policy=Shuffled.of(seed)).cluster)
        assert done.settled, done.moving
        assert len(done.cluster.objects("nodes")) == 2


def test_what_is_not_offered_is_refused():
    cluster = booted()
    offer = choices(cluster)
    policy = Recorded((*offer, Execute(123456)))
    choice, policy = policy.choose(cluster, offer)
    assert choice == offer[0]
    wanted = r"choice 1 of the list, Execute\(call=123456\), is not offered at step \d+; \(Advance"
    with pytest.raises(ReconcileError, match=wanted):
        policy.choose(cluster, offer)


def test_a_list_that_is_too_short_is_refused():
    with pytest.raises(ReconcileError, match="the list of 0 choices is at its end; 1 are offered"):
        Recorded(()).choose(booted(), (Begin("x"),))


def test_time_waits_while_other_things_are_under_way():
    policy = Shuffled.of(1)
    offer = (Begin("a"), Begin("b"), Advance(1))
    picked = []
    for _ in range(1000):
        choice, policy = policy.choose(booted(), offer)
        picked.append(choice)
    assert 0 < picked.count(offer[2]) < 60
    assert picked.count(offer[0]) > 300
    assert picked.count(offer[1]) > 300


def test_time_moves_when_nothing_else_is_offered():
    assert Shuffled.of(1).choose(booted(), (Advance(5),))[0] == Advance(5)


def test_a_policy_is_a_value():
    policy = Shuffled.of(3)
    first, _ = policy.choose(booted(), (Begin("a"), Begin("b"), Begin("c")))
    assert all(policy.choose(booted(), (Begin("a"), Begin("b"), Begin("c")))[0] == first for _ in range(5))
    assert policy == Shuffled.of(3)
