"""
Rolling: how a DaemonSet's pods of a former template are replaced, within maxUnavailable or maxSurge.

Without surge an old pod is deleted before its successor comes; with surge the successor comes first, and the old pod
goes when it is available.

Takes:    what was seen.
Gives:    `Orders`: which pods to delete, and on which nodes to make one.
Source:   pkg/controller/daemon/update.go: rollingUpdate.
Left out: upstream goes through nodes in an order of chance; here it is that of their names.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.workloads.daemonset import placement, status
from reconcile.components.controllers.workloads.daemonset.seeing import Seen, by_node
from reconcile.components.controllers.workloads.deployment.bounds import scaled
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick

_ROLLING: Final = "RollingUpdate"


@quick
@attrs.frozen(weakref_slot=False)
class Orders:
    """Which pods are to be deleted, and the names of the nodes on which one is to be made."""

    delete: tuple[Any, ...] = ()
    create: tuple[str, ...] = ()


def is_rolling(daemon: Any) -> bool:
    """Tell whether old pods are replaced by themselves."""
    strategy = daemon.spec.update_strategy
    return strategy is None or strategy.type in (None, _ROLLING)


def max_surge(daemon: Any, nodes: int) -> int:
    """Give on how many of so many nodes there may be two pods."""
    return _bound(daemon, "max_surge", nodes)


def _bound(daemon: Any, name: str, nodes: int) -> int:
    strategy = daemon.spec.update_strategy
    rolling = strategy.rolling_update if strategy is not None and strategy.type == _ROLLING else None
    return 0 if rolling is None else scaled(getattr(rolling, name), nodes, up=True)


def rolled(found: Seen, hashed: str, now: Instant) -> Orders:
    """Give what is to be replaced now."""
    daemon = found.daemon
    placed = by_node(found.pods)
    wanted = [name for name, node in found.nodes.items() if placement.belongs(daemon, node)[0]]
    for name in wanted:
        placed.setdefault(name, [])
    unavailable, surge = (_bound(daemon, each, len(wanted)) for each in ("max_unavailable", "max_surge"))
    if wanted and not unavailable and not surge:
        unavailable = 1
    rows = [_Here.of(daemon, name, placed[name], hashed, now) for name in sorted(placed)]
    return _surging(found, rows, surge, len(wanted)) if surge else _replacing(rows, unavailable)


@attrs.frozen
class _Here:
    """The pods on one node: the new one and the old one, which of them is available, and whether there are too many."""

    node: str
    new: Any
    old: Any
    new_is_available: bool
    old_is_available: bool
    is_crowded: bool

    @classmethod
    def of(cls, daemon: Any, node: str, pods: list[Any], hashed: str, now: Instant) -> _Here:
        wait = status.wait_of(daemon)
        alive = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
        new = [pod for pod in alive if status.is_updated(daemon, pod, hashed)]
        old = [pod for pod in alive if pod not in new]
        return cls(
            node,
            new[0] if new else None,
            old[0] if old else None,
            bool(new) and status.is_available(new[0], wait, now),
            bool(old) and status.is_available(old[0], wait, now),
            len(new) > 1 or len(old) > 1,
        )


def _replacing(rows: list[_Here], most: int) -> Orders:
    """Delete old pods: any that is unavailable, and as many others as may be missing."""
    missing = 0
    allowed: list[Any] = []
    candidates: list[Any] = []
    for here in rows:
        if here.is_crowded or (here.old is None) == (here.new is None):
            missing += 1  # what is wrong there is put right otherwise
        elif here.new is not None:
            missing += not here.new_is_available
        elif not here.old_is_available:
            allowed.append(here.old)
            missing += 1
        elif missing < most:
            candidates.append(here.old)
    return Orders(delete=(*allowed, *candidates[: max(most - missing, 0)]))


def _surging(found: Seen, rows: list[_Here], most: int, wanted: int) -> Orders:
    """Make new pods beside old ones: beside any that is unavailable, and beside as many others as there may be."""
    delete: list[Any] = []
    sunset: list[Any] = []  # old ones where none is to be any more
    allowed: list[str] = []
    candidates: list[str] = []
    surging = available = 0
    for here in rows:
        if here.is_crowded:
            surging += 1
            continue
        available += here.old_is_available if here.old is not None else here.new_is_available
        if here.old is None:
            continue
        if here.new is not None:
            if here.new_is_available:
                delete.append(here.old)
            else:
                surging += 1
            continue
        node = found.nodes.get(here.node)
        belongs = node is not None and placement.belongs(found.daemon, node)[0]
        if not here.old_is_available:
            if belongs:
                allowed.append(here.node)
            elif node is not None:
                delete.append(here.old)
        elif not belongs:
            if node is not None:
                sunset.append(here.old)
        elif surging < most:
            candidates.append(here.node)
    delete += sunset[: max(available - wanted, 0)]
    return Orders(tuple(delete), (*allowed, *candidates[: max(most - surging, 0)]))
