"""Limits: how much of memory and of processors a container may use."""

from __future__ import annotations

from typing import Any, Final

_UNLIMITED: Final = (0, 0)


def limits_of(resources: Any) -> tuple[int, int]:
    """Give how many bytes of memory a container may use, and how many billionths of processors; 0: not limited."""
    limits = resources.limits if resources is not None else None
    if not limits:
        return _UNLIMITED
    memory, cpu = limits.get("memory"), limits.get("cpu")
    return 0 if memory is None else memory.whole, 0 if cpu is None else cpu.nanos
