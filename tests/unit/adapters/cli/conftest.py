from typing import NamedTuple

import pytest
from click.testing import CliRunner

from reconcile.adapters.cli.commands import cli

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: c
      image: web:1
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 2
  selector:
    matchLabels: {app: shop}
  template:
    metadata:
      labels: {app: shop}
    spec:
      containers:
        - name: c
          image: shop:1
"""


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A directory of its own, with the manifests of a pod and of a deployment."""
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "deployment.yaml").write_text(DEPLOYMENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def reconcile(desk):
    """Run a command line in that directory."""

    def run(*args):
        ended = CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def log(reconcile, desk):
    """A recorded run of the deployment."""
    assert reconcile("run", "deployment.yaml", "--nodes", 2, "--seed", 7, "-q", "--record", "run.jsonl").code == 0
    return desk / "run.jsonl"
