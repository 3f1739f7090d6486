"""
Webhooks: requests that wait within an API server until those answer whom they have to ask, and what schedulers ask.

What is asked leaves the cluster; the answer is an event, and no answer in time is a timer's. A request whose questions
are all answered is planned anew, with the answers. A watch withholds what it has to tell until it is converted.

Source:   the API server's admission and conversion webhooks.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.shapes import CustomObject
from reconcile.cluster.cluster import Process
from reconcile.cluster.pending import Inquiry, Sent, Suspended, Withheld
from reconcile.components import apiserver
from reconcile.components.apiserver.reading import converting as conversion
from reconcile.driver.machine.machine import Machine
from reconcile.effects import CallWebhook, Notice
from reconcile.events import Answered, WebhookAnswered
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Request, Response

TIMER: Final = "webhook"
"""The first word of the key of a timer that ends the wait for a webhook."""

ASKED: Final = "asked"
"""The first word of the tag by which a process hears what came of what it asked outside."""


def suspended(  # noqa: PLR0917 -- what a look at a request is made of
    machine: Machine,
    keeper: Process,
    item: Sent,
    asking: apiserver.Asking,
    dice: Dice,
    now: Instant,
    notes: apiserver.Notes | None,
) -> Response | None:
    """Let a request wait for webhooks; give its answer if it has taken too long already."""
    last = now - keeper.skew + asking.seconds * SECOND
    if machine.now >= last:
        return _timed_out()
    waits = []
    for key, call in asking.calls:
        waits.append((call, key))
        timer = (keeper.name, keeper.life, (TIMER, call.call))
        machine.timers.set(timer, min(machine.now + call.timeout, last))
        (machine.outbox if machine.answering is None else machine.calls).append(call)
    answers: Map[Any] = Map() if notes is None else notes.answers
    # What the next request draws is by the serial number: this one's answer is to take one only later.
    machine.serial += 1
    waiting = Suspended(item, keeper.name, keeper.life, dice, now, tuple(waits), answers)
    machine.suspended = (*machine.suspended, waiting)
    return None


def asked_by(machine: Machine, process: Process, call: CallWebhook) -> Answered | None:
    """Let a process ask outside; what it is to be told at once if nobody can be reached there."""
    if not machine.cluster.topology.webhooks:
        return outcome(machine, process, call.call, WebhookAnswered(call.call, code=0))
    # The process's own name for it says what is asked; no two that are asked may be called alike.
    sent = replace(call, call=f"{process.name}/{machine.serial}")
    machine.serial += 1
    machine.timers.set((process.name, process.life, (TIMER, sent.call)), machine.now + call.timeout)
    (machine.outbox if machine.answering is None else machine.calls).append(sent)
    machine.suspended = (*machine.suspended, Inquiry(process.name, process.life, ((sent, call.call),)))
    return None


def outcome(machine: Machine, process: Process, name: str, answer: WebhookAnswered) -> Answered:
    """Give what a process hears of what came of what it asked outside under this name."""
    return Answered(machine.now + process.skew, (ASKED, name, ""), Response(answer.code, answer))


def taken(machine: Machine, answer: WebhookAnswered) -> Suspended | Withheld | Inquiry | None:
    """Take an answer in; give who has now all that it waits for: a request, with its answers, a watch, a process."""
    place, waiting = _waiting(machine, answer.call)
    key = next(key for call, key in waiting.waits if call.call == answer.call)
    machine.timers.cancel((waiting.server, waiting.life, (TIMER, answer.call)))
    waits = tuple([each for each in waiting.waits if each[0].call != answer.call])
    before, behind = machine.suspended[:place], machine.suspended[place + 1 :]
    if not isinstance(waiting, Suspended):
        machine.suspended = (*before, *behind)
        return waiting
    after = replace(waiting, waits=waits, answers=waiting.answers.set(key, answer))
    machine.suspended = (*before, after, *behind) if waits else (*before, *behind)
    return None if waits else after


def told(machine: Machine, process: Process, notice: Notice) -> bool:
    """
    Let a watch tell its client something: after what it withholds, and when its object is of the version asked for.

    False if that cannot be, so that the watch has to end.
    """
    for place, each in enumerate(machine.suspended):
        if each.server == process.name:
            assert isinstance(each, Withheld), "a watch asks for nothing"
            after = replace(each, notices=(*each.notices, notice))
            machine.suspended = (*machine.suspended[:place], after, *machine.suspended[place + 1 :])
            return True
    return _tell(machine, process, (notice,))


def hear_converted(machine: Machine, process: Process, waiting: Withheld, answer: WebhookAnswered) -> bool:
    """Let a watch go on with what its webhook answered; false if that is no answer, so that the watch has to end."""
    request = machine.states.get(process.name).request
    ((call, wanted),) = waiting.waits
    covered, rest = waiting.notices[: waiting.covers], waiting.notices[waiting.covers :]
    foreign = [notice.object for notice in covered if _wanted(machine, request, notice) == wanted]
    try:
        asked = conversion.asked_again(machine.store, request, call)
        made = iter(conversion.taken(machine.store, asked, answer, foreign, wanted))
    except conversion.Unconverted as error:
        return _failed(machine, process, error)
    done = [
        replace(notice, object=next(made)) if _wanted(machine, request, notice) == wanted else notice
        for notice in covered
    ]
    return _tell(machine, process, (*done, *rest))


def _tell(machine: Machine, process: Process, notices: tuple[Notice, ...]) -> bool:
    """Tell what can be told, up to what has to be converted: all of that is asked for in one review."""
    request = machine.states.get(process.name).request
    for place, notice in enumerate(notices):
        wanted = _wanted(machine, request, notice)
        if wanted:
            return _withheld(machine, process, notices[place:], wanted)
        obj = notice.object
        if isinstance(obj, CustomObject) and notice.type != "BOOKMARK":
            notice = replace(notice, object=conversion.told(machine.store, request, obj)[0])  # noqa: PLW2901
        machine.outbox.append(notice)
    return True


def _withheld(machine: Machine, process: Process, notices: tuple[Notice, ...], wanted: str) -> bool:
    request = machine.states.get(process.name).request
    foreign = [notice.object for notice in notices if _wanted(machine, request, notice) == wanted]
    dice = Dice(machine.cluster.seed, f"converted/{process.name}", machine.serial)
    try:
        asked = conversion.asked_for(machine.store, request, foreign, wanted, dice)
    except conversion.Unconverted as error:
        return _failed(machine, process, error)
    waiting = Withheld(process.name, process.life, notices, len(notices), ((asked.call, wanted),))
    if not machine.notes:
        return hear_converted(machine, process, waiting, WebhookAnswered(asked.call.call, code=0))
    machine.timers.set((process.name, process.life, (TIMER, asked.call.call)), machine.now + asked.call.timeout)
    (machine.outbox if machine.answering is None else machine.calls).append(asked.call)
    machine.suspended = (*machine.suspended, waiting)
    return True


def _failed(machine: Machine, process: Process, error: Exception) -> bool:
    state = machine.states.get(process.name)
    machine.outbox.append(Notice(state.client, state.tag, "ERROR", statuses.unexpected(str(error))))
    return False


def _wanted(machine: Machine, request: Request, notice: Notice) -> str:
    """Give the version that a webhook has to convert a notice's object to; empty if nobody has to."""
    obj = notice.object
    if not isinstance(obj, CustomObject) or notice.type in ("BOOKMARK", "ERROR"):
        return ""
    return conversion.told(machine.store, request, obj)[1]


def asker_of(machine: Machine, answer: WebhookAnswered) -> Process | None:
    """Give the process within which something waits for this answer."""
    return machine.processes.get(_waiting(machine, answer.call)[1].server)


def waits_for(machine: Machine, call: str) -> bool:
    """Tell whether a request waits for the answer to this call."""
    return any(call == known.call for each in machine.suspended for known, _ in each.waits)


def forgotten(machine: Machine, server: str) -> list[Suspended | Withheld | Inquiry]:
    """Let go of what waits within a process that has ended."""
    lost = [each for each in machine.suspended if each.server == server]
    if lost:
        machine.suspended = tuple([each for each in machine.suspended if each.server != server])
    return lost


def _waiting(machine: Machine, call: str) -> tuple[int, Suspended | Withheld | Inquiry]:
    for place, each in enumerate(machine.suspended):
        if any(call == known.call for known, _ in each.waits):
            return place, each
    raise ReconcileError(f"no request waits for the webhook call {call!r}")


def _timed_out() -> Response:
    status = statuses.timeout("request did not complete within requested timeout - context deadline exceeded")
    return Response(status.code or 504, status)
