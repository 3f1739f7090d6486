"""
Grouping: what serves scheduling in groups is dropped from what is written while that is off.

Pods and the templates of pods name a group only while GenericWorkload is on; of groups and workloads what further gates
are for is never kept.

Source:   dropDisabledFields of pods (dropDisabledSchedulingGroup), of pod groups and of workloads.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final

from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace
from reconcile.model import gates

_TEMPLATE: Final = ("spec", "template", "spec")
# Where, of each kind that makes pods, their specification stands.
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "podtemplates": ("template", "spec"),
    "replicationcontrollers": _TEMPLATE,
    "replicasets.apps": _TEMPLATE,
    "deployments.apps": _TEMPLATE,
    "daemonsets.apps": _TEMPLATE,
    "statefulsets.apps": _TEMPLATE,
    "jobs.batch": _TEMPLATE,
    "cronjobs.batch": ("spec", "job_template", *_TEMPLATE),
    "pods": ("spec",),
}
_NAMED: Final = {resource: attrgetter(".".join((*path, "scheduling_group"))) for resource, path in _PATHS.items()}
MAKERS: Final = frozenset(_PATHS)
"""The kinds whose objects say what pods are, and pods themselves."""


def are_grouped(ask: Ask) -> bool:
    """Tell whether pods may name a group."""
    return gates.is_on(ask.state.feature_gates, gates.GENERIC_WORKLOAD)


def ungrouped(ask: Ask, obj: Any, old: Any = None) -> Any:
    """
    Give what is to be written without the group that its pods are of, unless pods may be in groups.

    Args:
        ask: the write.
        obj: what is to be written.
        old: what is there; what named a group already may still do so.
    """
    resource = ask.request.resource
    if _group_in(resource, obj) is None or are_grouped(ask) or (old is not None and _group_in(resource, old)):
        return obj
    return _without(obj, _PATHS[resource])


def _group_in(resource: str, obj: Any) -> Any:
    try:
        return _NAMED[resource](obj)
    except AttributeError:
        return None  # it says nothing of pods


def _without(obj: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return replace(obj, scheduling_group=None)
    return replace(obj, **{path[0]: _without(getattr(obj, path[0]), path[1:])})


def new_group(_: Ask, group: Any) -> Any:
    """Give a new pod group without what further gates are for; how it is disrupted is read as the default."""
    return replace(group, spec=_plain(group.spec, disruption_mode="Pod"))


def group(_: Ask, new: Any, old: Any) -> Any:
    """Give a changed pod group without what further gates are for."""
    mode = new.spec.disruption_mode or "Pod"
    return new if new.spec is old.spec else replace(new, spec=_plain(new.spec, disruption_mode=mode))


def group_status(_: Ask, new: Any, __: Any) -> Any:
    """Give a pod group whose status says nothing that further gates are for."""
    return new if new.status is None else replace(new, status=replace(new.status, resource_claim_statuses=None))


def new_workload(_: Ask, workload: Any) -> Any:
    """Give a new workload whose templates say nothing that further gates are for."""
    templates = workload.spec.pod_group_templates
    plain = tuple([_plain(each, disruption_mode=None) for each in templates or ()])
    return replace(workload, spec=replace(workload.spec, pod_group_templates=plain))


def workload(ask: Ask, new: Any, old: Any) -> Any:
    """Give a changed workload likewise."""
    return new if new.spec is old.spec else new_workload(ask, new)


def _plain(spec: Any, *, disruption_mode: str | None) -> Any:
    return replace(
        spec,
        scheduling_constraints=None,
        resource_claims=None,
        priority_class_name=None,
        priority=None,
        disruption_mode=disruption_mode,
    )
