"""
Marking: a pod that a controller of taints evicts says in its condition DisruptionTarget why it goes.

Source:   pkg/controller/tainteviction, devicetainteviction: addConditionAndDeletePod.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.model import conditions
from reconcile.model.requests import Request

TARGET: Final = "DisruptionTarget"


def marked_for_disruption(pod: Any, reason: str, message: str, now: Instant) -> Request | None:
    """Give the call that says on the pod why it goes; None if it says so already."""
    generation = pod.metadata.generation
    said = pod.status.conditions if pod.status else None
    wanted = core_v1.PodCondition(
        type=TARGET, status="True", reason=reason, message=message, observed_generation=generation
    )
    if conditions.set(said, wanted, now) is said:
        return None
    found = conditions.find(said, TARGET)
    since = found.last_transition_time if found is not None and found.status == "True" else None
    condition = Map(
        {
            "type": TARGET,
            "status": "True",
            "reason": reason,
            "message": message,
            "observedGeneration": generation,
            "lastTransitionTime": (since or Time.at(now)).text,
        }
    )
    status = {"$setElementOrder/conditions": conditions.order_with(said, TARGET), "conditions": (condition,)}
    return Request(
        verb="patch",
        resource="pods",
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        subresource="status",
        body=Map({"metadata": Map({"uid": pod.metadata.uid}), "status": Map(status)}),
        patch_type="strategic",
    )
