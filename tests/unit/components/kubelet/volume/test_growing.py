"""File systems: the kubelet grows them once their volumes have grown, at mounting and while they are mounted."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.api.quantity import Quantity
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver, DriverFault

WEB = {"web:1": "preloaded, start 1s"}
NAME = "csi.example.com"
CLAIM = core_v1.Volume(name="v", persistent_volume_claim=core_v1.PersistentVolumeClaimVolumeSource(claim_name="data"))
DONE = 'MountVolume.NodeExpandVolume succeeded for volume "pv" node-1'


def size(text):
    return Map.of({"storage": Quantity.parse(text)})


def status_of(made):
    return made.objects["persistentvolumeclaims", "default/data"].status


def put(made, asked=None):
    """Let the claim have one gibibyte; the node is asked to grow it if that is so."""
    rows = [
        core_v1.PersistentVolumeClaimCondition(type=type, status="True") for type in ("Kept", "FileSystemResizePending")
    ]
    status = core_v1.PersistentVolumeClaimStatus(
        phase="Bound",
        capacity=size("1Gi"),
        allocated_resources=size("2Gi") if asked else None,
        allocated_resource_statuses=Map.of({"storage": asked}) if asked else None,
        conditions=tuple(rows) if asked else None,
    )
    claim = core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(name="data", namespace="default", uid="u"),
        spec=core_v1.PersistentVolumeClaimSpec(volume_name="pv"),
        status=status,
    )
    made.put("persistentvolumeclaims", claim)


@pytest.fixture
def begun(lab):
    def begin(asked=None, mode=None, **driver):
        made = lab(WEB, drivers=(Driver(name=NAME, **{"file_systems": True, **driver}),))
        spec = storage_v1.CSIDriverSpec(attach_required=False)
        made.put("csidrivers.storage.k8s.io", storage_v1.CSIDriver(metadata=meta_v1.ObjectMeta(name=NAME), spec=spec))
        reference = core_v1.ObjectReference(namespace="default", name="data", uid="u")
        csi = core_v1.CSIPersistentVolumeSource(driver=NAME, volume_handle="h")
        spec = core_v1.PersistentVolumeSpec(claim_ref=reference, csi=csi, volume_mode=mode, capacity=size("2Gi"))
        made.put("persistentvolumes", core_v1.PersistentVolume(metadata=meta_v1.ObjectMeta(name="pv"), spec=spec))
        put(made, asked)
        made.bind(volumes=(CLAIM,))
        return made

    return begin


@pytest.mark.parametrize("asked", ["NodeResizePending", "NodeResizeInProgress"])
def test_a_file_system_is_grown_when_it_is_mounted(begun, asked):
    made = begun(asked).run(5)
    status = status_of(made)
    assert (status.capacity, status.allocated_resources, status.allocated_resource_statuses) == (
        size("2Gi"),
        size("2Gi"),
        None,
    )
    assert [row.type for row in status.conditions] == ["Kept"]
    told = [(message, name) for _, reason, message, name in made.records if reason == "FileSystemResizeSuccessful"]
    assert told == [(DONE, "web"), (DONE, "data")]


def test_a_file_system_is_grown_while_it_is_mounted_within_a_minute(begun):
    made = begun().run(5)
    put(made, "NodeResizePending")
    made.run(50)
    assert status_of(made).capacity == size("1Gi")
    made.run(10)
    assert status_of(made).capacity == size("2Gi")
    made.mark()
    made.run(5)
    assert made.pod() is None
    assert not [key for key in made.timers if key[1][0] == "grow"]
    assert not made.kubelet.seldom.grown


def test_what_the_node_is_not_asked_for_is_left_alone(begun):
    made = begun("ControllerResizeInProgress").run(130)
    assert status_of(made).capacity == size("1Gi")


@pytest.mark.parametrize("more", [{"mode": "Block"}, {"file_systems": False}])
def test_without_a_file_system_of_such_a_driver_there_is_nothing_to_do(begun, more):
    made = begun("NodeResizePending", **more).run(130)
    assert status_of(made).capacity == size("1Gi")
    assert not [key for key in made.timers if key[1][0] == "grow"]


def test_growing_may_fail_first(begun):
    made = begun("NodeResizePending", faults=(DriverFault(operation="grow", message="busy"),)).run(5)
    words = "Expander.NodeExpand failed to expand the volume : rpc error: code = Internal desc = busy"
    assert made.said("VolumeResizeFailed") == [f'NodeExpandVolume.NodeExpandVolume failed for volume "pv" : {words}']
    row = status_of(made).conditions[-1]
    assert (row.type, row.message) == ("NodeResizeError", f"failed to expand pvc with {words}")
    assert status_of(made).allocated_resource_statuses == Map.of({"storage": "NodeResizeInProgress"})
    made.run(60)
    assert status_of(made).capacity == size("2Gi")
    assert [row.type for row in status_of(made).conditions] == ["Kept"]
    assert not made.kubelet.seldom.ungrown


def test_what_is_not_feasible_is_not_tried_again_before_it_is_asked_for_again(begun):
    made = begun("NodeResizePending", faults=(DriverFault(operation="grow", code="OutOfRange"),)).run(130)
    assert status_of(made).allocated_resource_statuses == Map.of({"storage": "NodeResizeInfeasible"})
    assert len(made.said("VolumeResizeFailed")) == 1
    claim = made.objects["persistentvolumeclaims", "default/data"]
    asked = Map.of({"storage": "NodeResizePending"})
    made.put("persistentvolumeclaims", replace(claim, status=replace(claim.status, allocated_resource_statuses=asked)))
    made.run(60)
    assert status_of(made).capacity == size("2Gi")
