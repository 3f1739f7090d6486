"""Defaults of every kind but the pod, each by its resource."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from reconcile.api import apps_v1, core_v1, discovery_v1, meta_v1
from reconcile.components.apiserver.registry.defaults.definitions import definition_defaulted
from reconcile.components.apiserver.registry.defaults.pods import each, pod_spec_defaulted, template_spec_defaulted
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace


def defaulted(resource: str, obj: Any) -> Any:
    """Give *obj* with its defaults."""
    default = _DEFAULTS.get(resource)
    return obj if default is None else default(obj)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _pod(pod: core_v1.Pod) -> core_v1.Pod:
    return pod if pod.spec is None else replace(pod, spec=pod_spec_defaulted(pod.spec))


def _template(template: Any) -> Any:
    if template is None or template.spec is None:
        return template
    return replace(template, spec=template_spec_defaulted(template.spec))


def _pod_template(obj: core_v1.PodTemplate) -> core_v1.PodTemplate:
    return replace(obj, template=_template(obj.template))


def _labels_of(template: Any) -> Any:
    metadata = template.metadata if template is not None else None
    return metadata.labels if metadata is not None else None


def _with_labels(metadata: meta_v1.ObjectMeta | None, template: Any) -> meta_v1.ObjectMeta | None:
    # An object without labels takes those of its pods, as it did before apps/v1.
    labels = _labels_of(template)
    if not labels or (metadata is not None and metadata.labels):
        return metadata
    return replace(metadata or meta_v1.ObjectMeta(), labels=labels)


def _replication_controller(obj: core_v1.ReplicationController) -> core_v1.ReplicationController:
    spec = obj.spec
    if spec is None:
        return obj
    spec = replace(
        spec,
        replicas=_or(spec.replicas, 1),
        selector=spec.selector or _labels_of(spec.template),
        template=_template(spec.template),
    )
    return replace(obj, spec=spec, metadata=_with_labels(obj.metadata, spec.template))


def _replica_set(obj: apps_v1.ReplicaSet) -> apps_v1.ReplicaSet:
    spec = obj.spec
    if spec is None:
        return obj
    return replace(obj, spec=replace(spec, replicas=_or(spec.replicas, 1), template=_template(spec.template)))


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
            template=_template(spec.template),
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
            template=_template(spec.template),
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
            template=_template(spec.template),
        ),
        metadata=_with_labels(obj.metadata, spec.template),
    )


def _service(obj: core_v1.Service) -> core_v1.Service:
    spec = obj.spec or core_v1.ServiceSpec()
    kind = spec.type or "ClusterIP"
    affinity = spec.session_affinity or "None"
    sticky = spec.session_affinity_config
    if affinity == "None":
        sticky = None
    elif sticky is None or sticky.client_ip is None or sticky.client_ip.timeout_seconds is None:
        sticky = core_v1.SessionAffinityConfig(client_ip=core_v1.ClientIPConfig(timeout_seconds=10800))
    reached = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.external_ips)
    allocates = spec.allocate_load_balancer_node_ports
    return replace(
        obj,
        spec=replace(
            spec,
            type=kind,
            session_affinity=affinity,
            session_affinity_config=sticky,
            external_traffic_policy=(spec.external_traffic_policy or "Cluster")
            if reached
            else spec.external_traffic_policy,
            internal_traffic_policy=spec.internal_traffic_policy or (None if kind == "ExternalName" else "Cluster"),
            allocate_load_balancer_node_ports=_or(allocates, True) if kind == "LoadBalancer" else allocates,  # noqa: FBT003
            ports=each(spec.ports, _service_port),
        ),
    )


def _service_port(port: core_v1.ServicePort) -> core_v1.ServicePort:
    target = port.target_port
    return replace(port, protocol=port.protocol or "TCP", target_port=port.port if target in (None, 0, "") else target)


def _endpoints(obj: core_v1.Endpoints) -> core_v1.Endpoints:
    return replace(obj, subsets=each(obj.subsets, _subset))


def _subset(subset: core_v1.EndpointSubset) -> core_v1.EndpointSubset:
    return replace(subset, ports=each(subset.ports, _protocol))


def _protocol(port: Any) -> Any:
    return port if port.protocol else replace(port, protocol="TCP")


def _endpoint_slice(obj: discovery_v1.EndpointSlice) -> discovery_v1.EndpointSlice:
    return replace(obj, ports=each(obj.ports, _slice_port))


def _slice_port(port: discovery_v1.EndpointPort) -> discovery_v1.EndpointPort:
    return replace(port, name=_or(port.name, ""), protocol=port.protocol or "TCP")


def _namespace(obj: core_v1.Namespace) -> core_v1.Namespace:
    metadata = obj.metadata
    if metadata is None or not metadata.name:
        return obj
    labels = metadata.labels or Map[str]()
    labels = labels.set("kubernetes.io/metadata.name", metadata.name)
    return replace(obj, metadata=replace(metadata, labels=labels), spec=obj.spec or core_v1.NamespaceSpec())


def _node(obj: core_v1.Node) -> core_v1.Node:
    status = obj.status
    if status is not None and status.allocatable is None and status.capacity is not None:
        status = replace(status, allocatable=status.capacity)
    return replace(obj, spec=obj.spec or core_v1.NodeSpec(), status=status)


def _secret(obj: core_v1.Secret) -> core_v1.Secret:
    if obj.type and obj.string_data is None:
        return obj
    kept = obj.data
    if obj.string_data is not None:
        # What is written in clear wins, and is never read back.
        written = {key: base64.b64encode(value.encode()).decode() for key, value in obj.string_data.items()}
        kept = (kept or Map[str]()).merge(written)
    return replace(obj, type=obj.type or "Opaque", data=kept, string_data=None)


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
    "customresourcedefinitions.apiextensions.k8s.io": definition_defaulted,
    "pods": _pod,
    "podtemplates": _pod_template,
    "replicationcontrollers": _replication_controller,
    "replicasets.apps": _replica_set,
    "deployments.apps": _deployment,
    "daemonsets.apps": _daemon_set,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "namespaces": _namespace,
    "nodes": _node,
    "secrets": _secret,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
}
