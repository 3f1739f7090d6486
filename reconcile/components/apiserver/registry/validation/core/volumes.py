"""Validation of the sources of volumes, of pods' and of persistent volumes' alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, forbidden, not_supported, required, too_long, wrong
from reconcile.components.apiserver.registry.validation.values import (
    among,
    between,
    downward,
    label,
    mode_causes,
    named,
    no_way_up,
    one_of,
    subdomain,
    unreserved,
)
from reconcile.lib.mapping import Map
from reconcile.model.text import names

Check = Callable[[str, Any], list[Cause]]
Source = tuple[str, str, str, Check]
"""A source: the field here, its name if it is one too many, its path, and what is wrong with it."""

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_HOST_PATHS: Final = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_LONGEST_TENANT: Final = 64
_LONGEST_DRIVER: Final = 63
_LONGEST_PORTAL: Final = 64
_TOO_LONG_PORTAL: Final = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is"
    " specified."
)
_PAIRS: Final = "must be a host:port pair or multiple pairs separated by commas"
_INITIATORS: Final = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}


def sources_causes(field: str, volume: Any, sources: tuple[Source, ...]) -> list[Cause]:
    """Say what is wrong with a volume's source, of which there has to be one."""
    found: list[Cause] = []
    count = 0
    for name, shown, path, check in sources:
        source = getattr(volume, name)
        if source is None:
            continue
        if count:
            found.append(forbidden(f"{field}.{shown}", "may not specify more than 1 volume type"))
            continue
        count = 1
        found += check(f"{field}.{path}", source)
    if not count:
        found.append(required(field, "must specify a volume type"))
    return found


def needs(*fields: str) -> Check:
    """Give the check that asks for each of these fields, by its name in JSON."""
    pairs = [(_snake(field), field) for field in fields]

    def check(field: str, source: Any) -> list[Cause]:
        return [required(f"{field}.{json}") for name, json in pairs if not getattr(source, name)]

    return check


def _snake(name: str) -> str:
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def all_of(*checks: Check) -> Check:
    """Give the check that makes each of these."""
    return lambda field, source: [cause for check in checks for cause in check(field, source)]


def empty_dir(field: str, source: core_v1.EmptyDirVolumeSource) -> list[Cause]:
    """Say that the size of a directory is below nothing."""
    if source.size_limit is not None and source.size_limit.nanos < 0:
        return [forbidden(f"{field}.sizeLimit", "SizeLimit field must be a valid resource quantity")]
    return []


def host_path(field: str, source: core_v1.HostPathVolumeSource) -> list[Cause]:
    """Say what is wrong with a path of the host."""
    if not source.path:
        return [required(f"{field}.path")]
    return [*no_way_up(f"{field}.path", source.path), *among(f"{field}.type", source.type or "", _HOST_PATHS)]


def git_repo(field: str, source: core_v1.GitRepoVolumeSource) -> list[Cause]:
    """Say what is wrong with a Git repository."""
    found = [] if source.repository else [required(f"{field}.repository")]
    return found + downward(f"{field}.directory", source.directory or "")


def _partition(field: str, source: Any) -> list[Cause]:
    part = source.partition or 0
    if 0 <= part <= 255:  # noqa: PLR2004 -- what the message, too, does not say
        return []
    return [*between(f"{field}.partition", part, 1, 255)]


def key_to_path(field: str, item: core_v1.KeyToPath) -> list[Cause]:
    """Say what is wrong with the way from a key to a file."""
    found = [] if item.key else [required(f"{field}.key")]
    if not item.path:
        found.append(required(f"{field}.path"))
    return found + unreserved(f"{field}.path", item.path) + mode_causes(f"{field}.mode", item.mode)


def _items(field: str, source: Any) -> list[Cause]:
    found = mode_causes(f"{field}.defaultMode", source.default_mode)
    for place, item in enumerate(source.items or ()):
        found += key_to_path(f"{field}.items[{place}]", item)
    return found


def _nfs(field: str, source: core_v1.NFSVolumeSource) -> list[Cause]:
    found = needs("server", "path")(field, source)
    if not source.path.startswith("/"):
        found.append(wrong(f"{field}.path", source.path, "must be an absolute path"))
    return found


def _quobyte(field: str, source: core_v1.QuobyteVolumeSource) -> list[Cause]:
    found: list[Cause] = []
    if not source.registry:
        found.append(required(f"{field}.registry", _PAIRS))
    elif len(source.tenant or "") > _LONGEST_TENANT:
        found.append(required(f"{field}.tenant", "must be a UUID and may not exceed a length of 64 characters"))
    else:
        pairs = [
            pair for pair in source.registry.split(",") if not re.fullmatch(r"([^:\[\]]*|\[[^\[\]]*\]):[^:]*", pair)
        ]
        found += [wrong(f"{field}.registry", source.registry, _PAIRS) for _ in pairs]
    return found + needs("volume")(field, source)


def glusterfs_of_persistent(field: str, source: core_v1.GlusterfsPersistentVolumeSource) -> list[Cause]:
    """Say what is wrong with a persistent volume of Glusterfs."""
    found = needs("endpoints", "path")(field, source)
    namespace = source.endpoints_namespace
    if namespace == "":
        why = "if the endpointnamespace is set, it must be a valid namespace name"
        found.append(wrong(f"{field}.endpointsNamespace", namespace, why))
    elif namespace is not None:
        found += label(f"{field}.endpointsNamespace", namespace)
    return found


def _flocker(field: str, source: core_v1.FlockerVolumeSource) -> list[Cause]:
    found: list[Cause] = []
    if not source.dataset_name and not source.dataset_uuid:
        found.append(required(field, "one of datasetName and datasetUUID is required"))
    if source.dataset_name and source.dataset_uuid:
        found.append(wrong(field, "resource", "datasetName and datasetUUID can not be specified simultaneously"))
    if "/" in (source.dataset_name or ""):
        found.append(wrong(f"{field}.datasetName", source.dataset_name, "must not contain '/'"))
    return found


def iscsi(field: str, source: Any) -> list[Cause]:
    """Say what is wrong with a disk of iSCSI."""
    found = [] if source.target_portal else [required(f"{field}.targetPortal")]
    persistent = isinstance(source, core_v1.ISCSIPersistentVolumeSource)
    first = "must be valid format" if persistent else "must be valid format starting with iqn, eui, or naa"
    if not source.iqn:
        found.append(required(f"{field}.iqn"))
    else:
        found += _initiator(f"{field}.iqn", source.iqn, first)
    found += between(f"{field}.lun", source.lun or 0, 0, 255)
    if (source.chap_auth_discovery or source.chap_auth_session) and source.secret_ref is None:
        found.append(required(f"{field}.secretRef"))
    if persistent and source.secret_ref is not None and not source.secret_ref.name:
        found.append(required(f"{field}.secretRef.name"))
    if source.initiator_name is not None:
        found += _initiator(f"{field}.initiatorname", source.initiator_name, first)
    return found


def iscsi_name(field: str, shown: Any, name: str, source: Any) -> list[Cause]:
    """Say that the name of a volume and its portal are too long together to name an initiator."""
    if source is None or source.initiator_name is None:
        return []
    if len(f"{name}:{source.target_portal}") <= _LONGEST_PORTAL:
        return []
    return [wrong(field, shown, _TOO_LONG_PORTAL)]


def _initiator(field: str, name: str, why: str) -> list[Cause]:
    form = _INITIATORS.get(name[:3])
    if form is None:
        return [wrong(field, name, why)]
    return [] if form.search(name) else [wrong(field, name, "must be valid format")]


def _fibre_channel(field: str, source: core_v1.FCVolumeSource) -> list[Cause]:
    found: list[Cause] = []
    at = f"{field}.targetWWNs"
    if not source.target_wwns and not source.wwids:
        found.append(required(at, "must specify either targetWWNs or wwids, but not both"))
    if source.target_wwns and source.wwids:
        found.append(wrong(at, source.target_wwns, "targetWWNs and wwids can not be specified simultaneously"))
    if source.target_wwns:
        if source.lun is None:
            found.append(required(f"{field}.lun", "lun is required if targetWWNs is specified"))
        found += between(f"{field}.lun", source.lun, 0, 255)
    return found


def _secret_ref(*fields: str) -> Check:
    check = needs(*fields)
    return lambda field, source: [] if source.secret_ref is None else check(f"{field}.secretRef", source.secret_ref)


def _flex(field: str, source: Any) -> list[Cause]:
    found = [] if source.driver else [required(f"{field}.driver")]
    for key in source.options or Map[str]():
        domain = "." + key.split("/", 1)[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            why = "kubernetes.io and k8s.io namespaces are reserved"
            found.append(wrong(f"{field}.options[{key}]", key, why))
    return found


def _azure_namespace(field: str, source: core_v1.AzureFilePersistentVolumeSource) -> list[Cause]:
    return [required(f"{field}.secretNamespace")] if source.secret_namespace == "" else []


def _azure_disk(field: str, source: core_v1.AzureDiskVolumeSource) -> list[Cause]:
    found = needs("diskName", "diskURI")(field, source)
    if source.caching_mode is not None:
        found += among(f"{field}.cachingMode", source.caching_mode, ("None", "ReadOnly", "ReadWrite"))
    kind, uri = source.kind, source.disk_uri or ""
    if kind is None:
        return found
    found += among(f"{field}.kind", kind, ("Dedicated", "Managed", "Shared"))
    managed = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
    blob = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        found.append(not_supported(f"{field}.diskURI", uri, (managed,)))
    elif kind != "Managed" and not uri.startswith("https://"):
        found.append(not_supported(f"{field}.diskURI", uri, (blob,)))
    return found


def _storage_os(field: str, source: Any) -> list[Cause]:
    found: list[Cause] = []
    if not source.volume_name:
        found.append(required(f"{field}.volumeName"))
    else:
        found += label(f"{field}.volumeName", source.volume_name)
    if source.volume_namespace:
        found += label(f"{field}.volumeNamespace", source.volume_namespace)
    return found


def local(field: str, source: core_v1.LocalVolumeSource) -> list[Cause]:
    """Say what is wrong with a disk of one node."""
    return no_way_up(f"{field}.path", source.path) if source.path else [required(f"{field}.path")]


def driver_causes(field: str, driver: str) -> list[Cause]:
    """Say what keeps *driver* from being the name of a driver of CSI."""
    if not driver:
        return [required(field)]
    found: list[Cause] = []
    if len(driver) > _LONGEST_DRIVER:
        found.append(too_long(field, _LONGEST_DRIVER))
    return found + named(field, driver, names.subdomain_faults(driver.lower()))


def csi(field: str, source: core_v1.CSIVolumeSource) -> list[Cause]:
    """Say what is wrong with a volume that a driver of CSI makes for one pod."""
    found = driver_causes(f"{field}.driver", source.driver)
    secret = source.node_publish_secret_ref
    if secret is not None:
        if not secret.name:
            found.append(required(f"{field}.nodePublishSecretRef.name"))
        else:
            found += subdomain(f"{field}.name", secret.name)
    return found


def csi_of_persistent(field: str, source: core_v1.CSIPersistentVolumeSource) -> list[Cause]:
    """Say what is wrong with a persistent volume of a driver of CSI."""
    found = driver_causes(f"{field}.driver", source.driver)
    found += needs("volumeHandle")(field, source)
    for name in ("controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"):
        secret = getattr(source, f"{_snake(name)}_secret_ref")
        if secret is None:
            continue
        at = f"{field}.{name}SecretRef"
        found += subdomain(f"{at}.name", secret.name) if secret.name else [required(f"{at}.name")]
        found += label(f"{at}.namespace", secret.namespace) if secret.namespace else [required(f"{at}.namespace")]
    return found


def image(field: str, source: core_v1.ImageVolumeSource) -> list[Cause]:
    """Say when an image that is a volume is pulled."""
    return [*one_of(f"{field}.pullPolicy", source.pull_policy, PULL_POLICIES)]


gce_disk: Final = all_of(needs("pdName"), _partition)
aws_disk: Final = all_of(needs("volumeID"), _partition)
secret: Final = all_of(needs("secretName"), _items)
config_map: Final = all_of(needs("name"), _items)
nfs: Final = _nfs
quobyte: Final = _quobyte
flocker: Final = _flocker
fibre_channel: Final = _fibre_channel
flex: Final = _flex
rbd: Final = needs("monitors", "image")
cephfs: Final = needs("monitors")
cinder: Final = all_of(needs("volumeID"), _secret_ref("name"))
cinder_of_persistent: Final = all_of(needs("volumeID"), _secret_ref("name", "namespace"))
azure_file: Final = needs("secretName", "shareName")
azure_file_of_persistent: Final = all_of(azure_file, _azure_namespace)
azure_disk: Final = _azure_disk
vsphere: Final = needs("volumePath")
photon: Final = needs("pdID")
portworx: Final = needs("volumeID")
scale_io: Final = needs("gateway", "system", "volumeName")
storage_os: Final = all_of(_storage_os, _secret_ref("name"))
storage_os_of_persistent: Final = all_of(_storage_os, _secret_ref("name", "namespace"))
claim: Final = needs("claimName")
glusterfs: Final = needs("endpoints", "path")
