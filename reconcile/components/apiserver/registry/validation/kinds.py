"""Validation of each kind by its resource; the small ones stand here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from reconcile.api import coordination_v1, scheduling_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, wrong
from reconcile.components.apiserver.registry.validation import core, roles, services, workloads
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE, one_of

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
    ask = core.OBJECTS.get(resource) or _OBJECTS.get(resource)
    return () if ask is None else ask(obj)


def change_causes(resource: str, new: Any, old: Any) -> Causes:
    """Say what an update may not change, beside metadata."""
    ask = core.CHANGES.get(resource) or _CHANGES.get(resource)
    return () if ask is None else ask(new, old)


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
    "replicasets.apps": workloads.replica_set_causes,
    "deployments.apps": workloads.deployment_causes,
    "daemonsets.apps": workloads.daemon_set_causes,
    "statefulsets.apps": workloads.stateful_set_causes,
    "jobs.batch": workloads.job_causes,
    "endpointslices.discovery.k8s.io": services.slice_causes,
    "leases.coordination.k8s.io": _lease,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "poddisruptionbudgets.policy": _budget,
    "roles.rbac.authorization.k8s.io": roles.role_causes,
    "clusterroles.rbac.authorization.k8s.io": roles.role_causes,
    "rolebindings.rbac.authorization.k8s.io": roles.binding_causes,
    "clusterrolebindings.rbac.authorization.k8s.io": roles.binding_causes,
}
_CHANGES: Final[dict[str, Callable[[Any, Any], Causes]]] = {
    "replicasets.apps": workloads.selector_change_causes,
    "deployments.apps": workloads.selector_change_causes,
    "daemonsets.apps": workloads.selector_change_causes,
    "statefulsets.apps": workloads.stateful_set_change_causes,
    "jobs.batch": workloads.job_change_causes,
    "endpointslices.discovery.k8s.io": services.slice_change_causes,
    "priorityclasses.scheduling.k8s.io": _priority_class_change,
    "rolebindings.rbac.authorization.k8s.io": roles.binding_change_causes,
    "clusterrolebindings.rbac.authorization.k8s.io": roles.binding_change_causes,
}
