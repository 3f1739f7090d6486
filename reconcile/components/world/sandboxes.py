"""
Sandboxes: the network namespaces of pods, each with its address: made, removed, and lost by themselves.

Takes:    RunPodSandbox, StopPodSandbox.
Gives:    Report, SetTimer, CancelTimer, DiscardVolumes, EndProcess.
Source:   containerd's RunPodSandbox and StopPodSandbox; host-local IPAM.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from reconcile.components.world import living
from reconcile.components.world.state import (
    Sandbox,
    State,
    drawn,
    exhausted,
    given,
    in_network,
    timers_of,
    with_sandbox,
)
from reconcile.effects import (
    CancelTimer,
    DiscardVolumes,
    Effect,
    EndProcess,
    Report,
    RunPodSandbox,
    SetTimer,
    StopPodSandbox,
)
from reconcile.events import SandboxFailed, SandboxLost, SandboxReady, SandboxRemoved
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace

Stepped: TypeAlias = tuple[State, tuple[Effect, ...]]

_NO_LABELS: Final[Map[str]] = Map()


def run(state: State, order: RunPodSandbox, now: Instant) -> Stepped:
    """Make a pod's sandbox, unless it is there or being made; one that was lost is made anew."""
    uid, host_network = order.uid, order.host_network
    known = state.sandboxes.get(uid, None)
    if known is not None:
        if known.ready is None:
            return _replaced(state, order, now)
        return state, (Report(SandboxReady(uid, known.ip)),) if known.ready else ()
    if order.network and order.network != state.network and not host_network:
        state = in_network(state, order.network)
    ip, place = given(state, host_network=host_network)
    if not ip:
        return state, (Report(SandboxFailed(uid, exhausted(state, order, now))),)
    behaviours, taken = state.behaviours, state.taken
    took = drawn(state, behaviours.sandbox, f"{uid}/{state.boots}")
    if place:
        taken |= 1 << place
    labels = order.labels if behaviours.containers else _NO_LABELS
    sandboxes = state.sandboxes.set(uid, Sandbox(uid, ip, place, (), not took, labels))
    state = copier(State, "sandboxes", "taken", "last")(state, sandboxes, taken, place or state.last)
    if took:
        return state, (SetTimer(("sandbox", uid), now + took),)
    return state, (Report(SandboxReady(uid, ip)),)


def _replaced(state: State, order: RunPodSandbox, now: Instant) -> Stepped:
    """Remove a sandbox that was lost, with what may still run in it, and make it anew; the pod's volumes stay."""
    state, effects = stop(state, StopPodSandbox(order.uid))
    state, made = run(state, order, now)
    kept = [effect for effect in effects if not isinstance(effect, DiscardVolumes | Report)]
    return state, (*kept, *made)


def stop(state: State, order: StopPodSandbox) -> Stepped:
    """Remove a pod's sandbox, with what may still run in it."""
    uid = order.uid
    sandbox = state.sandboxes.get(uid, None)
    if sandbox is None:
        return state, (Report(SandboxRemoved(uid)),)
    effects: list[Effect] = []
    processes = state.processes
    for container in sandbox.containers:
        if container.order is not None or state.behaviours.has_fills:
            effects.append(DiscardVolumes(uid))
        if container.stage != "exited":
            effects += [CancelTimer(key) for key in timers_of(uid, container)]
            if state.felt:
                state, cancelled = living.forgotten(state, uid, container.name)
                effects += cancelled
            if container.process and container.stage != "starting":
                processes = processes.remove(container.process)
                effects.append(EndProcess(container.process))
    taken = state.taken & ~(1 << sandbox.place)
    sandboxes = state.sandboxes.remove(uid)
    state = copier(State, "sandboxes", "taken", "processes")(state, sandboxes, taken, processes)
    return state, (*effects, Report(SandboxRemoved(uid)))


def lost(state: State, uid: str) -> Stepped | None:
    """Let a sandbox go away by itself: what runs in it runs on. None if there is none that is ready."""
    sandbox = state.sandboxes.get(uid, None)
    if sandbox is None or not sandbox.ready:
        return None
    return with_sandbox(state, replace(sandbox, ready=None)), (Report(SandboxLost(uid)),)
