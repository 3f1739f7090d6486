import pytest

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, SECOND
from reconcile.model.behaviours import Behaviours, parse_behaviour, written
from reconcile.model.behaviours.writing import MOST


def test_lines_at_their_time():
    text = 'logs "up", logs "tick" every 10s, logs "late, once" after 15s, logs "both" after 1s every 20s'
    behaviour = parse_behaviour(text)
    assert written(behaviour, 100, 100 + 21 * SECOND) == [
        (100, "up"),
        (100 + SECOND, "both"),
        (100 + 10 * SECOND, "tick"),
        (100 + 15 * SECOND, "late, once"),
        (100 + 20 * SECOND, "tick"),
        (100 + 21 * SECOND, "both"),
    ]
    assert written(behaviour, 100, 100) == [(100, "up")]
    assert parse_behaviour(behaviour.text) == behaviour


def test_as_a_mapping():
    rows = ["up", {"line": "tick", "every": "10s"}, {"line": "late", "after": "15s"}]
    found = Behaviours.parse({"images": {"a": {"logs": rows}}}).of("a")
    assert found == parse_behaviour('logs "up", logs "tick" every 10s, logs "late" after 15s')


def test_a_log_is_rotated():
    lines = written(parse_behaviour('logs "tick" every 1s'), 0, 1000 * HOUR)
    assert (len(lines), lines[-1][0]) == (MOST, 1000 * HOUR)


@pytest.mark.parametrize(
    ("written_so", "said"),
    [
        ('logs "a" every 0s', "cannot come again every 0s"),
        ('logs "a" after 1s..2s', "not within a range"),
        ({"logs": [{"after": "1s"}]}, "logs[0]: needs 'line'"),
        ({"logs": [{"line": 1}]}, "logs[0].line: must be text, not 1"),
        ({"logs": [{"line": "a", "at": "1s"}]}, "logs[0].at: there is no such field"),
    ],
)
def test_what_cannot_be_written(written_so, said):
    with pytest.raises(ReconcileError) as caught:
        parse_behaviour(written_so)
    assert said in str(caught.value)
