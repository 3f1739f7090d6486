"""
Status: what a StatefulSet is told about its pods.

Takes:    pods as they were seen, revisions.
Gives:    the next status.
Source:   pkg/controller/statefulset: computeReplicaStatus, completeRollingUpdate, inconsistentStatus.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.api.apps_v1 import StatefulSetStatus
from reconcile.components.controllers.workloads.statefulset.identity import revision_of
from reconcile.components.controllers.workloads.statefulset.revisions import History
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model import conditions

_ROLLING: Final = "RollingUpdate"


def is_created(pod: Any) -> bool:
    """Tell whether the API server has the pod: one that is still to be made has no phase."""
    return pod.status is not None and bool(pod.status.phase)


def is_ready(pod: Any) -> bool:
    """Tell whether the pod runs and is ready."""
    return is_created(pod) and pod.status.phase == "Running" and conditions.is_true(pod.status.conditions, "Ready")


def is_available(pod: Any, wait: Duration, now: Instant) -> bool:
    """Tell whether the pod has been ready for long enough."""
    return until_available(pod, wait, now) == 0


def until_available(pod: Any, wait: Duration, now: Instant) -> Duration | None:
    """Tell in how long the pod will be available if it stays ready; None if it is not ready."""
    ready = conditions.find(pod.status.conditions, "Ready") if pod.status is not None else None
    if ready is None or ready.status != "True":
        return None
    since = ready.last_transition_time
    if not wait:
        return 0
    return wait if since is None else max(wait - (now - since.instant), 0)


def is_unavailable(pod: Any, wait: Duration, now: Instant) -> bool:
    """Tell whether the pod serves nobody, or soon will not."""
    return pod.metadata.deletion_timestamp is not None or not is_available(pod, wait, now)


def wait_of(stateful: Any) -> Duration:
    """Give for how long a pod must have been ready to be available."""
    return (stateful.spec.min_ready_seconds or 0) * SECOND


def counted(stateful: Any, pods: Iterable[Any], history: History, now: Instant) -> StatefulSetStatus:
    """Count *pods* by what they are, and by which of both revisions they are of."""
    current, update = history.current.metadata.name, history.update.metadata.name
    wait = wait_of(stateful)
    created = [pod for pod in pods if is_created(pod)]
    ready = [pod for pod in created if is_ready(pod)]
    names = [revision_of(pod) for pod in created if pod.metadata.deletion_timestamp is None]
    return StatefulSetStatus(
        observed_generation=stateful.metadata.generation,
        replicas=len(created),
        ready_replicas=len(ready) or None,
        available_replicas=len([pod for pod in ready if is_available(pod, wait, now)]),
        current_revision=current,
        update_revision=update,
        current_replicas=names.count(current) or None,
        updated_replicas=names.count(update) or None,
        collision_count=history.collisions,
    )


def with_fewer_current(status: StatefulSetStatus, count: int) -> StatefulSetStatus:
    """Give the status after *count* pods were deleted to be updated."""
    return replace(status, current_replicas=((status.current_replicas or 0) - count) or None) if count else status


def completed(stateful: Any, status: StatefulSetStatus) -> StatefulSetStatus:
    """Give the status as it is once every pod is of the update revision and ready: that is the current one then."""
    replicas = stateful.spec.replicas
    wanted = 1 if replicas is None else replicas
    strategy = stateful.spec.update_strategy
    is_rolling = strategy is not None and strategy.type == _ROLLING
    done = (status.updated_replicas or 0) == (status.ready_replicas or 0) == status.replicas == wanted
    if not is_rolling or not done:
        return status
    return replace(status, current_replicas=status.updated_replicas, current_revision=status.update_revision)


def is_told(stateful: Any, status: StatefulSetStatus) -> bool:
    """Tell whether the StatefulSet says all that already."""
    old = stateful.status
    if old is None or (status.observed_generation or 0) > (old.observed_generation or 0):
        return False
    return all((getattr(old, name) or 0) == (getattr(status, name) or 0) for name in _TOLD)


_TOLD: Final = (
    "replicas",
    "current_replicas",
    "ready_replicas",
    "updated_replicas",
    "current_revision",
    "available_replicas",
    "update_revision",
)
