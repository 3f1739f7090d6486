"""
Values of jq: how they compare and combine, and what comes to an error.

Source:   https://jqlang.org/manual/
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.lib.errors import ReconcileError

_ORDER: Final = {"null": 0, "boolean": 1, "number": 3, "string": 4, "array": 5, "object": 6}


class BadQuery(ReconcileError):  # noqa: N818 -- it reads as what the expression is
    """An expression that cannot be read here."""


class JqError(Exception):
    """An expression that comes to an error with the data that it is given."""


def holds(value: Any) -> bool:
    """Tell whether a value counts as true: it is neither null nor false."""
    return value is not None and value is not False


def sort_of(value: Any) -> str:
    """Name the type of a value."""
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "number"


def rank(value: Any) -> Any:
    """Give what orders values of all types."""
    sort = sort_of(value)
    if sort == "array":
        return (_ORDER[sort], [rank(each) for each in value])
    if sort == "object":
        keys = sorted(value)
        return (_ORDER[sort], keys, [rank(value[key]) for key in keys])
    return (_ORDER[sort], 0 if value is None else value)


def added(one: Any, other: Any) -> Any:
    """Add two values; null is nothing."""
    if one is None or other is None:
        return other if one is None else one
    sort = sort_of(one)
    if sort != sort_of(other) or sort == "boolean":
        raise JqError(f"cannot add: {sort} and {sort_of(other)}")
    return {**one, **other} if sort == "object" else one + other


def _numbers(one: Any, other: Any, word: str) -> None:
    if sort_of(one) != "number" or sort_of(other) != "number":
        raise JqError(f"cannot {word}: {sort_of(one)} and {sort_of(other)}")


def _subtracted(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return [each for each in one if each not in other]
    _numbers(one, other, "subtract")
    return one - other


def _multiplied(one: Any, other: Any) -> Any:
    _numbers(one, other, "multiply")
    return one * other


def _divided(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return one.split(other)
    _numbers(one, other, "divide")
    if other == 0:
        raise JqError("cannot divide by zero")
    found = one / other
    return int(found) if found == int(found) else found


def _modulo(one: Any, other: Any) -> Any:
    _numbers(one, other, "modulo")
    if int(other) == 0:
        raise JqError("cannot modulo by zero")
    rest = abs(int(one)) % abs(int(other))
    return -rest if one < 0 else rest


OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": lambda one, other: rank(one) == rank(other),
    "!=": lambda one, other: rank(one) != rank(other),
    "<": lambda one, other: rank(one) < rank(other),
    "<=": lambda one, other: rank(one) <= rank(other),
    ">": lambda one, other: rank(one) > rank(other),
    ">=": lambda one, other: rank(one) >= rank(other),
    "+": added,
    "-": _subtracted,
    "*": _multiplied,
    "/": _divided,
    "%": _modulo,
}
