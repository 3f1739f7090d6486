import json
import os
import re
from threading import Thread

import pytest
from click.testing import CliRunner

from reconcile.adapters.cli.commands import cli
from reconcile.driver.log.chain import Writer


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
            lines[0] = lines[0].replace(b'"log":2', b'"log":9')
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


@pytest.mark.parametrize("at", ["11.000000001s", "12s", "10h", "2026-01-01T00:00:11.5Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("command", ["replay", "get", "fork"])
def test_an_instant_beyond_the_end_is_refused_and_says_where_the_log_ends(reconcile, log, desk, at, command):
    args = {
        "replay": ("replay", log),
        "get": ("get", "pods", "--log", log),
        "fork": ("replay", log, "--fork", "fork.jsonl", "pod.yaml"),
    }[command]
    ended = reconcile(*args, "--at", at)
    assert (ended.code, ended.out) == (1, "")
    end = "11s after power-on, 2026-01-01T00:00:11.000000Z"
    assert ended.err == f"error: --at: '{at}' is beyond the log's end, {end}\n"
    assert not (desk / "fork.jsonl").exists()
    assert reconcile(*args, "--at", "11s", "-q" if command == "fork" else "-A").code == 0


def test_the_end_of_the_log_can_be_looked_at(reconcile, log):
    assert "11s after power-on" in reconcile("replay", log, "--at", "11s").out
    assert reconcile("replay", log, "--at", "10h", "--until", 400).out.startswith("identical up to step 400, ")


def test_a_log_comes_from_standard_input(log):
    raw = log.read_bytes()
    for args, given in (
        (("replay", "-"), ("replay", log)),
        (("replay", "-", "--at", "2.25s"), ("replay", log, "--at", "2.25s")),
        (("get", "pods", "--log", "-", "--at", "2.25s"), ("get", "pods", "--log", log, "--at", "2.25s")),
        (("diff", "-", str(log)), ("diff", log, log)),
        (("replay", "-", "--fork", "a.jsonl", "-q"), ("replay", log, "--fork", "b.jsonl", "-q")),
    ):
        piped = CliRunner().invoke(cli, args, input=raw, catch_exceptions=False)
        plain = CliRunner().invoke(cli, [str(arg) for arg in given], catch_exceptions=False)
        assert (piped.exit_code, piped.stdout) == (0, plain.stdout)
    damaged = CliRunner().invoke(cli, ["replay", "-"], input=raw[:-9], catch_exceptions=False)
    assert damaged.stderr.startswith("error: standard input:")
    assert damaged.stderr.count("TruncatedLog") == 1


def test_standard_input_is_one_thing_at_a_time(reconcile, log):
    both = "standard input"
    assert both in reconcile("diff", "-", "-").err
    assert both in reconcile("replay", "-", "-", "--fork", "new.jsonl").err


def test_a_log_comes_through_a_named_pipe(reconcile, log, desk):
    def through(*args):
        os.mkfifo(desk / "pipe")
        writer = Thread(target=lambda: (desk / "pipe").write_bytes(log.read_bytes()))
        writer.start()
        ended = reconcile(*args)
        writer.join(timeout=30)
        (desk / "pipe").unlink()
        return ended[:2]

    assert through("replay", "pipe") == reconcile("replay", log)[:2]
    assert through("replay", "pipe", "--at", "2.25s") == reconcile("replay", log, "--at", "2.25s")[:2]
    assert through("get", "pods", "--log", "pipe", "--at", "2.25s")[0] == 0
    assert through("diff", log, "pipe") == (0, "the runs are the same\n")


def test_which_of_two_logs_is_forged_is_told(reconcile, log, desk):
    whole = desk / "whole.jsonl"
    whole.write_bytes(log.read_bytes())

    def misnamed(line):
        for row in line.get("changes", ()):
            if row[2] == "pods" and row[4] and row[4].get("metadata", {}).get("name"):
                row[4]["metadata"]["ownerReferences"] = "nobody"

    rewritten(log, misnamed)
    for args in ((whole, log), (log, whole)):
        ended = reconcile("diff", *args)
        assert ended.code == 1
        assert re.match(rf"error: {log}:\d+: DamagedLog: pods \S+: metadata.ownerReferences: expected ", ended.err)
        assert '"nobody"' in ended.err


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
