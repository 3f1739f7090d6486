"""
Seeing: what a DaemonSet's look goes by, gathered from the caches once.

Takes:    views, a DaemonSet.
Gives:    `Seen`.
Source:   pkg/controller/daemon: getDaemonPods, getNodesToDaemonPods, controlledHistories, syncNodeUpdate.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Key, Views
from reconcile.components.controllers.workloads import claims, history
from reconcile.components.controllers.workloads.daemonset import placement
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model import conditions
from reconcile.model.owners import controller_of
from reconcile.model.requests import joined
from reconcile.store import Change

CLAIMANT: Final = claims.Claimant(
    resource="daemonsets.apps", kind="DaemonSet", api_version="apps/v1", selects=claims.selects_by_label_selector
)
_ENDED: Final = ("Failed", "Succeeded")


@quick
@attrs.frozen(weakref_slot=False)
class Seen:
    """
    What there was when the look began.

    Args:
        daemon: the DaemonSet.
        pods: its own, in key order.
        claimed: pods that it has to adopt and to release.
        revisions: its own, oldest first.
        histories: revisions that it has to adopt and to release.
        nodes: every node, by name.
        is_satisfied: whether everything that was ordered was seen.
        back_offs: what is known of failures on nodes.
    """

    daemon: Any
    pods: tuple[Any, ...]
    claimed: claims.Claims
    revisions: tuple[Any, ...]
    histories: claims.Claims
    nodes: Map[Any]
    is_satisfied: bool
    back_offs: Table[Any, Any]


def seen(daemon: Any, views: Views, *, is_satisfied: bool, back_offs: Table[Any, Any]) -> Seen:
    """Gather what the look at *daemon* goes by."""
    pods, revisions = views.table("pods"), views.table(history.REVISIONS)
    found, histories = (claims.claims(daemon, CLAIMANT.selects, table) for table in (pods, revisions))
    return Seen(
        daemon,
        (*_own(daemon, pods), *found.adopt),
        found,
        tuple(history.in_order((*_own(daemon, revisions), *histories.adopt))),
        histories,
        Map([(node.metadata.name, node) for node in views.table("nodes").values()]),
        is_satisfied,
        back_offs,
    )


def _own(daemon: Any, table: Table[str, Any]) -> list[Any]:
    uid = daemon.metadata.uid
    return [
        one
        for one in table.under("owner", uid)
        if (reference := controller_of(one)) is not None
        and reference.uid == uid
        and CLAIMANT.selects(daemon, one.metadata.labels)
    ]


def by_node(pods: tuple[Any, ...], *, with_ended: bool = False) -> dict[str, list[Any]]:
    """Give the pods by the node that they are on or tied to; those that ended and are being deleted count no more."""
    found: dict[str, list[Any]] = {}
    for pod in pods:
        if not with_ended and has_ended(pod) and pod.metadata.deletion_timestamp is not None:
            continue
        name = placement.node_of(pod)
        if name:
            found.setdefault(name, []).append(pod)
    return found


def has_ended(pod: Any) -> bool:
    """Tell whether the pod runs no more."""
    return pod.status is not None and pod.status.phase in _ENDED


def is_ready(pod: Any) -> bool:
    """Tell whether the pod is ready."""
    return pod.status is not None and conditions.is_true(pod.status.conditions, "Ready")


# Keys -----------------------------------------------------------------------------------------------------------------


def pod_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the DaemonSets that a pod's change concerns."""
    return claims.owner_keys(CLAIMANT, change, views)


def revision_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the DaemonSets that a revision's change concerns; one that is made is known to who made it."""
    if change.old is None and change.new is not None and controller_of(change.new) is not None:
        return ()
    return claims.owner_keys(CLAIMANT, change, views)


def node_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the DaemonSets that have to make or take away a pod because a node came or has other labels or taints."""
    old, node = change.old, change.new
    if node is None or (old is not None and _is_same(old, node)):
        return ()
    pods: dict[str, list[Any]] = {}
    name = node.metadata.name
    for pod in views.table("pods").under("node", name):
        owner = controller_of(pod)
        if owner is not None and owner.kind == CLAIMANT.kind:
            pods.setdefault(joined(pod.metadata.namespace, owner.name), []).append(pod)
    found = []
    for key, daemon in views.table(CLAIMANT.resource).items():
        runs, stays = placement.belongs(daemon, node)
        has = key in pods
        misplaced = daemon.status is not None and daemon.status.number_misscheduled > 0
        if (runs and not has) or (has and (not stays or misplaced)):
            found.append(key)
    return tuple(found)


def _is_same(old: Any, node: Any) -> bool:
    if old is node:
        return True
    before, after = old.metadata.labels, node.metadata.labels
    if before is not after and (before or {}) != (after or {}):
        return False
    was, is_ = old.spec, node.spec
    return was is is_ or ((was and was.taints) or ()) == ((is_ and is_.taints) or ())
