"""Validation of the volumes of a pod."""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, duplicate, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.core import volumes
from reconcile.components.apiserver.registry.validation.core.claims import template_causes
from reconcile.components.apiserver.registry.validation.core.environment import field_causes, resource_causes
from reconcile.components.apiserver.registry.validation.core.projections import projected
from reconcile.components.apiserver.registry.validation.values import label, mode_causes, unreserved
from reconcile.model.text import names

DOWNWARD: Final = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)


def volumes_causes(field: str, spec: core_v1.PodSpec, *, pod: bool) -> list[Cause]:
    """Say what is wrong with the volumes of a *pod*, or of a template."""
    found: list[Cause] = []
    seen: set[str] = set()
    for place, volume in enumerate(spec.volumes or ()):
        at = f"{field}[{place}]"
        faults = volumes.sources_causes(at, volume, _POD_SOURCES if pod else _SOURCES)
        faults += volumes.iscsi_name(f"{at}.name", volume.name, volume.name, volume.iscsi)
        if not volume.name:
            faults.append(required(f"{at}.name"))
        else:
            faults += label(f"{at}.name", volume.name)
        if volume.name in seen:
            faults.append(duplicate(f"{at}.name", volume.name))
        if not faults:
            seen.add(volume.name)
        found += faults
    return found


def well_volumes(field: str, spec: core_v1.PodSpec, *, pod: bool) -> dict[str, core_v1.Volume]:
    """Give, by name, the volumes that nothing is wrong with: only these can be mounted."""
    if not spec.volumes:
        return {}
    faults = volumes_causes(field, spec, pod=pod)
    bad = {cause.field.partition("]")[0] for cause in faults if cause.field is not None}
    found: dict[str, core_v1.Volume] = {}
    for place, volume in enumerate(spec.volumes):
        if f"{field}[{place}" not in bad:
            found.setdefault(volume.name, volume)
    return found


def _file(field: str, file: core_v1.DownwardAPIVolumeFile) -> list[Cause]:
    found = [] if file.path else [required(f"{field}.path")]
    found += unreserved(f"{field}.path", file.path)
    if file.field_ref is not None:
        found += field_causes(f"{field}.fieldRef", file.field_ref, DOWNWARD)
        if file.resource_field_ref is not None:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            found.append(wrong(field, "resource", why))
    elif file.resource_field_ref is not None:
        found += resource_causes(f"{field}.resourceFieldRef", file.resource_field_ref, of_volume=True)
    else:
        found.append(required(field, "one of fieldRef and resourceFieldRef is required"))
    return found + mode_causes(f"{field}.mode", file.mode)


def _downward(field: str, source: core_v1.DownwardAPIVolumeSource) -> list[Cause]:
    found = mode_causes(f"{field}.defaultMode", source.default_mode)
    for file in source.items or ():
        found += _file(field, file)
    return found


def _projected(field: str, source: core_v1.ProjectedVolumeSource) -> list[Cause]:
    return projected(field, source, _file)


def _ephemeral(field: str, source: core_v1.EphemeralVolumeSource) -> list[Cause]:
    at = f"{field}.volumeClaimTemplate"
    if source.volume_claim_template is None:
        return [required(at)]
    return template_causes(at, source.volume_claim_template)


_SOURCES: Final[tuple[volumes.Source, ...]] = (
    ("empty_dir", "emptyDir", "emptyDir", volumes.empty_dir),
    ("host_path", "hostPath", "hostPath", volumes.host_path),
    ("git_repo", "gitRepo", "gitRepo", volumes.git_repo),
    ("gce_persistent_disk", "gcePersistentDisk", "persistentDisk", volumes.gce_disk),
    ("aws_elastic_block_store", "awsElasticBlockStore", "awsElasticBlockStore", volumes.aws_disk),
    ("secret", "secret", "secret", volumes.secret),
    ("nfs", "nfs", "nfs", volumes.nfs),
    ("iscsi", "iscsi", "iscsi", volumes.iscsi),
    ("glusterfs", "glusterfs", "glusterfs", volumes.glusterfs),
    ("flocker", "flocker", "flocker", volumes.flocker),
    ("persistent_volume_claim", "persistentVolumeClaim", "persistentVolumeClaim", volumes.claim),
    ("rbd", "rbd", "rbd", volumes.rbd),
    ("cinder", "cinder", "cinder", volumes.cinder),
    ("cephfs", "cephFS", "cephfs", volumes.cephfs),
    ("quobyte", "quobyte", "quobyte", volumes.quobyte),
    ("downward_api", "downwarAPI", "downwardAPI", _downward),
    ("fc", "fc", "fc", volumes.fibre_channel),
    ("flex_volume", "flexVolume", "flexVolume", volumes.flex),
    ("config_map", "configMap", "configMap", volumes.config_map),
    ("azure_file", "azureFile", "azureFile", volumes.azure_file),
    ("vsphere_volume", "vsphereVolume", "vsphereVolume", volumes.vsphere),
    ("photon_persistent_disk", "photonPersistentDisk", "photonPersistentDisk", volumes.photon),
    ("portworx_volume", "portworxVolume", "portworxVolume", volumes.portworx),
    ("azure_disk", "azureDisk", "azureDisk", volumes.azure_disk),
    ("storageos", "storageos", "storageos", volumes.storage_os),
    ("projected", "projected", "projected", _projected),
    ("scale_io", "scaleIO", "scaleIO", volumes.scale_io),
    ("csi", "csi", "csi", volumes.csi),
    ("ephemeral", "ephemeral", "ephemeral", _ephemeral),
    ("image", "image", "image", volumes.image),
)


def _own_image(field: str, source: core_v1.ImageVolumeSource) -> list[Cause]:
    # A template may leave it to whoever makes pods of it.
    return volumes.needs("reference")(field, source) + volumes.image(field, source)


_POD_SOURCES: Final = (*_SOURCES[:-1], ("image", "image", "image", _own_image))


def own_volumes_causes(field: str, name: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say what is wrong with volumes for a pod of this *name*, not for a template."""
    found: list[Cause] = []
    made = {f"{name}-{volume.name}" for volume in spec.volumes or () if volume.ephemeral is not None}
    for place, volume in enumerate(spec.volumes or ()):
        at = f"{field}[{place}]"
        if volume.ephemeral is not None and name and volume.name:
            made_name = f"{name}-{volume.name}"
            found += [
                wrong(f"{at}.name", volume.name, f'PVC name "{made_name}": {cause}')
                for cause in names.subdomain_faults(made_name)
            ]
        claim = volume.persistent_volume_claim
        if claim is not None and name and claim.claim_name in made:
            why = "must not reference a PVC that gets created for an ephemeral volume"
            found.append(wrong(f"{at}.persistentVolumeClaim.claimName", claim.claim_name, why))
    return found


def unread_tokens_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say which tokens a pod without a service account asks for."""
    if spec.service_account_name:
        return []
    why = "must not be specified when serviceAccountName is not set"
    return [
        forbidden(f"{field}[{place}].projected.sources[{number}].serviceAccountToken", why)
        for place, volume in enumerate(spec.volumes or ())
        if volume.projected is not None
        for number, source in enumerate(volume.projected.sources or ())
        if source.service_account_token is not None
    ]
