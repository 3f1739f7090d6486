"""
How much there is of something over time: of processors and memory that a container uses, of requests that come in.

    100m                                    always as much
    64Mi..512Mi over 1h                     from one to the other in so long, evenly; then it stays there
    daily 00:00=20 09:00=150 13:00=200      so much at these times of each day (UTC), evenly between them
    50m + 2m per request                    and so much more for each request a second

All of it is exact: billionths, as quantities are. A value is computed for the instant that is asked for, so that
nothing has to happen while nobody asks.

Takes:    texts, instants.
Gives:    Curve, Amount; values in billionths.
Source:   Kubernetes' quantities; the form is this project's own.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

import attrs

from reconcile.api.quantity import Form, Quantity
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MINUTE, Duration, Instant, duration_text, parse_duration
from reconcile.lib.quick import quick

NANO: Final = 1_000_000_000
_ENDS: Final = 2
_DAY: Final[Duration] = 24 * HOUR
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])=(\S+)")
_RAMP: Final = re.compile(r"(?P<low>[^\s.]+(?:\.[0-9][^\s.]*)?)\.\.(?P<high>\S+) over (?P<length>\S+)")


@quick
@attrs.frozen(weakref_slot=False)
class Curve:
    """
    A value over time.

    Args:
        points: (since when, billionths), in order; between two of them it changes evenly. Of what is not daily there
            are at most two, the first of them at the beginning.
        daily: they are of each day, and the last is followed by the first.
    """

    points: tuple[tuple[Duration, int], ...]
    daily: bool = False

    def __attrs_post_init__(self) -> None:
        points = self.points
        if not points or not (self.daily or (points[0][0] == 0 and len(points) <= _ENDS)):
            raise ReconcileError(f"points: {self.points!r}: a value, or one now and one later; or those of a day")

    def at(self, now: Instant, begun: Instant) -> int:
        """Give the value at *now*, in billionths, of what began at *begun*."""
        points = self.points
        if len(points) == 1:
            return points[0][1]
        if self.daily:
            (first, morning), (last, evening) = points[0], points[-1]
            return _between(((last - _DAY, evening), *points, (first + _DAY, morning)), now % _DAY)
        return _between(points, now - begun)

    def bends(self, low: Instant, high: Instant, begun: Instant) -> tuple[Instant, ...]:
        """Give the instants between *low* and *high* at which it changes otherwise than before."""
        if len(self.points) == 1:
            return ()
        starts = range(low - low % _DAY, high, _DAY) if self.daily else (begun,)
        return tuple([start + since for start in starts for since, _ in self.points if low < start + since < high])

    def reaches(self, value: int, begun: Instant, since: Instant | None = None) -> Instant | None:
        """
        Give the first instant at which what began at *begun* is more than *value*, from then or from *since* on; None
        if it never is.
        """
        start = begun if since is None else since
        if self.at(start, begun) > value:
            return start
        starts = [start]
        if self.daily:
            first = start - start % _DAY
            days = (first, first + _DAY)
            starts += [day + after for day in days for after, _ in self.points if start < day + after <= start + _DAY]
        else:
            starts += [begun + after for after, _ in self.points if begun + after > start]
        for low, high in pairwise(starts):
            before, after = self.at(low, begun), self.at(high, begun)
            if after > value:
                return low + (value - before) * (high - low) // (after - before) + 1
        return None

    def __str__(self) -> str:
        if len(self.points) == 1:
            return _text(self.points[0][1])
        if self.daily:
            return " ".join(["daily", *[f"{_clock(since)}={_text(value)}" for since, value in self.points]])
        (_, low), (length, high) = self.points
        return f"{_text(low)}..{_text(high)} over {duration_text(length)}"


@quick
@attrs.frozen(weakref_slot=False)
class Amount:
    """What there is anyway, and how much more for each request a second, in billionths."""

    base: Curve
    per_request: int = 0

    def varies(self, since: Duration) -> bool:
        """Tell whether it can still change so long after it began."""
        base = self.base
        return bool(self.per_request) or (len(base.points) > 1 and (base.daily or since < base.points[-1][0]))

    def at(self, now: Instant, begun: Instant, requests: int) -> int:
        """Give the value at *now*, in billionths, of what began at *begun* and gets *requests* billionths a second."""
        return self.base.at(now, begun) + self.per_request * requests // NANO

    def __str__(self) -> str:
        return f"{self.base} + {_text(self.per_request)} per request" if self.per_request else str(self.base)


def mean(value: Callable[[Instant], int], instants: Iterable[Instant], most: int | None) -> int:
    """
    Give the mean of a value over time, as far as it is not more than *most*.

    Args:
        value: gives it, in billionths; it changes evenly between two *instants* that follow each other.
        instants: from the first to the last of them, at least two, in any order.
        most: in billionths; None if there is no such limit.
    """
    at = sorted(set(instants))
    total = 0
    for low, high in pairwise(at):
        before, after = value(low), value(high)
        area = (before + after) * (high - low)
        if most is not None and max(before, after) > most:
            # What is above the limit is cut off: a triangle, or a trapezium if all of it is.
            over, other = max(before, after) - most, min(before, after) - most
            cut = (over + other) * (high - low) if other >= 0 else over * over * (high - low) // (over - other)
            area -= cut
        total += area
    return total // (2 * (at[-1] - at[0]))


@lru_cache(maxsize=256)
def parse_amount(text: str, path: str) -> Amount:
    """
    Read how much there is of something.

    Raises:
        ReconcileError: it cannot be understood; *path* and the value are shown.
    """
    base, plus, more = text.partition(" + ")
    if not plus:
        return Amount(parse_curve(text, path))
    quantity, per, rest = more.partition(" per request")
    if not per or rest:
        raise ReconcileError(f"{path}: {text!r}: what is added is said as '+ 2m per request'")
    return Amount(parse_curve(base, path), _value(quantity, text, path))


@lru_cache(maxsize=256)
def parse_curve(text: str, path: str) -> Curve:
    """
    Read a value over time.

    Raises:
        ReconcileError: it cannot be understood; *path* and the value are shown.
    """
    words = text.split(" ")
    if words[0] == "daily":
        return Curve(_of_day(words[1:], text, path), daily=True)
    match = _RAMP.fullmatch(text)
    if match is None:
        return Curve(((0, _value(text, text, path)),))
    try:
        length = parse_duration(match["length"])
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {text!r}: {error}") from None
    if length <= 0:
        raise ReconcileError(f"{path}: {text!r}: it needs some time to get from one to the other")
    return Curve(((0, _value(match["low"], text, path)), (length, _value(match["high"], text, path))))


def _of_day(words: list[str], text: str, path: str) -> tuple[tuple[Duration, int], ...]:
    points = []
    for word in words:
        match = _TIME.fullmatch(word)
        if match is None:
            raise ReconcileError(f"{path}: {text!r}: {word!r} is no time with a value, such as 09:30=150")
        points.append((int(match[1]) * HOUR + int(match[2]) * MINUTE, _value(match[3], text, path)))
    if not points:
        raise ReconcileError(f"{path}: {text!r} says no time, such as 09:30=150")
    if any(one >= other for (one, _), (other, _) in pairwise(points)):
        raise ReconcileError(f"{path}: {text!r}: its times must come one after the other")
    return tuple(points)


def _value(written: str, text: str, path: str) -> int:
    try:
        found = Quantity.parse(written).nanos
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {text!r}: {error}") from None
    if found < 0:
        raise ReconcileError(f"{path}: {text!r}: {written!r} is negative")
    return found


def _between(points: tuple[tuple[Duration, int], ...], at: Duration) -> int:
    if at <= points[0][0]:
        return points[0][1]
    for (low, before), (high, after) in pairwise(points):
        if at < high:
            return before + (after - before) * (at - low) // (high - low)
    return points[-1][1]


def _clock(since: Duration) -> str:
    return f"{since // HOUR:02}:{since % HOUR // MINUTE:02}"


def _text(value: int) -> str:
    whole = value // NANO
    form: Form = "BinarySI" if value % NANO == 0 and whole and whole % 1024 == 0 else "DecimalSI"
    return str(Quantity.of(nanos=value, form=form))
