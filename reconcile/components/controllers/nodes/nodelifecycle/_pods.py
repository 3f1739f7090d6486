"""
Pods that must go: evicted by their node's taints.

Takes:    Ask of a pod's key.
Gives:    Outcome.
Source:   pkg/controller/tainteviction: taint_eviction.go; MarkPodsNotReady.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.nodes.nodelifecycle._memory import Eviction, Memory, ready_status
from reconcile.components.controllers.nodes.nodelifecycle._taints import bears, no_execute
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.requests import Request, split_key


def reconcile_pod(ask: Ask) -> Outcome:
    """Evict one pod if its node's taints say so, now or when the time that it bears them is over."""
    pod = ask.views.get("pods", ask.key)
    if ask.answers:
        return _answered(ask, pod)
    if pod is None:
        return _cancelled(ask)
    node = ask.views.get("nodes", pod.spec.node_name) if pod.spec.node_name else None
    if node is None:
        return Outcome()
    taints = no_execute(node)
    lasts = bears(pod.spec.tolerations, taints)
    if lasts is None:
        return _with_readiness(ask, pod, node, _cancelled(ask))
    planned = ask.memory.evictions.get(ask.key, None)
    if planned is None or planned.uid != pod.metadata.uid:
        planned = Eviction(pod.metadata.uid, ask.now, ask.now + lasts)
    if planned.done:
        return Outcome()
    planned = replace(planned, due=planned.created + lasts)
    if planned.due > ask.now:
        memory = _planning(ask.memory, ask.key, planned)
        return _with_readiness(ask, pod, node, Outcome(memory=memory, after=planned.due - ask.now))
    return _evicted(ask, pod, planned)


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


def _answered(ask: Ask, pod: Any) -> Outcome:
    """Go on after the pod's status was written: with the event, or the deletion."""
    answer = ask.answers[0][1]
    if not is_done(answer):
        return Outcome(error=text_of(answer))
    if pod is None or not answer.ok or answer.body.metadata.uid != pod.metadata.uid:
        return Outcome()
    planned = ask.memory.evictions.get(ask.key, None)
    if planned is not None and planned.marked and not planned.done:
        memory = _planning(ask.memory, ask.key, replace(planned, done=True))
        return Outcome(calls=(_delete(pod),), memory=memory)
    after = None if planned is None or planned.done else max(planned.due - ask.now, 0)
    return Outcome(records=(unready_record(pod),), after=after)


def _with_readiness(ask: Ask, pod: Any, node: Any, outcome: Outcome) -> Outcome:
    """Take back the readiness of a pod that came to a node which is heard of no more."""
    if ready_status(node) != "Unknown" or pod.metadata.deletion_timestamp is not None:
        return outcome
    call = marked_unready(pod, ask.now)
    return outcome if call is None else replace(outcome, calls=(call,), again=True, after=None)


def _cancelled(ask: Ask) -> Outcome:
    """Drop a planned eviction; say so if it had not begun."""
    planned = ask.memory.evictions.get(ask.key, None)
    if planned is None:
        return Outcome()
    memory = replace(ask.memory, evictions=ask.memory.evictions.remove(ask.key))
    if planned.marked:
        return Outcome(memory=memory)
    return Outcome(memory=memory, records=(_record(ask.key, f"Cancelling deletion of Pod {ask.key}"),))


def _evicted(ask: Ask, pod: Any, planned: Eviction) -> Outcome:
    records = () if planned.marked else (_record(ask.key, f"Marking for deletion Pod {ask.key}"),)
    condition = core_v1.PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="DeletionByTaintManager",
        message="Taint manager: deleting due to NoExecute taint",
        observed_generation=pod.metadata.generation,
    )
    status = pod.status or core_v1.PodStatus()
    said = conditions.set(status.conditions, condition, ask.now)
    planned = replace(planned, marked=True)
    if said is status.conditions:
        memory = _planning(ask.memory, ask.key, replace(planned, done=True))
        return Outcome(calls=(_delete(pod),), records=records, memory=memory)
    call = _status(pod, replace(status, conditions=said))
    return Outcome(calls=(call,), records=records, memory=_planning(ask.memory, ask.key, planned), again=True)


def _planning(memory: Memory, key: str, planned: Eviction) -> Memory:
    if memory.evictions.get(key, None) == planned:
        return memory
    return replace(memory, evictions=memory.evictions.set(key, planned))


def _record(key: str, message: str) -> Record:
    namespace, name = split_key(key)
    about = core_v1.Pod(metadata=meta_v1.ObjectMeta(namespace=namespace, name=name))
    return Record(about, "Normal", "TaintManagerEviction", message, component="taint-eviction-controller")


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


def _delete(pod: Any) -> Request:
    metadata = pod.metadata
    options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=metadata.uid))
    return Request(verb="delete", resource="pods", namespace=metadata.namespace, name=metadata.name, body=options)
