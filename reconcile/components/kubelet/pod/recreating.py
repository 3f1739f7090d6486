"""
Recreating: how a pod gets another sandbox, because its own went away.

Everything in it is told to end, as if the pod were deleted, and then begins anew in the new one, with another IP: init
containers first. Volumes stay. A pod that is not to be restarted gets none, and ends with what its containers did.

Takes:    SandboxLost, and SandboxRemoved that nobody asked for, by way of `pods`.
Gives:    Record, CancelTimer, and what `stopping` gives.
Source:   kuberuntime's PodSandboxChanged, computePodActions and SyncPod.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.kubelet.awaited import Mounting
from reconcile.components.kubelet.container import stopping
from reconcile.components.kubelet.pod import choosing, ending
from reconcile.components.kubelet.state import (
    ALIVE,
    Aside,
    Container,
    LocalPod,
    State,
    restart_policy,
    with_seldom,
)
from reconcile.effects import CancelTimer, Effect, Record
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import copier, replace

SANDBOX_CHANGED: Final = "Pod sandbox changed, it will be killed and re-created."


def begun(state: State, pod: LocalPod, out: list[Effect]) -> tuple[State, LocalPod]:
    """Note that the pod's sandbox went away; nothing starts in it any more."""
    anew = _wanted(pod)
    if anew:
        out.append(Record(pod.pod, "Normal", "SandboxChanged", SANDBOX_CHANGED))
    out += [CancelTimer(("due", pod.uid, kept.name)) for kept in pod.containers if kept.due]
    waiting = tuple([_waits_no_more(container) for container in pod.containers])
    known = state.seldom.mounting.set(pod.uid, Mounting(done=True, anew=anew))
    return with_seldom(state, mounting=known), replace(pod, sandbox="lost", life="running", containers=waiting)


def _wanted(pod: LocalPod) -> tuple[str, ...]:
    """Give the names of the containers that are to run in another sandbox; none if there is to be none."""
    if restart_policy(pod.pod) == "Never" and any(container.runs for container in pod.containers):
        return ()
    mains = [kept.name for kept in pod.containers if kept.kind == "main" and not _is_done(pod, kept)]
    return (*mains, *[kept.name for kept in pod.containers if kept.kind == "sidecar"]) if mains else ()


def _is_done(pod: LocalPod, container: Container) -> bool:
    policy = container.spec.restart_policy or restart_policy(pod.pod)
    return container.stage == "exited" and container.code == 0 and policy == "OnFailure"


def _waits_no_more(container: Container) -> Container:
    stage: Any = container.stage
    if stage in {"pulling", "configuring"}:
        stage = "new" if container.state is None else "exited"
    return replace(container, stage=stage, due=0)


def advanced(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, LocalPod]:
    """Bring the end of what is in the sandbox a step nearer; once nothing is, what is wanted is to begin anew."""
    alive = [container for container in pod.containers if container.stage in ALIVE]
    grace = ending.grace_of(pod.pod)
    for container in stopping.in_order(alive):
        if container.stage != "stopping":
            pod = stopping.stop(pod, container, grace, now, out)
    if alive:
        return state, stopping.released(pod, now, out)
    anew = state.seldom.mounting[pod.uid].anew
    if not anew:
        return state, pod
    spec: Any = pod.pod.spec
    fresh = tuple([_begins(pod, container, anew) for container in pod.containers])
    pod = copier(LocalPod, "sandbox", "initialised", "containers")(pod, "none", not spec.init_containers, fresh)
    return with_seldom(state, mounting=state.seldom.mounting.remove(pod.uid)), pod


def _begins(pod: LocalPod, container: Container, anew: tuple[str, ...]) -> Container:
    """Give a container as it is before it runs again, if it is to: also what ended well only as it was told to end."""
    if container.stage != "exited":
        return container
    if container.kind == "init":
        return replace(container, stage="new", state=None, last=container.state, code=0)
    if container.name in anew and not choosing.restarts(pod, container):
        return replace(container, stage="new", state=None, last=container.state, aside=_RESET)
    return container


_RESET: Final = Aside(reset=True)
