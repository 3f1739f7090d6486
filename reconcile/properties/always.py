"""
The properties of Kubernetes itself that hold at every step, whatever is late, lost, stopped or stale.

Source: the API's own guarantees (https://kubernetes.io/docs/reference/using-api/api-concepts/), the scheduler's
contract that a node's allocatable is never exceeded, and the election's contract as client-go's leaderelection states
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from reconcile.api.kinds import resource_for
from reconcile.cluster.cluster import Cluster
from reconcile.components import world
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import joined
from reconcile.model.resources import allocatable, requests_of
from reconcile.store import mod_revision

_FINISHED: Final = ("Succeeded", "Failed")


@attrs.frozen
class Property:
    """
    A named predicate.

    Args:
        name: how a violation is reported.
        check: gives a sentence for each violation in a cluster; of a sometimes-property, for each witness.
    """

    name: str
    check: Callable[[Cluster], Iterator[str]]


def violations(cluster: Cluster, properties: tuple[Property, ...] | None = None) -> tuple[str, ...]:
    """Give `name: sentence` for everything that is wrong in *cluster*; all of `ALWAYS` is checked by default."""
    return tuple(
        [
            f"{each.name}: {said}"
            for each in (ALWAYS if properties is None else properties)
            for said in each.check(cluster)
        ]
    )


def _one_node_a_pod(cluster: Cluster) -> Iterator[str]:
    """A pod's containers run on the one node that its spec names."""
    pods = {pod.metadata.uid: pod for pod in cluster.store.table("pods").values()}
    homes: dict[str, str] = {}
    for host, uid in _running(cluster):
        if uid in homes and homes[uid] != host:
            yield f"pod {uid} runs on {homes[uid]} and on {host}"
        homes[uid] = host
        pod = pods.get(uid)
        if pod is not None and pod.spec.node_name != host:
            key = joined(pod.metadata.namespace, pod.metadata.name)
            yield f"pod {key} is bound to {pod.spec.node_name}, runs on {host}"


def _running(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Give (host, pod uid) for every pod that has a container that lives."""
    for host in cluster.hosts:
        state = cluster.states.get(f"runtime/{host}")
        if state is None:
            continue
        for pod in world.containers(state).pods:
            if any(container.code is None for container in pod.containers):
                yield host, pod.uid


def _within_allocatable(cluster: Cluster) -> Iterator[str]:
    """The pods bound to a node request no more than it can allocate."""
    pods = cluster.store.table("pods")
    for node in cluster.store.table("nodes").values():
        if node.status is None or not node.status.allocatable:
            continue
        room = allocatable(node)
        bound = [pod for pod in pods.under("node", node.metadata.name) if _counts(pod)]
        if "pods" in room and len(bound) > room["pods"]:
            yield f"node {node.metadata.name} has {len(bound)} pods of at most {room['pods']}"
        used: dict[str, int] = {}
        for pod in bound:
            for name, amount in requests_of(pod.spec).items():
                used[name] = used.get(name, 0) + amount
        for name, amount in sorted(used.items()):
            if amount > room.get(name, 0):
                yield f"node {node.metadata.name} has {amount} of {name} requested, of {room.get(name, 0)}"


def _counts(pod: Any) -> bool:
    return not (pod.status and pod.status.phase in _FINISHED)


def _owners_valid(cluster: Cluster) -> Iterator[str]:
    """
    An object has at most one controller, and an owner that exists has the uid that the reference says, or is not the
    one meant.
    """
    for resource, table in cluster.store.tables.items():
        for key, obj in table.items():
            references = obj.metadata.owner_references or ()
            controllers = [reference for reference in references if reference.controller]
            if len(controllers) > 1:
                yield f"{resource} {key} has {len(controllers)} controllers"
            for reference in references:
                if not reference.uid or not reference.name:
                    yield f"{resource} {key} has an owner without uid or name"
                yield from _wrong_kind(cluster, f"{resource} {key}", obj, reference)


def _wrong_kind(cluster: Cluster, what: str, obj: Any, reference: Any) -> Iterator[str]:
    try:
        owners = resource_for(reference.api_version, reference.kind)
    except ReconcileError:
        return
    space = obj.metadata.namespace if owners.namespaced else ""
    owner = cluster.store.get(owners.key, joined(space or "", reference.name))
    if owner is not None and owner.metadata.uid == reference.uid and owners.namespaced and not obj.metadata.namespace:
        yield f"{what} is cluster-scoped and owned by {reference.kind} {reference.name} in a namespace"


def _versions_true(cluster: Cluster) -> Iterator[str]:
    """No object claims a resourceVersion that the store has not reached, and no two changes of a key share one."""
    for resource, table in cluster.store.tables.items():
        history = cluster.store.history(resource)
        last: dict[str, int] = {}
        for change in history.between(max(history.start, history.end - 64), history.end):
            if change.revision <= last.get(change.key, 0):
                yield f"{resource} {change.key} went from revision {last[change.key]} to {change.revision}"
            last[change.key] = change.revision
        for key, obj in table.items():
            version = mod_revision(obj)
            if version > cluster.store.revision:
                yield f"{resource} {key} has resourceVersion {version} beyond {cluster.store.revision}"


def _one_leader(cluster: Cluster) -> Iterator[str]:
    """Of the replicas of an elected component, at most one works."""
    leading: dict[str, list[str]] = {}
    for name in cluster.elections:
        process = cluster.processes.get(name)
        if process is not None and process.leading:
            leading.setdefault(process.kind, []).append(name)
    for kind, names in leading.items():
        if len(names) > 1:
            yield f"{kind} is led by {' and '.join(names)}"


def _bound_once(cluster: Cluster) -> Iterator[str]:
    """A binding is for ever: no kept change moves a pod from one node to another."""
    history = cluster.store.history("pods")
    for change in history.between(max(history.start, history.end - 64), history.end):
        old, new = change.old, change.new
        if old is None or new is None or old.metadata.uid != new.metadata.uid:
            continue
        if old.spec.node_name and old.spec.node_name != new.spec.node_name:
            yield f"pod {change.key} moved from {old.spec.node_name} to {new.spec.node_name}"


ALWAYS: Final[tuple[Property, ...]] = (
    Property("no pod on two nodes", _one_node_a_pod),
    Property("a binding is for ever", _bound_once),
    Property("no node over its allocatable", _within_allocatable),
    Property("owner references valid", _owners_valid),
    Property("resourceVersion strictly grows", _versions_true),
    Property("at most one leader", _one_leader),
)


def _some_pod_runs(cluster: Cluster) -> Iterator[str]:
    for _, uid in _running(cluster):
        yield uid


def _some_node_full(cluster: Cluster) -> Iterator[str]:
    for pod in cluster.store.table("pods").values():
        for condition in (pod.status.conditions if pod.status else None) or ():
            if condition.type == "PodScheduled" and condition.reason == "Unschedulable":
                yield pod.metadata.name


def _some_owner(cluster: Cluster) -> Iterator[str]:
    for pod in cluster.store.table("pods").values():
        if pod.metadata.owner_references:
            yield pod.metadata.name


def _some_standby(cluster: Cluster) -> Iterator[str]:
    for process in cluster.processes.values():
        if not process.leading:
            yield process.name


def _some_stale_view(cluster: Cluster) -> Iterator[str]:
    for name, watch in cluster.cursors:
        if cluster.lag(name, watch) > 0:
            yield f"{name} {watch}"


SOMETIMES: Final[tuple[Property, ...]] = (
    Property("some pod runs", _some_pod_runs),
    Property("some node is full", _some_node_full),
    Property("some pod is owned", _some_owner),
    Property("some replica stands by", _some_standby),
    Property("some view is stale", _some_stale_view),
)
