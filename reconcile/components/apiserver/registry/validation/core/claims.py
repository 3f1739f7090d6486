"""Validation of PersistentVolumeClaims, and of the templates that they are made of."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, internals, meta_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.metadata import (
    annotations_causes,
    labels_causes,
    selector_causes,
)
from reconcile.components.apiserver.registry.validation.values import (
    IMMUTABLE,
    POSITIVE,
    among,
    label,
    named,
    subdomain,
)
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.text import names

MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES: Final = ("Block", "Filesystem")
_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_FIXED: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def claim_causes(obj: core_v1.PersistentVolumeClaim) -> Causes:
    """Say what is wrong with a claim."""
    return tuple(spec_causes("spec", obj.spec or core_v1.PersistentVolumeClaimSpec()))


def template_causes(field: str, template: core_v1.PersistentVolumeClaimTemplate) -> list[Cause]:
    """Say what is wrong with the template of a claim."""
    metadata = template.metadata or meta_v1.ObjectMeta()
    found: list[Cause] = []
    if metadata.annotations:
        found += annotations_causes(f"{field}.metadata.annotations", metadata.annotations)
    if metadata.labels:
        found += labels_causes(f"{field}.metadata.labels", metadata.labels)
    for name, said in (
        ("name", metadata.name),
        ("generateName", metadata.generate_name),
        ("namespace", metadata.namespace),
        ("ownerReferences", metadata.owner_references),
        ("finalizers", metadata.finalizers),
    ):
        if said:
            found.append(forbidden(f"{field}.metadata.{name}", "cannot be set"))
    return found + spec_causes(f"{field}.spec", template.spec)


def modes_causes(field: str, modes: tuple[str, ...]) -> list[Cause]:
    """Say which of a volume's modes of access are none, or not to be had together."""
    found: list[Cause] = []
    for mode in modes:
        found += among(field, mode, MODES)
    if "ReadWriteOncePod" in modes and any(mode in MODES and mode != "ReadWriteOncePod" for mode in modes):
        found.append(forbidden(field, "may not use ReadWriteOncePod with other access modes"))
    return found


def spec_causes(field: str, spec: core_v1.PersistentVolumeClaimSpec) -> list[Cause]:
    """Say what is wrong with the specification of a claim."""
    found: list[Cause] = []
    if not spec.access_modes:
        found.append(required(f"{field}.accessModes", "at least 1 access mode is required"))
    found += selector_causes(f"{field}.selector", spec.selector)
    found += modes_causes(f"{field}.accessModes", spec.access_modes or ())
    amount = _storage(spec)
    at = f"{field}.resources[storage]"
    if amount is None:
        found.append(required(at))
    elif amount.nanos <= 0:
        found.append(wrong(at, amount.text, POSITIVE))
    if spec.storage_class_name:
        found += subdomain(f"{field}.storageClassName", spec.storage_class_name)
    if spec.volume_mode is not None:
        found += among(f"{field}.volumeMode", spec.volume_mode, VOLUME_MODES)
    source, reference = spec.data_source, spec.data_source_ref
    if source is not None:
        found += _source_causes(f"{field}.dataSource", source)
    if reference is not None:
        found += _source_causes(f"{field}.dataSourceRef", reference)
        if reference.namespace:
            found += label(f"{field}.dataSourceRef.namespace", reference.namespace)
    if source is not None and reference is not None:
        # The value that upstream shows is a path, which has no fields to show.
        if reference.namespace:
            found.append(wrong(field, Map(), "may not be specified when dataSourceRef.namespace is specified"))
        elif _named_by(source) != _named_by(reference):
            found.append(wrong(field, Map(), "must match dataSourceRef"))
    if spec.volume_attributes_class_name:
        found += subdomain(f"{field}.volumeAttributesClassName", spec.volume_attributes_class_name)
    return found


def _named_by(source: Any) -> tuple[Any, ...]:
    return (source.api_group, source.kind, source.name)


def _storage(spec: core_v1.PersistentVolumeClaimSpec) -> Quantity | None:
    requests = spec.resources.requests if spec.resources is not None else None
    return requests.get("storage") if requests is not None else None


def _source_causes(field: str, source: Any) -> list[Cause]:
    found: list[Cause] = []
    if not source.name:
        found.append(required(f"{field}.name"))
    if not source.kind:
        found.append(required(f"{field}.kind"))
    group = source.api_group or ""
    if not group and source.kind != "PersistentVolumeClaim":
        why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        found.append(wrong(field, source.kind, why))
    return found + (named(f"{field}.apiGroup", group, names.subdomain_faults(group)) if group else [])


def claim_change_causes(new: core_v1.PersistentVolumeClaim, old: core_v1.PersistentVolumeClaim) -> Causes:
    """Say what of a claim may not change."""
    spec, before = new.spec, old.spec
    if spec is None or before is None:
        return ()
    found: list[Cause] = []
    bound = old.status is not None and old.status.phase == "Bound"
    fixed, had = _fixed(new, old, found, bound=bound)
    if fixed != had:
        found.append(forbidden("spec", f"{_FIXED}\n{internals.difference(had, fixed)}"))
    size, was = _storage(spec), _storage(before)
    if size is not None and was is not None and size < was:
        capacity = (old.status.capacity if old.status is not None else None) or Map[Quantity]()
        if size <= capacity.get("storage", Quantity.parse("0")):
            at = "spec.resources.requests.storage"
            found.append(forbidden(at, "field can not be less than status.capacity"))
    if spec.volume_mode != before.volume_mode:
        found.append(wrong("volumeMode", spec.volume_mode, IMMUTABLE))
    current = old.status.current_volume_attributes_class_name if old.status is not None else None
    wanted, at = spec.volume_attributes_class_name, "spec.volumeAttributesClassName"
    if wanted != before.volume_attributes_class_name and current is not None and not wanted:
        what = "nil" if wanted is None else "empty string"
        why = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
        found.append(forbidden(at, why))
    return tuple(found)


def _fixed(
    new: core_v1.PersistentVolumeClaim, old: core_v1.PersistentVolumeClaim, found: list[Cause], *, bound: bool
) -> tuple[core_v1.PersistentVolumeClaimSpec, core_v1.PersistentVolumeClaimSpec]:
    """Give both specifications with what may change alike; say it if the annotation of the class changed."""
    spec, before = new.spec, old.spec
    assert spec is not None and before is not None, "asked only where both are"  # noqa: PT018
    if not before.volume_name:
        before = replace(before, volume_name=spec.volume_name)
    said, had = _class_of(new), _class_of(old)
    wanted = spec.storage_class_name
    if had and before.storage_class_name is None and wanted == had and said in (None, had):
        spec = replace(spec, storage_class_name=None)
    else:
        if (said or "") != (had or ""):
            found.append(wrong(f"metadata.annotations.{_CLASS}", said or "", IMMUTABLE))
        if wanted is not None and before.storage_class_name is None and (had is None or wanted == had):
            spec = replace(spec, storage_class_name=None)
    if bound:
        spec = replace(spec, volume_attributes_class_name=before.volume_attributes_class_name)
        was = _storage(before)
        if spec.resources is not None and spec.resources.requests is not None and was is not None:
            requests = spec.resources.requests.set("storage", was)
            spec = replace(spec, resources=replace(spec.resources, requests=requests))
    return spec, before


def _class_of(claim: core_v1.PersistentVolumeClaim) -> str | None:
    annotations = claim.metadata.annotations if claim.metadata is not None else None
    return annotations.get(_CLASS) if annotations is not None else None
