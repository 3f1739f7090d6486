"""
Waiting: what waits for an API server though its own host is not cut off, and what that one waits for.

A host that is cut off can do nothing but wait, and who asked and is gone waits no more: neither keeps a cluster from
being at rest. But a kubelet whose heartbeat finds no API server, or a client without an answer, does; and where no API
server can work, so does everything, until somebody brings back what is missing.

Takes:    a cluster, or the machine that it is open in.
Gives:    how much waits; a sentence that says who waits for what.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.components import FROZEN
from reconcile.cluster.pending import Listing, Pending, Replied, Sent
from reconcile.components import etcd
from reconcile.driver.machine import Machine
from reconcile.driver.machine.network.reach import connected
from reconcile.model.hosts import Host

_NAMED: Final = 3


def held_up(cluster: Cluster) -> int:
    """Count what waits for an API server in *cluster*."""
    return len(_waiting(cluster.parked, partial(_is_there, cluster))) + len(cluster.asked)


def held_up_in(machine: Machine) -> int:
    """Count what waits for an API server in an open machine."""

    def is_there(process: str, life: int, host: str) -> bool:
        return connected(machine, host) and (not process or machine.alive(process, life) is not None)

    return len(_waiting(machine.parked, is_there)) + (len(machine.asked.table()) if machine.plural else 0)


def waiting_for(cluster: Cluster) -> str:
    """Say who waits for an API server, and why none can be reached; empty if nobody does."""
    if cluster.topology.front is not None and (said := _unconnected(cluster)):
        return said
    waiting = _waiting(cluster.parked, partial(_is_there, cluster))
    if not waiting:
        return f"{len(cluster.asked)} requests wait for members of etcd to agree" if cluster.asked else ""
    named = _called({item.process or "a client" for item in waiting})
    count = "1 request" if len(waiting) == 1 else f"{len(waiting)} requests"
    wait = "waits" if len(waiting) == 1 else "wait"
    return f"{count} of {named} {wait} for an API server that can be reached: {_why(cluster)}"


def _called(names: set[str]) -> str:
    who = sorted(names)
    return ", ".join(who[:_NAMED]) + (f" and {len(who) - _NAMED} more" if len(who) > _NAMED else "")


def _unconnected(cluster: Cluster) -> str:
    """Say who gets no answer over a connection, or is shown nothing yet, and why; empty if nobody waits."""
    state = cluster.states["network"]
    who = {client for client, pause in state.pauses.items() if pause.until > cluster.now}
    who |= {waiting.item.process or "a client" for waiting in state.waiting.values()}
    heard = {name for name in who if name == "a client" or _is_heard(cluster, name)}
    if not heard:
        return ""
    stale = sorted(state.stale)
    why = f"the cache of {', '.join(stale)} is held back" if stale else _why(cluster)
    return f"{_called(heard)} {_wait(tuple(heard))} for an API server: {why}"


def _is_heard(cluster: Cluster, name: str) -> bool:
    process = cluster.processes.get(name)
    return process is not None and (not process.host or cluster.hosts[process.host].connected)


def _is_there(cluster: Cluster, process: str, life: int, host: str) -> bool:
    alive = cluster.processes.get(process)
    return (not host or cluster.hosts[host].connected) and (not process or (alive is not None and alive.life == life))


def _waiting(parked: tuple[Pending, ...], is_there: Callable[[str, int, str], bool]) -> list[Sent | Replied | Listing]:
    waiting = [item for item in parked if isinstance(item, Sent | Replied | Listing)]
    return [item for item in waiting if is_there(item.process, item.life, _host(item))]


def _host(item: Sent | Replied | Listing) -> str:
    return item.process.rpartition("/")[2] if isinstance(item, Listing) else item.host


def _why(cluster: Cluster) -> str:
    """Say why no API server can be reached by those who wait."""
    if cluster.members:
        why = _no_leader(cluster)
        if why:
            return why
    elif not cluster.etcd:
        keepers = _ill(cluster, "etcd")
        servers = f"{', '.join(cluster.servers)} {_wait(cluster.servers)} for etcd: " if cluster.servers else ""
        return servers + (keepers or "no etcd has begun")
    if not cluster.servers:
        return _ill(cluster, "kube-apiserver") or "no API server has begun"
    cut = [name for name in _hosts_of(cluster, "kube-apiserver", "etcd") if not cluster.hosts[name].connected]
    if cut:
        return "; ".join([f"host {name}, with {_carried(cluster, name)}, is cut off" for name in cut])
    ways = [f"from {one} to {other}" for one, other in cluster.links.ways]
    lost = [*[f"between {one} and {other}" for one, other in cluster.cuts], *ways]
    return f"nothing goes {', '.join(lost)}" if lost else "what they ask is about to be sent again"


def _no_leader(cluster: Cluster) -> str:
    """Say why no member of etcd beside an API server knows a leader; empty if one does."""
    keepers = cluster.members.keys()
    running = [name for name in keepers if f"etcd/{name}" in cluster.states and not _is_paused(cluster, f"etcd/{name}")]
    if any(etcd.leader_of(cluster.states[f"etcd/{name}"]) for name in running):
        return ""
    cut = [f"host {name} is cut off" for name in running if not cluster.hosts[name].connected]
    ill = [each for each in (_ill(cluster, "etcd"), *cut) if each]
    return f"etcd has no leader, {len(running)} of its {len(keepers)} members run: {'; '.join(ill)}"


def _wait(names: tuple[str, ...]) -> str:
    return "waits" if len(names) == 1 else "wait"


def _ill(cluster: Cluster, kind: str) -> str:
    """Say why no process of this kind runs, of each host that carries one."""
    said = []
    for name in _hosts_of(cluster, kind):
        status = cluster.hosts[name]
        if not status.up:
            said.append(f"{kind}/{name} does not run, for host {name} is off")
        elif f"kubelet/{name}" not in cluster.processes:
            said.append(f"{kind}/{name} does not run, nor does kubelet/{name}, which would start it")
        elif _is_paused(cluster, f"{kind}/{name}"):
            said.append(f"{kind}/{name} is paused")
        elif f"{kind}/{name}" not in cluster.states:
            said.append(f"{kind}/{name} does not run")
    return "; ".join(said)


def _is_paused(cluster: Cluster, name: str) -> bool:
    process = cluster.processes.get(name)
    return process is not None and process.kind == FROZEN


def _hosts_of(cluster: Cluster, *kinds: str) -> list[str]:
    return [name for name, status in cluster.hosts.items() if any(kind in _carries(status.host) for kind in kinds)]


def _carried(cluster: Cluster, name: str) -> str:
    kinds = _carries(cluster.hosts[name].host)
    return " and ".join([kind for kind in ("etcd", "kube-apiserver") if kind in kinds])


def _carries(host: Host) -> tuple[str, ...]:
    """Give the names of the static pods that are on a host's disk: those of the control plane are their processes'."""
    return tuple([pod.metadata.name for pod in host.manifests])
