"""
What can break in a cluster as it is now, for each kind of strike of a schedule.

Takes:    a cluster, and the kind.
Gives:    the faults of each strike that there could be, in a fixed order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.components import controllers_among
from reconcile.cluster.pending import Message, Sent
from reconcile.components import world
from reconcile.driver.choices import choices
from reconcile.events import (
    Compact,
    CutWatch,
    DelayCall,
    DropCall,
    DropOrder,
    Execute,
    Fault,
    HoldWatch,
    KillSandbox,
    RepeatCall,
    ResetCall,
    Return,
    StopProcess,
)
from reconcile.lib.instant import SECOND
from reconcile.model.requests import key_of

_WRITES: Final = ("create", "update", "patch", "delete", "deletecollection")
_LATE: Final = (SECOND // 5, 3 * SECOND, 11 * SECOND, 31 * SECOND)
_CONTROLLERS: Final = "kube-controller-manager/"  # it runs the user's own

UNWATCHED: Final = ("events", "leases.coordination.k8s.io")
"""The resources of records and heartbeats: no property is about them, and losing one changes little."""


def candidates(cluster: Cluster, what: str) -> list[tuple[Fault, ...]]:
    """List the strikes of kind *what* that can happen now, each as what happens in it."""
    return _CANDIDATES[what](cluster)


def _calls(cluster: Cluster) -> list[tuple[Fault, ...]]:
    return [(DropCall(each.call),) for each in _under_way(cluster)]


def _sent(cluster: Cluster) -> list[tuple[Fault, ...]]:
    return [(RepeatCall(each.call),) for each in _under_way(cluster) if isinstance(each, Execute)]


def _under_way(cluster: Cluster) -> list[Execute | Return]:
    """Give the calls and answers under way of which more than a record or a heartbeat depends."""
    calls = [choice for choice in choices(cluster) if isinstance(choice, Execute | Return)]
    pending: Any = cluster.pending
    return [each for each in calls if pending[each.call].request.resource not in UNWATCHED]


def _watches(cluster: Cluster) -> list[tuple[Fault, ...]]:
    return [(CutWatch(process, watch),) for process, watch in cluster.cursors]


def _holds(cluster: Cluster) -> list[tuple[Fault, ...]]:
    """
    Give the watches that can be made to lag.

    Of the user's own controllers, if there are any, as often as of all others together: it is theirs that are on trial,
    and they are a few among dozens.
    """
    free = [key for key, cursor in cluster.cursors.items() if not cursor.held and not key[0].startswith("watch/")]
    tried = {source.resource for controller in controllers_among(cluster.controllers) for source in controller.sources}
    own = [key for key in free if key[0].startswith(_CONTROLLERS) and key[1] in tried]
    others = [key for key in free if key not in own]
    times = max(len(others) // len(own), 1) if own else 0
    return [(HoldWatch(process, watch),) for process, watch in (*own * times, *others)]


def behind(cluster: Cluster) -> list[HoldWatch]:
    """
    Give the watches that can be made to lag behind what their own process is just writing, in a fixed order.

    It is what a cache may lack that its owner relies on most. Where the user has controllers of their own, only what
    these write counts.
    """
    names = {controller.name for controller in controllers_among(cluster.controllers)}
    found: dict[tuple[str, str], None] = {}
    for item in cluster.pending.values():
        if not isinstance(item, Sent) or item.tag is None or item.request.verb not in _WRITES:
            continue
        process = cluster.processes.get(item.process)
        if process is None or item.request.resource in UNWATCHED or (names and item.tag[0] not in names):
            continue
        for watch in process.watches:
            cursor = cluster.cursors.get((process.name, watch))
            if cursor is not None and cursor.resource == item.request.resource and not cursor.held:
                found[process.name, watch] = None
    return [HoldWatch(process, watch) for process, watch in found]


def _resets(cluster: Cluster) -> list[tuple[Fault, ...]]:
    return [(ResetCall(each.call),) for each in _under_way(cluster)] if cluster.topology.front is not None else []


def _delays(cluster: Cluster) -> list[tuple[Fault, ...]]:
    """Give each call as late as it may still be heard, and so late that whoever waits has given it up."""
    if cluster.topology.front is None:
        return []
    return [(DelayCall(each.call, time),) for each in _under_way(cluster) for time in _LATE]


def _processes(cluster: Cluster) -> list[tuple[Fault, ...]]:
    return [(StopProcess(name),) for name in cluster.processes if not name.startswith(("runtime/", "network"))]


def _sandboxes(cluster: Cluster) -> list[tuple[Fault, ...]]:
    """Give the pods of users that have a sandbox."""
    found: list[tuple[Fault, ...]] = []
    for pod in cluster.objects("pods", namespace="default"):
        runtime = cluster.states.get(f"runtime/{pod.spec.node_name}")
        if runtime is not None and world.lost(runtime, pod.metadata.uid) is not None:
            found.append((KillSandbox(key_of(pod)),))
    return found


def _halts(cluster: Cluster) -> list[tuple[Fault, ...]]:
    """A kubelet orders in the order of the numbers: it stops, and an order and those after it were never given."""
    orders: dict[str, list[int]] = {}
    for serial, item in cluster.pending.items():
        if isinstance(item, Message) and item.process.startswith("runtime/"):
            orders.setdefault(item.process.replace("runtime", "kubelet", 1), []).append(serial)
    return [
        (StopProcess(kubelet), *[DropOrder(serial) for serial in serials[place:]])
        for kubelet, serials in orders.items()
        if kubelet in cluster.processes
        for place in range(len(serials))
    ]


def _compactions(cluster: Cluster) -> list[tuple[Fault, ...]]:
    return [(Compact(cluster.store.revision),)]


_CANDIDATES: Final[dict[str, Callable[[Cluster], list[tuple[Fault, ...]]]]] = {
    "drop": _calls,
    "repeat": _sent,
    "cut": _watches,
    "lag": _holds,
    "kill": _processes,
    "halt": _halts,
    "sandbox": _sandboxes,
    "compact": _compactions,
    "reset": _resets,
    "delay": _delays,
}

KINDS: Final = tuple(_CANDIDATES)
"""Every kind of strike."""
