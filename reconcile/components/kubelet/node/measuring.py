"""
Measuring: what a host has left of what it may run short of, by what is said of it, its images and its containers.

Source:   the kubelet's eviction signals.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.quantity import Quantity
from reconcile.components.kubelet.state import ALIVE, LocalPod, State
from reconcile.lib.mapping import Map

RESOURCES: Final = {
    "memory.available": "memory",
    "nodefs.available": "ephemeral-storage",
    "imagefs.available": "ephemeral-storage",
    "nodefs.inodesFree": "inodes",
    "imagefs.inodesFree": "inodes",
    "pid.available": "pids",
}
_USUAL: Final = {"inodes": 6_553_600, "pids": 32_768}


def observed(state: State) -> dict[str, tuple[int, int]]:
    """Give what each signal measures: what is available, of how much."""
    capacity, strain = state.host.capacity, state.seldom.strain
    memory = Quantity.parse(capacity.get("memory", "0")).whole
    disk = Quantity.parse(capacity.get("ephemeral-storage", "0")).whole
    used = sum([use_of(state, pod, "memory") for pod in state.pods.values()])
    filled = sum([use_of(state, pod, "ephemeral-storage") for pod in state.pods.values()]) + sum(state.images.values())
    found: dict[str, tuple[int, int]] = {}
    if memory:
        found["memory.available"] = strain.get("memory.available", memory) - used, memory
    if disk:
        left = strain.get("nodefs.available", disk)
        found["nodefs.available"] = left - filled, disk
        found["imagefs.available"] = strain.get("imagefs.available", left) - filled, disk
    for signal in ("nodefs.inodesFree", "imagefs.inodesFree", "pid.available"):
        if signal in strain:
            found[signal] = strain[signal], _USUAL[RESOURCES[signal]]
    return found


def use_of(state: State, pod: LocalPod, resource: str) -> int:
    """Give how much of a resource a pod's containers use, with what is on its own volumes, in bytes."""
    total = _on_volumes(pod, state.seldom.filled[pod.uid], resource) if pod.uid in state.seldom.filled else 0
    for container in pod.containers:
        if container.aside is not None and container.stage in ALIVE:
            total += container.aside.memory if resource == "memory" else container.aside.disk
    return total


def _on_volumes(pod: LocalPod, filled: Map[int], resource: str) -> int:
    """Give what is on a pod's own volumes: on disk, or, of those that are made of memory, there."""
    spec: Any = pod.pod.spec
    total = 0
    for volume in spec.volumes or ():
        if volume.empty_dir is not None and (volume.empty_dir.medium == "Memory") is (resource == "memory"):
            total += filled.get(volume.name, 0)
    return total
