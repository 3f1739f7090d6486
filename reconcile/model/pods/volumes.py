"""
Volumes: what claims, volumes and pods say of each other.

Takes:    PersistentVolumeClaims, PersistentVolumes, StorageClasses, Pods.
Gives:    names, sizes, and whether one is meant for the other.
Source:   https://kubernetes.io/docs/concepts/storage/persistent-volumes/; component-helpers' storage/volume and
          storage/ephemeral.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.quantity import Quantity
from reconcile.lib.mapping import Map

CLAIMS: Final = "persistentvolumeclaims"
VOLUMES: Final = "persistentvolumes"
CLASSES: Final = "storageclasses.storage.k8s.io"

BIND_COMPLETED: Final = "pv.kubernetes.io/bind-completed"
"""On a claim: it was bound once."""
BOUND_BY_CONTROLLER: Final = "pv.kubernetes.io/bound-by-controller"
"""On a claim or a volume: who it is bound to was not said by its author."""
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
"""On a volume: which provisioner made it."""
PROVISIONER: Final = "volume.kubernetes.io/storage-provisioner"
"""On a claim: which provisioner is to make its volume."""
BETA_PROVISIONER: Final = "volume.beta.kubernetes.io/storage-provisioner"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
"""On a claim: the node that the scheduler chose for its first consumer."""
BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
BETA_DEFAULT_CLASS: Final = "storageclass.beta.kubernetes.io/is-default-class"
CLAIM_PROTECTION: Final = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION: Final = "kubernetes.io/pv-protection"
OF_SIZE: Final = ("Resizing", "FileSystemResizePending", "ControllerResizeError", "NodeResizeError")
"""The conditions of a claim that say how its growth goes."""

_NOTHING: Final = Quantity.parse("0")
_NO_ANNOTATIONS: Final[Map[str]] = Map()


def annotations_of(obj: Any) -> Any:
    """Give the object's annotations, none if there are none."""
    return obj.metadata.annotations or _NO_ANNOTATIONS


def class_of(obj: Any) -> str:
    """Give the name of the class that a claim asks for, or a volume belongs to; empty for none."""
    found = annotations_of(obj).get(BETA_CLASS)
    return str(found if found is not None else obj.spec.storage_class_name or "")


def has_class(claim: Any) -> bool:
    """Tell whether a claim says which class it wants, be it none."""
    return BETA_CLASS in annotations_of(claim) or claim.spec.storage_class_name is not None


def is_default(storage_class: Any) -> bool:
    """Tell whether a class is for claims that name none."""
    found = annotations_of(storage_class)
    return "true" in (found.get(DEFAULT_CLASS), found.get(BETA_DEFAULT_CLASS))


def size_asked(claim: Any) -> Quantity:
    """Give how much a claim asks for."""
    resources = claim.spec.resources
    found: Quantity = ((resources and resources.requests) or {}).get("storage", _NOTHING)
    return found


def size_of(volume: Any) -> Quantity:
    """Give how large a volume is."""
    found: Quantity = (volume.spec.capacity or {}).get("storage", _NOTHING)
    return found


def mode_of(obj: Any) -> str:
    """Give how a claim's or a volume's data is accessed: as a Filesystem or as a Block device."""
    return obj.spec.volume_mode or "Filesystem"


def attributes_of(obj: Any) -> str:
    """Give the name of the VolumeAttributesClass of a claim or a volume; empty for none."""
    return obj.spec.volume_attributes_class_name or ""


def is_meant_for(volume: Any, claim: Any) -> bool:
    """Tell whether a volume is bound to this very claim, or was set aside for one of its name."""
    reference = volume.spec.claim_ref
    return (
        reference is not None
        and reference.name == claim.metadata.name
        and reference.namespace == claim.metadata.namespace
        and (not reference.uid or reference.uid == claim.metadata.uid)
    )


def claim_named_by(volume: Any) -> str:
    """Give the key of the claim that a volume is bound to or set aside for; empty if there is none."""
    reference = volume.spec.claim_ref
    return f"{reference.namespace}/{reference.name}" if reference is not None else ""


def waits_for_consumer(storage_class: Any) -> bool:
    """Tell whether claims of a class are bound only once a pod is to use them."""
    return storage_class is not None and storage_class.volume_binding_mode == "WaitForFirstConsumer"


def claim_of(pod: Any, volume: Any) -> str:
    """Give the name of the claim that a pod's volume is made of; empty if it is of another kind."""
    if volume.persistent_volume_claim is not None:
        return str(volume.persistent_volume_claim.claim_name)
    return f"{pod.metadata.name}-{volume.name}" if volume.ephemeral is not None else ""


def claims_of(pod: Any) -> tuple[str, ...]:
    """Give the names of the claims that a pod's volumes are made of."""
    volumes = pod.spec.volumes
    if not volumes:
        return ()
    found = [claim_of(pod, volume) for volume in volumes]
    return tuple(dict.fromkeys([name for name in found if name]))


def is_of(pod: Any, claim: Any) -> bool:
    """Tell whether a claim was made for a pod's ephemeral volume: the pod is its controller."""
    for reference in claim.metadata.owner_references or ():
        if reference.controller:
            return bool(reference.uid == pod.metadata.uid)
    return False


def has_ended(pod: Any) -> bool:
    """Tell whether a pod holds its volumes no more: it has finished, or is being deleted and none of it runs."""
    status = pod.status
    if status is None:
        return False
    if status.phase in {"Succeeded", "Failed"}:
        return True
    if pod.metadata.deletion_timestamp is None:
        return False
    rows = (
        *(status.init_container_statuses or ()),
        *(status.container_statuses or ()),
        *(status.ephemeral_container_statuses or ()),
    )
    return all(row.state is not None and (row.state.terminated or row.state.waiting) for row in rows)
