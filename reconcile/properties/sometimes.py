"""What some run reaches: the proof that the properties that always hold are not vacuous, one for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconcile.cluster.cluster import Cluster
from reconcile.model.owners import controller_of
from reconcile.properties.always import running
from reconcile.properties.property import Property
from reconcile.properties.volumes import some_claim_bound


def _some_pod_runs(cluster: Cluster) -> Iterator[str]:
    for _, uid in running(cluster):
        yield uid


def _some_pod_bound(cluster: Cluster) -> Iterator[str]:
    history = cluster.store.history("pods")
    for change in history.between(history.start, history.end):
        old, new = change.old, change.new
        if old is not None and new is not None and not old.spec.node_name and new.spec.node_name:
            yield change.key


def _some_node_full(cluster: Cluster) -> Iterator[str]:
    for pod in cluster.store.table("pods").values():
        for condition in (pod.status.conditions if pod.status else None) or ():
            if condition.type == "PodScheduled" and condition.reason == "Unschedulable":
                yield pod.metadata.name


def _some_owner(cluster: Cluster) -> Iterator[str]:
    for pod in cluster.store.table("pods").values():
        if pod.metadata.owner_references:
            yield pod.metadata.name


def _some_change(cluster: Cluster) -> Iterator[str]:
    for resource in cluster.store.tables:
        history = cluster.store.history(resource)
        for change in history.between(history.start, history.end):
            if change.old is not None and change.new is not None:
                yield f"{resource} {change.key}"


def _some_object_made(cluster: Cluster) -> Iterator[str]:
    for resource in cluster.store.tables:
        history = cluster.store.history(resource)
        for change in history.between(history.start, history.end):
            if change.old is None and change.new is not None and change.new.metadata.uid:
                yield f"{resource} {change.key}"


def _some_rollout(cluster: Cluster) -> Iterator[str]:
    sets = cluster.store.table("replicasets.apps")
    for key, deployment in cluster.store.table("deployments.apps").items():
        if sum([each.spec.replicas != 0 for each in sets.under("owner", deployment.metadata.uid)]) > 1:
            yield key


def _some_standby(cluster: Cluster) -> Iterator[str]:
    for process in cluster.processes.values():
        if not process.leading:
            yield process.name


def _some_leader_changed(cluster: Cluster) -> Iterator[str]:
    for key, lease in cluster.store.table("leases.coordination.k8s.io").items():
        if lease.spec is not None and lease.spec.lease_transitions:
            yield key


def _some_stale_view(cluster: Cluster) -> Iterator[str]:
    for name, watch in cluster.cursors:
        if cluster.lag(name, watch) > 0:
            yield f"{name} {watch}"


def _some_quota_used(cluster: Cluster) -> Iterator[str]:
    for key, quota in cluster.store.table("resourcequotas").items():
        if quota.status is not None and any(quota.status.used or ()):
            yield key


def _some_ordinal(cluster: Cluster) -> Iterator[str]:
    for key, pod in cluster.store.table("pods").items():
        owner = controller_of(pod)
        if owner is not None and owner.kind == "StatefulSet":
            yield key


SOMETIMES: Final[tuple[Property, ...]] = (
    Property("some pod runs", _some_pod_runs),
    Property("some pod is bound", _some_pod_bound),
    Property("some node is full", _some_node_full),
    Property("some pod is owned", _some_owner),
    Property("some object changes", _some_change),
    Property("some object is made", _some_object_made),
    Property("some rollout is under way", _some_rollout),
    Property("some quota is used", _some_quota_used),
    Property("some replica stands by", _some_standby),
    Property("some lock changes hands", _some_leader_changed),
    Property("some view is stale", _some_stale_view),
    Property("some pod has an ordinal", _some_ordinal),
    Property("some claim is bound", some_claim_bound),
)
