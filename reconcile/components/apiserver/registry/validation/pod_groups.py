"""Validation of groups of pods: pod groups, and the workloads that have templates of them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import golang
from reconcile.api import scheduling_v1alpha2 as api
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, too_many, wrong
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE
from reconcile.components.apiserver.registry.validation.parts import faulty, given, named
from reconcile.model.text import names

_MOST_TEMPLATES: Final = 8
_LEAST: Final = 1
_POLICIES: Final = ("basic", "gang")


def group_causes(obj: api.PodGroup) -> Causes:
    """Say what is wrong with a pod group."""
    spec = given(obj.spec, api.PodGroupSpec)
    found: list[Cause] = []
    if spec.pod_group_template_ref is not None:
        found += _reference_causes("spec.podGroupTemplateRef", spec.pod_group_template_ref)
    return (*found, *_policy_causes("spec.schedulingPolicy", spec.scheduling_policy))


def group_update_causes(new: api.PodGroup, old: api.PodGroup) -> Causes:
    """Say what of a pod group changed that may not: nothing may."""
    spec, before = given(new.spec, api.PodGroupSpec), given(old.spec, api.PodGroupSpec)
    found = _fixed("spec.podGroupTemplateRef", spec.pod_group_template_ref, before.pod_group_template_ref)
    found += _fixed("spec.schedulingPolicy", spec.scheduling_policy, before.scheduling_policy)
    if spec.disruption_mode != before.disruption_mode:
        found.append(forbidden("spec.disruptionMode", ""))
    return tuple(found)


def workload_causes(obj: api.Workload) -> Causes:
    """Say what is wrong with a workload."""
    spec = given(obj.spec, api.WorkloadSpec)
    found = _controller_causes("spec.controllerRef", spec.controller_ref)
    templates, at = spec.pod_group_templates or (), "spec.podGroupTemplates"
    if not templates:
        return (*found, required(at))
    if len(templates) > _MOST_TEMPLATES:
        return (*found, too_many(at, len(templates), _MOST_TEMPLATES))
    known: list[str] = []
    for place, template in enumerate(templates):
        if template.name in known:
            # These kinds have no form of their own within the server: they are shown as clients see them.
            found.append(duplicate(f"{at}[{place}]", golang.written(template)))
        known.append(template.name)
    for place, template in enumerate(templates):
        here = f"{at}[{place}]"
        found += named(f"{here}.name", template.name, names.label_faults)
        found += _policy_causes(f"{here}.schedulingPolicy", template.scheduling_policy)
    return tuple(found)


def workload_update_causes(new: api.Workload, old: api.Workload) -> Causes:
    """Say what of a workload changed that may not: nothing may."""
    spec, before = given(new.spec, api.WorkloadSpec), given(old.spec, api.WorkloadSpec)
    found = _fixed("spec.controllerRef", spec.controller_ref, before.controller_ref)
    return tuple(found + _fixed("spec.podGroupTemplates", spec.pod_group_templates, before.pod_group_templates))


def _fixed(field: str, new: Any, old: Any) -> list[Cause]:
    return [] if new == old else [wrong(field, None, IMMUTABLE)]


def _policy_causes(field: str, policy: api.PodGroupSchedulingPolicy | None) -> list[Cause]:
    policy = given(policy, api.PodGroupSchedulingPolicy)
    said = [name for name in _POLICIES if getattr(policy, name) is not None]
    choice = ", ".join([f"`{name}`" for name in _POLICIES])
    found: list[Cause] = []
    if len(said) > 1:
        found.append(wrong(field, f"{{{', '.join(said)}}}", f"must specify exactly one of: {choice}"))
    if not said:
        found.append(wrong(field, "", f"must specify one of: {choice}"))
    if policy.gang is None:
        return found
    at, count = f"{field}.gang.minCount", policy.gang.min_count
    if not count:
        found.append(required(at))
    elif count < _LEAST:
        found.append(wrong(at, count, f"must be greater than or equal to {_LEAST}"))
    return found


def _reference_causes(field: str, reference: api.PodGroupTemplateReference) -> list[Cause]:
    workload = reference.workload
    if workload is None:
        return [wrong(field, "", "must specify one of: `workload`")]
    found = named(f"{field}.workload.workloadName", workload.workload_name, names.subdomain_faults)
    return found + named(f"{field}.workload.podGroupTemplateName", workload.pod_group_template_name, names.label_faults)


def _controller_causes(field: str, controller: api.TypedLocalObjectReference | None) -> list[Cause]:
    if controller is None:
        return []
    group = controller.api_group
    found = faulty(f"{field}.apiGroup", group, names.subdomain_faults(group)) if group else []
    found += named(f"{field}.kind", controller.kind, names.path_segment_faults)
    return found + named(f"{field}.name", controller.name, names.path_segment_faults)
