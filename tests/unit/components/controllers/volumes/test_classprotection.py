"""A class of volumes' attributes stays while somebody names it."""

from __future__ import annotations

from tests.unit.components.controllers.real import Real

CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "VolumeAttributesClass",
    "metadata": {"name": "gold"},
    "driverName": "csi.example.com",
    "parameters": {"tier": "gold"},
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "none",
        "volumeAttributesClassName": "gold",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def found(real):
    return real.machine.store.get("volumeattributesclasses.storage.k8s.io", "gold")


def test_it_goes_with_its_last_user():
    real = Real()
    real.create({**CLASS, "metadata": {"name": "gold"}})
    real.create(CLAIM)
    real.run(1)
    assert found(real).metadata.finalizers == ("kubernetes.io/vac-protection",)
    real.remove("volumeattributesclasses", "gold")
    real.run(1)
    assert found(real).metadata.deletion_timestamp is not None
    real.delete("persistentvolumeclaims", "data")
    real.run(1)
    assert found(real) is None


def test_one_that_nobody_names_goes_at_once():
    real = Real()
    real.create(CLASS)
    real.run(1)
    real.remove("volumeattributesclasses", "gold")
    real.run(1)
    assert found(real) is None
