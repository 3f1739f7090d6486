"""
NodeResourcesBalancedAllocation: whether a pod brings the used parts of a node's resources nearer to each other.

Upstream computes a deviation in floats and makes a whole number of it before and after, so this does the same: only
division, subtraction and multiplication of floats are used, which IEEE 754 gives one result each.

Source:   the scheduler plugin NodeResourcesBalancedAllocation.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Room, Used

BEST: Final = 100
HALF: Final = BEST // 2


def weighs(demand: Demand) -> bool:
    """Tell whether balance counts for this pod: not if it asks for nothing."""
    return bool(demand.cpu or demand.memory)


def balance(demand: Demand, room: Room, used: Used) -> int:
    """Score how much more even the node would become: 75 where nothing changes, 50 at worst, 100 at best."""
    cpu, memory = room.cpu, room.memory
    if not cpu or not memory:
        return HALF + HALF // 2
    before = abs(min(used.cpu / cpu, 1.0) - min(used.memory / memory, 1.0)) / 2
    after = abs(min((used.cpu + demand.cpu) / cpu, 1.0) - min((used.memory + demand.memory) / memory, 1.0)) / 2
    return HALF + (HALF + int((1 - after) * BEST) - int((1 - before) * BEST)) // 2
