"""
Programs: containers that run an application of the user's own.

The application is a process of the simulation, which the engine steps; the container runtime starts it, asks it to end,
and sees it end.

Takes:    containers whose behaviour names a component.
Gives:    Report, LaunchApplication, SignalProcess, SetTimer, CancelTimer.
Source:   the Container Runtime Interface: StopContainer sends SIGTERM, and SIGKILL when its timeout is over.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.components.world.state import (
    Container,
    Sandbox,
    State,
    behaviour_of,
    placed,
    timers_of,
    with_sandbox,
)
from reconcile.effects import CancelTimer, Effect, LaunchApplication, SetTimer, SignalProcess
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model.behaviours import KILLED, Ending, Span


def launched(state: State, sandbox: Sandbox, container: Container, now: Instant) -> tuple[State, Container, Effect]:
    """Let a container run its application: a process of the pod's and the container's name."""
    assert container.order is not None, "a container that runs an application knows how it was ordered"
    name = f"{container.order.pod}/{container.name}"
    if name in state.processes:  # of a pod of this name that is still ending
        name = f"{name}~{sandbox.uid}"
    running = replace(container, stage="running", process=name, started_at=now, ready_at=now)
    state = replace(state, processes=state.processes.set(name, (sandbox.uid, container.name)))
    return with_sandbox(state, placed(sandbox, running)), running, LaunchApplication(name)


def stopped(
    state: State, sandbox: Sandbox, container: Container, grace: Duration, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """Ask an application to end, and let it be killed if it has not after *grace*, which is more than nothing."""
    if container.stops_at is not None and container.stops_at <= now + grace:
        return state, ()
    doom = Ending(code=KILLED, after=Span(0, 0))
    stopping = replace(container, stage="stopping", doom=doom, stops_at=now + grace)
    cancelled = [CancelTimer(key) for key in timers_of(sandbox.uid, container)]
    signal = (SignalProcess(container.process),) if container.stage == "running" else ()
    stop = SetTimer(("stop", sandbox.uid, container.name), now + grace)
    return with_sandbox(state, placed(sandbox, stopping)), (*cancelled, stop, *signal)


def found(state: State, process: str) -> tuple[Sandbox, Container] | None:
    """Give the pod and the container of an application's process; None if it is none."""
    uid, name = state.processes.get(process, ("", ""))
    sandbox = state.sandboxes.get(uid, None)
    container = None if sandbox is None else sandbox.container(name)
    if sandbox is None or container is None or container.order is None:
        return None
    return sandbox, container


def applications_in(state: State | None, uid: str) -> tuple[str, ...]:
    """Name the processes of the applications that run in a pod."""
    return () if state is None else tuple([name for name, (own, _) in state.processes.items() if own == uid])


def component_of(state: State, process: str) -> str:
    """Name the application that a process is."""
    known = found(state, process)
    return "" if known is None else behaviour_of(state, *known).component


def has_address(state: State, ip: str) -> bool:
    """Tell whether a pod of this host has this IP."""
    return any(sandbox.ip == ip for sandbox in state.sandboxes.values())


def applications(state: State) -> Iterator[str]:
    """Name the processes of applications that run."""
    for process in state.processes:
        if found(state, process) is not None:
            yield process
