"""reconcile serve: what is wrong is said in one line; a session that is recorded replays; a server without kubelets."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading

import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")

from reconcile.adapters.keeping.directory import Directory
from reconcile.adapters.keeping.session import begin
from reconcile.cluster import Cluster, Topology
from reconcile.driver.serving.readying import ready

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


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--data", "pod.yaml"), "error: pod.yaml: cannot be written: File exists"),
        (("--data", "."), "error: .: is no data directory: it holds deployment.yaml"),
        (("--data", "d", "--record", "r"), "error: --record: with --data the log is in the data directory"),
        (("--data", "d", "--kubeconfig", "no/where"), "error: no/where: cannot be written: No such file or directory"),
        (("--data", "d", "--host", "203.0.113.7"), "error: 203.0.113.7:0: "),
        (("--data", "d", "--host", "no.such.host.invalid"), "error: no.such.host.invalid:0: "),
        (("--data", "begun", "--seed", "8"), "error: --seed: begun was begun with 7"),
        (("--data", "begun", "--nodes", "2"), "error: begun: was begun with another topology than the command says"),
        (("--data", "begun", "--without", "deployment"), "error: begun: was begun with another topology"),
        (("--data", "begun", "--scheduler-config", "s.yaml"), "error: begun: was begun with another topology"),
        (("--data", "other"), "error: other: was written by reconcile 0.0.1 of Kubernetes "),
        (("--data", "cut"), "error: cut/log.jsonl: line 1: the log is cut in the middle of this line"),
        (("--data", "cert", "--nodes", "1"), "error: cert/authority.pem: is no certificate with its key"),
        (("--data", "port", "--nodes", "1"), "error: port/address.json: is no address as it was written"),
    ],
)
def test_what_is_wrong_with_a_data_directory_is_said_in_a_line(reconcile, desk, args, said):
    for name in {"begun", "other", "cut", "cert", "port"} & {*args}:
        with Directory(desk / name) as directory:
            booted = Cluster.boot(Topology(nodes=1, managed_fields=True, webhooks=True, metrics=True), seed=7)
            begin(directory, booted, (), ready).journal.close()
    (desk / "s.yaml").write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\npodMaxBackoffSeconds: 20\n"
    )
    for name, content in {
        "other/about.json": b'{"data":1,"reconcile":"0.0.1","kubernetes":"1.36"}',
        "cut/log.jsonl": b'{"controllers"',
        "cert/authority.pem": b"?",
        "port/address.json": b"[]",
    }.items():
        if (desk / name).parent.exists():
            (desk / name).write_bytes(content)
    ended = reconcile("serve", *args)
    assert ended.code == 1
    assert ended.err.startswith(said)
    assert len(ended.err.splitlines()) == 1


def test_a_session_is_gone_on_with(serve, desk, reconcile):
    args = ("deployment.yaml", "--nodes", 1, "--seed", 7, "--data", "d", "--kubeconfig", "kc")
    process, first = serve(*args)
    assert process.stdout.readline() == f"export KUBECONFIG={desk / 'kc'}\n"
    kubeconfig = (desk / "kc").read_text()
    code, *said = reconcile("serve", "--data", "d")
    assert (code, said[1]) == (1, f"error: d: is in use by another process, {process.pid}\n")
    process.kill()
    process.wait(10)
    process, line = serve(*args)
    assert line == first
    process.stdout.readline()
    assert (desk / "kc").read_text() == kubeconfig
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert process.stderr.read() == "d: goes on, so the manifests are not applied again: kubectl apply does that\n"


def test_whoever_comes_from_elsewhere_has_to_say_who_he_is(serve, desk):
    _, line = serve("--nodes", 0, "--host", "0.0.0.0", "--kubeconfig", "kc")
    assert line.startswith("serving https://127.0.0.1:")
    port = int(line.rpartition(":")[2])
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context())
    seen = []
    for path in ("/api/v1/namespaces/kube-system/secrets", "/reconcile/v1", "/readyz"):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        seen.append(response.status)
    connection.close()
    assert seen == [403, 403, 200]


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
