"""Disks: what a kubelet leaves on its host when it ends, for the next one."""

from __future__ import annotations

import attrs

from reconcile.cluster.cluster import Process
from reconcile.components import frozen, kubelet
from reconcile.driver.machine.machine import Machine


def keep_disk(machine: Machine, process: Process) -> None:
    """Keep what is on the disk of a process that ends, if it is a kubelet; also of one that is paused."""
    state = machine.states.get(process.name)
    if isinstance(state, frozen.State):
        state = state.state
    if isinstance(state, kubelet.State):
        status, kept = machine.host(process.host), kubelet.kept(state)
        if kept != status.kept:
            machine.hosts.set(process.host, attrs.evolve(status, kept=kept))
