"""
Schedules: what a CronJob takes for one, when it is the next time, and what is said of one that it does not take; the
names of time zones.

It is a parser of the package's own: what is published for Python knows neither this grammar (`@every`, `?`, a star with
a step counting as no star) nor where clocks are changed what this one does, and reads the machine's time zones.

Source:   robfig/cron: its standard parser, by whose words Kubernetes refuses a schedule, and SpecSchedule.Next; the
          IANA time zone database.
Left out: nothing known.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import attrs

from reconcile.lib.instant import SECOND, Duration, Instant, parse_duration
from reconcile.model.text import zones
from reconcile.model.text._zones import ZONES

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Least, most, and the names that stand for numbers.
_FIELDS: Final[tuple[tuple[int, int, dict[str, int]], ...]] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: place for place, name in enumerate(_MONTHS, 1)}),
    (0, 6, {name: place for place, name in enumerate(_DAYS)}),
)
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_NUMBER: Final = re.compile("[+-]?[0-9]+")
_DURATION: Final = re.compile(r"[+-]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)")
_ZONE_PART: Final = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
_LARGEST: Final = 2**63 - 1
_RANGE_ENDS: Final = 2
_YEARS: Final = 5  # a schedule that is not met within so many never is
_NOON: Final = 12
_DECEMBER: Final = 12
_HOUR: Final = 3600


@attrs.frozen
class Field:
    """The numbers that a field of a schedule takes, and whether it takes all of them by a star."""

    numbers: frozenset[int]
    star: bool


@attrs.frozen(kw_only=True)
class Schedule:
    """
    A schedule that was understood.

    Args:
        fields: minutes, hours, days of the month, months, days of the week.
        zone: the name of the time zone whose clocks are meant; empty for UTC.
        every: the time between two times, for one that has no fields.
    """

    fields: tuple[Field, ...] = ()
    zone: str = ""
    every: Duration = 0


class _NoScheduleError(ValueError):
    """What keeps a text from being a schedule."""


@lru_cache(maxsize=1024)
def schedule_fault(schedule: str) -> str | None:
    """Say what keeps *schedule* from being one: five fields or a descriptor."""
    try:
        _parse(schedule)
    except _NoScheduleError as error:
        return str(error)
    return None


@lru_cache(maxsize=1024)
def parsed(schedule: str) -> Schedule | None:
    """Read *schedule*; None if it is none."""
    try:
        return _parse(schedule)
    except _NoScheduleError:
        return None


@lru_cache(maxsize=4096)
def following(schedule: Schedule, after: Instant) -> Instant | None:
    """Give the first time of *schedule* that is later than *after*; None if there is none within five years."""
    second = after // SECOND
    if schedule.every:
        return second * SECOND + schedule.every
    found = _next(schedule, second + 1)
    return None if found is None else found * SECOND


@lru_cache(maxsize=1024)
def zone_faults(zone: str) -> tuple[str, ...]:
    """Say what keeps *zone* from being the name of a time zone."""
    if not zone:
        return ("timeZone must be nil or non-empty string",)
    unknown = f"unknown time zone {zone}"
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not _ZONE_PART.fullmatch(part):
            return (unknown,)
    faults: tuple[str, ...] = ()
    if zone.lower() == "local":
        faults += ("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",)
    if zone not in ZONES and zone not in ("UTC", "Local"):
        faults += (unknown,)
    return faults


def _parse(schedule: str) -> Schedule:
    if not schedule:
        raise _NoScheduleError("empty spec string")
    zone = ""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        zone, schedule = _with_zone(schedule)
    if schedule.startswith("@"):
        every = "@every "
        if schedule.startswith(every):
            return Schedule(zone=zone, every=_duration(schedule, schedule.removeprefix(every)))
        if schedule not in _DESCRIPTORS:
            raise _NoScheduleError(f"unrecognized descriptor: {schedule}")
        schedule = _DESCRIPTORS[schedule]
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        listed = " ".join(fields)
        raise _NoScheduleError(f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{listed}]")
    read = [_field(text, *bounds) for text, bounds in zip(fields, _FIELDS, strict=True)]
    return Schedule(fields=tuple(read), zone=zone)


def _with_zone(schedule: str) -> tuple[str, str]:
    head, space, rest = schedule.partition(" ")
    if not space:
        # The parser slices out of bounds here; the server makes an error of the panic.
        raise _NoScheduleError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
    zone = head.partition("=")[2]
    if zone and zone not in ZONES and zone not in ("UTC", "Local"):
        raise _NoScheduleError(f"provided bad location {zone}: unknown time zone {zone}")
    return "" if zone in ("UTC", "Local") else zone, rest.strip()


def _duration(text: str, duration: str) -> Duration:
    if not _DURATION.fullmatch(duration):
        said = f'time: invalid duration "{duration}"'
        if re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+", duration):
            said = f'time: missing unit in duration "{duration}"'
        raise _NoScheduleError(f"failed to parse duration {text}: {said}")
    # As Go writes it, `.5h` and `1.h` are durations.
    plain = re.sub(r"\.(?![0-9])", "", re.sub(r"(?<![0-9])\.", "0.", duration.removeprefix("+")))
    size = max(parse_duration(plain), SECOND)
    return size - size % SECOND


def _field(text: str, least: int, most: int, known: dict[str, int]) -> Field:
    ranges = [_range(part, least, most, known) for part in text.split(",") if part]
    return Field(frozenset[int]().union(*[found.numbers for found in ranges]), any(found.star for found in ranges))


def _range(text: str, least: int, most: int, known: dict[str, int]) -> Field:
    parts = text.split("/")
    ends = parts[0].split("-")
    if ends[0] in ("*", "?"):
        first, last = least, most
    else:
        first = last = _number(ends[0], known)
        if len(ends) == _RANGE_ENDS:
            last = _number(ends[1], known)
        elif len(ends) > _RANGE_ENDS:
            raise _NoScheduleError(f"too many hyphens: {text}")
    step = 1
    if len(parts) == _RANGE_ENDS:
        step = _number(parts[1], {})
        if len(ends) == 1:
            last = most
    elif len(parts) > _RANGE_ENDS:
        raise _NoScheduleError(f"too many slashes: {text}")
    if first < least:
        raise _NoScheduleError(f"beginning of range ({first}) below minimum ({least}): {text}")
    if last > most:
        raise _NoScheduleError(f"end of range ({last}) above maximum ({most}): {text}")
    if first > last:
        raise _NoScheduleError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise _NoScheduleError(f"step of range should be a positive number: {text}")
    return Field(frozenset(range(first, last + 1, step)), ends[0] in ("*", "?") and step == 1)


def _number(text: str, known: dict[str, int]) -> int:
    named = known.get(text.lower())
    if named is not None:
        return named
    said = None
    if not (text.isascii() and _NUMBER.fullmatch(text)):
        said = "invalid syntax"
    elif abs(int(text)) > _LARGEST:
        said = "value out of range"
    if said is not None:
        raise _NoScheduleError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": {said}')
    if int(text) < 0:
        raise _NoScheduleError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)


# Times ----------------------------------------------------------------------------------------------------------------


def _next(schedule: Schedule, at: int) -> int | None:
    """
    Give the first second from *at* on that the schedule names.

    From the coarsest field to the finest, each is moved on until it is met; one that comes round begins again with the
    coarsest. The first one that is moved sets all finer ones to their least. Where the clocks leave out a midnight, the
    hours do not come round there, and the day is not looked at again.
    """
    minutes, hours, _, months, _ = schedule.fields
    zone = schedule.zone
    last_year = zones.clock(zone, at).year + _YEARS
    is_moved = is_dated = False
    while True:
        shown = zones.clock(zone, at)
        if shown.year > last_year:
            return None
        if not is_dated and shown.month not in months.numbers:
            start = shown if is_moved else _at(zone, shown.replace(day=1, hour=0, minute=0, second=0))
            at = _later(at, _month_after(zone, start))
        elif not is_dated and not _is_day(schedule, shown):
            start = shown if is_moved else _at(zone, shown.replace(hour=0, minute=0, second=0))
            at = _later(at, _day_after(zone, start))
        elif shown.hour not in hours.numbers:
            at = (at if is_moved else zones.named(zone, shown.replace(minute=0, second=0))) + _HOUR
            is_dated = zones.clock(zone, at).hour != 0
        elif shown.minute not in minutes.numbers:
            at = (at if is_moved else at - at % 60) + 60
            is_dated = zones.clock(zone, at).minute != 0
        elif shown.second:
            at += 60 - shown.second
            is_dated = False
        else:
            return at
        is_moved = True


def _is_day(schedule: Schedule, shown: datetime) -> bool:
    """Tell whether the day is of the month or of the week that the schedule says; of both, if either is a star."""
    _, _, days, _, weekdays = schedule.fields
    of_month, of_week = shown.day in days.numbers, shown.isoweekday() % 7 in weekdays.numbers
    return (of_month and of_week) if days.star or weekdays.star else (of_month or of_week)


def _later(at: int, found: int) -> int:
    """Give *found*, unless it is no later than *at*: a zone can leave out a whole day, which is passed hour by hour."""
    return found if found > at else at - at % _HOUR + _HOUR


def _at(zone: str, shown: datetime) -> datetime:
    """Give *shown* as the clocks show it; where they never do, because they are changed, what is near it."""
    return zones.clock(zone, zones.named(zone, shown))


def _month_after(zone: str, shown: datetime) -> int:
    """Give the same time of the next month: its first midnight, but for where the clocks do not show that."""
    year, month = (shown.year + 1, 1) if shown.month == _DECEMBER else (shown.year, shown.month + 1)
    return zones.named(zone, shown.replace(year=year, month=month, day=1) + timedelta(days=shown.day - 1))


def _day_after(zone: str, shown: datetime) -> int:
    """Give the next midnight; where the clocks are changed just then, what is nearest to it."""
    at = zones.named(zone, shown + timedelta(days=1))
    hour = zones.clock(zone, at).hour
    if hour > _NOON:
        return at + (24 - hour) * _HOUR
    return at - hour * _HOUR
