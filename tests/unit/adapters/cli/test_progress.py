import re

import pytest

from reconcile.adapters.cli.progress import Lines, LiveTable, Silent, Tally, chosen, counts, short
from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import apply, ask, delete
from reconcile.driver.run import settle
from reconcile.lib.instant import HOUR, MILLISECOND, MINUTE, SECOND

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    },
}


@pytest.fixture(scope="module")
def clusters():
    booted = settle(Cluster.boot(Topology(nodes=2), seed=1)).cluster
    applied, _ = apply(booted, WEB)
    done = settle(applied).cluster
    deleted, _ = ask(done, delete("deploy", "web"))
    return booted, applied, done, settle(deleted).cluster


def test_tally_says_what_changes(clusters):
    tally = Tally()
    booted, applied, done, gone = clusters
    assert list(tally.look(booted)) == ["nodes: 2 Ready"]
    assert list(tally.look(booted)) == []
    assert list(tally.look(applied)) == ["deployment.apps/web in default: 0 of 2 ready"]
    assert list(tally.look(done)) == ["deployment.apps/web in default: 2 of 2 ready", "pods: 2 Running"]
    assert list(tally.look(gone)) == ["deployment.apps/web in default: gone", "pods: none"]


def test_tally_counts_alike_however_often_it_looks(clusters):
    often, once = Tally(), Tally()
    for cluster in clusters[:3]:
        for _ in often.look(cluster):
            pass
    for _ in once.look(clusters[2]):
        pass
    assert (often.nodes, often.pods, often.workloads) == (once.nodes, once.pods, once.workloads)


def test_lines(clusters, capsys):
    lines = Lines()
    lines.say(clusters[0], "hello")
    lines.look(clusters[0])
    lines.close()
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("s  hello")
    assert second.endswith("s  nodes: 2 Ready")


def test_silence(clusters, capsys):
    silent = chosen(quiet=True)
    assert isinstance(silent, Silent)
    silent.look(clusters[2])
    silent.say(clusters[2], "hello")
    silent.close()
    assert capsys.readouterr().out == ""


def test_a_table_on_a_terminal(clusters, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    table = chosen(quiet=False)
    assert isinstance(table, LiveTable)
    table.look(clusters[1])
    table.say(clusters[1], "hello [there]")
    table.look(clusters[2])
    table.close()
    shown = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", capsys.readouterr().out)
    assert "hello [there]" in shown
    assert re.search(r"deployment.apps/web in default +│ +2 │ +2 │", shown)
    assert re.search(r"pods Running +│ +2 │", shown)


@pytest.mark.parametrize(("terminal", "name"), [(True, "dumb"), (True, None), (False, "xterm")])
def test_lines_where_nothing_can_be_drawn_over(monkeypatch, terminal, name):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.delenv("TERM", raising=False)
    if name:
        monkeypatch.setenv("TERM", name)
    assert isinstance(chosen(quiet=False), Lines)
    monkeypatch.setattr("sys.stdout", None)
    assert isinstance(chosen(quiet=False), Lines)


@pytest.mark.parametrize("same", [True, False])
def test_what_is_told_goes_to_standard_error_unless_it_is_the_terminal(clusters, capsys, monkeypatch, same):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: same)
    monkeypatch.setenv("TERM", "xterm")
    table = chosen(quiet=False)
    table.look(clusters[1])
    table.tell("GET /[api] 200 OK")
    table.close()
    found = capsys.readouterr()
    assert ("GET /[api] 200 OK" in found.out, "GET /[api] 200 OK" in found.err) == (same, not same)


def test_texts():
    assert counts({"Running": 2, "Pending": 1}) == "1 Pending, 2 Running"
    assert short(0) == "0.0s"
    assert short(12 * SECOND + 399 * MILLISECOND) == "12.3s"
    assert short(2 * MINUTE + 5 * SECOND) == "2m5.0s"
    assert short(HOUR + 2 * MINUTE) == "1h2m0.0s"
