import functools

import pytest

from reconcile.api.scalars import MicroTime, Time, freeze, thaw
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T01:30:00+01:30", "2026-01-01T00:00:00Z"),
        ("2025-12-31T23:00:00-01:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.999999999Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00Z"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
    ],
)
def test_times_are_in_utc_and_whole_seconds(text, canonical):
    assert str(Time.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-01", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
     "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
     "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00+25:00", "2026-01-01t00:00:00z", "9999-12-31T23:59:59-01:00",
     "2026-01-01T00:00:00.Z"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_its_text(text):
    with pytest.raises(ReconcileError) as caught:
        Time.parse(text)
    assert repr(text) in str(caught.value)


def test_times_are_instants():
    assert Time.at(0).text == "1970-01-01T00:00:00Z"
    assert Time.at(SECOND + 5) == Time.at(SECOND) == Time.parse("1970-01-01T00:00:01Z")
    assert Time.at(SECOND).instant == SECOND
    assert Time.at(0) < Time.at(SECOND)
    assert hash(Time.at(SECOND + 5)) == hash(Time.at(SECOND))
    assert Time.at(-1).text == "1969-12-31T23:59:59Z"
    assert repr(Time.at(0)) == "Time('1970-01-01T00:00:00Z')"


def test_micro_times_have_six_digits():
    assert MicroTime.at(1_234).text == "1970-01-01T00:00:00.000001Z"
    assert MicroTime.parse("2026-01-01T01:00:00.000100+01:00").text == "2026-01-01T00:00:00.000100Z"
    for text in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1234567Z"):
        with pytest.raises(ReconcileError, match="six digits"):
            MicroTime.parse(text)


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_free_json_is_as_deep_as_json_text(wrap):
    value = functools.reduce(lambda inner, _: wrap(inner), range(200), 1)
    assert thaw(freeze(value)) == value
    for deeper in (3, 10_000):
        with pytest.raises(ReconcileError, match="nested deeper than 200 levels"):
            freeze(functools.reduce(lambda inner, _: wrap(inner), range(deeper), value))


def test_free_json_is_frozen_and_thawed():
    plain = {"b": [1, {"c": None}], "a": 1.5}
    frozen = freeze(plain)
    assert frozen == Map({"a": 1.5, "b": (1, Map({"c": None}))})
    hash(frozen)
    assert thaw(frozen) == plain


@pytest.mark.parametrize(
    "value",
    [{1: 2}, [object()], {"a": float("nan")}, float("inf"), b"x", {"a": {1, 2}}, 2**64, [-(2**63) - 1]],
)
def test_what_is_no_json_is_refused(value):
    with pytest.raises(ReconcileError):
        freeze(value)


def test_a_number_beyond_64_bits_is_refused_whatever_its_length():
    with pytest.raises(ReconcileError, match="a number beyond 64 bits"):
        freeze({"a": 10**5000})
