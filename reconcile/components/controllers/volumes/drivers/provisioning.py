"""
Provisioning: a volume for a claim that waits for its driver; a volume that is free again goes, with its storage.

Source:   sig-storage-lib-external-provisioner: shouldProvision, provisionClaimOperation, shouldDelete,
          deleteVolumeOperation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.progress import Progress, with_memory
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.volumes.drivers.naming import driver_named
from reconcile.components.controllers.volumes.drivers.room import forgotten, left_in, segment_for, set_aside
from reconcile.components.controllers.volumes.drivers.trying import tried
from reconcile.effects import Record
from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver, DriverFault
from reconcile.model.pods.volumes import (
    CLAIMS,
    CLASSES,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    VOLUMES,
    annotations_of,
    class_of,
    size_asked,
    waits_for_consumer,
)
from reconcile.model.requests import Request, key_of
from reconcile.store import Change

FINALIZER: Final = "external-provisioner.volume.kubernetes.io/finalizer"
_CLAIM: Final = "claim"
_VOLUME: Final = "volume"
_ALREADY: Final = "AlreadyExists"
_EXHAUSTED: Final = DriverFault(
    operation="provision", code="ResourceExhausted", message="not enough room for the volume"
)


def keys_of_claim(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a claim that has no volume yet."""
    new = change.new
    if new is None or new.spec.volume_name or PROVISIONER not in annotations_of(new):
        return ()
    return ((_CLAIM, change.key),)


def keys_of_volume(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a volume that was provisioned and is free."""
    new = change.new
    if new is None or new.status is None or new.status.phase not in {"Released", "Failed"}:
        return ()
    return ((_VOLUME, change.key),) if PROVISIONED_BY in annotations_of(new) else ()


def keys_of_class(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the claims that wait for a class."""
    if change.new is None:
        return ()
    return tuple([(_CLAIM, key) for key in views.table(CLAIMS).keys_under("unbound", change.key)])


def no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    """Give none: it is only looked at."""
    return ()


def reconcile(drivers: tuple[Driver, ...], ask: Ask) -> Outcome:
    """Make a volume for a claim, or delete one."""
    kind, key = ask.key
    return _provision(drivers, ask, key) if kind == _CLAIM else _delete(drivers, ask, key)


def _provision(drivers: tuple[Driver, ...], ask: Ask, key: str) -> Outcome:
    progress = _remembered(ask)
    claim = ask.views.get(CLAIMS, key)
    driver = None if claim is None else driver_named(drivers, annotations_of(claim).get(PROVISIONER))
    if claim is None or driver is None or claim.metadata.deletion_timestamp is not None:
        return with_memory(Outcome(), progress)
    found = ask.views.get(CLASSES, class_of(claim))
    node = annotations_of(claim).get(SELECTED_NODE)
    if claim.spec.volume_name or found is None or found.provisioner != driver.name:
        return Outcome()
    if waits_for_consumer(found) and node is None:
        return Outcome()
    work = ("provision", claim.metadata.uid)
    name = f"pvc-{claim.metadata.uid}"
    for request, response in ask.answers:
        if request.verb == "update":
            return Outcome() if is_done(response) else Outcome(error=text_of(response))
        if response.ok or response.reason == _ALREADY:
            said = f"Successfully provisioned volume {name}"
            record = _said(driver, claim, "Normal", "ProvisioningSucceeded", said)
            return with_memory(Outcome(records=(record,) if response.ok else ()), progress.done(work))
        return with_memory(Outcome(error=text_of(response)), progress)
    if ask.views.get(VOLUMES, name) is not None:
        return with_memory(Outcome(), progress.done(work))
    begun = work in progress.works
    progress, wait, fault = tried(driver, "provision", progress, work, driver.provision, now=ask.now)
    if fault is not None:
        return with_memory(_refused(driver, claim, found, fault, wait), progress)
    if wait:
        said = f'External provisioner is provisioning volume for claim "{key}"'
        records = () if begun else (_said(driver, claim, "Normal", "Provisioning", said),)
        return with_memory(Outcome(records=records, after=wait), progress)
    progress, labels = _placed(driver, ask, claim, found, progress)
    if labels is None:
        progress, wait = progress.failed(work, driver.provision, ask.now)
        return with_memory(_refused(driver, claim, found, _EXHAUSTED, wait), progress)
    body = _volume(driver, claim, found, labels)
    request = Request(verb="create", resource=VOLUMES, body=body)
    return with_memory(Outcome(calls=(request,), again=True), progress)


def _remembered(ask: Ask) -> Progress:
    """Give what is remembered, without the room of a volume that could not be written."""
    progress: Progress = ask.memory
    for request, response in ask.answers:
        if request.verb == "create" and not response.ok:
            progress = forgotten(progress, request.body.metadata.name)
    return progress


def _placed(
    driver: Driver, ask: Ask, claim: Any, found: Any, progress: Progress
) -> tuple[Progress, Mapping[str, str] | None]:
    """Give the labels by which it is known where a claim's volume is to be; None if there is no room for it."""
    node = annotations_of(claim).get(SELECTED_NODE)
    there = ask.views.get("nodes", node) if node is not None else None
    if not driver.capacity:
        return progress, (there.metadata.labels if there is not None else None) or {}
    size, left = driver.size(size_asked(claim)), left_in(driver, ask.views, progress)
    segment = segment_for(driver, found, there, left, size)
    if segment is None:
        return progress, None
    return set_aside(progress, driver, f"pvc-{claim.metadata.uid}", segment, size), driver.labels_of(segment)


def _refused(driver: Driver, claim: Any, found: Any, fault: DriverFault, wait: Duration) -> Outcome:
    """Give what follows from the driver's having failed: it is tried again, or elsewhere."""
    said = f'failed to provision volume with StorageClass "{found.metadata.name}": {fault.words}'
    record = _said(driver, claim, "Warning", "ProvisioningFailed", said)
    if fault.code == _EXHAUSTED.code and driver.reach and SELECTED_NODE in annotations_of(claim):
        # It is for the scheduler to find another node, where there is room.
        return Outcome(calls=(_unplaced(claim),), records=(record,), again=True)
    return Outcome(records=(record,), after=wait)


def _unplaced(claim: Any) -> Request:
    """Give the update by which a claim's first pod is scheduled anew."""
    metadata = claim.metadata
    body = replace(claim, metadata=replace(metadata, annotations=annotations_of(claim).remove(SELECTED_NODE)))
    return Request(verb="update", resource=CLAIMS, namespace=metadata.namespace, name=metadata.name, body=body)


def _said(driver: Driver, about: Any, type: Any, reason: str, message: str) -> Record:
    return Record(about, type, reason, message, component=f"{driver.name}_csi-provisioner")


def _volume(driver: Driver, claim: Any, found: Any, labels: Mapping[str, str]) -> core_v1.PersistentVolume:
    metadata, spec = claim.metadata, claim.spec
    name = f"pvc-{metadata.uid}"
    reference = core_v1.ObjectReference(
        api_version="v1",
        kind="PersistentVolumeClaim",
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(
            name=name, annotations=Map.of({PROVISIONED_BY: driver.name}), finalizers=(FINALIZER,)
        ),
        spec=core_v1.PersistentVolumeSpec(
            access_modes=spec.access_modes,
            capacity=Map.of({"storage": driver.size(size_asked(claim))}),
            claim_ref=reference,
            csi=core_v1.CSIPersistentVolumeSource(driver=driver.name, volume_handle=name),
            mount_options=found.mount_options,
            node_affinity=_affinity(driver, labels),
            persistent_volume_reclaim_policy=found.reclaim_policy or "Delete",
            storage_class_name=found.metadata.name,
            volume_attributes_class_name=spec.volume_attributes_class_name,
            volume_mode=spec.volume_mode,
        ),
    )


def _affinity(driver: Driver, labels: Mapping[str, str]) -> core_v1.VolumeNodeAffinity | None:
    """Give where a volume can be reached from: from where its first pod is, or where room was found."""
    wanted = [
        core_v1.NodeSelectorRequirement(key=key, operator="In", values=(labels[key],))
        for key in sorted(driver.reaches)
        if key in labels
    ]
    if not wanted:
        return None
    term = core_v1.NodeSelectorTerm(match_expressions=tuple(wanted))
    return core_v1.VolumeNodeAffinity(required=core_v1.NodeSelector(node_selector_terms=(term,)))


def _delete(drivers: tuple[Driver, ...], ask: Ask, name: str) -> Outcome:
    progress: Progress = ask.memory
    volume = ask.views.get(VOLUMES, name)
    driver = None if volume is None else driver_named(drivers, annotations_of(volume).get(PROVISIONED_BY))
    if volume is None or driver is None or volume.status is None or volume.status.phase not in {"Released", "Failed"}:
        return Outcome()
    if volume.spec.persistent_volume_reclaim_policy != "Delete":
        return Outcome()
    work = ("delete", volume.metadata.uid)
    for _, response in ask.answers:
        if not is_done(response):
            return Outcome(error=text_of(response))
    progress, wait, fault = tried(driver, "delete", progress, work, driver.provision, now=ask.now)
    if fault is not None:
        record = _said(driver, volume, "Warning", "VolumeFailedDelete", fault.words)
        return with_memory(Outcome(records=(record,), after=wait), progress)
    if wait:
        return with_memory(Outcome(after=wait), progress)
    if volume.metadata.deletion_timestamp is None:
        if ask.answers:
            return with_memory(Outcome(), progress)
        return with_memory(Outcome(calls=(Request(verb="delete", resource=VOLUMES, name=key_of(volume)),)), progress)
    kept = tuple([each for each in volume.metadata.finalizers or () if each != FINALIZER])
    if ask.answers or kept == (volume.metadata.finalizers or ()):
        return with_memory(Outcome(), progress.done(work))
    body = replace(volume, metadata=replace(volume.metadata, finalizers=kept or None))
    request = Request(verb="update", resource=VOLUMES, name=name, body=body)
    return with_memory(Outcome(calls=(request,), again=True), progress)
