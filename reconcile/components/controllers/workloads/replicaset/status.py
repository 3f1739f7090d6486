"""
Status: what an owner is told about its pods.

Takes:    counts from the pods' indexes; pods are listed only if they have to be ready for a while, or differ in labels.
Gives:    the next status, the very same object if nothing changed.
Source:   pkg/controller/replicaset/replica_set_utils.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.workloads.replicaset.kinds import Kind
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model import conditions, selectors

_ENDED: Final = ("Succeeded", "Failed")


@quick
@attrs.frozen(weakref_slot=False)
class Counts:
    """How many of an owner's active pods are what; *next_check* is when one more will be available."""

    active: int
    ready: int
    available: int
    labelled: int
    terminating: int
    next_check: Duration | None = None


def counts(owner: Any, pods: Table[str, Any], active: int, now: Instant) -> Counts:
    """Count *owner*'s pods, of which so many are *active*, without listing them if that can be."""
    uid = owner.metadata.uid
    ready = pods.count("standing", (uid, "ready"))
    terminating = pods.count("standing", (uid, "terminating"))
    template = owner.spec.template
    labels = template.metadata.labels if template and template.metadata else None
    labelled = pods.count("labelled", (uid, tuple((labels or {}).items())))
    if labelled != active:
        # A pod that was adopted may have labels beside the template's, or the template may name a zone.
        listed = pods.under("standing", (uid, "active"))
        labelled = len([1 for pod in listed if selectors.matches_all(labels, pod.metadata.labels)])
    wait = (owner.spec.min_ready_seconds or 0) * SECOND
    if not wait or not ready:
        return Counts(active, ready, ready, labelled, terminating)
    waits = [ready_for(pod, now) for pod in pods.under("standing", (uid, "ready"))]
    missing = [wait - passed for passed in waits if passed < wait]
    return Counts(active, ready, ready - len(missing), labelled, terminating, min(missing, default=None))


def is_active(pod: Any) -> bool:
    """Tell whether the pod has not ended and is not being deleted."""
    status = pod.status
    return pod.metadata.deletion_timestamp is None and (status is None or status.phase not in _ENDED)


def matters(old: Any, new: Any) -> bool:
    """Tell whether a pod's change from *old* to *new* can change what its owner counts or has to do."""
    before, after = old.metadata, new.metadata
    if (
        before.labels is not after.labels
        or before.owner_references is not after.owner_references
        or before.deletion_timestamp is not after.deletion_timestamp
    ):
        return True
    was, is_ = old.status, new.status
    if was is is_:
        return False
    if was is None or is_ is None or was.phase != is_.phase:
        return True
    if was.conditions is is_.conditions:
        return False
    ready_before, ready_after = conditions.find(was.conditions, "Ready"), conditions.find(is_.conditions, "Ready")
    if ready_before is None or ready_after is None:
        return ready_before is not ready_after
    if ready_before.status != ready_after.status:
        return True
    return bool(ready_before.last_transition_time != ready_after.last_transition_time)


def ready_for(pod: Any, now: Instant) -> Duration:
    """Tell for how long the pod, which is ready, has been so."""
    ready = conditions.find(pod.status.conditions, "Ready")
    since = None if ready is None else ready.last_transition_time
    return 0 if since is None else now - since.instant


def next_status(kind: Kind, owner: Any, found: Counts, failure: tuple[str, str] | None, now: Instant) -> Any:
    """Give *owner*'s status; *failure* is the reason and the message of what went wrong just now."""
    old = owner.status
    kept = old.conditions if old else None
    after = _with_failure(kind, kept, failure, now)
    terminating = found.terminating if kind.counts_terminating else None
    generation = owner.metadata.generation
    if old is not None and (
        after is kept
        and old.replicas == found.active
        and (old.fully_labeled_replicas or 0) == found.labelled
        and (old.ready_replicas or 0) == found.ready
        and (old.available_replicas or 0) == found.available
        and (not kind.counts_terminating or old.terminating_replicas == terminating)
        and old.observed_generation == generation
    ):
        return old
    fields = {
        "replicas": found.active,
        "fully_labeled_replicas": found.labelled or None,
        "ready_replicas": found.ready or None,
        "available_replicas": found.available or None,
        "observed_generation": generation,
        "conditions": after or None,
    }
    if kind.counts_terminating:
        fields["terminating_replicas"] = terminating
    return kind.status(**fields)


def _with_failure(
    kind: Kind, kept: tuple[Any, ...] | None, failure: tuple[str, str] | None, now: Instant
) -> tuple[Any, ...] | None:
    known = conditions.find(kept, "ReplicaFailure")
    if failure is None:
        return kept if known is None else conditions.remove(kept, "ReplicaFailure")
    if known is not None:
        return kept  # what failed first stays
    reason, message = failure
    condition = kind.condition(type="ReplicaFailure", status="True", reason=reason, message=message)
    return conditions.set(kept, condition, now)
