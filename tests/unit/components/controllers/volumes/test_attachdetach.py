"""Attach-detach: where pods need a volume of a driver, and where none does any more."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.components.controllers.volumes import attachdetach
from reconcile.lib.replacing import replace
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import Lab
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
    lab.run()
    assert attached(lab) == [("node-1", False)]
    assert rows(lab)[0].spec.attacher == "csi.example.com"
    assert rows(lab)[0].metadata.name.startswith("csi-")
    assert named(lab) == []
    done(lab)
    assert named(lab) == ["kubernetes.io/csi/csi.example.com^h"]
    assert lab.said() == [("SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "v" ')]
    lab.remove("pods", "default/a")
    lab.run()
    assert (attached(lab), named(lab)) == ([], [])


def test_a_volume_for_one_node_is_not_attached_to_a_second(lab):
    lab.put("pods", pod("a", "data"))
    lab.run()
    done(lab)
    lab.put("pods", pod("b", "data", node="node-2"))
    lab.run()
    assert attached(lab) == [("node-1", True)]
    said = ("FailedAttachVolume", 'Multi-Attach error for volume "v" Volume is already used by pod(s) a')
    assert lab.said()[-1] == said
    lab.remove("pods", "default/a")
    lab.run()
    assert attached(lab) == [("node-2", False)]


def test_a_volume_for_many_nodes_is(lab):
    found = lab.get(VOLUMES, "v")
    lab.put(VOLUMES, replace(found, spec=replace(found.spec, access_modes=("ReadWriteMany",))))
    lab.put("pods", pod("a", "data"))
    lab.put("pods", pod("b", "data", node="node-2"))
    lab.run()
    assert sorted(attached(lab)) == [("node-1", False), ("node-2", False)]


def test_a_driver_may_need_no_attaching(lab):
    spec = storage_v1.CSIDriverSpec(attach_required=False)
    metadata = meta_v1.ObjectMeta(name="csi.example.com")
    lab.put(attachdetach.DRIVERS, storage_v1.CSIDriver(metadata=metadata, spec=spec))
    lab.run()
    lab.put("pods", pod("a", "data"))
    lab.run()
    assert attached(lab) == []


def test_what_goes_wrong_is_said_of_the_pod(lab):
    lab.put("pods", pod("a", "data"))
    lab.run()
    error = storage_v1.VolumeError(message="no room")
    lab.put(
        ATTACHMENTS,
        replace(rows(lab)[0], status=storage_v1.VolumeAttachmentStatus(attached=False, attach_error=error)),
    )
    lab.run()
    assert lab.said() == [("FailedAttachVolume", 'AttachVolume.Attach failed for volume "v" : no room')]


def test_a_node_that_forgets_what_is_attached_is_told_again(lab):
    lab.put("pods", pod("a", "data"))
    lab.run()
    done(lab)
    node = lab.get("nodes", "node-1")
    lab.put("nodes", replace(node, status=replace(node.status, volumes_attached=None)))
    lab.run()
    assert named(lab) == ["kubernetes.io/csi/csi.example.com^h"]
