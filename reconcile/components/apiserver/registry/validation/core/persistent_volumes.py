"""Validation of PersistentVolumes."""

from __future__ import annotations

import posixpath
from typing import Any, Final

from reconcile.api import core_v1, internals
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.core import volumes
from reconcile.components.apiserver.registry.validation.core.claims import VOLUME_MODES, modes_causes
from reconcile.components.apiserver.registry.validation.core.scheduling import node_selector_causes
from reconcile.components.apiserver.registry.validation.values import IMMUTABLE, POSITIVE, among, subdomain
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_POLICIES: Final = ("Delete", "Recycle", "Retain")
# Which volumes may have options for mounting.
_MOUNTED: Final = (
    "gce_persistent_disk",
    "aws_elastic_block_store",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "azure_file",
    "vsphere_volume",
    "azure_disk",
    "photon_persistent_disk",
)
_OPTIONS: Final = "volume.beta.kubernetes.io/mount-options"
# What a specification says beside where the volume is.
_BESIDE: Final = frozenset(
    {
        "Capacity",
        "AccessModes",
        "ClaimRef",
        "PersistentVolumeReclaimPolicy",
        "StorageClassName",
        "MountOptions",
        "VolumeMode",
        "NodeAffinity",
        "VolumeAttributesClassName",
    }
)
_SOURCES: Final[tuple[volumes.Source, ...]] = (
    ("host_path", "hostPath", "hostPath", volumes.host_path),
    ("gce_persistent_disk", "gcePersistentDisk", "persistentDisk", volumes.gce_disk),
    ("aws_elastic_block_store", "awsElasticBlockStore", "awsElasticBlockStore", volumes.aws_disk),
    ("glusterfs", "glusterfs", "glusterfs", volumes.glusterfs_of_persistent),
    ("flocker", "flocker", "flocker", volumes.flocker),
    ("nfs", "nfs", "nfs", volumes.nfs),
    ("rbd", "rbd", "rbd", volumes.rbd),
    ("quobyte", "quobyte", "quobyte", volumes.quobyte),
    ("cephfs", "cephFS", "cephfs", volumes.cephfs),
    ("iscsi", "iscsi", "iscsi", volumes.iscsi),
    ("cinder", "cinder", "cinder", volumes.cinder_of_persistent),
    ("fc", "fc", "fc", volumes.fibre_channel),
    ("flex_volume", "flexVolume", "flexVolume", volumes.flex),
    ("azure_file", "azureFile", "azureFile", volumes.azure_file_of_persistent),
    ("vsphere_volume", "vsphereVolume", "vsphereVolume", volumes.vsphere),
    ("photon_persistent_disk", "photonPersistentDisk", "photonPersistentDisk", volumes.photon),
    ("portworx_volume", "portworxVolume", "portworxVolume", volumes.portworx),
    ("azure_disk", "azureDisk", "azureDisk", volumes.azure_disk),
    ("scale_io", "scaleIO", "scaleIO", volumes.scale_io),
    ("local", "local", "local", volumes.local),
    ("storageos", "storageos", "storageos", volumes.storage_os_of_persistent),
    ("csi", "csi", "csi", volumes.csi_of_persistent),
)


def volume_causes(obj: core_v1.PersistentVolume) -> Causes:
    """Say what is wrong with a persistent volume."""
    spec = obj.spec or core_v1.PersistentVolumeSpec()
    name = (obj.metadata.name if obj.metadata is not None else None) or ""
    found: list[Cause] = []
    if not spec.access_modes:
        found.append(required("spec.accessModes"))
    found += modes_causes("spec.accessModes", spec.access_modes or ())
    found += _capacity_causes("spec.capacity", spec.capacity)
    if spec.persistent_volume_reclaim_policy:
        found += among("spec.persistentVolumeReclaimPolicy", spec.persistent_volume_reclaim_policy, _POLICIES)
    found += _affinity_causes("spec.nodeAffinity", spec.node_affinity)
    if spec.iscsi is not None:
        portal = spec.iscsi.target_portal
        found += volumes.iscsi_name("spec.iscsi.targetportal", portal, name, spec.iscsi)
    found += volumes.sources_causes("spec", spec, _SOURCES)
    if spec.local is not None and spec.node_affinity is None:
        found.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    found += _rest_causes(spec)
    annotations = obj.metadata.annotations if obj.metadata is not None else None
    if annotations and _OPTIONS in annotations and all(getattr(spec, source) is None for source in _MOUNTED):
        at = f"metadata.annotations.{_OPTIONS}"
        found.append(forbidden(at, "may not specify mount options for this volume type"))
    return tuple(found)


def _capacity_causes(field: str, capacity: Map[Quantity] | None) -> list[Cause]:
    found: list[Cause] = []
    if not capacity:
        found.append(required(field))
    if capacity is None or "storage" not in capacity or len(capacity) > 1:
        found.append(not_supported(field, capacity, ("storage",)))
    for name, amount in (capacity or Map[Quantity]()).items():
        at = f"{field}[{name}]"
        if amount.nanos < 0:
            found.append(wrong(at, amount.whole, "must be a valid resource quantity"))
        if amount.nanos <= 0:
            found.append(wrong(at, amount.text, POSITIVE))
    return found


def _affinity_causes(field: str, affinity: core_v1.VolumeNodeAffinity | None) -> list[Cause]:
    if affinity is None:
        return []
    if affinity.required is None:
        return [required(f"{field}.required", "must specify required node constraints")]
    return node_selector_causes(f"{field}.required", affinity.required)


def _rest_causes(spec: core_v1.PersistentVolumeSpec) -> list[Cause]:
    found: list[Cause] = []
    path = spec.host_path.path if spec.host_path is not None else ""
    if spec.persistent_volume_reclaim_policy == "Recycle" and path and posixpath.normpath(path) in ("/", "//"):
        why = "may not be 'recycle' for a hostPath mount of '/'"
        found.append(forbidden("spec.persistentVolumeReclaimPolicy", why))
    if spec.storage_class_name:
        found += subdomain("spec.storageClassName", spec.storage_class_name)
    if spec.volume_mode is not None:
        found += among("spec.volumeMode", spec.volume_mode, VOLUME_MODES)
    attributes = spec.volume_attributes_class_name
    if attributes is not None:
        at = "spec.volumeAttributesClassName"
        found += subdomain(at, attributes) if attributes else [required(at, "an empty string is disallowed")]
        if spec.csi is None:
            found.append(required("spec.csi", "has to be specified when using volumeAttributesClassName"))
    return found


def volume_change_causes(new: core_v1.PersistentVolume, old: core_v1.PersistentVolume) -> Causes:
    """Say what of a persistent volume may not change, after all that is wrong with it, which upstream says twice."""
    spec, before = new.spec, old.spec
    if spec is None or before is None:
        return ()
    found = [*volume_causes(new)]
    csi, had = spec.csi, before.csi
    if had is not None and had.controller_expand_secret_ref is None and csi is not None:
        csi = replace(csi, controller_expand_secret_ref=None)
    source, was = _source(replace(spec, csi=csi)), _source(before)
    if source != was:
        why = "spec.persistentvolumesource is immutable after creation\n"
        found.append(forbidden("spec.persistentvolumesource", why + internals.difference(was, source)))
    if spec.volume_mode != before.volume_mode:
        found.append(wrong("volumeMode", spec.volume_mode, IMMUTABLE))
    if before.node_affinity is not None and _with_new_labels(before, spec) != spec.node_affinity:
        why = f"{IMMUTABLE}, except for updating from beta label to GA"
        found.append(wrong("nodeAffinity", spec.node_affinity, why))
    if before.volume_attributes_class_name is not None and spec.volume_attributes_class_name is None:
        found.append(forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"))
    return tuple(found)


def _source(spec: core_v1.PersistentVolumeSpec) -> dict[str, Any]:
    return {name: value for name, value in internals.internal(spec).items() if name not in _BESIDE}


_NEW_LABELS: Final = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def _with_new_labels(
    before: core_v1.PersistentVolumeSpec, spec: core_v1.PersistentVolumeSpec
) -> core_v1.VolumeNodeAffinity | None:
    """Give the affinity that there was, with the new names of labels where the new one has them."""
    old, new = before.node_affinity, spec.node_affinity
    if old is None or new is None or old.required is None or new.required is None:
        return old
    terms = [
        replace(
            term,
            match_expressions=tuple(
                [
                    replace(had, key=said.key) if _NEW_LABELS.get(had.key) == said.key else had
                    for had, said in zip(term.match_expressions or (), other.match_expressions or (), strict=False)
                ]
                + list((term.match_expressions or ())[len(other.match_expressions or ()) :])
            )
            or term.match_expressions,
        )
        for term, other in zip(old.required.node_selector_terms, new.required.node_selector_terms, strict=False)
    ]
    if len(terms) != len(old.required.node_selector_terms):
        return old
    return replace(old, required=replace(old.required, node_selector_terms=tuple(terms)))
