"""Validation of resource slices: the devices that a driver offers, their attributes, capacities and counters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import resource_v1
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    duplicate,
    forbidden,
    required,
    too_long,
    too_many,
    wrong,
)
from reconcile.components.apiserver.registry.validation.claims import each, qualified_causes
from reconcile.components.apiserver.registry.validation.core.scheduling import node_selector_causes
from reconcile.components.apiserver.registry.validation.parts import (
    driver_causes,
    faulty,
    given,
    named,
    positive,
    required_choice,
    unchanged,
)
from reconcile.model.text import names

_MOST_DEVICES: Final = 128
_MOST_INTRICATE: Final = 64
_MOST_COUNTER_SETS: Final = 8
_MOST_COUNTERS: Final = 32
_MOST_CONSUMED: Final = 2
_MOST_PROPERTIES: Final = 32
_MOST_VALUES: Final = 48
_MOST_TAINTS: Final = 16
_MOST_CONDITIONS: Final = 4
_LONGEST_VALUE: Final = 64
_EFFECTS: Final = ("NoExecute", "NoSchedule", "None")
_ONE_VALUE: Final = "exactly one value must be specified"
_UNSET_OR_TRUE: Final = "must be either unset or set to true"
_ONE_PLACE: Final = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_ONE_PLACE_EACH: Final = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true"
    " in the ResourceSlice spec"
)
_NO_PLACE: Final = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the"
    " ResourceSlice spec"
)
_NUMBER: Final = r"(0|[1-9]\d*)"
_BEFORE: Final = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_BEFORE}(\.{_BEFORE})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?", re.ASCII
)


def slice_causes(obj: resource_v1.ResourceSlice) -> Causes:
    """Say what is wrong with a resource slice."""
    return tuple(_spec_causes(given(obj.spec, resource_v1.ResourceSliceSpec), None))


def slice_update_causes(new: resource_v1.ResourceSlice, old: resource_v1.ResourceSlice) -> Causes:
    """Say what is wrong with an update of a resource slice."""
    return tuple(_spec_causes(given(new.spec, resource_v1.ResourceSliceSpec), old.spec))


def _spec_causes(spec: resource_v1.ResourceSliceSpec, before: resource_v1.ResourceSliceSpec | None) -> list[Cause]:
    pool = given(spec.pool, resource_v1.ResourcePool)
    found = driver_causes("spec.driver", spec.driver) + _pool_causes("spec.pool", pool)
    if before is not None:
        had = given(before.pool, resource_v1.ResourcePool)
        found += unchanged("spec.pool.name", pool.name, had.name)
        found += unchanged("spec.driver", spec.driver, before.driver)
        found += unchanged("spec.nodeName", spec.node_name, before.node_name)
    found += _place_causes(spec)
    if spec.shared_counters is not None and spec.devices is not None:
        found.append(wrong("spec", "", "only one of `sharedCounters` or `devices` is allowed"))
    devices = spec.devices or ()
    intricate = any(device.taints or device.consumes_counters for device in devices)

    def device_causes(field: str, device: resource_v1.Device) -> list[Cause]:
        return _device_causes(field, device, apart=bool(spec.per_device_node_selection))

    most = _MOST_INTRICATE if intricate else _MOST_DEVICES
    found += each("spec.devices", spec.devices, most, device_causes, lambda device: device.name)
    counters = spec.shared_counters
    return found + each("spec.sharedCounters", counters, _MOST_COUNTER_SETS, _counters_causes, lambda one: one.name)


def _pool_causes(field: str, pool: resource_v1.ResourcePool) -> list[Cause]:
    found: list[Cause] = []
    at = f"{field}.name"
    if not pool.name:
        found.append(required(at))
    else:
        found += [too_long(at, names.SUBDOMAIN_LENGTH)] if len(pool.name) > names.SUBDOMAIN_LENGTH else []
        for part in pool.name.split("/"):
            found += faulty(at, part, names.subdomain_faults(part))
    found += positive(f"{field}.resourceSliceCount", pool.resource_slice_count)
    if (pool.generation or 0) < 0:
        found.append(wrong(f"{field}.generation", pool.generation, "must be greater than or equal to zero"))
    return found


def _place_causes(spec: resource_v1.ResourceSliceSpec) -> list[Cause]:
    found: list[Cause] = []
    chosen: list[str] = []
    if spec.node_name == "":
        found.append(wrong("spec.nodeName", "", "must be either unset or set to a non-empty string"))
    elif spec.node_name is not None:
        chosen.append("`nodeName`")
        found += faulty("spec.nodeName", spec.node_name, names.subdomain_faults(spec.node_name))
    if spec.node_selector is not None:
        chosen.append("`nodeSelector`")
        at, terms = "spec.nodeSelector", spec.node_selector.node_selector_terms
        found += node_selector_causes(at, spec.node_selector)
        if len(terms or ()) != 1:
            found.append(wrong(f"{at}.nodeSelectorTerms", terms or None, "must have exactly one node selector term"))
    for name, flag in (
        ("allNodes", spec.all_nodes),
        ("perDeviceNodeSelection", spec.per_device_node_selection),
    ):
        if flag:
            chosen.append(f"`{name}`")
        elif flag is not None:
            found.append(wrong(f"spec.{name}", flag, _UNSET_OR_TRUE))
    if not chosen:
        found.append(required("spec", _ONE_PLACE))
    elif len(chosen) > 1:
        listed = ", ".join(chosen)
        found.append(wrong("spec", f"{{{listed}}}", f"{_ONE_PLACE}, but multiple fields are set"))
    return found


def _counters_causes(field: str, counters: resource_v1.CounterSet) -> list[Cause]:
    found = named(f"{field}.name", counters.name, names.label_faults)
    return found + _counter_causes(f"{field}.counters", counters.counters)


def _counter_causes(field: str, counters: Any) -> list[Cause]:
    if not counters:
        return [required(field)]
    if len(counters) > _MOST_COUNTERS:
        return [too_many(field, len(counters), _MOST_COUNTERS)]
    return [cause for name in counters for cause in faulty(field, name, names.label_faults(name))]


def _device_causes(field: str, device: resource_v1.Device, *, apart: bool) -> list[Cause]:
    found = faulty(f"{field}.name", device.name, names.label_faults(device.name))
    attributes: Mapping[str, resource_v1.DeviceAttribute] = device.attributes or {}
    capacity: Mapping[str, resource_v1.DeviceCapacity] = device.capacity or {}
    count = len(attributes) + len(capacity)
    if count > _MOST_PROPERTIES:
        why = f"the total number of attributes and capacities must not exceed {_MOST_PROPERTIES}"
        found.append(wrong(field, count, why))
    for name, attribute in attributes.items():
        found += qualified_causes(f"{field}.attributes", name)
        found += _attribute_causes(f"{field}.attributes[{name}]", attribute)
    for name, amount in capacity.items():
        found += qualified_causes(f"{field}.capacity", name)
        if amount.request_policy is not None and not device.allow_multiple_allocations:
            at = f"{field}.capacity[{name}].requestPolicy"
            found.append(forbidden(at, "allowMultipleAllocations must be true"))
    found += each(f"{field}.taints", device.taints, _MOST_TAINTS, _taint_causes)
    found += each(
        f"{field}.consumesCounters",
        device.consumes_counters,
        _MOST_CONSUMED,
        _consumed_causes,
        lambda consumed: consumed.counter_set,
    )
    found += _own_place_causes(field, device, apart=apart)
    return found + _binding_causes(field, device.binding_conditions or (), device.binding_failure_conditions or ())


def _own_place_causes(field: str, device: resource_v1.Device, *, apart: bool) -> list[Cause]:
    if not apart:
        said = device.node_name is not None or device.node_selector is not None or device.all_nodes is not None
        return [wrong(field, None, _NO_PLACE)] if said else []
    found: list[Cause] = []
    chosen: list[str] = []
    if device.node_name == "":
        found.append(wrong(f"{field}.nodeName", "", "must not be empty"))
    elif device.node_name is not None:
        chosen.append("`nodeName`")
        found += faulty(f"{field}.nodeName", device.node_name, names.subdomain_faults(device.node_name))
    if device.node_selector is not None:
        chosen.append("`nodeSelector`")
        found += node_selector_causes(f"{field}.nodeSelector", device.node_selector)
    if device.all_nodes:
        chosen.append("`allNodes`")
    elif device.all_nodes is not None:
        found.append(wrong(f"{field}.allNodes", device.all_nodes, _UNSET_OR_TRUE))
    if not chosen:
        found.append(required(field, _ONE_PLACE_EACH))
    elif len(chosen) > 1:
        listed = ", ".join(chosen)
        found.append(wrong(field, f"{{{listed}}}", _ONE_PLACE_EACH))
    return found


def _attribute_causes(field: str, attribute: resource_v1.DeviceAttribute) -> list[Cause]:
    found: list[Cause] = []
    text, version = attribute.string, attribute.version
    if text is not None and len(text) > _LONGEST_VALUE:
        found.append(too_long(f"{field}.string", _LONGEST_VALUE))
    if version is not None:
        if not _VERSION.fullmatch(version):
            why = "must be a string compatible with semver.org spec 2.0.0"
            found.append(wrong(f"{field}.version", version, why))
        found += [too_long(f"{field}.version", _LONGEST_VALUE)] if len(version) > _LONGEST_VALUE else []
    values = (attribute.bool_, attribute.int_, text, version)
    count = sum(value is not None for value in values)
    if count == 0:
        found.append(wrong(field, "", _ONE_VALUE))
    elif count > 1:
        found.append(wrong(field, attribute, _ONE_VALUE))
    return found


def _taint_causes(field: str, taint: resource_v1.DeviceTaint) -> list[Cause]:
    found = faulty(f"{field}.key", taint.key, names.qualified_faults(taint.key))
    if taint.value:
        found += faulty(f"{field}.value", taint.value, names.label_value_faults(taint.value))
    return found + required_choice(f"{field}.effect", taint.effect, _EFFECTS)


def _consumed_causes(field: str, consumed: resource_v1.DeviceCounterConsumption) -> list[Cause]:
    found = named(f"{field}.counterSet", consumed.counter_set, names.label_faults)
    return found + _counter_causes(f"{field}.counters", consumed.counters)


def _binding_causes(field: str, bound: tuple[str, ...], failed: tuple[str, ...]) -> list[Cause]:
    lists = ((f"{field}.bindingConditions", bound), (f"{field}.bindingFailureConditions", failed))
    found: list[Cause] = []
    for at, conditions in lists:
        if len(conditions) > _MOST_CONDITIONS:
            found.append(too_many(at, len(conditions), _MOST_CONDITIONS))
            continue
        for place, condition in enumerate(conditions):
            found += faulty(f"{at}[{place}]", condition, names.qualified_faults(condition))
    (ahead, _), (after, _) = lists
    found += [duplicate(f"{ahead}[{place}]", one) for place, one in enumerate(bound) if one in bound[:place]]
    for place, one in enumerate(failed):
        found += [duplicate(f"{after}[{place}]", one)] if one in failed[:place] else []
        if one in bound:
            why = "bindingFailureConditions must not overlap with bindingConditions"
            found.append(wrong(f"{after}[{place}]", one, why))
    if failed and not bound:
        found.append(wrong(ahead, None, "bindingConditions are required to use bindingFailureConditions"))
    if bound and not failed:
        found.append(wrong(after, None, "bindingFailureConditions are required to use bindingConditions"))
    return found
