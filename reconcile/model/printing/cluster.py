"""Nodes, namespaces, events, configuration, storage and access, as `kubectl get` shows them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.instant import Instant
from reconcile.model import conditions
from reconcile.model.printing.ages import UNKNOWN, age, since
from reconcile.model.printing.shape import NONE, UNSET, Cells, Shape, listed

_ROLE: Final = "node-role.kubernetes.io/"
_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


# Nodes, namespaces, leases --------------------------------------------------------------------------------------------


def _node(obj: Any, now: Instant) -> Cells:
    status = obj.status
    seen = status.node_info if status is not None else None
    return (
        obj.metadata.name,
        node_status(obj),
        _roles(obj),
        age(obj, now),
        seen.kubelet_version if seen is not None else "",
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        (seen and seen.os_image) or UNKNOWN,
        (seen and seen.kernel_version) or UNKNOWN,
        (seen and seen.container_runtime_version) or UNKNOWN,
    )


def node_status(node: Any) -> str:
    """Give the word of a node's STATUS column: Ready, NotReady, Unknown, with SchedulingDisabled if it is cordoned."""
    ready = conditions.find(node.status.conditions, "Ready") if node.status is not None else None
    word = "Unknown" if ready is None else "Ready" if ready.status == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if node.spec is not None and node.spec.unschedulable else word


def _roles(node: Any) -> str:
    labels = node.metadata.labels or {}
    roles = [key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE]
    roles += [labels["kubernetes.io/role"]] if labels.get("kubernetes.io/role") else []
    return listed(sorted(roles))


def _address(status: Any, type: str) -> str:
    for address in (status.addresses if status is not None else None) or ():
        if address.type == type:
            return str(address.address)
    return NONE


def _namespace(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, (obj.status and obj.status.phase) or "", age(obj, now))


def _lease(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, (obj.spec and obj.spec.holder_identity) or "", age(obj, now))


def _event(obj: Any, now: Instant) -> Cells:
    about, series = obj.involved_object, obj.series
    first = obj.first_timestamp or obj.event_time
    last = series.last_observed_time if series is not None else obj.last_timestamp or first
    count = series.count if series is not None else obj.count or 1
    named = f"{(about.kind or '').lower()}/{about.name}" if about.name else (about.kind or "").lower()
    return (
        since(last, now),
        obj.type or "",
        obj.reason or "",
        named,
        about.field_path or "",
        _source(obj),
        (obj.message or "").strip(),
        since(first, now),
        count,
        obj.metadata.name,
    )


def _source(event: Any) -> str:
    component = (event.source and event.source.component) or event.reporting_component or ""
    host = (event.source and event.source.host) or event.reporting_instance or ""
    return f"{component}, {host}" if host else component


# Configuration --------------------------------------------------------------------------------------------------------


def _config_map(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.data or ()) + len(obj.binary_data or ()), age(obj, now))


def _secret(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, obj.type or "Opaque", len(obj.data or ()), age(obj, now))


def _quota(obj: Any, now: Instant) -> Cells:
    status = obj.status
    hard = (status and status.hard) or {}
    used = (status and status.used) or {}
    rows = [(name, f"{name}: {used.get(name, '0')}/{amount}") for name, amount in hard.items()]
    requests = [text for name, text in rows if not name.startswith("limits.")]
    limits = [text for name, text in rows if name.startswith("limits.")]
    return (obj.metadata.name, ", ".join(requests), ", ".join(limits), age(obj, now))


def _priority_class(obj: Any, now: Instant) -> Cells:
    policy = obj.preemption_policy or "PreemptLowerPriority"
    return (obj.metadata.name, obj.value, _word(obj.global_default), age(obj, now), policy)


def _runtime_class(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, obj.handler, age(obj, now))


# Storage --------------------------------------------------------------------------------------------------------------


def _volume(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    claim = spec.claim_ref
    return (
        obj.metadata.name,
        (spec.capacity or {}).get("storage", ""),
        _modes(spec.access_modes),
        spec.persistent_volume_reclaim_policy or "Retain",
        "Terminating" if obj.metadata.deletion_timestamp else (status and status.phase) or "",
        f"{claim.namespace}/{claim.name}" if claim is not None else "",
        spec.storage_class_name or "",
        spec.volume_attributes_class_name or UNSET,
        (status and status.reason) or "",
        age(obj, now),
        spec.volume_mode or UNSET,
    )


def _claim(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    bound = bool(spec.volume_name) and status is not None
    return (
        obj.metadata.name,
        "Terminating" if obj.metadata.deletion_timestamp else (status and status.phase) or "",
        spec.volume_name or "",
        (status.capacity or {}).get("storage", "") if bound else "",
        _modes(status.access_modes) if bound else "",
        spec.storage_class_name or "",
        spec.volume_attributes_class_name or UNSET,
        age(obj, now),
        spec.volume_mode or UNSET,
    )


def _storage_class(obj: Any, now: Instant) -> Cells:
    default = (obj.metadata.annotations or {}).get(_DEFAULT_CLASS) == "true"
    return (
        f"{obj.metadata.name} (default)" if default else obj.metadata.name,
        obj.provisioner,
        obj.reclaim_policy or "Delete",
        obj.volume_binding_mode or "Immediate",
        _word(obj.allow_volume_expansion),
        age(obj, now),
    )


def _csi_driver(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        _word(spec.attach_required is not False),
        _word(spec.pod_info_on_mount),
        _word(spec.storage_capacity),
        listed([request.audience for request in spec.token_requests or ()], UNSET),
        _word(spec.requires_republish),
        listed(spec.volume_lifecycle_modes or ()),
        age(obj, now),
    )


def _csi_node(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.spec.drivers), age(obj, now))


def _attachment(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    attached = _word(obj.status is not None and obj.status.attached)
    volume = spec.source.persistent_volume_name or ""
    return (obj.metadata.name, spec.attacher, volume, spec.node_name, attached, age(obj, now))


def _word(said: object) -> str:
    return "true" if said else "false"


def _modes(modes: Any) -> str:
    return listed([_MODES[mode] for mode in _MODES if mode in (modes or ())], "")


# Admission, access ----------------------------------------------------------------------------------------------------


def _webhooks(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.webhooks or ()), age(obj, now))


def _admission_policy(obj: Any, now: Instant) -> Cells:
    kind = obj.spec.param_kind
    parameters = UNSET if kind is None else f"{kind.api_version}/{kind.kind}"
    return (obj.metadata.name, len(obj.spec.validations or ()), parameters, age(obj, now))


def _created_at(obj: Any, _: Instant) -> Cells:
    created = obj.metadata.creation_timestamp
    return (obj.metadata.name, UNKNOWN if created is None else created.text)


def _binding(obj: Any, now: Instant) -> Cells:
    by_kind: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.subjects or ():
        name = f"{subject.namespace}/{subject.name}" if subject.kind == "ServiceAccount" else subject.name
        by_kind.setdefault(subject.kind, []).append(name)
    return (
        obj.metadata.name,
        f"{obj.role_ref.kind}/{obj.role_ref.name}",
        age(obj, now),
        *[", ".join(by_kind[kind]) for kind in ("User", "Group", "ServiceAccount")],
    )


_BINDING: Final = Shape(("NAME", "ROLE", "AGE", "*USERS", "*GROUPS", "*SERVICEACCOUNTS"), _binding)
_CREATED_AT: Final = Shape(("NAME", "CREATED AT"), _created_at)
_WEBHOOKS: Final = Shape(("NAME", "WEBHOOKS", "AGE"), _webhooks)

CLUSTER: Final[dict[str, Shape]] = {
    "nodes": Shape(
        (
            *("NAME", "STATUS", "ROLES", "AGE", "VERSION"),
            *("*INTERNAL-IP", "*EXTERNAL-IP", "*OS-IMAGE", "*KERNEL-VERSION", "*CONTAINER-RUNTIME"),
        ),
        _node,
    ),
    "namespaces": Shape(("NAME", "STATUS", "AGE"), _namespace),
    "leases.coordination.k8s.io": Shape(("NAME", "HOLDER", "AGE"), _lease),
    "events": Shape(
        (
            *("LAST SEEN", "TYPE", "REASON", "OBJECT", "*SUBOBJECT", "*SOURCE", "MESSAGE"),
            *("*FIRST SEEN", "*COUNT", "*NAME"),
        ),
        _event,
    ),
    "configmaps": Shape(("NAME", "DATA", "AGE"), _config_map),
    "secrets": Shape(("NAME", "TYPE", "DATA", "AGE"), _secret),
    "resourcequotas": Shape(("NAME", "REQUEST", "LIMIT", "AGE"), _quota),
    "limitranges": _CREATED_AT,
    "priorityclasses.scheduling.k8s.io": Shape(
        ("NAME", "VALUE", "GLOBAL-DEFAULT", "AGE", "PREEMPTIONPOLICY"), _priority_class
    ),
    "runtimeclasses.node.k8s.io": Shape(("NAME", "HANDLER", "AGE"), _runtime_class),
    "persistentvolumes": Shape(
        (
            *("NAME", "CAPACITY", "ACCESS MODES", "RECLAIM POLICY", "STATUS", "CLAIM", "STORAGECLASS"),
            *("VOLUMEATTRIBUTESCLASS", "REASON", "AGE", "*VOLUMEMODE"),
        ),
        _volume,
    ),
    "persistentvolumeclaims": Shape(
        (
            *("NAME", "STATUS", "VOLUME", "CAPACITY", "ACCESS MODES", "STORAGECLASS", "VOLUMEATTRIBUTESCLASS"),
            *("AGE", "*VOLUMEMODE"),
        ),
        _claim,
    ),
    "storageclasses.storage.k8s.io": Shape(
        ("NAME", "PROVISIONER", "RECLAIMPOLICY", "VOLUMEBINDINGMODE", "ALLOWVOLUMEEXPANSION", "AGE"), _storage_class
    ),
    "csidrivers.storage.k8s.io": Shape(
        (
            *("NAME", "ATTACHREQUIRED", "PODINFOONMOUNT", "STORAGECAPACITY", "TOKENREQUESTS", "REQUIRESREPUBLISH"),
            *("MODES", "AGE"),
        ),
        _csi_driver,
    ),
    "csinodes.storage.k8s.io": Shape(("NAME", "DRIVERS", "AGE"), _csi_node),
    "volumeattachments.storage.k8s.io": Shape(("NAME", "ATTACHER", "PV", "NODE", "ATTACHED", "AGE"), _attachment),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _WEBHOOKS,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _WEBHOOKS,
    "validatingadmissionpolicies.admissionregistration.k8s.io": Shape(
        ("NAME", "VALIDATIONS", "PARAMKIND", "AGE"), _admission_policy
    ),
    "roles.rbac.authorization.k8s.io": _CREATED_AT,
    "clusterroles.rbac.authorization.k8s.io": _CREATED_AT,
    "rolebindings.rbac.authorization.k8s.io": _BINDING,
    "clusterrolebindings.rbac.authorization.k8s.io": _BINDING,
    "customresourcedefinitions.apiextensions.k8s.io": _CREATED_AT,
}
