"""
Exceeding: pods that write more to the host's disk than they may are evicted.

A container may have a limit of ephemeral storage, for its own layer; the limits of all are that of the pod, for
these and what is on its emptyDirs. An emptyDir may have a limit of its own.

Source:   the kubelet's eviction package, localStorageEviction.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.kubelet.admission.admission import is_critical
from reconcile.components.kubelet.node import measuring
from reconcile.components.kubelet.pod import ending
from reconcile.components.kubelet.state import ALIVE, LocalPod, State
from reconcile.effects import Effect, Record
from reconcile.lib.instant import Instant
from reconcile.model import amounts

_STORAGE: Final = "ephemeral-storage"


def evicted(state: State, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """End every pod that uses more than it may; tell whether there was one."""
    found = False
    for pod in state.pods.values():
        if pod.life not in {"running", "restarting"} or is_critical(pod):
            continue
        said = _beyond(state, pod)
        if said:
            out.append(Record(pod.pod, "Warning", "Evicted", said))
            state = ending.kill(state, pod, ("Evicted", said), now, out, grace=0)
            found = True
    return state, found


def _beyond(state: State, pod: LocalPod) -> str:
    """Say what a pod uses more of than it may; empty if nothing."""
    spec: Any = pod.pod.spec
    filled = state.seldom.filled.get(pod.uid)
    for volume in (spec.volumes or ()) if filled else ():
        limit = None if volume.empty_dir is None else volume.empty_dir.size_limit
        if limit is not None and limit.nanos > 0 and filled is not None and filled.get(volume.name, 0) > limit.whole:
            return f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{limit}". '
    if not any(container.aside is not None and container.aside.disk for container in pod.containers) and not filled:
        return ""
    most = amounts.of_pod(spec, "limits").get(_STORAGE)
    if most is not None and measuring.use_of(state, pod, _STORAGE) > most.whole:
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {most}. "
    for container in pod.containers:
        resources = container.spec.resources
        limit = ((resources.limits if resources is not None else None) or {}).get(_STORAGE)
        used = container.aside.disk if container.aside is not None and container.stage in ALIVE else 0
        if limit is not None and limit.nanos and used > limit.whole:
            return f'Container {container.spec.name} exceeded its local ephemeral storage limit "{limit}". '
    return ""
