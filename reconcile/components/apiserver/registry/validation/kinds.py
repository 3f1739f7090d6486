"""Validation of each kind by its resource; the small ones stand here."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import coordination_v1, core_v1, scheduling_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, too_long, wrong
from reconcile.components.apiserver.registry.validation import definitions, roles, services, workloads
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE, one_of
from reconcile.components.apiserver.registry.validation.pods import pod_change_causes, pod_spec_causes
from reconcile.model import names

_KEY: Final = re.compile("[-._a-zA-Z0-9]+")
_NO_KEY: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME', "
    " or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LARGEST: Final = 1024 * 1024
_HIGHEST: Final = 1_000_000_000
_SYSTEM_CLASSES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def object_causes(resource: str, obj: Any) -> Causes:
    """Say what is wrong with an object, beside its metadata."""
    ask = _OBJECTS.get(resource)
    return () if ask is None else ask(obj)


def change_causes(resource: str, new: Any, old: Any) -> Causes:
    """Say what an update may not change, beside metadata."""
    ask = _CHANGES.get(resource)
    return () if ask is None else ask(new, old)


def _pod(pod: core_v1.Pod) -> Causes:
    return (required("spec.containers"),) if pod.spec is None else pod_spec_causes("spec", pod.spec)


def _pod_template(obj: core_v1.PodTemplate) -> Causes:
    if obj.template is None:
        return (required("template.spec.containers"),)
    return workloads.template_causes("template", obj.template, ("Always", "OnFailure", "Never"))


def _config_map(obj: core_v1.ConfigMap) -> Causes:
    found: list[Cause] = []
    size = 0
    for field, kept in (("data", obj.data), ("binaryData", obj.binary_data)):
        for key, value in (kept or {}).items():
            found += _key_causes(f"{field}[{key}]", key)
            size += len(value.encode()) if field == "data" else len(b64decode(value))
    both = [key for key in obj.data or () if key in (obj.binary_data or ())]
    found += [wrong(f"data[{key}]", key, "duplicate of key present in binaryData") for key in both]
    return (*found, too_long("[]", _LARGEST)) if size > _LARGEST else tuple(found)


def _secret(obj: core_v1.Secret) -> Causes:
    kept: Mapping[str, str] = obj.data or {}
    found: list[Cause] = []
    for key in kept:
        found += _key_causes(f"data[{key}]", key)
    if sum(map(len, kept.values())) * 3 // 4 > _LARGEST:
        found.append(too_long("data", _LARGEST))
    needed = {"kubernetes.io/tls": ("tls.crt", "tls.key"), "kubernetes.io/dockerconfigjson": (".dockerconfigjson",)}
    found += [required(f"data[{key}]") for key in needed.get(obj.type or "", ()) if key not in kept]
    return tuple(found)


def _key_causes(field: str, key: str) -> list[Cause]:
    faults = names.too_long(key, names.SUBDOMAIN_LENGTH)
    if not _KEY.fullmatch(key):
        faults += (_NO_KEY,)
    elif key in (".", "..") or key.startswith(".."):
        faults += (f"must not be '{key}'" if key in (".", "..") else "must not start with '..'",)
    return [wrong(field, key, fault) for fault in faults]


def _content_change(new: Any, old: Any) -> Causes:
    found: list[Cause] = []
    why = "field is immutable when `immutable` is set"
    if isinstance(new, core_v1.Secret) and new.type != old.type:
        found.append(wrong("type", new.type, IMMUTABLE))
    if old.immutable:
        if not new.immutable:
            found.append(forbidden("immutable", why))
        if new.data != old.data:
            found.append(forbidden("data", why))
        if isinstance(new, core_v1.ConfigMap) and new.binary_data != old.binary_data:
            found.append(forbidden("binaryData", why))
    return tuple(found)


def _node(obj: core_v1.Node) -> Causes:
    found: list[Cause] = []
    seen: set[tuple[str, str]] = set()
    for place, taint in enumerate((obj.spec.taints if obj.spec is not None else None) or ()):
        at = f"metadata.taints[{place}]"
        found += [wrong(f"{at}.key", taint.key, fault) for fault in names.qualified_faults(taint.key)]
        found += [wrong(f"{at}.value", taint.value, fault) for fault in names.label_value_faults(taint.value or "")]
        found += one_of(f"{at}.effect", taint.effect, _EFFECTS)
        if (taint.key, taint.effect) in seen:
            found.append(duplicate(at, taint))
        seen.add((taint.key, taint.effect))
    return tuple(found)


def _node_change(new: core_v1.Node, old: core_v1.Node) -> Causes:
    spec, before = new.spec or core_v1.NodeSpec(), old.spec or core_v1.NodeSpec()
    found: list[Cause] = []
    if before.pod_cidrs and spec.pod_cidrs != before.pod_cidrs:
        found.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
    if before.provider_id and spec.provider_id != before.provider_id:
        found.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
    return tuple(found)


def _lease(obj: coordination_v1.Lease) -> Causes:
    spec = obj.spec
    if spec is None:
        return ()
    found: list[Cause] = []
    if spec.lease_duration_seconds is not None and spec.lease_duration_seconds <= 0:
        found.append(wrong("spec.leaseDurationSeconds", spec.lease_duration_seconds, "must be greater than 0"))
    if spec.lease_transitions is not None and spec.lease_transitions < 0:
        found.append(wrong("spec.leaseTransitions", spec.lease_transitions, "must be greater than or equal to 0"))
    return tuple(found)


def _event(obj: core_v1.Event) -> Causes:
    about = obj.involved_object.namespace or ""
    # What has no namespace has its events in the default one.
    if (about or "default") != obj.metadata.namespace:
        return (wrong("involvedObject.namespace", about, "does not match event.namespace"),)
    return ()


def _priority_class(obj: scheduling_v1.PriorityClass) -> Causes:
    name = (obj.metadata.name if obj.metadata is not None else None) or ""
    found: list[Cause] = []
    if name.startswith("system-"):
        if _SYSTEM_CLASSES.get(name) != obj.value or obj.global_default:
            why = (
                "priority class names with 'system-' prefix are reserved for system use only. error:"
                f" {name} is not a known system priority class"
            )
            found.append(forbidden("metadata.name", why))
    elif (obj.value or 0) > _HIGHEST:
        found.append(forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}"))
    return (*found, *one_of("preemptionPolicy", obj.preemption_policy, ("PreemptLowerPriority", "Never")))


def _priority_class_change(new: scheduling_v1.PriorityClass, old: scheduling_v1.PriorityClass) -> Causes:
    found: list[Cause] = []
    if new.value != old.value:
        found.append(forbidden("Value", "may not be changed in an update."))
    if new.preemption_policy != old.preemption_policy:
        found.append(wrong("preemptionPolicy", new.preemption_policy, IMMUTABLE))
    return tuple(found)


def _budget(obj: Any) -> Causes:
    spec = obj.spec
    if spec is None:
        return ()
    if spec.min_available is not None and spec.max_unavailable is not None:
        why = "minAvailable and maxUnavailable cannot be both set"
        return (wrong("spec", spec, why),)
    found: list[Cause] = []
    for field, amount in (("minAvailable", spec.min_available), ("maxUnavailable", spec.max_unavailable)):
        found += workloads.amount_causes(f"spec.{field}", amount, most=100)
    return tuple(found)


_OBJECTS: Final[dict[str, Callable[[Any], Causes]]] = {
    "customresourcedefinitions.apiextensions.k8s.io": definitions.causes,
    "pods": _pod,
    "podtemplates": _pod_template,
    "replicationcontrollers": workloads.replication_controller_causes,
    "replicasets.apps": workloads.replica_set_causes,
    "deployments.apps": workloads.deployment_causes,
    "daemonsets.apps": workloads.daemon_set_causes,
    "statefulsets.apps": workloads.stateful_set_causes,
    "jobs.batch": workloads.job_causes,
    "services": services.service_causes,
    "endpoints": services.endpoints_causes,
    "endpointslices.discovery.k8s.io": services.slice_causes,
    "configmaps": _config_map,
    "secrets": _secret,
    "nodes": _node,
    "leases.coordination.k8s.io": _lease,
    "events": _event,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "poddisruptionbudgets.policy": _budget,
    "roles.rbac.authorization.k8s.io": roles.role_causes,
    "clusterroles.rbac.authorization.k8s.io": roles.role_causes,
    "rolebindings.rbac.authorization.k8s.io": roles.binding_causes,
    "clusterrolebindings.rbac.authorization.k8s.io": roles.binding_causes,
}
_CHANGES: Final[dict[str, Callable[[Any, Any], Causes]]] = {
    "customresourcedefinitions.apiextensions.k8s.io": definitions.change_causes,
    "pods": pod_change_causes,
    "replicasets.apps": workloads.selector_change_causes,
    "deployments.apps": workloads.selector_change_causes,
    "daemonsets.apps": workloads.selector_change_causes,
    "statefulsets.apps": workloads.stateful_set_change_causes,
    "jobs.batch": workloads.job_change_causes,
    "services": services.service_change_causes,
    "endpointslices.discovery.k8s.io": services.slice_change_causes,
    "configmaps": _content_change,
    "secrets": _content_change,
    "nodes": _node_change,
    "priorityclasses.scheduling.k8s.io": _priority_class_change,
    "rolebindings.rbac.authorization.k8s.io": roles.binding_change_causes,
    "clusterrolebindings.rbac.authorization.k8s.io": roles.binding_change_causes,
}
