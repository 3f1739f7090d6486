"""Schedules and time zones: what is one, and what is said of what is none."""

import pytest

from reconcile.model import schedules


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
