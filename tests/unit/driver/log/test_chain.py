from functools import cache

import pytest

from reconcile.api.kinds import KUBERNETES_VERSION
from reconcile.cluster import Topology
from reconcile.driver.log.chain import (
    FORMAT,
    DamagedLog,
    LogError,
    MisorderedLog,
    TruncatedLog,
    Writer,
    WrongVersion,
    read_lines,
)
from reconcile.driver.log.replay import replay
from reconcile.driver.wire import topology_to_json
from reconcile.events import StopProcess
from reconcile.lib.errors import ReconcileError
from tests.unit.driver.lab import recorded

ZEROS = "sha256:" + 64 * "0"


@cache
def log() -> tuple[bytes, ...]:
    """Give a small log with every kind of line."""
    recorder, lines = recorded(checkpoint=1)
    recorder.run(steps=3)
    recorder.step(StopProcess("kubelet/node-1"))
    recorder.run(steps=2)
    recorder.end()
    return tuple(lines)


def header(**changed):
    content = {
        "log": FORMAT,
        "reconcile": "0",
        "kubernetes": KUBERNETES_VERSION,
        "seed": 1,
        "topology": topology_to_json(Topology(nodes=1)),
        "controllers": [],
        "detail": "steps",
    }
    return {key: value for key, value in (content | changed).items() if value is not None}


def written(*contents):
    """Give a log with the right checksums, whatever is in it."""
    lines = []
    writer = Writer(lambda line: lines.append(line.encode()))
    for content in contents:
        writer.line(content)
    return lines


def refusal(lines):
    with pytest.raises(LogError) as caught:
        list(read_lines(lines))
    return caught.value


# Damage ---------------------------------------------------------------------------------------------------------------


def test_a_log_is_read_as_it_was_written():
    lines = log()
    read = list(read_lines(lines))
    assert [line.number for line in read] == list(range(1, len(lines) + 1))
    assert replay(lines).identical
    kinds = [
        next(kind for kind in ("log", "event", "run", "checkpoint", "end") if kind in line.content) for line in read
    ]
    assert set(kinds) == {"log", "event", "run", "checkpoint", "end"}


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_anywhere_is_refused_with_its_line(bit):
    raw = b"".join(log())
    ends = [place for place, byte in enumerate(raw) if byte == ord("\n")]
    for place in range(len(raw)):
        damaged = bytearray(raw)
        damaged[place] ^= 1 << bit
        line = sum(end < place for end in ends) + 1
        error = refusal(_lines(bytes(damaged)))
        assert error.line == line, (place, error)
        is_format = isinstance(error, WrongVersion) and line == 1  # the digit that says which format it is
        assert is_format or isinstance(error, DamagedLog | MisorderedLog | TruncatedLog), (place, error)
        assert str(error).startswith(f"line {line}: ")


def test_another_format_is_named_though_its_checksums_are_others():
    raw = b"".join(log()).replace(f'"log":{FORMAT}'.encode(), f'"log":{FORMAT + 1}'.encode(), 1)
    error = refusal(_lines(raw))
    assert isinstance(error, WrongVersion)
    assert str(error) == f"line 1: the format is {FORMAT + 1}; this package reads 1 and {FORMAT}"


def test_a_byte_that_became_another_is_refused_with_its_line():
    raw = b"".join(log())
    line = 1
    for place, byte in enumerate(raw):
        for other in b'0a"{},:\x00\xff ':
            if other != byte:
                error = refusal(_lines(raw[:place] + bytes([other]) + raw[place + 1 :]))
                assert error.line == line
        line += byte == ord("\n")


def test_a_tail_cut_anywhere_is_refused_with_its_line():
    raw = b"".join(log())
    for length in range(len(raw)):
        error = refusal(_lines(raw[:length]))
        assert isinstance(error, TruncatedLog), (length, error)
        assert error.line == raw[:length].count(b"\n") + 1


def test_two_swapped_lines_are_refused_with_the_first_of_them():
    lines = log()
    for one in range(len(lines)):
        for other in range(one + 1, len(lines)):
            swapped = list(lines)
            swapped[one], swapped[other] = lines[other], lines[one]
            error = refusal(swapped)
            assert isinstance(error, MisorderedLog)
            assert error.line == one + 1
            assert f"it says that it is line {other + 1}: lines are swapped or missing" in str(error)


def test_a_missing_line_is_refused_with_its_place():
    lines = log()
    for missing in range(len(lines)):
        error = refusal(lines[:missing] + lines[missing + 1 :])
        wanted = TruncatedLog if missing == len(lines) - 1 else MisorderedLog
        assert isinstance(error, wanted)
        assert error.line == missing + 1


def test_a_repeated_line_is_refused():
    lines = log()
    for place in range(len(lines)):
        error = refusal((*lines[: place + 1], *lines[place:]))
        assert error.line == place + 2


def test_a_line_of_another_log_is_refused():
    recorder, other = recorded(checkpoint=1)
    recorder.run(steps=4)
    recorder.end()
    mixed = [log()[0], other[1], *log()[2:]]
    assert other[1] != log()[1]
    assert refusal(mixed).line == 3  # the second line belongs to the same header: only what follows it cannot


def test_something_after_the_end_is_refused():
    lines = log()
    for more in (b"\n", b"{}\n", lines[-1], b"x"):
        error = refusal((*lines, more))
        assert isinstance(error, DamagedLog)
        assert (error.line, error.problem) == (len(lines) + 1, "something follows the end line")


def test_an_empty_log_is_refused():
    error = refusal([])
    assert isinstance(error, TruncatedLog)
    assert str(error) == "line 1: the log is empty"


@pytest.mark.parametrize(
    "line", [b"\n", b"null\n", b"[]\n", b"7\n", b'{"line":1}\n', b'{"check":"","line":true}\n', b"{\n"]
)
def test_what_is_no_line_of_a_log_is_refused(line):
    assert isinstance(refusal([line]), DamagedLog)


def test_a_line_that_says_something_twice_is_refused():
    (line,) = written(header())
    assert isinstance(refusal([line.replace(b'"seed":1', b'"seed":1,"seed":1')]), DamagedLog)


def test_damage_after_the_place_where_a_replay_stops_is_refused_all_the_same():
    lines = list(log())
    lines[-1] = lines[-1].replace(b"sha256:", b"sha257:")
    with pytest.raises(DamagedLog) as caught:
        replay(lines, until=1)
    assert caught.value.line == len(lines)


# What was written, and cannot be used ---------------------------------------------------------------------------------


END = {"end": {"steps": 0, "now": "0", "revision": 0, "digest": ZEROS}}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"log": FORMAT + 1}, WrongVersion, f"line 1: the format is {FORMAT + 1}; this package reads 1 and {FORMAT}"),
        ({"log": None, "event": {}, "marks": "0000"}, DamagedLog, "line 1: event has controllers"),
        ({"log": True}, WrongVersion, "line 1: the format is True"),
        ({"log": None}, DamagedLog, "line 1: it is none of log, event, run, checkpoint, end"),
        (
            {"kubernetes": "v1.20.0"},
            WrongVersion,
            f"line 1: Kubernetes is 'v1.20.0'; this package has {KUBERNETES_VERSION!r}",
        ),
        ({"kubernetes": None}, DamagedLog, "line 1: log has no kubernetes: it has "),
        ({"controllers": ["mine"]}, LogError, "line 1: the run had the controller mine, the replay is given no"),
        ({"seed": "7x"}, DamagedLog, "line 1: seed is '7x', which is not an integer, or the text of one"),
        ({"seed": "7"}, DamagedLog, "line 1: seed is '7', where a recorder writes 7"),
        ({"reconcile": 3}, DamagedLog, "line 1: reconcile is 3, which is not text"),
        ({"detail": "all"}, DamagedLog, "line 1: detail is 'all', which is not steps or changes"),
        ({"controllers": [3]}, DamagedLog, "line 1: controllers is [3], which is not a list of names"),
        ({"colour": "red"}, DamagedLog, "line 1: log has colour, 'red', which no line has there"),
        ({"seed": None}, DamagedLog, "line 1: log has no seed"),
        ({"topology": {"nodes": 0}}, DamagedLog, "nodes: 0 is not between 1 and"),
        ({"topology": {"node": 3}}, DamagedLog, 'unknown field "node"'),
        ({"topology": 3}, DamagedLog, "line 1: topology is 3, which is not an object"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_by_name(changed, error, message):
    with pytest.raises(LogError) as caught:
        replay(written(header(**changed), END))
    assert type(caught.value) is error
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "it is none of log, event, run, checkpoint, end: it has line, check"),
        ({"walk": {}}, "it is none of log, event, run, checkpoint, end"),
        ({"run": {}, "event": {}}, "it is none of log, event, run, checkpoint, end"),
        (header(), "the first line, and no other, is the header"),
        ({"run": 3, "marks": "0000"}, "run is 3, which is no object"),
        ({"run": {"steps": 0, "now": "0"}, "marks": ""}, "run.steps is 0, which is not an integer of 1 or more"),
        ({"run": {"steps": True, "now": "0"}, "marks": "0000"}, "run.steps is True, which is not an integer"),
        ({"run": {"steps": 1, "now": 0}, "marks": "0000"}, "run.now is 0, which is not the text of an integer"),
        ({"run": {"steps": 1, "now": "00"}, "marks": "0000"}, "run.now is '00', which is not the text of an integer"),
        ({"run": {"steps": 1}, "marks": "0000"}, "run has no now: it has steps"),
        ({"run": {}, "marks": "0000"}, "run has no steps: it has nothing"),
        ({"run": {"steps": 1, "now": "0", "by": "me"}, "marks": "0000"}, "run has by, 'me', which no line has there"),
        (
            {"run": {"steps": 2, "now": "0"}, "marks": "0000"},
            "marks is '0000', which is not four hexadecimal digits for each of 2 steps",
        ),
        ({"run": {"steps": 1, "now": "0"}, "marks": "00Gx"}, "marks is '00Gx', which is not four hexadecimal digits"),
        ({"run": {"steps": 1, "now": "0"}}, "run has no marks"),
        ({"event": [], "marks": "0000"}, "event is [], which is no object"),
        ({"event": {"event": "Fly"}, "marks": "0000"}, "its event cannot be read: event: expected one of Submit"),
        ({"event": {"event": "Execute"}, "marks": "0000"}, "its event cannot be read: call: required"),
        ({"event": {"event": "Execute", "call": 1}}, "event has no marks"),
        ({"event": {"event": "Execute", "call": 1}, "marks": "0000", "changes": 3}, "changes is 3, which is"),
        ({"event": {"event": "Execute", "call": 1}, "marks": "0000", "changes": [[1, 2]]}, "changes[0] is [1, 2],"),
        ({"run": {"steps": 1, "now": "0"}, "marks": "0000", "explanations": []}, "explanations is [], which is not"),
        (
            {"run": {"steps": 1, "now": "0"}, "marks": "0000", "explanations": [[1, "default/web", 3]]},
            "explanations[0] is [1, 'default/web', 3], which is not a row of step, pod and an object",
        ),
        ({"checkpoint": 3}, "checkpoint is 3, which is no object"),
        ({"end": None}, "end is None, which is no object"),
    ],
)
def test_a_line_of_no_known_shape_is_refused_with_its_number(content, message):
    lines = written(header(), content, *([] if "end" in content else [END]))
    with pytest.raises(DamagedLog) as caught:
        replay(lines)
    assert caught.value.line == 2
    assert message in str(caught.value)


def test_nothing_is_written_after_the_end():
    recorder, lines = recorded()
    recorder.run(steps=1)
    recorder.end()
    for more in (recorder.end, lambda: recorder.run(steps=1)):
        with pytest.raises(ReconcileError, match="the log has ended with line 3: nothing may follow"):
            more()
    assert replay(lines).identical


def test_an_error_says_its_line_and_its_problem():
    error = LogError(3, "it is green")
    assert (str(error), error.line, error.problem) == ("line 3: it is green", 3, "it is green")


def _lines(raw):
    """Split at line feeds alone, as a binary file does."""
    return [part + b"\n" for part in raw.split(b"\n")[:-1]] + ([raw.split(b"\n")[-1]] if raw.split(b"\n")[-1] else [])
