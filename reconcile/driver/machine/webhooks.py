"""
Webhooks: requests that wait within an API server until those answer whom they have to ask.

What is asked leaves the cluster; the answer is an event, and no answer in time is a timer's. A request whose questions
are all answered is planned anew, with the answers.

Source:   the API server's admission and conversion webhooks.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.cluster.cluster import Process
from reconcile.cluster.pending import Sent, Suspended
from reconcile.components import apiserver
from reconcile.driver.machine.machine import Machine
from reconcile.events import WebhookAnswered
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Response

TIMER: Final = "webhook"
"""The first word of the key of a timer that ends the wait for a webhook."""


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
    waiting = Suspended(item, keeper.name, keeper.life, dice, now, tuple(waits), answers)
    machine.suspended = (*machine.suspended, waiting)
    return None


def taken(machine: Machine, answer: WebhookAnswered) -> Suspended | None:
    """Take an answer in; give the request that has now all that it waits for, with its answers."""
    place, waiting = _waiting(machine, answer.call)
    key = next(key for call, key in waiting.waits if call.call == answer.call)
    machine.timers.cancel((waiting.server, waiting.life, (TIMER, answer.call)))
    waits = tuple([each for each in waiting.waits if each[0].call != answer.call])
    after = replace(waiting, waits=waits, answers=waiting.answers.set(key, answer))
    others = machine.suspended[:place], machine.suspended[place + 1 :]
    machine.suspended = (*others[0], *others[1]) if not waits else (*others[0], after, *others[1])
    return after if not waits else None


def waits_for(machine: Machine, call: str) -> bool:
    """Tell whether a request waits for the answer to this call."""
    return any(call == known.call for each in machine.suspended for known, _ in each.waits)


def forgotten(machine: Machine, server: str) -> list[Suspended]:
    """Let go of what waits within a server that has ended."""
    lost = [each for each in machine.suspended if each.server == server]
    if lost:
        machine.suspended = tuple([each for each in machine.suspended if each.server != server])
    return lost


def _waiting(machine: Machine, call: str) -> tuple[int, Suspended]:
    for place, each in enumerate(machine.suspended):
        if any(call == known.call for known, _ in each.waits):
            return place, each
    raise ReconcileError(f"no request waits for the webhook call {call!r}")


def _timed_out() -> Response:
    status = statuses.timeout("request did not complete within requested timeout - context deadline exceeded")
    return Response(status.code or 504, status)
