"""
Choices: what a cluster offers to do next, in a canonical order.

Source: stateright's actions; the interleavings that Kamera and Sieve look for are all among these.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.links import LINKS
from reconcile.cluster.pending import Decided, Message, Parcel, Posted, Replied, Sent, Starting, Syncing, Turning
from reconcile.components import network
from reconcile.driver.machine.network.reach import is_cut, ready_member
from reconcile.events import Advance, Begin, Carry, Choice, Deliver, Execute, Fire, Return, Work


def choices(cluster: Cluster) -> tuple[Choice, ...]:
    """
    List everything that could happen next.

    What is under way comes first, by number (of messages on one connection, only the first), then the turns that are
    waited for, then one change for each watch that lags, then the timers that are due, and last that time moves on to
    the next timer. What is out of reach, or meant for a process that has not begun or lives no more, is not offered.
    """
    known: dict[str, bool] = {}

    def reached(host: str) -> bool:
        if host not in known:
            known[host] = reachable(cluster, host)
        return known[host]

    found = [*_under_way(cluster, reached), *_lagging(cluster, reached)]
    due, ahead = cluster.timers.due(cluster.now)
    for timer in due:
        name, life, key = timer.key
        process = cluster.processes.get(name)
        if name == LINKS or (process is not None and process.life == life):
            found.append(Fire(name, key))
    return tuple(found) if ahead is None else (*found, Advance(ahead.at))


def _under_way(cluster: Cluster, reached: Callable[[str], bool]) -> list[Choice]:
    found: list[Choice] = []
    fronted = cluster.topology.front is not None  # whoever calls in vain is told so
    lines: set[tuple[str, str]] = set()
    for serial, item in cluster.pending.items():
        match item:
            case Sent() if fronted or reached(item.host):
                found.append(Execute(serial))
            case Replied() if not item.process or (
                _lives(cluster, item) and (fronted or _answered(cluster, item.host))
            ):
                found.append(Return(serial))
            case Posted() | Syncing() | Decided() if _lives(cluster, item):
                found.append(Carry(serial))
            case Message() if (line := (item.process, _about(item))) not in lines and _hears(cluster, item):
                lines.add(line)
                found.append(Carry(serial))
            case Parcel() if (line := (item.process, f"{item.address}:{item.port}")) not in lines:
                lines.add(line)
                found.append(Carry(serial))
            case Starting() if _lives(cluster, item):
                found.append(Begin(item.process))
            case _:
                pass  # out of reach, too early, too late, second on its line, or a ticket of a watch (see _lagging)
    for turn in cluster.turns.values():
        if (line := (turn.process, turn.queue)) not in lines and _lives(cluster, turn):
            lines.add(line)
            found.append(Work(*line))
    return found


def _about(item: Message) -> str:
    """Give the uid of the pod that a message is about; empty if it is of the host."""
    return getattr(item.body, "uid", "")


def _lagging(cluster: Cluster, reached: Callable[[str], bool]) -> list[Choice]:
    def shown(name: str) -> bool:
        if cluster.topology.front is not None:
            return _shows(cluster, name)
        host = cluster.processes[name].host
        return reached(host) and (not cluster.links.ways or _is_shown(cluster, host))

    found: list[Choice] = []
    ends: dict[str, int] = {}
    for (name, watch), cursor in cluster.cursors.items():
        end = ends.get(cursor.channel)
        if end is None:
            end = ends[cursor.channel] = cluster.store.history(cursor.channel).end
        known = cluster.links.marks.get((name, watch), -1) if cluster.links.marks else -1
        if cursor.position != end and not cursor.held and known < end and shown(name):
            found.append(Deliver(name, watch, 0 if cursor.position < 0 else 1))
    return found


def _shows(cluster: Cluster, name: str) -> bool:
    """Tell whether an API server shows things to a process over its connection, or it has yet to connect."""
    state = cluster.states["network"]
    line = state.lines.get(name, None)
    if network.pauses(state, name, cluster.now):
        return False
    return cluster.processes[name].kind != "watch" if line is None else not line.silent


def _lives(cluster: Cluster, item: Starting | Turning | Message | Replied | Posted | Syncing | Decided) -> bool:
    """Tell whether the process that is meant runs, in the life that is meant."""
    process = cluster.processes.get(item.process)
    return process is not None and process.life == item.life


def _hears(cluster: Cluster, item: Message) -> bool:
    """Tell whether the process that is meant has begun, so that there is someone to connect to."""
    return _lives(cluster, item) and item.process in cluster.states


def _answered(cluster: Cluster, host: str) -> bool:
    if not _networked(cluster, host) and f"kube-apiserver/{host}" not in cluster.servers:
        return False
    at = _server(cluster, host) if cluster.links.ways else None
    return at is None or _carried(cluster, at, host)


def _networked(cluster: Cluster, host: str) -> bool:
    return not host or cluster.hosts[host].connected


def reachable(cluster: Cluster, host: str) -> bool:
    """Tell whether *host* (empty: a client outside) can reach an API server that can reach etcd."""
    return _server(cluster, host) is not None


def _is_shown(cluster: Cluster, host: str) -> bool:
    """Tell whether an API server that *host* talks to can show it anything: without a balancer."""
    at = _server(cluster, host)
    return at is not None and (not cluster.links.ways or _talk(cluster, host, at))


def _server(cluster: Cluster, host: str) -> str | None:
    """Name the host of the API server that *host* talks to, as `machine.reach` finds it."""
    ats = [server.rpartition("/")[2] for server in cluster.servers]
    if cluster.members:
        ats.sort(key=lambda at: at != host)
    for met in (_talk, _carried) if cluster.links.ways else (_carried,):
        for at in ats:
            if met(cluster, host, at) and _has_etcd(cluster, at):
                return at
    return None


def _has_etcd(cluster: Cluster, at: str) -> bool:
    if cluster.members:
        return ready_member(cluster.members.keys(), cluster.states.get, partial(_talk, cluster, at), at) is not None
    return bool(cluster.etcd) and _talk(cluster, at, cluster.etcd)


def _carried(cluster: Cluster, one: str, other: str) -> bool:
    if one == other:
        return True
    cut = is_cut(cluster.cuts, one, other) or (one, other) in cluster.links.ways
    return not cut and _networked(cluster, one) and _networked(cluster, other)


def _talk(cluster: Cluster, one: str, other: str) -> bool:
    return _carried(cluster, one, other) and _carried(cluster, other, one)
