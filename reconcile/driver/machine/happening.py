"""What happens next: first-in first-out, one thing a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.cluster.links import LINKS, NO_LINKS, Showing
from reconcile.cluster.pending import (
    Decided,
    Draining,
    Listing,
    Message,
    Parcel,
    Posted,
    Replied,
    Sent,
    Starting,
    Syncing,
    Turning,
)
from reconcile.components import apiserver
from reconcile.driver.machine.applications.metering import lacking
from reconcile.driver.machine.applications.parcels import arrived
from reconcile.driver.machine.hosts.clocks import CLOCK, brought_up, tick
from reconcile.driver.machine.hosts.probing import answered
from reconcile.driver.machine.machine import NONE_LEFT, Machine
from reconcile.driver.machine.members.members import DISK
from reconcile.driver.machine.members.messages import heard, synced, write_all
from reconcile.driver.machine.network.travelling import arrived_over_link, sets_out
from reconcile.driver.machine.processes import begin, hear_election, tell
from reconcile.driver.machine.requests.agreeing import decided
from reconcile.driver.machine.requests.calls import execute, give_back, hear_webhook
from reconcile.driver.machine.requests.webhooks import TIMER
from reconcile.driver.machine.watching.watches import drain, list_watch, show
from reconcile.effects import ProbeContainer
from reconcile.events import Ordered, Reported, TimerFired, Turned, WebhookAnswered


def next_step(machine: Machine) -> bool:
    """Let one thing happen; false if there is nothing to do at this instant."""
    return not play_now(machine, machine.steps + 1)


def play_now(machine: Machine, last: int) -> bool:
    """
    Let one thing after the other happen, a step each, until there is nothing left to do at this instant (true) or step
    *last* was taken (false).

    First the timers that are due, then what is under way, the oldest first, then work: a process takes a turn when
    everything that was sent has arrived, so that one turn sees all that happened at an instant.
    """
    # These lines run at every step: so what stays the same object while a machine lives is looked up once.
    timers, new_pending, new_turns = machine.timers, machine.new_pending, machine.new_turns
    happenings = _HAPPENINGS if machine.links is NO_LINKS else _OVER_LINKS
    while machine.steps < last:
        if timers.next_at <= machine.now and (timer := timers.first()) is not None and timer.at <= machine.now:
            timers.cancel(timer.key)
            fired(machine, timer.key)
        elif machine.old_pending is not NONE_LEFT and len(machine.old_pending):
            item = machine.oldest()
            happenings[type(item)](machine, item)
        elif new_pending:
            item = new_pending.popleft()[1]
            happenings[type(item)](machine, item)
        elif machine.old_turns is not NONE_LEFT and len(machine.old_turns):
            turn(machine, machine.first_turn())
        elif new_turns:
            turn(machine, new_turns.popleft()[1])
        elif machine.answering is not None and machine.answering(machine):
            continue
        else:
            return True
        machine.steps += 1
        if machine.marks is not None:
            machine.mark()
    return False


def happen(machine: Machine, item: Any) -> bool:
    """Let something that is under way arrive, or be under way over a link that is slow; false if nobody is told."""
    if machine.links is not NO_LINKS and sets_out(machine, item):
        return False
    return _HAPPENINGS[type(item)](machine, item)


def _arrive(machine: Machine, key: tuple[Any, ...]) -> None:
    item = arrived_over_link(machine, key)
    if isinstance(item, Showing):
        show(machine, item)
    elif item is not None:
        _HAPPENINGS[type(item)](machine, item)


def carry(machine: Machine, item: Message) -> bool:
    """Hand over a message between a kubelet and its container runtime."""
    process = machine.alive(item.process, item.life)
    if process is None:
        return False
    now = machine.now + process.skew
    if process.kind != "runtime":
        tell(machine, process, Reported(now, item.body))
        return True
    if type(item.body) is ProbeContainer:
        event = Ordered(now, item.body, lacking(machine, process, item.body), answered(machine, process, item.body))
    else:
        event = Ordered(now, item.body)
    tell(machine, process, event)
    return True


def turn(machine: Machine, item: Turning) -> bool:
    """Let a process do an item of work."""
    process = machine.alive(item.process, item.life)
    if process is None:
        return False
    tell(machine, process, Turned(machine.now + process.skew, item.queue))
    return True


def fire(machine: Machine, key: tuple[Any, ...]) -> None:
    """Fire the timer of this key, which is due."""
    machine.timers.cancel(key)
    fired(machine, key)


def fired(machine: Machine, key: tuple[Any, ...]) -> None:
    """Tell a process that its timer has come, if that life of it still runs."""
    name, life, own = key
    process = machine.alive(name, life)
    if process is None:
        if own == CLOCK:
            tick(machine, key)
        elif name == LINKS:
            _arrive(machine, own)
        return
    if process.drift:
        process = brought_up(machine, process)
    event = TimerFired(machine.now + process.skew, own)
    if own[0] == "election":
        hear_election(machine, process, event)
    elif own[0] == TIMER:
        hear_webhook(machine, WebhookAnswered(own[1], error=apiserver.DEADLINE))
    elif own is DISK or own == DISK:
        write_all(machine, process)
    else:
        tell(machine, process, event)


_HAPPENINGS: Final[dict[type[Any], Callable[[Machine, Any], bool]]] = {
    Sent: execute,
    Replied: give_back,
    Message: carry,
    Draining: drain,
    Listing: list_watch,
    Starting: begin,
    Posted: heard,
    Syncing: synced,
    Decided: decided,
    Parcel: arrived,
}
_OVER_LINKS: Final[dict[type[Any], Callable[[Machine, Any], bool]]] = dict.fromkeys(_HAPPENINGS, happen)
