import json
import re

import pytest

from reconcile.driver.log import Writer


def test_identical(reconcile, log):
    ended = reconcile("replay", log)
    assert ended.code == 0
    assert re.fullmatch(r"identical: \d+ steps, digest sha256:[0-9a-f]{64}\n", ended.out)
    assert ended.out.split()[-1] == json.loads(log.read_text().splitlines()[-1])["end"]["digest"]


def damaged(log, name):
    lines = log.read_bytes().splitlines(keepends=True)
    match name:
        case "flipped byte":
            lines[4] = lines[4].replace(b"a", b"b", 1)
        case "cut tail":
            lines = lines[:-1]
        case "cut line":
            lines[-1] = lines[-1][:-9]
        case "swapped lines":
            lines[3], lines[4] = lines[4], lines[3]
        case "wrong version":
            lines[0] = lines[0].replace(b'"log":1', b'"log":9')
        case "empty":
            lines = []
    log.write_bytes(b"".join(lines))
    return len(lines)


def rewritten(log, change):
    """Write a log anew, as a version that differs in *change* would have written it."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    written = []
    writer = Writer(written.append)
    for line in lines:
        del line["line"], line["check"]
        change(line)
        writer.line(line)
    log.write_text("".join(written))


@pytest.mark.parametrize(
    ("name", "line", "error"),
    [
        ("flipped byte", 5, "DamagedLog"),
        ("cut tail", +1, "TruncatedLog"),
        ("cut line", 0, "TruncatedLog"),
        ("swapped lines", 4, "MisorderedLog"),
        ("wrong version", 1, "WrongVersion"),
        ("empty", 1, "TruncatedLog"),
    ],
)
@pytest.mark.parametrize("command", ["replay", "diff", "get"])
def test_damage_is_refused_by_name(reconcile, log, desk, *, name, line, error, command):
    whole = desk / "whole.jsonl"
    whole.write_bytes(log.read_bytes())
    count = damaged(log, name)
    args = {"replay": (log,), "diff": (whole, log), "get": ("pods", "--log", log)}[command]
    ended = reconcile(command, *args)
    assert ended.code == 1
    where = count + line if name.startswith("cut") else line
    assert ended.err.startswith(f"error: {log}:{where}: {error}: ")
    assert ended.out == ""


@pytest.mark.parametrize("field", ["log", "kubernetes"])
def test_another_version_is_refused(reconcile, log, field):
    rewritten(log, lambda line: line.update({field: "99"} if field in line else {}))
    ended = reconcile("replay", log)
    assert ended.code == 1
    assert ended.err.startswith(f"error: {log}:1: WrongVersion: ")


def test_divergence(reconcile, log):
    def one_more(line):
        request = line.get("event", {}).get("request", {})
        if request.get("verb") == "create":
            request["body"]["spec"]["replicas"] = 3

    rewritten(log, one_more)
    ended = reconcile("replay", log)
    assert ended.code == 2
    assert re.match(r"the replay diverges at line \d+, step \d+:\n", ended.out)
    assert "deployments.apps default/shop: spec.replicas: recorded 2, replayed 3" in ended.out


def test_until(reconcile, log):
    ended = reconcile("replay", log, "--until", 400)
    assert ended.code == 0
    assert ended.out.startswith("identical up to step 400, ")
    assert "node/node-1" in ended.out


def test_at_an_offset_and_at_a_time(reconcile, log):
    ended = reconcile("replay", log, "--at", "2.25s", "-n", "default")
    assert ended.code == 0
    assert ended.out.startswith("identical up to step ")
    assert "2.25s after power-on, 2026-01-01T00:00:02.250000Z" in ended.out
    assert len(re.findall(r"^pod/shop-\S+ +0/1 +ContainerCreating ", ended.out, re.MULTILINE)) == 2
    assert reconcile("replay", log, "--at", "2026-01-01T00:00:02.25Z", "-n", "default").out == ended.out


def test_all_namespaces(reconcile, log):
    ended = reconcile("replay", log, "--until", 600, "-A")
    assert re.search(r"^kube-system +pod/etcd-node-1 ", ended.out, re.MULTILINE)
    assert "pod/etcd-node-1" not in reconcile("replay", log, "--until", 600).out


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("soon", "is neither a time"),
        ("2026-13-01T00:00:00Z", "is neither a time"),
        ("-5s", "is before power-on"),
        ("1999-01-01T00:00:00Z", "is before power-on"),
        ("99999999999h", "is after the year 9999"),
    ],
)
@pytest.mark.parametrize("command", ["replay", "get"])
def test_no_such_time(reconcile, log, at, words, command):
    ended = reconcile(*({"replay": ("replay", log), "get": ("get", "pods", "--log", log)}[command]), "--at", at)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"error: --at: '{at}' {words}")


def test_fork(reconcile, log, desk):
    ended = reconcile("replay", log, "--at", "2.25s", "--fork", "fork.jsonl", "pod.yaml")
    assert ended.code == 0
    assert re.search(r"^ +2\.\ds  forked after step \d+$", ended.out, re.MULTILINE)
    assert re.search(r"^deployment.apps/shop +2/2 ", ended.out, re.MULTILINE)
    assert re.search(r"^pod/web +1/1 ", ended.out, re.MULTILINE)
    assert reconcile("replay", "fork.jsonl").out.split()[-1] in ended.out


def test_fork_without_more_is_the_same_run(reconcile, log):
    assert reconcile("replay", log, "--until", 500, "--fork", "fork.jsonl", "-q").code == 0
    assert reconcile("diff", log, "fork.jsonl").out == "the runs are the same\n"


def test_fork_needs_a_log_of_its_own(reconcile, log, desk):
    before = (log.read_bytes(), (desk / "pod.yaml").read_bytes())
    assert "the log would overwrite it" in reconcile("replay", log, "--fork", log).err
    assert "the log would overwrite it" in reconcile("replay", log, "--fork", "pod.yaml", "pod.yaml").err
    assert (log.read_bytes(), (desk / "pod.yaml").read_bytes()) == before
    assert "with --fork NEW.jsonl" in reconcile("replay", log, "pod.yaml").err


def test_no_such_log(reconcile, desk):
    ended = reconcile("replay", "none.jsonl")
    assert (ended.code, ended.err) == (1, "error: none.jsonl: cannot be read: No such file or directory\n")
    assert reconcile("replay", desk).code == 1
