"""
Stopping: how one container is told to end: its preStop hook first, a sidecar when those that it serves are gone, then
SIGTERM with what is left of its grace.

Gives:    RunHook, StopContainer, SetTimer, CancelTimer, Record.
Source:   kuberuntime's killContainer and terminationOrdering.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.kubelet.container.actions import action_of
from reconcile.components.kubelet.state import (
    ALIVE,
    Aside,
    Container,
    LocalPod,
    container_of,
    field_path,
    with_container,
)
from reconcile.effects import CancelTimer, Effect, Record, RunHook, SetTimer, StopContainer
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import copier, replace

LEAST_GRACE: Final = 2 * SECOND
"""What a container gets at least from SIGTERM to SIGKILL."""
_NOTHING: Final = Aside()


def seconds(pod: LocalPod, wanted: int | None) -> Duration:
    """Give the grace of a container that is stopped while its pod goes on."""
    metadata: Any = pod.pod.metadata
    if metadata.deletion_grace_period_seconds is not None:
        wanted = metadata.deletion_grace_period_seconds
    return LEAST_GRACE if wanted is None else int(wanted) * SECOND


def in_order(alive: list[Container]) -> list[Container]:
    """Give containers in the order in which they are told to end: sidecars last, the last one first."""
    if len(alive) > 1 and alive[0].kind == "sidecar":
        sidecars = [container for container in alive if container.kind == "sidecar"]
        return [*[container for container in alive if container.kind != "sidecar"], *reversed(sidecars)]
    return alive


def unprobed(pod: LocalPod, container: Container) -> list[Effect]:
    """Give what unsets the timers of a container's probes."""
    return [CancelTimer(("probe", pod.uid, container.name, gauge.kind)) for gauge in container.gauges]


def stop(
    pod: LocalPod, container: Container, grace: Duration, now: Instant, out: list[Effect], *, why: str = ""
) -> LocalPod:
    """Tell a container to end within *grace*, because the pod ends, or because of *why*."""
    ending, fresh = pod.life == "ending", container.stage == "starting"
    lifecycle = container.spec.lifecycle
    hook = lifecycle.pre_stop if lifecycle is not None and grace > 0 else None
    if fresh and ending and hook is not None:
        return pod  # it starts first, so that its hook can be run
    out += [
        CancelTimer(("probe", pod.uid, container.name, gauge.kind))
        for gauge in container.gauges
        if not ending or gauge.kind != "readiness"
    ]
    said = why or f"Stopping container {container.name}"
    out.append(Record(pod.pod, "Normal", "Killing", said, field_path(container)))
    # The ID is that of the run before if this one has not started: its end will bear another.
    stopping = copier(Container, "stage", "id")(container, "stopping", "" if fresh else container.id)
    if hook is not None and not fresh:
        command = hook.exec.command or () if hook.exec is not None else ()
        action = action_of(hook, container.spec.ports)
        out.append(RunHook(pod.uid, container.name, "preStop", action, command))
        return _until(pod, stopping, grace, now, out, hook="preStop")
    return _in_turn(pod, stopping, grace, now, out)


def hooked(pod: LocalPod, container: Container, now: Instant, out: list[Effect]) -> LocalPod:
    """Go on after the preStop hook, which took of the container's grace."""
    aside = container.aside or _NOTHING
    spent = (now - aside.since) // SECOND * SECOND
    return _in_turn(pod, container, aside.until - aside.since - spent, now, out)


def released(pod: LocalPod, now: Instant, out: list[Effect]) -> LocalPod:
    """Let end which waited for others that have ended by now."""
    for container in pod.containers:
        aside = container.aside
        if aside is not None and aside.waits and not _serves(pod, container):
            spent = (now - aside.since) // SECOND * SECOND
            pod = _ordered(pod, container, aside.until - aside.since - spent, out)
    return pod


def expired(pod: LocalPod, container: Container, now: Instant, out: list[Effect]) -> LocalPod:
    """Wait no longer, neither for a hook nor for others: the grace is over."""
    aside = container.aside
    if container.stage != "stopping" or aside is None or not (aside.hook or aside.waits) or now < aside.until:
        return pod
    return _ordered(pod, container, 0, out)


def _in_turn(pod: LocalPod, container: Container, grace: Duration, now: Instant, out: list[Effect]) -> LocalPod:
    if container.kind == "sidecar" and grace > 0 and _everything_ends(pod) and _serves(pod, container):
        return _until(pod, container, grace, now, out, waits=True)
    return _ordered(pod, container, grace, out)


def _everything_ends(pod: LocalPod) -> bool:
    return pod.life == "ending" or pod.sandbox == "lost"


def _serves(pod: LocalPod, sidecar: Container) -> bool:
    """Tell whether others of the pod are alive that a sidecar is there for: main containers, and later sidecars."""
    later = False
    for container in pod.containers:
        if container.name == sidecar.name:
            later = True
        elif container.stage in ALIVE and (container.kind == "main" or (later and container.kind == "sidecar")):
            return True
    return False


def _until(
    pod: LocalPod,
    container: Container,
    grace: Duration,
    now: Instant,
    out: list[Effect],
    *,
    hook: Any = "",
    waits: bool = False,
) -> LocalPod:
    out.append(SetTimer(("grace", pod.uid, container.name), now + grace))
    aside = replace(container.aside or _NOTHING, hook=hook, waits=waits, since=now, until=now + grace)
    return with_container(pod, replace(container, aside=aside))


def _ordered(pod: LocalPod, container: Container, grace: Duration, out: list[Effect]) -> LocalPod:
    out.append(StopContainer(pod.uid, container.name, max(grace, LEAST_GRACE)))
    aside = container.aside
    if aside is not None and (aside.hook or aside.waits):
        out.append(CancelTimer(("grace", pod.uid, container.name)))
        container = replace(container, aside=replace(aside, hook="", waits=False))
    return with_container(pod, container)


def ended(pod: LocalPod, name: str, out: list[Effect]) -> None:
    """Forget that a container is waited for, which has ended."""
    container = container_of(pod, name)
    if container is not None and container.aside is not None:
        out.append(CancelTimer(("grace", pod.uid, name)))
