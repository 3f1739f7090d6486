"""
Programs in other languages against a served cluster: client-node, client-go with controller-runtime, fabric8.

Each is built by an `install-*.sh` beside this file into a directory that a variable names; without it, it is skipped.
"""

import json
import os
import subprocess

import pytest


def session(kube, tmp_path, command, folder):
    """Run a program as the admin of the test's cluster; give the line of JSON that it prints."""
    environment = {**os.environ, "KUBECONFIG": str(kube.kubeconfig), "HOME": str(tmp_path)}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def installed(language):
    """Give the directory in which the session in *language* was built."""
    folder = os.environ.get(f"CLIENT_{language.upper()}")
    if not folder:
        pytest.skip(f"CLIENT_{language.upper()} names no directory: tests/clients/install-{language}.sh fills one")
    return folder


def test_client_node(kube, tmp_path):
    assert session(kube, tmp_path, ["node", "session.mjs"], installed("javascript")) == {
        "available": 2,
        "added": 2,
        "deleted": 1,
        "refusal": [404, "NotFound"],
        "widget": {"size": 3},
    }


def test_client_go_and_controller_runtime(kube, tmp_path):
    assert session(kube, tmp_path, ["./session"], installed("go")) == {
        "running": 2,
        "released": True,
        "copied": "value",
        "owner": "ConfigMap",
    }


def test_fabric8(kube, tmp_path):
    command = ["java", "-cp", "target/classes:target/lib/*", "Session"]
    assert session(kube, tmp_path, command, installed("java")) == {
        "ready": 2,
        "added": 3,
        "data": 2,
        "refused": 409,
    }
