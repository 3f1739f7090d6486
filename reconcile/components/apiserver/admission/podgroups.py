"""
PodGroupProtection, PodGroupWorkloadExists, JobValidation: groups are kept while in use, made of what is there, whole.

Source:   the admission plugins of these names, which are on by default and do nothing unless GenericWorkload is on.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.api.golang import quoted
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace
from reconcile.model import gates, statuses
from reconcile.model.owners import is_controlled_by
from reconcile.model.pods.grouping import GROUPS, PROTECTION, WORKLOADS
from reconcile.model.requests import joined


def protect_group(ask: Ask, group: Any) -> Any:
    """Give a new group with the finalizer that keeps it while pods name it."""
    given = group.metadata.finalizers or ()
    if PROTECTION in given or "PodGroupProtection" in ask.state.disabled:
        return group
    return replace(group, metadata=replace(group.metadata, finalizers=(*given, PROTECTION)))


def check_template(ask: Ask, group: Any) -> None:
    """Refuse a new group that names a template that is not there."""
    reference = group.spec.pod_group_template_ref
    if reference is None or reference.workload is None or "PodGroupWorkloadExists" in ask.state.disabled:
        return
    name, template = reference.workload.workload_name, reference.workload.pod_group_template_name
    workload = ask.store.get(WORKLOADS, joined(ask.request.namespace, name))
    if workload is None:
        why = f"Workload {quoted(name)} not found"
    elif workload.metadata.deletion_timestamp is not None:
        why = f"Workload {quoted(name)} is being deleted"
    elif any(each.name == template for each in workload.spec.pod_group_templates):
        return
    else:
        why = f"PodGroupTemplate {quoted(template)} not found in Workload {quoted(name)}"
    raise Refusal(statuses.forbidden(ask.request.resource, group.metadata.name, f"PodGroup rejected: {why}"))


def check_parallelism(ask: Ask, new: Any, old: Any) -> None:
    """Refuse to let a Job have more or fewer pods at a time whose pods are scheduled as a gang."""
    if new.spec.parallelism == old.spec.parallelism or "JobValidation" in ask.state.disabled:
        return
    if not gates.is_on(ask.state.feature_gates, gates.GENERIC_WORKLOAD):
        return
    groups, named = ask.store.table(GROUPS), old.spec.template.spec.scheduling_group
    if named is not None:
        found = [groups.get(joined(ask.request.namespace, named.pod_group_name), None)]
    else:
        found = [each for each in groups.under("owner", old.metadata.uid) if is_controlled_by(each, old)]
    for group in found:
        if group is not None and group.spec.scheduling_policy.gang is not None:
            name = quoted(group.metadata.name)
            why = f"cannot change parallelism for a Job referencing gang-scheduled PodGroup {name}"
            raise Refusal(statuses.forbidden(ask.request.resource, new.metadata.name, why))
