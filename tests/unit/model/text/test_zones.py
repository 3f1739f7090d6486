"""Time zones, against the standard library's reading of the same database."""

import random
import zoneinfo
from datetime import datetime

import pytest

from reconcile.model.text import zones

SINCE, UNTIL = 946_684_800, 4_102_444_800  # 2000 to 2100


@pytest.fixture
def library():
    pytest.importorskip("tzdata")
    zoneinfo.reset_tzpath(to=[])
    yield zoneinfo
    zoneinfo.reset_tzpath()


def test_every_zone_has_its_offsets(library):
    dice = random.Random(1)
    for name in sorted(zones.ZONES):
        zone = library.ZoneInfo.no_cache(name)
        for _ in range(40):
            at = dice.randrange(SINCE, UNTIL)
            known = datetime.fromtimestamp(at, zone).utcoffset().total_seconds()
            assert zones.offset(name, at) == known, (name, at)


@pytest.mark.parametrize(
    ("zone", "shown", "at"),
    [
        ("", "2026-01-01T00:00", 1_767_225_600),
        ("Asia/Kolkata", "2026-01-01T05:30", 1_767_225_600),
        ("Europe/Berlin", "2026-10-25T02:30", 1_792_891_800),  # it comes twice
        ("Europe/Berlin", "2026-03-29T02:30", 1_774_747_800),  # it never comes
    ],
)
def test_what_the_clocks_name(zone, shown, at):
    assert zones.named(zone, datetime.fromisoformat(shown)) == at
