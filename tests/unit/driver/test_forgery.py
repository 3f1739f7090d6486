"""Logs whose checksums are right, since whoever changed them made these anew: it is found out all the same."""

import copy
import json
from functools import cache

import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import create
from reconcile.driver.log.chain import LogError, Writer
from reconcile.driver.log.comparing import compare
from reconcile.driver.log.forking import continued
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.driver.wire import state_digest
from reconcile.events import Advance, StopProcess, Submit
from reconcile.lib.digest import Chain, canonical
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.model.hosts import Host
from tests.unit.driver.lab import SEED, configmap

HOST = Host(name="box", ip="172.18.0.7", pod_cidr="10.128.7.0/24", clock_skew=MILLISECOND)
TOPOLOGY = Topology(hosts=(HOST,), masters=1, proxy=False, start=1_800_000_000_000_000_001)

# What no replay can find out: it is what the run was given, or who wrote the log, and nothing came of it.
GIVEN = {
    ("reconcile",),
    ("event", "client"),
    ("event", "tag"),
    ("event", "request", "body", "apiVersion"),
    ("event", "request", "body", "kind"),
}

WRONG = (None, True, 3, 2.5, "x", "", [], [1], {}, {"a": 1})


@cache
def log():
    """Record a short run with every kind of line, and a host whose clock is ahead."""
    lines = []
    cluster = Cluster.boot(TOPOLOGY, seed=SEED)
    recorder = Recorder(cluster, lambda line: lines.append(line.encode()), checkpoint=170)
    recorder.run(steps=150, until=cluster.now + 20 * SECOND)
    recorder.step(Submit(request=create(configmap(red="yes")), tag="mine", client="me"))
    recorder.run()
    recorder.step(Advance(recorder.cluster.now + 1))
    recorder.run(until=recorder.cluster.now + 10 * SECOND)
    recorder.step(StopProcess("kube-scheduler/box"))
    recorder.run(steps=8)
    recorder.end()
    return tuple(lines)


def contents():
    found = [json.loads(line) for line in log()]
    for content in found:
        del content["line"], content["check"]
    return found


def sealed(contents):
    """Write a log with the right numbers and checksums, whatever is in it."""
    lines = []
    writer = Writer(lambda line: lines.append(line.encode()))
    for content in contents:
        writer._ended = False  # a line that no longer ends the log, or one more that does
        writer.line(content)
    return lines


def places(value, path=()):
    """List the path of each value in plain JSON; of the rows of a list, the first and the last."""
    yield path
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from places(entry, (*path, key))
    elif isinstance(value, list):
        for place in sorted({0, len(value) - 1} if value else ()):
            yield from places(value[place], (*path, place))


def others(value):
    """List values that could stand in the place of *value*; the first of them of its own type."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value + 0.5, str(value))
    elif isinstance(value, str):
        yield from (value + "0", value[:-1])
        if value.lstrip("-").isdecimal():
            yield from (str(int(value) + 1), str(int(value) - 1), int(value))
    elif isinstance(value, dict):
        yield {**value, "more": 1}
        for key in value:
            yield {own: entry for own, entry in value.items() if own != key}
    elif isinstance(value, list):
        yield from (value[:-1], [*value, *value[-1:]])
    yield from WRONG


def changed(content, path, value):
    if not path:
        return value
    content = copy.deepcopy(content)
    at = content
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return content


def at_path(content, path):
    for step in path:
        content = content[step]
    return content


def forgeries(number):
    """Give (path, value, log) for each change to a line."""
    whole = contents()
    content = whole[number]
    for path in places(content):
        old = at_path(content, path)
        for value in others(old):
            if isinstance(old, dict) and isinstance(value, dict):
                given = any((*path, key) in GIVEN for key in old.keys() - value.keys() if len(old) - len(value) == 1)
            else:
                given = path in GIVEN and isinstance(value, str)
            forged = changed(content, path, value)
            if isinstance(forged, dict) and not given and canonical(forged) != canonical(content):
                yield path, value, sealed([*whole[:number], forged, *whole[number + 1 :]])


def kinds():
    """Give the numbers of the lines that are looked at: each kind, and each kind of event."""
    found = {}
    for number, content in enumerate(contents()):
        kind = next(kind for kind in ("log", "event", "run", "checkpoint", "end") if kind in content)
        found[kind, content["event"]["event"] if kind == "event" else "changes" in content] = number
    return found


def found_at(play, lines):
    """Give the line at which *play* refuses a log, or finds that it diverges; 0 if it does neither."""
    try:
        found = play(lines)
    except LogError as error:
        return error.line if str(error).startswith(f"line {error.line}: ") else -1
    divergence = getattr(found, "divergence", None)
    if divergence is None:
        return 0
    assert divergence.differences
    return divergence.line


def test_the_log_has_every_kind_of_line():
    assert {kind for kind, _ in kinds()} == {"log", "event", "run", "checkpoint", "end"}
    assert {what for kind, what in kinds() if kind == "event"} == {"Submit", "Advance", "StopProcess"}
    assert replay(sealed(contents())).identical


@pytest.mark.parametrize("number", kinds().values(), ids=[f"{kind}-{what}" for kind, what in kinds()])
def test_whatever_is_changed_in_a_line_is_found(number):
    played = "event" in contents()[number] or number == 0
    tried = 0
    for path, value, lines in forgeries(number):
        tried += 1
        line = found_at(replay, lines)
        assert line > 0, (path, value)
        # What a run is given is not compared with anything: what comes of it shows where it comes.
        assert line >= number + 1 if played else line == number + 1, (path, value, line)
    assert tried > 20


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b'"revision":', b'"revision": '),
        (b'"steps":', b'"steps" :'),
        (b'"digest":', b'"\\u0064igest":'),
        (b'"end":{', b'"line":7,"end":{'),
        (b'"log":2', b'"log":2.0'),
        (b'"seed":7', b'"seed":7.0'),
        (b'"kind":"ConfigMap"', b'"kind" :"ConfigMap"'),
        (b"[", b"[ "),
        (b'"now":', b'"now": '),
    ],
)
def test_a_line_that_is_written_in_another_way_is_found(was, now):
    lines = list(log())
    number = max(place for place, line in enumerate(lines) if was in line)
    lines[number] = lines[number].replace(was, now, 1)
    chain = Chain()
    for place, line in enumerate(lines):
        body = line.rpartition(b',"check":"')[0]
        chain = chain.add(body)
        lines[place] = body + f',"check":"{chain}"}}\n'.encode()
    assert found_at(replay, lines) == number + 1


@pytest.mark.parametrize("number", kinds().values(), ids=[f"{kind}-{what}" for kind, what in kinds()])
def test_whatever_is_changed_can_be_compared_or_is_refused_with_its_line(number):
    for path, value, lines in forgeries(number):
        line = found_at(lambda forged: compare(log(), forged), lines)
        assert line == 0 or line >= number + 1, (path, value, line)


@pytest.mark.parametrize("number", kinds().values(), ids=[f"{kind}-{what}" for kind, what in kinds()])
def test_whatever_is_changed_can_be_gone_on_from_or_is_refused_with_its_line(number):
    for place, (_, _, lines) in enumerate(forgeries(number)):
        if place % 7 == 0:
            line = found_at(lambda forged: continued(forged, lambda _: None), lines)
            assert line == 0 or line >= 1


# Logs of format 1, in which instants are numbers ----------------------------------------------------------------------


def old():
    """Give the log as format 1 has it."""
    found = contents()
    header = found[0]
    header["log"] = 1
    header["topology"]["start"] = int(header["topology"]["start"])
    header["topology"]["hosts"][0]["clockSkew"] = int(header["topology"]["hosts"][0]["clockSkew"])
    for content in found:
        for kind in ("run", "checkpoint", "end"):
            if kind in content:
                content[kind]["now"] = int(content[kind]["now"])
        if "to" in content.get("event", {}):
            content["event"]["to"] = int(content["event"]["to"])
    return found


def test_a_log_of_format_1_is_still_played():
    again = replay(sealed(old()))
    assert again.identical, again.divergence
    assert state_digest(again.cluster) == state_digest(replay(log()).cluster)
    recorder = continued(sealed(old()), lambda _: None)
    assert state_digest(recorder.cluster) == state_digest(again.cluster)
    assert compare(sealed(old()), log()).same


def test_what_is_changed_in_a_log_of_format_1_is_found():
    for number, content in enumerate(old()):
        for kind in ("run", "checkpoint", "end"):
            if kind in content:
                changed = {**content, kind: {**content[kind], "now": content[kind]["now"] + 1}}
                found = replay(sealed([*old()[:number], changed, *old()[number + 1 :]]))
                assert found.divergence.line == number + 1
                textual = {**content, kind: {**content[kind], "now": str(content[kind]["now"])}}
                with pytest.raises(
                    LogError, match=f"line {number + 1}: {kind}.now is '[0-9]+', which is not an integer"
                ):
                    replay(sealed([*old()[:number], textual, *old()[number + 1 :]]))
