import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MILLISECOND, SECOND, duration_text, parse_duration, rfc3339, rfc3339_micro


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5us"),
        (13 * MILLISECOND, "13ms"),
        (90 * SECOND, "1m30s"),
        (HOUR, "1h0m0s"),
        (SECOND + 500 * MILLISECOND, "1.5s"),
        (-2 * SECOND, "-2s"),
    ],
)
def test_durations_are_written_as_go_writes_them(length: int, text: str) -> None:
    assert duration_text(length) == text


@given(st.integers(-(10**18), 10**18))
def test_a_duration_survives_its_text(length: int) -> None:
    assert parse_duration(duration_text(length)) == length


@pytest.mark.parametrize("text", ["", "2", "s", "2 s", "1d", "--1s", "1s2"])
def test_what_is_no_duration_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ReconcileError, match="is not a duration"):
        parse_duration(text)


def test_instants_are_written_as_kubernetes_writes_them() -> None:
    at = 1_767_225_600 * SECOND + 123_456_789
    assert rfc3339(at) == "2026-01-01T00:00:00Z"
    assert rfc3339_micro(at) == "2026-01-01T00:00:00.123456Z"
