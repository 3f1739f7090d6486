"""
Bounds: by how many pods a Deployment may exceed, and fall short of, what it declares.

Source:   pkg/controller/deployment/util: ResolveFenceposts, MaxSurge, MaxUnavailable; apimachinery's intstr.
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

ROLLING_UPDATE = "RollingUpdate"
RECREATE = "Recreate"
_ROLLING = (None, ROLLING_UPDATE)


def desired(deployment: Any) -> int:
    """Give how many replicas the Deployment, or a ReplicaSet, declares."""
    replicas: int | None = deployment.spec.replicas
    return 1 if replicas is None else replicas


def is_rolling(deployment: Any) -> bool:
    """Tell whether the Deployment replaces its pods little by little."""
    strategy = deployment.spec.strategy
    return strategy is None or strategy.type in _ROLLING


def max_surge(deployment: Any) -> int:
    """Give how many pods more than declared there may be."""
    return _bounds(deployment)[0]


def max_unavailable(deployment: Any) -> int:
    """Give how many pods fewer than declared may be available."""
    return _bounds(deployment)[1]


def least(deployment: Any) -> int:
    """Give how many pods must be available."""
    return desired(deployment) - _bounds(deployment)[1]


@lru_cache(maxsize=1024)
def fenceposts(surge: int | str | None, unavailable: int | str | None, replicas: int) -> tuple[int, int]:
    """Give both bounds in pods: percentages of surge round up, of unavailability down; both 0 would stand still."""
    up = scaled(surge, replicas, up=True)
    down = scaled(unavailable, replicas, up=False)
    return (0, 1) if up == down == 0 else (up, down)


def scaled(value: int | str | None, replicas: int, *, up: bool) -> int:
    """Give an integer as it is, and `25%` of *replicas* rounded *up* or down; nothing is 0."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    percent = int(value.removesuffix("%"))
    return -(-percent * replicas // 100) if up else percent * replicas // 100


def _bounds(deployment: Any) -> tuple[int, int]:
    replicas, strategy = desired(deployment), deployment.spec.strategy
    surge: int | str | None = "25%"
    unavailable: int | str | None = "25%"
    if strategy is not None:
        if strategy.type not in _ROLLING:
            return 0, 0
        rolling = strategy.rolling_update
        if rolling is not None:
            surge, unavailable = rolling.max_surge, rolling.max_unavailable
    up, down = fenceposts(surge, unavailable, replicas)
    return up, min(down, replicas)
