"""
Bounds: by how many pods a Deployment may exceed, and fall short of, what it declares.

Source:   pkg/controller/deployment/util: ResolveFenceposts, MaxSurge, MaxUnavailable; apimachinery's intstr.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

ROLLING_UPDATE = "RollingUpdate"
RECREATE = "Recreate"


def desired(deployment: Any) -> int:
    """Give how many replicas the Deployment, or a ReplicaSet, declares."""
    replicas = deployment.spec.replicas
    return 1 if replicas is None else int(replicas)


def is_rolling(deployment: Any) -> bool:
    """Tell whether the Deployment replaces its pods little by little."""
    strategy = deployment.spec.strategy
    return strategy is None or strategy.type in (None, ROLLING_UPDATE)


def max_surge(deployment: Any) -> int:
    """Give how many pods more than declared there may be."""
    return _fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Any) -> int:
    """Give how many pods fewer than declared may be available."""
    replicas = desired(deployment)
    if not is_rolling(deployment) or not replicas:
        return 0
    return min(_fenceposts(deployment)[1], replicas)


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


def _fenceposts(deployment: Any) -> tuple[int, int]:
    rolling = deployment.spec.strategy.rolling_update if deployment.spec.strategy else None
    if rolling is None:
        return fenceposts("25%", "25%", desired(deployment))
    return fenceposts(rolling.max_surge, rolling.max_unavailable, desired(deployment))
