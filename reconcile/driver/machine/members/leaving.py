"""
Leaving: a member that was removed is told so by each that knows it and that it reaches, and ends.

Takes:    a machine.
Gives:    nothing: messages to such members are under way.
Source:   etcd's rafthttp: a member's streams to others are answered 410, `removed member`, as soon as they know.
Left out: docs/limits.md, "etcd".
"""

from __future__ import annotations

from typing import Any

from reconcile.cluster.pending import Posted
from reconcile.components import etcd
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import member_at, talks


def turn_away(machine: Machine) -> None:
    """Let members that were removed, and reach one that knows, be told so; some may be told twice."""
    found = [member_at(machine, host) for host in machine.members.table()]
    running = [state for state in found if state is not None and state.raft is not None]
    for member in running:
        who = next((other for other in running if _turns_away(machine, other, member)), None)
        process = machine.processes.get(f"etcd/{member.name}")
        if who is not None and process is not None:
            gone = etcd.Gone(who.name, member.name, who.raft.term)
            machine.push(Posted(process.name, process.life, gone))


def _turns_away(machine: Machine, one: Any, other: Any) -> bool:
    """Tell whether *one* knows *other* to be removed: it has applied more, or by its id, if another was added since."""
    keeping = machine.members.get(other.name)
    if keeping is not None and keeping.stale:
        gone = one is not other
    else:
        further = one.raft.applied > other.raft.applied and other.name in other.raft.membership.everyone
        gone = further and other.name not in one.raft.membership.everyone
    return gone and talks(machine, one.name, other.name)
