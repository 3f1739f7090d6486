"""
Schedules: what a CronJob takes for one, and what is said of one that it does not take; the names of time zones.

Source:   the standard parser of robfig/cron, by whose words Kubernetes refuses a schedule; the IANA time zone database.
Left out: nothing known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from reconcile.model._zones import ZONES

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
_DESCRIPTORS: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_NUMBER: Final = re.compile("[+-]?[0-9]+")
_DURATION: Final = re.compile(r"[+-]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)")
_ZONE_PART: Final = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
_LARGEST: Final = 2**63 - 1
_RANGE_ENDS: Final = 2


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


def _parse(schedule: str) -> None:
    if not schedule:
        raise _NoScheduleError("empty spec string")
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        schedule = _after_zone(schedule)
    if schedule.startswith("@"):
        _parse_descriptor(schedule)
        return
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        listed = " ".join(fields)
        raise _NoScheduleError(f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{listed}]")
    for text, (least, most, known) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if part:
                _parse_range(part, least, most, known)


def _after_zone(schedule: str) -> str:
    head, space, rest = schedule.partition(" ")
    if not space:
        # The parser slices out of bounds here; the server makes an error of the panic.
        raise _NoScheduleError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
    zone = head.partition("=")[2]
    if zone and zone not in ZONES and zone not in ("UTC", "Local"):
        raise _NoScheduleError(f"provided bad location {zone}: unknown time zone {zone}")
    return rest.strip()


def _parse_descriptor(text: str) -> None:
    if text in _DESCRIPTORS:
        return
    every = "@every "
    if text.startswith(every):
        duration = text.removeprefix(every)
        if not _DURATION.fullmatch(duration):
            said = f'time: invalid duration "{duration}"'
            if re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+", duration):
                said = f'time: missing unit in duration "{duration}"'
            raise _NoScheduleError(f"failed to parse duration {text}: {said}")
        return
    raise _NoScheduleError(f"unrecognized descriptor: {text}")


def _parse_range(text: str, least: int, most: int, known: dict[str, int]) -> None:
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
