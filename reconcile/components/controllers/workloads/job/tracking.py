"""
Count a Job's pods that finished, each exactly once, and say how it ended.

A pod that finished keeps its finalizer until the status names it as uncounted; then the finalizer goes; then it is
counted and named no more. So whatever is lost or repeated between these writes, no pod is counted twice or forgotten.
The condition that says why a Job ends is written with the first of them, that it has ended with the last.

Takes:    a look after there are as many pods as there are to be; the answers to what it called for.
Gives:    Outcome.
Source:   pkg/controller/job/job_controller.go: trackJobStatusAndRemoveFinalizers; KEP-2307.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.batch_v1 import JobStatus, UncountedTerminatedPods
from reconcile.components.controllers.answers import is_done, message_of
from reconcile.components.controllers.runtime import Outcome
from reconcile.components.controllers.workloads.job import indexes, memory, policies
from reconcile.components.controllers.workloads.job.desk import (
    Desk,
    called,
    condition,
    done,
    ensured,
    knowing,
    noting,
    recording,
)
from reconcile.components.controllers.workloads.job.memory import JOBS, Known
from reconcile.components.controllers.workloads.job.pods import is_indexed
from reconcile.components.controllers.workloads.job.scaling import released
from reconcile.effects import Record
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.requests import Request

# The most pods that one look counts.
MOST: Final = 500


def is_fresh(job: Any, known: Known, pod: Any) -> bool:
    """Tell whether *pod* is one to be counted that was not counted yet."""
    if not memory.is_tracked(pod) or pod.metadata.uid in known.releases:
        return False
    return not is_indexed(job) or has_index(job, pod)


def has_index(job: Any, pod: Any) -> bool:
    """Tell whether the completion index of *pod* is one of the Job's."""
    return 0 <= indexes.index_of(pod) < int(job.spec.completions)


def gone_on(desk: Desk) -> Outcome:
    """Go on after a write of the status, or after finalizers were removed."""
    match desk.look.stage:
        case "flush":
            return _on_flushed(desk)
        case "release":
            return _on_released(desk)
        case "save":
            return _on_saved(desk)
        case _:
            return _on_settled(desk)


def tracked(desk: Desk) -> Outcome:
    """Name the pods that finished, and what else is new, in the status."""
    look = desk.look
    old = look.job.status or JobStatus()
    status = replace(look.status, active=look.standing or None, ready=look.ready, terminating=look.terminating)
    flush = (
        look.suspension
        or look.standing != (old.active or 0)
        or look.ready != old.ready
        or look.terminating != old.terminating
    )
    waited = [pod.metadata.uid for pod in look.pods if _waits(desk, pod)]
    counted = _without_counted(status, waited)
    desk = noting(desk, status=counted or status, flush=flush or counted is not None, tracked=tuple(waited))
    return _flushed(_judged(_indexes_told(_named(desk))))


def _waits(desk: Desk, pod: Any) -> bool:
    return memory.is_tracked(pod) and pod.metadata.uid not in desk.known.releases


def _named(desk: Desk) -> Desk:
    """Name each pod that finished as uncounted; find those whose finalizer may go."""
    look = desk.look
    job, status = look.job, look.status
    assert status.uncounted_terminated_pods is not None, "it was made when the look began"
    old = (look.job.status or JobStatus()).uncounted_terminated_pods or UncountedTerminatedPods()
    named = status.uncounted_terminated_pods
    succeeded, failed = list(named.succeeded or ()), list(named.failed or ())
    done_now: list[int] = []
    going: list[Any] = []
    flush, capped = look.flush, False
    for pod in sorted(look.pods, key=indexes.index_of) if is_indexed(job) else look.pods:
        if not _waits(desk, pod) or not _may_go(desk, pod):
            continue
        going.append(pod)
        uid, index = pod.metadata.uid, indexes.index_of(pod)
        if _phase(pod) == "Succeeded" and uid not in (old.failed or ()):
            if is_indexed(job):
                if has_index(job, pod) and not indexes.has(look.before, index):
                    done_now.append(index)
                    flush = True
            elif uid not in (old.succeeded or ()):
                succeeded.append(uid)
                flush = True
        elif _counts_as_failed(desk, pod) and uid not in (old.failed or ()):
            failed.append(uid)
            flush = True
        if len(done_now) + len(succeeded) + len(failed) >= MOST:
            capped = True  # its own write brings the Job back
            break
    status = replace(
        status,
        uncounted_terminated_pods=UncountedTerminatedPods(
            succeeded=tuple(succeeded) or None, failed=tuple(failed) or None
        ),
    )
    told = indexes.including(look.done, done_now)
    return noting(desk, status=status, going=tuple(going), flush=flush, capped=capped, done=told)


def _phase(pod: Any) -> str:
    return (pod.status.phase if pod.status else None) or ""


def _may_go(desk: Desk, pod: Any) -> bool:
    """Tell whether the finalizer of *pod* may be removed once it is named."""
    look = desk.look
    if look.job.metadata.deletion_timestamp is not None or look.finish is not None or _phase(pod) == "Succeeded":
        return True
    if not policies.has_failed(pod, look.job):
        return False
    return pod.metadata.uid not in [held.metadata.uid for _, held in look.held]


def _counts_as_failed(desk: Desk, pod: Any) -> bool:
    """Tell whether *pod* counts as failed; when a Job fails, each that has not finished does."""
    look = desk.look
    ends = look.finish is not None and look.finish.type != "SuccessCriteriaMet"
    if not policies.has_failed(pod, look.job) and not ends:
        return False
    if is_indexed(look.job) and not has_index(look.job, pod):
        return False
    return policies.verdict(look.job, pod).counts


def _indexes_told(desk: Desk) -> Desk:
    look, status = desk.look, desk.look.status
    if not is_indexed(look.job):
        return desk
    completed = indexes.written(look.done)
    lost = None if look.lost is None else indexes.written(look.lost)
    flush = look.flush or completed != (status.completed_indexes or "") or lost != status.failed_indexes
    status = replace(
        status,
        succeeded=indexes.total(look.done) or None,
        completed_indexes=completed or None,
        failed_indexes=lost,
    )
    return noting(desk, status=status, flush=flush)


def _judged(desk: Desk) -> Desk:
    """Say why the Job ends, before the finalizers go; that it has ended comes after."""
    look, now = desk.look, desk.ask.now
    finish, said = look.finish, look.status.conditions or ()
    if finish is None:
        return desk
    reason, message = finish.reason or "", finish.message or ""
    if finish.type == "FailureTarget":
        status = replace(look.status, conditions=(*said, finish))
        return noting(desk, status=status, flush=True, finish=condition("Failed", "True", reason, message, now))
    if finish.type != "SuccessCriteriaMet":
        return desk
    ended = condition("Complete", "True", reason, message, now)
    if conditions.is_true(said, finish.type):
        return noting(desk, finish=ended)
    return noting(desk, status=replace(look.status, conditions=(*said, finish)), flush=True, finish=ended)


# The first write, and the finalizers ----------------------------------------------------------------------------------


def _flushed(desk: Desk) -> Outcome:
    return called(desk, "flush", (_written(desk),)) if desk.look.flush else _releasing(desk)


def _written(desk: Desk) -> Request:
    look = desk.look
    metadata = look.job.metadata
    return Request(
        verb="update",
        resource=JOBS,
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=replace(look.job, status=look.status),
    )


def _on_flushed(desk: Desk) -> Outcome:
    response = desk.ask.answers[0][1]
    if not response.ok:
        return done(desk, f"tracking status: adding uncounted pods to status: {message_of(response)}")
    return _releasing(knowing(_taken(desk), replace(_known(desk), failures=desk.look.failures)))


def _taken(desk: Desk) -> Desk:
    """Give the desk on which the Job is as the API server has just written it."""
    job = desk.ask.answers[0][1].body
    status = job.status or JobStatus()
    if status.uncounted_terminated_pods is None:
        status = replace(status, uncounted_terminated_pods=UncountedTerminatedPods())
    return noting(desk, job=job, status=status, flush=False)


def _known(desk: Desk) -> Known:
    return memory.having_written(desk.known, desk.ask.answers[0][1].body, desk.ask.now, pod=False)


def _releasing(desk: Desk) -> Outcome:
    going = desk.look.going
    if not going:
        return _counted(desk, "")
    known = memory.expecting_releases(desk.known, [pod.metadata.uid for pod in going])
    return called(knowing(desk, known), "release", tuple([released(pod) for pod in going]))


def _on_released(desk: Desk) -> Outcome:
    known, refused = desk.known, ""
    waited = set(desk.look.tracked)
    for pod, (_, response) in zip(desk.look.going, desk.ask.answers, strict=True):
        uid = pod.metadata.uid
        if response.ok:
            known = memory.having_written(known, response.body, desk.ask.now, pod=True)
        else:
            known = memory.without_release(known, uid)
        if is_done(response):
            waited.discard(uid)
        else:
            refused = refused or f"tracking status: removing tracking finalizer: {message_of(response)}"
    desk = noting(knowing(desk, known), tracked=tuple([uid for uid in desk.look.tracked if uid in waited]))
    return _counted(desk, refused)


# The second write -----------------------------------------------------------------------------------------------------


def _counted(desk: Desk, refused: str) -> Outcome:
    """Count the pods whose finalizers are gone; the Job has ended if none is left."""
    counted = _without_counted(desk.look.status, desk.look.tracked)
    if counted is not None:
        desk = noting(desk, status=counted, flush=True)
    if refused:
        desk = noting(desk, error=refused, finish=None)
        return called(desk, "save", (_written(desk),)) if desk.look.flush else done(desk)
    desk = _ended(desk) if _has_ended(desk) else noting(desk, finish=None)
    return called(desk, "settle", (_written(desk),)) if desk.look.flush else done(desk)


def _without_counted(status: JobStatus, waited: list[str] | tuple[str, ...]) -> JobStatus | None:
    """Count the uncounted pods that wait no more; None if there is none."""
    named = status.uncounted_terminated_pods or UncountedTerminatedPods()
    succeeded = tuple([uid for uid in named.succeeded or () if uid in waited])
    failed = tuple([uid for uid in named.failed or () if uid in waited])
    more = len(named.succeeded or ()) - len(succeeded), len(named.failed or ()) - len(failed)
    if more == (0, 0):
        return None
    return replace(
        status,
        succeeded=(status.succeeded or 0) + more[0] or None,
        failed=(status.failed or 0) + more[1] or None,
        uncounted_terminated_pods=UncountedTerminatedPods(succeeded=succeeded or None, failed=failed or None),
    )


def _has_ended(desk: Desk) -> bool:
    look = desk.look
    named = look.status.uncounted_terminated_pods or UncountedTerminatedPods()
    if look.finish is None or look.capped:
        return False
    return not named.succeeded and not named.failed and not look.terminating


def _ended(desk: Desk) -> Desk:
    finish = desk.look.finish
    assert finish is not None, "only what is to end has ended"
    said, _ = ensured(desk.look.status.conditions, finish)
    status = replace(desk.look.status, conditions=said)
    if finish.type == "Complete":
        status = replace(status, completion_time=finish.last_transition_time)
    return noting(desk, status=status, flush=True)


def _on_saved(desk: Desk) -> Outcome:
    response = desk.ask.answers[0][1]
    if not response.ok:
        return done(desk, f"tracking status: removing uncounted pods from status: {message_of(response)}")
    return done(knowing(desk, _known(desk)))


def _on_settled(desk: Desk) -> Outcome:
    response, finish = desk.ask.answers[0][1], desk.look.finish
    if not response.ok:
        return done(desk, f"tracking status: removing uncounted pods from status: {message_of(response)}")
    desk = knowing(desk, _known(desk))
    if finish is None:
        return done(desk)
    return done(recording(knowing(desk, replace(desk.known, finished=True)), *_end_records(response.body, finish)))


def _end_records(job: Any, finish: Any) -> tuple[Record, ...]:
    if finish.type != "Complete":
        return (Record(job, "Warning", finish.reason, finish.message),)
    completed = Record(job, "Normal", "Completed", "Job completed")
    if job.spec.completions is not None and (job.status.succeeded or 0) > job.spec.completions:
        why = "Too many succeeded pods running after completion count reached"
        return Record(job, "Warning", "TooManySucceededPods", why), completed
    return (completed,)
