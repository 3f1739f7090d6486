from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.pending import Message, Replied, Sent, Starting
from reconcile.driver import Shuffled, choices, run, step
from reconcile.driver.choices import reachable
from reconcile.driver.client import create, get
from reconcile.driver.machine import Machine
from reconcile.driver.step import apply_event
from reconcile.events import (
    Advance,
    Begin,
    Carry,
    Deliver,
    Disconnect,
    Execute,
    Fire,
    Return,
    StartHost,
    StopHost,
    StopProcess,
    Work,
)
from reconcile.lib.instant import MINUTE
from tests.unit.driver.lab import booted, configmap, deployed, deployment, executed, offered, submitted

ORDER = ((Execute, Return, Carry, Begin), (Work,), (Deliver,), (Fire,), (Advance,))


def rank(choice):
    return next(place for place, kinds in enumerate(ORDER) if isinstance(choice, kinds))


def test_a_cluster_that_was_just_powered_on_offers_to_begin():
    assert choices(Cluster.boot(Topology(nodes=2))) == (
        Begin("runtime/node-1"),
        Begin("kubelet/node-1"),
        Begin("runtime/node-2"),
        Begin("kubelet/node-2"),
    )


def test_a_cluster_at_rest_offers_that_time_moves():
    cluster = booted()
    assert choices(cluster) == (Advance(cluster.timers.first().at),)


def test_what_is_under_way_comes_in_the_order_of_its_numbers():
    cluster = booted()
    calls = []
    for name in ("a", "b", "c"):
        cluster, call = submitted(cluster, create(configmap(name)))
        calls.append(call)
    assert offered(cluster, Execute) == [Execute(call) for call in calls]
    assert rank(choices(cluster)[-1]) == len(ORDER) - 1


def test_of_messages_on_one_connection_only_the_first_is_offered():
    cluster = run(Cluster.boot(Topology(nodes=1, masters=1)), steps=2).cluster
    lines = {}
    for serial, item in cluster.pending.items():
        if isinstance(item, Message):
            lines.setdefault((item.process, item.body.uid), []).append(serial)
    assert lines
    assert offered(cluster, Carry) == [Carry(first) for first, *_ in sorted(lines.values())]


def test_turns_of_one_queue_are_offered_once():
    cluster = booted()
    for name in ("a", "b"):
        cluster, call = submitted(cluster, create(deployment(1, name=name)))
        cluster = executed(cluster, call)
    for _ in range(2):
        (deliver,) = [each for each in offered(cluster, Deliver) if each.watch == "deployments.apps"]
        cluster, _ = step(cluster, deliver)
    works = offered(cluster, Work)
    assert len(works) == len(set(works))


def test_what_a_dead_process_was_to_hear_is_not_offered():
    cluster = booted(2)
    cluster, call = submitted(cluster, create(deployment(4)))
    cluster = executed(cluster, call)
    seen = 0
    while not seen:
        cluster = run(cluster, steps=1).cluster
        seen = sum(isinstance(item, Message) and item.process.endswith("/node-2") for item in cluster.pending.values())
    off, _ = step(cluster, StopHost("node-2"))
    on, _ = step(off, StartHost("node-2"))
    for after in (off, on):
        for choice in choices(after):
            match choice:
                case Carry(serial) | Return(serial):
                    assert not after.pending[serial].process.endswith("/node-2")
                case Work(process) | Deliver(process) | Fire(process):
                    assert not process.endswith("/node-2")
    assert offered(off, Begin) == []
    assert offered(on, Begin) == [Begin("runtime/node-2"), Begin("kubelet/node-2")]


def test_a_process_that_died_before_it_began_is_begun_once():
    cluster, _ = step(Cluster.boot(Topology(nodes=1)), StopHost("node-1"))
    cluster, _ = step(cluster, StartHost("node-1"))
    assert sum(isinstance(item, Starting) for item in cluster.pending.values()) == 4
    assert offered(cluster, Begin) == [Begin("runtime/node-1"), Begin("kubelet/node-1")]
    for choice in offered(cluster, Begin):
        cluster, _ = step(cluster, choice)
    assert "kubelet/node-1" in cluster.states
    assert offered(cluster, Begin) == []


def test_what_cannot_be_reached_is_not_offered():
    cluster, call = submitted(booted(2), get("nodes", "node-1"))
    assert reachable(cluster, "node-2")
    assert reachable(cluster, "")
    aside, _ = step(cluster, Disconnect("node-2"))
    assert not reachable(aside, "node-2")
    assert reachable(aside, "node-1")
    assert Execute(call) in choices(aside)
    alone, _ = step(cluster, Disconnect("node-1"))
    assert reachable(alone, "node-1")
    assert not reachable(alone, "node-2")
    assert not reachable(alone, "")
    assert Execute(call) not in choices(alone)
    for process in ("etcd/node-1", "kube-apiserver/node-1"):
        headless, _ = step(cluster, StopProcess(process))
        assert not reachable(headless, "node-1")
        assert Execute(call) not in choices(headless)


def test_due_timers_are_offered_in_the_order_in_which_they_were_set():
    cluster = booted(3)
    at = cluster.timers.first().at
    cluster, _ = step(cluster, Advance(at))
    due = [timer for timer in cluster.timers if timer.at <= at]
    fires = offered(cluster, Fire)
    assert fires == [Fire(timer.key[0], timer.key[2]) for timer in due]
    assert fires
    (advance,) = offered(cluster, Advance)
    assert advance.to > at


@pytest.mark.parametrize("nodes", [1, 2])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 400))
def test_everything_that_is_offered_can_happen(nodes, seed, length):
    cluster, call = submitted(booted(nodes), create(deployment(2)))
    cluster = executed(cluster, call)
    cluster = run(cluster, steps=length, policy=Shuffled.of(seed), until=cluster.now + MINUTE).cluster
    offer = choices(cluster)
    assert len(set(offer)) == len(offer)
    assert all(rank(one) <= rank(other) for one, other in pairwise(offer))
    for choice in offer:
        machine = Machine(cluster)
        apply_event(machine, choice)
        assert machine.steps == cluster.steps + 1
        assert choice not in choices(machine.closed()) or isinstance(choice, Deliver | Work | Fire)


def test_whatever_waits_in_a_cluster_is_offered_in_some_way():
    cluster = deployed(2)
    kinds = {type(choice) for choice in choices(cluster)}
    waiting = [item for item in cluster.pending.values() if isinstance(item, Sent | Replied | Message | Starting)]
    assert not waiting
    assert kinds == {Advance}
