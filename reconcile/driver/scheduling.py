"""
Questions about scheduling, asked of a whole cluster: why a pod is where it is, and what would become of others.

Each can be asked under another configuration than the cluster's own (`configuration_of`, `profile_of`). They see what
the API server has, as a scheduler does that has just been told all of it; so what a real one of the cluster has not
heard yet makes no difference.

Source:   `reconcile.components.scheduler.explaining`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.components import scheduling
from reconcile.components import scheduler
from reconcile.components.scheduler.explaining import (
    Configuration,
    Explanation,
    Move,
    Profile,
    cluster_seen,
    drained,
    explained,
    placed,
    room_for,
)
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import joined

_NAME: Final = "default-scheduler"


def explain_pod(
    cluster: Cluster, name: str, *, namespace: str = "default", profile: Profile | Configuration | None = None
) -> Explanation:
    """
    Explain where a pod would go if it had its turn now; one that is on a node, as if it were not.

    Raises:
        ReconcileError: there is no such pod.
    """
    pod = cluster.store.table("pods").get(joined(namespace, name))
    if pod is None:
        raise ReconcileError(f'there is no pod "{name}" in namespace "{namespace}"')
    profiles = scheduling(cluster.topology, cluster.controllers).profiles
    if profile is None and all(each.name != (pod.spec.scheduler_name or _NAME) for each in profiles):
        said = f'no scheduler of this cluster has a profile for schedulerName "{pod.spec.scheduler_name}"'
        return Explanation(pod=joined(namespace, name), result="unschedulable", message=said)
    others = [other for other in cluster.store.table("pods").values() if other is not pod]
    pending = attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=None))
    return explained(_seen(cluster, profile, others), pending)


def would_go(
    cluster: Cluster, pods: Iterable[Any], *, profile: Profile | Configuration | None = None
) -> tuple[Move, ...]:
    """Tell where these pods would go, one after the other."""
    return placed(_seen(cluster, profile), pods)[0]


def how_many_more(
    cluster: Cluster, pod: Any, *, most: int = 100_000, profile: Profile | Configuration | None = None
) -> tuple[dict[str, int], str]:
    """Tell how many more pods like this would fit, for each node, and why not one more."""
    return room_for(_seen(cluster, profile), pod, most=most)


def if_drained(
    cluster: Cluster, nodes: Iterable[str], *, profile: Profile | Configuration | None = None
) -> tuple[Move, ...]:
    """
    Tell where the pods of these nodes would go if the nodes were drained.

    Raises:
        ReconcileError: there is no such node.
    """
    names = tuple(nodes)
    for name in names:
        if name not in cluster.store.table("nodes"):
            raise ReconcileError(f'there is no node "{name}"')
    return drained(_seen(cluster, profile), names)


def _seen(
    cluster: Cluster, profile: Profile | Configuration | None, pods: Iterable[Any] | None = None
) -> scheduler.State:
    configured = scheduling(cluster.topology, cluster.controllers) if profile is None else profile
    watches = scheduler.watches(scheduler.begin(Dice(0, "")))
    objects = {watch.resource: list(cluster.store.table(watch.resource).values()) for watch in watches}
    if pods is not None:
        objects["pods"] = list(pods)
    return cluster_seen(objects, profile=configured)
