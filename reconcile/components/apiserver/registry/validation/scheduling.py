"""Validation of scheduling and of node: priority classes, runtime classes."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, node_v1, scheduling_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden
from reconcile.components.apiserver.registry.validation.core.resources import resources_causes
from reconcile.components.apiserver.registry.validation.core.scheduling import tolerations_causes
from reconcile.components.apiserver.registry.validation.metadata import labels_causes
from reconcile.components.apiserver.registry.validation.parts import named, required_choice, unchanged
from reconcile.model.text import names

_HIGHEST: Final = 1_000_000_000
_SYSTEM: Final = "system-"
_SYSTEM_CLASSES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def priority_class_causes(obj: scheduling_v1.PriorityClass) -> Causes:
    """Say what is wrong with a priority class."""
    name = (obj.metadata.name if obj.metadata is not None else None) or ""
    found: list[Cause] = []
    if name.startswith(_SYSTEM):
        fault = _system_fault(name, obj)
        if fault is not None:
            why = f"priority class names with '{_SYSTEM}' prefix are reserved for system use only. error: {fault}"
            found.append(forbidden("metadata.name", why))
    elif (obj.value or 0) > _HIGHEST:
        found.append(forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}"))
    if obj.preemption_policy is not None:
        found += required_choice("preemptionPolicy", obj.preemption_policy, ("PreemptLowerPriority", "Never"))
    return tuple(found)


def _system_fault(name: str, obj: scheduling_v1.PriorityClass) -> str | None:
    value = _SYSTEM_CLASSES.get(name)
    if value is None:
        return f"{name} is not a known system priority class"
    if value != obj.value:
        return f"value of {name} PriorityClass must be {value}"
    return f"globalDefault of {name} PriorityClass must be false" if obj.global_default else None


def priority_class_update_causes(new: scheduling_v1.PriorityClass, old: scheduling_v1.PriorityClass) -> Causes:
    """Say what of a priority class changed that may not."""
    found: list[Cause] = []
    if (new.value or 0) != (old.value or 0):
        found.append(forbidden("value", "may not be changed in an update."))
    return (*found, *unchanged("preemptionPolicy", new.preemption_policy, old.preemption_policy))


def runtime_class_causes(obj: node_v1.RuntimeClass) -> Causes:
    """Say what is wrong with a runtime class."""
    found = named("handler", obj.handler, names.label_faults)
    if obj.overhead is not None:
        limits = core_v1.ResourceRequirements(limits=obj.overhead.pod_fixed)
        found += resources_causes("overhead", limits)
    wanted = obj.scheduling
    if wanted is not None:
        if wanted.node_selector:
            found += labels_causes("scheduling.nodeSelector", wanted.node_selector)
        found += tolerations_causes("scheduling.tolerations", wanted.tolerations or ())
        seen: list[Any] = []
        for place, toleration in enumerate(wanted.tolerations or ()):
            at = f"scheduling.tolerations[{place}]"
            key = (toleration.key, toleration.operator, toleration.value, toleration.effect)
            if key in seen:
                found.append(duplicate(at, toleration))
            seen.append(key)
    return tuple(found)


def runtime_class_update_causes(new: node_v1.RuntimeClass, old: node_v1.RuntimeClass) -> Causes:
    """Say what of a runtime class changed that may not."""
    return tuple(unchanged("handler", new.handler, old.handler))
