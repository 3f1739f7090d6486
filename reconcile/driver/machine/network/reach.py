"""
Reach: which API server a host can talk to, and what waits while there is none.

With several members of etcd an API server talks to that of its own host, as kubeadm sets it up, or, if its host has
none, to any that it reaches. It is ready while its member has a vote and knows a leader; a host prefers its own server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconcile.cluster.components import FROZEN
from reconcile.cluster.links import NO_LINKS
from reconcile.cluster.pending import Pending
from reconcile.components import etcd
from reconcile.driver.machine.machine import Machine
from reconcile.store import OpenStore, Reads


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
    """
    Tell whether answers come to *host*: the network reaches it, or an API server is on it.

    Where a link carries one way only behind a balancer it is told of no host: it depends on the connection.
    """
    heard = is_there(machine, host)
    if heard and machine.links is not NO_LINKS:
        server = None if machine.fronted else server_for(machine, host)
        heard = not machine.fronted and (server is None or reaches(machine, server.rpartition("/")[2], host))
    machine.heard[host] = heard
    return heard


def is_there(machine: Machine, host: str) -> bool:
    """Tell whether *host* is on the network, or has an API server of its own."""
    return connected(machine, host) or f"kube-apiserver/{host}" in machine.servers


def shows_nothing(machine: Machine, host: str) -> bool:
    """Tell whether the API server that *host* can talk to shows it nothing, for only requests arrive: no balancer."""
    if machine.links is NO_LINKS:
        return False
    server = server_for(machine, host)
    return server is not None and not talks(machine, host, server.rpartition("/")[2])


def park(machine: Machine, item: Pending) -> None:
    """Let *item* wait until an API server can be reached."""
    machine.new_parked.append(item)


def unpark(machine: Machine) -> None:
    """Let what waited for an API server be under way again."""
    for item in machine.parked:
        machine.push(item)
    machine.old_parked = ()


def reaches(machine: Machine, one: str, other: str) -> bool:
    """Tell whether the network carries from host *one* to *other*."""
    if one == other:
        return True
    return (
        connected(machine, one)
        and connected(machine, other)
        and not (machine.cuts and is_cut(machine.cuts, one, other))
        and (machine.links is NO_LINKS or (one, other) not in machine.links.ways)
    )


def talks(machine: Machine, one: str, other: str) -> bool:
    """Tell whether the network carries from host *one* to *other* and back."""
    return reaches(machine, one, other) and (machine.links is NO_LINKS or reaches(machine, other, one))


def is_cut(cuts: tuple[tuple[str, str], ...], one: str, other: str) -> bool:
    """Tell whether two hosts are cut off from each other."""
    return (min(one, other), max(one, other)) in cuts


def member_of(machine: Machine, at: str) -> str | None:
    """Give the host of the member of etcd that the API server on host *at* talks to, if it is ready."""
    return ready_member(machine.members.table().keys(), machine.states.get, lambda other: talks(machine, at, other), at)


def ready_member(
    hosts: tuple[str, ...], state: Callable[[str], Any], reached: Callable[[str], bool], at: str
) -> str | None:
    """Give the first of *hosts* that has a member that serves; only *at* itself, if it is one of them."""
    for host in (at,) if at in hosts else hosts:
        if reached(host) and etcd.serves(state(f"etcd/{host}")):
            return host
    return None


def member_at(machine: Machine, host: str) -> Any:
    """Give the state of the member of etcd on *host*; None if none runs there, or it is paused."""
    state = machine.states.get(f"etcd/{host}")
    return state if isinstance(state, etcd.Member) else None


def is_paused(machine: Machine, name: str) -> bool:
    """Tell whether a process is paused."""
    process = machine.processes.get(name)
    return process is not None and process.kind == FROZEN


def store_seen_from(machine: Machine, host: str) -> Reads:
    """Give the store as the API server shows it that *host* talks to."""
    if not machine.plural:
        return machine.store
    server = server_for(machine, host)
    member = None if server is None else member_of(machine, server.rpartition("/")[2])
    return machine.store if member is None else store_of(machine, member)


def store_of(machine: Machine, member: str) -> OpenStore:
    """Give the store of the member on host *member*: the machine's own, if it has come as far as any."""
    state = machine.states.get(f"etcd/{member}")
    store = getattr(state, "state", state).store  # of one that is paused
    return machine.store if store is machine.store.closed() else OpenStore(store)


def _found(machine: Machine, host: str) -> str | None:
    if machine.fronted:
        return None  # it depends on the connection: see lines.py
    servers = machine.servers
    if machine.plural:
        own = f"kube-apiserver/{host}"
        servers = tuple(sorted(servers, key=lambda name: name != own))
    # Where only requests arrive they are carried out; but who can have answers from another server goes there.
    for met in (reaches,) if machine.links is NO_LINKS else (talks, reaches):
        for server in servers:
            at = server.rpartition("/")[2]
            if met(machine, host, at) and _has_etcd(machine, at):
                return server
    return None


def _has_etcd(machine: Machine, at: str) -> bool:
    if machine.plural:
        return member_of(machine, at) is not None
    return bool(machine.etcd) and talks(machine, at, machine.etcd)
