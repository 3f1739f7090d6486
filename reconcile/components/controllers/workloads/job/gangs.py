"""
Gangs: a Job all of whose pods run side by side has them scheduled together, where WorkloadWithJob is on.

Before its first pod is made, the Job gets a Workload and a PodGroup of its own, and its pods name the group. Nothing of
that is done for a Job that has begun without, or where somebody else's Workload speaks of it.

Takes:    Jobs, what is known of Workloads and PodGroups, answers.
Gives:    creates of Workloads and PodGroups; events.
Source:   pkg/controller/job/job_scheduling_manager.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.api import scheduling_v1alpha2 as api
from reconcile.components.controllers.answers import message_of
from reconcile.components.controllers.runtime import Outcome
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.hashing import fnv_of
from reconcile.components.controllers.workloads.job.desk import Desk, called, done, noting, recording
from reconcile.components.controllers.workloads.job.memory import CLAIMANT
from reconcile.components.controllers.workloads.job.pods import is_indexed
from reconcile.effects import Record
from reconcile.model import conditions
from reconcile.model.owners import is_controlled_by
from reconcile.model.pods.grouping import GROUPS, WORKLOADS
from reconcile.model.requests import Request

_LONGEST: Final = 253


def is_candidate(job: Any) -> bool:
    """Tell whether all of a Job's pods are to run side by side, each with an index, and name no group yet."""
    spec = job.spec
    if not spec.parallelism or spec.parallelism <= 1 or spec.completions != spec.parallelism:
        return False
    return is_indexed(job) and spec.template.spec.scheduling_group is None


def ensured(desk: Desk, pods: tuple[Any, ...]) -> Desk | Outcome:
    """See to it that the Job has its Workload and its group; *pods* are those that it has already."""
    job, views = desk.look.job, desk.ask.views
    found = views.table(WORKLOADS).under("job", desk.look.key)
    if not found:
        return called(desk, "workload", (_creation(job, WORKLOADS, _workload(job)),)) if _is_new(job, pods) else desk
    if len(found) > 1 or not is_controlled_by(found[0], job) or len(found[0].spec.pod_group_templates) != 1:
        return desk
    return _with_group(desk, found[0])


def on_workload(desk: Desk) -> Desk | Outcome:
    """Go on now that the Workload is there, or could not be made."""
    ((_, response),) = desk.ask.answers
    if not response.ok:
        return _failed(desk, message_of(response))
    workload, job = response.body, desk.look.job
    name = workload.metadata.name
    why = f"Created Workload {name} for Job {job.metadata.name}"
    return _with_group(recording(desk, Record(job, "Normal", "WorkloadCreated", why)), workload)


def on_group(desk: Desk) -> Desk | Outcome:
    """Go on now that the group is there, or could not be made."""
    ((_, response),) = desk.ask.answers
    if not response.ok:
        return _failed(desk, message_of(response))
    return noting(desk, group=response.body.metadata.name)


def _failed(desk: Desk, why: str) -> Outcome:
    return done(desk, f"ensuring Workload and PodGroup for Job {desk.look.key}: {why}")


def _with_group(desk: Desk, workload: Any) -> Desk | Outcome:
    job, metadata = desk.look.job, workload.metadata
    found = desk.ask.views.table(GROUPS).under("workload", f"{metadata.namespace}/{metadata.name}")
    if not found:
        return called(desk, "group", (_creation(job, GROUPS, _group(job, workload)),))
    if len(found) > 1 or not is_controlled_by(found[0], job):
        return desk
    return noting(desk, group=found[0].metadata.name)


def _is_new(job: Any, pods: tuple[Any, ...]) -> bool:
    status = job.status
    if pods or status is None:
        return not pods
    begun = status.start_time is not None or status.succeeded or status.failed
    return not begun and conditions.find(status.conditions, "Suspended") is None


def _creation(job: Any, resource: str, body: Any) -> Request:
    return Request(verb="create", resource=resource, namespace=job.metadata.namespace, body=body)


def _workload(job: Any) -> api.Workload:
    metadata = job.metadata
    ending = f"-{fnv_of(f'(types.UID){metadata.uid}')}"
    gang = api.GangSchedulingPolicy(min_count=job.spec.parallelism)
    template = api.PodGroupTemplate(
        name=f"{metadata.name}-pgt-0", scheduling_policy=api.PodGroupSchedulingPolicy(gang=gang)
    )
    return api.Workload(
        metadata=meta_v1.ObjectMeta(
            name=f"{metadata.name[: _LONGEST - len(ending)]}{ending}",
            owner_references=(claims.reference_to(CLAIMANT, job),),
        ),
        spec=api.WorkloadSpec(
            controller_ref=api.TypedLocalObjectReference(api_group="batch", kind="Job", name=metadata.name),
            pod_group_templates=(template,),
        ),
    )


def _group(job: Any, workload: Any) -> api.PodGroup:
    name, uid = workload.metadata.name, workload.metadata.uid
    (template,) = workload.spec.pod_group_templates
    # Its Workload may go before the group does, and is not kept by it.
    also = meta_v1.OwnerReference(api_version="scheduling.k8s.io/v1alpha2", kind="Workload", name=name, uid=uid)
    reference = api.WorkloadPodGroupTemplateReference(workload_name=name, pod_group_template_name=template.name)
    return api.PodGroup(
        metadata=meta_v1.ObjectMeta(
            name=group_name(name, template.name),
            owner_references=(claims.reference_to(CLAIMANT, job), also),
        ),
        spec=api.PodGroupSpec(
            pod_group_template_ref=api.PodGroupTemplateReference(workload=reference),
            scheduling_policy=template.scheduling_policy,
        ),
    )


def group_name(workload: str, template: str) -> str:
    """Name the group that is made of a template: of names that are too long together, each gives way in part."""
    ending = fnv_of(f"{workload}{template}")
    most = _LONGEST - len(ending) - 2
    if len(workload) + len(template) > most:
        half = most // 2
        if len(workload) <= half:
            template = template[: most - len(workload)]
        elif len(template) <= half:
            workload = workload[: most - len(template)]
        else:
            workload, template = workload[: most - half], template[:half]
    return f"{workload}-{template}-{ending}"
