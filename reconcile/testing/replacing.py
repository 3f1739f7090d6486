"""
Replacing: a member of etcd whose disk is gone gets a new one, as the documentation says.

It is removed, comes back as a learner with nothing, is brought to what the others have, and is promoted. Only where all
others are well: a member that forgot what it has voted and written, and is still counted, loses writes that were
acknowledged.

Takes:    a machine, and how to let an event happen and time go by in it.
Gives:    whether the member is, or all are, voters that run again.
Source:   https://etcd.io/docs/v3.6/op-guide/runtime-configuration/#replace-a-failed-machine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.driver.machine import Machine
from reconcile.driver.operating.members import member_list
from reconcile.events import ChangeMember, Fault, LoseDisk, StartHost, StopHost
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration

_TRIES: Final = 24
_TRY_AGAIN: Final = 5 * SECOND


@attrs.frozen
class Operator:
    """
    Who does things to members of etcd, one after the other.

    Args:
        machine: the cluster.
        happen: lets an event happen in it; ReconcileError if it cannot.
        wait: lets time go by in it.
    """

    machine: Machine
    happen: Callable[[Fault], None]
    wait: Callable[[Duration], None]

    def replace(self, host: str) -> bool:
        """Let a member's disk be lost, and replace it; false, and nothing happens, where not all members are well."""
        if not _are_well(self.machine.closed()) or host not in self.machine.closed().members:
            return False
        self.happen(StopHost(host))
        self.happen(LoseDisk(host))
        return self._change("remove", host, "none") and self.readmit()

    def readmit(self) -> bool:
        """Let those that were removed come back, and promote who learns."""
        done = True
        for member in member_list(self.machine.closed()):
            if member.part == "none":
                done &= self._change("learner", member.host, "learner")
                if not self.machine.closed().hosts[member.host].up:
                    self.happen(StartHost(member.host))
            if member.part != "voter":
                done &= self._change("promote", member.host, "voter")
        return done

    def _change(self, kind: Literal["remove", "learner", "promote"], host: str, wanted: str) -> bool:
        """Ask for a change until it is made."""
        for _ in range(_TRIES):
            with suppress(ReconcileError):  # there may be no leader, or the learner may be far behind
                self.happen(ChangeMember(kind, host))
            self.wait(_TRY_AGAIN)
            if _part(self.machine.closed(), host) == wanted:
                return True
        return False


def _part(cluster: Cluster, host: str) -> str:
    return next(member.part for member in member_list(cluster) if member.host == host)


def _are_well(cluster: Cluster) -> bool:
    """Tell whether several members run, are voters, and reach each other."""
    members = member_list(cluster)
    hosts = [cluster.hosts[member.host] for member in members]
    disks = [cluster.members[member.host] for member in members]
    return (
        len(members) > 2  # noqa: PLR2004 -- of two, the other alone is no quorum
        and all(member.part == "voter" and member.role != "down" for member in members)
        and all(host.up and host.connected for host in hosts)
        and not any(disk.full or disk.delay for disk in disks)
        and not cluster.cuts
        and not (cluster.links.ways or cluster.links.paces)
    )
