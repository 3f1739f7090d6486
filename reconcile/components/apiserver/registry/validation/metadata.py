"""Validation of metadata: what every object has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    forbidden,
    not_supported,
    required,
    too_long,
    wrong,
)
from reconcile.lib.mapping import Map
from reconcile.model import names

Naming = Callable[[str], names.Faults]

IMMUTABLE: Final = "field is immutable"

# How objects of a resource are named, if not as a subdomain of RFC 1123.
NAMINGS: Final[dict[str, Naming]] = {
    "services": names.label_1035_faults,
    "namespaces": names.label_faults,
    "roles.rbac.authorization.k8s.io": names.path_segment_faults,
    "rolebindings.rbac.authorization.k8s.io": names.path_segment_faults,
    "clusterroles.rbac.authorization.k8s.io": names.path_segment_faults,
    "clusterrolebindings.rbac.authorization.k8s.io": names.path_segment_faults,
    "apiservices.apiregistration.k8s.io": names.path_segment_faults,
    "ipaddresses.networking.k8s.io": names.path_segment_faults,
}

_GC_FINALIZERS: Final = ("orphan", "foregroundDeletion", "kubernetes")


def metadata_causes(resource: str, metadata: meta_v1.ObjectMeta, *, generated: bool) -> Causes:
    """Say what is wrong with an object's metadata; a *generated* name is well if what it was generated from is."""
    naming = NAMINGS.get(resource, names.subdomain_faults)
    found: list[Cause] = []
    if metadata.generate_name:
        # What ends in a hyphen is followed by the random part.
        prefix = metadata.generate_name
        faults = naming(prefix[:-1] + "a" if prefix.endswith("-") and prefix != "-" else prefix)
        found += [wrong("metadata.generateName", prefix, fault) for fault in faults]
    name = metadata.name
    if not name:
        found.append(required("metadata.name", "name or generateName is required"))
    elif not generated and naming(name):
        found += [wrong("metadata.name", name, fault) for fault in naming(name)]
    if metadata.labels and not names.labels_are_well(metadata.labels):
        found += labels_causes("metadata.labels", metadata.labels)
    if metadata.annotations:
        found += annotations_causes("metadata.annotations", metadata.annotations)
    if metadata.owner_references:
        found += _owners_causes(metadata.owner_references)
    if metadata.finalizers:
        found += _finalizers_causes(metadata.finalizers)
    return tuple(found)


def metadata_change_causes(new: meta_v1.ObjectMeta, old: meta_v1.ObjectMeta) -> Causes:
    """Say what an update of metadata may not change; both have what only the server sets."""
    found: list[Cause] = []
    if old.deletion_timestamp is not None and new.finalizers:
        added = [name for name in new.finalizers if name not in (old.finalizers or ())]
        if added:
            listed = ", ".join([f'"{name}"' for name in sorted(added)])
            why = "no new finalizers can be added if the object is being deleted, found new finalizers"
            found.append(forbidden("metadata.finalizers", f"{why} []string{{{listed}}}"))
    if new.name != old.name:
        found.append(wrong("metadata.name", new.name, IMMUTABLE))
    if new.namespace != old.namespace:
        found.append(wrong("metadata.namespace", new.namespace, IMMUTABLE))
    return tuple(found)


def labels_causes(field: str, labels: Map[str]) -> Causes:
    """Say which keys and values of *labels* are none."""
    found: list[Cause] = []
    for key, value in labels.items():
        found += [wrong(field, key, fault) for fault in names.qualified_faults(key)]
        found += [wrong(field, value, fault) for fault in names.label_value_faults(value)]
    return tuple(found)


def annotations_causes(field: str, annotations: Map[str]) -> Causes:
    """Say which keys of *annotations* are none, and whether they are too many."""
    found: list[Cause] = []
    size = 0
    for key, value in annotations.items():
        found += [wrong(field, key, fault) for fault in names.qualified_faults(key.lower())]
        size += len(key) + len(value)
    if size > names.ANNOTATIONS_SIZE // 4:
        size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        if size > names.ANNOTATIONS_SIZE:
            found.append(too_long(field, names.ANNOTATIONS_SIZE))
    return tuple(found)


def _owners_causes(references: tuple[meta_v1.OwnerReference, ...]) -> list[Cause]:
    found: list[Cause] = []
    controllers: list[str] = []
    for place, reference in enumerate(references):
        if not (reference.api_version and reference.kind and reference.name and reference.uid):
            found += _owner_causes(f"metadata.ownerReferences[{place}]", reference)
        if reference.controller:
            controllers.append(f"{reference.kind}/{reference.name}")
            if len(controllers) > 1:
                which = f"{controllers[0]} and {controllers[-1]}"
                why = f'Only one reference can have Controller set to true. Found "true" in references for {which}'
                found.append(wrong("metadata.ownerReferences", references, why))
    return found


def _owner_causes(field: str, reference: meta_v1.OwnerReference) -> list[Cause]:
    texts = (
        ("apiVersion", reference.api_version, "version must not be empty"),
        ("kind", reference.kind, "must not be empty"),
        ("name", reference.name, "must not be empty"),
        ("uid", reference.uid, "must not be empty"),
    )
    return [wrong(f"{field}.{name}", text, why) for name, text, why in texts if not text]


def _finalizers_causes(finalizers: tuple[str, ...]) -> list[Cause]:
    found: list[Cause] = []
    for name in finalizers:
        faults = names.qualified_faults(name)
        found += [wrong("metadata.finalizers", name, fault) for fault in faults]
        if not faults and "/" not in name and name not in _GC_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(wrong("metadata.finalizers", name, why))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        found.append(wrong("metadata.finalizers", finalizers, why))
    return found


def selector_causes(field: str, selector: meta_v1.LabelSelector | None) -> Causes:
    """Say what is wrong with a label selector."""
    if selector is None:
        return ()
    found: list[Cause] = []
    if selector.match_labels and not names.labels_are_well(selector.match_labels):
        found += labels_causes(f"{field}.matchLabels", selector.match_labels)
    for place, expression in enumerate(selector.match_expressions or ()):
        found += _expression_causes(f"{field}.matchExpressions[{place}]", expression)
    return tuple(found)


def _expression_causes(field: str, expression: meta_v1.LabelSelectorRequirement) -> list[Cause]:
    found: list[Cause] = []
    operator, values = expression.operator, expression.values or ()
    if operator in ("In", "NotIn"):
        if not values:
            found.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            found.append(
                forbidden(f"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
            )
    else:
        found.append(wrong(f"{field}.operator", operator, "not a valid selector operator"))
    found += [wrong(f"{field}.key", expression.key, fault) for fault in names.qualified_faults(expression.key)]
    for place, value in enumerate(values):
        found += [wrong(f"{field}.values[{place}]", value, fault) for fault in names.label_value_faults(value)]
    return found


def at_least_zero(field: str, value: int | None) -> Causes:
    """Say that a number is negative, if it is."""
    return (wrong(field, value, "must be greater than or equal to 0"),) if value is not None and value < 0 else ()


def one_of(field: str, value: Any, supported: tuple[str, ...]) -> Causes:
    """Say that a value is none of those that there are, if it is not."""
    if value in supported:
        return ()
    return (not_supported(field, value, supported) if value else required(field),)
