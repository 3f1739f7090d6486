"""What CSI drivers do beside a cluster: provision, delete, attach, let grow, change; each takes its time."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Time
from reconcile.components.controllers.volumes import drivers, expand
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.drivers import Driver, DriverFault
from reconcile.model.pods.volumes import PROVISIONED_BY, PROVISIONER, SELECTED_NODE
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.volumes.things import (
    ATTACHMENTS,
    BOUND,
    CLAIMS,
    CLASSES,
    VOLUMES,
    claim,
    reference,
    size,
    storage_class,
    volume,
)

NAME = "csi.example.com"
CSI = core_v1.CSIPersistentVolumeSource(driver=NAME, volume_handle="h")


def lab_of(**driver):
    lab = Lab(*drivers.controllers_of((Driver(name=NAME, **driver),)))
    lab.put(CLASSES, storage_class("fast", provisioner=NAME))
    lab.put(CLASSES, storage_class("late", provisioner=NAME, waits=True))
    return lab


def test_without_drivers_there_is_nothing():
    assert drivers.controllers_of(()) == ()


def test_a_claim_that_asks_for_it_gets_a_volume_made():
    lab = lab_of(provision=3 * SECOND)
    found = lab.put(CLAIMS, claim(cls="fast", marks={PROVISIONER: NAME}))
    lab.run(until=2 * SECOND)
    assert lab.keys(VOLUMES) == ()
    lab.run()
    name = f"pvc-{found.metadata.uid}"
    assert lab.keys(VOLUMES) == (name,)
    made = lab.get(VOLUMES, name)
    assert made.metadata.annotations == Map.of({PROVISIONED_BY: NAME})
    assert made.metadata.finalizers == (drivers.provisioning.FINALIZER,)
    assert (made.spec.claim_ref.uid, made.spec.csi.driver) == (found.metadata.uid, NAME)
    assert (made.spec.capacity, made.spec.persistent_volume_reclaim_policy) == (size("1Gi"), "Delete")
    assert lab.said() == [
        ("Provisioning", 'External provisioner is provisioning volume for claim "default/data"'),
        ("ProvisioningSucceeded", f"Successfully provisioned volume {name}"),
    ]


def test_it_may_fail_first_and_is_tried_again_later_each_time():
    lab = lab_of(failures=2)
    lab.put(CLAIMS, claim(cls="fast", marks={PROVISIONER: NAME}))
    lab.run()
    assert [reason for reason, _ in lab.said()] == [
        "Provisioning",
        "ProvisioningFailed",
        "ProvisioningFailed",
        "ProvisioningSucceeded",
    ]
    assert lab.now - START == (1 + 1 + 1 + 2 + 1) * SECOND


def test_faults_of_one_operation_come_one_after_the_other():
    faults = (
        DriverFault(operation="provision", code="ResourceExhausted", message="full"),
        DriverFault(operation="provision", code="Unavailable", message="away"),
    )
    lab = lab_of(failures=1, faults=faults)
    lab.put(CLAIMS, claim(cls="fast", marks={PROVISIONER: NAME}))
    lab.run()
    failed = [message.partition(": ")[2] for reason, message in lab.said() if reason == "ProvisioningFailed"]
    assert failed == [
        "rpc error: code = Internal desc = the storage system refuses to make a volume",
        "rpc error: code = ResourceExhausted desc = full",
        "rpc error: code = Unavailable desc = away",
    ]
    assert len(lab.keys(VOLUMES)) == 1


def test_deleting_a_volume_may_fail_first():
    lab = lab_of(faults=(DriverFault(operation="delete", message="in use"),))
    finalizers, marks = (drivers.provisioning.FINALIZER,), {PROVISIONED_BY: NAME}
    lab.put(VOLUMES, volume("v", csi=CSI, marks=marks, finalizers=finalizers, phase="Released", policy="Delete"))
    lab.run()
    assert lab.keys(VOLUMES) == ()
    assert lab.said() == [("VolumeFailedDelete", "rpc error: code = Internal desc = in use")]


def test_others_claims_and_those_without_a_consumer_are_left_alone():
    lab = lab_of()
    lab.put(CLAIMS, claim("other", cls="fast", marks={PROVISIONER: "csi.other.com"}))
    lab.put(CLAIMS, claim("late", cls="late", marks={PROVISIONER: NAME}))
    lab.put(CLAIMS, claim("has", cls="fast", marks={PROVISIONER: NAME}, volume_name="v"))
    lab.run()
    assert lab.keys(VOLUMES) == ()


def test_a_volume_may_be_reached_from_one_zone_only():
    lab = lab_of(reach="topology.kubernetes.io/zone")
    labels = Map.of({"topology.kubernetes.io/zone": "z1"})
    lab.put("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name="node-1", labels=labels)))
    lab.put(CLAIMS, claim(cls="late", marks={PROVISIONER: NAME, SELECTED_NODE: "node-1"}))
    lab.run()
    (made,) = lab.store.table(VOLUMES).values()
    (term,) = made.spec.node_affinity.required.node_selector_terms
    (wanted,) = term.match_expressions
    assert (wanted.key, wanted.operator, wanted.values) == ("topology.kubernetes.io/zone", "In", ("z1",))


@pytest.mark.parametrize(
    ("asked", "unit", "given"), [("1500Mi", "1Gi", "2Gi"), ("3Gi", "1Gi", "3Gi"), ("1", "4Mi", "4Mi"), ("5M", "", "5M")]
)
def test_a_volume_is_as_large_as_the_driver_can_make_it(asked, unit, given):
    lab = lab_of(unit=unit)
    lab.put(CLAIMS, claim(asks=asked, cls="fast", marks={PROVISIONER: NAME}))
    lab.run()
    (made,) = lab.store.table(VOLUMES).values()
    assert made.spec.capacity == size(given)
    lab = grown(asks="1500Mi", unit="1Gi")
    assert (lab.get(VOLUMES, "v").spec.capacity, status_of(lab).capacity) == (size("2Gi"), size("2Gi"))
    assert status_of(lab).allocated_resources == size("1500Mi")


def test_several_labels_may_have_to_be_alike():
    lab = lab_of(reach="zone,rack,row")
    labels = Map.of({"zone": "z1", "rack": "7"})
    lab.put("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name="node-1", labels=labels)))
    lab.put(CLAIMS, claim(cls="late", marks={PROVISIONER: NAME, SELECTED_NODE: "node-1"}))
    lab.run()
    (made,) = lab.store.table(VOLUMES).values()
    (term,) = made.spec.node_affinity.required.node_selector_terms
    assert [(row.key, row.values) for row in term.match_expressions] == [("rack", ("7",)), ("zone", ("z1",))]


@pytest.mark.parametrize(("policy", "stays"), [("Delete", False), ("Retain", True)])
def test_a_volume_that_is_free_again_goes_if_its_policy_says_so(policy, stays):
    lab = lab_of()
    both = (drivers.provisioning.FINALIZER, "kubernetes.io/pv-protection")
    marks = {PROVISIONED_BY: NAME}
    lab.put(VOLUMES, volume("v", csi=CSI, marks=marks, finalizers=both, phase="Released", policy=policy))
    lab.run()
    found = lab.get(VOLUMES, "v")
    assert (found.metadata.deletion_timestamp is None) is stays
    assert found.metadata.finalizers == (both if stays else both[1:])


def attachment(name="a", attacher=NAME, **metadata):
    spec = storage_v1.VolumeAttachmentSpec(
        attacher=attacher,
        node_name="node-1",
        source=storage_v1.VolumeAttachmentSource(persistent_volume_name="v"),
    )
    return storage_v1.VolumeAttachment(metadata=meta_v1.ObjectMeta(name=name, **metadata), spec=spec)


def test_what_is_to_be_attached_is_and_is_detached_when_it_is_deleted():
    lab = lab_of()
    lab.put(ATTACHMENTS, attachment())
    lab.put(ATTACHMENTS, attachment("other", "csi.other.com"))
    lab.run()
    found = lab.get(ATTACHMENTS, "a")
    assert (found.metadata.finalizers, found.status.attached) == (("external-attacher/csi-example-com",), True)
    assert lab.get(ATTACHMENTS, "other").status is None
    lab.put(ATTACHMENTS, replace(found, metadata=replace(found.metadata, deletion_timestamp=Time.at(lab.now))))
    lab.run()
    assert lab.keys(ATTACHMENTS) == ("other",)


def test_attaching_and_detaching_may_fail_first():
    words = "rpc error: code = Internal desc = the storage system is not able to do this now"
    lab = lab_of(faults=(DriverFault(operation="attach"), DriverFault(operation="detach")))
    lab.put(ATTACHMENTS, attachment())
    lab.run(until=SECOND)
    status = lab.get(ATTACHMENTS, "a").status
    assert (status.attached, status.attach_error.message) == (False, words)
    lab.run()
    found = lab.get(ATTACHMENTS, "a")
    assert (found.status.attached, found.status.attach_error) == (True, None)
    lab.put(ATTACHMENTS, replace(found, metadata=replace(found.metadata, deletion_timestamp=Time.at(lab.now))))
    lab.run(until=lab.now - START + SECOND)
    status = lab.get(ATTACHMENTS, "a").status
    assert (status.attached, status.detach_error.message) == (True, words)
    lab.run()
    assert lab.keys(ATTACHMENTS) == ()


def grown(asks="2Gi", until=None, **driver):
    lab = lab_of(**driver)
    lab.put(VOLUMES, volume("v", csi=CSI, claim_ref=reference(claim(), "u"), phase="Bound"))
    found = claim(asks=asks, uid="u", volume_name="v", marks=BOUND, phase="Bound")
    lab.put(CLAIMS, replace(found, status=replace(found.status, capacity=size("1Gi"))))
    lab.run(until)
    return lab


def test_a_claim_that_asks_for_more_gets_it():
    lab = grown()
    status = lab.get(CLAIMS, "default/data").status
    assert (status.capacity, status.conditions) == (size("2Gi"), None)
    assert status.allocated_resources == size("2Gi")
    assert lab.get(VOLUMES, "v").spec.capacity == size("2Gi")
    assert [reason for reason, _ in lab.said()] == ["Resizing", "VolumeResizeSuccessful"]
    assert lab.writes() == [
        "update persistentvolumeclaims status data",
        "update persistentvolumes v",
        "update persistentvolumeclaims status data",
    ]


def test_its_file_system_may_have_to_wait_for_a_pod():
    lab = grown(file_systems=True)
    status = lab.get(CLAIMS, "default/data").status
    (condition,) = status.conditions
    said = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
    assert (condition.type, condition.message) == ("FileSystemResizePending", said)
    assert status.capacity == size("1Gi")
    assert status.allocated_resource_statuses == Map.of({"storage": "NodeResizePending"})


def test_a_node_that_has_given_up_is_asked_again():
    lab = grown(file_systems=True)
    found = lab.get(CLAIMS, "default/data")
    stuck = Map.of({"storage": "NodeResizeInfeasible"})
    lab.put(CLAIMS, replace(found, status=replace(found.status, allocated_resource_statuses=stuck)))
    lab.run()
    assert status_of(lab).allocated_resource_statuses == Map.of({"storage": "NodeResizePending"})


def status_of(lab):
    return lab.get(CLAIMS, "default/data").status


def test_growing_may_fail_first_and_says_so():
    lab = grown(faults=(DriverFault(operation="expand", times=2, message="busy"),), until=SECOND)
    words = "rpc error: code = Internal desc = busy"
    rows = [(row.type, row.message) for row in status_of(lab).conditions]
    assert rows == [("Resizing", None), ("ControllerResizeError", f"failed to expand pvc with {words}")]
    assert status_of(lab).allocated_resource_statuses == Map.of({"storage": "ControllerResizeInProgress"})
    lab.run()
    assert (status_of(lab).capacity, status_of(lab).conditions) == (size("2Gi"), None)
    said = f'resize volume "v" by resizer "{NAME}" failed: {words}'
    assert [each for each in lab.said() if each[0] == "VolumeResizeFailed"] == [("VolumeResizeFailed", said)] * 2


def test_a_size_that_cannot_be_had_is_asked_for_again_only_minutes_later():
    lab = grown(faults=(DriverFault(operation="expand", code="OutOfRange", message="too large"),), until=4 * MINUTE)
    assert status_of(lab).allocated_resource_statuses == Map.of({"storage": "ControllerResizeInfeasible"})
    lab.run()
    assert status_of(lab).capacity == size("2Gi")
    assert lab.now - START == (1 + 5 * 60 + 1) * SECOND


def test_what_may_yet_come_of_growing_is_not_said():
    lab = grown(faults=(DriverFault(operation="expand", code="DeadlineExceeded"),), until=SECOND)
    assert [row.type for row in status_of(lab).conditions] == ["Resizing"]


def test_one_that_asks_for_no_more_is_left_alone():
    assert grown(asks="1Gi").writes() == []


def changed(until=None, **driver):
    lab = lab_of(**driver)
    lab.put(VOLUMES, volume("v", csi=CSI, claim_ref=reference(claim(), "u"), phase="Bound"))
    wants = claim(uid="u", volume_name="v", marks=BOUND, phase="Bound", volume_attributes_class_name="gold")
    lab.put(CLAIMS, replace(wants, status=replace(wants.status, capacity=size("1Gi"))))
    lab.run(until)
    return lab


@pytest.mark.parametrize(
    ("code", "state", "how"),
    [
        ("InvalidArgument", "Infeasible", "failed. Waiting for retry."),
        ("Internal", "InProgress", "failed. Waiting for retry."),
        ("Aborted", "InProgress", "is still in progress."),
    ],
)
def test_changing_attributes_may_fail_first(code, state, how):
    lab = changed(SECOND, faults=(DriverFault(operation="modify", code=code, message="no"),))
    status = status_of(lab)
    assert status.modify_volume_status.status == state
    rows = [(row.type, row.reason, row.message) for row in status.conditions]
    words = f'Modifying volume to "gold" {how}'
    assert rows == [("ModifyingVolume", None, words), ("ModifyVolumeError", code, "no")]
    assert lab.said()[-1][0] == "VolumeModifyFailed"
    lab.run()
    assert (status_of(lab).current_volume_attributes_class_name, status_of(lab).conditions) == ("gold", None)


def test_a_volume_gets_the_attributes_of_the_class_that_its_claim_names():
    lab = changed()
    status = lab.get(CLAIMS, "default/data").status
    assert (status.current_volume_attributes_class_name, status.modify_volume_status) == ("gold", None)
    assert lab.get(VOLUMES, "v").spec.volume_attributes_class_name == "gold"
    assert [reason for reason, _ in lab.said()] == ["VolumeModify", "VolumeModifySuccessful"]


@pytest.mark.parametrize(("more", "kind"), [({"csi": CSI}, "Normal"), ({}, "Warning")])
def test_it_is_said_that_somebody_else_has_to_let_a_volume_grow(more, kind):
    lab = Lab(expand.CONTROLLER)
    lab.put(VOLUMES, volume("v", phase="Bound", **more))
    found = claim(uid="u", volume_name="v", marks=BOUND, phase="Bound")
    found = lab.put(CLAIMS, replace(found, status=replace(found.status, capacity=size("1Gi"))))
    lab.run()
    assert lab.records == []
    requests = Map.of({"storage": Quantity.parse("2Gi")})
    more_of_it = replace(found.spec, resources=replace(found.spec.resources, requests=requests))
    lab.put(CLAIMS, replace(found, spec=more_of_it))
    lab.run()
    assert lab.said() == [("ExternalExpanding", "waiting for an external controller to expand this PVC")]
    assert lab.records[0].type == kind


ZONE = "topology.kubernetes.io/zone"
ROOMS = {"z1": "1Gi", "z2": "3Gi"}


def zoned(**more):
    lab = lab_of(**{"reach": ZONE, "capacity": ROOMS, **more})
    lab.put("namespaces", core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="kube-system")))
    for number in (1, 2):
        labels = Map.of({ZONE: f"z{number}"})
        lab.put("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name=f"node-{number}", labels=labels)))
    return lab


def left(lab):
    found = lab.store.table(drivers.publishing.CAPACITIES).values()
    return sorted(
        [
            (each.storage_class_name, (each.node_topology.match_labels or {}).get(ZONE, ""), each.capacity.text)
            for each in found
        ]
    )


def test_a_driver_whose_room_has_no_end_says_nothing_of_it():
    assert [each.name for each in drivers.controllers_of((Driver(name=NAME),))] == [
        drivers.PROVISIONER,
        drivers.ATTACHER,
        drivers.RESIZER,
    ]


def test_a_driver_says_how_much_room_each_class_that_waits_has_in_each_segment():
    lab = zoned()
    lab.run()
    assert left(lab) == [("late", "z1", "1Gi"), ("late", "z2", "3Gi")]
    assert lab.get(drivers.publishing.DRIVERS, NAME).spec.storage_capacity is True
    (one, two) = lab.store.table(drivers.publishing.CAPACITIES).values()
    assert one.metadata.name != two.metadata.name
    for each in (one, two):
        assert each.metadata.namespace == "kube-system"
        assert each.metadata.name.startswith("csisc-")
    lab.put(CLASSES, storage_class("later", provisioner=NAME, waits=True))
    lab.remove(CLASSES, "late")
    lab.run()
    assert left(lab) == [("later", "z1", "1Gi"), ("later", "z2", "3Gi")]


def test_without_a_topology_the_room_is_everywhere():
    lab = zoned(reach="", capacity={"": "2Gi"})
    lab.put(CLAIMS, claim("one", cls="fast", marks={PROVISIONER: NAME}))
    lab.run()
    assert left(lab) == [("late", "", "1Gi")]
    (found,) = lab.store.table(drivers.publishing.CAPACITIES).values()
    assert found.node_topology == meta_v1.LabelSelector()


def test_what_is_left_follows_volumes_and_what_others_write():
    lab = zoned()
    lab.put(CLAIMS, claim(asks="2Gi", cls="late", marks={PROVISIONER: NAME, SELECTED_NODE: "node-2"}))
    lab.run()
    assert left(lab) == [("late", "z1", "1Gi"), ("late", "z2", "1Gi")]
    (made,) = lab.store.table(VOLUMES).values()
    (one, _) = lab.store.table(drivers.publishing.CAPACITIES).values()
    lab.put(drivers.publishing.CAPACITIES, replace(one, capacity=Quantity.parse("9Gi")))
    lab.remove(VOLUMES, made.metadata.name)
    lab.run()
    assert left(lab) == [("late", "z1", "1Gi"), ("late", "z2", "3Gi")]


def test_beyond_what_is_left_provisioning_fails_and_the_pod_is_to_be_scheduled_anew():
    lab = zoned()
    lab.put(CLAIMS, claim(asks="2Gi", cls="late", marks={PROVISIONER: NAME, SELECTED_NODE: "node-1"}))
    lab.run()
    assert lab.keys(VOLUMES) == ()
    said = (
        'failed to provision volume with StorageClass "late": '
        "rpc error: code = ResourceExhausted desc = not enough room for the volume"
    )
    assert lab.said()[1:] == [("ProvisioningFailed", said)]
    found = lab.get(CLAIMS, "default/data")
    assert found.metadata.annotations == Map.of({PROVISIONER: NAME})
    marks = found.metadata.annotations.set(SELECTED_NODE, "node-2")
    lab.put(CLAIMS, replace(found, metadata=replace(found.metadata, annotations=marks)))
    lab.run()
    assert len(lab.keys(VOLUMES)) == 1


def test_a_claim_keeps_its_node_where_the_driver_has_no_topology():
    lab = lab_of(faults=(DriverFault(operation="provision", code="ResourceExhausted", message="full"),))
    lab.put(CLAIMS, claim(cls="late", marks={PROVISIONER: NAME, SELECTED_NODE: "node-1"}))
    lab.run()
    assert "ProvisioningFailed" in [reason for reason, _ in lab.said()]
    assert len(lab.keys(VOLUMES)) == 1


def test_two_claims_do_not_get_the_same_room_while_the_watch_lags():
    lab = zoned()
    lab.put(CLAIMS, claim("one", "2Gi", cls="fast", marks={PROVISIONER: NAME}))
    lab.run(until=0)
    lab.late.add(VOLUMES)
    lab.put(CLAIMS, claim("two", "2Gi", cls="fast", marks={PROVISIONER: NAME}))
    lab.run(until=2 * SECOND)
    assert len(lab.keys(VOLUMES)) == 1
    lab.late.clear()
    lab.run(until=10 * SECOND)
    assert len(lab.keys(VOLUMES)) == 1
    lab.remove(VOLUMES, lab.keys(VOLUMES)[0])
    lab.remove(CLAIMS, "default/one")
    lab.run(until=600 * SECOND)
    (made,) = lab.store.table(VOLUMES).values()
    assert made.spec.claim_ref.name == "two"


def test_room_is_free_again_if_the_volume_could_not_be_written():
    lab = zoned()
    lab.run()
    lab.put(CLAIMS, claim("one", "2Gi", cls="fast", marks={PROVISIONER: NAME}))
    lab.refusals.append(Response(500, statuses.unexpected("not now")))
    lab.run(until=SECOND)
    assert lab.keys(VOLUMES) == ()
    lab.remove(CLAIMS, "default/one")
    lab.put(CLAIMS, claim("two", "3Gi", cls="fast", marks={PROVISIONER: NAME}))
    lab.run(until=3 * SECOND)
    (made,) = lab.store.table(VOLUMES).values()
    assert made.spec.claim_ref.name == "two"


def test_a_volume_that_binds_at_once_is_made_where_its_class_allows_it():
    lab = zoned(capacity={"z1": "3Gi", "z2": "3Gi"})
    wanted = core_v1.TopologySelectorTerm(
        match_label_expressions=(core_v1.TopologySelectorLabelRequirement(key=ZONE, values=("z2",)),)
    )
    lab.put(CLASSES, replace(storage_class("there", provisioner=NAME), allowed_topologies=(wanted,)))
    lab.put(CLAIMS, claim(cls="there", marks={PROVISIONER: NAME}))
    lab.run()
    (made,) = lab.store.table(VOLUMES).values()
    (term,) = made.spec.node_affinity.required.node_selector_terms
    assert term.match_expressions[0].values == ("z2",)
