"""
Working: containers that take items of work from a queue which they share.

A container takes an item when it is ready, works on it, and takes the next; when none is left, and nobody else has one,
it ends with 0. While others have the last ones it asks again each second: who ends with one in hand gives it back.

Takes:    the timer `work`, Surrounded that says what the queue gave.
Gives:    LookAround, SetTimer, how the container ends.
Source:   https://kubernetes.io/docs/tasks/job/fine-parallel-processing-work-queue/,
          https://kubernetes.io/docs/tasks/job/coarse-parallel-processing-work-queue/
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.world.state import Container, Felt, Sandbox, State, behaviour_of
from reconcile.effects import Effect, LookAround, SetTimer
from reconcile.events import Surrounded
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.replacing import replace
from reconcile.model.behaviours import Ending, Span

AGAIN: Final = SECOND
_DONE: Final = Ending(code=0, after=Span(0, 0))


def turn(uid: str, name: str, at: Instant) -> Effect:
    """Let a container turn to its queue at an instant."""
    return SetTimer(("work", uid, name), at)


def asks(state: State, sandbox: Sandbox, container: Container) -> tuple[State, tuple[Effect, ...]]:
    """Let a container take an item, or be done with the one that it has."""
    work = behaviour_of(state, sandbox, container).work
    if work is None:
        return state, ()
    felt = state.felt.get(f"{sandbox.uid}/{container.name}")
    has = felt is not None and felt.working
    return state, (
        LookAround(sandbox.uid, container.name, work.queue, ("done" if work.one else "next") if has else "take"),
    )


def gets(
    state: State, sandbox: Sandbox, container: Container, event: Surrounded
) -> tuple[State, tuple[Effect, ...], Ending | None]:
    """Take in what the queue gave to a container; give how it ends if it does."""
    key, now = f"{sandbox.uid}/{container.name}", event.now
    felt = replace(state.felt.get(key) or Felt(), working=event.work == "item")
    state = replace(state, felt=state.felt.set(key, felt))
    work = behaviour_of(state, sandbox, container).work
    if event.work == "empty" or work is None:
        return state, (), _DONE
    if event.work == "wait":
        return state, (turn(sandbox.uid, container.name, now + AGAIN),), None
    dice = state.dice.named(f"{key}/{container.attempt}/{state.boots}/item/{now}")
    return state, (turn(sandbox.uid, container.name, now + work.each.draw(dice)[0]),), None
