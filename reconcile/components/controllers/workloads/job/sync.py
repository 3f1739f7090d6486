"""
Bring a Job nearer to its end.

One look goes: adopt and release pods; judge whether the Job is to end; delete its pods if it is, else have as many as
it declares; then count those that finished, which takes two writes of its status, with their finalizers removed
between.

Takes:    Ask: a Job's key, and the answers to what the look called for.
Gives:    Outcome.
Source:   pkg/controller/job/job_controller.go: syncJob.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.batch_v1 import JobCondition, JobStatus, UncountedTerminatedPods
from reconcile.api.scalars import Time
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.job import backoff, gangs, indexes, memory, policies, scaling, tracking
from reconcile.components.controllers.workloads.job.desk import (
    Desk,
    called,
    coming_back,
    condition,
    done,
    ensured,
    noting,
    recording,
)
from reconcile.components.controllers.workloads.job.indexes import Intervals
from reconcile.components.controllers.workloads.job.look import Look
from reconcile.components.controllers.workloads.job.memory import CLAIMANT, JOBS, Known
from reconcile.components.controllers.workloads.job.pods import is_indexed
from reconcile.effects import Record
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import conditions
from reconcile.model.owners import controller_of, is_controlled_by
from reconcile.store.indexes import is_ready

MANAGED_BY: Final = "kubernetes.io/job-controller"

_FINISHED: Final = ("Succeeded", "Failed")


def reconcile(ask: Ask, *, consistent: bool = True, grouped: bool = False) -> Outcome:
    """
    Bring the Job with the asked key one step nearer to its end.

    Args:
        ask: which one, and what was answered.
        consistent: it is not looked at while a cache is older than what was last written of it.
        grouped: a Job may have its pods scheduled together.
    """
    known, job = ask.memory.jobs.get(ask.key, None), ask.views.get(JOBS, ask.key)
    if ask.answers:
        look = ask.memory.looks.get(ask.key, None)
        if look is None or known is None or known.uid != look.job.metadata.uid:
            return Outcome(memory=memory.looked(ask.memory, ask.key))  # it is gone, or another one has its name
        return _gone_on(Desk(ask, known, look))
    if job is None or known is None or known.uid != job.metadata.uid:
        return Outcome(memory=memory.looked(ask.memory, ask.key))
    if known.due > ask.now:
        return Outcome(after=known.due - ask.now)
    known = replace(known, due=-1)
    if job.spec.managed_by not in (None, MANAGED_BY):
        return Outcome(memory=memory.knowing(ask.memory, ask.key, known))
    stale = memory.is_stale(ask.memory, known, ask.now) if consistent else ""
    if stale:
        why = f"the cache of {stale} does not show yet what was written of Job {ask.key}"
        return Outcome(memory=memory.knowing(ask.memory, ask.key, known), error=why)
    if memory.is_finished(job) or known.finished:
        known = Known(uid=known.uid, finished=True)
        return Outcome(memory=memory.knowing(ask.memory, ask.key, known))
    together = grouped and gangs.is_candidate(job)
    return _begun(Desk(ask, known, Look(key=ask.key, job=job, status=job.status or JobStatus(), gangs=together)))


def _gone_on(desk: Desk) -> Outcome:
    match desk.look.stage:
        case "look":
            return _on_looked(desk)
        case "claim":
            return _on_claimed(desk)
        case "workload":
            return _grouped(gangs.on_workload(desk))
        case "group":
            return _grouped(gangs.on_group(desk))
        case "end":
            return _counted_out(scaling.on_ended(desk))
        case "loosen":
            return _managed(scaling.on_loosened(desk))
        case "delete":
            return _managed(scaling.on_deleted(desk))
        case "create":
            return _managed(scaling.on_created(desk))
        case _:
            return tracking.gone_on(desk)


# Pods that are the Job's ----------------------------------------------------------------------------------------------


def _begun(desk: Desk) -> Outcome:
    found = _claims(desk)
    if found.adopt:
        return called(desk, "look", (claims.look(JOBS, desk.look.key),))
    if found.release:
        return called(desk, "claim", claims.patches(CLAIMANT, desk.look.job, "pods", found, memory.FINALIZER))
    return _evaluated(desk, ())


def _claims(desk: Desk) -> claims.Claims:
    pods, job = desk.ask.views.table("pods"), desk.look.job
    if job.metadata.deletion_timestamp is not None:
        return claims.Claims((), ())
    adopt = [pod for pod in _orphans(job, pods) if CLAIMANT.selects(job, pod.metadata.labels)]
    release = [pod for pod in _owned(job, pods) if not CLAIMANT.selects(job, pod.metadata.labels)]
    return claims.Claims(tuple(adopt), tuple(release))


def _orphans(job: Any, pods: Table[str, Any]) -> list[Any]:
    """Give the pods of the namespace that nobody controls and that may be the Job's."""
    namespace, selector = job.metadata.namespace, job.spec.selector
    found = pods.under("orphan", namespace)
    for key, value in (selector.match_labels or {}).items():
        # A Job's selector names its uid, as a rule: so there are none.
        found = tuple([pods[at] for at in pods.keys_under("label", (namespace, key, value))])
        break
    return [pod for pod in found if pod.metadata.deletion_timestamp is None and controller_of(pod) is None]


def _owned(job: Any, pods: Table[str, Any]) -> list[Any]:
    return [pod for pod in pods.under("owner", job.metadata.uid) if is_controlled_by(pod, job)]


def _on_looked(desk: Desk) -> Outcome:
    refusal = claims.refusal_to_adopt(CLAIMANT, desk.look.job, desk.ask.answers[0][1])
    if refusal:
        return done(desk, refusal)
    calls = claims.patches(CLAIMANT, desk.look.job, "pods", _claims(desk), memory.FINALIZER)
    return called(desk, "claim", calls) if calls else _evaluated(desk, ())


def _on_claimed(desk: Desk) -> Outcome:
    uid = desk.known.uid
    error = claims.refused(desk.ask.answers, uid)
    if error:
        return done(desk, error)
    written = [response.body for _, response in desk.ask.answers if response.ok]
    adopted = [pod for pod in written if is_controlled_by(pod, desk.look.job)]
    return _evaluated(desk, tuple(adopted))


# How it stands --------------------------------------------------------------------------------------------------------


def _evaluated(desk: Desk, adopted: tuple[Any, ...]) -> Outcome:
    """See to the group that its pods are of, if they are to be of one; then to the pods."""
    if not desk.look.gangs:
        return _judged(desk, adopted)
    table, job = desk.ask.views.table("pods"), desk.look.job
    return _grouped(gangs.ensured(noting(desk, adopted=adopted), (*adopted, *_owned(job, table))))


def _grouped(result: Desk | Outcome) -> Outcome:
    return result if isinstance(result, Outcome) else _judged(result, result.look.adopted)


def _judged(desk: Desk, adopted: tuple[Any, ...]) -> Outcome:
    """Count the Job's pods; end it, or have as many as it declares."""
    desk = _indexed(_failing(_surveyed(desk, adopted)))
    look = desk.look
    if look.finish is not None:
        return scaling.ending(desk) if look.active else _counted_out(desk)
    if look.satisfied and look.job.metadata.deletion_timestamp is None:
        return _managed(scaling.scaled(desk))
    return _completed(desk, is_managed=False)


def _surveyed(desk: Desk, adopted: tuple[Any, ...]) -> Desk:
    """Take stock of the pods, and of what the status says of them."""
    known, now, look = desk.known, desk.ask.now, desk.look
    job, status = look.job, look.status
    table = desk.ask.views.table("pods")
    shown = {pod.metadata.uid: pod for pod in _owned(job, table) if CLAIMANT.selects(job, pod.metadata.labels)}
    pods = tuple({**{pod.metadata.uid: pod for pod in adopted}, **shown}.values())
    active = tuple([pod for pod in pods if _is_unfinished(pod) and pod.metadata.deletion_timestamp is None])
    uncounted = status.uncounted_terminated_pods or UncountedTerminatedPods()
    of_succeeded, of_failed = uncounted.succeeded or (), uncounted.failed or ()
    fresh = [pod for pod in pods if tracking.is_fresh(job, known, pod)]
    succeeded = [pod for pod in fresh if _phase(pod) == "Succeeded" and pod.metadata.uid not in of_succeeded]
    failed = [pod for pod in fresh if policies.has_failed(pod, job) and pod.metadata.uid not in of_failed]
    counting = [pod for pod in failed if policies.verdict(job, pod).counts]
    started = status.start_time or (None if job.spec.suspend else Time.at(now))
    return noting(
        desk,
        status=replace(status, uncounted_terminated_pods=uncounted, start_time=started),
        pods=pods,
        active=active,
        satisfied=memory.is_satisfied(known, now),
        standing=len(active),
        ready=len([pod for pod in active if is_ready(pod)]),
        terminating=len([pod for pod in pods if _is_unfinished(pod) and pod.metadata.deletion_timestamp is not None]),
        succeeded=(status.succeeded or 0) + len(succeeded) + len(of_succeeded),
        failed=(status.failed or 0) + len(counting) + len(of_failed),
        failures=backoff.after(known.failures, tuple(succeeded), tuple(failed)),
    )


def _phase(pod: Any) -> str:
    return (pod.status.phase if pod.status else None) or ""


def _is_unfinished(pod: Any) -> bool:
    return _phase(pod) not in _FINISHED


def _failing(desk: Desk) -> Desk:
    """Judge whether the Job is to end for what it has decided before, for its pods' failures, or for its age."""
    look, now = desk.look, desk.ask.now
    job, said = look.job, look.status.conditions
    decided = conditions.find(said, "SuccessCriteriaMet")
    if decided is not None and decided.status == "True":
        return noting(desk, finish=decided)
    target = conditions.find(said, "FailureTarget")
    if target is not None and target.status == "True":
        return noting(desk, finish=condition("Failed", "True", target.reason or "", target.message or "", now))
    failed = [pod for pod in look.pods if policies.has_failed(pod, job)]
    messages = [message for message in [policies.verdict(job, pod).message for pod in failed] if message]
    if messages:
        return noting(desk, finish=condition("FailureTarget", "True", "PodFailurePolicy", messages[0], now))
    if look.failed > job.spec.backoff_limit or _restarts_too_often(job, look.pods):
        why = "Job has reached the specified backoff limit"
        return noting(desk, finish=condition("FailureTarget", "True", "BackoffLimitExceeded", why, now))
    deadline = job.spec.active_deadline_seconds
    if deadline is None or job.spec.suspend or look.status.start_time is None:
        return desk
    left = deadline * SECOND - (now - look.status.start_time.instant)
    if left > 0:
        return coming_back(desk, left)
    why = "Job was active longer than specified deadline"
    return noting(desk, finish=condition("FailureTarget", "True", "DeadlineExceeded", why, now))


def _restarts_too_often(job: Any, pods: tuple[Any, ...]) -> bool:
    """Tell whether containers that restart within their pods have done so as often as the Job's pods may fail."""
    if job.spec.template.spec.restart_policy != "OnFailure":
        return False
    running = [pod.status for pod in pods if _phase(pod) in ("Running", "Pending")]
    restarts = sum(
        [
            container.restart_count or 0
            for status in running
            for container in (*(status.init_container_statuses or ()), *(status.container_statuses or ()))
        ]
    )
    return bool(restarts >= max(job.spec.backoff_limit, 1))


def _indexed(desk: Desk) -> Desk:
    """Find out which indexes are done, and which have failed; an Indexed Job may end for either."""
    look, now = desk.look, desk.ask.now
    job, status = look.job, look.status
    if not is_indexed(job):
        return desk
    before = indexes.parsed(status.completed_indexes, job.spec.completions)
    valid = [pod for pod in look.pods if memory.is_tracked(pod) and tracking.has_index(job, pod)]
    done_now = indexes.indexes_of([pod for pod in valid if _phase(pod) == "Succeeded"])
    succeeded = indexes.including(before, done_now)
    desk = noting(desk, before=before, done=succeeded, succeeded=indexes.total(succeeded))
    if job.spec.backoff_limit_per_index is not None:
        gone = indexes.indexes_of([pod for pod in valid if _index_fails(job, pod)])
        lost = indexes.including(indexes.parsed(status.failed_indexes, job.spec.completions), gone)
        finish = look.finish or _too_many_lost(job, succeeded, lost, desk)
        desk = noting(desk, lost=lost, finish=finish, held=_held(desk, lost))
    if desk.look.finish is None:
        message = policies.success(job, succeeded)
        if message:
            desk = noting(desk, finish=condition("SuccessCriteriaMet", "True", "SuccessPolicy", message, now))
    return desk


def _index_fails(job: Any, pod: Any) -> bool:
    """Tell whether the failure of *pod* is the end of its index."""
    if not policies.has_failed(pod, job):
        return False
    judged = policies.verdict(job, pod)
    if judged.action == policies.FAIL_INDEX:
        return True
    return judged.counts and backoff.counts_of(pod)[0] >= int(job.spec.backoff_limit_per_index)


def _too_many_lost(job: Any, succeeded: Intervals, lost: Intervals, desk: Desk) -> JobCondition | None:
    count, now = indexes.total(lost), desk.ask.now
    if job.spec.max_failed_indexes is not None and count > job.spec.max_failed_indexes:
        why = "Job has exceeded the specified maximal number of failed indexes"
        return condition("FailureTarget", "True", "MaxFailedIndexesExceeded", why, now)
    if count and count + indexes.total(succeeded) >= job.spec.completions:
        return condition("FailureTarget", "True", "FailedIndexes", "Job has failed indexes", now)
    return None


def _held(desk: Desk, lost: Intervals) -> tuple[tuple[int, Any], ...]:
    """Give the last failed pod of each index that is still to be tried again."""
    look = desk.look
    job = look.job
    active = indexes.indexes_of(look.active)
    found: dict[int, Any] = {}
    for pod in look.pods:
        index = indexes.index_of(pod)
        if not tracking.is_fresh(job, desk.known, pod) or not policies.has_failed(pod, job):
            continue
        if indexes.has(look.done, index) or indexes.has(lost, index) or index in active:
            continue
        other = found.get(index)
        if other is None or _is_later(pod, other):
            found[index] = pod
    return tuple(sorted(found.items(), key=lambda item: item[0]))


def _is_later(pod: Any, other: Any) -> bool:
    counts, others = sum(backoff.counts_of(pod)), sum(backoff.counts_of(other))
    return others <= counts and backoff.finished_at(pod) >= backoff.finished_at(other)


# What it comes to -----------------------------------------------------------------------------------------------------


def _counted_out(desk: Desk) -> Outcome:
    """Go on after the active pods of a Job that is to end were deleted; it does not end before all of them are."""
    if desk.look.standing or not desk.look.satisfied:
        desk = noting(desk, finish=None)
    return tracking.tracked(desk)


def _managed(result: Desk | Outcome) -> Outcome:
    """Go on after there are as many pods as the Job declares."""
    return result if isinstance(result, Outcome) else _completed(result, is_managed=True)


def _completed(desk: Desk, *, is_managed: bool) -> Outcome:
    """Judge whether the Job has succeeded; say whether it is suspended if it goes on."""
    look, now = desk.look, desk.ask.now
    spec = look.job.spec
    if spec.completions is None:
        complete = look.succeeded > 0 and not look.standing
    else:
        complete = look.succeeded >= spec.completions and not look.standing
    if complete:
        why = "Reached expected number of succeeded pods"
        desk = noting(desk, finish=condition("SuccessCriteriaMet", "True", "CompletionsReached", why, now))
    elif is_managed:
        desk = _suspended_or_not(desk)
    return tracking.tracked(desk)


def _suspended_or_not(desk: Desk) -> Desk:
    look, now = desk.look, desk.ask.now
    status = look.status
    if look.job.spec.suspend:
        wanted = condition("Suspended", "True", "JobSuspended", "Job suspended", now)
        record, started = Record(look.job, "Normal", "Suspended", "Job suspended"), None
    else:
        wanted = condition("Suspended", "False", "JobResumed", "Job resumed", now)
        # Its age counts from here: not while it is suspended.
        record, started = Record(look.job, "Normal", "Resumed", "Job resumed"), Time.at(now)
    said, is_new = ensured(status.conditions, wanted)
    if not is_new:
        return desk
    status = replace(status, conditions=said, start_time=started)
    return recording(noting(desk, status=status, suspension=True), record)
