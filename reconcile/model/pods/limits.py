"""Limits: how much of memory and of processors a container may use."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_UNLIMITED: Final = (0, 0)
_NOTHING: Final = core_v1.ResourceRequirements()


def limits_of(resources: Any) -> tuple[int, int]:
    """Give how many bytes of memory a container may use, and how many billionths of processors; 0: not limited."""
    limits = resources.limits if resources is not None else None
    if not limits:
        return _UNLIMITED
    memory, cpu = limits.get("memory"), limits.get("cpu")
    return 0 if memory is None else memory.whole, 0 if cpu is None else cpu.nanos


def within(resources: core_v1.ResourceRequirements | None, whole: Any) -> core_v1.ResourceRequirements:
    """Give what a container has within its pod: where it has no limit of its own, that of the pod is its limit."""
    own = resources or _NOTHING
    limits = (whole.limits if whole is not None else None) or {}
    more = {name: limits[name] for name in ("cpu", "memory") if name in limits and name not in (own.limits or {})}
    return replace(own, limits=Map(own.limits or {}).merge(more)) if more else own
