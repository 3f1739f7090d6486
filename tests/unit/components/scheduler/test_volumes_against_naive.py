"""
A second, dumber look at volumes: for each node it goes through all claims, volumes and pods that there are. Both must
name the same plugin for each node that is refused.
"""

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.components.scheduler.explaining import cluster_seen, explained
from reconcile.lib.mapping import Map

ZONE = "topology.kubernetes.io/zone"
DRIVER = "csi.example"
NODES = ("n1", "n2", "n3")


def storage_class(name, provisioner):
    return storage_v1.StorageClass(
        metadata=meta_v1.ObjectMeta(name=name), provisioner=provisioner, volume_binding_mode="WaitForFirstConsumer"
    )


CLASSES = (storage_class("local", "kubernetes.io/no-provisioner"), storage_class("made", DRIVER))


def as_volume(kit, name, *, size, zone, node, handle, claimed):
    """Give a volume: of a zone by its label, of a node by its affinity, of a driver by its handle."""
    term = kit.term([("kubernetes.io/hostname", "In", node)]) if node else None
    reach = core_v1.VolumeNodeAffinity(required=core_v1.NodeSelector(node_selector_terms=(term,))) if node else None
    reference = core_v1.ObjectReference(namespace="default", name=claimed, uid=f"uid-{claimed}") if claimed else None
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(name=name, labels=Map({ZONE: zone}) if zone else None),
        spec=core_v1.PersistentVolumeSpec(
            capacity=kit.quantities(storage=f"{size}Gi"),
            access_modes=("ReadWriteOnce", "ReadWriteOncePod"),
            storage_class_name="local",
            node_affinity=reach,
            claim_ref=reference,
            csi=core_v1.CSIPersistentVolumeSource(driver=DRIVER, volume_handle=handle) if handle else None,
        ),
        status=core_v1.PersistentVolumeStatus(phase="Bound" if claimed else "Available"),
    )


def as_claim(kit, name, *, mode, size, kind, volume=""):
    annotations = Map({"pv.kubernetes.io/bind-completed": "yes"}) if volume else None
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", annotations=annotations),
        spec=core_v1.PersistentVolumeClaimSpec(
            access_modes=(mode,),
            storage_class_name=kind,
            volume_name=volume or None,
            resources=core_v1.VolumeResourceRequirements(requests=kit.quantities(storage=f"{size}Gi")),
        ),
        status=core_v1.PersistentVolumeClaimStatus(phase="Bound" if volume else "Pending"),
    )


def as_pod(kit, name, claims, disks, node=None):
    volumes = [
        core_v1.Volume(name=each, persistent_volume_claim=core_v1.PersistentVolumeClaimVolumeSource(claim_name=each))
        for each in claims
    ]
    volumes += [
        core_v1.Volume(
            name=f"disk-{disk}",
            gce_persistent_disk=core_v1.GCEPersistentDiskVolumeSource(pd_name=disk, read_only=reads or None),
        )
        for disk, reads in disks
    ]
    return kit.pod(name, volumes=tuple(volumes), node=node, phase="Running" if node else "Pending")


disks = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.booleans()), max_size=1)


@st.composite
def worlds(draw, kit):
    """Draw nodes, volumes, claims, pods that are there, and a pod that wants to be."""
    zones = {name: draw(st.sampled_from(["a", "b", None])) for name in NODES}
    nodes = [kit.node(name, labels=[(ZONE, zone)] if zone else []) for name, zone in zones.items()]
    volumes, claims = [], []
    for number in range(draw(st.integers(1, 3))):
        mode = draw(st.sampled_from(["ReadWriteOnce", "ReadWriteOncePod"]))
        name, volume = f"bound-{number}", f"pv-{number}"
        handle = draw(st.sampled_from(["", f"h{number}"]))
        near = draw(st.sampled_from([*NODES, "", ""]))
        zone = draw(st.sampled_from(["a", "b", "a__b", ""]))
        volumes.append(as_volume(kit, volume, size=5, zone=zone, node=near, handle=handle, claimed=name))
        claims.append(as_claim(kit, name, mode=mode, size=1, kind="local", volume=volume))
    for number in range(draw(st.integers(0, 2))):
        near, size = draw(st.sampled_from([*NODES, ""])), draw(st.integers(1, 3))
        volumes.append(as_volume(kit, f"free-{number}", size=size, zone="", node=near, handle="", claimed=""))
    claims.append(
        as_claim(
            kit,
            "open",
            mode="ReadWriteOnce",
            size=draw(st.integers(1, 3)),
            kind=draw(st.sampled_from(["local", "made"])),
        )
    )
    names = [each.metadata.name for each in claims]
    chosen = st.lists(st.sampled_from(names), unique=True, max_size=2)
    there = [
        as_pod(kit, f"p{number}", draw(chosen.map(lambda c: [n for n in c if n != "open"])), draw(disks), node)
        for number, node in enumerate(draw(st.lists(st.sampled_from(NODES), max_size=3)))
    ]
    limits = {name: draw(st.sampled_from([None, 1, 2])) for name in NODES}
    return nodes, volumes, claims, there, limits, as_pod(kit, "web", draw(chosen), draw(disks))


def csi_nodes(limits):
    return [
        storage_v1.CSINode(
            metadata=meta_v1.ObjectMeta(name=name),
            spec=storage_v1.CSINodeSpec(
                drivers=(
                    storage_v1.CSINodeDriver(
                        name=DRIVER, node_id=name, allocatable=storage_v1.VolumeNodeResources(count=count)
                    ),
                )
            ),
        )
        for name, count in limits.items()
        if count is not None
    ]


class Naive:
    """Looks at everything anew."""

    def __init__(self, volumes, claims, there, limits):
        self.volumes = {each.metadata.name: each for each in volumes}
        self.claims = {each.metadata.name: each for each in claims}
        self.there, self.limits = there, limits

    def mounted(self, pod):
        return [v.persistent_volume_claim.claim_name for v in pod.spec.volumes or () if v.persistent_volume_claim]

    def disks(self, pod):
        return [
            (v.gce_persistent_disk.pd_name, bool(v.gce_persistent_disk.read_only))
            for v in pod.spec.volumes or ()
            if v.gce_persistent_disk
        ]

    def refuser(self, pod, node):
        """Name the first plugin that refuses the node; empty if none does."""
        for plugin, refuses in (
            ("VolumeRestrictions", self.restricted),
            ("NodeVolumeLimits", self.crowded),
            ("VolumeBinding", self.unbound),
            ("VolumeZone", self.elsewhere),
        ):
            if refuses(pod, node):
                return plugin
        return ""

    def restricted(self, pod, node):
        for other in self.there:
            for disk, reads in self.disks(pod):
                for taken, read in self.disks(other):
                    if other.spec.node_name == node.metadata.name and disk == taken and not (reads and read):
                        return True
            for name in self.mounted(pod):
                if "ReadWriteOncePod" in self.claims[name].spec.access_modes and name in self.mounted(other):
                    return True
        return False

    def handle(self, name):
        claim = self.claims[name]
        if claim.spec.volume_name:
            csi = self.volumes[claim.spec.volume_name].spec.csi
            return csi.volume_handle if csi else None
        return f"new {name}" if claim.spec.storage_class_name == "made" else None

    def crowded(self, pod, node):
        limit = self.limits[node.metadata.name]
        here = [other for other in self.there if other.spec.node_name == node.metadata.name]
        has = {self.handle(name) for other in here for name in self.mounted(other)} - {None}
        more = {self.handle(name) for name in self.mounted(pod)} - {None} - has
        return limit is not None and bool(more) and len(has) + len(more) > limit

    def reaches(self, volume, node):
        affinity = volume.spec.node_affinity
        if affinity is None:
            return True
        (term,) = affinity.required.node_selector_terms
        return node.metadata.name in term.match_expressions[0].values

    def unbound(self, pod, node):
        for name in self.mounted(pod):
            claim = self.claims[name]
            if claim.spec.volume_name:
                if not self.reaches(self.volumes[claim.spec.volume_name], node):
                    return True
                continue
            asked = claim.spec.resources.requests["storage"]
            matching = [
                volume
                for volume in self.volumes.values()
                if volume.spec.claim_ref is None
                and claim.spec.storage_class_name == "local"
                and volume.spec.capacity["storage"] >= asked
                and self.reaches(volume, node)
            ]
            if not matching and claim.spec.storage_class_name != "made":
                return True
        return False

    def elsewhere(self, pod, node):
        here = (node.metadata.labels or {}).get(ZONE)
        if here is None:
            return False
        for name in self.mounted(pod):
            claim = self.claims[name]
            if claim.spec.volume_name:
                label = (self.volumes[claim.spec.volume_name].metadata.labels or {}).get(ZONE)
                if label is not None and here not in label.split("__"):
                    return True
        return False


@given(st.data())
def test_volumes_keep_pods_from_the_same_nodes(kit, data):
    nodes, volumes, claims, there, limits, pod = data.draw(worlds(kit))
    state = cluster_seen(
        {
            "nodes": nodes,
            "pods": there,
            "persistentvolumes": volumes,
            "persistentvolumeclaims": claims,
            "storageclasses.storage.k8s.io": CLASSES,
            "csinodes.storage.k8s.io": csi_nodes(limits),
        }
    )
    naive = Naive(volumes, claims, there, limits)
    found = explained(state, pod)
    said = {each.name: each.refused_by for each in found.nodes}
    assert said == {node.metadata.name: naive.refuser(pod, node) for node in nodes}


def test_the_naive_look_tells_when_a_rule_is_left_out(kit, monkeypatch):
    """The comparison is worth something: each plugin that says nothing is found out by a case made for it."""
    from reconcile.components.scheduler.framework import company

    free = as_volume(kit, "pv", size=5, zone="a", node="", handle="h", claimed="data")
    near = as_volume(kit, "pv", size=5, zone="", node="n1", handle="", claimed="data")
    claim = as_claim(kit, "data", mode="ReadWriteOnce", size=1, kind="local", volume="pv")
    other = as_pod(kit, "other", [], [("a", False)], "n2")
    cases = (
        ("volume_restrictions", near, [other], {}, as_pod(kit, "web", [], [("a", False)])),
        ("node_volume_limits", free, [], {"n2": 0}, as_pod(kit, "web", ["data"], [])),
        ("volume_binding", near, [], {}, as_pod(kit, "web", ["data"], [])),
        ("volume_zone", free, [], {}, as_pod(kit, "web", ["data"], [])),
    )
    for module, volume, there, limits, pod in cases:
        node = kit.node("n2", labels=[(ZONE, "b")])
        given_ = {
            "nodes": [node],
            "pods": there,
            "persistentvolumes": [volume],
            "persistentvolumeclaims": [claim],
            "storageclasses.storage.k8s.io": CLASSES,
            "csinodes.storage.k8s.io": csi_nodes(limits),
        }
        naive = Naive([volume], [claim], there, {"n2": limits.get("n2")})
        wanted = naive.refuser(pod, node)
        assert wanted
        assert explained(cluster_seen(given_), pod).nodes[0].refused_by == wanted
        with monkeypatch.context() as patched:
            patched.setattr(getattr(company, module), "refused", lambda *_, **__: [])
            assert explained(cluster_seen(given_), pod).nodes[0].refused_by != wanted
