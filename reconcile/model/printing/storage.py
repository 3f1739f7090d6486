"""Configuration, volumes and devices, as tables show them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.instant import Instant
from reconcile.model.printing.ages import age
from reconcile.model.printing.shape import UNSET, Cells, Fill, listed

_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_OLD_DEFAULT_CLASS: Final = "storageclass.beta.kubernetes.io/is-default-class"
_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


# Configuration --------------------------------------------------------------------------------------------------------


def _config_map(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.data or ()) + len(obj.binary_data or ()), age(obj, now))


def _secret(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, obj.type or "", len(obj.data or ()), age(obj, now))


def _quota(obj: Any, now: Instant) -> Cells:
    status = obj.status
    hard = (status and status.hard) or {}
    used = (status and status.used) or {}
    rows = [(name, f"{name}: {used.get(name, '0')}/{amount}") for name, amount in sorted(hard.items())]
    requests = [text for name, text in rows if not name.startswith("limits.")]
    limits = [text for name, text in rows if name.startswith("limits.")]
    return (obj.metadata.name, ", ".join(requests), ", ".join(limits), age(obj, now))


# Storage --------------------------------------------------------------------------------------------------------------


def _volume(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    claim = spec.claim_ref
    return (
        obj.metadata.name,
        str((spec.capacity or {}).get("storage", "0")),
        _modes(spec.access_modes),
        spec.persistent_volume_reclaim_policy or "",
        "Terminating" if obj.metadata.deletion_timestamp else (status and status.phase) or "",
        f"{claim.namespace}/{claim.name}" if claim is not None else "",
        _class(obj),
        spec.volume_attributes_class_name or UNSET,
        (status and status.reason) or "",
        age(obj, now),
        spec.volume_mode or UNSET,
    )


def _claim(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    bound = bool(spec.volume_name)
    return (
        obj.metadata.name,
        "Terminating" if obj.metadata.deletion_timestamp else (status and status.phase) or "",
        spec.volume_name or "",
        str(((status and status.capacity) or {}).get("storage", "0")) if bound else "",
        _modes(status and status.access_modes) if bound else "",
        _class(obj),
        spec.volume_attributes_class_name or UNSET,
        age(obj, now),
        spec.volume_mode or UNSET,
    )


def _storage_class(obj: Any, now: Instant) -> Cells:
    notes = obj.metadata.annotations or {}
    default = "true" in (notes.get(_DEFAULT_CLASS), notes.get(_OLD_DEFAULT_CLASS))
    return (
        f"{obj.metadata.name} (default)" if default else obj.metadata.name,
        obj.provisioner,
        obj.reclaim_policy or "Delete",
        obj.volume_binding_mode or "Immediate",
        bool(obj.allow_volume_expansion),
        age(obj, now),
    )


def _csi_driver(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        spec.attach_required is not False,
        bool(spec.pod_info_on_mount),
        bool(spec.storage_capacity),
        UNSET if spec.token_requests is None else listed([each.audience for each in spec.token_requests], ""),
        bool(spec.requires_republish),
        listed(spec.volume_lifecycle_modes or ()),
        age(obj, now),
    )


def _csi_node(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.spec.drivers), age(obj, now))


def _attachment(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    attached = obj.status is not None and bool(obj.status.attached)
    volume = spec.source.persistent_volume_name or ""
    return (obj.metadata.name, spec.attacher, volume, spec.node_name, attached, age(obj, now))


def _attributes_class(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, obj.driver_name, age(obj, now))


def _class(obj: Any) -> str:
    annotations = obj.metadata.annotations or {}
    return str(annotations.get(_OLD_CLASS, obj.spec.storage_class_name or ""))


def _modes(modes: Any) -> str:
    return listed([_MODES[mode] for mode in _MODES if mode in (modes or ())], "")


# Devices --------------------------------------------------------------------------------------------------------------


def _resource_claim(obj: Any, now: Instant) -> Cells:
    deleted = obj.metadata.deletion_timestamp is not None
    states = ["deleted"] if deleted else []
    if obj.status is not None and obj.status.allocation is not None:
        states += ["allocated", "reserved"] if obj.status.reserved_for else ["allocated"]
    elif not deleted:
        states.append("pending")
    return (obj.metadata.name, ",".join(states), age(obj, now))


def _resource_slice(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    return (obj.metadata.name, spec.node_name or "", spec.driver, spec.pool.name, age(obj, now))


STORAGE: Final[dict[str, Fill]] = {
    "configmaps": _config_map,
    "secrets": _secret,
    "resourcequotas": _quota,
    "persistentvolumes": _volume,
    "persistentvolumeclaims": _claim,
    "storageclasses.storage.k8s.io": _storage_class,
    "volumeattributesclasses.storage.k8s.io": _attributes_class,
    "csidrivers.storage.k8s.io": _csi_driver,
    "csinodes.storage.k8s.io": _csi_node,
    "volumeattachments.storage.k8s.io": _attachment,
    "resourceclaims.resource.k8s.io": _resource_claim,
    "resourceslices.resource.k8s.io": _resource_slice,
}
