"""
The times of a CronJob: which one is to be run now, and when it is to be looked at again.

Takes:    CronJobs, schedules, instants.
Gives:    instants, durations.
Source:   pkg/controller/cronjob/utils.go: mostRecentScheduleTime, nextScheduleTimeDuration.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.model.text import schedules, zones
from reconcile.model.text.schedules import Schedule

# So long after a time is looked, lest a clock that goes a little before another makes it be missed.
LATER: Final[Duration] = 100 * MILLISECOND
MANY: Final = 100

NO_SCHEDULE: Final = "time difference between two schedules is less than 1 second"
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@quick
@attrs.frozen(weakref_slot=False)
class Times:
    """
    What a schedule says of the time up to now.

    Args:
        since: what was looked at: from the last time that was run, or the creation.
        last: the latest time since then, or None.
        missed: roughly how many there were since then, beside the latest if there are but few.
        is_none: no schedule at all: it has no two times.
    """

    since: Instant
    last: Instant | None = None
    missed: int = 0
    is_none: bool = False


def schedule_of(cron: Any) -> Schedule | None:
    """Read the CronJob's schedule, in its time zone; None if there is none that can be read."""
    text, zone = cron.spec.schedule, cron.spec.time_zone
    if zone and "TZ" not in text and not schedules.zone_faults(zone):
        text = f"TZ={zone} {text}"
    return schedules.parsed(text)


def times(cron: Any, schedule: Schedule, now: Instant, *, in_time: bool) -> Times:
    """
    Give the times of *cron* that have come and were not run.

    Args:
        cron: the CronJob.
        schedule: its.
        now: the instant.
        in_time: leave out those whose startingDeadlineSeconds are over.
    """
    status, limit = cron.status, cron.spec.starting_deadline_seconds
    last = status.last_schedule_time if status else None
    since: Instant = (last or cron.metadata.creation_timestamp).instant
    if in_time and limit is not None:
        since = max(since, now - limit * SECOND)
    first = schedules.following(schedule, since)
    second = None if first is None else schedules.following(schedule, first)
    if first is not None and now < first:
        return Times(since)
    if first is not None and second is not None and now < second:
        return Times(since, first)
    if first is None or second is None:
        return Times(since, is_none=True)
    between = second - first
    missed = (now - first) // between + 1
    latest, following = None, schedules.following(schedule, first + (missed - 2) * between)
    while following is not None and following <= now:
        latest, following = following, schedules.following(schedule, following)
    return Times(since, latest, missed)


def wait(cron: Any, schedule: Schedule, now: Instant) -> Duration | None:
    """Give how long it is until *cron* is to be looked at again; None if it never is."""
    found = times(cron, schedule, now, in_time=False)
    start = found.last
    if start is None:
        start = now if found.is_none or found.missed else found.since
    following = schedules.following(schedule, start)
    return None if following is None else max(following + LATER - now, 0)


def job_name(cron: Any, scheduled: Instant) -> str:
    """Name the Job that runs at *scheduled*, so that there can be but one for each minute."""
    return f"{cron.metadata.name}-{scheduled // MINUTE}"


def in_zone(cron: Any, scheduled: Instant) -> str:
    """Write *scheduled* as the clocks of the CronJob's time zone show it, as RFC 3339 has it."""
    zone, second = cron.spec.time_zone or "", scheduled // SECOND
    minutes = zones.offset(zone, second) // 60
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    offset = f"{sign}{size // 60:02}:{size % 60:02}" if minutes else "Z"
    return f"{zones.clock(zone, second).isoformat()}{offset}"


def in_words(scheduled: Instant) -> str:
    """Write *scheduled* as RFC 1123 has it, in UTC."""
    shown = zones.clock("", scheduled // SECOND)
    day = f"{_WEEKDAYS[shown.weekday()]}, {shown.day:02} {_MONTHS[shown.month - 1]} {shown.year:04}"
    return f"{day} {shown.hour:02}:{shown.minute:02}:{shown.second:02} +0000"
