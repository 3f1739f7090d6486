"""Reach: which API server a host can talk to, and what waits while there is none."""

from __future__ import annotations

from reconcile.cluster.pending import Pending
from reconcile.driver.machine.machine import Machine


def server_for(machine: Machine, host: str) -> str | None:
    """Give an API server that *host* can reach and that can reach etcd; an empty host is a client outside."""
    try:
        return machine.reach[host]
    except KeyError:
        found = machine.reach[host] = _found(machine, host)
        return found


def connected(machine: Machine, host: str) -> bool:
    """Tell whether the network reaches *host*; a client outside is always reached."""
    return not host or machine.host(host).connected


def hears(machine: Machine, host: str) -> bool:
    """Tell whether answers come to *host*: the network reaches it, or an API server is on it."""
    return connected(machine, host) or f"kube-apiserver/{host}" in machine.servers


def park(machine: Machine, item: Pending) -> None:
    """Let *item* wait until an API server can be reached."""
    machine.new_parked.append(item)


def unpark(machine: Machine) -> None:
    """Let what waited for an API server be under way again."""
    for item in machine.parked:
        machine.push(item)
    machine.old_parked = ()


def _reaches(machine: Machine, one: str, other: str) -> bool:
    return one == other or (connected(machine, one) and connected(machine, other))


def _found(machine: Machine, host: str) -> str | None:
    if machine.etcd:
        for server in machine.servers:
            at = server.rpartition("/")[2]
            if _reaches(machine, host, at) and _reaches(machine, at, machine.etcd):
                return server
    return None
