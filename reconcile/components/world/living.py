"""
Living: what becomes of a container by what there is around it, while it runs.

A container of which anything of the kind is said looks around a second after its start and then every ten seconds: how
much it uses by then, with what requests add; whether the services are there without which it ends; whether its host's
disk is full. Of all others nothing is looked at.

Takes:    Surrounded.
Gives:    LookAround, Report, SetTimer, how the container ends.
Source:   cAdvisor's housekeeping, by which a kubelet knows what is used; Linux's OOM killer and CFS bandwidth control.
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from typing import Final

from reconcile.api.quantity import NANO, Quantity
from reconcile.components.world.state import Container, Felt, Sandbox, State, behaviour_of, image_id
from reconcile.effects import CancelTimer, Effect, Report, SetTimer
from reconcile.events import ContainerUses, Surrounded
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.behaviours import KILLED, Behaviour, Ending, Span, last_words
from reconcile.model.behaviours.behaviour import Cause
from reconcile.model.pods.running import RunningContainer

FIRST: Final = SECOND
EVERY: Final = 10 * SECOND
NOW: Final = Span(0, 0)
OUT_OF_MEMORY: Final = Ending(code=KILLED, after=NOW, oom=True)


def next_look(uid: str, name: str, at: Instant) -> Effect:
    """Let a container look around at an instant; nobody waits for that."""
    return SetTimer(("look", uid, name), at, periodic=True)


def seen(
    state: State, sandbox: Sandbox, container: Container, event: Surrounded
) -> tuple[State, tuple[Effect, ...], Ending | None]:
    """Take in what is around a container that runs; give what it reports, and how it ends if it does."""
    behaviour = behaviour_of(state, sandbox, container)
    began, now, key = container.started_at or 0, event.now, f"{sandbox.uid}/{container.name}"
    memory = 0 if behaviour.memory is None else behaviour.memory.at(now, began, event.requests)
    disk = 0 if behaviour.disk is None else behaviour.disk.at(now, began, event.requests)
    known = state.felt.get(key)
    layer = disk // NANO + event.layer
    working = known is not None and known.working
    felt = Felt(requests=event.requests, memory=memory // NANO, disk=layer, volumes=event.volumes, working=working)
    state = replace(state, felt=state.felt.set(key, felt))
    if container.memory and felt.memory > container.memory:
        return state, (), OUT_OF_MEMORY
    for cause in behaviour.causes:
        if _happens(state, cause, event):
            return state, (), Ending(code=cause.code, after=NOW)
    out: list[Effect] = []
    volumes = Map() if known is None else known.volumes
    if _uses(known, behaviour, began) != (felt.memory, felt.disk) or volumes != felt.volumes:
        out.append(Report(ContainerUses(sandbox.uid, container.name, felt.memory, felt.disk, felt.volumes)))
    if behaviour.looks_on(now - began):
        out.append(next_look(sandbox.uid, container.name, now + EVERY))
    return state, tuple(out), None


def _happens(state: State, cause: Cause, event: Surrounded) -> bool:
    """Tell whether a container sees what it ends for."""
    if cause.without:
        return cause.without in event.missing
    if cause.full:
        return cause.full in event.full
    return _is_full(state, event.now)


def _uses(known: Felt | None, behaviour: Behaviour, began: Instant) -> tuple[int, int]:
    """Give what was last said of memory and disk: what it uses when it starts, if nothing was yet."""
    return at_start(behaviour, began) if known is None else (known.memory, known.disk)


def at_start(behaviour: Behaviour, began: Instant) -> tuple[int, int]:
    """Give how much memory and disk a container uses when it starts, in bytes."""
    memory = behaviour.memory.base.at(began, began) // NANO if behaviour.memory is not None else 0
    return memory, behaviour.disk.base.at(began, began) // NANO if behaviour.disk is not None else 0


def shown(state: State, sandbox: Sandbox, container: Container) -> RunningContainer:
    """Give the container as a kubelet that starts is told of it."""
    behaviour, began = behaviour_of(state, sandbox, container), container.started_at
    message, tail, used = "", "", (0, 0)
    felt = state.felt.get(f"{sandbox.uid}/{container.name}")
    if began is not None and container.finished_at is not None:
        message, tail = last_words(behaviour, began, container.finished_at)
    elif began is not None and (behaviour.memory is not None or behaviour.disk is not None):
        used = _uses(felt, behaviour, began)
    return RunningContainer(
        container=container.name,
        container_id=container.id,
        image=container.image,
        image_id=image_id(container.image),
        attempt=container.attempt,
        started_at=began,
        code=container.code,
        reason=container.reason,
        finished_at=container.finished_at,
        message=message,
        tail=tail,
        memory=used[0],
        disk=used[1],
        volumes=Map() if felt is None else felt.volumes,
    )


def _is_full(state: State, now: Instant) -> bool:
    """Tell whether images and containers have all of the host's disk."""
    capacity = state.host.capacity.get("ephemeral-storage")
    if capacity is None:
        return False
    used = sum(state.images.values())
    for sandbox in state.sandboxes.values():
        for container in sandbox.containers:
            if container.stage not in {"running", "stopping"} or container.started_at is None:
                continue
            amount = behaviour_of(state, sandbox, container).disk
            if amount is not None:
                felt = state.felt.get(f"{sandbox.uid}/{container.name}")
                used += amount.at(now, container.started_at, 0 if felt is None else felt.requests) // NANO
    return used >= Quantity.parse(capacity).whole


def forgotten(state: State, uid: str, name: str) -> tuple[State, tuple[Effect, ...]]:
    """Forget what a container has seen, which runs no more, and the item that it works on."""
    key = f"{uid}/{name}"
    if key not in state.felt:
        return state, ()
    cancelled = (CancelTimer(("work", uid, name)),) if state.felt[key].working else ()
    return replace(state, felt=state.felt.remove(key)), cancelled


def slowed(state: State, sandbox: Sandbox, container: Container, took: Duration, now: Instant) -> Duration:
    """Give how long an answer takes for which the container has less of processors than it needs."""
    if not took or not container.cpu:
        return took
    amount = behaviour_of(state, sandbox, container).cpu
    if amount is None:
        return took
    felt = state.felt.get(f"{sandbox.uid}/{container.name}")
    wanted = amount.at(now, container.started_at or 0, 0 if felt is None else felt.requests)
    return took * wanted // container.cpu if wanted > container.cpu else took


def by_chance(behaviour: Behaviour, dice: Dice) -> tuple[Duration, Ending] | None:
    """Draw when, after its start, a container ends by a chance that it has each day; None if it does not."""
    found: list[tuple[Duration, int]] = []
    for hazard in behaviour.hazards:
        after, dice = hazard.draw(dice)
        if after is not None:
            found.append((after, hazard.code))
    if not found:
        return None
    after, code = min(found)
    return after, Ending(code=code, after=NOW)
