"""
Resources: what a pod asks of a node, and what a node has to give, in whole units (thousandths of a core for cpu).

Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers and
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
"""

from __future__ import annotations

from typing import Any


def requests_of(spec: Any) -> dict[str, int]:
    """Give what a pod with this spec requests: its containers or its hungriest init container, and overhead."""
    running: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in spec.init_containers or ():
        asked = _asked(container)
        if container.restart_policy == "Always":
            running = _sum(running, asked)
            asked = running
        else:
            asked = _sum(running, asked)
        peak = {name: max(peak.get(name, 0), asked.get(name, 0)) for name in {**peak, **asked}}
    for container in spec.containers:
        running = _sum(running, _asked(container))
    total = {name: max(peak.get(name, 0), running.get(name, 0)) for name in {**peak, **running}}
    if spec.resources is not None:
        total |= _whole(spec.resources.requests)
    return _sum(total, _whole(spec.overhead))


def allocatable(node: Any) -> dict[str, int]:
    """Give what a node has for pods, by resource name; empty if it has not reported yet."""
    return _whole(node.status.allocatable if node.status else None)


def _asked(container: Any) -> dict[str, int]:
    return _whole(container.resources.requests if container.resources else None)


def _whole(amounts: Any) -> dict[str, int]:
    return {name: each.milli if name == "cpu" else each.whole for name, each in (amounts or {}).items()}


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
