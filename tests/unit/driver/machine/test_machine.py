import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.pending import Turning
from reconcile.driver import Shuffled, collector_paused, run, settle
from reconcile.driver.client import create, delete, scale
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.run import play
from reconcile.driver.step import apply_event
from reconcile.driver.wire import state_digest
from reconcile.events import Disconnect, Reconnect, StartHost, StopHost, StopProcess, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from tests.unit.driver.lab import booted, configmap, deployed, deployment, running

APPLY = Submit(request=create(deployment(2)))
STORY = (
    (0, APPLY),
    (20, StopProcess("kube-scheduler/node-1")),
    (30, Submit(request=create(configmap("brief")))),
    (60, Submit(request=delete("configmaps", "brief"))),  # the last of its resource goes
    (90, Disconnect("node-2")),
    (140, Submit(request=scale("deployments", "web", 3))),
    (190, Reconnect("node-2")),
    (240, StopHost("node-2")),
    (260, StartHost("node-2")),
)
LENGTH = 400


def play_story(reopen):
    """Play the story; *reopen* says for each step whether the machine is closed before it, and another one opened."""
    machine = Machine(booted(2))
    events = dict(STORY)
    for number in range(LENGTH):
        if reopen(number):
            machine = Machine(machine.closed())
        event = events.get(number)
        if event is not None:
            apply_event(machine, event)
        else:
            play(machine, machine.steps + 1, machine.now + 60 * SECOND)
    return machine.closed()


# Closing and opening --------------------------------------------------------------------------------------------------


def test_closing_and_opening_at_every_step_changes_nothing():
    straight = play_story(lambda _: False)
    assert state_digest(play_story(lambda _: True)) == state_digest(straight)
    assert straight.steps == booted(2).steps + LENGTH


@settings(max_examples=10)
@given(st.sets(st.integers(0, LENGTH - 1)))
def test_closing_and_opening_anywhere_changes_nothing(places):
    assert state_digest(play_story(places.__contains__)) == state_digest(play_story(lambda _: False))


@settings(max_examples=10)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 60), max_size=8))
def test_a_machine_that_goes_on_after_closing_is_the_same_as_a_new_one(seed, lengths):
    base = run(booted(), (APPLY,), steps=100, until=booted().now + SECOND, policy=Shuffled.of(seed)).cluster
    one, other = Machine(base), Machine(base)
    for length in lengths:
        play(one, one.steps + length, base.now + 60 * SECOND)
        play(other, other.steps + length, base.now + 60 * SECOND)
        other.closed()
    assert state_digest(one.closed()) == state_digest(other.closed())


def test_what_was_closed_stays_as_it_was():
    machine = Machine(booted())
    apply_event(machine, APPLY)
    kept = []
    while next_step(machine):
        cluster = machine.closed()
        kept.append((cluster, state_digest(cluster)))
    assert len({digest for _, digest in kept}) > 20
    assert all(state_digest(cluster) == digest for cluster, digest in kept)


def test_forks_of_one_cluster_do_not_disturb_each_other():
    base = run(booted(2), (APPLY,), steps=60).cluster
    digest = state_digest(base)
    one, other = Machine(base), Machine(base)
    apply_event(other, StopHost("node-2"))
    for _ in range(200):
        play(one, one.steps + 1, base.now + 60 * SECOND)
        play(other, other.steps + 1, base.now + 60 * SECOND)
    again = Machine(base)
    play(again, base.steps + 200, base.now + 60 * SECOND)
    assert state_digest(one.closed()) == state_digest(again.closed()) != state_digest(other.closed())
    assert state_digest(base) == digest


# Order ----------------------------------------------------------------------------------------------------------------


def test_due_timers_come_first_then_what_is_under_way_then_turns():
    machine = Machine(booted())
    apply_event(machine, APPLY)
    apply_event(machine, Submit(request=create(configmap())))
    timer = machine.timers.first()
    machine.now = timer.at
    turn = Turning("kube-scheduler/node-1", machine.processes.get("kube-scheduler/node-1").life, "schedule")
    machine.push_turn(turn)
    next_step(machine)
    again = machine.timers.get(timer.key)
    assert again is None or again.serial != timer.serial, "the timer fired"
    assert machine.store.get("deployments.apps", "default/web") is None
    while (due := machine.timers.first()) is not None and due.at <= machine.now:
        next_step(machine)
    next_step(machine)
    assert machine.store.get("deployments.apps", "default/web") is not None
    assert machine.store.get("configmaps", "default/colours") is None
    next_step(machine)
    assert machine.store.get("configmaps", "default/colours") is not None
    assert turn in machine.closed().turns.values()


def test_an_idle_machine_takes_no_step():
    machine = Machine(booted())
    assert machine.idle()
    assert not next_step(machine)
    assert machine.steps == booted().steps
    apply_event(machine, APPLY)
    assert not machine.idle()


def test_numbers_are_never_given_twice():
    machine = Machine(booted(2))
    seen, last = set(), -1
    for number, event in STORY:
        while machine.steps < booted(2).steps + number:
            play(machine, machine.steps + 1, machine.now + 60 * SECOND)
            fresh = {serial for table in (machine.settle_pending(), machine.settle_turns()) for serial in table} - seen
            assert all(serial > last for serial in fresh)
            seen |= fresh
            last = max(seen, default=last)
        apply_event(machine, event)


def test_what_is_taken_must_be_there():
    machine = Machine(booted())
    with pytest.raises(ReconcileError, match="nothing is under way with the number 123456"):
        machine.taken(123456)
    with pytest.raises(ReconcileError, match="there is no host 'node-9'; there are node-1"):
        machine.host("node-9")


# Memory ---------------------------------------------------------------------------------------------------------------


def test_with_the_collector_paused_nothing_leaks():
    def life():
        cluster = settle(Cluster.boot(Topology(nodes=2), seed=3), (APPLY,)).cluster
        cluster = run(cluster, (StopHost("node-2"),), until=cluster.now + 90 * SECOND).cluster
        cluster = run(
            cluster, (StartHost("node-2"),), steps=200, until=cluster.now + SECOND, policy=Shuffled.of(1)
        ).cluster
        return settle(cluster).cluster

    life()  # fills the caches that are kept for good
    with collector_paused():
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(3):
            assert running(life()) >= 0
        after = len(gc.get_objects())
        garbage = gc.collect()
    assert after - before < 500
    assert garbage < 100


def test_a_state_holds_no_cycle():
    cluster = deployed(2)
    with collector_paused():
        gc.collect()
        forks = [run(cluster, (APPLY,), until=cluster.now + number * SECOND).cluster for number in range(5)]
        del forks
        assert gc.collect() < 100
