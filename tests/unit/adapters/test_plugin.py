"""The fixture kube: a cluster of its own for each test, cheap, and its log where a test fails."""

import re
import subprocess
import sys
import textwrap
import time

import pytest

pytest.importorskip("aiohttp", reason="the fixture kube comes with the extra 'serve'")

from reconcile.events import StopHost
from reconcile.lib.errors import ReconcileError

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]},
        },
    },
}


def test_it_runs_what_is_applied(kube):
    kube.cluster.apply(DEPLOYMENT)
    web = kube.cluster.wait("condition=Available", "deployments", "web")
    assert web.status.available_replicas == 2
    assert [pod.status.phase for pod in kube.cluster.objects("pods", namespace="default")] == ["Running"] * 2


def test_no_test_sees_another(kube):
    assert kube.cluster.get("deployments", "web") is None
    assert kube.cluster.objects("pods", namespace="default") == ()


@pytest.mark.kube(nodes=2, speed="manual")
def test_time_stands_still_until_it_is_told(kube):
    before = kube.cluster.now
    time.sleep(0.12)
    assert kube.cluster.now == before
    kube.cluster.advance("90s")
    assert kube.cluster.now == before + 90_000_000_000


@pytest.mark.kube(nodes=2, speed="manual")
def test_a_host_is_broken_and_seen_to_be(kube):
    assert len(kube.cluster.objects("nodes")) == 2
    kube.cluster.happen(StopHost("node-2"))
    node = kube.cluster.wait("condition=Ready=Unknown", "nodes", "node-2", limit="2m")
    assert {taint.key for taint in node.spec.taints} == {"node.kubernetes.io/unreachable"}


@pytest.mark.kube(speed="manual")
def test_it_goes_back_to_a_snapshot(kube):
    before = kube.cluster.digest()
    kept = kube.cluster.snapshot()
    kube.cluster.apply(DEPLOYMENT)
    kube.cluster.settle()
    assert kube.cluster.digest() != before
    kube.cluster.restore(kept)
    assert kube.cluster.digest() == before
    assert kube.cluster.get("deployments", "web") is None


@pytest.mark.kube(bare=True, speed="manual")
def test_a_bare_api_server_runs_no_pods(kube):
    kube.cluster.apply(DEPLOYMENT)
    kube.cluster.settle()
    assert kube.cluster.objects("nodes") == ()
    assert {pod.status.phase for pod in kube.cluster.objects("pods")} == {"Pending"}


def test_what_does_not_come_true_is_said(kube):
    with pytest.raises(ReconcileError, match="pods default/web: create does not hold after 5s of virtual time"):
        kube.cluster.wait("create", "pods", "web", limit="5s")


def test_a_cluster_costs_little(kube, kube_server):
    del kube
    from reconcile.adapters.http.background import Kind

    kube_server.cluster(Kind())  # boots, if no test has
    costs = []
    for _ in range(20):
        began = time.perf_counter()
        served = kube_server.cluster(Kind())
        kube_server.drop(served)
        costs.append(time.perf_counter() - began)
    assert sorted(costs)[10] < 0.02  # ten times what it takes on an idle machine


def played(tmp_path, text, *args):
    (tmp_path / "test_it.py").write_text(textwrap.dedent(text))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *args]
    return subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path)


def test_a_failing_test_leaves_a_log_that_replays(tmp_path):
    ended = played(
        tmp_path, "def test_no(kube):\n    kube.cluster.advance('3s')\n    assert 0\n", "--kube-logs", "logs"
    )
    assert ended.returncode == 1
    command = next(line.split() for line in ended.stdout.splitlines() if "reconcile replay" in line)
    shell = "from reconcile.adapters.cli import main; main()"
    replayed = subprocess.run(
        [sys.executable, "-c", shell, *command[1:]], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (replayed.returncode, replayed.stdout[:10]) == (0, "identical:"), replayed.stdout + replayed.stderr


def test_a_run_without_it_imports_nothing_for_it(tmp_path):
    text = """\
        import sys

        def test_imports():
            names = "aiohttp", "cryptography", "asyncio", "reconcile.cluster"
            assert [name for name in names if name in sys.modules] == []
        """
    ended = played(tmp_path, text, "-p", "no:xdist", "-p", "no:kopf", "-p", "no:anyio", "-p", "no:hypothesispytest")
    assert ended.returncode == 0, ended.stdout


def test_an_unknown_keyword_is_refused(tmp_path):
    text = "import pytest\n\n@pytest.mark.kube(hosts=3)\ndef test_it(kube):\n    pass\n"
    ended = played(tmp_path, text)
    assert "kube: hosts: there are nodes, topology" in ended.stdout


PAGES = ["drive-time", "break-something", "replace-fake-clients"]


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_of_the_documentation_pass(page, root, tmp_path):
    if page == "replace-fake-clients":
        pytest.importorskip("kubernetes.client", reason="the package kubernetes is not installed")
    text = (root / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ended = played(tmp_path, "\n".join(blocks), "-p", "no:kopf")
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout
