"""
Time zones: which offset from UTC a zone has at an instant, and which instant its clocks name.

The data are the package's own, not the machine's: the same CronJob has the same times everywhere.

Takes:    names of zones, seconds since the Unix epoch, civil times.
Gives:    offsets in seconds, seconds since the epoch.
Source:   the IANA time zone database; POSIX for the rules after its last change. Which of two instants a civil time
          names that comes twice or never is as Go's time.Date has it.
Left out: what was before 2000.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

import attrs

from reconcile.model.text._zones import ZONES

Change: TypeAlias = tuple[int, int, int, int]
"""Month, week (5: the last), weekday (0: Sunday), and seconds after midnight, by the clock that is changed."""

_SINCE: Final = 946_684_800  # 2000-01-01
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- clocks of any zone are reckoned with; none is read
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_WEEK: Final = 7
_LAST: Final = 5
_NAME: Final = r"(?:<[^>]+>|[A-Za-z]+)"
_OFFSET: Final = r"([+-]?[0-9]+(?::[0-9]+)?)"
_WHEN: Final = r",M([0-9]+)\.([0-9])\.([0-9])(?:/([+-]?[0-9]+(?::[0-9]+)?))?"
_RULE: Final = re.compile(f"{_NAME}{_OFFSET}(?:{_NAME}{_OFFSET}?{_WHEN}{_WHEN})?")


@attrs.frozen
class Rule:
    """The offset in winter, the one in summer, and when summer begins and ends; both are alike without a summer."""

    usual: int
    summer: int
    begins: Change
    ends: Change


@attrs.frozen
class Zone:
    """
    A time zone.

    Args:
        times: of its changes since 2000, ascending, in seconds since the epoch.
        offsets: in seconds: the one in 2000, and the one after each change.
        rule: what holds after the last of them.
    """

    times: tuple[int, ...]
    offsets: tuple[int, ...]
    rule: Rule


@lru_cache(maxsize=128)
def zone(name: str) -> Zone:
    """Give the zone *name*, which is one of `ZONES`; empty for UTC."""
    base, rule, *changes = ZONES[name or "UTC"].split()
    times, offsets, at = [], [int(base) * _MINUTE], _SINCE
    for change in changes:
        minutes, sign, quarters = re.split("([+-])", change)
        at += int(minutes, 16) * _MINUTE
        times.append(at)
        offsets.append(int(sign + quarters) * 15 * _MINUTE)
    return Zone(tuple(times), tuple(offsets), _rule(rule))


def offset(name: str, at: int) -> int:
    """Give the offset of zone *name*, in seconds east of UTC, at the second *at*."""
    found = zone(name)
    if not found.times or at < found.times[-1]:
        place = bisect_right(found.times, at)
        if found.times or at < _SINCE:
            return found.offsets[place]
    return _by_rule(found.rule, at)


def clock(name: str, at: int) -> datetime:
    """Give what the clocks of zone *name* show at the second *at*."""
    return _EPOCH + timedelta(seconds=at + offset(name, at))


def named(name: str, shown: datetime) -> int:
    """Give a second at which the clocks of zone *name* show this; near it, if they never do."""
    as_utc = round((shown - _EPOCH).total_seconds())
    first = offset(name, as_utc)
    if not first:
        return as_utc
    return as_utc - offset(name, as_utc - first)


def _rule(text: str) -> Rule:
    match = _RULE.fullmatch(text)
    assert match is not None, f"{text!r} is a rule of the database"
    usual, summer = -_seconds(match[1]), match[2]
    if match[3] is None:
        return Rule(usual, usual, (1, 1, 0, 0), (1, 1, 0, 0))
    begins, ends = _change(match.groups()[2:6]), _change(match.groups()[6:])
    return Rule(usual, usual + _HOUR if summer is None else -_seconds(summer), begins, ends)


def _change(parts: tuple[str | None, ...]) -> Change:
    month, week, weekday, at = parts
    return int(month or 0), int(week or 0), int(weekday or 0), _seconds(at or "2")


def _seconds(text: str) -> int:
    hours, _, minutes = text.partition(":")
    size = abs(int(hours)) * _HOUR + int(minutes or 0) * _MINUTE
    return -size if hours.startswith("-") else size


def _by_rule(rule: Rule, at: int) -> int:
    if rule.usual == rule.summer:
        return rule.usual
    year = (_EPOCH + timedelta(seconds=at + rule.usual)).year
    begins = _instant(year, rule.begins) - rule.usual
    ends = _instant(year, rule.ends) - rule.summer
    if begins < ends:
        return rule.summer if begins <= at < ends else rule.usual
    return rule.usual if ends <= at < begins else rule.summer


@lru_cache(maxsize=1024)
def _instant(year: int, change: Change) -> int:
    month, week, weekday, seconds = change
    first = date(year, month, 1)
    day = 1 + (weekday - first.isoweekday()) % _WEEK + (week - 1) * _WEEK
    if week == _LAST and day > _length(year, month):
        day -= _WEEK
    return (date(year, month, day) - _EPOCH.date()).days * _DAY + seconds


def _length(year: int, month: int) -> int:
    after = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)  # noqa: PLR2004 -- months in a year
    return (after - date(year, month, 1)).days
