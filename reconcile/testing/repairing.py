"""
Repairing: what makes a cluster whole again, event by event.

Takes:    a machine.
Gives:    events; each is to happen before the next one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.cluster.components import FROZEN
from reconcile.driver.machine import Machine
from reconcile.driver.machine.lines import network_of
from reconcile.events import (
    Fault,
    MendLink,
    Reconnect,
    ReleaseCache,
    ReleaseWatch,
    SlowLink,
    StartHost,
    StartProcess,
    Thaw,
)


def repairs(machine: Machine) -> Iterator[Fault]:
    """Start and connect what is not; let catch up what is held back; thaw what is frozen."""
    for running in machine.closed().processes.values():
        if running.kind == FROZEN:
            yield Thaw(running.name)
    for (process, watch), cursor in machine.closed().cursors.items():
        if cursor.held:
            yield ReleaseWatch(process, watch)
    if machine.fronted:
        for server in network_of(machine).stale:
            yield ReleaseCache(server)
    for one, other in (*machine.cuts, *machine.links.ways):
        yield MendLink(one, other)
    for one, other in machine.links.paces:
        yield SlowLink(one, other, one_way=True)
    for name, status in machine.closed().hosts.items():
        if not status.connected:
            yield Reconnect(name)
        if not status.up:
            yield StartHost(name)
        elif machine.processes.get(f"kubelet/{name}") is None:
            yield StartProcess(f"kubelet/{name}")
