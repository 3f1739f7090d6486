"""reconcile run --from: a run that goes on is the run that would have come."""

import json
import re

import pytest


def digest(ended):
    return re.search(r"^digest (sha256:[0-9a-f]{64})$", ended.out, re.MULTILINE)[1]


@pytest.fixture
def cut(log, desk):
    """The same log as a process leaves it that is killed in the middle of a line."""
    lines = log.read_bytes().splitlines(keepends=True)
    found = desk / "cut.jsonl"
    found.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    return found


def test_from_its_end_it_is_the_same(reconcile, log, cut):
    recorded = json.loads(log.read_text().splitlines()[-1])["end"]["digest"]
    for each in (log, cut):
        ended = reconcile("run", "--from", each, "-q")
        assert (ended.code, digest(ended)) == (0, recorded)
        assert re.search(r"^deployment.apps/shop +2/2 ", ended.out, re.MULTILINE)


@pytest.mark.parametrize("where", [("--at", "2.25s"), ("--until", 200), ("--at", "2026-01-01T00:00:03.1Z")])
def test_it_goes_on_in_another_way(reconcile, log, cut, where):
    ended = reconcile("run", "--from", cut, *where, "pod.yaml", "--record", "new.jsonl")
    assert ended.code == 0
    assert re.search(r"^ +\d\.\ds  forked after step \d+$", ended.out, re.MULTILINE)
    assert re.search(r"^pod/web +1/1 +Running ", ended.out, re.MULTILINE)
    unrecorded = reconcile("run", "--from", log, *where, "pod.yaml", "-q")
    assert digest(unrecorded) == digest(ended) == reconcile("replay", "new.jsonl").out.split()[-1]


def test_it_goes_on_at_that_very_time(reconcile, log):
    reconcile("run", "--from", log, "--at", "2.25s", "pod.yaml", "--record", "new.jsonl", "-q")
    lines = [json.loads(line) for line in (log.parent / "new.jsonl").read_text().splitlines()]
    first = next(place for place, line in enumerate(lines) if "pod" in json.dumps(line.get("event", "")))
    assert lines[first - 1]["run"]["now"] == str(1_767_225_602_250_000_000)


def test_a_script_goes_on_as_well(reconcile, log, desk):
    (desk / "later.yaml").write_text("commands:\n  - {at: 4s, scale: deployment/shop, replicas: 3}\n")
    ended = reconcile("run", "--from", log, "--at", "3s", "--scenario", "later.yaml", "-q")
    assert re.search(r"^deployment.apps/shop +3/3 ", ended.out, re.MULTILINE), ended.err
    ended = reconcile("run", "--from", log, "--at", "5s", "--scenario", "later.yaml", "-q")
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert ended.err.endswith(" at 4s: the run goes on from 5s\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("pod.yaml", "--at", "1s"), "error: --at: is for a run that goes on: name its log with --from"),
        (("--from", "run.jsonl", "--nodes", 1), "error: --nodes: with --from the cluster is the one of run.jsonl"),
        (("--from", "run.jsonl", "--members", 1), "error: --members: with --from the cluster is the one of run.jsonl"),
        (
            ("--from", "run.jsonl", "--balancer", "none"),
            "error: --balancer: with --from the cluster is the one of run.jsonl",
        ),
        (
            ("--from", "run.jsonl", "--kubelet-config", "kubelet.yaml"),
            "error: --kubelet-config: with --from the cluster is the one of run.jsonl",
        ),
        (("--from", "run.jsonl", "--seed", 1), "error: --seed: with --from the cluster is the one of run.jsonl"),
        (("--from", "run.jsonl", "--at", "9h"), "error: --at: '9h' is beyond the log's end"),
        (("--from", "run.jsonl", "--until", 9000), "error: --until: 9000 is beyond the log's end, after "),
        (("--from", "run.jsonl", "--record", "run.jsonl"), "error: run.jsonl: is an input of this run"),
        (("--from", "nope.jsonl"), "error: nope.jsonl: cannot be read"),
        (("--from", "pod.yaml"), "error: pod.yaml:1: DamagedLog"),
    ],
)
def test_what_is_wrong_is_said(reconcile, log, args, said):
    ended = reconcile("run", *args)
    assert ended.code == 1
    assert ended.err.startswith(said), ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_log_that_is_damaged_is_refused(reconcile, log):
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3] + lines[4:]))
    ended = reconcile("run", "--from", log)
    assert (ended.code, ended.err[: len(f"error: {log}:4: MisorderedLog")]) == (1, f"error: {log}:4: MisorderedLog")
