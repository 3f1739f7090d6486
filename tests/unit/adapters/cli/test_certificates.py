"""The files that a scheduler's configuration names, which the command line reads."""

import base64
import json

import pytest

from reconcile.adapters.cli.certificates import with_files
from reconcile.adapters.cli.files import BadFiles, load_scheduler
from reconcile.adapters.cli.machines import load_topology
from reconcile.lib.errors import ReconcileError

SCHEDULER = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def configured(**tls):
    return {**SCHEDULER, "extenders": [{"urlPrefix": "https://x", "filterVerb": "f", "tlsConfig": tls}]}


@pytest.fixture
def files(tmp_path):
    paths = {}
    for name in ("ca", "cert", "key"):
        paths[f"{name}File"] = str(tmp_path / name)
        (tmp_path / name).write_text(f"the {name}")
    return paths


def text(plain):
    return base64.b64encode(plain.encode()).decode()


def test_files_are_read_as_data(files):
    (found,) = with_files(configured(**files))["extenders"]
    assert found["tlsConfig"] == {
        **files,
        "caData": text("the ca"),
        "certData": text("the cert"),
        "keyData": text("the key"),
    }


def test_what_is_given_as_data_stays(files):
    (found,) = with_files(configured(caFile=files["caFile"], caData="QUJD"))["extenders"]
    assert found["tlsConfig"]["caData"] == "QUJD"


@pytest.mark.parametrize("given", [None, {}, {"extenders": 3}, {"extenders": [1]}, {"extenders": [{"tlsConfig": 1}]}])
def test_what_names_no_files_stays(given):
    assert with_files(given) == given


def test_a_file_that_is_not_there_is_told(tmp_path):
    missing = tmp_path / "missing"
    with pytest.raises(ReconcileError, match=r"tlsConfig\.certFile: .*missing: No such file or directory") as error:
        with_files(configured(certFile=str(missing)), "scheduler.")
    assert str(error.value).startswith("scheduler.extenders[0].tlsConfig.certFile: ")


def test_a_scheduler_that_calls_reads_them(tmp_path, files):
    path = tmp_path / "scheduler.yaml"
    path.write_text(json.dumps(configured(**files)))
    asked = load_scheduler(path, (), asks=True)
    called = load_scheduler(path, (), asks=True, calls=True)
    assert "caData" not in asked["extenders"][0]["tlsConfig"]
    assert called["extenders"][0]["tlsConfig"]["caData"] == text("the ca")
    path.write_text("\n".join(f"{name}: {json.dumps(value)}" for name, value in configured(caFile="/no").items()))
    with pytest.raises(BadFiles, match=r"line 3: extenders\[0\].tlsConfig.caFile: /no: No such file"):
        load_scheduler(path, (), asks=True, calls=True)


def test_a_topology_whose_scheduler_calls_reads_them(tmp_path, files):
    path = tmp_path / "topology.yaml"
    path.write_text(json.dumps({"nodes": 1, "scheduler": configured(**files)}))
    found = load_topology(path, None, None, calls=True)
    assert found.scheduler["extenders"][0]["tlsConfig"]["keyData"] == text("the key")
    found = load_topology(path, None, None)
    assert "keyData" not in found.scheduler["extenders"][0]["tlsConfig"]
