"""
Integers of 64 bits as JSON, which many readers cannot hold: JavaScript, jq 1.6, Lua and others have doubles only.

A double is exact up to 2**53, nine million seconds in nanoseconds; an instant is some 1.8e18. So such integers are
text, `"1767225600000000000"`. A number is read as well, as exactly as it stands there, unless it may be what a double
made of another one: then the cluster's time would not be what its client takes it for.

Takes:    plain JSON.
Gives:    integers.
Source:   RFC 8259, section 6, on interoperable numbers; ECMAScript's Number::toString, which writes at most 17 digits.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import attrs

from reconcile.driver.wire.bodies import below, wrong
from reconcile.driver.wire.shapes import choices_of, entry_of, fields_of, is_api_class, is_wide, item_of, tag_of
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.model.behaviours import Behaviours

EXACT: Final = 2**53
"""Up to here a double holds every integer."""

_DIGITS: Final = re.compile("0|-?[1-9][0-9]{0,19}")
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_SAFE_DIGITS: Final = 15  # so many of a decimal number survive any double


def integer_from_json(content: Any, path: str) -> int:
    """
    Read an integer of 64 bits, from text or from a number.

    Raises:
        InvalidObject: it is neither; path and value are shown.
    """
    found = None
    if content.__class__ is int:
        found = content
    elif isinstance(content, str) and _DIGITS.fullmatch(content):
        found = int(content)
    if found is None or not _LOWEST <= found <= _HIGHEST:
        raise wrong(path, f'expected an integer, as text ("5000000000") or as a number{_hint(content)}', content)
    return found


def _hint(content: Any) -> str:
    """Say how a duration is written where an integer is expected."""
    try:
        length = parse_duration(content) if isinstance(content, str) else 0
    except ReconcileError:
        return ""
    return f' (in nanoseconds: "{length}")' if length else ""


def integer_to_json(value: int) -> int | str:
    """Write an integer that is rarely long, such as a seed: as a number where every reader holds it, else as text."""
    return value if -EXACT <= value <= EXACT else str(value)


def refuse_rounded(content: Any, what: Any) -> None:
    """
    Refuse what a client has that rounds numbers.

    Args:
        content: plain JSON that it sent.
        what: the class that is to be read from it, or the union of those that it may be.

    Raises:
        InvalidObject: an instant, a duration or a seed is a number that may be a rounded one.
    """
    for path, number in _wide(content, what, ""):
        if is_doubtful(number):
            said = f'expected text, "{number}" if that is meant: as a number it may have been rounded to a double'
            raise wrong(path, said, number)


def is_doubtful(number: int) -> bool:
    """
    Tell whether a client whose numbers are doubles might have sent *number* for another one.

    That is so beyond 2**53, where it is a double's exact value or its shortest text (at most 17 digits, then zeros),
    but not where it has at most 15 digits before its zeros: each of those is the shortest text of its own double.
    """
    if -EXACT <= number <= EXACT or len(str(abs(number)).rstrip("0")) <= _SAFE_DIGITS:
        return False
    nearest = float(number)
    return number in (int(nearest), int(Decimal(repr(nearest))))


def _wide(content: Any, shape: Any, path: str) -> Iterator[tuple[str, int]]:
    """Find the numbers that stand where text of digits is better; what has another shape is left to who reads it."""
    choices = choices_of(shape)
    if len(choices) > 1:
        named = {tag_of(cls): cls for cls in choices}
        tags = [(tag, content.get(tag)) for tag, _ in named] if isinstance(content, dict) else []
        shape = next((named[tag] for tag in tags if isinstance(tag[1], str) and tag in named), None)
    else:
        (shape,) = choices
    if is_wide(shape):
        if content.__class__ is int:
            yield path, content
    elif (item := item_of(shape)) is not None and isinstance(content, list):
        for place, entry in enumerate(content):
            yield from _wide(entry, item, f"{path}[{place}]")
    elif (entry_shape := entry_of(shape)) is not None and isinstance(content, dict):
        for key, entry in content.items():
            yield from _wide(entry, entry_shape, below(path, key))
    elif isinstance(shape, type) and attrs.has(shape) and not is_api_class(shape) and isinstance(content, dict):
        if shape is Behaviours:
            content = content.get("exactly")
            path = below(path, "exactly")
            if not isinstance(content, dict):
                return
        for field in fields_of(shape):
            if field.json in content:
                yield from _wide(content[field.json], field.shape, below(path, field.json))
