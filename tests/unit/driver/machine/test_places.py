"""Who watches a channel has a place there, whoever comes and goes meanwhile; so has what waits for an API server."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.cluster.pending import Draining, Sent
from reconcile.driver import run
from reconcile.driver.client import create, get
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.machine.network.reach import park, unpark
from reconcile.driver.machine.processes import end
from reconcile.driver.run import play
from reconcile.driver.step import apply_event
from reconcile.driver.telling.waiting import held_up_in
from reconcile.events import Disconnect, Reconnect, Submit
from reconcile.model.requests import Request
from tests.unit.driver.lab import booted, configmap

SERVICE = {
    "kind": "Service",
    "apiVersion": "v1",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def places_agree(machine):
    for name, channel in machine.closed().channels.items():
        rows = list(channel.places.between(0, channel.places.end))
        assert channel.gone == rows.count(None)
        assert channel.draining or 2 * channel.gone <= len(rows)
        for place, watcher in enumerate(rows):
            if watcher is not None:
                cursor = machine.cursors.get(watcher)
                assert (cursor.channel, cursor.place) == (name, place)


def test_nobody_is_passed_over_when_one_goes_while_all_are_told():
    """kube-proxy on node-1 goes once it was told: the others' turns come all the same."""
    cluster = run(booted(4), until=booted(4).now + 1).cluster
    machine = Machine(cluster)
    apply_event(machine, Submit(request=create(SERVICE)))
    watchers = cluster.channels["services"].watchers
    proxies = [name for name, _ in watchers if name.startswith("kube-proxy")]
    assert len(proxies) == 4

    def told(name):
        return machine.cursors.get((name, "services")).position == machine.store.history("services").end

    while not (machine.store.get("services", "default/web") and told(proxies[0])):
        assert next_step(machine)
    assert not told(proxies[1])
    end(machine, proxies[0])
    play(machine, None, None)
    assert all(told(name) for name in proxies[1:])
    places_agree(machine)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 11), min_size=1, max_size=60), st.booleans())
def test_places_stay_right_while_watchers_come_and_go(moves, draining):
    machine = Machine(booted(1))
    watch = Request(verb="watch", resource="configmaps", namespace="default")
    there = []
    for number in moves:
        event = Submit(request=watch, tag=str(number))
        name = f"watch/{event.client}:{number}"
        if draining:
            apply_event(machine, Submit(request=create({**configmap(), "metadata": {"generateName": "x-"}})))
        if name in there:
            there.remove(name)
            end(machine, name)
        else:
            there.append(name)
            apply_event(machine, event)
            while machine.processes.get(name) is None:
                assert next_step(machine)
        next_step(machine)
        places_agree(machine)
    known = machine.closed().channels["configmaps"].watchers
    assert [name for name, _ in known if name.startswith("watch/")] == there
    play(machine, None, None)
    assert not machine.channels.get("configmaps").draining
    places_agree(machine)


def test_a_draining_that_has_told_the_last_ends():
    machine = Machine(booted(3))
    apply_event(machine, Submit(request=create(SERVICE)))
    while not any(isinstance(item, Draining) and item.channel == "services" for _, item in machine.new_pending):
        assert next_step(machine)
    for number in (1, 2, 3):
        end(machine, f"kube-proxy/node-{number}")
    play(machine, None, None)
    assert not machine.channels.get("services").draining
    places_agree(machine)


def test_what_waits_is_held_up_only_where_the_host_is_not_cut_off():
    machine = Machine(booted(2))
    assert not held_up_in(machine)
    apply_event(machine, Disconnect("node-2"))
    far = machine.processes.get("kubelet/node-2")
    park(machine, Sent(far.name, far.life, "node-2", far.user, get("nodes", "node-2"), ("x",), machine.now))
    assert not held_up_in(machine)
    park(machine, Sent("", 0, "", far.user, get("nodes", "node-2"), None, machine.now))
    assert held_up_in(machine)
    assert len(machine.parked) == len(machine.closed().parked) == 2
    unpark(machine)
    assert not held_up_in(machine)
    assert machine.parked == ()


def test_who_is_connected_again_is_held_up_where_the_server_is_down():
    machine = Machine(booted(2))
    end(machine, "etcd/node-1")
    apply_event(machine, Disconnect("node-2"))
    far = machine.processes.get("kubelet/node-2")
    park(machine, Sent(far.name, far.life, "node-2", far.user, get("nodes", "node-2"), ("x",), machine.now))
    assert not held_up_in(machine)
    apply_event(machine, Reconnect("node-2"))
    assert next_step(machine)
    assert held_up_in(machine)
