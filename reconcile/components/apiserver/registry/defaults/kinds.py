"""Defaults of each kind by its resource; those outside the core group stand here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.api import apps_v1, discovery_v1
from reconcile.components.apiserver.registry.defaults import core
from reconcile.components.apiserver.registry.defaults.each import each
from reconcile.components.apiserver.registry.defaults.pods import template_defaulted, with_labels
from reconcile.lib.replacing import replace


def defaulted(resource: str, obj: Any) -> Any:
    """Give *obj* with its defaults."""
    default = core.DEFAULTS.get(resource) or _DEFAULTS.get(resource)
    return obj if default is None else default(obj)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _replica_set(obj: apps_v1.ReplicaSet) -> apps_v1.ReplicaSet:
    spec = obj.spec
    if spec is None:
        return obj
    return replace(obj, spec=replace(spec, replicas=_or(spec.replicas, 1), template=template_defaulted(spec.template)))


def _deployment(obj: apps_v1.Deployment) -> apps_v1.Deployment:
    spec = obj.spec
    if spec is None:
        return obj
    return replace(
        obj,
        spec=replace(
            spec,
            replicas=_or(spec.replicas, 1),
            revision_history_limit=_or(spec.revision_history_limit, 10),
            progress_deadline_seconds=_or(spec.progress_deadline_seconds, 600),
            strategy=_strategy(spec.strategy),
            template=template_defaulted(spec.template),
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


def _daemon_set(obj: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    spec = obj.spec
    if spec is None:
        return obj
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
            template=template_defaulted(spec.template),
        ),
    )


def _stateful_set(obj: apps_v1.StatefulSet) -> apps_v1.StatefulSet:
    spec = obj.spec
    if spec is None:
        return obj
    strategy = spec.update_strategy or apps_v1.StatefulSetUpdateStrategy()
    kind = strategy.type or "RollingUpdate"
    rolling = strategy.rolling_update
    if kind == "RollingUpdate":
        rolling = rolling or apps_v1.RollingUpdateStatefulSetStrategy()
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
            template=template_defaulted(spec.template),
        ),
    )


def _job(obj: Any) -> Any:
    spec = obj.spec
    if spec is None:
        return obj
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
            completion_mode=spec.completion_mode or "NonIndexed",
            suspend=_or(spec.suspend, False),  # noqa: FBT003 -- it is the default
            manual_selector=_or(spec.manual_selector, False),  # noqa: FBT003 -- it is the default
            pod_replacement_policy=spec.pod_replacement_policy or replacement,
            template=template_defaulted(spec.template),
        ),
        metadata=with_labels(obj.metadata, spec.template),
    )


def _protocol(port: Any) -> Any:
    return port if port.protocol else replace(port, protocol="TCP")


def _endpoint_slice(obj: discovery_v1.EndpointSlice) -> discovery_v1.EndpointSlice:
    return replace(obj, ports=each(obj.ports, _slice_port))


def _slice_port(port: discovery_v1.EndpointPort) -> discovery_v1.EndpointPort:
    return replace(port, name=_or(port.name, ""), protocol=port.protocol or "TCP")


def _priority_class(obj: Any) -> Any:
    return replace(obj, preemption_policy=obj.preemption_policy or "PreemptLowerPriority", value=_or(obj.value, 0))


def _binding(obj: Any) -> Any:
    reference = replace(obj.role_ref, api_group=obj.role_ref.api_group or _RBAC)
    subjects = [
        replace(subject, api_group=_RBAC) if subject.kind in ("User", "Group") and not subject.api_group else subject
        for subject in obj.subjects or ()
    ]
    return replace(obj, role_ref=reference, subjects=tuple(subjects) or None)


_RBAC: Final = "rbac.authorization.k8s.io"
_DEFAULTS: Final[dict[str, Callable[[Any], Any]]] = {
    "replicasets.apps": _replica_set,
    "deployments.apps": _deployment,
    "daemonsets.apps": _daemon_set,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
}
