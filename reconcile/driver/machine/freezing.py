"""Freezing: a process is paused, and goes on later with all that came for it meanwhile."""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.cluster.cluster import Process
from reconcile.cluster.components import FROZEN
from reconcile.components import frozen, recorder
from reconcile.driver.machine.heartbeats import hold, lapse
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.processes import hear_election, take_up, tell
from reconcile.lib.errors import ReconcileError
from reconcile.lib.replacing import replace

_ASKED: Final = ("etcd", "kube-apiserver", "runtime", "watch", "network")  # what others ask is no process that hears


def freeze_process(machine: Machine, process: Process) -> None:
    """
    Pause a process.

    Raises:
        ReconcileError: it cannot be paused, or is, or has not begun.
    """
    if process.kind in _ASKED:
        raise ReconcileError(f"{process.name} cannot be frozen: it answers, it does not listen")
    if process.kind == FROZEN:
        raise ReconcileError(f"{process.name} is frozen already")
    state = machine.states.get(process.name)
    if state is None:
        raise ReconcileError(f"{process.name} has not begun")
    machine.states.set(process.name, frozen.State(kind=process.kind, state=state))
    machine.processes.set(process.name, attrs.evolve(process, kind=FROZEN))
    if process.kind == "kubelet" and not machine.cluster.topology.heartbeats:
        lapse(machine, process)


def thaw_process(machine: Machine, process: Process) -> None:
    """
    Let a process that is paused go on: it hears what came for it, in order, as of now.

    Raises:
        ReconcileError: it is not paused.
    """
    paused = machine.states.get(process.name)
    if process.kind != FROZEN or not isinstance(paused, frozen.State):
        raise ReconcileError(f"{process.name} is not frozen")
    going = attrs.evolve(process, kind=paused.kind)
    machine.states.set(process.name, paused.state)
    machine.processes.set(process.name, going)
    if going.kind == "kubelet" and not machine.cluster.topology.heartbeats:
        hold(machine, going)
    for part, event in paused.waits:
        alive = machine.alive(process.name, process.life)
        if alive is None:
            return  # it has ended by what it heard
        later = replace(event, now=machine.now + alive.skew)
        if part == "election":
            hear_election(machine, alive, later)
        elif part == "recorder":
            state, calls = recorder.answered(machine.recorders.get(alive.name), later)
            machine.recorders.set(alive.name, state)
            take_up(machine, alive, calls)
        else:
            tell(machine, alive, later)
