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

from reconcile.api import apps_v1, core_v1, meta_v1
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
    nobody,
    placed,
    room_for,
)
from reconcile.driver.client import ask
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import Request, joined

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
        return Explanation(pod=joined(namespace, name), result="unschedulable", message=nobody(pod))
    others = [other for other in cluster.store.table("pods").values() if other is not pod]
    pending = attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=None))
    return explained(_seen(cluster, profile, others), pending)


def would_go(
    cluster: Cluster, pods: Iterable[Any], *, profile: Profile | Configuration | None = None
) -> tuple[Move, ...]:
    """Tell where these pods would go, one after the other."""
    return placed(_seen(cluster, profile), pods, strict=profile is None)[0]


def pods_of(cluster: Cluster, objects: Iterable[Any], *, namespace: str = "default") -> tuple[Any, ...]:
    """
    Give the pods that there would be if these were created: pods as they are admitted, and of workloads all replicas.

    What is of another kind has none, nor has a DaemonSet: its pods have their nodes from the start. Nothing is created:
    the API server is asked as with `--dry-run=server`.

    Raises:
        ReconcileError: a pod is not admitted; it is said why.
    """
    found: list[Any] = []
    for obj in objects:
        place = obj.metadata.namespace or namespace
        for pod in _declared(obj):
            metadata = attrs.evolve(pod.metadata or meta_v1.ObjectMeta(), namespace=place)
            made = attrs.evolve(pod, metadata=metadata)
            request = Request(verb="create", resource="pods", namespace=place, body=made, dry_run=True)
            cluster, response = ask(cluster, request)
            if not response.ok:
                name = joined(place, metadata.name or "")
                raise ReconcileError(f"pod {name}: {response.body.message}")
            found.append(response.body)
    return tuple(found)


def _declared(obj: Any) -> list[core_v1.Pod]:
    """Give the pods that an object is, or that its template makes, by names of their own."""
    if isinstance(obj, core_v1.Pod):
        return [obj]
    spec = getattr(obj, "spec", None)
    template = getattr(spec, "template", None)
    if isinstance(obj, apps_v1.DaemonSet) or getattr(template, "spec", None) is None or template is None:
        return []
    counts = (getattr(spec, "replicas", None), getattr(spec, "parallelism", None))
    count = next((each for each in counts if each is not None), 1)
    labels = template.metadata.labels if template.metadata is not None else None
    annotations = template.metadata.annotations if template.metadata is not None else None
    return [
        core_v1.Pod(
            api_version="v1",
            kind="Pod",
            metadata=meta_v1.ObjectMeta(name=f"{obj.metadata.name}-{number}", labels=labels, annotations=annotations),
            spec=template.spec,
        )
        for number in range(count)
    ]


def how_many_more(
    cluster: Cluster, pod: Any, *, most: int = 100_000, profile: Profile | Configuration | None = None
) -> tuple[dict[str, int], str]:
    """Tell how many more pods like this would fit, for each node, and why not one more."""
    return room_for(_seen(cluster, profile), pod, most=most, strict=profile is None)


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
    return drained(_seen(cluster, profile), names, strict=profile is None)


def _seen(
    cluster: Cluster, profile: Profile | Configuration | None, pods: Iterable[Any] | None = None
) -> scheduler.State:
    configured = scheduling(cluster.topology, cluster.controllers) if profile is None else profile
    switched = cluster.topology.feature_gates
    watches = scheduler.watches(scheduler.begin(Dice(0, ""), switched=switched))
    objects = {watch.resource: list(cluster.store.table(watch.resource).values()) for watch in watches}
    if pods is not None:
        objects["pods"] = list(pods)
    return cluster_seen(objects, profile=configured, switched=switched)
