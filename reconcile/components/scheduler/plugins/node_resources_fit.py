"""
NodeResourcesFit: whether what is left on a node is enough, and how much would be left.

Source:   the scheduler plugin NodeResourcesFit, with the strategies LeastAllocated and MostAllocated.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

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


def most_allocated(demand: Demand, room: Room, used: Used) -> int:
    """Score how much of cpu and memory would be used, as a mean of percents: 0 to `BEST`."""
    shares = []
    for whole, taken in (
        (room.cpu, used.scored_cpu + demand.scored_cpu),
        (room.memory, used.scored_memory + demand.scored_memory),
    ):
        if whole:
            shares.append(min(taken, whole) * BEST // whole)
    return sum(shares) // len(shares) if shares else 0


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
        *[(name, amount, taken.get(name, 0), room.others.get(name, 0)) for name, amount in demand.others],
    )
    for name, amount, there, allocatable in asked:
        if amount and amount > allocatable - there and not (name in demand.delegated and not allocatable):
            reasons.append(f"Insufficient {name}")
            final = final or amount > allocatable
    return Refusal("NodeResourcesFit", tuple(reasons), final) if reasons else None
