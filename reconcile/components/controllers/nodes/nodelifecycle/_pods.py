"""
Pods that must go: evicted by their node's taints, or left behind by a node that is no more.

Takes:    Ask of a pod's key, or of a node that nobody knows.
Gives:    Outcome.
Source:   pkg/controller/tainteviction: taint_eviction.go; pkg/controller/podgc: gc_controller.go; MarkPodsNotReady.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.nodes.nodelifecycle._memory import Eviction, Memory, ready_status
from reconcile.components.controllers.nodes.nodelifecycle._taints import OUT_OF_SERVICE, bears, has_taint, no_execute
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.requests import Request, split_key

# How long a node that nobody knows may still turn up.
QUARANTINE: Final[Duration] = 40 * SECOND

_FINISHED: Final = ("Succeeded", "Failed")


def reconcile_pod(ask: Ask) -> Outcome:
    """Evict one pod if its node's taints say so, now or when the time that it bears them is over."""
    pod = ask.views.get("pods", ask.key)
    if ask.answers:
        return _answered(ask, pod)
    if pod is None:
        return _cancelled(ask)
    node = ask.views.get("nodes", pod.spec.node_name) if pod.spec.node_name else None
    if pod.metadata.deletion_timestamp is not None and _is_abandoned(pod, node):
        return _removed(ask, pod, None)
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


def reconcile_left_behind(ask: Ask) -> Outcome:
    """Remove the pods of a node that nobody knows, once the API server has said that it is not there."""
    pods = ask.views.table("pods")
    since = ask.memory.missing.get(ask.key, None)
    if not pods.count("node", ask.key):
        return Outcome(memory=ask.memory if since is None else found(ask.memory, ask.key))
    if since is None:
        memory = replace(ask.memory, missing=ask.memory.missing.set(ask.key, ask.now))
        return Outcome(memory=memory, after=QUARANTINE)
    if not ask.answers:
        if ask.now < since + QUARANTINE:
            return Outcome(after=since + QUARANTINE - ask.now)
        return Outcome(calls=(Request(verb="get", resource="nodes", name=ask.key),), again=True)
    request, answer = ask.answers[0]
    if request.verb == "get":
        if answer.ok:
            return Outcome(memory=found(ask.memory, ask.key))
        if not is_done(answer):
            return Outcome(error=text_of(answer))
        failing = [_failing(pod, ask.now, _left_behind()) for pod in pods.under("node", ask.key)]
        marks = tuple([call for call in failing if call is not None])
        if marks:
            return Outcome(calls=marks, again=True)
    refused = [text_of(answer) for _, answer in ask.answers if request.verb == "update" and not is_done(answer)]
    if refused:
        return Outcome(error=refused[0])
    calls = tuple([_delete(pod, 0) for pod in pods.under("node", ask.key)])
    return Outcome(calls=calls, memory=found(ask.memory, ask.key))


def _is_abandoned(pod: Any, node: Any) -> bool:
    """Tell whether no kubelet will ever finish the deletion: there is none, or its node is out of service."""
    if not pod.spec.node_name:
        return True
    return node is not None and has_taint(node, OUT_OF_SERVICE) and ready_status(node) != "True"


def _answered(ask: Ask, pod: Any) -> Outcome:
    """Go on after the pod's status was written: with the event, or the deletion."""
    answer = ask.answers[0][1]
    if not is_done(answer):
        return Outcome(error=text_of(answer))
    if pod is None or not answer.ok or answer.body.metadata.uid != pod.metadata.uid:
        return Outcome()
    phase = answer.body.status.phase if answer.body.status else None
    planned = ask.memory.evictions.get(ask.key, None)
    if planned is not None and planned.marked and not planned.done:
        memory = _planning(ask.memory, ask.key, replace(planned, done=True))
        return Outcome(calls=(_delete(pod, None),), memory=memory)
    if pod.metadata.deletion_timestamp is not None and phase in _FINISHED:
        return Outcome(calls=(_delete(pod, 0),))
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
        return Outcome(calls=(_delete(pod, None),), records=records, memory=memory)
    call = _status(pod, replace(status, conditions=said))
    return Outcome(calls=(call,), records=records, memory=_planning(ask.memory, ask.key, planned), again=True)


def _removed(ask: Ask, pod: Any, condition: core_v1.PodCondition | None) -> Outcome:
    call = _failing(pod, ask.now, condition)
    return Outcome(calls=(_delete(pod, 0),)) if call is None else Outcome(calls=(call,), again=True)


def _left_behind() -> core_v1.PodCondition:
    return core_v1.PodCondition(
        type="DisruptionTarget", status="True", reason="DeletionByPodGC", message="PodGC: node no longer exists"
    )


def _failing(pod: Any, now: Instant, condition: core_v1.PodCondition | None) -> Request | None:
    """Give the call that makes the pod Failed, since no kubelet will; None if it has finished."""
    status = pod.status or core_v1.PodStatus()
    if status.phase in _FINISHED:
        return None
    said = status.conditions if condition is None else conditions.set(status.conditions, condition, now)
    return _status(pod, replace(status, phase="Failed", conditions=said))


def _planning(memory: Memory, key: str, planned: Eviction) -> Memory:
    if memory.evictions.get(key, None) == planned:
        return memory
    return replace(memory, evictions=memory.evictions.set(key, planned))


def found(memory: Memory, name: str) -> Memory:
    """Give the memory in which the node is not missing."""
    return replace(memory, missing=memory.missing.remove(name)) if name in memory.missing else memory


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


def _delete(pod: Any, grace: int | None) -> Request:
    metadata = pod.metadata
    options = meta_v1.DeleteOptions(grace_period_seconds=grace, preconditions=meta_v1.Preconditions(uid=metadata.uid))
    return Request(verb="delete", resource="pods", namespace=metadata.namespace, name=metadata.name, body=options)
