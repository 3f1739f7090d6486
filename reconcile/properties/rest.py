"""
What must be so once a cluster rests: nothing is left over.

Takes:    a cluster at rest, its hosts up and connected.
Gives:    sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.api import kinds
from reconcile.cluster.cluster import Cluster
from reconcile.lib.errors import ReconcileError
from reconcile.model import conditions, selectors
from reconcile.model.requests import joined
from reconcile.model.resources import allocatable, requests_of
from reconcile.properties import budgets, identities, jobs
from reconcile.properties.always import running
from reconcile.properties.ends import FINISHED, addresses

_CONTROL_PLANE: Final = "kube-system"
_CONFIG: Final = "kubernetes.io/config.hash"
_SERVICE: Final = "kubernetes.io/service-name"
_SCHEDULERS: Final = (None, "", "default-scheduler")
_SICK: Final = "node.kubernetes.io/"
_CORDONED: Final = "node.kubernetes.io/unschedulable"  # no sickness where somebody asked for it


def leftovers(cluster: Cluster) -> tuple[str, ...]:
    """Say, a sentence each, what a cluster at rest with healthy hosts may not have."""
    return (
        *_unhealthy(cluster),
        *_terminating(cluster),
        *_orphaned(cluster),
        *_waiting(cluster),
        *_stray(cluster),
        *_stale(cluster),
        *identities.unbalanced(cluster),
        *jobs.tracked(cluster),
        *budgets.miscounted(cluster),
    )


def _unhealthy(cluster: Cluster) -> Iterator[str]:
    for node in cluster.store.table("nodes").values():
        name = node.metadata.name
        if not conditions.is_true(node.status.conditions if node.status else None, "Ready"):
            yield f"node {name} is not ready"
        for taint in node.spec.taints or () if node.spec else ():
            cordoned = taint.key == _CORDONED and node.spec.unschedulable
            if taint.key.startswith(_SICK) and not cordoned:
                yield f"node {name} has the taint {taint.key}:{taint.effect}"
    for host, status in cluster.hosts.items():
        if status.up and cluster.store.get("nodes", host) is None:
            yield f"host {host} has no node"


def _terminating(cluster: Cluster) -> Iterator[str]:
    for resource, table in cluster.store.tables.items():
        for key, obj in table.items():
            if obj.metadata.deletion_timestamp is not None:
                yield f"{resource} {key} is being deleted, with the finalizers {obj.metadata.finalizers or ()}"


def _orphaned(cluster: Cluster) -> Iterator[str]:
    for resource, table in cluster.store.tables.items():
        for key, obj in table.items():
            for reference in obj.metadata.owner_references or ():
                try:
                    owners = kinds.resource_for(reference.api_version, reference.kind)
                except ReconcileError:
                    continue
                space = obj.metadata.namespace if owners.namespaced else ""
                owner = cluster.store.get(owners.key, joined(space or "", reference.name))
                if owner is None or owner.metadata.uid != reference.uid:
                    yield f"{resource} {key} belongs to {reference.kind} {reference.name}, which is gone"


def _waiting(cluster: Cluster) -> Iterator[str]:
    """No pod waits although it fits: a node has room for it, and what it selects."""
    pods = cluster.store.table("pods")
    if any(_keeps_away(pod) for pod in pods.values()):
        return  # whom a pod keeps away from where it is is the scheduler's to judge
    for key, pod in pods.items():
        if pod.spec.node_name or (pod.status and pod.status.phase in FINISHED):
            continue
        for node in cluster.store.table("nodes").values():
            if _fits(pods, pod, node):
                yield f"pod {key} waits though it fits on {node.metadata.name}"
                break


def _keeps_away(pod: Any) -> bool:
    affinity = pod.spec.affinity
    return affinity is not None and affinity.pod_anti_affinity is not None


def _fits(pods: Any, pod: Any, node: Any) -> bool:
    spec = pod.spec
    if (node.spec and (node.spec.taints or node.spec.unschedulable)) or spec.affinity is not None:
        return False  # tolerations and affinity are the scheduler's to judge
    if spec.scheduling_gates or spec.topology_spread_constraints or spec.scheduler_name not in _SCHEDULERS:
        return False  # it is not to be scheduled yet, or not by this scheduler, or so are its constraints
    if spec.resource_claims or any(volume.persistent_volume_claim or volume.ephemeral for volume in spec.volumes or ()):
        return False  # where its devices and volumes can be had is the scheduler's to judge
    if any(port.host_port for container in spec.containers for port in container.ports or ()):
        return False  # who else has the port is the scheduler's to judge as well
    if not selectors.matches_all(pod.spec.node_selector, node.metadata.labels):
        return False
    room = dict(allocatable(node))
    placed = [one for one in pods.under("node", node.metadata.name) if one.status.phase not in FINISHED]
    for one in placed:
        for name, amount in requests_of(one.spec).items():
            room[name] = room.get(name, 0) - amount
    return len(placed) < room.get("pods", 0) and all(
        amount <= room.get(name, 0) for name, amount in requests_of(pod.spec).items()
    )


def _stray(cluster: Cluster) -> Iterator[str]:
    """Every pod that is bound runs, and nothing else does."""
    bound: dict[str, str] = {}
    for pod in cluster.store.table("pods").values():
        configured = (pod.metadata.annotations or {}).get(_CONFIG)
        if pod.spec.node_name and pod.status.phase not in FINISHED:
            bound[configured or pod.metadata.uid] = f"{pod.metadata.namespace}/{pod.metadata.name}"
    lives = {uid: host for host, uid in running(cluster)}
    for uid, host in lives.items():
        if uid not in bound:
            yield f"a pod {uid} runs on {host} that nobody declares"
    for uid, key in bound.items():
        if uid not in lives:
            yield f"pod {key} is bound and does not run"


def _stale(cluster: Cluster) -> Iterator[str]:
    """Every service's Endpoints and EndpointSlices have the addresses of its ready pods, and no others."""
    for service in cluster.store.table("services").values():
        if not service.spec.selector:
            continue
        key, wanted = joined(service.metadata.namespace, service.metadata.name), addresses(cluster, service)
        endpoints = cluster.store.get("endpoints", key)
        listed = [
            address.ip
            for subset in (endpoints.subsets if endpoints is not None else None) or ()
            for address in subset.addresses or ()
        ]
        if sorted(listed) != wanted:
            yield f"endpoints {key} are {sorted(listed)}, ready are {wanted}"
        sliced = [
            address
            for each in cluster.store.table("endpointslices.discovery.k8s.io").values()
            if each.metadata.namespace == service.metadata.namespace
            and (each.metadata.labels or {}).get(_SERVICE) == service.metadata.name
            for endpoint in each.endpoints or ()
            if endpoint.conditions and endpoint.conditions.ready
            for address in endpoint.addresses
        ]
        if sorted(sliced) != wanted:
            yield f"the endpoint slices of {key} have {sorted(sliced)}, ready are {wanted}"
