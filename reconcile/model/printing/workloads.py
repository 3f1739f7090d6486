"""Workloads and what scales them, as `kubectl get` shows them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.instant import Instant
from reconcile.model import conditions
from reconcile.model.owners import controller_of
from reconcile.model.printing.ages import UNKNOWN, age, human_duration, since
from reconcile.model.printing.metrics import metrics_text
from reconcile.model.printing.pods import pod_cells
from reconcile.model.printing.shape import (
    NONE,
    UNSET,
    Cells,
    Fill,
    number,
    pairs_text,
    selector_text,
    templated,
)


def _deployment(obj: Any, now: Instant) -> Cells:
    status = obj.status
    return (
        obj.metadata.name,
        f"{number(status and status.ready_replicas)}/{number(obj.spec.replicas)}",
        number(status and status.updated_replicas),
        number(status and status.available_replicas),
        age(obj, now),
        *templated(obj.spec.template),
        selector_text(obj.spec.selector, ""),
    )


def _replicated(obj: Any, now: Instant) -> Cells:
    status, selector = obj.status, obj.spec.selector
    return (
        obj.metadata.name,
        number(obj.spec.replicas),
        number(status and status.replicas),
        number(status and status.ready_replicas),
        age(obj, now),
        *templated(obj.spec.template),
        pairs_text(selector) if obj.kind == "ReplicationController" else selector_text(selector),
    )


def _daemonset(obj: Any, now: Instant) -> Cells:
    status, template = obj.status, obj.spec.template
    return (
        obj.metadata.name,
        number(status and status.desired_number_scheduled),
        number(status and status.current_number_scheduled),
        number(status and status.number_ready),
        number(status and status.updated_number_scheduled),
        number(status and status.number_available),
        pairs_text(template.spec.node_selector),
        age(obj, now),
        *templated(template),
        selector_text(obj.spec.selector),
    )


def _statefulset(obj: Any, now: Instant) -> Cells:
    ready = number(obj.status and obj.status.ready_replicas)
    wanted = number(obj.spec.replicas)
    return (obj.metadata.name, f"{ready}/{wanted}", age(obj, now), *templated(obj.spec.template))


def _job(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    done = number(status and status.succeeded)
    if spec.completions is not None:
        completions = f"{done}/{spec.completions}"
    elif number(spec.parallelism) > 1:
        completions = f"{done}/1 of {spec.parallelism}"
    else:
        completions = f"{done}/1"
    took = ""
    if status is not None and status.start_time is not None:
        end = now if status.completion_time is None else status.completion_time.instant
        took = human_duration(end - status.start_time.instant)
    return (
        obj.metadata.name,
        _job_status(obj),
        completions,
        took,
        age(obj, now),
        *templated(spec.template),
        selector_text(spec.selector),
    )


def _job_status(obj: Any) -> str:
    known = obj.status.conditions if obj.status is not None else None
    for condition in ("Complete", "Failed"):
        if conditions.is_true(known, condition):
            return condition
    if obj.metadata.deletion_timestamp is not None:
        return "Terminating"
    for condition, word in (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget")):
        if conditions.is_true(known, condition):
            return word
    return "SuccessCriteriaMet" if conditions.is_true(known, "SuccessCriteriaMet") else "Running"


def _cronjob(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    last = status.last_schedule_time if status is not None else None
    return (
        obj.metadata.name,
        spec.schedule,
        spec.time_zone or NONE,
        UNSET if spec.suspend is None else "True" if spec.suspend else "False",
        len((status and status.active) or ()),
        NONE if last is None else since(last, now),
        age(obj, now),
        *templated(spec.job_template.spec.template),
        selector_text(spec.job_template.spec.selector),
    )


def _pod_template(obj: Any, _: Instant) -> Cells:
    template = obj.template
    labels = template.metadata.labels if template is not None and template.metadata is not None else None
    return (obj.metadata.name, *templated(template), pairs_text(labels))


def _controller_revision(obj: Any, now: Instant) -> Cells:
    owner = controller_of(obj)
    if owner is None:
        return (obj.metadata.name, NONE, obj.revision, age(obj, now))
    group = owner.api_version.rpartition("/")[0]
    kind = f"{owner.kind.lower()}.{group}" if group else owner.kind.lower()
    return (obj.metadata.name, f"{kind}/{owner.name}", obj.revision, age(obj, now))


def _disruption_budget(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    return (
        obj.metadata.name,
        "N/A" if spec.min_available is None else str(spec.min_available),
        "N/A" if spec.max_unavailable is None else str(spec.max_unavailable),
        number(status and status.disruptions_allowed),
        age(obj, now),
    )


def _autoscaler(obj: Any, now: Instant) -> Cells:
    spec, status = obj.spec, obj.status
    target = spec.scale_target_ref
    return (
        obj.metadata.name,
        f"{target.kind}/{target.name}",
        _targets(obj),
        UNSET if spec.min_replicas is None else str(spec.min_replicas),
        spec.max_replicas,
        number(status and status.current_replicas),
        age(obj, now),
    )


def _targets(obj: Any) -> str:
    if not hasattr(obj.spec, "metrics"):
        # autoscaling/v1 knows one metric only.
        wanted, status = obj.spec.target_cpu_utilization_percentage, obj.status
        if wanted is None:
            return NONE
        seen = status.current_cpu_utilization_percentage if status is not None else None
        return f"cpu: {UNKNOWN if seen is None else f'{seen}%'}/{wanted}%"
    return metrics_text(obj.spec.metrics or (), (obj.status and obj.status.current_metrics) or ())


def _pod_group(obj: Any, now: Instant) -> Cells:
    stands = conditions.find((obj.status and obj.status.conditions) or (), "PodGroupScheduled")
    status = "Pending" if stands is None else "Scheduled" if stands.status == "True" else "Unschedulable"
    goes = conditions.find((obj.status and obj.status.conditions) or (), "DisruptionTarget")
    reference = obj.spec.pod_group_template_ref
    return (
        obj.metadata.name,
        "Basic" if obj.spec.scheduling_policy.gang is None else "Gang",
        NONE if reference is None else reference.workload.workload_name,
        status if goes is None else goes.reason,
        age(obj, now),
    )


def _priority_class(obj: Any, now: Instant) -> Cells:
    policy = obj.preemption_policy or ""
    return (obj.metadata.name, number(obj.value), bool(obj.global_default), age(obj, now), policy)


def _runtime_class(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, obj.handler, age(obj, now))


WORKLOADS: Final[dict[str, Fill]] = {
    "pods": pod_cells,
    "deployments.apps": _deployment,
    "replicasets.apps": _replicated,
    "replicationcontrollers": _replicated,
    "daemonsets.apps": _daemonset,
    "statefulsets.apps": _statefulset,
    "jobs.batch": _job,
    "cronjobs.batch": _cronjob,
    "podtemplates": _pod_template,
    "controllerrevisions.apps": _controller_revision,
    "poddisruptionbudgets.policy": _disruption_budget,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "podgroups.scheduling.k8s.io": _pod_group,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "runtimeclasses.node.k8s.io": _runtime_class,
}
