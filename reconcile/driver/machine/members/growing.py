"""
Growing: a cluster whose etcd has one member becomes one in which members agree, so that it can have others.

Takes:    a machine.
Gives:    whether there is a member, with a disk of its own, to which others can be added.
Source:   etcd: a lone member is a cluster of one, which agrees with itself.
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.cluster.cluster import Keeping, Process
from reconcile.components import etcd, world
from reconcile.components.etcd import raft
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.processes import reach_changed, tell
from reconcile.events import Started


def grow(machine: Machine) -> None:
    """Let the lone member lead a cluster of one; nothing if it does not run."""
    keeper = machine.processes.get(f"etcd/{machine.etcd}") if machine.etcd else None
    if keeper is None:
        return
    disk = raft.founded((keeper.host,), machine.store.closed())
    part(machine, {keeper.host: Keeping(disk)})
    machine.states.set(keeper.name, _begun(machine, keeper, disk))
    now = machine.now + keeper.skew
    tell(machine, keeper, Started(now))
    # Nobody else has a vote, so there is nothing to wait for.
    tell(machine, keeper, etcd.Heard(now, raft.TimeoutNow(keeper.host, keeper.host, disk.term)))
    reach_changed(machine)


def part(machine: Machine, disks: dict[str, Keeping]) -> None:
    """Let members have disks of their own from now on, whether they run or not."""
    for host, keeping in disks.items():
        machine.members.set(host, keeping)
    machine.plural = machine.apart = True
    machine.etcd, machine.front = "", 0


def _begun(machine: Machine, keeper: Process, disk: raft.Disk) -> etcd.State | etcd.Member:
    options = world.options(machine.states.get(f"runtime/{keeper.host}"), keeper.kind)
    return etcd.begin(keeper.host, disk, machine.dice(keeper.name).named(str(keeper.life)), options)
