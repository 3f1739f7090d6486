"""
Members of etcd, as a scenario's words.

Takes:    words of a command; a Cluster.
Gives:    the event, or the move, that they mean; the lines that list the members.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.cluster.cluster import Cluster
from reconcile.driver.operating.members import member_list
from reconcile.driver.script import membership
from reconcile.events import MemberFault, Upkeep
from reconcile.testing.moves import Replace


def ordered(words: list[str]) -> MemberFault | Upkeep | Replace:
    """Give what is to be done; ReconcileError if the words mean nothing."""
    match words:
        case ["replace", host]:
            return Replace(host)
        case _:
            return membership.ordered(words)


def listed(cluster: Cluster) -> Iterator[str]:
    """List the members of etcd, a line each, and how full it is if anybody counts."""
    space = cluster.store.space
    if space is not None:
        alarm = ", alarm NOSPACE" if space.alarm else ""
        yield f"{space.used} bytes used of {space.file}, quota {space.quota}{alarm}"
    for each in member_list(cluster):
        where = f"{each.host}  {each.part}  {each.role}"
        if each.role == "down":
            yield where
        else:
            yield f"{where}  follows {each.leader or 'nobody'}  term {each.term}  revision {each.revision}"
