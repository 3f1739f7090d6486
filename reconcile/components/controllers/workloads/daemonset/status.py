"""
Status: what a DaemonSet is told about its pods and nodes.

Takes:    what was seen.
Gives:    the next status; None if it says all that already.
Source:   pkg/controller/daemon: updateDaemonSetStatus, storeDaemonSetStatus, podByCreationTimestampAndPhase.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.apps_v1 import DaemonSetStatus
from reconcile.components.controllers.workloads.daemonset import placement
from reconcile.components.controllers.workloads.daemonset.seeing import by_node, is_ready
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import conditions

REVISION: Final = "controller-revision-hash"
GENERATION: Final = "pod-template-generation"
_TEMPLATE: Final = "deprecated.daemonset.template.generation"
_NOTHING: Final = DaemonSetStatus(
    current_number_scheduled=0, number_misscheduled=0, desired_number_scheduled=0, number_ready=0
)


def generation_of(daemon: Any) -> str:
    """Give the number of the template, as an annotation counts it; empty if it is no number."""
    text = str((daemon.metadata.annotations or {}).get(_TEMPLATE, ""))
    digits = text.removeprefix("-").removeprefix("+")
    return str(int(text)) if digits.isascii() and digits.isdigit() else ""


def is_updated(daemon: Any, pod: Any, hashed: str) -> bool:
    """Tell whether the pod is of the present template."""
    labels, generation = pod.metadata.labels or {}, generation_of(daemon)
    if hashed and labels.get(REVISION) == hashed:
        return True
    return bool(generation) and labels.get(GENERATION) == generation


def wait_of(daemon: Any) -> Duration:
    """Give for how long a pod must have been ready to be available."""
    return (daemon.spec.min_ready_seconds or 0) * SECOND


def until_available(pod: Any, wait: Duration, now: Instant) -> Duration | None:
    """Tell in how long the pod will be available if it stays ready; None if it is not ready."""
    if not is_ready(pod):
        return None
    since = getattr(conditions.find(pod.status.conditions, "Ready"), "last_transition_time", None)
    if not wait:
        return 0
    return wait if since is None else max(wait - (now - since.instant), 0)


def is_available(pod: Any, wait: Duration, now: Instant) -> bool:
    """Tell whether the pod has been ready for long enough."""
    return until_available(pod, wait, now) == 0


def age_order(pod: Any) -> tuple[bool, int, str]:
    """Sort by this: bound pods first, then the oldest."""
    created = pod.metadata.creation_timestamp
    return not pod.spec.node_name, (0 if created is None else created.instant), pod.metadata.name


def next_status(
    daemon: Any, pods: tuple[Any, ...], nodes: Map[Any], hashed: str, now: Instant, *, observed: bool
) -> DaemonSetStatus | None:
    """
    Give the status; None if it is told already.

    Args:
        daemon: whose it is.
        pods: its own.
        nodes: every node, by name.
        hashed: the hash of the present revision.
        now: at which pods are available or not.
        observed: whether the present generation was acted upon.
    """
    placed, wait = by_node(pods), wait_of(daemon)
    desired = current = misplaced = ready = available = updated = 0
    for name, node in nodes.items():
        here = placed.get(name, [])
        if not placement.belongs(daemon, node)[0]:
            misplaced += bool(here)
            continue
        desired += 1
        if here:
            current += 1
            oldest = min(here, key=age_order)
            ready += is_ready(oldest)
            available += is_available(oldest, wait, now)
            updated += is_updated(daemon, oldest, hashed)
    old = daemon.status or _NOTHING
    generation = daemon.metadata.generation
    told = replace(
        old,
        desired_number_scheduled=desired,
        current_number_scheduled=current,
        number_misscheduled=misplaced,
        number_ready=ready,
        updated_number_scheduled=updated or None,
        number_available=available or None,
        number_unavailable=(desired - available) or None,
        observed_generation=generation if observed else old.observed_generation,
    )
    same = replace(told, observed_generation=old.observed_generation) == old
    return None if told == old or (same and (old.observed_generation or 0) >= generation) else told


def next_check(daemon: Any, pods: tuple[Any, ...], now: Instant) -> Duration | None:
    """Tell after how long one more pod will be available; None if none is waited for."""
    wait = wait_of(daemon)
    waits = [left for pod in pods if (left := until_available(pod, wait, now))] if wait else []
    return min(waits, default=None)
