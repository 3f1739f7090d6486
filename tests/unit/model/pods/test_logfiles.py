"""Which lines are in the newest file of a container's log."""

import pytest

from reconcile.model.pods.logfiles import newest

ROWS = [(at, "x" * 9) for at in (0, 4, 8, 12, 16)]  # 50 bytes each


@pytest.mark.parametrize(
    ("most", "every", "ended", "left"),
    [
        (-1, 1, 99, 5),  # never
        (251, 1, 99, 5),  # not yet
        (250, 10, 99, 0),  # at 20, after the last line
        (250, 10, 19, 5),  # it ended before
        (150, 10, 19, 2),  # at 10, after the third line
        (100, 10, 20, 0),  # at 10, and at 20
        (200, 10, 19, 5),  # at 10 it is still too small
        (50, 4, 16, 1),  # before each line
        (0, 100, 99, 5),  # before the first look
    ],
)
def test_the_newest_file(most, every, ended, left):
    assert newest(ROWS, 0, ended, most=most, every=every) == (ROWS[-left:] if left else [])


def test_a_long_silence_is_looked_at_once():
    rows = [(0, "a"), (10**18, "b")]
    assert newest(rows, 0, 10**18, most=1, every=1) == rows[1:]
