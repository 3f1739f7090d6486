"""
Instants and durations: integer nanoseconds, and their texts.

An `Instant` counts nanoseconds since the Unix epoch; a `Duration` is a difference of two. Texts are RFC 3339 for
instants and Go's form (`1m30s`, `250ms`) for durations, because that is what Kubernetes prints and reads.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from reconcile.lib.errors import ReconcileError

WIDE: Final = "wide"
"""
What marks an integer that may need all of 64 bits. Instants in nanoseconds do: a double, the only number of JavaScript
and of many JSON readers, is exact up to 2**53. So in JSON they are text.
"""

Instant: TypeAlias = Annotated[int, WIDE]
Duration: TypeAlias = Annotated[int, WIDE]

MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

_UNITS: Final = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR}
_PART: Final = re.compile(r"(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h)")


def rfc3339(at: Instant) -> str:
    """Give *at* as RFC 3339 text in UTC, whole seconds, rounded down: `2026-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(at: Instant) -> str:
    """Give *at* as RFC 3339 text in UTC with six digits: `2026-01-01T00:00:00.000000Z`."""
    return f"{rfc3339(at)[:-1]}.{at % SECOND // MICROSECOND:06d}Z"


def parse_duration(text: str) -> Duration:
    """
    Read Go's duration text: `300ms`, `1m30s`, `1.5h`; `0` needs no unit.

    Raises:
        ReconcileError: the text is not a duration; it is shown.
    """
    body = text.removeprefix("-")
    parts = list(_PART.finditer(body))
    if body == "0":
        return 0
    if not parts or "".join(part.group(0) for part in parts) != body:
        raise ReconcileError(f"{text!r} is not a duration such as 300ms, 2s or 1m30s")
    total = 0
    for part in parts:
        whole, fraction, unit = part.groups()
        total += int(whole) * _UNITS[unit]
        if fraction:
            total += int(fraction) * _UNITS[unit] // 10 ** len(fraction)
    return -total if text.startswith("-") else total


def duration_text(length: Duration) -> str:
    """Give *length* in Go's form: `1m30s`, `250ms`, `1.5s`, `0s`."""
    if length < 0:
        return "-" + duration_text(-length)
    if length == 0:
        return "0s"
    if length < SECOND:
        for unit in ("ms", "us", "ns"):
            if length >= _UNITS[unit]:
                return _decimal(length, _UNITS[unit]) + unit
    minutes, rest = divmod(length, MINUTE)
    hours, minutes = divmod(minutes, 60)
    text = _decimal(rest, SECOND) + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(unit)) - 1, '0').rstrip('0')}"
