import pytest


@pytest.fixture
def other(reconcile, log, desk):
    """The same, with a pod beside the deployment."""
    args = ("run", "deployment.yaml", "pod.yaml", "--nodes", 2, "--seed", 7, "-q", "--record", "other.jsonl")
    assert reconcile(*args).code == 0
    return desk / "other.jsonl"


def test_same(reconcile, log):
    ended = reconcile("diff", log, log)
    assert (ended.code, ended.out, ended.err) == (0, "the runs are the same\n", "")


def test_different(reconcile, log, other):
    ended = reconcile("diff", log, other)
    assert ended.code == 2
    lines = ended.out.splitlines()
    assert lines[:2] == [f"- {log}", f"+ {other}"]
    assert lines[2].startswith("they part at step ")
    assert "event: submit GET" in lines[3]
    assert "+ pod/web in default" in lines


def test_other_seed(reconcile, log):
    reconcile("run", "deployment.yaml", "--nodes", 2, "--seed", 8, "-q", "--record", "seed.jsonl")
    ended = reconcile("diff", log, "seed.jsonl")
    assert ended.code == 2
    assert "headers:\n  seed: 7 -> 8\n" in ended.out
    assert "the same by owner, though the names differ:\n" in ended.out
    assert "only in the" not in ended.out
    assert "uid" not in ended.out
    assert "metadata.uid: " in reconcile("diff", log, "seed.jsonl", "--ignore", "resourceVersion").out
