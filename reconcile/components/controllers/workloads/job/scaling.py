"""
Have as many of a Job's pods as it declares: create what is missing, delete what is too much, or all of it at its end.

Pods are created in batches that double, so that what fails at all fails once; deletions go all at once, each after its
finalizer, since nobody waits to count it.

Takes:    a look whose pods are counted; the answers to what it called for.
Gives:    the look as it goes on, or an Outcome that calls.
Source:   pkg/controller/job/job_controller.go: manageJob, deleteActivePods, deleteJobPods.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.answers import is_done, message_of, namespace_ends
from reconcile.components.controllers.runtime import Outcome
from reconcile.components.controllers.workloads.job import backoff, indexes, memory, policies
from reconcile.components.controllers.workloads.job.desk import (
    Desk,
    called,
    coming_back,
    knowing,
    noting,
    recording,
)
from reconcile.components.controllers.workloads.job.look import held_of
from reconcile.components.controllers.workloads.job.pods import creation, is_indexed, to_remove
from reconcile.effects import Record
from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request, key_of
from reconcile.store.indexes import is_ready

# The most pods that one look creates or deletes.
MOST: Final = 500
FIRST_BATCH: Final = 1


def ending(desk: Desk) -> Outcome:
    """Delete the active pods of a Job that is to end; they keep their finalizers until they are counted."""
    return called(noting(desk, going=desk.look.active), "end", _deletions(desk, desk.look.active))


def on_ended(desk: Desk) -> Desk:
    """Count how many of them go."""
    return _deleted(desk, forgets=False)


def scaled(desk: Desk) -> Desk | Outcome:
    """Create or delete, as far as that has to be, and may be by now."""
    look, spec = desk.look, desk.look.job.spec
    if spec.suspend:
        return _removing(desk, to_remove(look.job, look.active, look.standing))
    wanted = _wanted(desk)
    gone = to_remove(look.job, look.active, max(look.standing - wanted, 0))[:MOST]
    if gone:
        return _removing(desk, gone)
    waiting = look.terminating if policies.replaces_only_failed(look.job) else 0
    missing = wanted - waiting - look.standing
    return _creating(desk, missing) if missing > 0 else desk


def _wanted(desk: Desk) -> int:
    look, spec = desk.look, desk.look.job.spec
    if spec.completions is None:
        # The first success says that the work is done: what still runs may run to its end.
        return look.standing if look.succeeded > 0 else int(spec.parallelism)
    return max(min(int(spec.completions) - look.succeeded, int(spec.parallelism)), 0)


# Too many -------------------------------------------------------------------------------------------------------------


def _removing(desk: Desk, gone: tuple[Any, ...]) -> Desk | Outcome:
    if not gone:
        return desk
    known = memory.expecting_deletes(desk.known, [key_of(pod) for pod in gone], desk.ask.now)
    desk = noting(knowing(desk, known), going=gone)
    tracked = [pod for pod in gone if memory.is_tracked(pod)]
    if not tracked:
        return called(desk, "delete", _deletions(desk, gone))
    return called(desk, "loosen", tuple([released(pod) for pod in tracked]))


def on_loosened(desk: Desk) -> Desk | Outcome:
    """Delete those whose finalizer is gone."""
    known, refused, gone = desk.known, "", {key_of(pod) for pod in desk.look.going}
    less = 0
    for request, response in desk.ask.answers:
        if response.ok:
            known = memory.having_written(known, response.body, desk.ask.now, pod=True)
            continue
        key = f"{request.namespace}/{request.name}"
        known = memory.without_delete(known, key)
        gone.discard(key)
        if is_done(response):
            less += 1
        else:
            refused = refused or f"removing completion finalizer: {message_of(response)}"
    left = tuple([pod for pod in desk.look.going if key_of(pod) in gone])
    look = desk.look
    desk = noting(
        knowing(desk, known),
        going=left,
        standing=look.standing - less,
        terminating=look.terminating + less,
        error=look.error or refused,
    )
    return called(desk, "delete", _deletions(desk, left)) if left else desk


def on_deleted(desk: Desk) -> Desk:
    """Count how many of them go."""
    return _deleted(desk, forgets=True)


def _deletions(desk: Desk, gone: tuple[Any, ...]) -> tuple[Request, ...]:
    namespace = desk.look.job.metadata.namespace
    return tuple([Request(verb="delete", resource="pods", namespace=namespace, name=pod.metadata.name) for pod in gone])


def _deleted(desk: Desk, *, forgets: bool) -> Desk:
    look, known = desk.look, desk.known
    records: list[Record] = []
    count, refused = 0, ""
    for request, response in desk.ask.answers:
        if response.ok:
            records.append(Record(look.job, "Normal", "SuccessfulDelete", f"Deleted pod: {request.name}"))
        elif not is_done(response):
            refused = refused or message_of(response)
            records.append(Record(look.job, "Warning", "FailedDelete", f"Error deleting: {message_of(response)}"))
        if forgets and not response.ok:
            known = memory.without_delete(known, f"{request.namespace}/{request.name}")
        count += is_done(response)
    desk = noting(
        knowing(desk, known),
        standing=look.standing - count,
        terminating=look.terminating + count,
        ready=look.ready - len([pod for pod in look.going if is_ready(pod)]),
        going=(),
        error=look.error or refused,
    )
    return recording(desk, *records)


def released(pod: Any) -> Request:
    """Give the patch that removes the finalizer from *pod*."""
    metadata = pod.metadata
    body = Map({"metadata": Map({"$deleteFromPrimitiveList/finalizers": (memory.FINALIZER,)})})
    return Request(
        verb="patch",
        resource="pods",
        namespace=metadata.namespace,
        name=metadata.name,
        body=body,
        patch_type="strategic",
    )


# Too few --------------------------------------------------------------------------------------------------------------


def _creating(desk: Desk, missing: int) -> Desk | Outcome:
    look, now = desk.look, desk.ask.now
    per_index = look.job.spec.backoff_limit_per_index is not None
    wait = 0 if per_index else backoff.remaining(look.failures, now)
    count, found = min(missing, MOST), tuple[int, ...]()
    if not wait and is_indexed(look.job):
        found = _pending(desk, count)
        if per_index:
            found, wait = _due(desk, found)
        count = len(found)
    if wait:
        return coming_back(desk, max(wait, memory.BATCH))
    if not count:
        return desk
    desk = knowing(desk, memory.expecting_creates(desk.known, count, now))
    return _batch(noting(desk, standing=look.standing + count, left=count, indexes=found), FIRST_BATCH)


def _pending(desk: Desk, count: int) -> tuple[int, ...]:
    """Give the first *count* indexes for which there is no pod, and needs to be one."""
    look = desk.look
    taken = indexes.including(look.done, indexes.indexes_of(look.active))
    if policies.replaces_only_failed(look.job):
        leaving = [pod for pod in look.pods if pod.metadata.deletion_timestamp and _is_unfinished(pod)]
        taken = indexes.including(taken, indexes.indexes_of(leaving))
    return indexes.missing(indexes.merged(taken, look.lost or ()), count, look.job.spec.completions)


def _is_unfinished(pod: Any) -> bool:
    return (pod.status.phase if pod.status else None) not in ("Succeeded", "Failed")


def _due(desk: Desk, found: tuple[int, ...]) -> tuple[tuple[int, ...], Duration]:
    """Give those of the indexes that may have a pod by now; if none may, how long the first one waits."""
    waits = [(index, backoff.remaining_of_index(held_of(desk.look, index), desk.ask.now)) for index in found]
    due = tuple([index for index, wait in waits if not wait])
    return due, 0 if due else min([wait for _, wait in waits], default=0)


def _batch(desk: Desk, size: int) -> Outcome:
    look = desk.look
    size = min(size, look.left)
    now, later = look.indexes[:size], look.indexes[size:]
    if now:
        calls = [creation(look.job, index, held_of(look, index), look.group) for index in now]
    else:
        calls = [creation(look.job, indexes.UNKNOWN, None)] * size
    return called(noting(desk, left=look.left - size, indexes=later), "create", tuple(calls))


def on_created(desk: Desk) -> Desk | Outcome:
    """Create the next batch, if this one did not fail."""
    look, known = desk.look, desk.known
    records: list[Record] = []
    failed, why = 0, ""
    for _, response in desk.ask.answers:
        if response.ok:
            known = memory.having_written(known, response.body, desk.ask.now, pod=True)
            records.append(
                Record(look.job, "Normal", "SuccessfulCreate", f"Created pod: {response.body.metadata.name}")
            )
        elif not namespace_ends(response):
            failed, why = failed + 1, why or message_of(response)
            records.append(Record(look.job, "Warning", "FailedCreate", f"Error creating: {message_of(response)}"))
    desk = recording(desk, *records)
    if failed:
        less = failed + look.left
        desk = knowing(desk, memory.fewer_creates(known, less))
        return noting(desk, standing=look.standing - less, left=0, indexes=(), error=look.error or why)
    desk = knowing(desk, known)
    return _batch(desk, 2 * len(desk.ask.answers)) if look.left else desk
