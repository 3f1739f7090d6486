"""What others may ask a scheduler's state."""

from __future__ import annotations

from reconcile.components.scheduler.queue.queue import Place
from reconcile.components.scheduler.state import State


def node_of(state: State, key: str) -> str | None:
    """Tell on which node the scheduler holds a pod to be; None if on none."""
    placed = state.placed.get(key, None)
    return None if placed is None else placed.node


def place_of(state: State, key: str) -> Place | None:
    """Tell where in the queue a pod is: active, backoff, failed, waiting, gated; None if it is not there."""
    entry = state.queue.entries.get(key, None)
    return None if entry is None else entry.place


def assumed(state: State) -> tuple[str, ...]:
    """Give the pods that are being bound, or whose binding the watch has not told yet."""
    return tuple([key for key, placed in state.placed.items() if placed.assumed])
