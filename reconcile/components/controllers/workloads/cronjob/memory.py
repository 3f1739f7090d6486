"""
What the CronJob controller remembers: the looks under way, and the CronJobs whose times have just become others.

Takes:    changes of CronJobs.
Gives:    Memory.
Source:   pkg/controller/cronjob/cronjob_controllerv2.go: updateCronJob.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api.batch_v1 import CronJobStatus
from reconcile.components.controllers.runtime import Key, Views
from reconcile.effects import Record
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.owners import controller_of
from reconcile.store import Change

CRON_JOBS: Final = "cronjobs.batch"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Look:
    """
    One look at a CronJob, from one call's answer to the next.

    Args:
        stage: what the calls under way are for: clean, check, find, replace, create, adopt, save.
        cron: the CronJob.
        status: what is to be written of it.
        jobs: its Jobs, as they were when the look began.
        dirty: the status has to be written.
        scheduled: the time that is being run.
        records: events.
        error: what went wrong.
        after: come back after so long.
    """

    stage: str = ""
    cron: Any
    status: CronJobStatus
    jobs: tuple[Any, ...] = ()
    dirty: bool = False
    scheduled: Instant = 0
    records: tuple[Record, ...] = ()
    error: str = ""
    after: Duration | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """The looks under way; and the CronJobs that wait for the next time of another schedule, by key."""

    looks: Table[str, Look] = attrs.field(factory=Table)
    moved: Table[str, bool] = attrs.field(factory=Table)


def observe(memory: Memory, change: Change, _: Views, __: Instant) -> Memory:
    """Note that a CronJob has another schedule."""
    old, new = change.old, change.new
    if change.resource != CRON_JOBS or old is None:
        return memory
    if new is None:
        return Memory(memory.looks, memory.moved.remove(change.key)) if change.key in memory.moved else memory
    if (old.spec.schedule, old.spec.time_zone) == (new.spec.schedule, new.spec.time_zone):
        return memory
    return Memory(memory.looks, memory.moved.set(change.key, True))  # noqa: FBT003 -- of a table of which only keys count


def job_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the CronJob whose Job changed, and the one whose it was."""
    if change.old is change.new:
        return ()
    found: list[Key] = []
    for job in (change.old, change.new):
        reference = None if job is None else controller_of(job)
        if reference is None or reference.kind != "CronJob":
            continue
        key = f"{job.metadata.namespace}/{reference.name}"
        cron = views.get(CRON_JOBS, key)
        if cron is not None and cron.metadata.uid == reference.uid and key not in found:
            found.append(key)
    return tuple(found)
