"""
Calling: whether a pod gets an answer of a service, by the way that its packets would take.

Its name is looked up in the API as the pod's host sees it; the packet filter rules of that host choose an endpoint, as
kube-proxy last installed them; the network must carry there and back, and the pod there must run.

Takes:    an open machine; a pod, the services that it asks.
Gives:    those of which it gets no answer.
Source:   https://kubernetes.io/docs/reference/networking/virtual-ips/
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from reconcile.components import kubeproxy, world
from reconcile.driver.machine.applications.names import looked_up
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import store_seen_from, talks

_SLICES: Final = "endpointslices.discovery.k8s.io"
_PROTOCOLS: Final[dict[str, Literal["tcp", "udp", "sctp"]]] = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_MIRRORED: Final = "kubernetes.io/config.hash"


def unanswered(machine: Machine, host: str, pod: Any, services: Sequence[str], *, tries: int = 1) -> tuple[str, ...]:
    """
    Give those of the services of which a pod on *host* gets no answer.

    Each is NAME, in the pod's own namespace, or NAMESPACE/NAME. It is asked so many times at most.
    """
    found = []
    for service in services:
        namespace, _, name = service.rpartition("/")
        key = f"{namespace or pod.metadata.namespace}/{name}"
        if not any(_answers(machine, host, pod, key, turn) for turn in range(tries)):
            found.append(service)
    return tuple(found)


def _answers(machine: Machine, host: str, pod: Any, key: str, turn: int) -> bool:
    """Open one connection to a service."""
    namespace, _, name = key.partition("/")
    store = store_seen_from(machine, host)
    service = store.get("services", key)
    if service is None or service.spec is None:
        return False
    dice = machine.dice(f"asks/{pod.metadata.uid}/{key}/{machine.now}/{turn}")
    if service.spec.cluster_ip in (None, "", "None"):
        addresses = looked_up(machine, host, namespace, name)
        return bool(addresses) and _runs(machine, host, key, addresses[dice.below(len(addresses))[0]])
    rules, ports = machine.host(host).rules, service.spec.ports or ()
    if rules is None or not ports:
        return False
    port = ports[0]
    source = (pod.status.pod_ip if pod.status is not None else None) or machine.host(host).host.ip
    packet = kubeproxy.Packet(
        source=source,
        destination=service.spec.cluster_ip,
        port=port.port,
        protocol=_PROTOCOLS[port.protocol or "TCP"],
        at=machine.now,
    )
    verdict, _ = kubeproxy.route(rules, packet, dice)
    return verdict.action == "ACCEPT" and _runs(machine, host, key, verdict.destination)


def _runs(machine: Machine, host: str, key: str, address: str) -> bool:
    """Tell whether whoever has an address behind a service can be reached from *host*, and runs."""
    namespace, _, name = key.partition("/")
    for slice_ in machine.store.table(_SLICES).under("service", (namespace, name)):
        for endpoint in slice_.endpoints or ():
            if address in (endpoint.addresses or ()):
                return endpoint.node_name is None or _runs_at(machine, host, namespace, endpoint)
    return False  # it has gone, and its host's rules do not know


def _runs_at(machine: Machine, host: str, namespace: str, endpoint: Any) -> bool:
    status = machine.hosts.get(endpoint.node_name)
    if status is None or not status.up or not talks(machine, host, endpoint.node_name):
        return False
    state = machine.states.get(f"runtime/{endpoint.node_name}")
    if state is None:
        return True  # an external host: its containers are real
    target = endpoint.target_ref
    pod = None if target is None else machine.store.get("pods", f"{namespace}/{target.name}")
    if pod is None:
        return False
    uid = (pod.metadata.annotations or {}).get(_MIRRORED, pod.metadata.uid)
    return bool(world.running(getattr(state, "state", state), uid))
