"""Objects for the tests of the workload controllers."""

from __future__ import annotations

from typing import Any

from reconcile.api import apps_v1, core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

LABELS = Map({"app": "web"})


def template(image: str = "one", labels: Map[str] = LABELS) -> core_v1.PodTemplateSpec:
    containers = (core_v1.Container(name="main", image=image),)
    return core_v1.PodTemplateSpec(
        metadata=meta_v1.ObjectMeta(labels=labels), spec=core_v1.PodSpec(containers=containers)
    )


def deployment(replicas: int = 3, **spec: Any) -> apps_v1.Deployment:
    fields = {
        "progress_deadline_seconds": 600,
        "revision_history_limit": 10,
        "selector": meta_v1.LabelSelector(match_labels=LABELS),
        "template": template(),
        "strategy": rolling("25%", "25%"),
        **spec,
    }
    metadata = meta_v1.ObjectMeta(name="web", namespace="default", uid="the-deployment", generation=1)
    return apps_v1.Deployment(metadata=metadata, spec=apps_v1.DeploymentSpec(replicas=replicas, **fields))


def rolling(surge: int | str, unavailable: int | str) -> apps_v1.DeploymentStrategy:
    update = apps_v1.RollingUpdateDeployment(max_surge=surge, max_unavailable=unavailable)
    return apps_v1.DeploymentStrategy(type="RollingUpdate", rolling_update=update)


def replica_set(replicas: int = 3, **spec: Any) -> apps_v1.ReplicaSet:
    fields = {"selector": meta_v1.LabelSelector(match_labels=LABELS), "template": template(), **spec}
    metadata = meta_v1.ObjectMeta(name="web", namespace="default", uid="the-owner", generation=1)
    return apps_v1.ReplicaSet(metadata=metadata, spec=apps_v1.ReplicaSetSpec(replicas=replicas, **fields))


def replication_controller(replicas: int = 3) -> core_v1.ReplicationController:
    metadata = meta_v1.ObjectMeta(name="web", namespace="default", uid="the-owner", generation=1)
    spec = core_v1.ReplicationControllerSpec(replicas=replicas, selector=LABELS, template=template())
    return core_v1.ReplicationController(metadata=metadata, spec=spec)


def pod(name: str, labels: Map[str] | None = LABELS, **metadata: Any) -> core_v1.Pod:
    made = meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", labels=labels, **metadata)
    return core_v1.Pod(metadata=made, spec=template().spec)


def running(one: core_v1.Pod, at: Instant, *, ready: bool = True) -> core_v1.Pod:
    condition = core_v1.PodCondition(type="Ready", status=str(ready), last_transition_time=Time.at(at))
    return replace(one, status=core_v1.PodStatus(phase="Running", conditions=(condition,)))


def changed(one: Any, **spec: Any) -> Any:
    """Change the specification as a client does."""
    generation = one.metadata.generation + 1
    return replace(one, metadata=replace(one.metadata, generation=generation), spec=replace(one.spec, **spec))
