"""Defaults of what makes pods: apps and batch."""

from __future__ import annotations

from typing import Any

from reconcile.api import apps_v1, batch_v1, core_v1
from reconcile.api.zeros import empty
from reconcile.components.apiserver.registry.defaults.each import each
from reconcile.components.apiserver.registry.defaults.pods import template_spec_defaulted, with_labels
from reconcile.lib.replacing import replace


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _template(template: Any) -> Any:
    template = template or empty(core_v1.PodTemplateSpec)
    return replace(template, spec=template_spec_defaulted(template.spec or empty(core_v1.PodSpec)))


def replica_set(obj: apps_v1.ReplicaSet) -> apps_v1.ReplicaSet:
    """Give a replica set its defaults."""
    spec = obj.spec or empty(apps_v1.ReplicaSetSpec)
    return replace(obj, spec=replace(spec, replicas=_or(spec.replicas, 1), template=_template(spec.template)))


def deployment(obj: apps_v1.Deployment) -> apps_v1.Deployment:
    """Give a deployment its defaults."""
    spec = obj.spec or empty(apps_v1.DeploymentSpec)
    return replace(
        obj,
        spec=replace(
            spec,
            replicas=_or(spec.replicas, 1),
            revision_history_limit=_or(spec.revision_history_limit, 10),
            progress_deadline_seconds=_or(spec.progress_deadline_seconds, 600),
            strategy=_strategy(spec.strategy),
            paused=spec.paused or None,  # no is what Go writes as nothing
            template=_template(spec.template),
        ),
    )


def _strategy(strategy: apps_v1.DeploymentStrategy | None) -> apps_v1.DeploymentStrategy:
    kind = (strategy.type if strategy is not None else None) or "RollingUpdate"
    rolling = strategy.rolling_update if strategy is not None else None
    if kind == "RollingUpdate":
        rolling = rolling or apps_v1.RollingUpdateDeployment()
        rolling = replace(
            rolling, max_surge=_or(rolling.max_surge, "25%"), max_unavailable=_or(rolling.max_unavailable, "25%")
        )
    return replace(strategy or apps_v1.DeploymentStrategy(), type=kind, rolling_update=rolling)


def daemon_set(obj: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    """Give a daemon set its defaults."""
    spec = obj.spec or empty(apps_v1.DaemonSetSpec)
    strategy = spec.update_strategy or apps_v1.DaemonSetUpdateStrategy()
    kind = strategy.type or "RollingUpdate"
    rolling = strategy.rolling_update
    if kind == "RollingUpdate":
        rolling = rolling or apps_v1.RollingUpdateDaemonSet()
        rolling = replace(rolling, max_surge=_or(rolling.max_surge, 0), max_unavailable=_or(rolling.max_unavailable, 1))
    return replace(
        obj,
        spec=replace(
            spec,
            revision_history_limit=_or(spec.revision_history_limit, 10),
            update_strategy=replace(strategy, type=kind, rolling_update=rolling),
            template=_template(spec.template),
        ),
    )


def stateful_set(obj: apps_v1.StatefulSet) -> apps_v1.StatefulSet:
    """Give a stateful set its defaults."""
    spec = obj.spec or empty(apps_v1.StatefulSetSpec)
    strategy = spec.update_strategy or apps_v1.StatefulSetUpdateStrategy()
    kind = strategy.type or "RollingUpdate"
    rolling = strategy.rolling_update
    if not strategy.type and rolling is None:
        rolling = apps_v1.RollingUpdateStatefulSetStrategy()
    if kind == "RollingUpdate" and rolling is not None:
        rolling = replace(rolling, partition=_or(rolling.partition, 0))
    kept = spec.persistent_volume_claim_retention_policy or apps_v1.StatefulSetPersistentVolumeClaimRetentionPolicy()
    kept = replace(kept, when_deleted=kept.when_deleted or "Retain", when_scaled=kept.when_scaled or "Retain")
    return replace(
        obj,
        spec=replace(
            spec,
            replicas=_or(spec.replicas, 1),
            pod_management_policy=spec.pod_management_policy or "OrderedReady",
            revision_history_limit=_or(spec.revision_history_limit, 10),
            update_strategy=replace(strategy, type=kind, rolling_update=rolling),
            persistent_volume_claim_retention_policy=kept,
            template=_template(spec.template),
            volume_claim_templates=each(spec.volume_claim_templates, _claim),
        ),
    )


def _claim(claim: core_v1.PersistentVolumeClaim) -> core_v1.PersistentVolumeClaim:
    spec = claim.spec or core_v1.PersistentVolumeClaimSpec()
    status = claim.status or core_v1.PersistentVolumeClaimStatus()
    return replace(
        claim,
        api_version="v1",
        kind="PersistentVolumeClaim",
        spec=replace(spec, volume_mode=_or(spec.volume_mode, "Filesystem")),
        status=replace(status, phase=status.phase or "Pending"),
    )


def job(obj: Any) -> Any:
    """Give a job its defaults."""
    spec = obj.spec or empty(batch_v1.JobSpec)
    completions, parallelism = spec.completions, spec.parallelism
    if completions is None and parallelism is None:
        completions = parallelism = 1
    replacement = "Failed" if spec.pod_failure_policy is not None else "TerminatingOrFailed"
    return replace(
        obj,
        spec=replace(
            spec,
            completions=completions,
            parallelism=_or(parallelism, 1),
            backoff_limit=_or(spec.backoff_limit, 6 if spec.backoff_limit_per_index is None else 2**31 - 1),
            completion_mode=_or(spec.completion_mode, "NonIndexed"),
            suspend=_or(spec.suspend, False),  # noqa: FBT003 -- it is the default
            manual_selector=_or(spec.manual_selector, False),  # noqa: FBT003 -- it is the default
            pod_replacement_policy=_or(spec.pod_replacement_policy, replacement),
            pod_failure_policy=_failure_policy(spec.pod_failure_policy),
            template=_template(spec.template),
        ),
        metadata=with_labels(obj.metadata, spec.template),
    )


def _failure_policy(policy: batch_v1.PodFailurePolicy | None) -> batch_v1.PodFailurePolicy | None:
    return None if policy is None else replace(policy, rules=each(policy.rules, _failure_rule))


def _failure_rule(rule: batch_v1.PodFailurePolicyRule) -> batch_v1.PodFailurePolicyRule:
    return replace(rule, on_pod_conditions=each(rule.on_pod_conditions, _failure_pattern))


def _failure_pattern(pattern: Any) -> Any:
    return replace(pattern, status=pattern.status or "True")


def cron_job(obj: batch_v1.CronJob) -> batch_v1.CronJob:
    """Give a cron job its defaults; its jobs get theirs when they are made."""
    spec = obj.spec
    template = spec.job_template
    made = template.spec or empty(batch_v1.JobSpec)
    made = replace(
        made,
        template=_template(made.template),
        pod_failure_policy=_failure_policy(made.pod_failure_policy),
    )
    return replace(
        obj,
        spec=replace(
            spec,
            concurrency_policy=spec.concurrency_policy or "Allow",
            suspend=_or(spec.suspend, False),  # noqa: FBT003 -- it is the default
            successful_jobs_history_limit=_or(spec.successful_jobs_history_limit, 3),
            failed_jobs_history_limit=_or(spec.failed_jobs_history_limit, 1),
            job_template=replace(template, spec=made),
        ),
    )
