"""Small clusters and manifests that the tests of the driver share; clusters are values, so each is made once."""

from __future__ import annotations

from functools import cache
from typing import Any

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.pending import Sent
from reconcile.driver import choices, settle, step
from reconcile.driver.client import apply
from reconcile.driver.log.recording import Recorder
from reconcile.events import Execute, Submit

SEED = 7


@cache
def booted(nodes: int = 1, *, proxy: bool = True) -> Cluster:
    """Give a cluster that has come up."""
    done = settle(Cluster.boot(Topology(nodes=nodes, proxy=proxy), seed=SEED))
    assert done.settled, done.moving
    return done.cluster


@cache
def deployed(nodes: int = 1, replicas: int = 2) -> Cluster:
    """Give a cluster in which a Deployment runs."""
    cluster, response = apply(booted(nodes), deployment(replicas))
    assert response.ok, response.body
    done = settle(cluster)
    assert done.settled, done.moving
    return done.cluster


def deployment(replicas: int = 2, *, name: str = "web", image: str = "nginx:1.29", **container: Any) -> dict[str, Any]:
    """Give the manifest of a Deployment."""
    labels = {"app": name}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": image, **container}]},
        },
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def configmap(name: str = "colours", **colours: str) -> dict[str, Any]:
    """Give the manifest of a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": colours}


def running(cluster: Cluster, namespace: str = "default") -> int:
    """Count the pods that run."""
    return sum(pod.status.phase == "Running" for pod in cluster.objects("pods", namespace=namespace))


def submitted(cluster: Cluster, request: Any, **also: Any) -> tuple[Cluster, int]:
    """Submit a request; give the cluster and the number of its call."""
    cluster, _ = step(cluster, Submit(request=request, **also))
    return cluster, newest_call(cluster)


def newest_call(cluster: Cluster) -> int:
    """Give the number of the call that was sent last."""
    return max(serial for serial, item in cluster.pending.items() if isinstance(item, Sent))


def offered(cluster: Cluster, kind: type) -> list[Any]:
    """List the choices of one kind."""
    return [choice for choice in choices(cluster) if isinstance(choice, kind)]


def executed(cluster: Cluster, call: int) -> Cluster:
    """Let an API server carry out one call."""
    return step(cluster, Execute(call))[0]


def recorded(nodes: int = 1, *, detail: Any = "changes", **also: Any) -> tuple[Recorder, list[bytes]]:
    """Begin a recording; give the recorder and the lines as they are written."""
    lines: list[bytes] = []
    recorder = Recorder(
        Cluster.boot(Topology(nodes=nodes, proxy=False), seed=SEED),
        lambda line: lines.append(line.encode()),
        detail=detail,
        **also,
    )
    return recorder, lines
