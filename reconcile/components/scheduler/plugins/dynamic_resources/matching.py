"""
Matching: whether a device is what a request asks for: the selectors of its class and its own, in CEL.

Source:   k8s.io/dynamic-resource-allocation/cel; resourceclaim.ToleratesTaint.
Left out: an expression may take a million steps; upstream counts them a little differently.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from reconcile.lib.errors import ReconcileError

_STOPS: Final = ("NoSchedule", "NoExecute")


class UnallocatableError(ReconcileError):
    """Something is wrong with a claim or a class, wherever its pod would go."""


class _ByDomain(dict[str, Any]):
    """What a device says, by domain; of a domain of which it says nothing, nothing."""

    def __missing__(self, domain: str) -> dict[str, Any]:
        return {}

    def __contains__(self, domain: object) -> bool:
        return isinstance(domain, str)

    def get(self, domain: str, default: Any = None) -> Any:  # noqa: ARG002 -- there is always something
        return self[domain]


def selects(expression: str, driver: str, device: Any) -> bool:
    """
    Tell whether an expression selects a device.

    Raises:
        UnallocatableError: it cannot be read, or comes to an error; without a word of whose it is.
    """
    found = _selects(expression, driver, device.attributes, device.capacity, bool(device.allow_multiple_allocations))
    if isinstance(found, str):
        raise UnallocatableError(found)
    return found


def is_closed(device: Any, tolerations: tuple[Any, ...]) -> bool:
    """Tell whether a taint that is not tolerated keeps a device from being allocated."""
    return any(
        taint.effect in _STOPS and not any(tolerates(each, taint) for each in tolerations)
        for taint in device.taints or ()
    )


def tolerates(toleration: Any, taint: Any) -> bool:
    """Tell whether a device's taint is tolerated."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator in (None, "", "Equal"):
        return bool((toleration.value or "") == (taint.value or ""))
    return bool(toleration.operator == "Exists")


@lru_cache(maxsize=4096)
def _selects(expression: str, driver: str, attributes: Any, capacity: Any, shared: bool) -> bool | str:  # noqa: FBT001
    from reconcile.lib.cel import Type  # noqa: PLC0415 -- few clusters speak CEL
    from reconcile.model import cel  # noqa: PLC0415 -- as above
    from reconcile.model.cel.amounts import Amount, version_of  # noqa: PLC0415 -- as above

    errors = cel.compile_errors(expression, {"device": Type("dyn")})
    if errors:
        return f"CEL compile error: compilation failed: {errors}"
    said, amounts = _ByDomain(), _ByDomain()
    for name, each in (attributes or {}).items():
        domain, key = _qualified(name, driver)
        value: Any = next((found for found in (each.int_, each.bool_, each.string) if found is not None), None)
        said.setdefault(domain, {})[key] = version_of(each.version) if value is None else value
    for name, each in (capacity or {}).items():
        domain, key = _qualified(name, driver)
        amounts.setdefault(domain, {})[key] = Amount(each.value)
    device = {"driver": driver, "allowMultipleAllocations": shared, "attributes": said, "capacity": amounts}
    try:
        found = cel.evaluate(expression, {"device": device})
    except cel.CelError as error:
        return f"CEL runtime error: {error}"
    return found if isinstance(found, bool) else f"CEL runtime error: {_NO_BOOL.format(found.__class__.__name__)}"


_NO_BOOL: Final = "CEL result of type {} could not be converted to bool"


def _qualified(name: str, driver: str) -> tuple[str, str]:
    domain, slash, key = name.partition("/")
    return (domain, key) if slash else (driver, name)
