"""
Policies: what a pod's failure means for its Job, and when an Indexed Job has succeeded before all of it is done.

Takes:    Jobs, failed pods, succeeded indexes.
Gives:    verdicts.
Source:   pkg/controller/job: pod_failure_policy.go, success_policy.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.workloads.job import indexes
from reconcile.components.controllers.workloads.job.indexes import Intervals
from reconcile.lib.quick import quick

FAIL_INDEX: Final = "FailIndex"


@quick
@attrs.frozen(weakref_slot=False)
class Verdict:
    """
    What a pod's failure means.

    Args:
        counts: towards the back-off limits.
        action: of the rule that it matched; empty for none.
        message: why the whole Job fails; empty if it does not.
    """

    counts: bool = True
    action: str = ""
    message: str = ""


_USUAL: Final = Verdict()


def replaces_only_failed(job: Any) -> bool:
    """Tell whether a pod is replaced, and counts as failed, only once it has failed: not while it terminates."""
    return job.spec.pod_replacement_policy == "Failed" or job.spec.pod_failure_policy is not None


def has_failed(pod: Any, job: Any) -> bool:
    """Tell whether *pod* counts as failed: it may be one that is deleted before it could fail."""
    phase = pod.status.phase if pod.status else None
    if phase == "Failed":
        return True
    return pod.metadata.deletion_timestamp is not None and phase != "Succeeded" and not replaces_only_failed(job)


def verdict(job: Any, pod: Any) -> Verdict:
    """Judge the failure of *pod* by the first rule of the Job's podFailurePolicy that it matches."""
    policy = job.spec.pod_failure_policy
    status = pod.status
    for place, rule in enumerate(policy.rules if policy else ()):
        if rule.on_exit_codes is not None:
            found = _exited(status, rule.on_exit_codes)
            what = "" if found is None else _with_code(pod, found)
        elif rule.on_pod_conditions is not None:
            type = _condition(status, rule.on_pod_conditions)
            what = f"Pod {_name(pod)} has condition {type}" if type else ""
        else:
            continue
        if what:
            message = f"{what} matching {rule.action} rule at index {place}" if rule.action == "FailJob" else ""
            return Verdict(rule.action != "Ignore", rule.action, message)
    return _USUAL


def _name(pod: Any) -> str:
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _with_code(pod: Any, container: Any) -> str:
    code = container.state.terminated.exit_code
    return f"Container {container.name} for pod {_name(pod)} failed with exit code {code}"


def _exited(status: Any, rule: Any) -> Any:
    """Give the status of the first container that ended as *rule* says, ordinary ones before init containers."""
    if status is None:
        return None
    for container in (*(status.container_statuses or ()), *(status.init_container_statuses or ())):
        ended = container.state.terminated if container.state else None
        if ended is None or not ended.exit_code or rule.container_name not in (None, container.name):
            continue
        if (ended.exit_code in rule.values) is (rule.operator == "In"):
            return container
    return None


def _condition(status: Any, patterns: tuple[Any, ...]) -> str:
    """Give the type of the first of the pod's conditions that is as one of *patterns* says; empty if none is."""
    wanted = [(pattern.type, pattern.status or "True") for pattern in patterns]
    for condition in (status.conditions if status else None) or ():
        if (condition.type, condition.status) in wanted:
            return str(condition.type)
    return ""


def success(job: Any, succeeded: Intervals) -> str:
    """Say by which rule of its successPolicy the Job has succeeded; empty if by none."""
    policy, completions = job.spec.success_policy, job.spec.completions
    if policy is None or not succeeded:
        return ""
    for place, rule in enumerate(policy.rules):
        least = rule.succeeded_count
        if rule.succeeded_indexes is not None:
            wanted = indexes.parsed(rule.succeeded_indexes, completions)
            there = indexes.common(wanted, succeeded)
            met = bool(wanted) and (there == indexes.total(wanted) or (least is not None and there >= least))
        else:
            met = least is not None and indexes.total(succeeded) >= least
        if met:
            return f"Matched rules at index {place}"
    return ""
