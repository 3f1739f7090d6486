"""
Validation of metadata: what every object has.

An update is looked at more than once: by what all kinds have in common, by the kind's own rules of change, and by what
a new object of the kind has to be; each tells its causes again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reconcile.api import meta_v1
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    forbidden,
    required,
    too_long,
    wrong,
)
from reconcile.components.apiserver.registry.validation.addresses import canonical_faults
from reconcile.components.apiserver.registry.validation.values import IMMUTABLE, at_least_zero, one_of
from reconcile.lib.mapping import Map
from reconcile.model.text import names

__all__ = [
    "IMMUTABLE",
    "annotations_causes",
    "at_least_zero",
    "labels_causes",
    "metadata_causes",
    "metadata_change_causes",
    "one_of",
    "selector_causes",
]

Naming = Callable[[str], names.Faults]


def _subdomain_by_bytes(name: str) -> names.Faults:
    """Say what keeps a name from being a subdomain, as the validation says it that is written at the fields."""
    return tuple(
        [
            fault.replace("characters", "bytes", 1) if fault.startswith("must be no") else fault
            for fault in names.subdomain_faults(name)
        ]
    )


# How objects of a resource are named, if not as a subdomain of RFC 1123.
NAMINGS: Final[dict[str, Naming]] = {
    "services": names.label_faults,
    "statefulsets.apps": names.label_faults,
    "certificatesigningrequests.certificates.k8s.io": names.path_segment_faults,
    "namespaces": names.label_faults,
    "replicationcontrollers": names.long_name_faults,
    "roles.rbac.authorization.k8s.io": names.path_segment_faults,
    "rolebindings.rbac.authorization.k8s.io": names.path_segment_faults,
    "clusterroles.rbac.authorization.k8s.io": names.path_segment_faults,
    "clusterrolebindings.rbac.authorization.k8s.io": names.path_segment_faults,
    "apiservices.apiregistration.k8s.io": names.path_segment_faults,
    "ipaddresses.networking.k8s.io": canonical_faults,
    "deviceclasses.resource.k8s.io": _subdomain_by_bytes,
    # All that these know of names is what every path asks for.
    "events": names.path_segment_faults,
    "poddisruptionbudgets.policy": names.path_segment_faults,
    "leasecandidates.coordination.k8s.io": names.key_faults,
}

# Whose generated names are looked at, but not what they were generated from.
_UNPREFIXED: Final = frozenset({"replicationcontrollers", "deviceclasses.resource.k8s.io"})

# Whose finalizers need not be Kubernetes' own or have a domain.
_FREE_FINALIZERS: Final = frozenset(
    {
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "leasecandidates.coordination.k8s.io",
        "poddisruptionbudgets.policy",
        "runtimeclasses.node.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    }
)

# In which order an update of a resource looks at metadata, beside what all have in common: u for the rules of change,
# m for those of a new object.
_LOOKS: Final[dict[str, str]] = {
    "configmaps": "um",
    "secrets": "um",
    "serviceaccounts": "um",
    "endpoints": "um",
    "pods": "um",
    "persistentvolumeclaims": "um",
    "persistentvolumes": "mm",
    "nodes": "mu",
    "namespaces": "mu",
    "limitranges": "m",
    "events": "",
    "events.events.k8s.io": "",
    "controllerrevisions.apps": "um",
    "jobs.batch": "mu",
    "ingresses.networking.k8s.io": "um",
    "ingressclasses.networking.k8s.io": "um",
    "ipaddresses.networking.k8s.io": "mu",
    "poddisruptionbudgets.policy": "",
    "roles.rbac.authorization.k8s.io": "mu",
    "clusterroles.rbac.authorization.k8s.io": "mu",
    "rolebindings.rbac.authorization.k8s.io": "mu",
    "clusterrolebindings.rbac.authorization.k8s.io": "mu",
    "storageclasses.storage.k8s.io": "mu",
    "volumeattachments.storage.k8s.io": "m",
    "csinodes.storage.k8s.io": "m",
    "csistoragecapacities.storage.k8s.io": "mu",
    "volumeattributesclasses.storage.k8s.io": "um",
    "runtimeclasses.node.k8s.io": "mu",
    "endpointslices.discovery.k8s.io": "m",
    "flowschemas.flowcontrol.apiserver.k8s.io": "m",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": "m",
    "validatingwebhookconfigurations.admissionregistration.k8s.io": "m",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": "m",
    "validatingadmissionpolicies.admissionregistration.k8s.io": "m",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": "m",
    "mutatingadmissionpolicies.admissionregistration.k8s.io": "m",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": "m",
    "certificatesigningrequests.certificates.k8s.io": "mu",
    "resourceclaims.resource.k8s.io": "mu",
    "deviceclasses.resource.k8s.io": "mu",
    "apiservices.apiregistration.k8s.io": "um",
}

_GC_FINALIZERS: Final = ("orphan", "foregroundDeletion", "kubernetes")


def metadata_causes(
    resource: str, metadata: meta_v1.ObjectMeta, *, generated: bool, naming: Naming | None = None
) -> Causes:
    """
    Say what is wrong with an object's metadata.

    Args:
        resource: whose it is.
        metadata: what is looked at.
        generated: whether its name is; such a name is well if what it was generated from is.
        naming: how it is named, if not as all of its resource are.
    """
    naming = naming or NAMINGS.get(resource, names.subdomain_faults)
    found: list[Cause] = []
    prefix, name = metadata.generate_name, metadata.name
    faults: names.Faults = ()
    if prefix:
        # What ends in a hyphen is followed by the random part.
        faults = naming(prefix[:-2] + "a" if prefix.endswith("-") and prefix != "-" else prefix)
        if resource not in _UNPREFIXED:
            found += [wrong("metadata.generateName", prefix, fault) for fault in faults]
    if not name:
        found.append(required("metadata.name", "name or generateName is required"))
    elif (not generated or faults) and naming(name):
        found += [wrong("metadata.name", name, fault) for fault in naming(name)]
    found += _common_causes(metadata)
    if metadata.finalizers:
        found += _finalizers_causes(metadata.finalizers)
        if resource not in _FREE_FINALIZERS:
            found += _domain_causes(metadata.finalizers)
    return tuple(found)


def metadata_change_causes(resource: str, new: meta_v1.ObjectMeta, old: meta_v1.ObjectMeta) -> Causes:
    """Say what is wrong with the metadata of an update; both have what only the server sets."""
    found = [*_common_causes(new), *_finalizers_causes(new.finalizers or ()), *_change_causes(new, old)]
    for look in _LOOKS.get(resource, "u"):
        if look == "u":
            found += _change_causes(new, old)
            if resource not in _FREE_FINALIZERS:
                found += _domain_causes(new.finalizers or ())
        else:
            found += metadata_causes(resource, new, generated=bool(new.generate_name))
    return tuple(found)


def server_causes(resource: str, new: meta_v1.ObjectMeta, old: meta_v1.ObjectMeta) -> Causes:
    """Say what of the metadata that only the server sets a client would change; as often as it is looked at."""
    found: list[Cause] = []
    if new.uid and new.uid != old.uid:
        found.append(wrong("metadata.uid", new.uid, IMMUTABLE))
    if new.deletion_timestamp is not None and old.deletion_timestamp is None:
        found.append(wrong("metadata.deletionTimestamp", new.deletion_timestamp, IMMUTABLE))
    return tuple(found) * (1 + _LOOKS.get(resource, "u").count("u"))


def _change_causes(new: meta_v1.ObjectMeta, old: meta_v1.ObjectMeta) -> list[Cause]:
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
    return found + _common_causes(new)


def _common_causes(metadata: meta_v1.ObjectMeta) -> list[Cause]:
    found: list[Cause] = []
    if metadata.labels and not names.labels_are_well(metadata.labels):
        found += labels_causes("metadata.labels", metadata.labels)
    if metadata.annotations:
        found += annotations_causes("metadata.annotations", metadata.annotations)
    if metadata.owner_references:
        found += _owners_causes(metadata.owner_references)
    return found


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
    first = ""
    for reference in references:
        if not (reference.api_version and reference.kind and reference.name and reference.uid):
            found += _owner_causes("metadata.ownerReferences", reference)
        if reference.kind == "Event" and reference.api_version == "v1":
            found.append(
                wrong("metadata.ownerReferences", reference, "/v1, Kind=Event is disallowed from being an owner")
            )
        if reference.controller:
            which = f"{reference.kind}/{reference.name}"
            if first:
                why = 'Only one reference can have Controller set to true. Found "true" in references for'
                found.append(wrong("metadata.ownerReferences", references, f"{why} {first} and {which}"))
            first = first or which
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
        found += [wrong("metadata.finalizers", name, fault) for fault in names.qualified_faults(name)]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        found.append(wrong("metadata.finalizers", finalizers, why))
    return found


def _domain_causes(finalizers: tuple[str, ...]) -> list[Cause]:
    why = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        wrong(f"metadata.finalizers[{place}]", name, why)
        for place, name in enumerate(finalizers)
        if "/" not in name and name not in _GC_FINALIZERS
    ]


def finalizer_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps *name* from being that of one of Kubernetes' finalizers, or of one with a domain."""
    found = [wrong(field, name, fault) for fault in names.qualified_faults(name)]
    if "/" not in name and name not in _GC_FINALIZERS:
        found.append(wrong(field, name, "name is neither a standard finalizer name nor is it fully qualified"))
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
