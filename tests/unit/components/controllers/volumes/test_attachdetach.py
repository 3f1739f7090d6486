"""Attach-detach: where pods need a volume of a driver, and where none does any more."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.components.controllers.volumes import attachdetach
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.replacing import replace
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.volumes.things import (
    ATTACHMENTS,
    BOUND,
    CLAIMS,
    VOLUMES,
    claim,
    pod,
    reference,
    volume,
)

CSI = core_v1.CSIPersistentVolumeSource(driver="csi.example.com", volume_handle="h")


class World(Lab):
    """The lab, with nodes whose status can be patched."""

    def ask(self, request):
        if request.verb != "patch":
            return super().ask(request)
        self.requests.append(request)
        rows = tuple(
            [
                core_v1.AttachedVolume(name=row["name"], device_path=row["devicePath"])
                for row in request.body["status"]["volumesAttached"]
            ]
        )
        node = self.get("nodes", request.name)
        status = replace(node.status or core_v1.NodeStatus(), volumes_attached=rows)
        return Response(200, self.put("nodes", replace(node, status=status)))


@pytest.fixture
def lab():
    made = World(attachdetach.CONTROLLER)
    for name in ("node-1", "node-2"):
        made.put("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name=name)))
    made.put(CLAIMS, claim(uid="u", volume_name="v", marks=BOUND, phase="Bound"))
    made.put(VOLUMES, volume("v", csi=CSI, claim_ref=reference(claim(), "u"), phase="Bound"))
    made.run()
    return made


def attached(lab):
    return [(row.spec.node_name, row.status is not None and row.status.attached) for row in rows(lab)]


def rows(lab):
    return list(lab.store.table(ATTACHMENTS).values())


def done(lab):
    for row in rows(lab):
        lab.put(ATTACHMENTS, replace(row, status=storage_v1.VolumeAttachmentStatus(attached=True)))
    lab.run()


def named(lab, node="node-1"):
    status = lab.get("nodes", node).status
    return [row.name for row in status.volumes_attached or ()] if status is not None else []


def test_a_volume_is_attached_where_a_pod_needs_it_and_detached_when_it_has_gone(lab):
    lab.put("pods", pod("a", "data"))
    lab.settle()
    assert attached(lab) == [("node-1", False)]
    assert rows(lab)[0].spec.attacher == "csi.example.com"
    assert rows(lab)[0].metadata.name.startswith("csi-")
    assert named(lab) == []
    done(lab)
    assert named(lab) == ["kubernetes.io/csi/csi.example.com^h"]
    assert lab.said() == [("SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "v" ')]
    lab.remove("pods", "default/a")
    lab.settle()
    assert (attached(lab), named(lab)) == ([], [])


def test_a_volume_for_one_node_is_not_attached_to_a_second(lab):
    lab.put("pods", pod("a", "data"))
    lab.settle()
    done(lab)
    lab.put("pods", pod("b", "data", node="node-2"))
    lab.settle()
    assert attached(lab) == [("node-1", True)]
    said = ("FailedAttachVolume", 'Multi-Attach error for volume "v" Volume is already used by pod(s) a')
    assert lab.said()[-1] == said
    lab.remove("pods", "default/a")
    lab.settle()
    assert attached(lab) == [("node-2", False)]


def test_a_volume_for_many_nodes_is(lab):
    found = lab.get(VOLUMES, "v")
    lab.put(VOLUMES, replace(found, spec=replace(found.spec, access_modes=("ReadWriteMany",))))
    lab.put("pods", pod("a", "data"))
    lab.put("pods", pod("b", "data", node="node-2"))
    lab.settle()
    assert sorted(attached(lab)) == [("node-1", False), ("node-2", False)]


def test_a_driver_may_need_no_attaching(lab):
    spec = storage_v1.CSIDriverSpec(attach_required=False)
    metadata = meta_v1.ObjectMeta(name="csi.example.com")
    lab.put(attachdetach.DRIVERS, storage_v1.CSIDriver(metadata=metadata, spec=spec))
    lab.settle()
    lab.put("pods", pod("a", "data"))
    lab.settle()
    assert attached(lab) == []


def test_what_goes_wrong_is_said_of_the_pod(lab):
    lab.put("pods", pod("a", "data"))
    lab.settle()
    error = storage_v1.VolumeError(message="no room")
    lab.put(
        ATTACHMENTS,
        replace(rows(lab)[0], status=storage_v1.VolumeAttachmentStatus(attached=False, attach_error=error)),
    )
    lab.settle()
    assert lab.said() == [("FailedAttachVolume", 'AttachVolume.Attach failed for volume "v" : no room')]


def test_a_node_that_forgets_what_is_attached_is_told_again(lab):
    lab.put("pods", pod("a", "data"))
    lab.settle()
    done(lab)
    node = lab.get("nodes", "node-1")
    lab.put("nodes", replace(node, status=replace(node.status, volumes_attached=None)))
    lab.settle()
    assert named(lab) == ["kubernetes.io/csi/csi.example.com^h"]


def heard(lab, name="node-1", *, uses=True, ready=True, taints=None):
    """Let a node say whether it is ready, and whether it uses the volume."""
    node = lab.get("nodes", name)
    row = core_v1.NodeCondition(type="Ready", status="True" if ready else "Unknown")
    names = ("kubernetes.io/csi/csi.example.com^h",) if uses else None
    status = replace(node.status or core_v1.NodeStatus(), volumes_in_use=names, conditions=(row,))
    lab.put("nodes", replace(node, status=status, spec=core_v1.NodeSpec(taints=taints)))


@pytest.fixture
def used(lab):
    """A volume that is attached, and that its node uses though no pod needs it any more."""
    lab.put("pods", pod("a", "data"))
    lab.settle()
    done(lab)
    heard(lab)
    lab.remove("pods", "default/a")
    lab.settle()
    assert attached(lab) == [("node-1", True)]
    return lab


def test_a_volume_stays_attached_as_long_as_its_node_uses_it(used):
    used.run(until=used.now - START + 30 * MINUTE)
    assert (attached(used), named(used)) == ([("node-1", True)], ["kubernetes.io/csi/csi.example.com^h"])
    heard(used, uses=False)
    used.run()
    assert (attached(used), named(used)) == ([], [])


def test_a_node_that_is_not_ready_is_waited_for_for_six_minutes(used):
    heard(used, ready=False)
    used.run(until=attachdetach.PATIENCE - SECOND)
    assert attached(used) == [("node-1", True)]
    used.run(until=attachdetach.PATIENCE + SECOND)
    assert (attached(used), named(used)) == ([], [])


def test_a_node_that_is_ready_again_is_not_detached_from_by_force(used):
    heard(used, ready=False)
    used.run(until=5 * MINUTE)
    heard(used)
    used.run(until=30 * MINUTE)
    assert attached(used) == [("node-1", True)]


def test_a_node_that_is_gone_may_have_the_volume_mounted(used):
    used.remove("nodes", "node-1")
    used.run(until=5 * MINUTE)
    assert attached(used) == [("node-1", True)]
    used.run()
    assert attached(used) == []


def test_a_node_out_of_service_is_not_waited_for(used):
    taint = core_v1.Taint(key=attachdetach.OUT_OF_SERVICE, value="nodeshutdown", effect="NoExecute")
    heard(used, ready=False, taints=(taint,))
    used.settle()
    assert attached(used) == []


def test_a_pod_that_comes_back_to_the_node_ends_the_wait(used):
    used.put("pods", pod("b", "data"))
    heard(used, ready=False)
    used.run(until=10 * MINUTE)
    assert attached(used) == [("node-1", True)]
    used.remove("pods", "default/b")
    used.run(until=15 * MINUTE)
    assert attached(used) == [("node-1", True)]


def test_an_attacher_that_is_not_heard_of_is_told_of_after_two_minutes(lab):
    lab.put("pods", pod("a", "data"))
    lab.run(until=attachdetach.ATTACH_TIMEOUT - SECOND)
    assert lab.said() == []
    lab.run()
    why = "timed out waiting for external-attacher of csi.example.com CSI driver to attach volume h"
    assert lab.said() == [("FailedAttachVolume", f'AttachVolume.Attach failed for volume "v" : {why}')]
