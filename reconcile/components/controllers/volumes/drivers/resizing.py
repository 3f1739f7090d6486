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
from reconcile.components.controllers.volumes.drivers.trying import tried
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.drivers import FINAL, INFEASIBLE, Driver, DriverFault
from reconcile.model.pods.volumes import CLAIMS, OF_SIZE, VOLUMES, attributes_of, claim_named_by, size_asked, size_of
from reconcile.model.requests import Request
from reconcile.store import Change

PENDING: Final = "FileSystemResizePending"
RESIZING: Final = "Resizing"
MODIFYING: Final = "ModifyingVolume"
_OF_ATTRIBUTES: Final = (MODIFYING, "ModifyVolumeError")
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


def _allocated(claim: Any) -> Quantity:
    allocated = claim.status.allocated_resources
    return _NOTHING if allocated is None else allocated.get("storage", _NOTHING)


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
            if conditions.find(status.conditions, PENDING) is not None and not _is_stuck(claim):
                return Outcome()
            said = "Require file system resize of volume on node"
            return _status(driver, _pending(claim, ask.now), "FileSystemResizeRequired", said)
        return _status(driver, _done(claim, size_of(volume)), "VolumeResizeSuccessful", "Resize volume succeeded")
    if conditions.find(status.conditions, RESIZING) is None or _allocated(claim).nanos != wanted.nanos:
        said = f"External resizer is resizing volume {volume.metadata.name}"
        return _status(driver, _begun(claim, wanted, ask.now), "Resizing", said)
    work = ("expand", claim.metadata.uid, wanted.text)
    progress, wait, fault = tried(driver, "expand", progress, work, driver.expand, now=ask.now)
    if fault is not None:
        words = f'resize volume "{volume.metadata.name}" by resizer "{driver.name}" failed: {fault.words}'
        outcome = _failed(driver, claim, _not_grown(claim, fault, ask.now), "VolumeResizeFailed", words)
        return with_memory(replace(outcome, after=wait), progress)
    if wait:
        return with_memory(Outcome(after=wait), progress)
    capacity = (volume.spec.capacity or Map()).set("storage", driver.size(wanted))
    body = replace(volume, spec=replace(volume.spec, capacity=capacity))
    return with_memory(_update(VOLUMES, body), progress.done(work))


def _is_stuck(claim: Any) -> bool:
    """Tell whether the node has given up: it tries again when it is told again that the volume has grown."""
    return (claim.status.allocated_resource_statuses or {}).get("storage") == "NodeResizeInfeasible"


def _begun(claim: Any, wanted: Quantity, now: Instant) -> Any:
    return _with_status(
        claim,
        conditions=_merged(claim, OF_SIZE, _condition(RESIZING, now)),
        allocated_resources=Map.of({"storage": wanted}),
        allocated_resource_statuses=Map.of({"storage": "ControllerResizeInProgress"}),
    )


def _not_grown(claim: Any, fault: DriverFault, now: Instant) -> Any:
    """Give the claim that says how growing has failed: what may yet come of it is not said."""
    if fault.code not in FINAL:
        return claim
    row = _condition("ControllerResizeError", now, f"failed to expand pvc with {fault.words}")
    new = _with_status(claim, conditions=_merged(claim, ("ControllerResizeError",), row))
    if fault.code in INFEASIBLE:
        new = _with_status(new, allocated_resource_statuses=Map.of({"storage": "ControllerResizeInfeasible"}))
    return new


def _pending(claim: Any, now: Instant) -> Any:
    return _with_status(
        claim,
        conditions=_merged(claim, OF_SIZE, _condition(PENDING, now, _ON_NODE)),
        allocated_resource_statuses=Map.of({"storage": "NodeResizePending"}),
    )


def _done(claim: Any, wanted: Quantity) -> Any:
    return _with_status(
        claim,
        capacity=(claim.status.capacity or Map()).set("storage", wanted),
        conditions=_merged(claim, OF_SIZE) or None,
        allocated_resource_statuses=None,
    )


def _merged(claim: Any, types: tuple[str, ...], *rows: Any) -> tuple[Any, ...]:
    """Give the claim's conditions with *rows* for those of *types*; one that says the same stays as it was."""
    old = claim.status.conditions or ()
    same = {row.type: row for row in old}
    rows = tuple(
        [same[row.type] if row.type in same and same[row.type].message == row.message else row for row in rows]
    )
    return (*[row for row in old if row.type not in types], *rows)


def _condition(
    type: str, now: Instant, message: str | None = None, reason: str | None = None
) -> core_v1.PersistentVolumeClaimCondition:
    return core_v1.PersistentVolumeClaimCondition(
        type=type, status="True", last_transition_time=Time.at(now), message=message, reason=reason
    )


def _changed(driver: Driver, ask: Ask, claim: Any, volume: Any) -> Outcome:
    """Let the volume have the attributes of the class that its claim names."""
    progress: Progress = ask.memory
    wanted = attributes_of(claim)
    if attributes_of(volume) == wanted:
        done = _with_status(
            claim,
            current_volume_attributes_class_name=wanted,
            modify_volume_status=None,
            conditions=_merged(claim, _OF_ATTRIBUTES) or None,
        )
        said = f"external resizer modified volume {volume.metadata.name} with vac {wanted} successfully"
        return _status(driver, done, "VolumeModifySuccessful", said)
    asked = claim.status.modify_volume_status
    if asked is None or asked.target_volume_attributes_class_name != wanted:
        words = f'Modifying volume to "{wanted}" is in progress.'
        begun = _modifying(claim, "InProgress", wanted, _condition(MODIFYING, ask.now, words))
        said = f"external resizer is modifying volume {claim.metadata.name} with vac {wanted}"
        return _status(driver, begun, "VolumeModify", said)
    work = ("modify", claim.metadata.uid, wanted)
    progress, wait, fault = tried(driver, "modify", progress, work, driver.expand, now=ask.now)
    if fault is not None:
        is_final = fault.code in FINAL
        words = fault.words if is_final else f"{fault.words}. Still modifying to VAC {wanted}"
        how = "failed. Waiting for retry." if is_final else "is still in progress."
        rows = (
            _condition(MODIFYING, ask.now, f'Modifying volume to "{wanted}" {how}'),
            _condition("ModifyVolumeError", ask.now, fault.message, fault.code),
        )
        now_is = "Infeasible" if fault.code == "InvalidArgument" else "InProgress"
        new = _modifying(claim, now_is, wanted, *rows)
        return with_memory(replace(_failed(driver, claim, new, "VolumeModifyFailed", words), after=wait), progress)
    if wait:
        return with_memory(Outcome(after=wait), progress)
    body = replace(volume, spec=replace(volume.spec, volume_attributes_class_name=wanted))
    return with_memory(_update(VOLUMES, body), progress.done(work))


def _modifying(claim: Any, status: str, wanted: str, *rows: Any) -> Any:
    return _with_status(
        claim,
        modify_volume_status=core_v1.ModifyVolumeStatus(status=status, target_volume_attributes_class_name=wanted),
        conditions=_merged(claim, _OF_ATTRIBUTES, *rows),
    )


def _failed(driver: Driver, claim: Any, new: Any, reason: str, words: str) -> Outcome:
    """Say that an operation has failed, in an event, and in the claim's status unless it says so already."""
    record = Record(claim, "Warning", reason, words, component=f"external-resizer {driver.name}")
    outcome = Outcome() if new == claim else _update(CLAIMS, new, "status")
    return replace(outcome, records=(record,), again=False)


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
