"""
What API objects are made of besides text, numbers and truth: times and free JSON, and quantities.

A time is an instant; its text is Kubernetes' own form of it. Both kinds of
time compare and hash by instant. Free JSON is plain JSON made immutable.

Source:   metav1.Time, metav1.MicroTime; Go's time.Parse with RFC 3339.
Left out: nothing known.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Union

import attrs

from reconcile.api.quantity import Quantity
from reconcile.api.text import DEEPEST, LARGEST, SMALLEST
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

__all__ = ["Base64", "Int32", "Int64", "IntOrString", "Json", "MicroTime", "Quantity", "Time", "freeze", "thaw"]

# What the converter holds a field to; in code they are int and str.
Int32 = Annotated[int, "int32"]
Int64 = Annotated[int, "int64"]
Base64 = Annotated[str, "byte"]
IntOrString = Int32 | str
Json = Union[None, bool, int, float, str, "tuple[Json, ...]", "Map[Json]"]

SECOND = 1_000_000_000
MICROSECOND = 1_000
DAY = 86_400

_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})"
    r"(?:[.,]([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_FIRST = -62_167_219_200  # 0000-01-01T00:00:00Z
_PAST = 253_402_300_800  # 10000-01-01T00:00:00Z


@quick
@attrs.frozen(order=True, repr=False, weakref_slot=False)
class Time:
    """A time in whole seconds, printed as 2026-01-01T00:00:00Z; *instant* is nanoseconds since the Unix epoch."""

    instant: int

    @classmethod
    @lru_cache(maxsize=1024)  # many things happen at one instant
    def at(cls, instant: int) -> "Time":
        """Return the time of *instant*, in nanoseconds since the Unix epoch; fractions of its second are lost."""
        return cls(instant - instant % SECOND)

    @classmethod
    def parse(cls, text: str) -> "Time":
        """
        Return the time that an RFC 3339 *text* names, in UTC and without fractions of a second.

        Raises:
            ReconcileError: the text is none, or names a time that does not exist.
        """
        return cls(_parse(text)[0] * SECOND)

    @property
    def text(self) -> str:
        """The canonical text."""
        return f"{_text(self.instant // SECOND)}Z"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Time({self.text!r})"


@quick
@attrs.frozen(order=True, repr=False, weakref_slot=False)
class MicroTime:
    """A time in whole microseconds, printed as 2026-01-01T00:00:00.000000Z; *instant* is in nanoseconds."""

    instant: int

    @classmethod
    @lru_cache(maxsize=1024)
    def at(cls, instant: int) -> "MicroTime":
        """Return the time of *instant*, in nanoseconds since the Unix epoch; fractions of its microsecond are lost."""
        return cls(instant - instant % MICROSECOND)

    @classmethod
    def parse(cls, text: str) -> "MicroTime":
        """
        Return the time that an RFC 3339 *text* with exactly six digits of a second names, in UTC.

        Raises:
            ReconcileError: the text is none, or names a time that does not exist.
        """
        seconds, fraction = _parse(text)
        if len(fraction) != 6:  # noqa: PLR2004 -- as the docstring says, and as Go's layout demands
            raise ReconcileError(f"not a time with six digits of a second, as 2026-01-01T00:00:00.000000Z: {text!r}")
        return cls(seconds * SECOND + int(fraction) * MICROSECOND)

    @property
    def text(self) -> str:
        """The canonical text."""
        seconds, rest = divmod(self.instant, SECOND)
        return f"{_text(seconds)}.{rest // MICROSECOND:06d}Z"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"MicroTime({self.text!r})"


def freeze(value: Any) -> Json:
    """
    Return plain JSON data with its lists as tuples and its objects as Maps.

    Raises:
        ReconcileError: there is something in it that is no JSON, an integer beyond 64 bits, or too deep a nesting.
    """
    return _frozen(value, 0)


def _frozen(value: Any, depth: int) -> Json:
    cls = value.__class__
    if cls is str or cls is bool or value is None or cls is Map:
        return value  # type: ignore[no-any-return]
    if cls is int:
        if not SMALLEST <= value <= LARGEST:
            raise ReconcileError("a number beyond 64 bits")
        return value  # type: ignore[no-any-return]
    if cls is float:
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 -- a NaN differs from itself
            raise ReconcileError(f"JSON knows no such number: {value!r}")
        return value  # type: ignore[no-any-return]
    if depth > DEEPEST:
        raise ReconcileError(f"nested deeper than {DEEPEST} levels")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ReconcileError(f"a JSON object's keys are text, not {key!r}")
        return Map({key: _frozen(entry, depth + 1) for key, entry in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple([_frozen(entry, depth + 1) for entry in value])
    raise ReconcileError(f"not JSON: a value of Python's type {cls.__name__}")


def thaw(value: Json) -> Any:
    """Return free JSON as plain data: dicts, sorted by key, and lists."""
    if isinstance(value, Map):
        return {key: thaw(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [thaw(entry) for entry in value]
    return value


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[int, str]:
    """Return the seconds since the Unix epoch that *text* names, and its digits below a second."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ReconcileError(f"not an RFC 3339 time, such as 2026-01-01T00:00:00Z: {text!r}")
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)  # noqa: PLR2004 -- the calendar's own
    exists = 1 <= month <= 12 and 1 <= day <= _MONTHS[month - 1] + leap  # noqa: PLR2004 -- the calendar's own
    if not exists or hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 -- the clock's own
        raise ReconcileError(f"no such time: {text!r}")
    seconds = _days(year, month, day) * DAY + hour * 3600 + minute * 60 + second
    if match[8]:
        hours, minutes = int(match[9]), int(match[10])
        if hours > 24 or minutes > 59:  # noqa: PLR2004 -- Go's own bounds
            raise ReconcileError(f"no such time zone: {text!r}")
        offset = hours * 3600 + minutes * 60
        seconds += offset if match[8] == "-" else -offset
    if not _FIRST <= seconds < _PAST:
        raise ReconcileError(f"not within the years 0 to 9999: {text!r}")
    return seconds, match[7] or ""


@lru_cache(maxsize=8192)
def _text(seconds: int) -> str:
    days, rest = divmod(seconds, DAY)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date(days)}T{hour:02d}:{minute:02d}:{second:02d}"


@lru_cache(maxsize=1024)
def _date(days: int) -> str:
    """Return the date *days* after 1970-01-01 in the proleptic Gregorian calendar."""
    # Years are counted from March, so that a leap day is the last of its year;
    # the calendar repeats itself every 400 years, which have 146,097 days.
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    month, later = (month + 3, 0) if month < 10 else (month - 9, 1)  # noqa: PLR2004 -- March is the first of them
    return f"{era * 400 + year + later:04d}-{month:02d}-{day + 1:02d}"


def _days(year: int, month: int, day: int) -> int:
    """Return how many days after 1970-01-01 a date is."""
    if month <= 2:  # noqa: PLR2004 -- as in _date, a year begins in March
        year, month = year - 1, month + 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719_469
