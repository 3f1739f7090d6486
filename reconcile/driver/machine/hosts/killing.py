"""Killing: containers and sandboxes of a simulated host that end though nobody ordered it."""

from __future__ import annotations

from reconcile.cluster.cluster import Process
from reconcile.components import world
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.processes import take_up


def kill_container(machine: Machine, runtime: Process, uid: str, name: str) -> None:
    """Let a container that is no process of the simulation end by SIGKILL."""
    state, effects = world.killed(machine.states.get(runtime.name), uid, name, machine.now)
    machine.states.set(runtime.name, state)
    take_up(machine, runtime, effects)


def lose_sandbox(machine: Machine, runtime: Process, uid: str) -> bool:
    """Let a pod's sandbox go away by itself; tell whether there was one."""
    lost = world.lost(machine.states.get(runtime.name), uid)
    if lost is None:
        return False
    machine.states.set(runtime.name, lost[0])
    take_up(machine, runtime, lost[1])
    return True
