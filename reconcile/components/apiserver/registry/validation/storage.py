"""Validation of storage: classes, attachments, drivers and what nodes have of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import core_v1, storage_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, too_long, wrong
from reconcile.components.apiserver.registry.validation.metadata import at_least_zero, selector_causes
from reconcile.components.apiserver.registry.validation.parts import chosen, driver_causes, faulty, given, unchanged
from reconcile.lib.replacing import replace
from reconcile.model.text import names

_MOST_PARAMETERS: Final = 512
_LARGEST: Final = 256 * 1024
_LONGEST_MESSAGE: Final = 1024
_LONGEST_NODE_ID: Final = 256
_RECLAIMS: Final = ("Delete", "Retain")
_BINDINGS: Final = ("Immediate", "WaitForFirstConsumer")
_FS_GROUPS: Final = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES: Final = ("Persistent", "Ephemeral")
_ONE_SOURCE: Final = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
_SHORTEST_TOKEN: Final = 600
_LONGEST_TOKEN: Final = 2**32
_SHORTEST_PERIOD: Final = 10
_LARGEST_CODE: Final = 2**31 - 1


def class_causes(obj: storage_v1.StorageClass) -> Causes:
    """Say what is wrong with a storage class."""
    found = _provisioner_causes("provisioner", obj.provisioner)
    found += _parameters_causes("parameters", obj.parameters)
    if obj.reclaim_policy:
        found += chosen("reclaimPolicy", obj.reclaim_policy, _RECLAIMS)
    if obj.volume_binding_mode is None:
        found.append(required("volumeBindingMode"))
    else:
        found += chosen("volumeBindingMode", obj.volume_binding_mode, _BINDINGS)
    seen: list[Any] = []
    for place, term in enumerate(obj.allowed_topologies or ()):
        at = f"allowedTopologies[{place}].matchLabelExpressions"
        expressions = term.match_label_expressions or ()
        found += _topology_causes(at, expressions)
        raw = {expression.key: frozenset(expression.values or ()) for expression in expressions}
        if raw in seen or not raw:
            # An empty term equals what stands in for the terms that are still to come.
            found.append(duplicate(at, ""))
        seen.append(raw)
    return tuple(found)


def class_update_causes(new: storage_v1.StorageClass, old: storage_v1.StorageClass) -> Causes:
    """Say what of a storage class changed that may not."""
    return (
        *unchanged("parameters", new.parameters, old.parameters),
        *unchanged("provisioner", new.provisioner, old.provisioner),
        *unchanged("reclaimPolicy", new.reclaim_policy, old.reclaim_policy),
        *unchanged("volumeBindingMode", new.volume_binding_mode, old.volume_binding_mode),
    )


def _provisioner_causes(field: str, name: str) -> list[Cause]:
    return faulty(field, name.lower(), names.qualified_faults(name.lower())) if name else [required(field)]


def _parameters_causes(field: str, parameters: Mapping[str, str] | None) -> list[Cause]:
    if parameters is None:
        return []
    if len(parameters) > _MOST_PARAMETERS:
        return [too_long(field, _MOST_PARAMETERS)]
    found = [wrong(field, "", "field can not be empty.")] if "" in parameters else []
    if sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items()) > _LARGEST:
        found.append(too_long(field, _LARGEST))
    return found


def _topology_causes(field: str, expressions: tuple[core_v1.TopologySelectorLabelRequirement, ...]) -> list[Cause]:
    found: list[Cause] = []
    keys: list[str] = []
    for place, expression in enumerate(expressions):
        at, values = f"{field}[{place}]", expression.values or ()
        if not values:
            found.append(required(f"{at}.values"))
        for number, value in enumerate(values):
            if value in values[:number]:
                found.append(duplicate(f"{at}.values[{number}]", value))
        found += faulty(f"{at}.key", expression.key, names.qualified_faults(expression.key))
        if expression.key in keys:
            found.append(duplicate(f"{at}.key", expression.key))
        keys.append(expression.key)
    return found


def attachment_causes(obj: storage_v1.VolumeAttachment) -> Causes:
    """Say what is wrong with a volume attachment."""
    spec = given(obj.spec, storage_v1.VolumeAttachmentSpec)
    found = driver_causes("spec.attacher", spec.attacher)
    source = given(spec.source, storage_v1.VolumeAttachmentSource)
    volume = source.persistent_volume_name
    if source.inline_volume_spec is None and volume is None:
        found.append(required("spec.source", _ONE_SOURCE))
    elif source.inline_volume_spec is not None and volume is not None:
        found.append(forbidden("spec.source", _ONE_SOURCE))
    elif volume == "":
        found.append(required("spec.source.persistentVolumeName", "must specify non empty persistentVolumeName"))
    found += faulty("spec.nodeName", spec.node_name, names.subdomain_faults(spec.node_name))
    found += attachment_status_causes(obj)
    if volume is not None:
        found += faulty("spec.source.persistentVolumeName", volume, names.subdomain_faults(volume))
    return tuple(found)


def attachment_status_causes(obj: storage_v1.VolumeAttachment) -> list[Cause]:
    """Say what is wrong with the status of a volume attachment."""
    status = obj.status
    if status is None:
        return []
    found: list[Cause] = []
    kept: Mapping[str, str] = status.attachment_metadata or {}
    if sum(len(key.encode()) + len(value.encode()) for key, value in kept.items()) > _LARGEST:
        found.append(too_long("status.attachmentMetadata", _LARGEST))
    for name, error in (("attachError", status.attach_error), ("detachError", status.detach_error)):
        if error is None:
            continue
        if len((error.message or "").encode()) > _LONGEST_MESSAGE:
            found.append(too_long(f"status.{name}.message", _LARGEST))
        if error.error_code is not None and error.error_code < 0:
            why = f"must be between 0 and {_LARGEST_CODE}, inclusive"
            found.append(wrong(f"status.{name}.errorCode", error.error_code, why))
    return found


def attachment_update_causes(new: storage_v1.VolumeAttachment, old: storage_v1.VolumeAttachment) -> Causes:
    """Say what is wrong with an update of a volume attachment, whose specification is for good."""
    return (*attachment_causes(new), *unchanged("spec", new.spec, old.spec))


def csi_node_causes(obj: storage_v1.CSINode) -> Causes:
    """Say what is wrong with a CSINode."""
    found: list[Cause] = []
    known: list[str] = []
    for place, driver in enumerate(obj.spec.drivers or ()):
        at = f"spec.drivers[{place}]"
        found += driver_causes(f"{at}.name", driver.name)
        if not driver.node_id:
            found.append(required(f"{at}.nodeID"))
        elif len(driver.node_id) > _LONGEST_NODE_ID:
            why = f"must be {_LONGEST_NODE_ID} characters or less"
            found.append(wrong(f"{at}.nodeID", driver.node_id, why))
        if driver.allocatable is not None:
            found += at_least_zero(f"{at}.allocatable.count", driver.allocatable.count)
        if driver.name in known:
            found.append(duplicate(f"{at}.name", driver.name))
        known.append(driver.name)
        keys = driver.topology_keys or ()
        for number, key in enumerate(keys):
            found += [] if key else [required(at)]
            found += [duplicate(at, key)] if key in keys[:number] else []
            found += faulty(at, key, names.qualified_faults(key))
    return tuple(found)


def csi_node_update_causes(new: storage_v1.CSINode, old: storage_v1.CSINode) -> Causes:
    """Say what is wrong with an update of a CSINode: of a driver only what it can hold may change."""
    found = [*csi_node_causes(new)]
    drivers = new.spec.drivers or ()
    for had in old.spec.drivers or ():
        for driver in drivers:
            if driver.name == had.name:
                found += unchanged("spec.drivers", replace(driver, allocatable=None), replace(had, allocatable=None))
    return tuple(found)


def csi_driver_causes(obj: storage_v1.CSIDriver) -> Causes:
    """Say what is wrong with a CSIDriver."""
    spec = given(obj.spec, storage_v1.CSIDriverSpec)
    found = [
        required(f"spec.{name}")
        for name, value in (
            ("attachedRequired", spec.attach_required),
            ("podInfoOnMount", spec.pod_info_on_mount),
            ("storageCapacity", spec.storage_capacity),
        )
        if value is None
    ]
    if spec.fs_group_policy is not None:
        found += chosen("spec.fsGroupPolicy", spec.fs_group_policy, _FS_GROUPS)
    found += _tokens_causes("spec.tokenRequests", spec.token_requests or ())
    for mode in spec.volume_lifecycle_modes or ():
        found += chosen("spec.volumeLifecycleModes", mode, _LIFECYCLES)
    if spec.se_linux_mount is None:
        found.append(required("spec.seLinuxMount"))
    period = spec.node_allocatable_update_period_seconds
    if period is not None and period < _SHORTEST_PERIOD:
        why = f"must be greater than or equal to {_SHORTEST_PERIOD} seconds"
        found.append(wrong("spec.nodeAllocatableUpdatePeriodSeconds", period, why))
    kept = spec.service_account_token_in_secrets
    if kept is not None and not spec.token_requests:
        why = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        found.append(wrong("spec.serviceAccountTokenInSecrets", kept, why))
    return tuple(found)


def _tokens_causes(field: str, requests: tuple[storage_v1.TokenRequest, ...]) -> list[Cause]:
    found: list[Cause] = []
    audiences: list[str] = []
    for place, request in enumerate(requests):
        at, seconds = f"{field}[{place}]", request.expiration_seconds
        if request.audience in audiences:
            found.append(duplicate(f"{at}.audience", request.audience))
            continue
        audiences.append(request.audience)
        if seconds is not None and seconds < _SHORTEST_TOKEN:
            why = "may not specify a duration less than 10 minutes"
            found.append(wrong(f"{at}.expirationSeconds", seconds, why))
        if seconds is not None and seconds > _LONGEST_TOKEN:
            why = "may not specify a duration larger than 2^32 seconds"
            found.append(wrong(f"{at}.expirationSeconds", seconds, why))
    return found


def csi_driver_update_causes(new: storage_v1.CSIDriver, old: storage_v1.CSIDriver) -> Causes:
    """Say what is wrong with an update of a CSIDriver."""
    spec, before = given(new.spec, storage_v1.CSIDriverSpec), given(old.spec, storage_v1.CSIDriverSpec)
    return (
        *csi_driver_causes(new),
        *unchanged("spec.attachedRequired", spec.attach_required, before.attach_required),
        *unchanged("spec.volumeLifecycleModes", spec.volume_lifecycle_modes, before.volume_lifecycle_modes),
    )


def capacity_causes(obj: storage_v1.CSIStorageCapacity) -> Causes:
    """Say what is wrong with a CSIStorageCapacity."""
    found = [*selector_causes("nodeTopology", obj.node_topology)]
    name = obj.storage_class_name or ""
    found += faulty("storageClassName", name, names.subdomain_faults(name))
    if obj.capacity is not None and obj.capacity.nanos < 0:
        found.append(wrong("capacity", obj.capacity, "must be greater than or equal to 0"))
    return tuple(found)


def capacity_update_causes(new: storage_v1.CSIStorageCapacity, old: storage_v1.CSIStorageCapacity) -> Causes:
    """Say what of a CSIStorageCapacity changed that may not."""
    return (
        *unchanged("nodeTopology", new.node_topology, old.node_topology),
        *unchanged("storageClassName", new.storage_class_name, old.storage_class_name),
    )


def attributes_causes(obj: storage_v1.VolumeAttributesClass) -> Causes:
    """Say what is wrong with a volume attributes class."""
    found = _provisioner_causes("driverName", obj.driver_name)
    found += _parameters_causes("parameters", obj.parameters)
    if not obj.parameters:
        found.append(required("parameters", "must contain at least one key/value pair"))
    return tuple(found)


def attributes_update_causes(new: storage_v1.VolumeAttributesClass, old: storage_v1.VolumeAttributesClass) -> Causes:
    """Say what is wrong with an update of a volume attributes class, of which nothing may change."""
    found: list[Cause] = []
    if new.driver_name != old.driver_name:
        found.append(forbidden("driverName", "updates to driverName are forbidden."))
    if new.parameters != old.parameters:
        found.append(forbidden("parameters", "updates to parameters are forbidden."))
    return (*found, *attributes_causes(new))
