"""
Volumes: one without a claim is free; one whose claim is gone is kept, recycled or deleted, as its policy says.

Source:   pv_controller.go: syncVolume, unbindVolume, reclaimVolume, recycleVolumeOperation, deleteVolumeOperation.
"""

from __future__ import annotations

import re
from typing import Any, Final

from reconcile.components.controllers.runtime import Outcome
from reconcile.components.controllers.volumes.binder import claims, recycling
from reconcile.components.controllers.volumes.binder.writes import then, unbound, update, with_phase
from reconcile.components.controllers.volumes.newest import World
from reconcile.effects import Record
from reconcile.model.pods.volumes import CLAIMS, PROVISIONED_BY, VOLUMES, annotations_of, claim_named_by, mode_of
from reconcile.model.requests import Request, key_of

_MIGRATED_TO: Final = "pv.kubernetes.io/migrated-to"
_DONE: Final = ("Released", "Failed")
_DELETABLE: Final = re.compile("/tmp/.+")  # noqa: S108  # what upstream deletes below, not a place of ours


def sync(world: World, name: str) -> Outcome:
    """Give the next thing to do about the volume *name*."""
    volume = world.get(VOLUMES, name)
    if volume is None:
        return recycling.left(world, name)
    reference = volume.spec.claim_ref
    if reference is None or not reference.uid:
        return _in_phase(volume, "Available")
    claim = world.get(CLAIMS, claim_named_by(volume))
    if not world.asked and _is_doubtful(volume, claim):
        # A cache that lags must not free a volume: its data would be lost.
        return then(Request(verb="get", resource=CLAIMS, namespace=reference.namespace, name=reference.name))
    if world.gone or (claim is not None and claim.metadata.uid != reference.uid):
        claim = None
    if claim is None:
        return _released(world, volume)
    if not claim.spec.volume_name:
        return _wanted(world, volume, claim)
    if claim.spec.volume_name == name:
        return _in_phase(volume, "Bound")
    if PROVISIONED_BY in annotations_of(volume) and _policy(volume) == "Delete":
        return _released(world, volume)
    return then(update(unbound(volume)))


def _is_doubtful(volume: Any, claim: Any) -> bool:
    if claim is None:
        return _phase(volume) not in _DONE
    return bool(claim.metadata.uid != volume.spec.claim_ref.uid)


def _wanted(world: World, volume: Any, claim: Any) -> Outcome:
    """Let the claim that a volume was given to, and that does not know it yet, be bound."""
    if mode_of(claim) == mode_of(volume):
        return claims.sync(world, key_of(claim))
    mine = (
        f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{claim.metadata.name}" due to '
        "incompatible volumeMode."
    )
    its = (
        f'Cannot bind PersistentVolume "{volume.metadata.name}" to requested PersistentVolumeClaim due to '
        "incompatible volumeMode."
    )
    records = (Record(volume, "Warning", "VolumeMismatch", mine), Record(claim, "Warning", "VolumeMismatch", its))
    return Outcome(records=records)


def _released(world: World, volume: Any) -> Outcome:
    if _phase(volume) not in _DONE:
        return then(with_phase(volume, "Released"))
    if annotations_of(volume).get(_MIGRATED_TO):
        return Outcome()
    match _policy(volume):
        case "Retain":
            return Outcome()
        case "Recycle":
            return recycling.recycled(world, volume)
        case "Delete":
            return _deleted(volume)
        case _:
            said = "Volume has unrecognized PersistentVolumeReclaimPolicy"
            return _failed(volume, "VolumeUnknownReclaimPolicy", said)


def _deleted(volume: Any) -> Outcome:
    """Delete a volume that is no provisioner's: of those, only directories of a host that are below /tmp can be."""
    name, maker = volume.metadata.name, annotations_of(volume).get(PROVISIONED_BY)
    if maker and not maker.startswith("kubernetes.io/"):
        return Outcome()
    if volume.spec.csi is not None:
        return Outcome()
    if maker and maker != "kubernetes.io/host-path":
        return _failed(volume, "VolumeFailedDelete", f"no volume plugin matched name: {maker}")
    if volume.spec.host_path is None:
        why = "no deletable volume plugin matched"
        why = f'error getting deleter volume plugin for volume "{name}": {why}'
        return _failed(volume, "VolumeFailedDelete", why)
    path = volume.spec.host_path.path
    if not _DELETABLE.search(path):
        why = f"host_path deleter only supports /tmp/.+ but received provided {path}"
        return _failed(volume, "VolumeFailedDelete", why)
    if volume.metadata.deletion_timestamp is not None:
        return Outcome()
    return Outcome(calls=(Request(verb="delete", resource=VOLUMES, name=name),))


def _failed(volume: Any, reason: str, said: str) -> Outcome:
    if _phase(volume) == "Failed":
        return Outcome()
    return then(with_phase(volume, "Failed", said), Record(volume, "Warning", reason, said))


def _in_phase(volume: Any, phase: str) -> Outcome:
    return Outcome() if _phase(volume) == phase else then(with_phase(volume, phase))


def _phase(volume: Any) -> str:
    return str(volume.status.phase or "") if volume.status is not None else ""


def _policy(volume: Any) -> str:
    return str(volume.spec.persistent_volume_reclaim_policy or "Retain")
