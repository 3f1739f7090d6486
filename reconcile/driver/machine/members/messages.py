"""Messages and writes of etcd's members, as they arrive."""

from __future__ import annotations

from typing import Final

from reconcile.cluster.cluster import Process
from reconcile.cluster.components import FROZEN
from reconcile.cluster.pending import Posted, Syncing
from reconcile.components import etcd
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.members.members import rouse
from reconcile.driver.machine.network.reach import reaches
from reconcile.driver.machine.processes import tell
from reconcile.lib.replacing import replace

_QUEUE: Final = 4096  # Source: etcd's rafthttp: what waits for a peer that takes nothing in; what comes then is dropped


def heard(machine: Machine, item: Posted) -> bool:
    """Hand a message over to the member that it is for; it is lost if it cannot reach it, or too many wait."""
    process = machine.alive(item.process, item.life)
    if process is None or not reaches(machine, item.message.sender, process.host):
        return False
    if process.kind == FROZEN and len(machine.states.get(process.name).waits) >= _QUEUE:
        return False
    tell(machine, process, etcd.Heard(machine.now + process.skew, item.message))
    return True


def rouse_members(machine: Machine) -> None:
    """Let the members' timers run, for something is about to happen."""
    if machine.calm:
        rouse(machine, tell)


def synced(machine: Machine, item: Syncing) -> bool:
    """Let a member's oldest write be on its disk."""
    process = machine.alive(item.process, item.life)
    if process is None:
        return False
    keeping = machine.members.get(process.host)
    assert keeping is not None, "a member's host keeps its disk"
    if not keeping.writing:
        return False
    order, *left = keeping.writing
    disk = etcd.raft.written(keeping.disk, order)
    machine.members.set(process.host, replace(keeping, disk=disk, writing=tuple(left)))
    tell(machine, process, etcd.Synced(machine.now + process.skew, order.number))
    return True


def write_all(machine: Machine, process: Process) -> None:
    """Let all that waits for a slow disk be on it: one flush brings it there."""
    keeping = machine.members.get(process.host)
    assert keeping is not None, "a member's host keeps its disk"
    disk, last = keeping.disk, 0
    for order in keeping.writing:
        disk, last = etcd.raft.written(disk, order), order.number
    machine.members.set(process.host, replace(keeping, disk=disk, writing=()))
    if last:
        tell(machine, process, etcd.Synced(machine.now + process.skew, last))
