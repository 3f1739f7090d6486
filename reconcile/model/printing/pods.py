"""
Pods, as `kubectl get pods` shows them.

Source:   what kubectl prints in STATUS: https://kubernetes.io/docs/tasks/debug/debug-application/debug-init-containers/
and the pod lifecycle page.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.lib.instant import Instant
from reconcile.model import conditions
from reconcile.model.printing.ages import age, since
from reconcile.model.printing.shape import NONE, Cells

_FINISHED = ("Succeeded", "Failed")


@attrs.frozen
class Standing:
    """
    How a pod stands.

    Args:
        status: the word of the STATUS column: Running, Completed, CrashLoopBackOff, Init:0/1, Terminating, ...
        ready: how many containers are ready.
        containers: of how many.
        restarts: how often its containers were restarted.
        restarted: when the last container that was restarted had ended (a Time), if any was.
    """

    status: str
    ready: int
    containers: int
    restarts: int = 0
    restarted: Any = None


def standing(pod: Any) -> Standing:
    """Sum up a pod's status."""
    status = pod.status
    word = _gated(status) or (status and (status.reason or status.phase)) or "Unknown"
    sidecars = _sidecars(pod)
    total = len(pod.spec.containers) + len(sidecars)
    started = (status and status.init_container_statuses) or ()
    init_word, ready, seen = _initializing(pod, started, sidecars)
    initialized = status is not None and conditions.is_true(status.conditions, "Initialized")
    if init_word and not initialized:
        return Standing(_deleted(pod, init_word), ready, total, _restarts(started[:seen]), _restarted(started[:seen]))
    word = init_word or word
    containers = (status and status.container_statuses) or ()
    word, running = _running(word, containers, status)
    counted = (*[each for each in started[:seen] if each.name in sidecars], *containers)
    return Standing(_deleted(pod, word), ready + running, total, _restarts(counted), _restarted(counted))


def pod_cells(pod: Any, now: Instant) -> Cells:
    """Give the cells of a pod."""
    seen, status = standing(pod), pod.status
    restarts = str(seen.restarts)
    if seen.restarts and seen.restarted is not None:
        restarts = f"{restarts} ({since(seen.restarted, now)} ago)"
    ips = (status and status.pod_ips) or ()
    gates = [gate.condition_type for gate in pod.spec.readiness_gates or ()]
    passed = [gate for gate in gates if status and conditions.is_true(status.conditions, gate)]
    return (
        pod.metadata.name,
        f"{seen.ready}/{seen.containers}",
        seen.status,
        restarts,
        age(pod, now),
        (ips[0].ip if ips else "") or NONE,
        pod.spec.node_name or NONE,
        (status and status.nominated_node_name) or NONE,
        f"{len(passed)}/{len(gates)}" if gates else NONE,
    )


def _gated(status: Any) -> str:
    scheduled = conditions.find(status.conditions, "PodScheduled") if status is not None else None
    return "SchedulingGated" if scheduled is not None and scheduled.reason == "SchedulingGated" else ""


def _sidecars(pod: Any) -> tuple[str, ...]:
    return tuple([each.name for each in pod.spec.init_containers or () if each.restart_policy == "Always"])


def _initializing(pod: Any, statuses: tuple[Any, ...], sidecars: tuple[str, ...]) -> tuple[str, int, int]:
    """
    Say how far the init containers are.

    Returns:
        What one that is not through makes of the status, empty if all are; the sidecars that are ready; how many
        statuses were looked at.
    """
    ready = 0
    for place, each in enumerate(statuses):
        state = each.state
        ended = state.terminated if state is not None else None
        if ended is not None and ended.exit_code == 0:
            continue
        if each.name in sidecars and each.started:
            ready += bool(each.ready)
            continue
        if ended is not None:
            return f"Init:{_ended(ended)}", ready, place + 1
        waiting = state.waiting if state is not None else None
        if waiting is not None and waiting.reason and waiting.reason != "PodInitializing":
            return f"Init:{waiting.reason}", ready, place + 1
        return f"Init:{place}/{len(pod.spec.init_containers or ())}", ready, place + 1
    return "", ready, len(statuses)


def _running(word: str, statuses: tuple[Any, ...], status: Any) -> tuple[str, int]:
    """Give the status word that the containers make, the first one having the last word, and how many are ready."""
    ready, failed = 0, ""
    for each in reversed(statuses):
        state = each.state
        if state is None:
            continue
        if state.waiting is not None and state.waiting.reason:
            word = state.waiting.reason
        elif state.terminated is not None:
            word = _ended(state.terminated)
            failed = word if state.terminated.exit_code else failed
        elif each.ready and state.running is not None:
            ready += 1
    if word == "Completed":
        if ready and conditions.is_true(status.conditions, "Ready"):
            word = "Running"
        elif failed or ready:
            word = failed or "NotReady"
    return word, ready


def _ended(ended: Any) -> str:
    if ended.reason:
        return str(ended.reason)
    return f"Signal:{ended.signal}" if ended.signal else f"ExitCode:{ended.exit_code}"


def _deleted(pod: Any, word: str) -> str:
    if pod.metadata.deletion_timestamp is None:
        return word
    if pod.status is not None and pod.status.reason == "NodeLost":
        return "Unknown"
    return word if pod.status is not None and pod.status.phase in _FINISHED else "Terminating"


def _restarts(statuses: tuple[Any, ...]) -> int:
    return sum([each.restart_count for each in statuses])


def _restarted(statuses: tuple[Any, ...]) -> Any:
    last = [each.last_state.terminated for each in statuses if each.last_state and each.last_state.terminated]
    return max([ended.finished_at for ended in last if ended.finished_at is not None], default=None)
