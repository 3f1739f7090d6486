"""
Pod garbage collection: pods that nobody will ever finish, and finished ones that are too many.

It looks every 20 seconds, but only while there is something to look at: each pod that may have to go, and each node
that pods name and nobody knows, has a key of its own, which waits for the next time that it looks.

Takes:    Ask: a pod's key, a node's name, or `TOO_MANY`.
Gives:    Outcome: the status of a pod that has not finished, its deletion.
Source:   pkg/controller/podgc/gc_controller.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final, TypeAlias

from reconcile.api import meta_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import NOT_FOUND, is_done
from reconcile.components.controllers.nodes.nodelifecycle import ready_status
from reconcile.components.controllers.nodes.taints import OUT_OF_SERVICE, has_taint
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import conditions
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "pod-garbage-collector"

# kube-controller-manager --terminated-pod-gc-threshold.
THRESHOLD: Final = 12_500
PERIOD: Final[Duration] = 20 * SECOND
# How long a node that nobody knows may still turn up.
QUARANTINE: Final[Duration] = 40 * SECOND

TOO_MANY: Final[Key] = ""
"""The key of all pods that have finished."""

Memory: TypeAlias = Table[Key, Instant]
"""When each key is to be looked at."""

_FINISHED: Final = ("Succeeded", "Failed")


def keys_of_pod(change: Change, views: Views, threshold: int = THRESHOLD) -> tuple[Key, ...]:
    """Give what a pod's change may make necessary; nothing, for nearly all of them."""
    old, new = change.old, change.new
    if new is None:
        return ()
    status = new.status
    if new.metadata.deletion_timestamp is not None:
        name = new.spec.node_name
        return (change.key,) if not name or _is_out_of_service(views.get("nodes", name)) else _left_behind(new, views)
    if old is None or old.spec is not new.spec:
        return _left_behind(new, views)
    if status is not old.status and status.phase in _FINISHED and 0 < threshold < len(views.table("pods")):
        return (TOO_MANY,)
    return ()


def _left_behind(pod: Any, views: Views) -> tuple[Key, ...]:
    """Give the pod's node, if nobody knows it."""
    name = pod.spec.node_name
    return (name,) if name and views.get("nodes", name) is None else ()


def keys_of_node(change: Change, views: Views) -> tuple[Key, ...]:
    """Give a node that is gone; the pods of one that is out of service."""
    if change.new is None:
        return (change.key,)
    if not _is_out_of_service(change.new):
        return ()
    pods = views.table("pods")
    return tuple([key for key in pods.keys_under("node", change.key) if pods[key].metadata.deletion_timestamp])


def _is_out_of_service(node: Any) -> bool:
    return node is not None and has_taint(node, OUT_OF_SERVICE) and ready_status(node) != "True"


def reconcile(ask: Ask, threshold: int = THRESHOLD) -> Outcome:
    """Wait for the next time to look; then see what has to go: finished pods beyond *threshold* among it."""
    memory: Memory = ask.memory
    if ask.answers:
        return _answered(ask)
    due = memory.get(ask.key, None)
    if due is None:
        if not _going(ask, threshold) and ask.key != TOO_MANY and not _is_missing(ask):
            return Outcome()
        return _waiting(ask, ask.now)
    if ask.now < due:
        return Outcome(after=due - ask.now)
    if _is_missing(ask):
        return _quarantined(ask, due)
    return _removing(ask, _going(ask, threshold))


def _waiting(ask: Ask, since: Instant) -> Outcome:
    due = since + (-since) % PERIOD
    return Outcome(memory=ask.memory.set(ask.key, due), after=max(due - ask.now, 0))


def _is_missing(ask: Ask) -> bool:
    """Tell whether the key is a node's that nobody knows, and that pods name."""
    if "/" in ask.key or ask.key == TOO_MANY or ask.views.get("nodes", ask.key) is not None:
        return False
    return ask.views.table("pods").count("node", ask.key) > 0


def _quarantined(ask: Ask, due: Instant) -> Outcome:
    """Let a node that nobody knows have its time to turn up; then ask the API server for it."""
    if _seen(ask.key) not in ask.memory:
        memory = ask.memory.set(_seen(ask.key), due).set(ask.key, due + QUARANTINE)
        return Outcome(memory=memory, after=due + QUARANTINE - ask.now)
    return Outcome(calls=(Request(verb="get", resource="nodes", name=ask.key),), again=True)


def _seen(name: str) -> Key:
    """Give the key under which it is remembered that a node was seen to be missing."""
    return f"{name}/"


def _going(ask: Ask, threshold: int) -> tuple[Any, ...]:
    """Give the pods of the key that are to go."""
    pods = ask.views.table("pods")
    if ask.key == TOO_MANY:
        return _too_many(pods, threshold)
    pod = pods.get(ask.key, None) if "/" in ask.key else None
    if pod is None or pod.metadata.deletion_timestamp is None:
        return ()
    name = pod.spec.node_name
    return (pod,) if not name or _is_out_of_service(ask.views.get("nodes", name)) else ()


def _too_many(pods: Table[str, Any], threshold: int) -> tuple[Any, ...]:
    """Give the finished pods beyond the threshold: evicted ones first, then the oldest."""
    if not 0 < threshold < len(pods):
        return ()
    finished = [pod for pod in pods.values() if pod.status and pod.status.phase in _FINISHED]
    return tuple(sorted(finished, key=_age)[: max(len(finished) - threshold, 0)])


def _age(pod: Any) -> tuple[bool, Instant, str]:
    evicted = pod.status.phase == "Failed" and pod.status.reason == "Evicted"
    created = pod.metadata.creation_timestamp
    return not evicted, created.instant if created else 0, pod.metadata.name


def _removing(ask: Ask, pods: tuple[Any, ...], condition: Map[Any] | None = None) -> Outcome:
    """Say of the pods that have not finished that they have failed, since no kubelet will; delete the others."""
    marks = tuple([_failing(pod, condition, ask.now) for pod in pods if _is_unfinished(pod)])
    if marks:
        return Outcome(calls=marks, again=True)
    return _deleting(ask, tuple([_deletion(pod) for pod in pods]))


def _deleting(ask: Ask, calls: tuple[Request, ...]) -> Outcome:
    memory = ask.memory
    for key in (ask.key, _seen(ask.key)):
        memory = memory.remove(key) if key in memory else memory
    return Outcome(calls=calls, memory=memory)


def _is_unfinished(pod: Any) -> bool:
    return (pod.status.phase if pod.status else None) not in _FINISHED


def _answered(ask: Ask) -> Outcome:
    request, response = ask.answers[0]
    if request.verb == "get":
        if response.code != NOT_FOUND:
            return _deleting(ask, ())
        return _removing(ask, ask.views.table("pods").under("node", ask.key), _NO_NODE)
    if not all(is_done(response) for _, response in ask.answers):
        return _waiting(ask, ask.now + 1)  # another look will find what is left
    pods = ask.views.table("pods")
    if "/" in ask.key or ask.key == TOO_MANY:
        return _deleting(ask, tuple([_deletion_of(request) for request, response in ask.answers if response.ok]))
    return _deleting(ask, tuple([_deletion(pod) for pod in pods.under("node", ask.key)]))


_NO_NODE: Final[Map[Any]] = Map(
    {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
    }
)


def _failing(pod: Any, condition: Map[Any] | None, now: Instant) -> Request:
    metadata = pod.metadata
    status: dict[str, Any] = {"phase": "Failed"}
    if condition is not None:
        dated = {"lastTransitionTime": Time.at(now).text, "observedGeneration": metadata.generation}
        said = pod.status.conditions if pod.status is not None else None
        status["$setElementOrder/conditions"] = conditions.order_with(said, condition["type"])
        status["conditions"] = (condition.merge(dated),)
    return Request(
        verb="patch",
        resource="pods",
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=Map({"metadata": Map({"uid": metadata.uid}), "status": Map(status)}),
        patch_type="strategic",
    )


def _deletion(pod: Any) -> Request:
    return _delete(pod.metadata.namespace, pod.metadata.name)


def _deletion_of(request: Request) -> Request:
    return _delete(request.namespace, request.name)


def _delete(namespace: str, name: str) -> Request:
    options = meta_v1.DeleteOptions(grace_period_seconds=0)
    return Request(verb="delete", resource="pods", namespace=namespace, name=name, body=options)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("pods", keys_of_pod), Source("nodes", keys_of_node)),
    reconcile=reconcile,
    memory=Table,
    user=service_account(NAME),
)


def controller(threshold: int) -> Controller:
    """Give the controller that lets *threshold* finished pods be; any number, if that is not positive."""
    return replace(
        CONTROLLER,
        sources=(Source("pods", partial(keys_of_pod, threshold=threshold)), Source("nodes", keys_of_node)),
        reconcile=partial(reconcile, threshold=threshold),
    )
