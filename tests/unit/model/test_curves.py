"""How much there is of something over time."""

import pytest

from reconcile import ReconcileError
from reconcile.lib.instant import HOUR, MINUTE, SECOND
from reconcile.model.behaviours import Behaviours, parse_amount, parse_behaviour, parse_curve
from reconcile.model.behaviours.curves import NANO, mean

START = 1_767_225_600 * SECOND  # a midnight
MI = NANO << 20


@pytest.mark.parametrize(
    ("text", "seconds", "value"),
    [
        ("100m", 5000, NANO // 10),
        ("10..20 over 10s", 0, 10 * NANO),
        ("10..20 over 10s", 4, 14 * NANO),
        ("10..20 over 10s", 99, 20 * NANO),
        ("200..0 over 10s", 5, 100 * NANO),
        ("0.5..1.5 over 10s", 5, NANO),
        ("64Mi..128Mi over 1h", 1800, 96 * MI),
        ("daily 06:00=10 12:00=20 18:00=0", 9 * 3600, 15 * NANO),
        ("daily 06:00=10 12:00=20 18:00=0", 0, 5 * NANO),  # half way between evening and morning
        ("daily 06:00=10 12:00=20 18:00=0", 33 * 3600, 15 * NANO),
    ],
)
def test_a_value_at_an_instant(text, seconds, value):
    curve = parse_curve(text, "load")
    assert curve.at(START + seconds * SECOND, START) == value
    assert parse_curve(str(curve), "load") == curve


@pytest.mark.parametrize(
    ("text", "value", "seconds"),
    [
        ("10", 9, 0),
        ("10", 10, None),
        ("10..20 over 10s", 15, 5),
        ("10..20 over 10s", 20, None),
        ("20..10 over 10s", 15, 0),
        ("daily 06:00=0 12:00=60 18:00=0", 30, 9 * 3600),
        ("daily 06:00=0 12:00=60 18:00=0", 60, None),
    ],
)
def test_when_a_value_is_passed(text, value, seconds):
    curve = parse_curve(text, "memory")
    found = curve.reaches(value * NANO, START)
    assert found == (None if seconds is None else START + seconds * SECOND + (1 if seconds else 0))
    if found is not None:
        assert curve.at(found + SECOND, START) > value * NANO or text.startswith("20")


def test_a_value_that_is_passed_on_the_next_day():
    curve = parse_curve("daily 06:00=0 12:00=60 18:00=0", "memory")
    assert curve.reaches(30 * NANO, START + 15 * HOUR) == START + 33 * HOUR + 1


def test_what_requests_add():
    amount = parse_amount("20m + 10m per request", "cpu")
    assert amount.at(START, START, 3 * NANO + NANO // 2) == 55 * NANO // 1000
    assert str(amount) == "20m + 10m per request"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lots", "cpu: 'lots': "),
        ("-1", "cpu: '-1': '-1' is negative"),
        ("1..2 over 0s", "cpu: '1..2 over 0s': it needs some time to get from one to the other"),
        ("1..2 over now", "'now' is not a duration such as"),
        ("daily", "cpu: 'daily' says no time, such as 09:30=150"),
        ("daily noon=1", "'noon=1' is no time with a value, such as 09:30=150"),
        ("daily 09:00=1 08:00=2", "its times must come one after the other"),
        ("1 + 2 a request", "what is added is said as '+ 2m per request'"),
    ],
)
def test_what_cannot_be_read(text, said):
    with pytest.raises(ReconcileError) as caught:
        parse_amount(text, "cpu")
    assert said in str(caught.value)


def test_a_behaviour_says_it_in_both_forms():
    text = "cpu 20m + 10m per request, memory 64Mi..1Gi over 1h, metric queue 5, needs db, needs other/db"
    mapping = {
        "cpu": "20m + 10m per request",
        "memory": "64Mi..1Gi over 1h",
        "metrics": {"queue": 5},
        "needs": ["db", "other/db"],
    }
    behaviour = parse_behaviour(text)
    assert behaviour == parse_behaviour(mapping)
    assert parse_behaviour(behaviour.text) == behaviour


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"cpu": True}, "behaviour.cpu: must be an amount such as"),
        ({"metrics": {"No": 1}}, "behaviour.metrics.No: a metric's name is lower case letters, digits and _"),
        ({"metrics": []}, "behaviour.metrics: must map metrics to amounts"),
        ({"needs": ["a/b/c"]}, "behaviour.needs[0]: must be NAME or NAMESPACE/NAME of a service"),
        ("metric a 1, metric a 2", "says again what was said before"),
        ("needs -", "must be NAME or NAMESPACE/NAME of a service"),
    ],
)
def test_behaviours_that_are_refused(behaviour, said):
    with pytest.raises(ReconcileError) as caught:
        parse_behaviour(behaviour)
    assert said in str(caught.value)


def test_load_and_what_is_outside_are_said_in_the_document():
    document = {"load": {"shop/web": "5..10 over 1m"}, "external": {"jobs": 7}}
    behaviours = Behaviours.parse(document)
    assert behaviours.load["shop/web"].at(START + MINUTE, START) == 10 * NANO
    assert Behaviours.parse(behaviours.document) == behaviours
    assert behaviours.has_metrics
    assert not behaviours.has_needs
    for wrong, said in (
        ({"load": {"web": 1}}, "load['web']: must be NAMESPACE/NAME of a service"),
        ({"load": []}, None),
        ({"load": [1]}, "load: must map services to requests a second"),
        ({"external": {"Jobs": 1}}, "external.Jobs: a metric's name is"),
        ({"external": {"jobs": None}}, "external.jobs: must be a value over time"),
    ):
        if said is None:
            assert Behaviours.parse(wrong).load == {}
            continue
        with pytest.raises(ReconcileError) as caught:
            Behaviours.parse(wrong)
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "low", "high", "most", "expected"),
    [
        ("2", 0, 10, None, 2),
        ("2", 0, 10, 1, 1),
        ("0..10 over 10s", 0, 10, None, 5),
        ("0..10 over 10s", 5, 15, None, 8.75),  # it rises for five seconds and stays
        ("0..10 over 10s", 0, 10, 5, 3.75),  # half of the time it is cut off
        ("10..0 over 10s", 0, 10, 5, 3.75),
        ("4..8 over 10s", 0, 10, 3, 3),
    ],
)
def test_the_mean_over_time(text, low, high, most, expected):
    curve = parse_curve(text, "here")
    instants = (high * SECOND, low * SECOND, *curve.bends(low * SECOND, high * SECOND, 0))
    found = mean(lambda at: curve.at(at, 0), instants, None if most is None else most * NANO)
    assert found == pytest.approx(expected * NANO, abs=2)


def test_a_day_bends_at_each_of_its_times():
    curve = parse_curve("daily 00:00=0 12:00=24", "here")
    assert curve.bends(6 * HOUR, 40 * HOUR, 0) == (12 * HOUR, 24 * HOUR, 36 * HOUR)
    assert parse_curve("3", "here").bends(0, HOUR, 0) == ()


def test_it_reaches_a_value_from_some_instant_on():
    ramp = parse_curve("100..20 over 80s", "memory")
    assert ramp.reaches(50 * NANO, START) == START
    assert ramp.reaches(50 * NANO, START, START + 60 * SECOND) is None
    assert ramp.reaches(10 * NANO, START, START + 60 * SECOND) == START + 60 * SECOND
    rising = parse_curve("20..100 over 80s", "memory")
    assert rising.reaches(50 * NANO, START, START + 10 * SECOND) == rising.reaches(50 * NANO, START)
    daily = parse_curve("daily 06:00=0 12:00=60 18:00=0", "memory")
    assert daily.reaches(30 * NANO, START, START + 15 * HOUR) == START + 33 * HOUR + 1
