"""
Values of a template: what is true of them, how they are written, how they compare.

Data is what Go's JSON decoder makes of JSON when it keeps numbers as they are written: a number of the data is a
`Number`, which is text that is a number; one of the template is an int or a float. None is Go's absent value.

Source:   https://pkg.go.dev/text/template; fmt's %v.
Left out: nothing known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from reconcile.lib.errors import ReconcileError

_NAMES: Final = {bool: "bool", int: "int", float: "float64", str: "string", dict: "map[string]interface {}"}
_EXACT: Final = 21  # from 1e21 on, Go's %v writes a float with an exponent
_SMALL: Final = -4


class TemplateError(ReconcileError):
    """A template that cannot be read, or cannot be rendered with the data that it is given."""


class Number(str):
    """A number of the data, as it is written there: Go's json.Number."""

    __slots__ = ()


def as_go(value: Any) -> Any:
    """Give plain JSON data as a template sees it: its numbers as `Number`, its mappings and lists as dict and list."""
    if value is None or value.__class__ in (str, bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): as_go(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_go(entry) for entry in value]
    if isinstance(value, (int, float)):
        return Number(shown(value))
    return value


def is_true(value: Any) -> bool:
    """Tell whether a value counts as true: not empty, not zero, not absent."""
    return bool(value)


def type_name(value: Any) -> str:
    """Name the Go type of a value."""
    if value is None:
        return "nil"
    if isinstance(value, Number):
        return "json.Number"
    return _NAMES.get(value.__class__, "[]interface {}")


def shown(value: Any, absent: str = "<no value>") -> str:
    """Write a value as Go's %v does."""
    if value is None:
        return absent
    if value.__class__ is bool:
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, dict):
        pairs = [f"{key}:{shown(value[key], '<nil>')}" for key in sorted(value)]
        return f"map[{' '.join(pairs)}]"
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(shown(entry, '<nil>') for entry in value)}]"
    return str(value)


def float_text(value: float) -> str:
    """Write a float as Go's %v does: the shortest digits that read back, with an exponent if it is large or small."""
    if not math.isfinite(value):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(value), "NaN")
    exact = Decimal(repr(value))
    power = exact.adjusted()
    if exact and not _SMALL <= power < _EXACT:
        digits = "".join(map(str, exact.as_tuple().digits)).rstrip("0")
        sign = "-" if value < 0 else ""
        mantissa = f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}"
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"{exact:f}".removesuffix(".0")


def equal(first: Any, second: Any) -> bool:
    """
    Tell whether two values are equal, as the function eq does.

    Raises:
        TemplateError: they are of kinds that Go does not compare.
    """
    if first is None or second is None:
        return first is None and second is None
    kinds = _kind(first), _kind(second)
    if kinds[0] != kinds[1]:
        raise TemplateError(f"incompatible types for comparison: {type_name(first)} and {type_name(second)}")
    if kinds[0] == "":
        raise TemplateError(f"non-comparable type {shown(first)}: {type_name(first)}")
    return bool(first == second)


def less(first: Any, second: Any) -> bool:
    """
    Tell whether one value is less than another, as the function lt does.

    Raises:
        TemplateError: they are of kinds that Go does not order.
    """
    kinds = _kind(first), _kind(second)
    if kinds[0] != kinds[1]:
        raise TemplateError(f"incompatible types for comparison: {type_name(first)} and {type_name(second)}")
    if kinds[0] in ("", "bool"):
        raise TemplateError(f"invalid type for comparison: {type_name(first)}")
    return bool(first < second)


def _kind(value: Any) -> str:
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind.__name__
    return ""


def whole(value: Any) -> int:
    """Give a value as an integer, as the functions of sprig read their arguments; 0 for what is none."""
    if isinstance(value, (bool, int, float)):
        return int(value)
    try:
        return int(str(value), 10) if value is not None else 0
    except ValueError:
        return int(real(value))


def real(value: Any) -> float:
    """Give a value as a float, as the functions of sprig read their arguments; 0 for what is none."""
    try:
        return float(value) if value is not None else 0.0
    except (TypeError, ValueError):
        return 0.0


def texts(values: Iterable[Any]) -> list[str]:
    """Write each of some values."""
    return [shown(value) for value in values if value is not None]
