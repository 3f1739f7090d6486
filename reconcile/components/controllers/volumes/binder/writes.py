"""
Writes: a claim and a volume as they are to be, and the requests that make them so.

Source:   pv_controller.go: bind, unbindVolume, updateClaimStatus, updateVolumePhase; component-helpers'
          GetBindVolumeToClaim.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.quantity import Quantity
from reconcile.components.controllers.runtime import Outcome
from reconcile.effects import Record
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.pods.volumes import (
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    CLAIMS,
    VOLUMES,
    annotations_of,
    is_meant_for,
    size_of,
)
from reconcile.model.requests import Request

_PRE_RESIZE: Final = "volume.alpha.kubernetes.io/pre-resize-capacity"


def next_binding(volume: Any, claim: Any) -> Outcome:
    """Give the next of the four writes that bind the two, volume first; an empty outcome once they are bound."""
    bound = _claimed(volume, claim)
    if bound is not volume:
        return then(update(bound))
    if volume.status is None or volume.status.phase != "Bound":
        return then(with_phase(volume, "Bound"))
    named = _with_volume(claim, volume)
    if named is not claim:
        return then(update(named))
    return next_status(claim, "Bound", volume)


def _claimed(volume: Any, claim: Any) -> Any:
    reference, metadata = volume.spec.claim_ref, claim.metadata
    if (
        reference is not None
        and reference.name == metadata.name
        and reference.namespace == metadata.namespace
        and reference.uid == metadata.uid
    ):
        return volume
    by_author = is_meant_for(volume, claim)
    made = core_v1.ObjectReference(
        api_version="v1",
        kind="PersistentVolumeClaim",
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )
    volume = replace(volume, spec=replace(volume.spec, claim_ref=made))
    return volume if by_author else annotated(volume, {BOUND_BY_CONTROLLER: "yes"})


def _with_volume(claim: Any, volume: Any) -> Any:
    name, marks = volume.metadata.name, {BIND_COMPLETED: "yes"}
    if claim.spec.volume_name == name:
        return claim if BIND_COMPLETED in annotations_of(claim) else annotated(claim, marks)
    claim = replace(claim, spec=replace(claim.spec, volume_name=name))
    return annotated(claim, {BOUND_BY_CONTROLLER: "yes", **marks})


def next_status(claim: Any, phase: str, volume: Any = None, record: Record | None = None) -> Outcome:
    """Give the write that lets the claim's status say *phase*, and what its volume is like; empty if it says so."""
    old = claim.status or core_v1.PersistentVolumeClaimStatus()
    if volume is None:
        new = replace(old, phase=phase, access_modes=None, capacity=None, current_volume_attributes_class_name=None)
    else:
        new = replace(old, phase=phase, access_modes=volume.spec.access_modes)
        if old.phase != phase:
            new = replace(new, capacity=_capacity(volume, old))
        if old.phase == "Pending":
            new = replace(new, current_volume_attributes_class_name=volume.spec.volume_attributes_class_name)
    if new == old:
        return Outcome()
    return then(_status(replace(claim, status=new)), record)


def _capacity(volume: Any, old: core_v1.PersistentVolumeClaimStatus) -> Any:
    before = annotations_of(volume).get(_PRE_RESIZE)
    if before is not None:
        return Map.of({"storage": _quantity(before, size_of(volume))})
    had = old.capacity.get("storage") if old.capacity is not None else None
    return old.capacity if had is not None and had == size_of(volume) else volume.spec.capacity


def _quantity(text: str, other: Quantity) -> Quantity:
    try:
        return Quantity.parse(text)
    except ReconcileError:
        return other  # whoever wrote the annotation


def with_phase(volume: Any, phase: str, message: str = "") -> Request:
    """Give the request that lets the volume's status say *phase*."""
    old = volume.status or core_v1.PersistentVolumeStatus()
    return _status(replace(volume, status=replace(old, phase=phase, message=message or None)))


def unbound(volume: Any) -> Any:
    """Give the volume without its claim, or as its author set it aside for one."""
    spec = volume.spec
    if BOUND_BY_CONTROLLER in annotations_of(volume):
        volume = replace(volume, spec=replace(spec, claim_ref=None))
        return without_annotations(volume, (BOUND_BY_CONTROLLER,))
    return replace(volume, spec=replace(spec, claim_ref=replace(spec.claim_ref, uid=None)))


def annotated(obj: Any, marks: dict[str, str]) -> Any:
    """Give the object with these annotations, those that it has."""
    new = Map.of({**annotations_of(obj), **marks})
    return replace(obj, metadata=replace(obj.metadata, annotations=new))


def without_annotations(obj: Any, names: tuple[str, ...]) -> Any:
    """Give the object without the annotations of these names."""
    kept = {name: value for name, value in annotations_of(obj).items() if name not in names}
    return replace(obj, metadata=replace(obj.metadata, annotations=Map.of(kept) if kept else None))


def update(obj: Any, subresource: str = "") -> Request:
    """Give the request that writes a claim or a volume, if nobody has written it since."""
    metadata = obj.metadata
    return Request(
        verb="update",
        resource=CLAIMS if metadata.namespace else VOLUMES,
        namespace=metadata.namespace or "",
        name=metadata.name,
        subresource=subresource,
        body=obj,
    )


def _status(obj: Any) -> Request:
    return update(obj, "status")


def then(request: Request, record: Record | None = None) -> Outcome:
    """Give the outcome that makes *request* and looks again with its answer."""
    return Outcome(calls=(request,), again=True, records=() if record is None else (record,))
