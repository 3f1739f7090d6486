"""
What a scenario lists: what is stored; and what no API server tells: who is connected to which of them, what hosts
really run and write, and where packets arrive.

Takes:    a Cluster.
Gives:    a line each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from reconcile.api import convert
from reconcile.api.kinds import resource_named
from reconcile.cluster.cluster import Cluster
from reconcile.components import kubeproxy, world
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.model.printing import table
from reconcile.testing.wording import field_at


def lines_of(cluster: Cluster, text: str = "") -> Iterator[str]:
    """
    List who is connected to which API server, if *text* is in what is said of it, and what the balancer thinks of them.

    Raises:
        ReconcileError: no balancer stands in front: there are no connections.
    """
    state = cluster.states.get("network", None)
    if state is None:
        raise ReconcileError("no balancer stands before the API servers: there are no connections")
    said = []
    for host, health in state.health.items():
        marks = [word for word, holds in (("stale", f"kube-apiserver/{host}" in state.stale),) if holds]
        marks += ["holds the address"] if state.holder == host else []
        said.append("  ".join([f"kube-apiserver/{host}", "up" if health.up else "down", *marks]))
    for client, line in state.lines.items():
        marks = [] if line.balanced else ["straight"]
        marks += ["silent"] if line.silent else []
        said.append("  ".join([client, "to", line.server, *marks]))
    yield from [each for each in said if text in each]


def containers_of(cluster: Cluster, host: str) -> Iterator[str]:
    """List the containers that run on a host, but for those of static pods, whatever the API server knows of them."""
    state: Any = cluster.states.get(f"runtime/{host}", None)
    pods = {pod.metadata.uid: key for key, pod in cluster.store.table("pods").items()}
    for pod in world.containers(state).pods if state is not None else ():
        name = pods.get(pod.uid, "")
        for container in world.running(state, pod.uid):
            if not world.process_of(state, pod.uid, container):
                yield f"{container} of {name}" if name else f"{container} of pod {pod.uid}, which is stored no more"


def arrivals_of(cluster: Cluster, name: str, target: str, times: str = "1") -> Iterator[str]:
    """Count where packets from a host to `IP:PORT` arrive through its packet filter."""
    address, _, port = target.partition(":")
    host = cluster.hosts[name]
    if host.rules is None:
        yield f"{name} has no packet filter rules"
        return
    dice, found = Dice(cluster.seed, "send"), Counter[str]()
    for _ in range(int(times)):
        packet = kubeproxy.Packet(source=host.host.ip, destination=address, port=int(port))
        verdict, dice = kubeproxy.route(host.rules, packet, dice)
        found[f"{verdict.action} {verdict.destination}:{verdict.port}"] += 1
    for where, count in sorted(found.items()):
        yield f"{count} {where}"


def shown(cluster: Cluster, word: str, *rest: str) -> Iterator[str]:
    """
    Give a table of objects, as kubectl get prints it, or fields of each: `pods`, a namespace, `.spec.nodeName`.

    Of what has no namespace it is those that are named, or all.
    """
    resource = resource_named(word)
    fields = [path for path in rest if path.startswith(".")]
    named = [name for name in rest if not name.startswith(".")]
    namespace = (named[0] if named else "default") if resource.namespaced else ""
    objects = cluster.objects(word, namespace=namespace)
    if named and not resource.namespaced:
        objects = tuple([obj for obj in objects if obj.metadata.name in named])
    if fields:
        for obj in objects:
            plain = convert.dump(obj)
            yield "  ".join(str(field_at(plain, path.lstrip("."))) for path in fields)
    else:
        yield table(resource.key, objects, cluster.now) if objects else "No resources found"


def written(cluster: Cluster, pod: str, container: str, namespace: str = "default") -> tuple[str, ...]:
    """
    Give the lines that the application in a container has written.

    Raises:
        ReconcileError: there is no such pod, or it has no such container.
    """
    found = cluster.get("pods", pod, namespace=namespace)
    if found is None:
        raise ReconcileError(f"logs {pod}: there is no such pod in {namespace}")
    known = [each.name for each in (*(found.spec.init_containers or ()), *found.spec.containers)]
    if container not in known:
        raise ReconcileError(f"logs {pod} {container}: there is no such container; there are {', '.join(known)}")
    return cluster.written(pod, container, namespace=namespace)
