"""
Members of etcd, as a scenario's words.

Takes:    words of a command; a Cluster.
Gives:    the event that they mean; the lines that list the members.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.cluster.cluster import Cluster
from reconcile.driver.operations import member_list
from reconcile.events import (
    ChangeMember,
    ForceNewCluster,
    LoseDisk,
    MemberFault,
    MoveLeader,
    RestoreSnapshot,
    SaveSnapshot,
    SlowDisk,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration


def ordered(words: list[str]) -> MemberFault:
    """Give what is to be done; ReconcileError if the words mean nothing."""
    match words:
        case ["add" | "learner" | "promote" | "remove" as kind, host]:
            return ChangeMember(kind, host)
        case ["move", host]:
            return MoveLeader(host)
        case ["lose", host]:
            return LoseDisk(host)
        case ["lose", host, entries] if entries.isdecimal():
            return LoseDisk(host, int(entries))
        case ["force", host]:
            return ForceNewCluster(host)
        case ["save", host, name]:
            return SaveSnapshot(name, host)
        case ["restore", name, *hosts] if hosts:
            return RestoreSnapshot(name, tuple(hosts))
        case ["slow", host, delay]:
            return SlowDisk(host, parse_duration(delay))
        case _:
            raise ReconcileError(f"member {' '.join(words)!r} is nothing that can be done to a member of etcd")


def listed(cluster: Cluster) -> Iterator[str]:
    """List the members of etcd, a line each."""
    for each in member_list(cluster):
        where = f"{each.host}  {each.part}  {each.role}"
        if each.role == "down":
            yield where
        else:
            yield f"{where}  follows {each.leader or 'nobody'}  term {each.term}  revision {each.revision}"
