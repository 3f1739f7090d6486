"""The network between API servers and those who call them: where a connection goes, and when somebody tries again."""

import attrs
import pytest

from reconcile.cluster.pending import Sent
from reconcile.components import network
from reconcile.components.network import Health, Line
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.balancers import Balancer
from reconcile.model.requests import Request, User

HOSTS = ("one", "two", "three")


def begun(kind="round-robin", up=HOSTS, **fields):
    state = network.begin(Balancer(kind=kind, **fields), HOSTS, Dice(1, "network"))
    for host in up:
        state = attrs.evolve(state, health=state.health.set(host, Health(up=True)))
    return state


def first(state, *callers):
    found = []
    for caller in callers:
        state, ways = network.given(state, caller)
        found.append(ways[0])
    return found


def test_round_robin_gives_one_after_the_other_and_then_those_that_are_left_to_try():
    assert first(begun(), "a", "b", "c", "d") == ["one", "two", "three", "one"]
    _, ways = network.given(attrs.evolve(begun(), given=1), "a")
    assert ways == ("two", "three", "one")


def test_who_is_down_is_given_nothing():
    assert first(begun(up=("one", "three")), "a", "b", "c") == ["one", "three", "one"]
    assert network.given(begun(up=()), "a")[1] == ()


def test_least_connections_counts_those_through_the_balancer():
    state = begun("least-connections")
    for client, host, balanced in (
        ("a", "one", True),
        ("b", "two", True),
        ("c", "three", False),
        ("d", "three", False),
    ):
        line = Line(f"kube-apiserver/{host}", 1, balanced)
        state = attrs.evolve(state, lines=state.lines.set(client, line))
    assert network.given(state, "e")[1] == ("three", "one", "two")


def test_a_source_comes_to_the_same_server_while_the_servers_are_the_same():
    state = begun("source-hash")
    callers = [f"172.18.0.{number}" for number in range(2, 12)]
    assert first(state, *callers) == first(attrs.evolve(state, given=7), *callers)
    assert len(set(first(state, *callers))) > 1


def test_a_server_is_up_and_down_after_so_many_checks_in_a_row():
    state = begun(up=(), rise=2, fall=3)
    seen = []
    for ready in (HOSTS, HOSTS, ("one",), ("one",), HOSTS, ("one",), ("one",), ("one",)):
        state = network.checked(state, ready)
        seen.append((state.health["two"].up, state.health["two"].doubts))
    assert seen == [
        (False, 1),
        (True, 0),
        (True, 1),
        (True, 2),
        (True, 0),
        (True, 1),
        (True, 2),
        (False, 0),
    ]


def test_checks_are_due_until_they_can_find_nothing_new():
    assert network.doubted(begun(), ("one",))
    assert network.doubted(attrs.evolve(begun(), health=begun().health.set("one", Health(up=True, doubts=1))), HOSTS)
    assert not network.doubted(begun(), HOSTS)


def test_a_balancer_has_other_servers_and_takes_those_that_are_new_to_be_down():
    other = network.backed(begun(), ("two", "four"))
    assert other.masters == ("two", "four")
    assert [(host, health.up) for host, health in other.health.items()] == [("four", False), ("two", True)]
    assert first(other, "a", "b") == ["two", "two"]
    floating = begun(kind="floating-address")
    assert network.backed(floating, ("two", "one")).holder == "one"
    assert network.backed(floating, ("two", "three")).holder == "two"


def test_the_floating_address_is_with_the_first_that_is_up():
    state = begun("floating-address", fall=1, rise=1)
    assert (state.holder, network.given(state, "a")[1]) == ("one", ("one",))
    state = network.checked(state, ("two", "three"))
    assert state.holder == "two"
    assert network.doubted(state, HOSTS)
    assert network.checked(state, HOSTS).holder == "one"


@pytest.mark.parametrize(
    ("up", "reached", "holder"),
    [
        (HOSTS, ("two", "three"), "two"),
        (("three",), ("two", "three"), "three"),
        ((), ("two", "three"), "two"),
        (HOSTS, ("one",), "one"),
    ],
)
def test_the_floating_address_of_a_silent_host_is_taken_over(up, reached, holder):
    assert network.taken_over(begun("floating-address", up), reached).holder == holder


def tries(verb, why, *, recorded=False):
    state, pauses = begun(), []
    while True:
        state, pause = network.tried_again(state, "call", verb, why, recorded=recorded)
        if not pause:
            assert not state.again
            return pauses
        pauses.append(pause // SECOND)


@pytest.mark.parametrize(
    ("verb", "why", "times"),
    [
        ("get", "reset", 10),
        ("list", "lost", 10),
        ("get", "closed", 10),
        ("get", "refused", 0),
        ("get", "late", 0),
        ("create", "reset", 0),
        ("update", "closed", 0),
        ("watch", "late", 10),
        ("watch", "reset", 0),
    ],
)
def test_client_go_sends_a_get_again_whose_connection_broke_and_nothing_else(verb, why, times):
    assert tries(verb, why) == [1] * times


def test_an_event_is_recorded_again_twelve_times():
    assert tries("create", "refused", recorded=True) == [10] * 12


def test_a_thousand_events_of_a_process_wait_at_most():
    waiting = [network.Again(event("kubelet/one", number), 1) for number in range(1000)]
    state = attrs.evolve(begun(), again=tuple(waiting))
    assert network.drops(state, event("kubelet/one", 1000))
    assert not network.drops(state, event("kubelet/one", 999))  # it is one of them
    assert not network.drops(state, event("kubelet/two", 1000))


def event(process, number):
    return Sent(process, 1, "one", User(name="u"), Request(verb="create", resource="events"), None, number)


def test_what_has_come_through_begins_to_count_anew():
    state, _ = network.tried_again(begun(), "call", "get", "reset", recorded=False)
    assert network.tries_of(state, "call") == 1
    assert network.tries_of(network.through(state, "call"), "call") == 0


def test_reflectors_wait_twice_as_long_each_time_up_to_half_a_minute():
    state, now, pauses = begun(), 0, []
    for _ in range(8):
        state, until = network.paused(state, "kubelet/one", now)
        assert network.pauses(state, "kubelet/one", until - 1)
        assert not network.pauses(state, "kubelet/one", until)
        pauses.append((until - now) / SECOND)
        now = until
    for pause, least in zip(pauses, (0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30), strict=True):
        assert least <= pause < 2 * least
    state, until = network.paused(state, "kubelet/one", now + 2 * MINUTE)
    assert until - now - 2 * MINUTE < 1.6 * SECOND


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("refused", "dial tcp 10.0.0.1:6443: connect: connection refused"),
        ("closed", "EOF"),
        ("reset", "read: connection reset by peer"),
        ("lost", "http2: client connection lost"),
        ("late", "dial tcp 10.0.0.1:6443: i/o timeout"),
    ],
)
def test_go_says_why_there_is_no_answer(why, said):
    assert (
        network.said(why, "10.0.0.1", "POST", "/api/v1/nodes") == f'Post "https://10.0.0.1:6443/api/v1/nodes": {said}'
    )
