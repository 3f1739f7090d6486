"""
Resizing: a claim that asks for more than its volume has is given it; one that asks for other attributes gets those.

Source:   external-resizer: its controller of expansion, with recovery, and its controller of modification.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.progress import Progress, with_memory
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.volumes.drivers.naming import driver_named
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.drivers import Driver
from reconcile.model.requests import Request
from reconcile.model.volumes import CLAIMS, VOLUMES, attributes_of, claim_named_by, size_asked, size_of
from reconcile.store import Change

PENDING: Final = "FileSystemResizePending"
RESIZING: Final = "Resizing"
_ON_NODE: Final = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
_NOTHING: Final = Quantity.parse("0")


def keys_of_claim(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a claim that is bound and wants another volume than it has."""
    new = change.new
    if new is None or new.status is None or new.status.phase != "Bound":
        return ()
    return (change.key,) if grows(new) or _is_to_change(new) else ()


def keys_of_volume(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the claim of a volume that has changed."""
    key = "" if change.new is None else claim_named_by(change.new)
    return (key,) if key and views.get(CLAIMS, key) is not None else ()


def grows(claim: Any) -> bool:
    """Tell whether a claim asks for more than it has."""
    return size_asked(claim).nanos > _capacity(claim).nanos


def _capacity(claim: Any) -> Quantity:
    capacity = claim.status.capacity if claim.status is not None else None
    return _NOTHING if capacity is None else capacity.get("storage", _NOTHING)


def _is_to_change(claim: Any) -> bool:
    wanted = attributes_of(claim)
    return bool(wanted) and wanted != (claim.status.current_volume_attributes_class_name or "")


def reconcile(drivers: tuple[Driver, ...], ask: Ask) -> Outcome:
    """Do the next step towards what the claim asks for."""
    claim = ask.views.get(CLAIMS, ask.key)
    if claim is None or claim.status is None or claim.status.phase != "Bound":
        return Outcome()
    volume = ask.views.get(VOLUMES, claim.spec.volume_name or "")
    for _, response in ask.answers:
        # What was written shows in the caches, and brings the claim here again.
        return Outcome() if response.ok or response.code == NOT_FOUND else Outcome(error=text_of(response))
    source = volume.spec.csi if volume is not None else None
    driver = None if source is None else driver_named(drivers, source.driver)
    if volume is None or driver is None:
        return Outcome()
    if grows(claim):
        return _grown(driver, ask, claim, volume)
    return _changed(driver, ask, claim, volume) if _is_to_change(claim) else Outcome()


def _grown(driver: Driver, ask: Ask, claim: Any, volume: Any) -> Outcome:
    progress: Progress = ask.memory
    status, wanted = claim.status, size_asked(claim)
    if size_of(volume).nanos >= wanted.nanos:
        if driver.file_systems and volume.spec.volume_mode != "Block":
            if conditions.find(status.conditions, PENDING) is not None:
                return Outcome()
            said = "Require file system resize of volume on node"
            return _status(driver, _pending(claim, ask.now), "FileSystemResizeRequired", said)
        return _status(driver, _done(claim, wanted), "VolumeResizeSuccessful", "Resize volume succeeded")
    if conditions.find(status.conditions, RESIZING) is None:
        said = f"External resizer is resizing volume {volume.metadata.name}"
        return _status(driver, _begun(claim, wanted, ask.now), "Resizing", said)
    work = ("expand", claim.metadata.uid, wanted.text)
    progress, wait = progress.waited(work, driver.expand, ask.now)
    if wait:
        return with_memory(Outcome(after=wait), progress)
    capacity = (volume.spec.capacity or Map()).set("storage", wanted)
    body = replace(volume, spec=replace(volume.spec, capacity=capacity))
    return with_memory(_update(VOLUMES, body), progress.done(work))


def _begun(claim: Any, wanted: Quantity, now: Instant) -> Any:
    return _with_status(
        claim,
        conditions=(_condition(RESIZING, now),),
        allocated_resources=Map.of({"storage": wanted}),
        allocated_resource_statuses=Map.of({"storage": "ControllerResizeInProgress"}),
    )


def _pending(claim: Any, now: Instant) -> Any:
    return _with_status(
        claim,
        conditions=(_condition(PENDING, now, _ON_NODE),),
        allocated_resource_statuses=Map.of({"storage": "NodeResizePending"}),
    )


def _done(claim: Any, wanted: Quantity) -> Any:
    return _with_status(
        claim,
        capacity=(claim.status.capacity or Map()).set("storage", wanted),
        conditions=None,
        allocated_resource_statuses=None,
    )


def _condition(type: str, now: Instant, message: str | None = None) -> core_v1.PersistentVolumeClaimCondition:
    return core_v1.PersistentVolumeClaimCondition(
        type=type, status="True", last_transition_time=Time.at(now), message=message
    )


def _changed(driver: Driver, ask: Ask, claim: Any, volume: Any) -> Outcome:
    """Let the volume have the attributes of the class that its claim names."""
    progress: Progress = ask.memory
    wanted = attributes_of(claim)
    if attributes_of(volume) == wanted:
        done = _with_status(claim, current_volume_attributes_class_name=wanted, modify_volume_status=None)
        said = f"external resizer modified volume {volume.metadata.name} with vac {wanted} successfully"
        return _status(driver, done, "VolumeModifySuccessful", said)
    asked = claim.status.modify_volume_status
    if asked is None or asked.target_volume_attributes_class_name != wanted:
        begun = core_v1.ModifyVolumeStatus(status="InProgress", target_volume_attributes_class_name=wanted)
        said = f"external resizer is modifying volume {claim.metadata.name} with vac {wanted}"
        return _status(driver, _with_status(claim, modify_volume_status=begun), "VolumeModify", said)
    work = ("modify", claim.metadata.uid, wanted)
    progress, wait = progress.waited(work, driver.expand, ask.now)
    if wait:
        return with_memory(Outcome(after=wait), progress)
    body = replace(volume, spec=replace(volume.spec, volume_attributes_class_name=wanted))
    return with_memory(_update(VOLUMES, body), progress.done(work))


def _with_status(claim: Any, **changes: Any) -> Any:
    return replace(claim, status=replace(claim.status, **changes))


def _status(driver: Driver, claim: Any, reason: str, said: str) -> Outcome:
    record = Record(claim, "Normal", reason, said, component=f"external-resizer {driver.name}")
    return replace(_update(CLAIMS, claim, "status"), records=(record,))


def _update(resource: str, body: Any, subresource: str = "") -> Outcome:
    metadata = body.metadata
    request = Request(
        verb="update",
        resource=resource,
        namespace=metadata.namespace or "",
        name=metadata.name,
        subresource=subresource,
        body=body,
    )
    return Outcome(calls=(request,), again=True)
