"""
Reporting: what a kubelet remembers of its pods, and how it tells their status: what is news, one write at a time.

Gives:    Call.
Source:   the kubelet's status manager.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.components.kubelet import calls
from reconcile.components.kubelet.pod.status import OWNED, status_of
from reconcile.components.kubelet.state import LocalPod, Pull, State
from reconcile.effects import Effect
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table


def keep(state: State, pod: LocalPod) -> State:
    """Remember the pod as it is now."""
    return with_pods(state, state.pods.set(pod.uid, pod))


with_pods: Final[Callable[[State, Table[str, LocalPod]], State]] = copier(State, "pods")


def keep_pulling(state: State, pod: LocalPod, pulls: tuple[Pull, ...]) -> State:
    """Remember the pod, and which images are being pulled."""
    after: State = copier(State, "pods", "pulls")(state, state.pods.set(pod.uid, pod), pulls)
    return after


def report(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> LocalPod:
    """Make the pod's status, and send it if it is news."""
    status = status_of(pod, state.host, now)
    if pod.status is not None and status.conditions is pod.status.conditions and status == pod.status:
        return write(pod, out)
    # What was written last is mostly what was known last, and that is another, as has just been found out.
    if pod.api is None or pod.calling or (pod.written is not pod.status and status == pod.written):
        return replace(pod, status=status)
    out.append(calls.patch(pod, status))
    return _written(pod, status, status, "status")


_written: Final[Callable[..., LocalPod]] = copier(LocalPod, "status", "written", "calling")


def write(pod: LocalPod, out: list[Effect]) -> LocalPod:
    """Send the newest status, unless the API server has it, or a call is under way whose answer comes first."""
    api, status = pod.api, pod.status
    if api is None or status is None or pod.calling or status is pod.written or status == pod.written:
        return pod
    out.append(calls.patch(pod, status))
    return _written(pod, status, status, "status")


def drifted(pod: LocalPod, api: Any) -> bool:
    """Tell whether someone else has changed what is this kubelet's to say, since it was last written."""
    mine, theirs = pod.status, api.status
    if mine is None or theirs is None or theirs is mine or int(api.metadata.resource_version or 0) < pod.version:
        return False
    if theirs.phase != mine.phase:
        return True
    said = {kept.type: kept.status for kept in theirs.conditions or ()}
    return any(kept.type in OWNED and said.get(kept.type) != kept.status for kept in mine.conditions or ())
