"""
What the Job controller remembers between two looks at caches that lag.

Expectations say what it has ordered and not seen yet: pods that are to appear or to go, finalizers that are to be gone.
What it wrote last says how new its caches have to be before it looks again.

What becomes of pods, and a Job's own status, is looked at a second later, with all else that comes within that second;
a new Job, or another specification, at once.

Takes:    every change of Jobs and of pods.
Gives:    Memory.
Source:   pkg/controller/job/job_controller.go: the event handlers; tracking_utils.go;
          pkg/controller/controller_utils.go: ControllerExpectations; pkg/controller/util/consistency.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Key, Views
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.job.backoff import Failures
from reconcile.components.controllers.workloads.job.look import Look
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.owners import controller_of
from reconcile.store import Change

JOBS: Final = "jobs.batch"
CLAIMANT: Final = claims.Claimant(
    resource=JOBS, kind="Job", api_version="batch/v1", selects=claims.selects_by_label_selector
)
FINALIZER: Final = "batch.kubernetes.io/job-tracking"

# What comes within so long is looked at together. Upstream's second begins when a change is seen, later than the change
# by what a watch takes: so what somebody looks at a second after the change is still as it was.
BATCH: Final[Duration] = SECOND + MILLISECOND
# After this long an expectation is given up: whatever it waits for was missed.
EXPIRES: Final[Duration] = 5 * MINUTE

_YES: Final = True  # the value of a table of which only the keys count
_NONE: Final[Table[str, bool]] = Table()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Known:
    """
    What is known of one Job beside what the caches show.

    Args:
        uid: the Job's.
        creates: how many pods are to appear.
        deletes: keys of the pods that are to go; only the keys count.
        ordered: when either was ordered.
        releases: uids of the pods whose finalizer was removed, which the cache does not show; only the keys count.
        failures: of its pods, as far as they are in its status.
        due: when the Job is to be looked at; -1 for at no time.
        wrote: the version of the Job that was written last.
        wrote_pods: of its pods, likewise.
        wrote_at: when either was.
        finished: that was written.
    """

    uid: str
    creates: int = 0
    deletes: Table[str, bool] = _NONE
    ordered: Instant = 0
    releases: Table[str, bool] = _NONE
    failures: Failures = Failures()
    due: Instant = -1
    wrote: int = 0
    wrote_pods: int = 0
    wrote_at: Instant = 0
    finished: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    Everything that the controller remembers.

    Args:
        jobs: by key.
        looks: those under way, by the Job's key.
        seen: the highest version of a Job that the cache has shown.
        seen_pods: of a pod, likewise.
    """

    jobs: Table[str, Known] = attrs.field(factory=Table)
    looks: Table[str, Look] = attrs.field(factory=Table)
    seen: int = 0
    seen_pods: int = 0


def knowing(memory: Memory, key: str, known: Known) -> Memory:
    """Give the memory in which *known* is what is known of the Job at *key*."""
    if memory.jobs.get(key, None) == known:
        return memory
    return Memory(memory.jobs.set(key, known), memory.looks, memory.seen, memory.seen_pods)


def looking(memory: Memory, look: Look) -> Memory:
    """Give the memory in which *look* is under way."""
    return Memory(memory.jobs, memory.looks.set(look.key, look), memory.seen, memory.seen_pods)


def looked(memory: Memory, key: str) -> Memory:
    """Give the memory in which no look at the Job at *key* is under way."""
    if key not in memory.looks:
        return memory
    return Memory(memory.jobs, memory.looks.remove(key), memory.seen, memory.seen_pods)


def is_satisfied(known: Known, now: Instant) -> bool:
    """Tell whether every pod that was ordered or deleted was seen to be, or was ordered too long ago."""
    return (known.creates <= 0 and not len(known.deletes)) or now - known.ordered > EXPIRES


def is_stale(memory: Memory, known: Known, now: Instant) -> str:
    """Name the resource whose cache is older than what was last written of the Job or of its pods; empty for none."""
    if now - known.wrote_at > EXPIRES:
        return ""  # it was written and gone between two looks of a watch
    return JOBS if known.wrote > memory.seen else "pods" if known.wrote_pods > memory.seen_pods else ""


def having_written(known: Known, body: Any, now: Instant, *, pod: bool) -> Known:
    """Note that the API server gave *body*, the Job or one of its pods, as it was written."""
    version = int(body.metadata.resource_version or 0)
    if pod:
        return replace(known, wrote_pods=max(known.wrote_pods, version), wrote_at=now)
    return replace(known, wrote=max(known.wrote, version), wrote_at=now)


def expecting_creates(known: Known, count: int, now: Instant) -> Known:
    """Expect *count* pods to appear."""
    return replace(known, creates=count, deletes=_NONE, ordered=now)


def fewer_creates(known: Known, count: int) -> Known:
    """Expect *count* pods less."""
    return replace(known, creates=known.creates - count)


def expecting_deletes(known: Known, keys: list[str], now: Instant) -> Known:
    """Expect the pods with these keys to go."""
    return replace(known, creates=0, deletes=Table.of([(key, _YES) for key in keys]), ordered=now)


def without_delete(known: Known, key: str) -> Known:
    """Expect the pod with this key to go no more."""
    return replace(known, deletes=known.deletes.remove(key)) if key in known.deletes else known


def expecting_releases(known: Known, uids: list[str]) -> Known:
    """Expect these pods to lose their finalizer."""
    releases = known.releases
    for uid in uids:
        releases = releases.set(uid, _YES)
    return replace(known, releases=releases)


def without_release(known: Known, uid: str) -> Known:
    """Expect the pod with this uid to lose its finalizer no more."""
    return replace(known, releases=known.releases.remove(uid)) if uid in known.releases else known


def is_finished(job: Any) -> bool:
    """Tell whether the Job is complete or has failed."""
    return bool(outcome_of(job))


def outcome_of(job: Any) -> str:
    """Give the type of the condition that says how the Job ended: Complete or Failed; empty if it has not ended."""
    for condition in (job.status.conditions if job.status else None) or ():
        if condition.type in ("Complete", "Failed") and condition.status == "True":
            return str(condition.type)
    return ""


def is_tracked(pod: Any) -> bool:
    """Tell whether the pod has the finalizer by which it waits to be counted."""
    return FINALIZER in (pod.metadata.finalizers or ())


def pod_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the Jobs that a pod's change concerns."""
    return claims.owner_keys(CLAIMANT, change, views)


def observe(memory: Memory, change: Change, views: Views, now: Instant) -> Memory:
    """Take a change in."""
    if change.resource == JOBS:
        return _job_observed(memory, change, now)
    revision = change.revision
    if revision > memory.seen_pods:
        memory = Memory(memory.jobs, memory.looks, memory.seen, revision)
    for key in pod_keys(change, views):
        known = memory.jobs.get(key, None)
        if known is not None:
            memory = knowing(memory, key, _pod_observed(known, change, now))
    return memory


def _job_observed(memory: Memory, change: Change, now: Instant) -> Memory:
    key, old, new = change.key, change.old, change.new
    memory = Memory(memory.jobs, memory.looks, max(memory.seen, change.revision), memory.seen_pods)
    known = memory.jobs.get(key, None)
    if new is None:
        return memory if known is None else replace(memory, jobs=memory.jobs.remove(key))
    if known is None or known.uid != new.metadata.uid:
        return knowing(memory, key, Known(uid=new.metadata.uid, due=now))
    if old is None or old.metadata.generation != new.metadata.generation:
        return knowing(memory, key, replace(known, due=now))
    return knowing(memory, key, _batched(known, now))


def _pod_observed(known: Known, change: Change, now: Instant) -> Known:
    old, new = change.old, change.new
    if new is None or new.metadata.deletion_timestamp is not None:
        known = without_delete(known, change.key)
    elif old is None and known.creates > 0 and _is_of(new, known):
        known = fewer_creates(known, 1)
    if new is None or not is_tracked(new):
        known = without_release(known, (new or old).metadata.uid)
    return _batched(known, now)


def _is_of(pod: Any, known: Known) -> bool:
    reference = controller_of(pod)
    return reference is not None and reference.uid == known.uid


def _batched(known: Known, now: Instant) -> Known:
    return replace(known, due=now + BATCH) if known.due < 0 else known
