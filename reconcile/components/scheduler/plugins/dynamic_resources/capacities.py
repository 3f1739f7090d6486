"""
Capacities: what a request takes of a device that several can share, and whether that is left.

Source:   k8s.io/dynamic-resource-allocation/structured: consumable_capacity.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconcile.api.quantity import NANO, Quantity


def suffices(device: Any, asked: Any, taken: Mapping[str, int]) -> bool:
    """
    Tell whether a device has what is asked of it.

    Args:
        device: the device.
        asked: the request's capacity requirements; None if it has none.
        taken: what is taken of it already, by name, in billionths.
    """
    requests = (asked.requests if asked is not None else None) or {}
    capacity = device.capacity or {}
    if any(name not in capacity for name in requests):
        return False
    for name, each in capacity.items():
        wanted = _consumed(requests.get(name), each)
        if _violates(wanted, each.request_policy) or wanted.nanos + taken.get(name, 0) > each.value.nanos:
            return False
    return True


def consumed(device: Any, asked: Any) -> dict[str, Quantity]:
    """Give what a request takes of each capacity of a device."""
    requests = (asked.requests if asked is not None else None) or {}
    return {name: _consumed(requests.get(name), each) for name, each in (device.capacity or {}).items()}


def _consumed(wanted: Quantity | None, capacity: Any) -> Quantity:
    policy = capacity.request_policy
    if wanted is None:
        default = policy.default if policy is not None else None
        found: Quantity = capacity.value if default is None else default
        return found
    if policy is None:
        return wanted
    if policy.valid_range is not None and policy.valid_range.min is not None:
        return _stepped(wanted, policy.valid_range)
    for value in policy.valid_values or ():
        if wanted <= value:
            return Quantity.of(nanos=value.nanos, form=value.form)
    return wanted


def _stepped(wanted: Quantity, allowed: Any) -> Quantity:
    least: Quantity = allowed.min
    if wanted < least:
        return least
    if allowed.step is None:
        return wanted
    step = allowed.step.whole
    steps = -(-(wanted.whole - least.whole) // step)
    return Quantity.of(nanos=(least.whole + step * steps) * NANO, form="BinarySI")


def _violates(wanted: Quantity, policy: Any) -> bool:
    if policy is None or (policy.default is not None and wanted == policy.default):
        return False
    allowed = policy.valid_range
    if allowed is not None:
        if allowed.max is not None and wanted > allowed.max:
            return True
        return allowed.step is not None and (wanted.whole - allowed.min.whole) % allowed.step.whole != 0
    return bool(policy.valid_values) and wanted not in policy.valid_values
