"""
Many nodes or processes that come or go at once, and what a step of that costs.

A step has to cost the same however large the cluster is. That shows in three figures: calls of functions, which are the
same on every machine; bytes by which the memory in use grows at most during a step, for what C copies whole calls
nothing; and time. Calls are counted at every step, as one step in thousands may hear of everything there is; bytes at
`WEIGHED` of every `PERIOD`.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from cProfile import Profile
from itertools import islice
from typing import Any, TypeAlias

import attrs

from reconcile.cluster import Cluster, Topology
from reconcile.driver import settle
from reconcile.driver.client import apply
from reconcile.driver.machine import Machine
from reconcile.driver.run import play, run
from reconcile.driver.step import apply_event
from reconcile.events import (
    ClusterEvent,
    CutWatch,
    Disconnect,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
)
from reconcile.lib.instant import SECOND
from reconcile.model.conditions import is_true

PERIOD = 37
WEIGHED = 2
ZONES = 3
PODS_A_NODE = 2
LASTS = 120 * SECOND  # a node that is silent is not ready after 50 s


@attrs.frozen
class Counts:
    """What a step costs in the mean: calls of functions, and bytes at a time."""

    steps: int
    calls: float
    room: float


Storm: TypeAlias = Callable[[Cluster], tuple[ClusterEvent, ...]]


def zoned(nodes: int) -> Topology:
    """Give a topology of so many nodes, which stand in three zones one after the other."""
    plain = Topology(nodes=nodes)
    hosts = [
        attrs.evolve(host, manifests=(), labels=host.labels.set("topology.kubernetes.io/zone", f"zone-{place % ZONES}"))
        for place, host in enumerate(plain.machines())
    ]
    return attrs.evolve(plain, hosts=tuple(hosts))


def deployment(replicas: int, image: str = "nginx:1.29") -> dict[str, Any]:
    """Give a Deployment of *replicas* small pods."""
    container = {
        "name": "web",
        "image": image,
        "ports": [{"containerPort": 80}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def deployed(nodes: int) -> Cluster:
    """Give a cluster of so many nodes, each with pods of one Deployment."""
    booted = settle(Cluster.boot(zoned(nodes), seed=7)).cluster
    asked, response = apply(booted, deployment(PODS_A_NODE * nodes))
    assert response.ok, response
    done = settle(asked)
    assert done.settled, done.moving
    return done.cluster


def _others(cluster: Cluster) -> tuple[str, ...]:
    """Name the hosts of a zone without the control plane."""
    return tuple(
        [
            name
            for name, status in cluster.hosts.items()
            if status.host.labels.get("topology.kubernetes.io/zone") == "zone-1"
        ]
    )


def zone(cluster: Cluster) -> tuple[ClusterEvent, ...]:
    """A whole zone stops."""
    return tuple([StopHost(name) for name in _others(cluster)])


def power(cluster: Cluster) -> tuple[ClusterEvent, ...]:
    """A whole zone stops and starts at once."""
    return (*zone(cluster), *[StartHost(name) for name in _others(cluster)])


def leases(cluster: Cluster) -> tuple[ClusterEvent, ...]:
    """Half of the nodes are cut off, so that their leases run out together."""
    names = [name for name in cluster.hosts.keys() if name != "node-1"]  # noqa: SIM118 -- a table's keys are in order
    return tuple([Disconnect(name) for name in names[::2]])


def kubelets(cluster: Cluster) -> tuple[ClusterEvent, ...]:
    """All kubelets restart."""
    names = [f"kubelet/{host}" for host in cluster.hosts]
    return (*[StopProcess(name) for name in names], *[StartProcess(name) for name in names])


def watches(cluster: Cluster) -> tuple[ClusterEvent, ...]:
    """All watches are cut."""
    return tuple([CutWatch(process, watch) for process, watch in cluster.cursors])


def master(cluster: Cluster) -> tuple[ClusterEvent, ...]:
    """The master stops, with etcd, the API server, the scheduler and all controllers, and starts again."""
    return (StopHost("node-1"), StartHost("node-1"))


def boot(_: Cluster) -> tuple[ClusterEvent, ...]:
    """All machines are powered on; none has run before."""
    return ()


STORMS: dict[str, Storm] = {each.__name__: each for each in (zone, power, leases, kubelets, watches, master)}


def powered(nodes: int) -> Cluster:
    """Give a cluster of so many nodes that are only just powered on."""
    return Cluster.boot(zoned(nodes), seed=7)


def timed(cluster: Cluster, storm: Storm) -> tuple[int, float]:
    """Let a storm come over *cluster*; give how many steps that takes, and how many microseconds each."""
    events = storm(cluster)
    began = time.process_time()
    done = run(cluster, events, until=cluster.now + LASTS)
    spent = time.process_time() - began
    ready = [node for node in done.cluster.objects("nodes") if is_true(node.status.conditions, "Ready")]
    assert ready, "a storm leaves some nodes ready"
    return done.steps, spent / done.steps * 1e6


def counted(cluster: Cluster, storm: Storm) -> Counts:
    """Let a storm come over *cluster*; count what a step costs."""
    machine = Machine(cluster)
    calls, room = _counted(_each(machine, storm(cluster), cluster.now + LASTS))
    steps = machine.steps - cluster.steps
    return Counts(steps, calls / steps, room)


def _each(machine: Machine, events: tuple[ClusterEvent, ...], until: int) -> Iterator[None]:
    """Take one step after the other."""
    for event in events:
        apply_event(machine, event)
        yield
    while not play(machine, machine.steps + 1, until):
        yield


def _counted(steps: Iterator[None]) -> tuple[int, float]:
    """Take all *steps*: give how many calls there were, and how many bytes one needs at a time."""
    profile = Profile()
    weights: list[int] = []
    profile.enable()
    try:
        while sum(1 for _ in islice(steps, PERIOD - WEIGHED)) == PERIOD - WEIGHED:
            weights += _weighed(islice(steps, WEIGHED))
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats()), sum(weights) / len(weights)


def _weighed(steps: Iterator[None]) -> Iterator[int]:
    """Give by how much the memory in use grows at most during each of *steps*."""
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        for _ in steps:
            yield tracemalloc.get_traced_memory()[1] - before
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
