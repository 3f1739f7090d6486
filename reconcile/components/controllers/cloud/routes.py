"""
Routes: the cloud leads the addresses of a node's pods to its machine, and that is said on the node.

Takes:    changes of nodes.
Gives:    the condition NetworkUnavailable of nodes.
Source:   k8s.io/cloud-provider/controllers/route.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.lib.mapping import Map
from reconcile.model.conditions import find
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "route-controller"
_REASON: Final = "RouteCreated"
_MESSAGE: Final = "RouteController created a route"


def keys_of_node(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a node that has pods' addresses, and of which it is not said that they are led to it."""
    return (change.key,) if change.new is not None and _lacks_route(change.new) else ()


def reconcile(ask: Ask) -> Outcome:
    """Say that one node has its route."""
    if ask.answers:
        answer = ask.answers[0][1]
        return Outcome() if is_done(answer) else Outcome(error=text_of(answer))
    node = ask.views.get("nodes", ask.key)
    if node is None or not _lacks_route(node):
        return Outcome()
    now = Time.at(ask.now).text
    condition = Map(
        {
            "type": "NetworkUnavailable",
            "status": "False",
            "reason": _REASON,
            "message": _MESSAGE,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
    )
    body = Map({"status": Map({"conditions": (condition,)})})
    call = Request(
        verb="patch", resource="nodes", name=ask.key, subresource="status", body=body, patch_type="strategic"
    )
    return Outcome(calls=(call,), again=True)


def _lacks_route(node: Any) -> bool:
    if not node.spec.pod_cidrs:
        return False
    said = find(node.status.conditions if node.status else None, "NetworkUnavailable")
    return said is None or said.status != "False" or said.reason != _REASON
