"""ResourceSlices: since when a device is tainted is written by the server where nobody says it."""

from __future__ import annotations

from tests.unit.components.controllers.real import Real


def published(**taint):
    device = {"name": "gpu-0", "taints": [{"key": "broken", "effect": "NoExecute", **taint}]}
    pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": "s"},
        "spec": {"driver": "gpu.io", "pool": pool, "allNodes": True, "devices": [device]},
    }


def since(real):
    found = real.machine.store.get("resourceslices.resource.k8s.io", "s")
    return found.spec.devices[0].taints[0].time_added.text


def test_a_taint_is_dated_when_it_is_written():
    real = Real()
    real.create(published())
    assert since(real).startswith("2026-01-01T00:00:")


def test_a_date_that_is_given_stays():
    real = Real()
    real.create(published(timeAdded="2025-12-24T18:00:00Z"))
    assert since(real) == "2025-12-24T18:00:00Z"
