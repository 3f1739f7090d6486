"""
Amounts: lists of resources with their quantities, added, compared and written; what a pod asks for and may have.

Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers and
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from reconcile.api.quantity import Quantity

Amounts = Mapping[str, Quantity]
_OF_PODS: Final = ("cpu", "memory")
_HUGE_PAGES: Final = "hugepages-"


def added(one: Amounts, other: Amounts) -> dict[str, Quantity]:
    """Give the sums of two lists."""
    total = dict(one)
    for name, amount in other.items():
        total[name] = total[name] + amount if name in total else amount
    return total


def largest(one: Amounts, other: Amounts) -> dict[str, Quantity]:
    """Give the greater amount of each resource."""
    most = dict(one)
    for name, amount in other.items():
        if name not in most or amount > most[name]:
            most[name] = amount
    return most


def masked(amounts: Amounts, names: Any) -> dict[str, Quantity]:
    """Give the amounts of *names* alone."""
    return {name: amount for name, amount in amounts.items() if name in names}


def written(amounts: Amounts) -> str:
    """Write amounts in a line: `cpu=2,memory=2Gi`."""
    return ",".join([f"{name}={amounts[name].text}" for name in sorted(amounts)])


def of_pod(spec: Any, which: Literal["requests", "limits"]) -> dict[str, Quantity]:
    """
    Give what a pod requests, or what it is limited to: the sum of its containers, or its hungriest init container.

    Overhead is not counted.
    """
    total: dict[str, Quantity] = {}
    for container in spec.containers:
        total = added(total, _of(container, which))
    running: dict[str, Quantity] = {}
    peak: dict[str, Quantity] = {}
    for container in spec.init_containers or ():
        asked: Mapping[str, Quantity] = _of(container, which)
        if container.restart_policy == "Always":
            total, running = added(total, asked), added(running, asked)
            asked = running
        else:
            asked = added(asked, running)
        peak = largest(peak, asked)
    total = largest(total, peak)
    whole = getattr(spec.resources, which) if spec.resources is not None else None
    for name, amount in (whole or {}).items():
        if name in _OF_PODS or name.startswith(_HUGE_PAGES):
            total[name] = amount
    return total


def with_overhead(amounts: Amounts, spec: Any, *, only_known: bool) -> dict[str, Quantity]:
    """Give a pod's amounts with its overhead; *only_known* adds to what is there alone, as is right for limits."""
    overhead = spec.overhead or {}
    if only_known:
        overhead = {name: amount for name, amount in overhead.items() if amounts.get(name)}
    return added(amounts, overhead)


def _of(container: Any, which: str) -> Amounts:
    found: Amounts | None = getattr(container.resources, which) if container.resources is not None else None
    return found or {}
