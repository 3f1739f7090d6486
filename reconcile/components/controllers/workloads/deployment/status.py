"""
Status: what a Deployment is told about its rollout.

Takes:    Deployment, Fleet, now.
Gives:    DeploymentStatus, equal to the present one if nothing changed.
Source:   pkg/controller/deployment: progress.go, sync.go (calculateStatus); its util's conditions.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.apps_v1 import DeploymentCondition, DeploymentStatus
from reconcile.api.scalars import Time
from reconcile.components.controllers.workloads.deployment.bounds import desired, least
from reconcile.components.controllers.workloads.deployment.fleet import Fleet
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model import conditions as found_in

AVAILABLE: Final = "Available"
PROGRESSING: Final = "Progressing"
REPLICA_FAILURE: Final = "ReplicaFailure"

NEW_AVAILABLE: Final = "NewReplicaSetAvailable"
TIMED_OUT: Final = "ProgressDeadlineExceeded"
PAUSED: Final = "DeploymentPaused"
RESUMED: Final = "DeploymentResumed"

# A deadline of so many seconds is none.
_FOR_EVER: Final = 2**31 - 1

_NOTHING_TOLD: Final = DeploymentStatus()

Conditions = tuple[DeploymentCondition, ...]


def plain(deployment: Any, fleet: Fleet, now: Instant) -> DeploymentStatus:
    """Give the status without a word on progress: of a Deployment that is paused, scaled, or being deleted."""
    old, new = deployment.status or _NOTHING_TOLD, fleet.new
    wanted = replicas = ready = ready_long = terminating = 0
    tells_terminating = True
    for one in fleet.all:
        size, told = one.spec.replicas, one.status
        wanted += 1 if size is None else size
        if told is None:
            continue
        replicas += told.replicas
        ready += told.ready_replicas or 0
        ready_long += told.available_replicas or 0
        terminating += told.terminating_replicas or 0
        if told.terminating_replicas is None and told.observed_generation:
            tells_terminating = False  # this ReplicaSet was looked at by somebody who does not count them
    return DeploymentStatus(
        observed_generation=deployment.metadata.generation,
        replicas=replicas or None,
        updated_replicas=(new.status.replicas or None) if new is not None and new.status else None,
        ready_replicas=ready or None,
        available_replicas=ready_long or None,
        unavailable_replicas=max(wanted - ready_long, 0) or None,
        terminating_replicas=terminating if tells_terminating else None,
        collision_count=old.collision_count,
        conditions=put(old.conditions, _availability(deployment, ready_long), now),
    )


def rollout(deployment: Any, fleet: Fleet, now: Instant) -> DeploymentStatus:
    """Give the status of a Deployment that rolls out, or has."""
    status = plain(deployment, fleet, now)
    kept = status.conditions or ()
    present = found_in.find(kept, PROGRESSING)
    if not has_deadline(deployment):
        kept = found_in.remove(kept, PROGRESSING)
    elif not (status.replicas == status.updated_replicas and present is not None and present.reason == NEW_AVAILABLE):
        kept = _progress(deployment, fleet, status, present, now)
    failure = _failure(fleet)
    kept = found_in.remove(kept, REPLICA_FAILURE) if failure is None else put(kept, failure, now)
    return status if kept is status.conditions else replace(status, conditions=kept)


def paused_or_resumed(deployment: Any, now: Instant) -> Conditions:
    """Give the conditions after a word on whether the Deployment is paused, so that no deadline runs meanwhile."""
    kept: Conditions = (deployment.status.conditions or ()) if deployment.status else ()
    if not has_deadline(deployment):
        return kept
    present = found_in.find(kept, PROGRESSING)
    reason = None if present is None else present.reason
    if reason == TIMED_OUT:
        return kept
    is_known = reason == PAUSED
    if deployment.spec.paused and not is_known:
        return put(kept, _condition(PROGRESSING, "Unknown", PAUSED, "Deployment is paused"), now)
    if not deployment.spec.paused and is_known:
        return put(kept, _condition(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed"), now)
    return kept


def is_just_resumed(deployment: Any) -> bool:
    """Tell whether nothing was said of the progress since a Deployment was resumed."""
    present = found_in.find(deployment.status.conditions or (), PROGRESSING) if deployment.status else None
    return present is not None and present.reason == RESUMED


def found_new(name: str) -> DeploymentCondition:
    """Say that the present template has a ReplicaSet already."""
    return _condition(PROGRESSING, "True", "FoundNewReplicaSet", f'Found new replica set "{name}"')


def created_new(name: str) -> DeploymentCondition:
    """Say that the present template has got its ReplicaSet."""
    return _condition(PROGRESSING, "True", "NewReplicaSetCreated", f'Created new replica set "{name}"')


def failed_to_create(message: str) -> DeploymentCondition:
    """Say that the present template has no ReplicaSet, and why."""
    return _condition(PROGRESSING, "False", "ReplicaSetCreateError", message)


def has_deadline(deployment: Any) -> bool:
    """Tell whether a rollout may take only so long."""
    seconds = deployment.spec.progress_deadline_seconds
    return seconds is not None and seconds != _FOR_EVER


def is_complete(deployment: Any, status: DeploymentStatus | None) -> bool:
    """Tell whether every pod is of the present template and available, and no other is left."""
    if status is None:
        return False
    wanted = desired(deployment)
    return (
        (status.updated_replicas or 0) == wanted
        and (status.replicas or 0) == wanted
        and (status.available_replicas or 0) == wanted
        and (status.observed_generation or 0) >= (deployment.metadata.generation or 0)
    )


def until_deadline(deployment: Any, status: DeploymentStatus, now: Instant) -> Duration | None:
    """Give how long it is until the rollout, if one is under way, will have taken too long; None if it cannot."""
    if not has_deadline(deployment) or deployment.spec.paused:
        return None
    present = found_in.find(status.conditions, PROGRESSING)
    if present is None or present.reason in (NEW_AVAILABLE, TIMED_OUT) or is_complete(deployment, status):
        return None
    return max(_deadline(deployment, present) - now, 0) + SECOND


def put(kept: Conditions | None, condition: DeploymentCondition, now: Instant) -> Conditions:
    """Give *kept* with *condition* at its end; the same tuple if it says the same for the same reason already."""
    kept = kept or ()
    present = found_in.find(kept, condition.type)
    if present is not None and present.reason == condition.reason and present.status == condition.status:
        return kept
    return _put(kept, condition, present, now)


def _put(
    kept: Conditions, condition: DeploymentCondition, present: DeploymentCondition | None, now: Instant
) -> Conditions:
    at = Time.at(now)
    turned = present.last_transition_time if present is not None and present.status == condition.status else at
    if condition.last_transition_time is None:
        condition = replace(condition, last_transition_time=turned, last_update_time=at)
    return (*[one for one in kept if one.type != condition.type], condition)


def _progress(
    deployment: Any, fleet: Fleet, status: DeploymentStatus, present: DeploymentCondition | None, now: Instant
) -> Conditions:
    kept: Conditions = status.conditions or ()
    new = fleet.new
    what = f'Deployment "{deployment.metadata.name}"' if new is None else f'ReplicaSet "{new.metadata.name}"'
    if is_complete(deployment, status):
        said = f"{what} has successfully progressed."
        return put(kept, _condition(PROGRESSING, "True", NEW_AVAILABLE, said), now)
    if _progresses(deployment.status or DeploymentStatus(), status):
        # Even for the same reason: the deadline counts from the last progress.
        condition = _condition(PROGRESSING, "True", "ReplicaSetUpdated", f"{what} is progressing.")
        return _put(kept, condition, present, now)
    if _is_late(deployment, present, now):
        return put(kept, _condition(PROGRESSING, "False", TIMED_OUT, f"{what} has timed out progressing."), now)
    return kept


def _progresses(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    olds_before = (old.replicas or 0) - (old.updated_replicas or 0)
    olds_now = (new.replicas or 0) - (new.updated_replicas or 0)
    return (
        (new.updated_replicas or 0) > (old.updated_replicas or 0)
        or olds_now < olds_before
        or (new.ready_replicas or 0) > (old.ready_replicas or 0)
        or (new.available_replicas or 0) > (old.available_replicas or 0)
    )


def _is_late(deployment: Any, present: DeploymentCondition | None, now: Instant) -> bool:
    if present is None or present.reason == NEW_AVAILABLE:
        return False
    return present.reason == TIMED_OUT or _deadline(deployment, present) < now


def _deadline(deployment: Any, present: DeploymentCondition) -> Instant:
    since = present.last_update_time.instant if present.last_update_time else 0
    return int(since + deployment.spec.progress_deadline_seconds * SECOND)


def _availability(deployment: Any, ready_long: int) -> DeploymentCondition:
    return _ENOUGH if ready_long >= least(deployment) else _TOO_FEW


def _failure(fleet: Fleet) -> DeploymentCondition | None:
    """Give what keeps a ReplicaSet from creating pods: the new one's word counts first."""
    members = fleet.olds if fleet.new is None else (fleet.new, *fleet.olds)
    for one in members:
        if one.status is None or not one.status.conditions:
            continue
        failure = found_in.find(one.status.conditions, REPLICA_FAILURE)
        if failure is not None:
            return DeploymentCondition(
                type=REPLICA_FAILURE,
                status=failure.status,
                reason=failure.reason,
                message=failure.message,
                last_update_time=failure.last_transition_time,
                last_transition_time=failure.last_transition_time,
            )
    return None


def _condition(type: str, status: str, reason: str, message: str) -> DeploymentCondition:
    return DeploymentCondition(type=type, status=status, reason=reason, message=message)


_ENOUGH: Final = _condition(AVAILABLE, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
_TOO_FEW: Final = _condition(
    AVAILABLE, "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
)
