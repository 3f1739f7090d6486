"""Parcels: what applications send to each other, as it arrives."""

from __future__ import annotations

from reconcile.cluster.pending import Parcel
from reconcile.components import world
from reconcile.components.applications import Failed, Received, Returned
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import reaches, talks
from reconcile.driver.machine.processes import tell


def arrived(machine: Machine, item: Parcel) -> bool:
    """Hand a parcel over: to who listens where it goes, or to whom it comes back; it may be lost, or go nowhere."""
    if item.back:
        asker = machine.alive(item.address, item.port)
        if asker is None or machine.states.get(asker.name) is None or not reaches(machine, item.host, asker.host):
            return False
        tell(machine, asker, Returned(machine.now + asker.skew, item.tag, item.body))
        return True
    if item.problem:
        return _failed(machine, item, item.problem)
    name = machine.programs.listeners.get(f"{item.address}:{item.port}")
    process = None if name is None else machine.processes.get(name)
    if process is None:
        if _is_refused(machine, item):
            return _failed(machine, item, f"dial tcp {item.address}:{item.port}: connect: connection refused")
        return False
    if not reaches(machine, item.host, process.host):
        return False
    connection = (item.process, item.life, item.tag)
    tell(machine, process, Received(machine.now + process.skew, item.source, item.port, item.body, connection))
    return True


def _failed(machine: Machine, item: Parcel, why: str) -> bool:
    process = machine.alive(item.process, item.life)
    if process is None:
        return False
    tell(machine, process, Failed(machine.now + process.skew, item.tag, why))
    return True


def _is_refused(machine: Machine, item: Parcel) -> bool:
    """Tell whether somebody is at an address, who says that nobody listens; where nobody is, all is silent."""
    for name, status in machine.hosts.table().items():
        if status.up and talks(machine, item.host, name):
            runtime = machine.states.get(f"runtime/{name}")
            if runtime is not None and world.has_address(runtime, item.address):
                return True
    return False
