"""
Constraints: what the devices of one claim must have in common, or must not.

Source:   k8s.io/dynamic-resource-allocation/structured: matchAttributeConstraint, distinctAttributeConstraint.
Left out: attributes that are lists (DRAListTypeAttributes is off by default).
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.scheduler.plugins.dynamic_resources.pools import Offer

_MISSING: Final = object()


class Constraint:
    """One constraint of a claim, with what it has seen of the devices that were taken."""

    def __init__(self, constraint: Any) -> None:
        self._requests = frozenset(constraint.requests or ())
        self._distinct = constraint.match_attribute is None
        self._attribute: str = constraint.distinct_attribute or constraint.match_attribute or ""
        self._seen: dict[str, Any] = {}
        self._count = 0

    def added(self, request: str, sub_request: str, offer: Offer) -> bool:
        """Take a device in, if the constraint allows it."""
        if not self._concerns(request, sub_request):
            return True
        value = _attribute(offer, self._attribute)
        if value is _MISSING:
            return False
        if self._count and (value in self._seen.values() if self._distinct else value != self._seen[""]):
            return False
        # Upstream remembers of each request the last device alone, where values have to differ.
        if self._distinct or not self._count:
            self._seen[request if self._distinct else ""] = value
        self._count += 1
        return True

    def removed(self, request: str, sub_request: str) -> None:
        """Give the last device back."""
        if not self._concerns(request, sub_request):
            return
        self._count -= 1
        if self._distinct:
            self._seen.pop(request, None)

    def _concerns(self, request: str, sub_request: str) -> bool:
        names = self._requests
        return not names or request in names or bool(sub_request and f"{request}/{sub_request}" in names)


def _attribute(offer: Offer, name: str) -> Any:
    """Give a device's attribute with its type; one without a domain is its driver's."""
    attributes = offer.device.attributes or {}
    found = attributes.get(name)
    if found is None:
        domain, slash, short = name.partition("/")
        found = attributes.get(short) if slash and domain == offer.id[0] else None
    if found is None:
        return _MISSING
    for kind, value in (
        ("string", found.string),
        ("int", found.int_),
        ("bool", found.bool_),
        ("version", found.version),
    ):
        if value is not None:
            return kind, value
    return _MISSING
