"""Nodes, namespaces, events, admission and access, as tables show them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.instant import SECOND, Instant
from reconcile.model import conditions
from reconcile.model.printing.ages import UNKNOWN, age, human_duration, since
from reconcile.model.printing.shape import NONE, UNSET, Cells, Fill, listed, selector_text

_ROLE: Final = "node-role.kubernetes.io/"


# Nodes, namespaces, leases --------------------------------------------------------------------------------------------


def _node(obj: Any, now: Instant) -> Cells:
    status = obj.status
    seen = status.node_info if status is not None else None
    return (
        obj.metadata.name,
        node_status(obj),
        _roles(obj),
        age(obj, now),
        (seen and seen.kubelet_version) or "",
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        (seen and seen.os_image) or UNKNOWN,
        _kernel(seen),
        (seen and seen.container_runtime_version) or UNKNOWN,
    )


def _kernel(seen: Any) -> str:
    if seen is None:
        return UNKNOWN
    version = seen.kernel_version or UNKNOWN
    return f"{version} ({seen.architecture})" if seen.architecture else version


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


def _candidate(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    return (obj.metadata.name, spec.lease_name, spec.binary_version, spec.emulation_version or "", age(obj, now))


def _event(obj: Any, now: Instant) -> Cells:
    about, series = obj.involved_object, obj.series
    first = obj.first_timestamp or obj.event_time
    last = series.last_observed_time if series is not None else obj.last_timestamp or first
    count = series.count if series is not None else obj.count or 1
    named = (about.kind or "").lower()
    return (
        since(last, now),
        obj.type or "",
        obj.reason or "",
        f"{named}/{about.name}" if about.name else named,
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


# Admission, access ----------------------------------------------------------------------------------------------------


def _webhooks(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.webhooks or ()), age(obj, now))


def _validating_policy(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.spec.validations or ()), _param_kind(obj), age(obj, now))


def _mutating_policy(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, len(obj.spec.mutations or ()), _param_kind(obj), age(obj, now))


def _param_kind(policy: Any) -> str:
    kind = policy.spec.param_kind
    return UNSET if kind is None else f"{kind.api_version or ''}/{kind.kind or ''}"


def _policy_binding(obj: Any, now: Instant) -> Cells:
    ref = obj.spec.param_ref
    text = UNSET
    if ref is not None and ref.name:
        text = f"{ref.namespace or '*'}/{ref.name}"
    elif ref is not None and ref.selector is not None:
        text = selector_text(ref.selector)
    return (obj.metadata.name, obj.spec.policy_name or "", text, age(obj, now))


def _flow_schema(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    dangling = conditions.find((obj.status and obj.status.conditions) or (), "Dangling")
    return (
        obj.metadata.name,
        spec.priority_level_configuration.name,
        spec.matching_precedence or 0,
        NONE if spec.distinguisher_method is None else spec.distinguisher_method.type,
        age(obj, now),
        "?" if dangling is None else dangling.status or "",
    )


def _priority_level(obj: Any, now: Instant) -> Cells:
    limited = obj.spec.limited
    shares: object = NONE
    queues: Cells = (NONE, NONE, NONE)
    if limited is not None:
        shares = limited.nominal_concurrency_shares or 0
        queuing = limited.limit_response.queuing if limited.limit_response is not None else None
        if queuing is not None:
            queues = (queuing.queues or 0, queuing.hand_size or 0, queuing.queue_length_limit or 0)
    return (obj.metadata.name, obj.spec.type, shares, *queues, age(obj, now))


def _api_service(obj: Any, now: Instant) -> Cells:
    service = obj.spec.service if obj.spec is not None else None
    where = "Local" if service is None else f"{service.namespace}/{service.name}"
    seen = conditions.find((obj.status and obj.status.conditions) or (), "Available")
    word = "Unknown" if seen is None else seen.status
    if seen is not None and seen.status != "True" and seen.reason:
        word = f"{seen.status} ({seen.reason})"
    return (obj.metadata.name, where, word, age(obj, now))


def _signing_request(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    found = [each.type for each in (status and status.conditions) or ()]
    words = ["Denied" if "Denied" in found else "Approved" if "Approved" in found else "Pending"]
    words += ["Failed"] if "Failed" in found else []
    words += ["Issued"] if status is not None and status.certificate else []
    seconds = spec.expiration_seconds
    return (
        obj.metadata.name,
        age(obj, now),
        spec.signer_name or NONE,
        spec.username or "",
        NONE if seconds is None else human_duration(seconds * SECOND),
        ",".join(words),
    )


def _component(obj: Any, _: Instant) -> Cells:
    seen = conditions.find(obj.conditions or (), "Healthy")
    if seen is None:
        return (obj.metadata.name, "Unknown", "", "")
    word = "Healthy" if seen.status == "True" else "Unhealthy"
    return (obj.metadata.name, word, seen.message or "", seen.error or "")


def _binding(obj: Any, now: Instant) -> Cells:
    by_kind: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.subjects or ():
        name = f"{subject.namespace or ''}/{subject.name}" if subject.kind == "ServiceAccount" else subject.name
        by_kind.setdefault(subject.kind, []).append(name)
    return (
        obj.metadata.name,
        f"{obj.role_ref.kind}/{obj.role_ref.name}",
        age(obj, now),
        *[", ".join(by_kind[kind]) for kind in ("User", "Group", "ServiceAccount")],
    )


CLUSTER: Final[dict[str, Fill]] = {
    "nodes": _node,
    "namespaces": _namespace,
    "leases.coordination.k8s.io": _lease,
    "leasecandidates.coordination.k8s.io": _candidate,
    "events": _event,
    "componentstatuses": _component,
    "certificatesigningrequests.certificates.k8s.io": _signing_request,
    "apiservices.apiregistration.k8s.io": _api_service,
    "flowschemas.flowcontrol.apiserver.k8s.io": _flow_schema,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": _priority_level,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks,
    "validatingadmissionpolicies.admissionregistration.k8s.io": _validating_policy,
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": _policy_binding,
    "mutatingadmissionpolicies.admissionregistration.k8s.io": _mutating_policy,
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": _policy_binding,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
}
