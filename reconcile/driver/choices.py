"""
Choices: what a cluster offers to do next, in a canonical order.

Source: stateright's actions; the interleavings that Kamera and Sieve look for are all among these.
"""

from __future__ import annotations

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.pending import Message, Replied, Sent, Starting
from reconcile.events import Advance, Begin, Carry, Choice, Deliver, Execute, Fire, Return, Work


def choices(cluster: Cluster) -> tuple[Choice, ...]:
    """
    List everything that could happen next.

    What is under way comes first, by number (of messages on one connection, only the first), then one change for each
    watch that lags, then the timers that are due, and last that time moves on to the next timer.
    """
    found = [*_under_way(cluster), *_lagging(cluster)]
    ahead: int | None = None
    for timer in cluster.timers:
        if timer.at > cluster.now:
            ahead = timer.at
            break
        name, life, key = timer.key
        process = cluster.processes.get(name)
        if process is not None and process.life == life:
            found.append(Fire(name, key))
    return tuple(found) if ahead is None else (*found, Advance(ahead))


def _under_way(cluster: Cluster) -> list[Choice]:
    found: list[Choice] = []
    lines: set[tuple[str, str]] = set()
    for serial, item in cluster.pending.items():
        match item:
            case Sent() if reachable(cluster, item.host):
                found.append(Execute(serial))
            case Replied():
                found.append(Return(serial))
            case Message() if (line := (item.process, item.body.uid)) not in lines:
                lines.add(line)
                found.append(Carry(serial))
            case Starting():
                found.append(Begin(item.process))
            case _:
                pass  # out of reach, second on its line, or a ticket for a watch that is offered by its lag
    for turn in cluster.turns.values():
        if (line := (turn.process, turn.queue)) not in lines:
            lines.add(line)
            found.append(Work(*line))
    return found


def _lagging(cluster: Cluster) -> list[Choice]:
    found: list[Choice] = []
    for (name, watch), cursor in cluster.cursors.items():
        if cluster.lag(name, watch) and reachable(cluster, cluster.processes[name].host):
            found.append(Deliver(name, watch, 0 if cursor.position < 0 else 1))
    return found


def reachable(cluster: Cluster, host: str) -> bool:
    """Tell whether *host* (empty: a client outside) can reach an API server that can reach etcd."""
    if not cluster.etcd:
        return False

    def connected(one: str, other: str) -> bool:
        return one == other or all(not name or cluster.hosts[name].connected for name in (one, other))

    ats = [server.rpartition("/")[2] for server in cluster.servers]
    return any(connected(host, at) and connected(at, cluster.etcd) for at in ats)
