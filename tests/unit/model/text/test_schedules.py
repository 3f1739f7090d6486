"""Schedules and time zones: what is one, and what is said of what is none."""

import pytest

from reconcile.api.scalars import Time
from reconcile.model.text import schedules


@pytest.mark.parametrize("schedule", ["* * * * *", "*/5 0-6 1,15 jan-mar sun", "@daily", "@every 1h30m", "? ? ? ? ?"])
def test_schedules(schedule):
    assert schedules.schedule_fault(schedule) is None


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("", "empty spec string"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@never", "unrecognized descriptor: @never"),
        ("@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'),
        ("TZ=Mars/Olympus * * * * *", "provided bad location Mars/Olympus: unknown time zone Mars/Olympus"),
        ("TZ=0", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
    ],
)
def test_what_is_no_schedule(schedule, said):
    assert schedules.schedule_fault(schedule) == said


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Europe/Berlin", ()),
        ("Etc/UTC", ()),
        ("", ("timeZone must be nil or non-empty string",)),
        ("Europe/Bonn", ("unknown time zone Europe/Bonn",)),
        ("../etc/passwd", ("unknown time zone ../etc/passwd",)),
        ("Local", ("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",)),
    ],
)
def test_time_zones(zone, said):
    assert schedules.zone_faults(zone) == said


@pytest.mark.parametrize(
    ("schedule", "after", "following"),
    [
        ("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
        ("*/20 * * * *", "2026-01-01T00:40:00Z", "2026-01-01T01:00:00Z"),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 13 * fri", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),  # either of the days
        ("0 0 */2 * fri", "2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z"),  # a star with a step is none
        ("0 0 * * fri", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"),
        ("@monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ("@every 90s", "2026-01-01T00:00:07Z", "2026-01-01T00:01:37Z"),
        ("TZ=Europe/Berlin 30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"),  # there is no 2:30 that day
        ("TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),  # the first of two
        ("TZ=Asia/Kathmandu 0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T03:15:00Z"),
        ("TZ=Pacific/Fakaofo 56 0 28 * *", "2011-12-30T06:00:00Z", "2012-01-27T11:56:00Z"),  # a day was left out
        ("0 0 31 2 *", "2026-01-01T00:00:00Z", None),
    ],
)
def test_the_time_that_follows(schedule, after, following):
    found = schedules.following(schedules.parsed(schedule), Time.parse(after).instant)
    assert (found if found is None else Time(found).text) == following
