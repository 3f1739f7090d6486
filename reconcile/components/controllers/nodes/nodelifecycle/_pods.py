"""
Pods of a node that is not ready: their readiness is taken back, since nobody else can.

Takes:    Ask of a pod's key.
Gives:    Outcome.
Source:   pkg/controller/nodelifecycle/node_lifecycle_controller.go: processPod; pkg/controller/util/node:
          MarkPodsNotReady.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.nodes.nodelifecycle._memory import ready_status
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.requests import Request


def reconcile_pod(ask: Ask) -> Outcome:
    """Take back the readiness of a pod that came to a node which is not ready."""
    pod = ask.views.get("pods", ask.key)
    if ask.answers:
        answer = ask.answers[0][1]
        if not is_done(answer):
            return Outcome(error=text_of(answer))
        return Outcome(records=(unready_record(answer.body),) if answer.ok else ())
    node = ask.views.get("nodes", pod.spec.node_name) if pod is not None and pod.spec.node_name else None
    if node is None or ready_status(node) in (None, "True"):
        return Outcome()
    call = marked_unready(pod, ask.now)
    return Outcome() if call is None else Outcome(calls=(call,), again=True)


def marked_unready(pod: Any, now: Instant) -> Request | None:
    """Give the call that takes the pod's readiness back; None if it is not ready."""
    ready = conditions.find(pod.status.conditions if pod.status else None, "Ready")
    if ready is None or ready.status != "True":
        return None
    unready = replace(ready, status="False", last_transition_time=None)
    return _status(pod, replace(pod.status, conditions=conditions.set(pod.status.conditions, unready, now)))


def unready_record(pod: Any) -> Record:
    """Give the event that says so."""
    return Record(pod, "Warning", "NodeNotReady", "Node is not ready")


def _status(pod: Any, status: Any) -> Request:
    metadata = pod.metadata
    return Request(
        verb="update",
        resource="pods",
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=replace(pod, status=status),
    )
