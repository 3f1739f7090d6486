"""
Freezing: a process is paused, and goes on later with all that came for it meanwhile.

An API server and a member of etcd are asked, so others notice at once that they say nothing; a member counts ticks, and
has none while it is paused.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Process
from reconcile.cluster.components import FROZEN
from reconcile.components import etcd, frozen, recorder
from reconcile.driver.machine.hosts.heartbeats import hold, lapse
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.members.members import TIMER, set_timers
from reconcile.driver.machine.members.messages import rouse_members
from reconcile.driver.machine.network.lines import be_patient, network_of, patient_no_more, taken
from reconcile.driver.machine.network.reach import unpark
from reconcile.driver.machine.processes import hear_election, reach_changed, take_up, tell
from reconcile.driver.machine.requests.calls import hear_webhook
from reconcile.driver.machine.requests.webhooks import waits_for
from reconcile.driver.machine.watching.caches import cache_of, wake_cache
from reconcile.lib.errors import ReconcileError
from reconcile.lib.replacing import replace
from reconcile.store import OpenStore

_NONE: Final = ("runtime", "watch", "network")  # what is no process of its own


def freeze_process(machine: Machine, process: Process) -> None:
    """
    Pause a process.

    Raises:
        ReconcileError: it cannot be paused, or is, or has not begun.
    """
    if process.kind in _NONE:
        raise ReconcileError(f"{process.name} cannot be frozen: it is no process of its own")
    if process.kind == FROZEN:
        raise ReconcileError(f"{process.name} is frozen already")
    if machine.states.get(process.name) is None:
        raise ReconcileError(f"{process.name} has not begun")
    state = machine.states.get(process.name)
    if isinstance(state, etcd.Member):
        rouse_members(machine)
        state = machine.states.get(process.name)
        machine.timers.cancel((process.name, process.life, TIMER))
        state = etcd.moved(state, -machine.now)
        if machine.fronted:
            be_patient(machine, process.host)
    machine.states.set(process.name, frozen.State(kind=process.kind, state=state, waits=_kept(machine, process)))
    machine.processes.set(process.name, attrs.evolve(process, kind=FROZEN))
    if process.kind == "kube-apiserver":
        machine.servers = tuple([server for server in machine.servers if server != process.name])
    elif process.kind == "etcd" and not machine.plural:
        machine.etcd = ""
    elif process.kind == "kubelet" and not machine.cluster.topology.heartbeats:
        lapse(machine, process)
    _noticed(machine, process)


def _kept(machine: Machine, process: Process) -> tuple[tuple[frozen.Part, Any], ...]:
    """Give what an API server's watch cache has as it is paused, unless somebody holds that back."""
    if process.kind != "kube-apiserver" or not machine.fronted or process.name in network_of(machine).stale:
        return ()
    cache = cache_of(machine, process.name)
    assert isinstance(cache, OpenStore), "it is a store of the machine's, or a member's"
    return (("cache", cache.closed()),)


def _noticed(machine: Machine, process: Process) -> None:
    """Let others notice that an API server or a member of etcd says nothing, or speaks again."""
    if process.kind in ("etcd", "kube-apiserver"):
        reach_changed(machine)
    if process.kind == "etcd" and machine.plural:
        set_timers(machine)


def thaw_process(machine: Machine, process: Process) -> None:
    """
    Let a process that is paused go on: it hears what came for it, in order, as of now.

    Raises:
        ReconcileError: it is not paused.
    """
    paused = machine.states.get(process.name)
    if process.kind != FROZEN or not isinstance(paused, frozen.State):
        raise ReconcileError(f"{process.name} is not frozen")
    if isinstance(paused.state, etcd.Member):
        rouse_members(machine)
    going = attrs.evolve(process, kind=paused.kind)
    machine.states.set(process.name, _caught_up(machine, paused.state))
    machine.processes.set(process.name, going)
    if going.kind == "kube-apiserver":
        machine.servers = (*machine.servers, process.name)
    elif going.kind == "etcd" and not machine.plural:
        machine.etcd = process.host
    elif going.kind == "kubelet" and not machine.cluster.topology.heartbeats:
        hold(machine, going)
    for part, event in paused.waits:
        alive = machine.alive(process.name, process.life)
        if alive is None:
            return  # it has ended by what it heard
        _hear(machine, alive, part, event)
    _noticed(machine, going)
    if machine.servers and going.kind in ("etcd", "kube-apiserver"):
        unpark(machine)


def _caught_up(machine: Machine, state: Any) -> Any:
    if not isinstance(state, etcd.Member):
        return state
    if machine.fronted:
        for asked in machine.asked.table().values():
            if asked.member == state.name:
                patient_no_more(machine, asked.item)
    return etcd.moved(state, machine.now)


def _hear(machine: Machine, process: Process, part: frozen.Part, what: Any) -> None:
    """Let a process that goes on hear what has come for it."""
    match part:
        case "call":
            waiting = taken(machine, what)
            if waiting is not None:  # whoever called has not given up
                machine.push(waiting.item)
        case "cache":
            wake_cache(machine, process.name, what)
        case "member":
            machine.push(what)
        case "webhook":
            if waits_for(machine, what.call):  # and not both its answer and the end of the wait
                hear_webhook(machine, what)
        case "election":
            hear_election(machine, process, _now(machine, process, what))
        case "recorder":
            state, calls = recorder.answered(machine.recorders.get(process.name), _now(machine, process, what))
            machine.recorders.set(process.name, state)
            take_up(machine, process, calls)
        case "self":
            tell(machine, process, _now(machine, process, what))


def _now(machine: Machine, process: Process, event: Any) -> Any:
    return replace(event, now=machine.now + process.skew)
