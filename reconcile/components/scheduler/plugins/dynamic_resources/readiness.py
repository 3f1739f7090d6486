"""
Readiness: whether the devices of a claim have been made ready for the pod to be bound, or cannot be.

Source:   the scheduler plugin DynamicResources: isClaimReadyForBinding, isClaimTimeout.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.instant import SECOND, Duration, Instant

TIMEOUT: Final[Duration] = 600 * SECOND
TICK: Final[Duration] = 5 * SECOND


def needs(claim: Any) -> bool:
    """Tell whether a claim has devices that have to be made ready first."""
    return any(each.binding_conditions for each in _results(claim))


def why_failed(claim: Any) -> str:
    """Say why a claim's devices cannot be made ready; empty if nothing says so."""
    for result in _results(claim):
        conditions = _conditions(claim, result)
        for name in result.binding_failure_conditions or () if result.binding_conditions else ():
            found = conditions.get(name)
            if found is not None and found.status == "True":
                about = f'claim={claim.metadata.name}, reason={found.reason}, message="{found.message}"'
                return f"device binding failed: {about}"
    return ""


def is_ready(claim: Any) -> bool:
    """Tell whether all of a claim's devices are ready."""
    for result in _results(claim):
        conditions = _conditions(claim, result)
        for name in result.binding_conditions or ():
            if name not in conditions or conditions[name].status != "True":
                return False
    return True


def is_late(claim: Any, now: Instant) -> bool:
    """Tell whether it took too long to make a claim's devices ready."""
    allocation = claim.status.allocation if claim.status is not None else None
    at = allocation.allocation_timestamp if allocation is not None else None
    return at is not None and needs(claim) and at.instant + TIMEOUT < now


def has_failed(claim: Any, now: Instant) -> bool:
    """Tell whether other devices should be found: these cannot be made ready, or not in time."""
    return needs(claim) and (bool(why_failed(claim)) or (not is_ready(claim) and is_late(claim, now)))


def _results(claim: Any) -> tuple[Any, ...]:
    allocation = claim.status.allocation if claim.status is not None else None
    devices = allocation.devices if allocation is not None else None
    return (devices.results if devices is not None else None) or ()


def _conditions(claim: Any, result: Any) -> dict[str, Any]:
    for each in claim.status.devices or ():
        if (each.driver, each.pool, each.device) == (result.driver, result.pool, result.device):
            return {condition.type: condition for condition in each.conditions or ()}
    return {}
