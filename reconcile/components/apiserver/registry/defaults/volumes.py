"""Defaults of the sources of volumes, of pods' and of persistent volumes' alike."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.registry.defaults.rounding import resources_rounded
from reconcile.lib.replacing import replace

# By source, what its fields are if they are empty or absent.
_SOURCES: Final[dict[str, dict[str, Any]]] = {
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "iscsi": {"iscsi_interface": "default"},
    "scale_io": {"storage_mode": "ThinProvisioned", "fs_type": "xfs"},
    "azure_disk": {"caching_mode": "ReadWrite", "fs_type": "ext4", "read_only": False, "kind": "Shared"},
    "host_path": {"type": ""},
}
# Which of these may be said to be empty: absence alone is filled.
_POINTERS: Final = frozenset({"caching_mode", "read_only", "kind", "type"})


def source_defaulted(volume: Any) -> Any:
    """Give a volume with the defaults of where it is."""
    changes: dict[str, Any] = {}
    for name, fields in _SOURCES.items():
        source = getattr(volume, name)
        if source is None:
            continue
        missing = {field: value for field, value in fields.items() if _is_missing(name, field, getattr(source, field))}
        if missing:
            changes[name] = replace(source, **missing)
    return replace(volume, **changes) if changes else volume


def _is_missing(source: str, field: str, value: Any) -> bool:
    if value is None:
        return True
    return value == "" and field not in _POINTERS and source != "azure_disk"


def claim_spec_defaulted(spec: core_v1.PersistentVolumeClaimSpec) -> core_v1.PersistentVolumeClaimSpec:
    """Give the specification of a claim, or of a claim's template, with its defaults."""
    mode = "Filesystem" if spec.volume_mode is None else spec.volume_mode
    return replace(spec, volume_mode=mode, resources=resources_rounded(spec.resources))
