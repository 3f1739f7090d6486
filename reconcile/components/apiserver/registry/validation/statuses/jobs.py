"""
The status of a Job: what it may say, and what may become of it.

A rule about several fields is asked only if one of them changes: what was stored before stays as it is.

Source:   batch's ValidateJobStatusUpdate; the job's status strategy, with every feature gate at its default.
Left out: the form of completedIndexes and failedIndexes, and whether they overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.api import batch_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, required, unfit, wrong
from reconcile.components.apiserver.registry.validation.values import at_least_zero
from reconcile.model import conditions

_AT: Final = "status.conditions"
_MET: Final = "SuccessCriteriaMet"
_TERMINAL: Final = ("Failed", "Complete", "FailureTarget")
_NOTHING: Final = batch_v1.JobStatus()


def job_causes(new: Any, old: Any) -> Causes:
    """Say what is wrong with the status of a Job."""
    status, before = new.status or _NOTHING, old.status or _NOTHING
    now, was = _standing(status), _standing(before)
    found: list[Cause] = []
    for name in ("active", "succeeded", "failed", "ready", "terminating"):
        found += at_least_zero(f"status.{name}", getattr(status, name))
    found += _uncounted_causes(status.uncounted_terminated_pods)
    found += _ends(now, was)
    found += _times(status, before, now, was)
    found += _finished(new, status, before, now, was)
    found += _indexes(new.spec, status, before)
    found += _criteria(new.spec, now)
    return (*found, *_changes(new, status, before, now, was))


def _standing(status: batch_v1.JobStatus) -> frozenset[str]:
    """Give the types of the conditions that are true."""
    return frozenset([each.type for each in status.conditions or () if each.status == "True"])


def _uncounted_causes(pods: Any) -> Iterator[Cause]:
    seen: set[str] = set()
    for name in ("succeeded", "failed"):
        for place, uid in enumerate(getattr(pods, name, None) or ()):
            here = f"status.uncountedTerminatedPods.{name}[{place}]"
            if not uid:
                yield wrong(here, uid, "must not be empty")
            elif uid in seen:
                yield duplicate(here, uid)
            seen.add(uid)


def _ends(now: frozenset[str], was: frozenset[str]) -> Iterator[Cause]:
    changed = now ^ was
    if changed & {"Complete", "Failed"} and {"Complete", "Failed"} <= now:
        yield unfit(_AT, "cannot set Complete=True and Failed=true conditions")
    if changed & {"Complete", "FailureTarget"} and {"Complete", "FailureTarget"} <= now:
        yield unfit(_AT, "cannot set Complete=True and FailureTarget=true conditions")


def _times(status: Any, before: Any, now: frozenset[str], was: frozenset[str]) -> Iterator[Cause]:
    at, ended, started = "status.completionTime", status.completion_time, status.start_time
    complete = "Complete" in now
    if complete != ("Complete" in was) or ended != before.completion_time:
        if ended is not None and not complete:
            yield wrong(at, ended, "cannot set completionTime when there is no Complete=True condition")
        if ended is None and complete:
            yield required(at, "completionTime is required for Complete jobs")
    moved = started != before.start_time or ended != before.completion_time
    if moved and started is not None and ended is not None and ended.instant < started.instant:
        yield wrong(at, ended, "must be equal to or after `startTime`")


def _finished(new: Any, status: Any, before: Any, now: frozenset[str], was: frozenset[str]) -> Iterator[Cause]:
    if "Failed" in now and "FailureTarget" not in now and ("Failed" not in was or _failed_indexes(status, before)):
        yield unfit(_AT, "cannot set Failed=True condition without the FailureTarget=true condition")
    if "Complete" in now and _MET not in now and (now ^ was) & {"Complete", _MET}:
        yield unfit(_AT, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition")
    over, ends = (
        bool(now & {"Complete", "Failed"}),
        bool(now & {"Complete", "Failed"}) != bool(was & {"Complete", "Failed"}),
    )
    if not over:
        return
    if (status.active or 0) > 0 and (ends or status.active != before.active):
        yield wrong("status.active", status.active, "active>0 is invalid for finished job")
    nothing_to_do = new.spec.suspend is True and new.spec.completions == 0
    if status.start_time is None and (ends or before.start_time is not None) and not nothing_to_do:
        yield required("status.startTime", "startTime is required for finished job")
    pods = status.uncounted_terminated_pods
    if pods is not None and (pods.failed or pods.succeeded) and (ends or pods != before.uncounted_terminated_pods):
        yield wrong("status.uncountedTerminatedPods", pods, "must be empty for finished job")


def _failed_indexes(status: Any, before: Any) -> bool:
    return bool(status.failed_indexes != before.failed_indexes)


def _indexes(spec: Any, status: Any, before: Any) -> Iterator[Cause]:
    completed = status.completed_indexes
    if completed and completed != before.completed_indexes and spec.completion_mode != "Indexed":
        yield wrong(
            "status.completedIndexes",
            completed,
            "cannot set non-empty completedIndexes when non-indexed completion mode",
        )
    if status.failed_indexes is not None and _failed_indexes(status, before) and spec.backoff_limit_per_index is None:
        said = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        yield wrong("status.failedIndexes", status.failed_indexes, said)


def _criteria(spec: Any, now: frozenset[str]) -> Iterator[Cause]:
    if {_MET, "Failed"} <= now:
        yield unfit(_AT, "cannot set SuccessCriteriaMet=True and Failed=true conditions")
    if {_MET, "FailureTarget"} <= now:
        yield unfit(_AT, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
    if spec.success_policy is not None and "Complete" in now and _MET not in now:
        yield unfit(_AT, "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True")


def _changes(new: Any, status: Any, before: Any, now: frozenset[str], was: frozenset[str]) -> Iterator[Cause]:
    """Say what may not become of the status that was there."""
    spec = new.spec
    over, was_over = bool(now & {"Complete", "Failed"}), bool(was & {"Complete", "Failed"})
    if (status.terminating or 0) > 0 and over and (over != was_over or status.terminating != before.terminating):
        yield wrong("status.terminating", status.terminating, "terminating>0 is invalid for finished job")
    if (status.ready or 0) > (status.active or 0) and (status.ready, status.active) != (before.ready, before.active):
        yield wrong("status.ready", status.ready, "cannot set more ready pods than active")
    for kind in _TERMINAL:
        if kind in was and kind not in now:
            yield unfit(_AT, f"cannot disable the terminal {kind}=True condition")
    if (status.failed or 0) < (before.failed or 0):
        yield wrong("status.failed", status.failed or 0, "cannot decrease the failed counter")
    elastic = spec.completion_mode == "Indexed" and spec.completions == spec.parallelism
    if not elastic and (status.succeeded or 0) < (before.succeeded or 0):
        yield wrong("status.succeeded", status.succeeded or 0, "cannot decrease the succeeded counter")
    if (
        None not in (status.completion_time, before.completion_time)
        and status.completion_time != before.completion_time
    ):
        yield wrong("status.completionTime", status.completion_time, "field is immutable")
    resumes = (
        "Suspended" in was and conditions.find(status.conditions, "Suspended") is not None and "Suspended" not in now
    )
    if before.start_time not in (None, status.start_time) and not spec.suspend and not resumes:
        yield wrong("status.startTime", status.start_time, "field is immutable for unsuspended job once set")
    if _MET in was and _MET not in now:
        yield unfit(_AT, "cannot disable the SuccessCriteriaMet=True condition")
    if "Complete" in was and _MET not in was and _MET in now:
        yield unfit(_AT, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions")
