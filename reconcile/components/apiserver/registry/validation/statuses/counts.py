"""Counts of statuses: none is negative, and none is more than the whole that it is a part of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.components.apiserver.refusals import Cause, Causes, wrong
from reconcile.components.apiserver.registry.validation.statuses.conditions import conditions_causes
from reconcile.components.apiserver.registry.validation.values import at_least_zero

_GREATER: Final = "cannot be greater than status.replicas"


@attrs.frozen(kw_only=True)
class Counts:
    """
    The counts of one kind's status.

    Args:
        fields: JSON name and attribute of each that is not negative.
        parts: of these those that are no more than `replicas`.
        ready: what is said where more are available than are ready; empty if nobody asks.
        decreases: whether `collisionCount` may fall.
    """

    fields: tuple[tuple[str, str], ...]
    parts: tuple[str, ...] = ()
    ready: str = ""
    decreases: bool = False


def counted(counts: Counts) -> Callable[[Any, Any], Causes]:
    """Give what asks a status for its counts."""
    return lambda new, old: _causes(counts, new.status, old.status)


def _causes(counts: Counts, status: Any, old: Any) -> Causes:
    if status is None:
        return ()
    found: list[Cause] = []
    attributes = dict(counts.fields)
    for name, attribute in counts.fields:
        found += at_least_zero(f"status.{name}", getattr(status, attribute))
    found += [
        wrong(f"status.{name}", getattr(status, attributes[name]) or 0, _GREATER)
        for name in counts.parts
        if (getattr(status, attributes[name]) or 0) > (status.replicas or 0)
    ]
    if counts.ready and (status.available_replicas or 0) > (status.ready_replicas or 0):
        found.append(wrong("status.availableReplicas", status.available_replicas, counts.ready))
    before = getattr(old, "collision_count", None)
    if not counts.decreases and before is not None and (status.collision_count or 0) < before:
        found.append(wrong("status.collisionCount", status.collision_count or 0, "cannot be decremented"))
    return tuple(found)


_REPLICAS: Final = ("replicas", "replicas")
_READY: Final = ("readyReplicas", "ready_replicas")
_AVAILABLE: Final = ("availableReplicas", "available_replicas")
_LABELED: Final = ("fullyLabeledReplicas", "fully_labeled_replicas")
_UPDATED: Final = ("updatedReplicas", "updated_replicas")
_OBSERVED: Final = ("observedGeneration", "observed_generation")
_COLLISIONS: Final = ("collisionCount", "collision_count")
_READY_FIRST: Final = "cannot be greater than readyReplicas"

REPLICA_SETS: Final = Counts(
    fields=(_REPLICAS, _LABELED, _READY, _AVAILABLE, _OBSERVED),
    parts=("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
    ready=_READY_FIRST,
    decreases=True,
)
DEPLOYMENTS: Final = Counts(
    fields=(
        *(_OBSERVED, _REPLICAS, _UPDATED, _READY, _AVAILABLE),
        *(("unavailableReplicas", "unavailable_replicas"), ("terminatingReplicas", "terminating_replicas")),
        _COLLISIONS,
    ),
    parts=("updatedReplicas", "readyReplicas", "availableReplicas"),
    ready=_READY_FIRST,
)
STATEFUL_SETS: Final = Counts(
    fields=(
        *(_REPLICAS, _READY, ("currentReplicas", "current_replicas"), _UPDATED, _AVAILABLE, _OBSERVED),
        _COLLISIONS,
    ),
    parts=("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
    ready="cannot be greater than status.readyReplicas",
)
DAEMON_SETS: Final = Counts(
    fields=(
        ("currentNumberScheduled", "current_number_scheduled"),
        ("numberMisscheduled", "number_misscheduled"),
        ("desiredNumberScheduled", "desired_number_scheduled"),
        ("numberReady", "number_ready"),
        _OBSERVED,
        ("updatedNumberScheduled", "updated_number_scheduled"),
        ("numberAvailable", "number_available"),
        ("numberUnavailable", "number_unavailable"),
        _COLLISIONS,
    ),
)


def budget_causes(new: Any, _: Any) -> Causes:
    """Say what is wrong with the status of a PodDisruptionBudget."""
    status = new.status
    if status is None:
        return ()
    found = list(conditions_causes("status.conditions", status.conditions))
    found += at_least_zero("status.disruptionsAllowed", status.disruptions_allowed)
    found += at_least_zero("status.currentHealthy", status.current_healthy)
    found += at_least_zero("status.desiredHealthy", status.desired_healthy)
    return (*found, *at_least_zero("status.expectedPods", status.expected_pods))


def autoscaler_causes(new: Any, _: Any) -> Causes:
    """Say what is wrong with the status of a HorizontalPodAutoscaler."""
    status = new.status
    if status is None:
        return ()
    return at_least_zero("status.currentReplicas", status.current_replicas) + at_least_zero(
        "status.desiredReplicas", status.desired_replicas
    )
