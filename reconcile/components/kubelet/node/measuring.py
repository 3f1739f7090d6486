"""
Measuring: what a host has left of what it may run short of, by what is said of it, its images and its containers.

Source:   the kubelet's eviction signals.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Final

from reconcile.api.quantity import Quantity
from reconcile.components.kubelet.state import ALIVE, LocalPod, State

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
    used = sum([use_of(pod, "memory") for pod in state.pods.values()])
    filled = sum([use_of(pod, "ephemeral-storage") for pod in state.pods.values()]) + sum(state.images.values())
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


def use_of(pod: LocalPod, resource: str) -> int:
    """Give how much of a resource a pod's containers use, in bytes."""
    total = 0
    for container in pod.containers:
        if container.aside is not None and container.stage in ALIVE:
            total += container.aside.memory if resource == "memory" else container.aside.disk
    return total
