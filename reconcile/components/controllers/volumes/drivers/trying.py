"""Trying: an operation of a driver is under way, has failed and is tried again later, or has succeeded."""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.progress import Progress
from reconcile.lib.instant import MINUTE, Duration, Instant
from reconcile.model.drivers import INFEASIBLE, Driver, DriverFault, Operation

SLOWLY: Final[Duration] = 5 * MINUTE
"""How long the resizer waits after an answer by which there is little hope."""
_HOPELESS: Final[dict[str, tuple[str, ...]]] = {"expand": INFEASIBLE, "modify": ("InvalidArgument",)}


def tried(
    driver: Driver, operation: Operation, progress: Progress, key: tuple[str, ...], takes: Duration, *, now: Instant
) -> tuple[Progress, Duration, DriverFault | None]:
    """
    Begin an operation, or go on with it.

    Returns:
        What is remembered; how long it still takes, 0 if it has succeeded; how it has failed just now.
    """
    progress, wait = progress.waited(key, takes, now)
    if wait:
        return progress, wait, None
    fault = driver.fault(operation, progress.failures(key))
    if fault is not None:
        is_hopeless = fault.code in _HOPELESS.get(operation, ())
        progress, wait = progress.failed(key, takes, now, SLOWLY if is_hopeless else 0)
    return progress, wait, fault
