"""
Claims: one that has no volume yet is given one, made for it or waited for; one that has, keeps it or has lost it.

Source:   pv_controller.go: syncClaim, syncUnboundClaim, syncBoundClaim, provisionClaim, assignDefaultStorageClass.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from reconcile.components.controllers.runtime import Outcome
from reconcile.components.controllers.volumes.binder.matching import best_match, why_unfit
from reconcile.components.controllers.volumes.binder.writes import (
    annotated,
    next_binding,
    next_status,
    then,
    update,
)
from reconcile.components.controllers.volumes.newest import World
from reconcile.effects import Record
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.model.pods.volumes import (
    BETA_PROVISIONER,
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    CLAIMS,
    CLASSES,
    PROVISIONER,
    SELECTED_NODE,
    VOLUMES,
    annotations_of,
    class_of,
    has_class,
    has_ended,
    is_default,
    is_meant_for,
    waits_for_consumer,
)
from reconcile.model.requests import key_of

RESYNC: Final = 15 * SECOND
"""kube-controller-manager --pvclaimbinder-sync-period: how often a claim that waits is looked at."""

_IN_TREE: Final = "kubernetes.io/"
_MIGRATED: Final = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/portworx-volume": "pxd.portworx.com",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
}
_NO_CLASS: Final = "no persistent volumes available for this claim and no storage class is set"


def sync(world: World, key: str) -> Outcome:
    """Give the next thing to do about the claim at *key*."""
    claim = world.get(CLAIMS, key)
    if claim is None:
        return Outcome()
    return _sync_bound(world, claim) if BIND_COMPLETED in annotations_of(claim) else _sync_unbound(world, claim)


def _sync_bound(world: World, claim: Any) -> Outcome:
    name = claim.spec.volume_name
    if not name:
        said = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return _lost(claim, "ClaimLost", said)
    volume = world.get(VOLUMES, name)
    if volume is None:
        return _lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    reference = volume.spec.claim_ref
    if reference is None or reference.uid == claim.metadata.uid:
        return next_binding(volume, claim)
    said = "Two claims are bound to the same volume, this one is bound incorrectly"
    return _lost(claim, "ClaimMisbound", said)


def _lost(claim: Any, reason: str, said: str) -> Outcome:
    if claim.status is not None and claim.status.phase == "Lost":
        return Outcome()
    return next_status(claim, "Lost", record=Record(claim, "Warning", reason, said))


def _sync_unbound(world: World, claim: Any) -> Outcome:
    name = claim.spec.volume_name
    if not name:
        delayed = waits_for_consumer(world.get(CLASSES, class_of(claim)))
        volume = best_match(claim, _candidates(world, claim, delayed=delayed))
        return _without_volume(world, claim, delayed=delayed) if volume is None else next_binding(volume, claim)
    volume = world.get(VOLUMES, name)
    if volume is None:
        return _waiting(claim)
    if volume.spec.claim_ref is None:
        why = why_unfit(volume, claim)
        if not why:
            return next_binding(volume, claim)
        return _waiting(claim, "Warning", "VolumeMismatch", f'Cannot bind to requested volume "{name}": {why}')
    if is_meant_for(volume, claim):
        return next_binding(volume, claim)
    outcome = _waiting(claim, "Warning", "FailedBinding", f'volume "{name}" already bound to a different claim.')
    if BOUND_BY_CONTROLLER not in annotations_of(claim):
        return outcome
    owner = volume.spec.claim_ref
    error = (
        f'invalid binding of claim "{key_of(claim)}" to volume "{name}": volume already claimed by'
        f' "{owner.namespace}/{owner.name}"'
    )
    return Outcome(records=outcome.records, error=error)


def _candidates(world: World, claim: Any, *, delayed: bool) -> list[Any]:
    """Give the volumes that are meant for the claim, and unless the scheduler is to choose, all that are free."""
    table = world.views.table(VOLUMES)
    keys = table.keys_under("claim", key_of(claim))
    found = world.of(VOLUMES, keys if delayed else (*keys, *table.keys_under("offered", class_of(claim))))
    return [each for each in found if is_meant_for(each, claim)] if delayed else found


def _without_volume(world: World, claim: Any, *, delayed: bool) -> Outcome:
    if not has_class(claim):
        name = _default_class(world)
        if name:
            return then(update(replace(claim, spec=replace(claim.spec, storage_class_name=name))))
    if delayed and SELECTED_NODE not in annotations_of(claim):
        return _without_consumer(world, claim)
    if class_of(claim):
        return _provisioned(world, claim)
    return _waiting(claim, "Normal", "FailedBinding", _NO_CLASS)


def _default_class(world: World) -> str:
    """Give the newest of the classes that are the default, of those as old the first by name; empty for none."""
    found = [each for each in world.views.table(CLASSES).values() if is_default(each)]
    found.sort(key=lambda each: (-each.metadata.creation_timestamp.instant, each.metadata.name))
    return found[0].metadata.name if found else ""


def _without_consumer(world: World, claim: Any) -> Outcome:
    pods = world.views.table("pods").under("claim", key_of(claim))
    names = [pod.metadata.name for pod in pods if not pod.spec.node_name and not has_ended(pod)]
    if not names:
        said = "waiting for first consumer to be created before binding"
        return _waiting(claim, "Normal", "WaitForFirstConsumer", said)
    what = f"pod {names[0]}" if len(names) == 1 else f"pods {','.join(names)}"
    return _waiting(claim, "Normal", "WaitForPodScheduled", f"waiting for {what} to be scheduled")


def _provisioned(world: World, claim: Any) -> Outcome:
    """Ask the class's provisioner for a volume, by an annotation that it goes by, and say so."""
    name = class_of(claim)
    found = world.get(CLASSES, name)
    if found is None:
        said = f'storageclass.storage.k8s.io "{name}" not found'
        return _later(_said(claim, "Warning", "ProvisioningFailed", said))
    provisioner = _MIGRATED.get(found.provisioner, found.provisioner)
    if provisioner.startswith(_IN_TREE):
        said = f"no volume plugin matched name: {provisioner}"
        return _later(_said(claim, "Warning", "ProvisioningFailed", said))
    if annotations_of(claim).get(PROVISIONER) != provisioner:
        return then(update(annotated(claim, {BETA_PROVISIONER: provisioner, PROVISIONER: provisioner})))
    said = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    return _later(_said(claim, "Normal", "ExternalProvisioning", said))


def _said(claim: Any, type: Literal["Normal", "Warning"], reason: str, message: str) -> Record:
    return Record(claim, type, reason, message)


def _waiting(claim: Any, type: Literal["Normal", "Warning"] = "Normal", reason: str = "", said: str = "") -> Outcome:
    """Let the claim's status be Pending; it is looked at again now and then, which nothing waits for."""
    outcome = next_status(claim, "Pending")
    records = (_said(claim, type, reason, said),) if said else ()
    return replace(outcome, records=records, again=False, after=RESYNC, after_is_periodic=True)


def _later(record: Record) -> Outcome:
    return Outcome(records=(record,), after=RESYNC, after_is_periodic=True)
