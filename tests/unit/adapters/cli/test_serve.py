"""reconcile serve: what is wrong is said in one line; a session that is recorded replays; a server without kubelets."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")

SHELL = "from reconcile.adapters.cli import main; main()"


@pytest.fixture
def serve(desk, root):
    """Start a server; gives its process and the line that says where it is."""
    started = []

    def start(*args):
        process = subprocess.Popen(
            [sys.executable, "-c", SHELL, "serve", *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=desk,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        timer = threading.Timer(90, process.kill)
        timer.start()
        started.append((process, timer))
        return process, process.stdout.readline()

    yield start
    for process, timer in started:
        timer.cancel()
        process.kill()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--speed", "fast"), "error: speed: 'fast' is no positive number, and none of max, manual, held"),
        (("--without", "kubelets"), "error: --without: 'kubelets' is none of kube-controller-manager, kube-scheduler"),
        (("--kubeconfig", "no/where"), "error: no/where: cannot be written: No such file or directory"),
        (("--record", "no/where"), "error: no/where: cannot be written: No such file or directory"),
        (("--host", "203.0.113.7"), "error: 203.0.113.7:0: "),
        (("nope.yaml",), "error: nope.yaml"),
        (("pod.yaml", "--record", "pod.yaml"), "error: pod.yaml: --record would overwrite what was read"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(reconcile, args, said):
    ended = reconcile("serve", "--nodes", 1, *args)
    assert ended.code == 1
    assert ended.err.startswith(said)
    assert len(ended.err.splitlines()) == 1


def test_a_port_that_is_taken_is_said(reconcile):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = reconcile("serve", "--nodes", 1, "--port", port)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert ended.err.startswith(f"error: 127.0.0.1:{port}: ")


def test_a_recorded_session_replays(serve, desk, reconcile):
    process, line = serve("deployment.yaml", "--nodes", 2, "--seed", 7, "--record", "run.jsonl", "--kubeconfig", "kc")
    assert line.startswith("serving https://127.0.0.1:")
    assert process.stdout.readline() == f"export KUBECONFIG={desk / 'kc'}\n"
    assert (desk / "kc").stat().st_mode & 0o777 == 0o600
    assert json.loads((desk / "kc").read_text())["kind"] == "Config"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    replayed = reconcile("replay", "run.jsonl")
    assert (replayed.code, replayed.out[:10]) == (0, "identical:")


def test_without_nodes_nothing_runs_and_the_session_replays(serve, reconcile):
    process, line = serve("deployment.yaml", "--nodes", 0, "--without", "nodelifecycle", "--record", "run.jsonl")
    assert line.startswith("serving")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    pods = json.loads(reconcile("get", "pods", "-A", "--log", "run.jsonl", "-o", "json").out)["items"]
    assert [pod["metadata"]["namespace"] for pod in pods] == ["default"] * 2
    assert {pod["status"]["phase"] for pod in pods} == {"Pending"}
    assert json.loads(reconcile("get", "nodes", "--log", "run.jsonl", "-o", "json").out)["items"] == []
