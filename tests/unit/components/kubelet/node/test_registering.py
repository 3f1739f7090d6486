"""CSI drivers of a node: its CSINode says which they are, their limits, and from where volumes can be reached."""

from __future__ import annotations

from reconcile.api import meta_v1, storage_v1
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver
from reconcile.model.hosts import Host

CSI_NODES = "csinodes.storage.k8s.io"
LABELS = Map.of({"zone": "a", "rack": "7"})
HOST = Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", labels=LABELS)
DISKS = Driver(name="disks.example.com", reach="zone,rack,row", limit=3)
FILES = Driver(name="files.example.com")


def csi_node(made):
    return made.objects.get((CSI_NODES, "node-1"))


def test_a_node_without_drivers_has_none(lab):
    made = lab(host=HOST)
    made.run(30)
    assert csi_node(made) is None


def test_a_node_says_what_its_drivers_are(lab):
    made = lab(host=HOST, drivers=(DISKS, FILES))
    made.run(1)
    found = csi_node(made)
    (owner,) = found.metadata.owner_references
    assert (owner.kind, owner.name, owner.uid) == ("Node", "node-1", made.objects["nodes", "node-1"].metadata.uid)
    disks, files = found.spec.drivers
    assert (disks.name, disks.node_id, disks.topology_keys, disks.allocatable.count) == (
        "disks.example.com",
        "node-1",
        ("rack", "zone"),
        3,
    )
    assert (files.name, files.topology_keys, files.allocatable) == ("files.example.com", None, None)
    (patch,) = [request for request in made.calls if request.verb == "patch" and not request.subresource]
    said = '{"disks.example.com":"node-1","files.example.com":"node-1"}'
    assert patch.body["metadata"]["annotations"] == Map({"csi.volume.kubernetes.io/nodeid": said})


def test_what_an_earlier_life_said_is_brought_up_to_date(lab):
    made = lab(host=HOST, drivers=(DISKS,))
    made.run(1)
    old = csi_node(made)
    made.start()
    made.run(1)
    assert csi_node(made) is old
    made.drivers = (FILES,)
    made.start()
    made.run(1)
    assert [driver.name for driver in csi_node(made).spec.drivers] == ["files.example.com"]
    assert csi_node(made).metadata.uid == old.metadata.uid


def test_the_csi_node_of_another_node_of_this_name_goes_first(lab):
    made = lab(host=HOST, drivers=(DISKS,))
    owner = meta_v1.OwnerReference(api_version="v1", kind="Node", name="node-1", uid="another")
    metadata = meta_v1.ObjectMeta(name="node-1", uid="old", owner_references=(owner,))
    made.put(CSI_NODES, storage_v1.CSINode(metadata=metadata, spec=storage_v1.CSINodeSpec(drivers=())))
    made.run(5)
    assert csi_node(made).metadata.owner_references[0].uid == made.objects["nodes", "node-1"].metadata.uid


def test_a_refusal_is_not_the_end(lab):
    made = lab(host=HOST, drivers=(DISKS,))
    while not any(request.resource == "nodes" for request in made.calls):
        made.deliver(made.next())
    made.refusals = 3
    made.run(30)
    assert csi_node(made) is not None
    assert replace(csi_node(made), metadata=meta_v1.ObjectMeta()).spec.drivers
