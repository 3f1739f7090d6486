"""Defaults of the core group's kinds, but for what is within pods."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.registry.defaults import volumes
from reconcile.components.apiserver.registry.defaults.each import each
from reconcile.components.apiserver.registry.defaults.pods import (
    labels_of,
    pod_spec_defaulted,
    template_defaulted,
    with_labels,
)
from reconcile.components.apiserver.registry.defaults.rounding import rounded
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _pod(pod: core_v1.Pod) -> core_v1.Pod:
    return pod if pod.spec is None else replace(pod, spec=pod_spec_defaulted(pod.spec))


def _pod_template(obj: core_v1.PodTemplate) -> core_v1.PodTemplate:
    return replace(obj, template=template_defaulted(obj.template))


def _replication_controller(obj: core_v1.ReplicationController) -> core_v1.ReplicationController:
    spec = obj.spec or core_v1.ReplicationControllerSpec()
    spec = replace(
        spec,
        replicas=_or(spec.replicas, 1),
        selector=spec.selector or labels_of(spec.template),
        template=template_defaulted(spec.template),
    )
    return replace(obj, spec=spec, metadata=with_labels(obj.metadata, spec.template))


def _service(obj: core_v1.Service) -> core_v1.Service:
    spec = obj.spec or core_v1.ServiceSpec()
    kind = spec.type or "ClusterIP"
    affinity = spec.session_affinity or "None"
    sticky = spec.session_affinity_config
    if affinity == "None":
        sticky = None
    elif affinity == "ClientIP" and (
        sticky is None or sticky.client_ip is None or sticky.client_ip.timeout_seconds is None
    ):
        sticky = core_v1.SessionAffinityConfig(client_ip=core_v1.ClientIPConfig(timeout_seconds=10800))
    reached = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.external_ips)
    inner = "Cluster" if kind in ("ClusterIP", "NodePort", "LoadBalancer") else None
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
            internal_traffic_policy=_or(spec.internal_traffic_policy, inner),
            allocate_load_balancer_node_ports=_or(allocates, True) if kind == "LoadBalancer" else allocates,  # noqa: FBT003
            ports=each(spec.ports, _service_port),
        ),
        status=_service_status(obj.status) if kind == "LoadBalancer" else obj.status,
    )


def _service_port(port: core_v1.ServicePort) -> core_v1.ServicePort:
    target = port.target_port
    return replace(port, protocol=port.protocol or "TCP", target_port=port.port if target in (None, 0, "") else target)


def _service_status(status: core_v1.ServiceStatus | None) -> core_v1.ServiceStatus | None:
    balancer = status.load_balancer if status is not None else None
    if status is None or balancer is None or not balancer.ingress:
        return status
    return replace(status, load_balancer=replace(balancer, ingress=each(balancer.ingress, _ingress)))


def _ingress(ingress: core_v1.LoadBalancerIngress) -> core_v1.LoadBalancerIngress:
    return replace(ingress, ip_mode="VIP") if ingress.ip and ingress.ip_mode is None else ingress


def _endpoints(obj: core_v1.Endpoints) -> core_v1.Endpoints:
    return replace(obj, subsets=each(obj.subsets, _subset))


def _subset(subset: core_v1.EndpointSubset) -> core_v1.EndpointSubset:
    return replace(subset, ports=each(subset.ports, _protocol))


def _protocol(port: core_v1.EndpointPort) -> core_v1.EndpointPort:
    return port if port.protocol else replace(port, protocol="TCP")


def _namespace(obj: core_v1.Namespace) -> core_v1.Namespace:
    metadata = obj.metadata
    if metadata is None or not metadata.name:
        return obj
    labels = metadata.labels or Map[str]()
    labels = labels.set("kubernetes.io/metadata.name", metadata.name)
    return replace(obj, metadata=replace(metadata, labels=labels), spec=obj.spec or core_v1.NamespaceSpec())


def _node(obj: core_v1.Node) -> core_v1.Node:
    status = obj.status
    if status is not None:
        capacity = rounded(status.capacity)
        allocatable = capacity if status.allocatable is None else rounded(status.allocatable)
        status = replace(status, capacity=capacity, allocatable=allocatable)
    spec = obj.spec or core_v1.NodeSpec()
    # The first of a node's blocks may be said alone, and is always said alone as well.
    blocks = spec.pod_cidrs or None
    if spec.pod_cidr and (blocks is None or blocks[0] != spec.pod_cidr):
        blocks = (spec.pod_cidr,)
    spec = replace(spec, pod_cidrs=blocks, pod_cidr=blocks[0] if blocks else spec.pod_cidr, config_source=None)
    return replace(obj, spec=spec, status=status)


def _secret(obj: core_v1.Secret) -> core_v1.Secret:
    if obj.type and obj.string_data is None:
        return obj
    kept = obj.data
    if obj.string_data is not None:
        # What is written in clear wins, and is never read back.
        written = {key: base64.b64encode(value.encode()).decode() for key, value in obj.string_data.items()}
        kept = (kept or Map[str]()).merge(written)
    return replace(obj, type=obj.type or "Opaque", data=kept, string_data=None)


def _service_account(obj: core_v1.ServiceAccount) -> core_v1.ServiceAccount:
    return replace(obj, secrets=each(obj.secrets, _name_only))


def _name_only(secret: core_v1.ObjectReference) -> core_v1.ObjectReference:
    bare = core_v1.ObjectReference(name=secret.name)
    return secret if secret == bare else bare


def _persistent_volume(obj: core_v1.PersistentVolume) -> core_v1.PersistentVolume:
    spec = volumes.source_defaulted(obj.spec or core_v1.PersistentVolumeSpec())
    spec = replace(
        spec,
        capacity=rounded(spec.capacity),
        persistent_volume_reclaim_policy=spec.persistent_volume_reclaim_policy or "Retain",
        volume_mode=_or(spec.volume_mode, "Filesystem"),
    )
    return replace(obj, spec=spec)


def _claim(obj: core_v1.PersistentVolumeClaim) -> core_v1.PersistentVolumeClaim:
    return replace(obj, spec=volumes.claim_spec_defaulted(obj.spec or core_v1.PersistentVolumeClaimSpec()))


def _quota(obj: core_v1.ResourceQuota) -> core_v1.ResourceQuota:
    spec = obj.spec or core_v1.ResourceQuotaSpec()
    return replace(obj, spec=replace(spec, hard=rounded(spec.hard)))


def _limit_range(obj: core_v1.LimitRange) -> core_v1.LimitRange:
    spec = obj.spec
    return obj if spec is None else replace(obj, spec=replace(spec, limits=each(spec.limits, _limit)))


def _limit(limit: core_v1.LimitRangeItem) -> core_v1.LimitRangeItem:
    default, request = limit.default, limit.default_request
    if limit.type == "Container":
        # What nobody says is the most that there may be; or, of a request, what the limit is, or the least.
        default = _filled(default, limit.max)
        request = _filled(_filled(request, default), limit.min)
    return replace(
        limit,
        max=rounded(limit.max),
        min=rounded(limit.min),
        default=rounded(default),
        default_request=rounded(request),
        max_limit_request_ratio=rounded(limit.max_limit_request_ratio),
    )


def _filled(amounts: Map[Quantity] | None, others: Map[Quantity] | None) -> Map[Quantity] | None:
    missing = {name: amount for name, amount in (others or {}).items() if name not in (amounts or {})}
    return (amounts or Map[Quantity]()).merge(missing) if missing else amounts


DEFAULTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "endpoints": _endpoints,
    "limitranges": _limit_range,
    "namespaces": _namespace,
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _persistent_volume,
    "pods": _pod,
    "podtemplates": _pod_template,
    "replicationcontrollers": _replication_controller,
    "resourcequotas": _quota,
    "secrets": _secret,
    "serviceaccounts": _service_account,
    "services": _service,
}
"""What an object says if its author left it out, by its resource."""
