"""
Cloud node lifecycle: a node that is not ready, and whose machine the cloud does not know any more, is deleted; one
whose machine is shut down gets a taint, until it is ready again.

Takes:    changes of nodes; the cloud's answers.
Gives:    taints and deletion of nodes; Kubernetes Events about them.
Source:   k8s.io/cloud-provider/controllers/nodelifecycle.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import NOT_FOUND, is_done, message_of, text_of
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.replacing import replace
from reconcile.model.clouds import INSTANCES, SHUTDOWN
from reconcile.model.conditions import find
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "cloud-node-lifecycle-controller"

PERIOD: Final[Duration] = 5 * SECOND
"""--node-monitor-period."""


def keys_of_node(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a node that has become ready or is so no more."""
    old, new = change.old, change.new
    if new is None:
        return ()
    return () if old is not None and _is_ready(old) is _is_ready(new) else (change.key,)


def reconcile(ask: Ask) -> Outcome:
    """Ask the cloud about one node that is not ready, every five seconds."""
    node = ask.views.get("nodes", ask.key)
    if node is None:
        return Outcome()
    if ask.answers:
        return _answered(ask, node)
    if _is_ready(node):
        return _tainted(node, shut_down=False)
    return Outcome(calls=(Request(verb="get", resource=INSTANCES, name=ask.key),), again=True)


def _answered(ask: Ask, node: Any) -> Outcome:
    request, answer = ask.answers[0]
    if request.resource != INSTANCES:
        return _written(request.verb, answer, node)
    if answer.code == NOT_FOUND:
        said = f"Deleting node {ask.key} because it does not exist in the cloud provider"
        return Outcome(
            calls=(Request(verb="delete", resource="nodes", name=ask.key),),
            records=(Record(_about(node), "Normal", "DeletingNode", said),),
            again=True,
        )
    if _is_ready(node):
        return Outcome()
    if answer.ok and answer.body.state == "stopped":
        return _tainted(node, shut_down=True)
    return Outcome(after=PERIOD, after_is_periodic=True)


def _written(verb: str, answer: Any, node: Any) -> Outcome:
    if is_done(answer):
        return Outcome() if verb == "delete" else Outcome(after=PERIOD, after_is_periodic=True)
    if verb != "delete":
        return Outcome(error=text_of(answer))
    said = f"Failed deleting node {node.metadata.name}: {message_of(answer)}"
    record = Record(_about(node), "Warning", "DeletingNodeFailed", said)
    return Outcome(records=(record,), after=PERIOD, after_is_periodic=True)


def _tainted(node: Any, *, shut_down: bool) -> Outcome:
    old = node.spec.taints or ()
    has = any(taint.key == SHUTDOWN and taint.effect == "NoSchedule" for taint in old)
    if has is shut_down:
        return Outcome(after=PERIOD, after_is_periodic=True) if shut_down else Outcome()
    kept = tuple([taint for taint in old if not (taint.key == SHUTDOWN and taint.effect == "NoSchedule")])
    taints = (*old, core_v1.Taint(key=SHUTDOWN, effect="NoSchedule")) if shut_down else kept
    body = replace(node, spec=replace(node.spec, taints=taints or None))
    return Outcome(calls=(Request(verb="update", resource="nodes", name=node.metadata.name, body=body),), again=True)


def _is_ready(node: Any) -> bool:
    condition = find(node.status.conditions if node.status else None, "Ready")
    return condition is not None and condition.status == "True"


def _about(node: Any) -> core_v1.Node:
    return core_v1.Node(metadata=meta_v1.ObjectMeta(name=node.metadata.name, uid=node.metadata.uid))
