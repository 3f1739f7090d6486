"""
NodeResourcesFit: whether what is left on a node is enough, and how much would be left.

Source:   the scheduler plugin NodeResourcesFit, with its strategies LeastAllocated, MostAllocated and
          RequestedToCapacityRatio.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Room, Used
from reconcile.components.scheduler.framework.verdicts import Refusal

BEST: Final = 100


def lacking(demand: Demand, room: Room, used: Used) -> Refusal | None:
    """Tell what is not left on the node; None if there is enough of everything."""
    if (
        used.pods < room.pods
        and not demand.others
        and (not demand.cpu or used.cpu + demand.cpu <= room.cpu)
        and (not demand.memory or used.memory + demand.memory <= room.memory)
        and (not demand.storage or used.storage + demand.storage <= room.storage)
    ):
        return None
    return _lacking(demand, room, used)


def fits_empty(demand: Demand, room: Room) -> bool:
    """Tell whether the node has enough of everything for this pod alone."""
    return lacking(demand, room, Used()) is None


def least_allocated(demand: Demand, room: Room, used: Used) -> int:
    """Score how much of cpu and memory would be left, as a mean of percents: 0 to `BEST`."""
    cpu, memory = room.cpu, room.memory
    free = counted = 0
    if cpu:
        counted = 1
        taken = used.scored_cpu + demand.scored_cpu
        free = (cpu - taken) * BEST // cpu if taken < cpu else 0
    if memory:
        counted += 1
        taken = used.scored_memory + demand.scored_memory
        free += (memory - taken) * BEST // memory if taken < memory else 0
    return free // counted if counted else 0


def most_allocated(amounts: Iterable[tuple[int, int, int]]) -> int:
    """Score how much would be used, as a weighed mean of percents: 0 to `BEST`; *amounts* are `shares`."""
    return _mean([(min(taken, whole) * BEST // whole, weight) for weight, whole, taken in amounts])


def least_used(amounts: Iterable[tuple[int, int, int]]) -> int:
    """Score how much would be left, as a weighed mean of percents: 0 to `BEST`; *amounts* are `shares`."""
    return _mean([(max(whole - taken, 0) * BEST // whole, weight) for weight, whole, taken in amounts])


def requested_to_capacity(amounts: Iterable[tuple[int, int, int]], shape: tuple[tuple[int, int], ...]) -> int:
    """
    Score how good it is that so much would be used: 0 to `BEST`.

    Args:
        amounts: `shares`.
        shape: percents that are used, and how good each is, from 0 to 10.
    """
    total = weights = 0
    for weight, whole, taken in amounts:
        score = _on_line(BEST if taken > whole else taken * BEST // whole, shape)
        # What is no good at all is left out of the mean.
        if score > 0:
            total, weights = total + score * weight, weights + weight
    # Halves are rounded up.
    return (2 * total + weights) // (2 * weights) if weights else 0


def shares(
    resources: tuple[tuple[str, int], ...], demand: Demand, room: Room, used: Used
) -> list[tuple[int, int, int]]:
    """Give for each resource that counts its weight, how much of it there is, and how much would be taken."""
    found: list[tuple[int, int, int]] = []
    for name, weight in resources:
        if name == "cpu":
            whole, taken, asked = room.cpu, used.scored_cpu, demand.scored_cpu
        elif name == "memory":
            whole, taken, asked = room.memory, used.scored_memory, demand.scored_memory
        else:
            whole, taken, asked = plain_share(name, demand, room, used)
        if whole:
            found.append((weight, whole, taken + asked))
    return found


def plain_share(name: str, demand: Demand, room: Room, used: Used) -> tuple[int, int, int]:
    """
    Give how much of a resource there is, how much is taken, and how much is asked for.

    All of it is zero of an extended resource that is not asked for.
    """
    if name == "cpu":
        return room.cpu, used.cpu, demand.cpu
    if name == "memory":
        return room.memory, used.memory, demand.memory
    if name == "ephemeral-storage":
        return room.storage, used.storage, demand.storage
    asked = dict(demand.others).get(name, 0)
    return (room.others.get(name, 0), dict(used.others).get(name, 0), asked) if asked else (0, 0, 0)


def _mean(scores: list[tuple[int, int]]) -> int:
    weights = sum([weight for _, weight in scores])
    return sum([score * weight for score, weight in scores]) // weights if weights else 0


def _on_line(percent: int, shape: tuple[tuple[int, int], ...]) -> int:
    """Give the height of a line through the points of a shape, its scores being made ten times as high."""
    scale = BEST // 10
    for place, (utilization, score) in enumerate(shape):
        if percent <= utilization:
            if not place:
                return score * scale
            before, low = shape[place - 1]
            rise = (score - low) * scale * (percent - before)
            steps = utilization - before
            # As integers of Go are divided: towards zero.
            return low * scale + (rise // steps if rise >= 0 else -(-rise // steps))
    return shape[-1][1] * scale


def _lacking(demand: Demand, room: Room, used: Used) -> Refusal | None:
    reasons: list[str] = []
    final = False
    if used.pods >= room.pods:
        reasons.append("Too many pods")
    taken = dict(used.others)
    asked = (
        ("cpu", demand.cpu, used.cpu, room.cpu),
        ("memory", demand.memory, used.memory, room.memory),
        ("ephemeral-storage", demand.storage, used.storage, room.storage),
        *[
            (name, amount, taken.get(name, 0), room.others.get(name, 0))
            for name, amount in demand.others
            if name not in demand.ignored
        ],
    )
    for name, amount, there, allocatable in asked:
        if amount and amount > allocatable - there and not (name in demand.delegated and not allocatable):
            reasons.append(f"Insufficient {name}")
            final = final or amount > allocatable
    return Refusal("NodeResourcesFit", tuple(reasons), final) if reasons else None
