"""
CEL's values: Python's own where there is one, and small classes for what Python lacks.

    int, bool, str, bytes, None     themselves; an int has 64 bits
    double                          float
    uint                            Uint
    list, map                       tuple or list; any Mapping
    timestamp, duration             Timestamp, Span: nanoseconds
    type, optional_type             TypeValue, Optional

Whatever else has a `cel_type` is a value of the type of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs


class CelError(Exception):
    """An evaluation came to an error: the text is CEL's."""


class Uint(int):
    """An unsigned integer of 64 bits."""

    __slots__ = ()


@attrs.frozen(order=True)
class Timestamp:
    """An instant, in nanoseconds since the Unix epoch."""

    instant: int
    cel_type = "timestamp"


@attrs.frozen(order=True)
class Span:
    """A duration, in nanoseconds."""

    length: int
    cel_type = "duration"


@attrs.frozen
class TypeValue:
    """A type as a value."""

    name: str
    cel_type = "type"


@attrs.frozen
class Optional:
    """A value that may be absent."""

    value: Any = None
    present: bool = False
    cel_type = "optional_type"


NONE: Final = Optional()


def present(value: Any) -> Optional:
    """Give a value that is there."""
    return Optional(value, present=True)


_NAMES: Final[dict[type, str]] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    tuple: "list",
    list: "list",
    dict: "map",
}
_NUMBERS: Final = (int, float, Uint)
_LEAST, _MOST, _UMOST = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


def type_name(value: Any) -> str:
    """Give the name of a value's type."""
    found = _NAMES.get(value.__class__)
    if found is not None:
        return found
    named = getattr(value, "cel_type", None)
    if named is not None:
        return str(named)
    if isinstance(value, Mapping):
        return "map"
    raise CelError(f"unsupported conversion to ref.Val: ({type(value).__name__})")


def equal(left: Any, right: Any) -> bool:
    """Tell whether two values are equal: numbers by what they count, all else only within one type."""
    first, second = left.__class__, right.__class__
    if first in _NUMBERS and second in _NUMBERS:
        return bool(left == right)
    if first is bool or second is bool:
        return first is second and left == right
    if isinstance(left, Mapping):
        if not isinstance(right, Mapping) or len(left) != len(right):
            return False
        return all(key in right and equal(value, right[key]) for key, value in left.items())
    if first in (tuple, list):
        return second in (tuple, list) and len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, Optional):
        return isinstance(right, Optional) and left.present == right.present and equal(left.value, right.value)
    return bool(left == right)


def whole(value: int, name: str = "int") -> int:
    """Give an integer if 64 bits hold it."""
    if name == "uint":
        if 0 <= value <= _UMOST:
            return Uint(value)
        raise CelError("unsigned integer overflow")
    if _LEAST <= value <= _MOST:
        return value
    raise CelError("integer overflow")
