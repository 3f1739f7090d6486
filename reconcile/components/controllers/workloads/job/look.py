"""
One look at a Job: what was found when it began, and what came of it so far.

Takes:    a Job, its pods.
Gives:    Look.
Source:   pkg/controller/job/job_controller.go: syncJobCtx.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.api.batch_v1 import JobCondition, JobStatus
from reconcile.components.controllers.workloads.job.backoff import Failures
from reconcile.components.controllers.workloads.job.indexes import Intervals
from reconcile.effects import Record
from reconcile.lib.instant import Duration
from reconcile.lib.quick import quick


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Look:
    """
    What is carried from one call's answer to the next.

    Args:
        key: the Job's.
        stage: what the calls under way are for: look, claim, workload, group, end, loosen, delete, create, flush,
            release, save, settle.
        job: as it was last read or written.
        status: what is to be written of it.
        pods: all of its pods, as they were when the look began.
        active: those that have neither finished nor are being deleted.
        satisfied: all that was ordered before had been seen.
        standing: how many are active by now.
        ready: how many of them are ready.
        terminating: how many are being deleted and have not finished.
        succeeded: how many have ever succeeded, counted or not.
        failed: how many have ever failed, likewise.
        finish: the condition with which the Job is to end.
        before: the indexes that its status has as succeeded.
        done: those, and the ones whose pods succeeded since.
        lost: the indexes that have failed; None if they have no limit of their own.
        held: (index, pod) of failed pods that stay until they are replaced, since the replacement has their counts.
        failures: of its pods, for the back-off.
        flush: the status has to be written.
        capped: more pods wait to be counted than one look counts.
        going: pods that are to be deleted, or to lose their finalizer.
        tracked: uids of the pods whose finalizer the Job waits for.
        left: how many pods are still to be created.
        indexes: theirs.
        records: events.
        error: what went wrong on the way.
        after: come back after this long.
        suspension: the condition Suspended changed.
        gangs: its pods may be scheduled together.
        adopted: pods that it has just taken.
        group: the pod group that its pods are to name; empty for none.
    """

    key: str
    stage: str = ""
    job: Any
    status: JobStatus
    pods: tuple[Any, ...] = ()
    active: tuple[Any, ...] = ()
    satisfied: bool = True
    standing: int = 0
    ready: int = 0
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    finish: JobCondition | None = None
    before: Intervals = ()
    done: Intervals = ()
    lost: Intervals | None = None
    held: tuple[tuple[int, Any], ...] = ()
    failures: Failures = Failures()
    flush: bool = False
    capped: bool = False
    going: tuple[Any, ...] = ()
    tracked: tuple[str, ...] = ()
    left: int = 0
    indexes: tuple[int, ...] = ()
    records: tuple[Record, ...] = ()
    error: str = ""
    after: Duration | None = None
    suspension: bool = False
    gangs: bool = False
    adopted: tuple[Any, ...] = ()
    group: str = ""


def held_of(look: Look, index: int) -> Any:
    """Give the failed pod of *index* that waits for the one that replaces it, or None."""
    for held, pod in look.held:
        if held == index:
            return pod
    return None
