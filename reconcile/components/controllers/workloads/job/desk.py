"""
The desk at which one look at a Job is worked on, and how it goes from call to call.

Takes:    Ask, what is known of the Job, Look.
Gives:    Outcome.
Source:   none: what upstream keeps on a goroutine's stack while it waits for an answer is here a value.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from reconcile.api.batch_v1 import JobCondition
from reconcile.api.scalars import Time
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.components.controllers.workloads.job import memory as memories
from reconcile.components.controllers.workloads.job.look import Look
from reconcile.components.controllers.workloads.job.memory import Known
from reconcile.effects import Record
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.requests import Request, Response

Answers: TypeAlias = tuple[tuple[Request, Response], ...]


@quick
@attrs.frozen(weakref_slot=False)
class Desk:
    """What one step of a look works with."""

    ask: Ask
    known: Known
    look: Look


def noting(desk: Desk, **changes: Any) -> Desk:
    """Give the desk with some of its look's fields changed."""
    return Desk(desk.ask, desk.known, replace(desk.look, **changes))


def knowing(desk: Desk, known: Known) -> Desk:
    """Give the desk with something else known of the Job."""
    return Desk(desk.ask, known, desk.look)


def recording(desk: Desk, *records: Record) -> Desk:
    """Give the desk with some events more to be recorded."""
    return noting(desk, records=(*desk.look.records, *records)) if records else desk


def coming_back(desk: Desk, after: Duration) -> Desk:
    """Give the desk from which the Job is looked at again after so long at the latest."""
    known = desk.look.after
    return noting(desk, after=after if known is None else min(known, after))


def called(desk: Desk, stage: str, calls: tuple[Request, ...]) -> Outcome:
    """Send *calls* and go on with *stage* when they are answered."""
    records = desk.look.records
    desk = noting(desk, stage=stage, records=())
    memory = memories.looking(memories.knowing(desk.ask.memory, desk.look.key, desk.known), desk.look)
    return Outcome(calls=calls, records=records, memory=memory, again=True)


def done(desk: Desk, error: str = "") -> Outcome:
    """Be done with this look."""
    look = desk.look
    memory = memories.looked(memories.knowing(desk.ask.memory, look.key, desk.known), look.key)
    return Outcome(records=look.records, memory=memory, after=look.after, error=error or look.error)


def condition(type: str, status: str, reason: str, message: str, now: Instant) -> JobCondition:
    """Make a condition that is so from *now* on."""
    at = Time.at(now)
    return JobCondition(
        type=type, status=status, reason=reason, message=message, last_probe_time=at, last_transition_time=at
    )


def ensured(
    known: tuple[JobCondition, ...] | None, wanted: JobCondition
) -> tuple[tuple[JobCondition, ...] | None, bool]:
    """
    Give the conditions with *wanted* among them, and whether they changed.

    What never was is not said not to be; and a condition is a new one if its reason or message is.
    """
    old = conditions.find(known, wanted.type)
    if old is None:
        return (known, False) if wanted.status == "False" else ((*(known or ()), wanted), True)
    if (old.status, old.reason, old.message) == (wanted.status, wanted.reason, wanted.message):
        return known, False
    return tuple([wanted if each is old else each for each in known or ()]), True
