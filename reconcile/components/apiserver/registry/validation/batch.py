"""Validation of batch: jobs, and cron jobs with the jobs that they make."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import batch_v1, core_v1
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    duplicate,
    not_supported,
    required,
    too_long,
    too_many,
    unfit,
    wrong,
)
from reconcile.components.apiserver.registry.validation.core.pods import template_causes
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE, at_least_zero, selector_causes
from reconcile.components.apiserver.registry.validation.parts import (
    chosen,
    domain_path_causes,
    faulty,
    given,
    required_choice,
    same,
    unchanged,
)
from reconcile.components.apiserver.registry.validation.templates import is_selector, matching_causes
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import selectors
from reconcile.model.text import names, schedules

_INDEXED: Final = "Indexed"
_MODES: Final = ("NonIndexed", _INDEXED)
_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS: Final = ("In", "NotIn")
_TRUTHS: Final = ("False", "True", "Unknown")
_REPLACEMENTS: Final = ("Failed", "TerminatingOrFailed")
_MOST_PARALLEL: Final = 100_000
_MOST_FAILED: Final = 100_000
_MANY: Final = 100_000
_MOST_PARALLEL_OF_MANY: Final = 10_000
_MOST_FAILED_OF_MANY: Final = 10_000
_MOST_RULES: Final = 20
_MOST_CODES: Final = 255
_MOST_PATTERNS: Final = 20
_LONGEST_MANAGER: Final = 63
_LONGEST_INDEXES: Final = 64 * 1024
_LONGEST_CRON_NAME: Final = 52
_UID_LABELS: Final = ("controller-uid", "batch.kubernetes.io/controller-uid")
_NAME_LABELS: Final = ("job-name", "batch.kubernetes.io/job-name")
_ENDS: Final = 2


def job_causes(obj: batch_v1.Job, old: batch_v1.Job | None = None) -> Causes:
    """Say what is wrong with a job; *old*: what it was, of an update."""
    spec = given(obj.spec, batch_v1.JobSpec)
    found = _generated_causes(obj, spec, prefixed=old is None or _is_prefixed(old)) + _selecting_causes(spec)
    if spec.completion_mode == _INDEXED and (spec.completions or 0) > 0:
        name = obj.metadata.name if obj.metadata is not None else None
        last = f"{name or ''}-{(spec.completions or 0) - 1}"
        if names.label_faults(last):
            why = f"will not able to create pod with invalid DNS label: {last}"
            found.append(wrong("metadata.name", name or "", why))
    return tuple(found)


def job_update_causes(new: batch_v1.Job, old: batch_v1.Job) -> Causes:
    """Say what is wrong with an update of a job, which is asked twice whether it is well."""
    spec, before = given(new.spec, batch_v1.JobSpec), given(old.spec, batch_v1.JobSpec)
    found = [*job_causes(new, old), *_selecting_causes(spec)]
    if spec.completion_mode != _INDEXED:
        found += unchanged("spec.completions", spec.completions, before.completions)
    elif spec.completions not in (before.completions, None) and spec.completions != spec.parallelism:
        why = "can only be modified in tandem with spec.parallelism"
        found.append(wrong("spec.completions", spec.completions, why))
    found += unchanged("spec.selector", spec.selector, before.selector)
    found += _template_change(old, spec, before)
    for name, value, had in (
        ("completionMode", spec.completion_mode, before.completion_mode),
        ("podFailurePolicy", spec.pod_failure_policy, before.pod_failure_policy),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index, before.backoff_limit_per_index),
        ("managedBy", spec.managed_by, before.managed_by),
        ("successPolicy", spec.success_policy, before.success_policy),
    ):
        # A policy without rules is another than none.
        is_other = (value is None) is not (had is None)
        found += [wrong(f"spec.{name}", value, IMMUTABLE)] if is_other else unchanged(f"spec.{name}", value, had)
    return tuple(found)


def _template_change(old: batch_v1.Job, spec: batch_v1.JobSpec, before: batch_v1.JobSpec) -> list[Cause]:
    """Say what of a job's template changed that may not: a suspended job's pods may be placed and sized anew."""
    template, had = given(spec.template, core_v1.PodTemplateSpec), given(before.template, core_v1.PodTemplateSpec)
    if same(template, had):
        return []
    pod, pod_had = given(template.spec, core_v1.PodSpec), given(had.spec, core_v1.PodSpec)
    if not _rests(old):
        if before.suspend:
            return unchanged("spec.template", template, had)
        return [wrong("spec.template", template, IMMUTABLE)]
    nodes = pod.affinity.node_affinity if pod.affinity is not None else None
    affinity = replace(pod_had.affinity or core_v1.Affinity(), node_affinity=nodes)
    pod_had = replace(
        pod_had,
        affinity=None if pod.affinity is None and affinity == core_v1.Affinity() else affinity,
        node_selector=pod.node_selector,
        tolerations=pod.tolerations,
        scheduling_gates=pod.scheduling_gates,
        containers=_sized(pod.containers, pod_had.containers),
        init_containers=_sized(pod.init_containers, pod_had.init_containers),
    )
    return unchanged("spec.template.spec", pod, pod_had)


def _rests(job: batch_v1.Job) -> bool:
    """Tell whether a job is suspended and none of its pods is left."""
    status = job.status
    if job.spec is None or not job.spec.suspend or status is None:
        return bool(job.spec and job.spec.suspend)
    if status.start_time is None:
        return True
    conditions = status.conditions or ()
    return not status.active and any(one.type == "Suspended" and one.status == "True" for one in conditions)


def _sized(new: Any, old: Any) -> Any:
    """Give the containers *old* with the resources that the same ones have in *new*."""
    if len(new or ()) != len(old or ()):
        return old
    pairs = zip(old or (), new or (), strict=True)
    sized = tuple([replace(had, resources=one.resources) if one.name == had.name else had for had, one in pairs])
    return sized if old is not None else None


def cron_job_causes(obj: batch_v1.CronJob) -> Causes:
    """Say what is wrong with a cron job."""
    found = _cron_causes(given(obj.spec, batch_v1.CronJobSpec), None)
    name = (obj.metadata.name if obj.metadata is not None else None) or ""
    if len(name) > _LONGEST_CRON_NAME:
        found.append(wrong("metadata.name", name, f"must be no more than {_LONGEST_CRON_NAME} characters"))
    return tuple(found)


def cron_job_update_causes(new: batch_v1.CronJob, old: batch_v1.CronJob) -> Causes:
    """Say what is wrong with an update of a cron job."""
    return tuple(_cron_causes(given(new.spec, batch_v1.CronJobSpec), given(old.spec, batch_v1.CronJobSpec)))


def _cron_causes(spec: batch_v1.CronJobSpec, before: batch_v1.CronJobSpec | None) -> list[Cause]:
    found = _schedule_causes(spec, before)
    found += at_least_zero("spec.startingDeadlineSeconds", spec.starting_deadline_seconds)
    if spec.time_zone is not None and (before is None or before.time_zone != spec.time_zone):
        found += faulty("spec.timeZone", spec.time_zone, schedules.zone_faults(spec.time_zone))
    found += required_choice("spec.concurrencyPolicy", spec.concurrency_policy, ("Allow", "Forbid", "Replace"))
    at = "spec.jobTemplate.spec"
    template = given(spec.job_template, batch_v1.JobTemplateSpec)
    job = given(template.spec, batch_v1.JobSpec)
    found += _spec_causes(at, job)
    if job.selector is not None:
        found.append(wrong(f"{at}.selector", job.selector, "`selector` will be auto-generated"))
    if job.manual_selector:
        found.append(not_supported(f"{at}.manualSelector", job.manual_selector, ("nil", "false")))
    found += at_least_zero("spec.successfulJobsHistoryLimit", spec.successful_jobs_history_limit)
    found += at_least_zero("spec.failedJobsHistoryLimit", spec.failed_jobs_history_limit)
    return found


def _schedule_causes(spec: batch_v1.CronJobSpec, before: batch_v1.CronJobSpec | None) -> list[Cause]:
    schedule = spec.schedule
    if not schedule:
        return [required("spec.schedule")]
    fault = schedules.schedule_fault(schedule)
    found = [] if fault is None else [wrong("spec.schedule", schedule, fault)]
    if "TZ" in schedule:
        why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        if before is None or "TZ" not in before.schedule:
            found.append(wrong("spec.schedule", schedule, why))
        elif spec.time_zone is not None:
            why = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            found.append(wrong("spec.schedule", schedule, why))
    return found


def _is_prefixed(job: batch_v1.Job) -> bool:
    """Tell whether a job's template has the labels of today, which older servers did not give."""
    template = given(given(job.spec, batch_v1.JobSpec).template, core_v1.PodTemplateSpec)
    labels = (template.metadata.labels if template.metadata is not None else None) or Map[str]()
    return _UID_LABELS[1] in labels and _NAME_LABELS[1] in labels


def _generated_causes(obj: batch_v1.Job, spec: batch_v1.JobSpec, *, prefixed: bool) -> list[Cause]:
    """Say that a job that does not select its pods itself has not the labels that the server gave it."""
    metadata, template = obj.metadata, given(spec.template, core_v1.PodTemplateSpec)
    if spec.manual_selector or spec.selector is None or metadata is None:
        return []
    labels = (template.metadata.labels if template.metadata is not None else None) or Map[str]()
    uid, name = metadata.uid or "", metadata.name or ""
    wanted = {_UID_LABELS[0]: uid, _NAME_LABELS[0]: name}
    if prefixed:
        wanted |= {_UID_LABELS[1]: uid, _NAME_LABELS[1]: name}
    found: list[Cause] = []
    at = "spec.template.metadata.labels"
    for key, value in wanted.items():
        if key not in labels:
            found.append(required(f"{at}[{key}]", f"must be '{value}'"))
        elif labels[key] != value:
            found.append(wrong(f"{at}[{key}]", labels, f"must be '{value}'"))
    if is_selector(spec.selector) and not selectors.matches(spec.selector, Map(wanted)):
        found.append(wrong("spec.selector", spec.selector, "`selector` not auto-generated"))
    return found


def _selecting_causes(spec: batch_v1.JobSpec) -> list[Cause]:
    found = _spec_causes("spec", spec)
    selector = spec.selector
    found += [required("spec.selector")] if selector is None else selector_causes("spec.selector", selector)
    if is_selector(selector):
        found += matching_causes("spec.template", selector, given(spec.template, core_v1.PodTemplateSpec))
    return found


def _spec_causes(field: str, spec: batch_v1.JobSpec) -> list[Cause]:
    found: list[Cause] = []
    for name, number in (
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ):
        found += at_least_zero(f"{field}.{name}", number)
    if spec.max_failed_indexes is not None and spec.backoff_limit_per_index is None:
        found.append(required(f"{field}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if spec.managed_by is not None:
        found += domain_path_causes(f"{field}.managedBy", spec.managed_by)
        if len(spec.managed_by) > _LONGEST_MANAGER:
            found.append(too_long(f"{field}.managedBy", _LONGEST_MANAGER))
    found += _mode_causes(field, spec)
    if spec.pod_failure_policy is not None:
        found += _failure_causes(f"{field}.podFailurePolicy.rules", spec, spec.pod_failure_policy)
    if spec.success_policy is not None:
        found += _success_causes(f"{field}.successPolicy", spec, spec.success_policy)
    if spec.pod_replacement_policy is not None:
        known = _REPLACEMENTS if spec.pod_failure_policy is None else ("Failed",)
        found += chosen(f"{field}.podReplacementPolicy", spec.pod_replacement_policy, known)
    template = given(spec.template, core_v1.PodTemplateSpec)
    found += template_causes(f"{field}.template", template)
    return found + _restart_causes(f"{field}.template.spec.restartPolicy", spec, template)


def _restart_causes(field: str, spec: batch_v1.JobSpec, template: core_v1.PodTemplateSpec) -> list[Cause]:
    policy = template.spec.restart_policy if template.spec is not None else None
    if policy in (None, "", "Always"):
        return [required(field, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(field, policy, ("OnFailure", "Never"))]
    if spec.pod_failure_policy is not None and policy != "Never":
        return [wrong(field, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def _mode_causes(field: str, spec: batch_v1.JobSpec) -> list[Cause]:
    mode = spec.completion_mode
    found = [] if mode is None else chosen(f"{field}.completionMode", mode, _MODES)
    if mode == _INDEXED:
        found += _indexed_causes(field, spec)
    elif mode in (None, _MODES[0]):
        for name, number in (
            ("backoffLimitPerIndex", spec.backoff_limit_per_index),
            ("maxFailedIndexes", spec.max_failed_indexes),
        ):
            if number is not None:
                found.append(wrong(f"{field}.{name}", number, "requires indexed completion mode"))
    return found


def _indexed_causes(field: str, spec: batch_v1.JobSpec) -> list[Cause]:
    found: list[Cause] = []
    parallel, failed, completions = spec.parallelism, spec.max_failed_indexes, spec.completions
    at_once, may_fail = f"{field}.parallelism", f"{field}.maxFailedIndexes"
    if completions is None:
        found.append(required(f"{field}.completions", f"when completion mode is {_INDEXED}"))
    if parallel is not None and parallel > _MOST_PARALLEL:
        why = f"must be less than or equal to {_MOST_PARALLEL} when completion mode is {_INDEXED}"
        found.append(wrong(at_once, parallel, why))
    if completions is not None and failed is not None and failed > completions:
        found.append(wrong(may_fail, failed, "must be less than or equal to completions"))
    if failed is not None and failed > _MOST_FAILED:
        found.append(wrong(may_fail, failed, f"must be less than or equal to {_MOST_FAILED}"))
    if completions is not None and completions > _MANY and spec.backoff_limit_per_index is not None:
        if failed is None:
            found.append(required(may_fail, f"must be specified when completions is above {_MANY}"))
        rest = f"when completions are above {_MANY} and used with backoff limit per index"
        if parallel is not None and parallel > _MOST_PARALLEL_OF_MANY:
            found.append(wrong(at_once, parallel, f"must be less than or equal to {_MOST_PARALLEL_OF_MANY} {rest}"))
        if failed is not None and failed > _MOST_FAILED_OF_MANY:
            found.append(wrong(may_fail, failed, f"must be less than or equal to {_MOST_FAILED_OF_MANY} {rest}"))
    return found


def _failure_causes(field: str, spec: batch_v1.JobSpec, policy: batch_v1.PodFailurePolicy) -> list[Cause]:
    rules = policy.rules or ()
    found = [too_many(field, len(rules), _MOST_RULES)] if len(rules) > _MOST_RULES else []
    pod = spec.template.spec
    containers = () if pod is None else (*(pod.containers or ()), *(pod.init_containers or ()))
    known = frozenset([container.name for container in containers])
    for place, rule in enumerate(rules):
        found += _rule_causes(f"{field}[{place}]", spec, rule, known)
    return found


def _rule_causes(
    field: str, spec: batch_v1.JobSpec, rule: batch_v1.PodFailurePolicyRule, known: frozenset[str]
) -> list[Cause]:
    found: list[Cause] = []
    codes, conditions = rule.on_exit_codes, rule.on_pod_conditions or ()
    if not rule.action:
        found.append(required(f"{field}.action", _valid(_ACTIONS)))
    elif rule.action == "FailIndex":
        if spec.backoff_limit_per_index is None:
            found.append(wrong(f"{field}.action", rule.action, "requires the backoffLimitPerIndex to be set"))
    else:
        found += chosen(f"{field}.action", rule.action, _ACTIONS)
    if codes is not None:
        found += _codes_causes(f"{field}.onExitCodes", codes, known)
    if len(conditions) > _MOST_PATTERNS:
        found.append(too_many(f"{field}.onPodConditions", len(conditions), _MOST_PATTERNS))
    for place, pattern in enumerate(conditions):
        at = f"{field}.onPodConditions[{place}]"
        found += faulty(f"{at}.type", pattern.type, names.qualified_faults(pattern.type))
        if not pattern.status:
            found.append(required(f"{at}.status", _valid(_TRUTHS)))
        else:
            found += chosen(f"{at}.status", pattern.status, _TRUTHS)
    if codes is not None and conditions:
        found.append(unfit(field, "specifying both OnExitCodes and OnPodConditions is not supported"))
    if codes is None and not conditions:
        found.append(unfit(field, "specifying one of OnExitCodes and OnPodConditions is required"))
    return found


def _valid(known: tuple[str, ...]) -> str:
    return "valid values: [" + " ".join([f'"{value}"' for value in known]) + "]"


def _codes_causes(
    field: str, codes: batch_v1.PodFailurePolicyOnExitCodesRequirement, known: frozenset[str]
) -> list[Cause]:
    found: list[Cause] = []
    at, values = f"{field}.values", codes.values or ()
    if not codes.operator:
        found.append(required(f"{field}.operator", _valid(_OPERATORS)))
    else:
        found += chosen(f"{field}.operator", codes.operator, _OPERATORS)
    if codes.container_name is not None and codes.container_name not in known:
        why = "must be one of the container or initContainer names in the pod template"
        found.append(wrong(f"{field}.containerName", codes.container_name, why))
    if not values:
        found.append(wrong(at, codes.values or None, "at least one value is required"))
    elif len(values) > _MOST_CODES:
        found.append(too_many(at, len(values), _MOST_CODES))
    for place, value in enumerate(values):
        if codes.operator == "In" and value == 0:
            found.append(wrong(f"{at}[{place}]", value, "must not be 0 for the In operator"))
        if value in values[:place]:
            found.append(duplicate(f"{at}[{place}]", value))
    if list(values) != sorted(values):
        found.append(wrong(at, values, "must be ordered"))
    return found


def _success_causes(field: str, spec: batch_v1.JobSpec, policy: batch_v1.SuccessPolicy) -> list[Cause]:
    if spec.completion_mode != _INDEXED:
        return [wrong(field, policy, "requires indexed completion mode")]
    at, rules = f"{field}.rules", policy.rules or ()
    found: list[Cause] = []
    if not rules:
        found.append(required(at, "at least one rules must be specified when the successPolicy is specified"))
    if len(rules) > _MOST_RULES:
        found.append(too_many(at, len(rules), _MOST_RULES))
    for place, rule in enumerate(rules):
        found += _success_rule_causes(f"{at}[{place}]", rule, spec.completions or 0)
    return found


def _success_rule_causes(field: str, rule: batch_v1.SuccessPolicyRule, completions: int) -> list[Cause]:
    found: list[Cause] = []
    count, indexes, total = rule.succeeded_count, rule.succeeded_indexes, 0
    if count is None and indexes is None:
        found.append(required(field, "at least one of succeededCount or succeededIndexes must be specified"))
    if indexes is not None:
        at = f"{field}.succeededIndexes"
        if len(indexes) > _LONGEST_INDEXES:
            found.append(too_long(at, _LONGEST_INDEXES))
        total, fault = indexes_total(indexes, completions)
        if fault is not None:
            found.append(wrong(at, indexes, f"error parsing succeededIndexes: {fault}"))
    if count is not None:
        at = f"{field}.succeededCount"
        found += at_least_zero(at, count)
        if count > completions:
            why = f"must be less than or equal to {completions} (the number of specified completions)"
            found.append(wrong(at, count, why))
        if indexes is not None and count > total:
            which = "the number of indexes in the specified succeededIndexes field"
            found.append(wrong(at, count, f"must be less than or equal to {total} ({which})"))
    return found


def indexes_total(text: str, completions: int) -> tuple[int, str | None]:
    """Count the indexes in a text like `1,3-5`, all below *completions*; or say what is wrong with it."""
    total, last = 0, -1
    for interval in text.split(",") if text else ():
        ends: list[int] = []
        parts = interval.split("-")
        if len(parts) > _ENDS:
            why = "violates the requirement that an index interval can have at most two parts separated by '-'"
            return 0, f'the fragment "{interval}" {why}'
        for part in parts:
            if not (part.isascii() and part.isdigit()):
                return 0, f'cannot convert string to integer for index: "{part}"'
            if int(part) >= completions:
                return 0, f'too large index: "{part}"'
            ends.append(int(part))
        if len(ends) == _ENDS and ends[0] >= ends[1]:
            return 0, f"non-increasing order, previous: {ends[0]}, current: {ends[1]}"
        if last >= ends[0]:
            return 0, f"non-increasing order, previous: {last}, current: {ends[0]}"
        total, last = total + ends[-1] - ends[0] + 1, ends[-1]
    return total, None
