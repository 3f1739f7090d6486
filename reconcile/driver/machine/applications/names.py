"""
Names: how an application's name for somebody becomes an address: by its /etc/hosts, else by the cluster's DNS.

Takes:    an open machine; a name, and who looks it up.
Gives:    addresses, or why there is none.
Source:   https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/; CoreDNS's plugin kubernetes.
Left out: see docs/limits.md, "Applications".
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any, Final

from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import store_seen_from
from reconcile.model.pods.hostnames import DOMAIN
from reconcile.model.pods.resolving import Resolver, dns_in, in_hosts

_SLICES: Final = "endpointslices.discovery.k8s.io"
_MOST_ALIASES: Final = 8  # names of services that stand for names of services


def resolved(machine: Machine, host: str, hosts: str, resolver: Resolver, name: str) -> tuple[tuple[str, ...], str]:
    """
    Look a name up.

    Args:
        machine: open.
        host: from where it is asked.
        hosts: the text of the asker's /etc/hosts.
        resolver: how the asker looks names up.
        name: what is looked up.

    Returns:
        The addresses; if there is none, why.
    """
    found = in_hosts(hosts, name)
    if not found and dns_in(machine.cluster.topology.service_cidr) in resolver.servers:
        tried = resolver.tried(name)
        found = next((known for each in tried if (known := _asked(machine, host, each))), ())
    asked = resolver.servers[0] if resolver.servers else "127.0.0.1"
    return found, "" if found else f"lookup {name} on {asked}:53: no such host"


def looked_up(machine: Machine, host: str, namespace: str, name: str) -> tuple[str, ...]:
    """Give the addresses of a Service: of a headless one those of its endpoints; () if there is no such."""
    return _asked(machine, host, f"{name}.{namespace}.svc.{DOMAIN}")


def _asked(machine: Machine, host: str, name: str, aliases: int = _MOST_ALIASES) -> tuple[str, ...]:
    """Ask the cluster's DNS for a name, as the API server of the asker's host has what is behind it."""
    if not name.endswith(f".{DOMAIN}") or not aliases:
        return ()
    store = store_seen_from(machine, host)
    match name.removesuffix(f".{DOMAIN}").split("."):
        case [address, space, "pod"] if store.get("namespaces", space) is not None:
            return _address(address)
        case [service, space, "svc"]:
            pod = ""
        case [pod, service, space, "svc"]:
            pass
        case _:
            return ()
    found = store.get("services", f"{space}/{service}")
    if found is None:
        return ()
    if found.spec.type == "ExternalName":
        return () if pod else _asked(machine, host, found.spec.external_name.rstrip("."), aliases - 1)
    if not pod and found.spec.cluster_ip not in (None, "", "None"):
        return (found.spec.cluster_ip,)
    return _endpoints(store, space, found, pod)


def _address(text: str) -> tuple[str, ...]:
    """Give the address that a pod's own name stands for: `10-1-0-2`."""
    try:
        return (str(IPv4Address(text.replace("-", "."))),)
    except ValueError:
        return ()


def _endpoints(store: Any, namespace: str, service: Any, pod: str) -> tuple[str, ...]:
    """Give the addresses behind a service, or those of one pod: by its hostname, else by its address with dashes."""
    early = service.spec.publish_not_ready_addresses
    found: dict[str, None] = {}
    for each in store.table(_SLICES).under("service", (namespace, service.metadata.name)):
        for endpoint in each.endpoints or ():
            ready = endpoint.conditions is None or endpoint.conditions.ready is not False
            for address in endpoint.addresses or () if ready or early else ():
                if not pod or pod == (endpoint.hostname or address.replace(".", "-")):
                    found[address] = None
    return tuple(sorted(found))
