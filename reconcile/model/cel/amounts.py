"""
Kubernetes' CEL functions of amounts and versions: quantity(), semver().

Source:   https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library; semver.org.
Left out: nothing known.
"""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

from reconcile.api.quantity import LARGEST, NANO, Quantity
from reconcile.lib.cel import CelError, library
from reconcile.lib.errors import ReconcileError
from reconcile.model.text.semver import Version, parsed

_NO_QUANTITY: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@attrs.frozen
class Amount:
    """A quantity as a value of CEL; equal to another by what it counts."""

    quantity: Quantity
    cel_type = "kubernetes.Quantity"


def _quantity(text: str) -> Amount:
    try:
        if not re.search(r"\d", text):
            raise ReconcileError(text)  # noqa: TRY301 -- one answer to all that is no quantity
        return Amount(Quantity.parse(text))
    except ReconcileError:
        raise CelError(_NO_QUANTITY) from None


def _is_quantity(text: str) -> bool:
    try:
        _quantity(text)
    except CelError:
        return False
    return True


def _whole(amount: Amount) -> int:
    if not _is_whole(amount):
        raise CelError("cannot convert value to integer")
    return amount.quantity.nanos // NANO


def _is_whole(amount: Amount) -> bool:
    return amount.quantity.nanos % NANO == 0 and -LARGEST - 1 <= amount.quantity.nanos // NANO <= LARGEST


def _sum(amount: Amount, other: Any, sign: int = 1) -> Amount:
    added = Quantity.of(nanos=other * NANO) if isinstance(other, int) else other.quantity
    return Amount(amount.quantity + (added if sign > 0 else -added))


def _compared(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _semver(text: str, normalise: bool = False) -> Version:  # noqa: FBT001, FBT002 -- CEL's own arguments
    found = parsed(text, tolerant=normalise)
    if found is None:
        raise CelError(_semver_fault(text))
    return found


def version_of(text: str) -> Version:
    """Give the semantic version of a text; what is none is an error of CEL."""
    return _semver(text)


def _semver_fault(text: str) -> str:
    parts = text.split(".", 2)
    if len(parts) < 3:  # noqa: PLR2004 -- major, minor, patch
        return "No Major.Minor.Patch elements found"
    for name, part in zip(("major", "minor"), parts, strict=False):
        if not part.isdigit():
            return f'Invalid character(s) found in {name} number "{part}"'
        if len(part) > 1 and part[0] == "0":
            return f'{name.capitalize()} number must not contain leading zeroes "{part}"'
    return f'Invalid character(s) found in patch number "{re.split("[-+]", parts[2])[0]}"'


def _is_semver(text: str, normalise: bool = False) -> bool:  # noqa: FBT001, FBT002 -- CEL's own arguments
    return parsed(text, tolerant=normalise) is not None


_Q: Final = "kubernetes.Quantity"
_V: Final = "kubernetes.Semver"
AMOUNTS: Final = library(
    (f"quantity(string) {_Q}", _quantity),
    ("isQuantity(string) bool", _is_quantity),
    (f"->{_Q}.sign() int", lambda amount: _compared(amount.quantity.nanos, 0)),
    (f"->{_Q}.isInteger() bool", _is_whole),
    (f"->{_Q}.asInteger() int", _whole),
    (f"->{_Q}.asApproximateFloat() double", lambda amount: amount.quantity.nanos / NANO),
    (f"->{_Q}.isGreaterThan({_Q}) bool", lambda one, other: one.quantity > other.quantity),
    (f"->{_Q}.isLessThan({_Q}) bool", lambda one, other: one.quantity < other.quantity),
    (f"->{_Q}.compareTo({_Q}) int", lambda one, other: _compared(one.quantity, other.quantity)),
    (f"->{_Q}.add({_Q}) {_Q}\n->{_Q}.add(int) {_Q}", _sum),
    (f"->{_Q}.sub({_Q}) {_Q}\n->{_Q}.sub(int) {_Q}", lambda one, other: _sum(one, other, -1)),
    (f"semver(string) {_V}\nsemver(string, bool) {_V}", _semver),
    ("isSemver(string) bool\nisSemver(string, bool) bool", _is_semver),
    (f"->{_V}.major() int", lambda version: version.numbers[0]),
    (f"->{_V}.minor() int", lambda version: version.numbers[1]),
    (f"->{_V}.patch() int", lambda version: version.numbers[2]),
    (f"->{_V}.isGreaterThan({_V}) bool", lambda one, other: one > other),
    (f"->{_V}.isLessThan({_V}) bool", lambda one, other: one < other),
    (f"->{_V}.compareTo({_V}) int", _compared),
)
