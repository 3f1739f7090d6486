"""
Clocks of hosts: they jump, drift, and are brought back, at once or little by little.

A clock that drifts is brought up to what it shows once a second, and whenever a timer of one of its processes comes;
these timers go by the same crystal, so they come sooner or later by as much. A jump moves no timer: Go's timers go by a
clock that never jumps.

Takes:    SetClock, DriftClock; the second's timer of a host whose clock drifts.
Source:   clock_gettime(2): CLOCK_REALTIME and CLOCK_MONOTONIC, which adjtime(3) slews both; chrony's documentation.
Left out: see docs/limits.md, "Step, choices, log".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.cluster.cluster import CLOCK, Drifting, HostStatus, Process, Stretch, clock_of
from reconcile.cluster.components import COMPONENTS
from reconcile.cluster.topology import is_written
from reconcile.components import world
from reconcile.driver.machine.machine import Machine
from reconcile.events import DriftClock, SetClock
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.model.hosts import FASTEST, SLOWEST

__all__ = ["CLOCK", "brought_up", "due_at", "tick", "turn_clock"]

_MILLION: Final = 1_000_000
_KEPT: Final = 64  # changes of a clock; nobody asks how it was before them


def turn_clock(machine: Machine, event: SetClock | DriftClock) -> None:
    """
    Let a host's clock jump, or go wrong.

    Raises:
        ReconcileError: there is no such host, or its clock cannot be so.
    """
    match event:
        case SetClock(host, ahead):
            _jump(machine, host, ahead)
        case DriftClock(host, rate, until):
            _drift(machine, host, rate, until)


def _jump(machine: Machine, name: str, ahead: Duration) -> None:
    if not is_written(ahead):
        raise ReconcileError(f"ahead: {ahead!r} is not an integer of 64 bits")
    status = _brought_up(machine, machine.host(name))
    host, drifting = attrs.evolve(status.host, clock_skew=ahead), status.drifting
    if drifting is not None:
        drifting = Drifting(machine.now, ahead, status.gained, drifting.until)
    _put(machine, attrs.evolve(status, host=host, drifting=drifting, past=_past(status, machine.now)))


def _drift(machine: Machine, name: str, rate: int, until: Duration | None) -> None:
    if not is_written(rate) or not SLOWEST <= rate <= FASTEST:
        raise ReconcileError(f"rate: {rate!r} is not between {SLOWEST} and {FASTEST} parts of a million")
    status = _brought_up(machine, machine.host(name))
    ahead = status.host.clock_skew
    if until is not None:
        if not is_written(until):
            raise ReconcileError(f"until: {until!r} is not an integer of 64 bits")
        if not rate or until == ahead or (until > ahead) != (rate > 0):
            raise ReconcileError(
                f"until: a clock that is {ahead} ns ahead does not come to {until} at a rate of {rate}"
            )
    drifting = Drifting(machine.now, ahead, status.gained, until) if rate else None
    host = attrs.evolve(status.host, clock_drift=rate)
    _put(machine, attrs.evolve(status, host=host, drifting=drifting, past=_past(status, machine.now)))
    machine.timers.cancel(clock_of(name))
    if rate:
        machine.timers.set(clock_of(name), machine.now + SECOND, periodic=True)


def tick(machine: Machine, key: tuple[Any, ...]) -> None:
    """Bring a clock that drifts up, a second after it was the last time."""
    status = _brought_up(machine, machine.host(key[0].removeprefix("clock/")))
    _put(machine, status)
    if status.host.clock_drift:
        machine.timers.set(key, machine.now + SECOND, periodic=True)


def brought_up(machine: Machine, process: Process) -> Process:
    """Give *process* as it is by now, whose host's clock drifts."""
    _put(machine, _brought_up(machine, machine.host(process.host)))
    found = machine.processes.get(process.name)
    assert found is not None, "it runs"
    return found


def due_at(machine: Machine, process: Process, at: Instant) -> Instant:
    """Give when a timer comes that a process whose clock drifts sets to *at* by that clock, which then shows it."""
    if machine.alive(process.name, process.life) is None:
        return at  # it has just ended, and nothing of it comes
    local = at - brought_up(machine, process).skew - machine.now
    return machine.now - -local * _MILLION // (_MILLION + process.drift) + 1


def _brought_up(machine: Machine, status: HostStatus) -> HostStatus:
    drifting, host = status.drifting, status.host
    if drifting is None:
        return status
    rate, until = host.clock_drift, drifting.until
    gained = (machine.now - drifting.since) * rate // _MILLION
    if until is not None and (drifting.ahead + gained - until) * rate >= 0:
        gained, rate = until - drifting.ahead, 0
    host = attrs.evolve(host, clock_skew=drifting.ahead + gained, clock_drift=rate)
    gained += drifting.gained
    past = status.past if rate else _past(status, machine.now)
    return attrs.evolve(status, host=host, gained=gained, drifting=drifting if rate else None, past=past)


def _past(status: HostStatus, now: Instant) -> tuple[Stretch, ...]:
    """Give how the host's clock was until now, when it is changed."""
    return (*status.past, status.stretch(now))[-_KEPT:]


def _put(machine: Machine, status: HostStatus) -> None:
    host = status.host
    machine.hosts.set(host.name, status)
    programs = world.applications(machine.states.get(f"runtime/{host.name}") or status.disk)
    for kind in (*sorted(COMPONENTS), *programs):
        process = machine.processes.get(f"{kind}/{host.name}")
        if process is not None:
            now = Process.of(kind if kind in COMPONENTS else "kubelet", status, process.life)  # all go by one clock
            machine.processes.set(process.name, attrs.evolve(process, skew=now.skew, drift=now.drift))
