"""Aggregation: what the containers of a pod ask for together."""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.lib.mapping import Map


def aggregated(spec: core_v1.PodSpec, kind: str) -> Map[Quantity]:
    """Give what all containers of a pod ask for together: its *kind* is limits or requests."""
    total: dict[str, Quantity] = {}
    for container in spec.containers:
        _add(total, amounts_of(container, kind))
    # What goes on beside the others adds up; what runs before them needs its own at its time only.
    beside: dict[str, Quantity] = {}
    most: dict[str, Quantity] = {}
    for container in spec.init_containers or ():
        amounts = dict(amounts_of(container, kind))
        if container.restart_policy == "Always":
            _add(total, amounts)
            _add(beside, amounts)
            amounts = dict(beside)
        else:
            _add(amounts, beside)
        for name, amount in amounts.items():
            if name not in most or amount > most[name]:
                most[name] = amount
    for name, amount in most.items():
        if name not in total or amount > total[name]:
            total[name] = amount
    return Map(total)


def amounts_of(container: Any, kind: str) -> Map[Quantity]:
    """Give what one container asks for."""
    resources = container.resources
    return (getattr(resources, kind) if resources is not None else None) or Map[Quantity]()


def _add(total: dict[str, Quantity], amounts: Any) -> None:
    for name, amount in amounts.items():
        total[name] = total[name] + amount if name in total else amount
