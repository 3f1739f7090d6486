"""
Statuses: what the scheduler has written of a pod that waits, and of one that has to make room.

Source:   the scheduler's handleSchedulingFailure, updatePod; preemption: prepareCandidate.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1
from reconcile.api.convert import dump
from reconcile.api.scalars import freeze
from reconcile.components.scheduler.framework.messages import cut
from reconcile.components.scheduler.state import PROFILE
from reconcile.effects import Call, Effect, Record
from reconcile.lib.instant import Instant
from reconcile.model import conditions
from reconcile.model.requests import Request, split_key


def evicted(
    key: str, pod: Any, preemptor: str, node: str, scheduler: str, *, now: Instant, by: str
) -> tuple[Effect, ...]:
    """Say in a victim's status why it has to go, for the pod *by*; it is deleted when that is written (`gone`)."""
    condition = core_v1.PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="PreemptionByScheduler",
        message=f"{scheduler}: preempting to accommodate a higher priority pod",
        observed_generation=pod.metadata.generation,
    )
    old = (pod.status.conditions if pod.status is not None else None) or ()
    new = conditions.set(old, condition, now)
    record = Record(pod, "Normal", "Preempted", f"Preempted by pod {preemptor} on node {node}", component=scheduler)
    if new is old:
        return (record, gone(key, by))
    request = status_written(key, {"conditions": [dump(each) for each in new]}).request
    return (record, Call(request, ("evict", key, by)))


def gone(key: str, by: str) -> Call:
    """Have a victim deleted, for the pod *by*."""
    namespace, name = split_key(key)
    return Call(Request(verb="delete", resource="pods", namespace=namespace, name=name), ("delete", key, by))


def told(key: str, pod: Any, reason: str, message: str, now: Instant, *, node: str | None = None) -> tuple[Effect, ...]:
    """
    Record why the pod is not scheduled, and write it into its status if that does not say so already.

    With *node* it says which node is promised to it: none, if that is empty.
    """
    scheduler = pod.spec.scheduler_name or PROFILE
    record = Record(pod, "Warning", "FailedScheduling", cut(message), component=scheduler)
    condition = core_v1.PodCondition(
        type="PodScheduled",
        status="False",
        reason=reason,
        message=message,
        observed_generation=pod.metadata.generation,
    )
    old = (pod.status.conditions if pod.status is not None else None) or ()
    new = conditions.set(old, condition, now)
    body: dict[str, Any] = {}
    if new is not old:
        body["conditions"] = [dump(each) for each in new]
    if node is not None and (not node or pod.status is None or pod.status.nominated_node_name != node):
        body["nominatedNodeName"] = node or None
    return (record, status_written(key, body)) if body else (record,)


def skipped(pod: Any) -> Record:
    """Record that a pod has no turn, since it is being deleted."""
    said = f"skip schedule deleting pod: {pod.metadata.namespace}/{pod.metadata.name}"
    return Record(pod, "Warning", "FailedScheduling", said, component=pod.spec.scheduler_name or PROFILE)


def status_written(key: str, body: dict[str, Any]) -> Call:
    """Have these fields of a pod's status written."""
    namespace, name = split_key(key)
    return Call(
        Request(
            verb="patch",
            resource="pods",
            namespace=namespace,
            name=name,
            subresource="status",
            body=freeze({"status": body}),
        )
    )
