"""
Ending: how what a pod has is torn down: its containers, sidecars after those that they serve, then its sandbox.

Takes:    what `pods` decides; SandboxRemoved and ContainerExited by way of it.
Gives:    StopPodSandbox, CancelTimer, Call, and what `stopping` gives.
Source:   the kubelet's syncTerminatingPod and syncTerminatedPod; kuberuntime's terminationOrdering.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from reconcile.components.kubelet import calls
from reconcile.components.kubelet.admission import admission
from reconcile.components.kubelet.container import stopping
from reconcile.components.kubelet.node import nodes
from reconcile.components.kubelet.pod.reporting import keep, report, with_pods
from reconcile.components.kubelet.state import ALIVE, LocalPod, State, with_seldom
from reconcile.components.kubelet.volume import growing, holding, mounting, preparing
from reconcile.effects import CancelTimer, Effect, SetTimer, StopPodSandbox
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import copier

Verdict: TypeAlias = tuple[str, str] | tuple[str, str, str]
"""Why a pod is ended: a reason, a message, and, if it is for others' sake, what its condition DisruptionTarget says."""

FINISHED: Final = ("Succeeded", "Failed")
LEAST_GRACE: Final = SECOND
_GRACE: Final = 30 * SECOND


def grace_of(pod: Any) -> Duration:
    """Give how long the pod's containers may take to end."""
    seconds = pod.metadata.deletion_grace_period_seconds
    if seconds is None:
        seconds = pod.spec.termination_grace_period_seconds
    return _GRACE if seconds is None else max(int(seconds) * SECOND, LEAST_GRACE)


def kill(state: State, pod: LocalPod, verdict: Verdict, now: Instant, out: list[Effect], *, grace: Duration) -> State:
    """End a pod that runs for the kubelet's own reasons; its status says why."""
    killed = copier(LocalPod, "life", "grace", "verdict")
    return end(state, killed(pod, "ending", max(grace, LEAST_GRACE), verdict), now, out)


def end(state: State, pod: LocalPod, now: Instant, out: list[Effect], *, sooner: bool = False) -> State:
    """Bring a pod's end a step nearer; *sooner*: it has less time than it was told."""
    alive = [container for container in pod.containers if container.stage in ALIVE]
    # Sidecars serve the others to the end.
    for container in stopping.in_order(alive):
        if container.stage != "stopping" or sooner:
            pod = stopping.stop(pod, container, pod.grace, now, out)
    if alive:
        return keep(state, stopping.released(pod, now, out))
    if pod.sandbox in {"asked", "ready", "lost"}:
        out.append(StopPodSandbox(pod.uid))
        return keep(state, copier(LocalPod, "sandbox")(pod, "stopping"))
    if pod.sandbox == "stopping":
        return keep(state, pod)
    seldom = state.seldom
    if seldom.mounting or seldom.secrets or seldom.following:
        state = mounting.dropped(state, pod, out)
    if seldom.claiming or seldom.claims:
        state, waits = preparing.ended(state, pod, now, out)
        if waits:
            return keep(state, pod)
    spec: Any = pod.pod.spec
    if pod.uid in seldom.filled:
        state = with_seldom(state, filled=state.seldom.filled.remove(pod.uid))
    if seldom.holds or seldom.drivers:
        state = growing.released(state, pod, out)
        state, is_less = holding.released(state, pod)
        if is_less:
            state = nodes.changed(state, now, out)
    if spec.active_deadline_seconds is not None:
        out.append(CancelTimer(("deadline", pod.uid)))
    out += [CancelTimer(("due", pod.uid, kept.name)) for kept in pod.containers if kept.due > now]
    if pod.uid in state.pods and pod.containers:
        state = admission.released(state, pod)
    if state.seldom.trouble is not None:
        out.append(SetTimer(("ended",), now))
    return finish(state, copier(LocalPod, "life")(pod, "ended"), now, out)


def finish(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Say the last of a pod, let its object be deleted if that is asked for, and forget what is gone."""
    if pod.static and state.seldom.static.get(pod.key) != pod.uid:
        # Its manifest is gone: so is its mirror; what came in its place waits for its end.
        out.append(SetTimer(("static", pod.key), now))
        if pod.api is not None:
            out.append(calls.delete(pod.api, ("unmirrored", pod.key)))
        return with_pods(state, state.pods.remove(pod.uid)) if pod.uid in state.pods else state
    if pod.api is None and not pod.static:
        if pod.uid not in state.pods:
            return state
        return with_pods(state, state.pods.remove(pod.uid))
    if pod.status is None or pod.status.phase not in FINISHED or pod.containers:
        pod = report(state, pod, now, out)
    api = pod.api
    if api is None or pod.calling or pod.static:
        return keep(state, pod)
    metadata: Any = api.metadata
    if metadata.deletion_timestamp is None:
        return keep(state, pod)
    out.append(calls.delete(api, ("delete", pod.uid)))
    return keep(state, copier(LocalPod, "calling")(pod, "delete"))
