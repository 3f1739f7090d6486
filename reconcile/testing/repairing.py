"""
Repairing: what makes a cluster whole again, event by event.

Takes:    a machine.
Gives:    events; each is to happen before the next one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.cluster.components import FROZEN
from reconcile.cluster.links import Pace, links_at_first
from reconcile.driver.machine import Machine
from reconcile.driver.machine.network.lines import network_of
from reconcile.events import (
    CutLink,
    DriftClock,
    Fault,
    FillDisk,
    MendLink,
    Reconnect,
    ReleaseCache,
    ReleaseWatch,
    SetClock,
    SlowDisk,
    SlowLink,
    StartHost,
    StartProcess,
    Thaw,
)


def repairs(machine: Machine) -> Iterator[Fault]:
    """Set clocks, disks and links right, start and connect what is not, release what is held, thaw what is frozen."""
    yield from _clocks(machine)
    yield from _disks(machine)
    for running in machine.closed().processes.values():
        if running.kind == FROZEN:
            yield Thaw(running.name)
    for (process, watch), cursor in machine.closed().cursors.items():
        if cursor.held:
            yield ReleaseWatch(process, watch)
    if machine.fronted:
        for server in network_of(machine).stale:
            yield ReleaseCache(server)
    yield from _links(machine)
    for name, status in machine.closed().hosts.items():
        if not status.connected:
            yield Reconnect(name)
        if not status.up:
            yield StartHost(name)
        elif machine.processes.get(f"kubelet/{name}") is None:
            yield StartProcess(f"kubelet/{name}")


def _links(machine: Machine) -> Iterator[Fault]:
    """Let links be as they were at first."""
    cuts, first = links_at_first(machine.cluster.topology.links)
    cut = [*[(way, False) for way in cuts], *[(way, True) for way in first.ways]]
    for one, other in (*machine.cuts, *machine.links.ways):
        if ((one, other), (one, other) in machine.links.ways) not in cut:
            yield MendLink(one, other)
    now = machine.closed()
    for (one, other), one_way in cut:
        if (one, other) not in (now.links.ways if one_way else now.cuts):
            yield CutLink(one, other, one_way)
    for one, other in {**dict(machine.links.paces.items()), **dict(first.paces.items())}:
        pace = first.paces.get((one, other), Pace())
        if machine.links.paces.get((one, other), Pace()) != pace:
            yield SlowLink(one, other, pace.delay, pace.jitter, pace.loss, one_way=True)


def _clocks(machine: Machine) -> Iterator[Fault]:
    """Let clocks go as they did at first; one that drifted then shows what it came to."""
    cluster = machine.closed()
    for first in cluster.topology.machines():
        host = cluster.hosts[first.name].host
        if host.clock_drift != first.clock_drift:
            yield DriftClock(first.name, first.clock_drift)
        if not first.clock_drift and machine.closed().hosts[first.name].host.clock_skew != first.clock_skew:
            yield SetClock(first.name, first.clock_skew)


def _disks(machine: Machine) -> Iterator[Fault]:
    """Let disks of etcd's members be as quick as at first, and have room."""
    for host, keeping in machine.closed().members.items():
        if keeping.delay:
            yield SlowDisk(host, 0)
        if keeping.full:
            yield FillDisk(host, full=False)
