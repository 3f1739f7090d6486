import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api.scalars import Time
from reconcile.lib.instant import HOUR, MILLISECOND, MINUTE, SECOND
from reconcile.model.printing.ages import human_duration, since

DAY = 24 * HOUR
YEAR = 365 * DAY
UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "y": YEAR}


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (999 * MILLISECOND, "0s"),
        (-500 * MILLISECOND, "0s"),
        (-SECOND, "0s"),
        (-2 * SECOND, "<invalid>"),
        (5 * SECOND, "5s"),
        (119 * SECOND, "119s"),
        (120 * SECOND, "2m"),
        (150 * SECOND, "2m30s"),
        (10 * MINUTE - SECOND, "9m59s"),
        (10 * MINUTE + 5 * SECOND, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 59 * SECOND, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (48 * HOUR, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (2 * YEAR - HOUR, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 35 * DAY, "2y35d"),
        (8 * YEAR + 35 * DAY, "8y"),
    ],
)
def test_lengths_as_kubectl_writes_them(length, text):
    assert human_duration(length) == text


@given(st.integers(0, 20 * YEAR))
def test_text_says_the_length_but_for_its_finest_unit(length):
    text = human_duration(length)
    total, digits, finest = 0, "", SECOND
    for letter in text:
        if letter.isdigit():
            digits += letter
        else:
            finest, total, digits = UNITS[letter], total + int(digits) * UNITS[letter], ""
    # A coarse text may stand for up to one more of the unit that it names last.
    assert total <= length < total + finest


def test_no_time_is_unknown():
    assert since(None, 0) == "<unknown>"
    assert since(Time(0), 5 * SECOND) == "5s"
