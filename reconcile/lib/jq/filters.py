"""
Filters of jq: what a part of an expression gives of one value.

Source:   https://jqlang.org/manual/
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from reconcile.lib.jq.values import OPERATORS, JqError, holds, sort_of

Filter: TypeAlias = Callable[[Any], Iterator[Any]]
"""A part of an expression: what it gives of one value."""


def itself(value: Any) -> Iterator[Any]:
    """Give the value itself."""
    yield value


def just(constant: Any) -> Filter:
    """Make a filter that gives a constant."""
    return lambda _: iter([constant])


def piped(first: Filter, second: Filter) -> Filter:
    """Make a filter that gives what the second gives of what the first gives."""
    return lambda value: (found for between in first(value) for found in second(between))


def both(first: Filter, second: Filter) -> Filter:
    """Make a filter that gives what both give, one after the other."""

    def found(value: Any) -> Iterator[Any]:
        yield from first(value)
        yield from second(value)

    return found


def piped_to(of: Filter, place: Filter) -> Filter:
    """Give what stands at a place of a value: the place is asked of the whole value, as jq does."""
    return lambda value: (at(each, where) for where in place(value) for each in of(value))


def at(value: Any, place: Any) -> Any:
    """Give what stands at a place of a value; JqError if it can have none there."""
    if isinstance(value, dict) and isinstance(place, str):
        return value.get(place)
    if isinstance(value, list) and isinstance(place, int) and not isinstance(place, bool):
        return value[place] if -len(value) <= place < len(value) else None
    if value is None and (place is None or isinstance(place, (str, int))):
        return None
    raise JqError(f"cannot index {sort_of(value)} with {sort_of(place)}")


def sliced(of: Filter, begin: Filter, end: Filter) -> Filter:
    """Make a filter that gives a part of a list or of a text."""

    def found(value: Any) -> Iterator[Any]:
        for first in begin(value):
            for last in end(value):
                for each in of(value):
                    if each is None:
                        yield None
                    elif isinstance(each, (list, str)):
                        yield each[first:last]
                    else:
                        raise JqError(f"cannot slice {sort_of(each)}")

    return found


def iterated(value: Any) -> Iterator[Any]:
    """Give the entries of a list, or the values of an object."""
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from [value[key] for key in sorted(value)]
    else:
        raise JqError(f"cannot iterate over {sort_of(value)}")


def descended(value: Any) -> Iterator[Any]:
    """Give a value, and all that is in it."""
    yield value
    if isinstance(value, (list, dict)):
        for below in iterated(value):
            yield from descended(below)


def quiet(of: Filter) -> Filter:
    """Make a filter that stops where the other comes to an error."""

    def found(value: Any) -> Iterator[Any]:
        try:
            yield from of(value)
        except JqError:
            return

    return found


def or_else(first: Filter, second: Filter) -> Filter:
    """Make a filter that gives what holds of the first, or what the second gives."""

    def found(value: Any) -> Iterator[Any]:
        usable = [each for each in quiet(first)(value) if holds(each)]
        yield from usable or second(value)

    return found


def logical(first: Filter, second: Filter, *, decides: bool) -> Filter:
    """Make a filter for `and` and `or`: the second is asked where the first does not decide."""

    def found(value: Any) -> Iterator[Any]:
        for one in first(value):
            if holds(one) is decides:
                yield decides
            else:
                yield from [holds(other) for other in second(value)]

    return found


def chosen(asked: Filter, then: Filter, otherwise: Filter) -> Filter:
    """Make a filter for `if`."""
    return lambda value: (found for each in asked(value) for found in (then if holds(each) else otherwise)(value))


def combined(how: str, first: Filter, second: Filter) -> Filter:
    """Make a filter that combines what two give, by an operator."""
    combine = OPERATORS[how]
    return lambda value: (combine(one, other) for other in second(value) for one in first(value))
