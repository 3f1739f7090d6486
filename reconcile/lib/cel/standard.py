"""
CEL's standard library: operators, conversions, texts, lists, maps, times.

Source:   https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions
Left out: time zones by name: only UTC and offsets such as +02:00.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.lib.cel.types import Library, library, merged
from reconcile.lib.cel.values import CelError, Span, Timestamp, TypeValue, Uint, equal, type_name, whole
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND, duration_text, parse_duration
from reconcile.lib.regexp import compiled

_ZONE: Final = re.compile(r"([+-])(\d\d):(\d\d)")
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))", re.IGNORECASE
)
_DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DAY: Final = 86_400
_FIRST, _LAST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1


def _arithmetic(name: str, of: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    return lambda left, right: whole(of(left, right), name)


def _divided(left: int, right: int) -> int:
    if not right:
        raise CelError("division by zero")
    quotient = abs(int(left)) // abs(int(right))
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    if not right:
        raise CelError("modulus by zero")
    rest = abs(int(left)) % abs(int(right))
    return -rest if left < 0 else rest


def _float_divided(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _float(of: Callable[[float, float], float]) -> Callable[[float, float], float]:
    def computed(left: float, right: float) -> float:
        try:
            return of(left, right)
        except OverflowError:
            return math.inf

    return computed


def _index(values: Any, place: Any) -> Any:
    if isinstance(place, float):
        if place != int(place):
            raise CelError(f"unsupported index value: {place}")
        place = int(place)
    if isinstance(place, bool) or not isinstance(place, int):
        raise CelError("no such overload")
    if not 0 <= place < len(values):
        raise CelError(f"index out of bounds: {place}")
    return values[place]


def _key(values: Mapping[Any, Any], key: Any) -> Any:
    if key in values and (key.__class__ is not bool or any(found is key for found in values)):
        return values[key]
    raise CelError(f"no such key: {string(key)}")


def _within(item: Any, values: Any) -> bool:
    return any(equal(item, each) for each in values)


def string(value: Any) -> str:
    """Give a value's text, as CEL's own conversion does."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float():
            return number_text(value)
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None
        case Timestamp():
            return _time_text(value)
        case Span():
            seconds, rest = divmod(abs(value.length), SECOND)
            sign = "-" if value.length < 0 else ""
            return f"{sign}{seconds}" + (f".{rest:09d}".rstrip("0") if rest else "") + "s"
        case TypeValue():
            return value.name
        case None:
            return "null"
        case int():
            return str(int(value))
        case _:
            return str(value)


def number_text(value: float) -> str:
    """Give the shortest text of a double, as Go's %g does."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.removesuffix(".0")
    power = int(exponent) if exponent else 0
    if not exponent and abs(value) < 1e21:  # noqa: PLR2004 -- where %g turns to exponents
        return mantissa
    if -5 < power < 21:  # noqa: PLR2004 -- as above
        return f"{value:.0f}" if power > 0 else f"{value:f}".rstrip("0")
    return f"{mantissa}e{power:+03d}"


def _int(value: Any) -> int:
    match value:
        case str():
            if re.fullmatch(r"[+-]?\d{1,30}", value, re.ASCII):
                number = int(value)
                if -(1 << 63) <= number < 1 << 63:
                    return number
            raise CelError("type conversion error from 'string' to 'int'")
        case float():
            if not -(2.0**63) < value < 2.0**63:
                raise CelError("integer overflow")
            return int(value)
        case Timestamp():
            return value.instant // SECOND
        case Span():
            return value.length
        case _:
            return whole(int(value))


def _uint(value: Any) -> Uint:
    if isinstance(value, str):
        if re.fullmatch(r"\d{1,30}", value, re.ASCII) and int(value) < 1 << 64:
            return Uint(int(value))
        raise CelError("type conversion error from 'string' to 'uint'")
    if isinstance(value, float) and not 0 <= value < 2.0**64:
        raise CelError("unsigned integer overflow")
    return Uint(whole(int(value), "uint"))


def _double(value: Any) -> float:
    if isinstance(value, str):
        try:
            if "_" in value or value != value.strip():
                raise ValueError  # noqa: TRY301 -- one answer to all that is no number
            return float(value)
        except ValueError:
            raise CelError("type conversion error from 'string' to 'double'") from None
    return float(value)


def _bool(value: str) -> bool:
    if value in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if value in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise CelError("type conversion error from 'string' to 'bool'")


def duration(text: str) -> Span:
    """
    Read a duration in Go's form.

    Raises:
        CelError: it is none.
    """
    try:
        return Span(whole(parse_duration(text.removeprefix("+"))))
    except ReconcileError:
        raise CelError("type conversion error from 'string' to 'google.protobuf.Duration'") from None


def timestamp(text: str) -> Timestamp:
    """
    Read an RFC 3339 time.

    Raises:
        CelError: it is none.
    """
    found = _TIME.fullmatch(text)
    if found:
        year, month, day, hour, minute, second = (int(found[place]) for place in range(1, 7))
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60:  # noqa: PLR2004 -- the clock's own
            length = (*_DAYS_BEFORE, 365)[month] - _DAYS_BEFORE[month - 1] + (month == 2 and leap)  # noqa: PLR2004 -- February
            if 1 <= day <= length:
                days = _days(year) + _DAYS_BEFORE[month - 1] + (leap and month > 2) + day - 1  # noqa: PLR2004 -- February
                seconds = days * _DAY + hour * 3600 + minute * 60 + second
                if found[8]:
                    offset = int(found[9]) * 3600 + int(found[10]) * 60
                    seconds -= offset if found[8] == "+" else -offset
                return Timestamp(seconds * SECOND + int((found[7] or "0").ljust(9, "0")))
    raise CelError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse')


def _days(year: int) -> int:
    """Give the days from 1970-01-01 to the first of January of a year."""
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400 - 719_162


def _moment(at: Timestamp, zone: str = "UTC") -> tuple[int, int, int, int, int]:
    """Give year, month, day of the month, day of the year, all but the year from 0, and the nanosecond of the day."""
    instant = at.instant
    if zone not in ("UTC", "", "Z"):
        found = _ZONE.fullmatch(zone if zone[0] in "+-" else "+" + zone)
        if not found:
            raise CelError(f"unknown time zone {zone}")
        offset = (int(found[2]) * 3600 + int(found[3]) * 60) * SECOND
        instant += offset if found[1] == "+" else -offset
    days, rest = divmod(instant, _DAY * SECOND)
    year = 1970 + days // 366 if days >= 0 else 1970 + days // 365 - 1
    while _days(year + 1) <= days:
        year += 1
    while _days(year) > days:
        year -= 1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    of_year = days - _days(year)
    starts = [start + (leap and place > 1) for place, start in enumerate(_DAYS_BEFORE)]
    month = max(place for place, start in enumerate(starts) if start <= of_year)
    return year, month, of_year - starts[month], of_year, rest


def _time_text(at: Timestamp) -> str:
    year, month, day, _, rest = _moment(at)
    seconds, fraction = divmod(rest, SECOND)
    text = f"{year:04d}-{month + 1:02d}-{day + 1:02d}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return text + (f".{fraction:09d}".rstrip("0") if fraction else "") + "Z"


def _part(of: Callable[[tuple[int, int, int, int, int]], int]) -> Callable[..., int]:
    return lambda at, zone="UTC": of(_moment(at, zone))


def _weekday(at: Timestamp, zone: str = "UTC") -> int:
    year, _, _, of_year, _ = _moment(at, zone)
    return (_days(year) + of_year + 4) % 7


def _at(instant: int) -> Timestamp:
    if not _FIRST <= instant <= _LAST:
        raise CelError("timestamp overflow")
    return Timestamp(instant)


def _matches(text: str, pattern: str) -> bool:
    try:
        return compiled(pattern).search(text) is not None
    except ReconcileError as error:
        raise CelError(str(error)) from None


def _size(value: Any) -> int:
    return len(value)


def _comparing(of: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return of


_ORDERED: Final = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_NUMERIC: Final = ("int", "uint", "double")
_MIXED: Final = [(one, other) for one in _NUMERIC for other in _NUMERIC if one != other]


def _relation(operator: str) -> str:
    alike = [f"_{operator}_({kind}, {kind}) bool" for kind in _ORDERED]
    return "\n".join(alike + [f"_{operator}_({one}, {other}) bool" for one, other in _MIXED])


_TIME_PARTS: Final = {
    "getFullYear": _part(lambda moment: moment[0]),
    "getMonth": _part(lambda moment: moment[1]),
    "getDayOfMonth": _part(lambda moment: moment[2]),
    "getDate": _part(lambda moment: moment[2] + 1),
    "getDayOfYear": _part(lambda moment: moment[3]),
    "getDayOfWeek": _weekday,
    "getHours": _part(lambda moment: moment[4] // SECOND // 3600),
    "getMinutes": _part(lambda moment: moment[4] // SECOND // 60 % 60),
    "getSeconds": _part(lambda moment: moment[4] // SECOND % 60),
    "getMilliseconds": _part(lambda moment: moment[4] // 1_000_000 % 1000),
}
_SPAN_PARTS: Final = {
    "getHours": 3600 * SECOND,
    "getMinutes": 60 * SECOND,
    "getSeconds": SECOND,
    "getMilliseconds": MILLISECOND,
}


def _toward_zero(length: int, unit: int) -> int:
    return length // unit if length >= 0 else -(-length // unit)


def _spans(unit: int) -> Callable[[Span], int]:
    if unit == MILLISECOND:
        return lambda span: _toward_zero(span.length, unit) % 1000
    return lambda span: _toward_zero(span.length, unit)


_OPERATORS: Final = library(
    # What the evaluator decides itself: here for the checker.
    ("_&&_(bool, bool) bool\n_||_(bool, bool) bool", lambda left, _: left),
    ("_?_:_(bool, A, A) A", lambda _, first, __: first),
    ("!_(bool) bool", lambda value: not value),
    ("-_(int) int", lambda value: whole(-value)),
    ("-_(double) double", lambda value: -value),
    ("_==_(A, A) bool", equal),
    ("_!=_(A, A) bool", lambda left, right: not equal(left, right)),
    (_relation("<"), _comparing(lambda left, right: left < right)),
    (_relation("<="), _comparing(lambda left, right: left <= right)),
    (_relation(">"), _comparing(lambda left, right: left > right)),
    (_relation(">="), _comparing(lambda left, right: left >= right)),
    ("_+_(int, int) int", _arithmetic("int", lambda left, right: left + right)),
    ("_-_(int, int) int", _arithmetic("int", lambda left, right: left - right)),
    ("_*_(int, int) int", _arithmetic("int", lambda left, right: left * right)),
    ("_/_(int, int) int", _arithmetic("int", _divided)),
    ("_%_(int, int) int", _arithmetic("int", _remainder)),
    ("_+_(uint, uint) uint", _arithmetic("uint", lambda left, right: int(left) + int(right))),
    ("_-_(uint, uint) uint", _arithmetic("uint", lambda left, right: int(left) - int(right))),
    ("_*_(uint, uint) uint", _arithmetic("uint", lambda left, right: int(left) * int(right))),
    ("_/_(uint, uint) uint", _arithmetic("uint", _divided)),
    ("_%_(uint, uint) uint", _arithmetic("uint", _remainder)),
    ("_+_(double, double) double", _float(lambda left, right: left + right)),
    ("_-_(double, double) double", _float(lambda left, right: left - right)),
    ("_*_(double, double) double", _float(lambda left, right: left * right)),
    ("_/_(double, double) double", _float_divided),
    ("_+_(string, string) string\n_+_(bytes, bytes) bytes", lambda left, right: left + right),
    ("_+_(list(A), list(A)) list(A)", lambda left, right: (*left, *right)),
    ("_+_(timestamp, duration) timestamp", lambda left, right: _at(left.instant + right.length)),
    ("_+_(duration, timestamp) timestamp", lambda left, right: _at(left.length + right.instant)),
    ("_+_(duration, duration) duration", lambda left, right: Span(whole(left.length + right.length))),
    ("_-_(timestamp, timestamp) duration", lambda left, right: Span(whole(left.instant - right.instant))),
    ("_-_(timestamp, duration) timestamp", lambda left, right: _at(left.instant - right.length)),
    ("_-_(duration, duration) duration", lambda left, right: Span(whole(left.length - right.length))),
    ("_[_](list(A), int) A", _index),
    ("_[_](map(A, B), A) B", _key),
    ("@in(A, list(A)) bool", _within),
    ("@in(A, map(A, B)) bool", lambda key, values: key in values),
)
_CONVERSIONS: Final = library(
    ("int(int) int\nint(uint) int\nint(double) int\nint(string) int\nint(timestamp) int\nint(duration) int", _int),
    ("uint(uint) uint\nuint(int) uint\nuint(double) uint\nuint(string) uint", _uint),
    ("double(double) double\ndouble(int) double\ndouble(uint) double\ndouble(string) double", _double),
    ("bool(bool) bool", lambda value: value),
    ("bool(string) bool", _bool),
    (
        "\n".join(f"string({kind}) string" for kind in (*_ORDERED,)),
        string,
    ),
    ("bytes(bytes) bytes", lambda value: value),
    ("bytes(string) bytes", lambda value: value.encode()),
    ("duration(duration) duration\ntimestamp(timestamp) timestamp", lambda value: value),
    ("duration(string) duration", duration),
    ("duration(int) duration", Span),
    ("timestamp(string) timestamp", timestamp),
    ("timestamp(int) timestamp", lambda seconds: _at(seconds * SECOND)),
    ("type(A) type(A)", lambda value: TypeValue(type_name(value))),
    ("dyn(A) dyn", lambda value: value),
)
_VALUES: Final = library(
    ("size(string) int\nsize(bytes) int\nsize(list(A)) int\nsize(map(A, B)) int", _size),
    ("->string.size() int\n->bytes.size() int\n->list(A).size() int\n->map(A, B).size() int", _size),
    ("->string.startsWith(string) bool", str.startswith),
    ("->string.endsWith(string) bool", str.endswith),
    ("->string.contains(string) bool", lambda text, part: part in text),
    ("->string.matches(string) bool\nmatches(string, string) bool", _matches),
    *[(f"->timestamp.{name}() int\n->timestamp.{name}(string) int", part) for name, part in _TIME_PARTS.items()],
    *[(f"->duration.{name}() int", _spans(unit)) for name, unit in _SPAN_PARTS.items()],
)

STANDARD: Final[Library] = merged(_OPERATORS, _CONVERSIONS, _VALUES)

__all__ = ["STANDARD", "duration", "duration_text", "number_text", "string", "timestamp"]
