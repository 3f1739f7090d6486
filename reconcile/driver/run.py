"""
run and settle: many steps in a row.

First-in first-out costs a constant time for each step. Another policy is asked before each step, from the list of all
choices.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.driver.choices import choices
from reconcile.driver.machine import Machine, play_now
from reconcile.driver.policies import Policy
from reconcile.driver.step import apply_event
from reconcile.driver.telling.circles import HURRY, Circles
from reconcile.driver.telling.describe import describe
from reconcile.driver.telling.failures import failures
from reconcile.driver.telling.waiting import held_up_in, waiting_for
from reconcile.driver.webhooks import Webhooks, answering
from reconcile.effects import OutsideEffect
from reconcile.events import Advance, Choice, ClusterEvent
from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant, duration_text
from reconcile.model import conditions

LIMIT: Final = 30 * MINUTE
"""How much virtual time `settle` gives a cluster by default."""

_NO_END: Final = 2**64  # a step that never comes

SEGMENT: Final = 4096
"""How many steps one line of a log holds at least, where nothing else ends it."""

_VERDICT: Final = (
    65 * SECOND
)  # a node is declared dead 50 s after its last heartbeat, looked at every 5 s, renewed every 10 s


_ELECTION: Final = 20 * SECOND  # a lock runs out 15 s after it was last seen renewed, tried again every 2 s to 4.4 s


@attrs.frozen
class Run:
    """
    What a run came to.

    Args:
        cluster: as it is after the last step.
        effects: what left it for the outside, in order.
        steps: how many steps were taken.
        idle: whether it ended because nothing was left to do at that instant.
        circle: whether it ended because somebody went round in a circle at that instant: who, and over what.
    """

    cluster: Cluster
    effects: tuple[OutsideEffect, ...]
    steps: int
    idle: bool
    circle: str = ""


@attrs.frozen
class Settled:
    """
    What settling came to.

    Args:
        cluster: as it is after the last step.
        effects: what left it for the outside, in order.
        steps: how many steps were taken.
        settled: whether nothing is left to do but wait for periodic timers; not while requests wait for an API server.
        moving: what still moves if it is not settled, a sentence each.
    """

    cluster: Cluster
    effects: tuple[OutsideEffect, ...]
    steps: int
    settled: bool
    moving: tuple[str, ...] = ()


@contextmanager
def collector_paused() -> Iterator[None]:
    """
    Pause Python's cyclic garbage collector.

    States are acyclic: reference counting frees them alone, while the collector would walk all that a run makes several
    times over and find nothing. `run` and `settle` pause it themselves; for who steps through a long run otherwise.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@collector_paused()
def run(
    cluster: Cluster,
    events: tuple[ClusterEvent, ...] = (),
    *,
    steps: int | None = None,
    until: Instant | None = None,
    policy: Policy | None = None,
    hurry: int = HURRY,
    webhooks: Webhooks | None = None,
) -> Run:
    """
    Let *events* happen, then what follows from them.

    Args:
        cluster: where to begin.
        events: what happens first, in order.
        steps: stop after this many steps (the events count).
        until: let time move on, at most to this instant; None: it stands still, and the run ends when nothing is left
            to do now.
        policy: who decides; None is first-in first-out.
        hurry: after so many steps at one instant, give up on what goes round in a circle.
        webhooks: who answers what API servers ask of webhooks, by URL or by a service's `namespace/name`; without,
            nobody does unless *events* do.
    """
    machine, circles = Machine(cluster), Circles(hurry)
    machine.answering = answering(webhooks)
    first = machine.steps
    last = None if steps is None else first + steps
    for event in events:
        apply_event(machine, event)
    idle = play(machine, last, until, circles) if policy is None else _decide(machine, policy, last, until, circles)
    return Run(machine.closed(), tuple(machine.outbox), machine.steps - first, idle, circles.found)


@collector_paused()
def settle(
    cluster: Cluster,
    events: tuple[ClusterEvent, ...] = (),
    *,
    limit: Duration = LIMIT,
    quiet: Duration | None = None,
    hurry: int = HURRY,
    webhooks: Webhooks | None = None,
) -> Settled:
    """
    Let *events* happen and run until nothing is left to do but wait for periodic timers (heartbeats, resyncs), first-in
    first-out.

    That nothing is left to do is no proof that all was done: what is stored and nothing here acts upon, such as the
    kinds without a controller, is counted by `reconcile.unheeded`.

    Args:
        cluster: where to begin.
        events: what happens first, in order.
        limit: give up after this much virtual time, and say what still moves.
        quiet: after the last thing that happened, wait this much longer, in case a timeout finds something to do. By
            default 0; where a host is off or cut off, or a kubelet is down, as long as it takes until that shows in the
            API; where a lock has no holder that leads, as long as it takes until it is won.
        hurry: after so many steps at one instant, give up on what goes round in a circle, and say who does.
        webhooks: as of `run`.
    """
    machine, circles = Machine(cluster), Circles(hurry)
    machine.answering = answering(webhooks)
    first = machine.steps
    for event in events:
        apply_event(machine, event)
    settled = play_until_settled(machine, machine.now + limit, quiet, circles=circles)
    after = machine.closed()
    moving = () if settled else still_moving(after, circles.found)
    return Settled(after, tuple(machine.outbox), machine.steps - first, settled, moving)


def play(machine: Machine, last: int | None, until: Instant | None, circles: Circles | None = None) -> bool:
    """
    Play first-in first-out up to step *last* and instant *until*, unless a circle is found first; tell whether nothing
    is left to do.
    """
    while _plays_now(machine, _NO_END if last is None else last, circles):
        timer = machine.timers.first()
        if until is None:
            return True
        if timer is None or timer.at > until:
            if machine.now < until:
                machine.advance(until)
            return True
        machine.advance(timer.at)
    return False


def play_before(machine: Machine, last: int, at: Instant) -> bool:
    """Play first-in first-out up to step *last*, unless time would move beyond *at* first: then false."""
    while play_now(machine, last):
        timer = machine.timers.first()
        if timer is None or timer.at > at:
            return False
        machine.advance(timer.at)
    return True


def play_until_settled(
    machine: Machine,
    end: Instant,
    quiet: Duration | None,
    each: Callable[[], None] | None = None,
    *,
    circles: Circles,
) -> bool:
    """
    Play first-in first-out until settled (true), or until the instant *end* has come, or a circle is found (false).

    *quiet* is how long nothing but periodic timers must have come up; None: what `quiet_time` says. *each*, if given,
    is called now and then between two steps, and whenever time has moved by itself.
    """
    while True:
        if not _plays_now(machine, _NO_END, circles):
            return False
        timer = machine.timers.first()
        if machine.timers.busy == 0:
            wait = quiet_time(machine.closed()) if quiet is None else quiet
            waits = held_up_in(machine)
            if not waits and (not wait or timer is None):
                return True
            if wait and timer is not None and timer.at <= end:
                if not play(machine, None, min(machine.now + wait, end), circles):
                    return False
                if each is not None:
                    each()
                if machine.timers.busy == 0:
                    # If requests still wait, they do so until somebody brings back what is missing.
                    return not held_up_in(machine)
                continue
        if timer is None or timer.at > end:
            return False
        machine.advance(timer.at)
        if each is not None and machine.marks is not None and len(machine.marks) >= SEGMENT:
            each()


def _plays_now(machine: Machine, last: int, circles: Circles | None) -> bool:
    """Play what there is to do at this instant (true), up to step *last*, unless a circle is found first (false)."""
    if circles is None:
        return play_now(machine, last)
    while not play_now(machine, min(last, circles.next_look(machine))):
        if machine.steps >= last or circles.look(machine):
            return False
    return True


def still_moving(cluster: Cluster, circle: str = "") -> tuple[str, ...]:
    """Say, a sentence each, what keeps *cluster* from being settled; first the *circle* that was found, if any."""
    said = [each for each in (circle, waiting_for(cluster)) if each]
    said += failures(cluster)
    for timer in cluster.timers:
        name, life, key = timer.key
        process = cluster.processes.get(name)
        if not timer.periodic and process is not None and process.life == life:
            words = " ".join(str(part) for part in key)
            said.append(f"{name}: {words}, due in {duration_text(timer.at - cluster.now)}")
    under_way = len(cluster.pending) + len(cluster.turns)
    if under_way:
        said.append(f"{under_way} messages and turns are under way, the next: {describe(choices(cluster)[0], cluster)}")
    return tuple(said)


def _decide(machine: Machine, policy: Policy, last: int | None, until: Instant | None, circles: Circles) -> bool:
    while last is None or machine.steps < last:
        if machine.steps >= circles.next_look(machine) and circles.look(machine):
            return False
        if machine.answering is not None and machine.answering(machine):
            continue
        cluster = machine.closed()
        offered = within(choices(cluster), until)
        if not offered:
            return True
        choice, policy = policy.choose(cluster, offered)
        apply_event(machine, choice)
    return False


def within(offered: tuple[Choice, ...], until: Instant | None) -> tuple[Choice, ...]:
    """Leave out of *offered* a move of time beyond *until*, or any if it is None."""
    if offered and isinstance(offered[-1], Advance) and (until is None or offered[-1].to > until):
        return offered[:-1]
    return offered


def quiet_time(cluster: Cluster) -> Duration:
    """
    Give how long `settle` waits for what periodic timers will bring about: a silent host's silence to show, a lock
    without a holder to be won. 0 if there is neither.
    """
    if cluster.links.ways:
        return _VERDICT
    for status in cluster.hosts.values():
        if not status.up or not status.connected or f"kubelet/{status.host.name}" not in cluster.processes:
            return _VERDICT
    if cluster.topology.front is not None and _is_unheard(cluster):
        return _VERDICT
    led: dict[str, bool] = {}
    for name in cluster.elections:
        process = cluster.processes[name]
        led[process.kind] = led.get(process.kind, False) or process.leading
    return 0 if all(led.values()) else _ELECTION


def _is_unheard(cluster: Cluster) -> bool:
    """Tell whether a node's kubelet was not heard, while nothing keeps it from saying that it is there."""
    return any(node.metadata.name in cluster.hosts and _is_unknown(node) for node in cluster.objects("nodes"))


def _is_unknown(node: Any) -> bool:
    ready = conditions.find(node.status.conditions, "Ready")
    return ready is not None and ready.status == "Unknown"
