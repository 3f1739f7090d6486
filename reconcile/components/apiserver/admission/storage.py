"""
StorageObjectInUseProtection, DefaultStorageClass, PersistentVolumeClaimResize: claims, volumes and their classes.

Source:   the admission plugins of these names.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.quantity import Quantity
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace
from reconcile.model import statuses

_CLASSES: Final = "storageclasses.storage.k8s.io"
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
_BETA_DEFAULT: Final = "storageclass.beta.kubernetes.io/is-default-class"
_FINALIZERS: Final = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
}
_NOTHING: Final = Quantity.parse("0")


def protect(ask: Ask, obj: Any) -> Any:
    """Give a new volume, claim or class with the finalizer that keeps it while it is in use."""
    finalizer = _FINALIZERS[ask.request.resource]
    given = obj.metadata.finalizers or ()
    if finalizer in given or "StorageObjectInUseProtection" in ask.state.disabled:
        return obj
    return replace(obj, metadata=replace(obj.metadata, finalizers=(*given, finalizer)))


def admit_claim(ask: Ask, claim: Any) -> Any:
    """Give a new claim with what it needs: the default class if it names none, its finalizer."""
    named = claim.spec is None or claim.spec.storage_class_name is not None
    if not named and _BETA_CLASS not in (claim.metadata.annotations or ()):
        name = None if "DefaultStorageClass" in ask.state.disabled else default_class(ask, _CLASSES, _is_default)
        if name is not None:
            claim = replace(claim, spec=replace(claim.spec, storage_class_name=name))
    return protect(ask, claim)


def default_class(ask: Ask, resource: str, is_default: Any) -> str | None:
    """Give the newest of the classes that are the default, of those as old the first by name."""
    found = [each for each in ask.store.table(resource).values() if is_default(each.metadata.annotations or {})]
    found.sort(key=lambda each: (-each.metadata.creation_timestamp.instant, each.metadata.name))
    return found[0].metadata.name if found else None


def check_resize(ask: Ask, claim: Any, old: Any) -> None:
    """Refuse to let a claim grow that is not bound, or whose class does not let it."""
    before, after = _asked(old), _asked(claim)
    if after <= before or "PersistentVolumeClaimResize" in ask.state.disabled:
        return
    why = ""
    if old.status is None or old.status.phase != "Bound":
        why = "Only bound persistent volume claims can be expanded"
    else:
        name = _class_of(claim)
        found = ask.store.get(_CLASSES, name) if name and name == _class_of(old) else None
        if found is None or not found.allow_volume_expansion:
            why = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must"
                " support resize"
            )
    if why:
        raise Refusal(statuses.forbidden(ask.request.resource, claim.metadata.name, why))


def _is_default(annotations: Any) -> bool:
    return "true" in (annotations.get(_DEFAULT), annotations.get(_BETA_DEFAULT))


def _class_of(claim: Any) -> str:
    return (claim.metadata.annotations or {}).get(_BETA_CLASS) or claim.spec.storage_class_name or ""


def _asked(claim: Any) -> Quantity:
    resources = claim.spec.resources if claim.spec is not None else None
    found: Quantity = ((resources.requests if resources is not None else None) or {}).get("storage", _NOTHING)
    return found
