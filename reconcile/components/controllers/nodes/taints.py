"""
Taints and tolerations: which taints a node's conditions ask for, and how long a pod bears them.

Takes:    nodes, pods.
Gives:    taints, durations.
Source:   pkg/controller/nodelifecycle: nodeConditionToTaintKeyStatusMap; k8s.io/component-helpers/scheduling/corev1:
          GetMatchingTolerations; pkg/controller/tainteviction: getMinTolerationTime.
Left out: the toleration operators Lt and Gt, which are alpha.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.model.pods.placing import tolerates

NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"

# (condition, status) -> the key of the taint NoSchedule that it asks for
_ASKED: Final[dict[tuple[str, str], str]] = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_SCHEDULING: Final = frozenset((*_ASKED.values(), UNSCHEDULABLE))
_EXECUTING: Final = (NOT_READY, UNREACHABLE)


def with_taints(node: Any, execute: str | None, now: Instant) -> tuple[core_v1.Taint, ...]:
    """
    Give the node's taints as its conditions ask for them; the same tuple if they are so.

    Args:
        node: whose they are; taints that are not this controller's stay.
        execute: the key of the taint NoExecute that it is to have, None for none.
        now: when a taint that is added was added.
    """
    old: tuple[core_v1.Taint, ...] = node.spec.taints or ()
    wanted = [(key, "NoSchedule") for key in scheduling_taints(node)]
    if execute is not None:
        wanted.append((execute, "NoExecute"))
    kept = [taint for taint in old if not _is_ours(taint) or (taint.key, taint.effect) in wanted]
    there = {(taint.key, taint.effect) for taint in kept}
    added = [core_v1.Taint(key=key, effect=effect, time_added=Time.at(now)) for key, effect in wanted]
    added = [taint for taint in added if (taint.key, taint.effect) not in there]
    return old if not added and len(kept) == len(old) else (*kept, *added)


def scheduling_taints(node: Any) -> tuple[str, ...]:
    """Give the keys of the taints NoSchedule that the node's conditions and spec ask for."""
    found = []
    for condition in (node.status.conditions if node.status else None) or ():
        key = _ASKED.get((condition.type, condition.status))
        if key is not None:
            found.append(key)
    if node.spec.unschedulable:
        found.append(UNSCHEDULABLE)
    return tuple(found)


def executing_taint(node: Any) -> str | None:
    """Give the key of this controller's taint NoExecute on the node, if it has one."""
    for taint in node.spec.taints or ():
        if taint.effect == "NoExecute" and taint.key in _EXECUTING:
            return str(taint.key)
    return None


def no_execute(node: Any) -> tuple[core_v1.Taint, ...]:
    """Give the node's taints NoExecute, whoever set them."""
    taints = node.spec.taints if node.spec else None
    return tuple([taint for taint in taints if taint.effect == "NoExecute"]) if taints else ()


def has_taint(node: Any, key: str) -> bool:
    """Tell whether the node has a taint of this key."""
    return any(taint.key == key for taint in (node.spec.taints if node.spec else None) or ())


def bears(tolerations: tuple[core_v1.Toleration, ...] | None, taints: tuple[core_v1.Taint, ...]) -> Duration | None:
    """Tell how long a pod with *tolerations* bears *taints*: 0 for not at all, None for ever."""
    least: Duration | None = None
    for taint in taints:
        for toleration in tolerations or ():
            if tolerates(toleration, taint):
                break
        else:
            return 0
        seconds = toleration.toleration_seconds
        if seconds is not None:
            lasts = max(seconds, 0) * SECOND
            least = lasts if least is None else min(least, lasts)
    return least


def _is_ours(taint: core_v1.Taint) -> bool:
    if taint.effect == "NoSchedule":
        return taint.key in _SCHEDULING
    return taint.effect == "NoExecute" and taint.key in _EXECUTING
