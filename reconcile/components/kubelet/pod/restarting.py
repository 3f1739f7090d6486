"""
Restarting: how all containers of a pod are started again, in place, because one ended as its restart rule says.

They are told to end one after the other, and then begin as in a new pod, init containers first. The sandbox, its IP and
the volumes stay. Ephemeral containers go on.

Takes:    ContainerExited by way of `pods`.
Gives:    CancelTimer, and what `stopping` and `reporting` give.
Source:   kuberuntime's getContainersToReset and SyncPod; the feature gate RestartAllContainersOnContainerExits.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.kubelet.container import containers, stopping
from reconcile.components.kubelet.pod.choosing import under_way
from reconcile.components.kubelet.pod.reporting import report
from reconcile.components.kubelet.state import ALIVE, Aside, Container, LocalPod, State
from reconcile.effects import CancelTimer, Effect
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace

_REASON: Final = "RestartingAllContainers"
_MESSAGE: Final = "The container is removed because RestartAllContainers in place"
_WAITING: Final = core_v1.ContainerStateWaiting(reason=_REASON, message=_MESSAGE)
_REMOVED: Final = core_v1.ContainerState(
    terminated=core_v1.ContainerStateTerminated(exit_code=137, reason=_REASON, message=_MESSAGE)
)
_RESET: Final = Aside(reset=True)


def advanced(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> LocalPod:
    """Bring the restart a step nearer: the next container is told to end, or, if none is left, all begin anew."""
    if pod.status is None:
        pod = report(state, pod, now, out)  # the kubelet has started anew
    if under_way(pod):
        return pod
    alive = [container for container in pod.containers if container.stage in ALIVE and container.kind != "ephemeral"]
    if not alive:
        return _begun_anew(state, pod, now, out)
    if any(container.stage == "stopping" for container in alive):
        return pod
    first = min(alive, key=lambda container: container.kind != "main")
    return stopping.stop(pod, first, 0, now, out, why="killing")


def _begun_anew(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> LocalPod:
    """Give the pod with its containers removed; its status says so once."""
    out += [CancelTimer(("due", pod.uid, kept.name)) for kept in pod.containers if kept.due > now]
    spec: Any = pod.pod.spec
    fresh = tuple([kept if kept.kind == "ephemeral" else removed(kept) for kept in pod.containers])
    pod = replace(pod, containers=fresh, life="running", initialised=not spec.init_containers)
    pod = report(state, pod, now, out)
    told = tuple([replace(kept, waiting=None) if kept.waiting is _WAITING else kept for kept in pod.containers])
    return containers.respecified(replace(pod, containers=told), 0, now, out)


def removed(container: Container) -> Container:
    """Give a container as it is once the runtime knows nothing of it any more: it waits for no back-off."""
    if container.stage == "new" and container.state is None:
        return replace(container, waiting=None, due=0)
    return replace(
        container,
        stage="new",
        id=container.id if container.kind == "init" else "",
        image_id=container.image_id if container.kind == "init" else "",
        state=None,
        last=_REMOVED if container.waiting is None else container.state,
        code=0,
        waiting=_WAITING if container.waiting is None else None,
        due=0,
        aside=_RESET,
    )
