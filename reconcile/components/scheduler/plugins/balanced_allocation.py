"""
NodeResourcesBalancedAllocation: whether a pod brings the used parts of a node's resources nearer to each other.

Upstream computes a deviation in floats and makes a whole number of it before and after, so this does the same: only
division, subtraction, multiplication and square roots of floats are used, which IEEE 754 gives one result each.

Source:   the scheduler plugin NodeResourcesBalancedAllocation.
Left out: nothing known.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Room, Used
from reconcile.components.scheduler.plugins.node_resources_fit import plain_share

BEST: Final = 100
HALF: Final = BEST // 2


def weighs(demand: Demand, resources: tuple[str, ...] = ("cpu", "memory")) -> bool:
    """Tell whether balance counts for this pod: not if it asks for none of the resources."""
    asked = {"cpu": demand.cpu, "memory": demand.memory, "ephemeral-storage": demand.storage, **dict(demand.others)}
    return any(asked.get(name) for name in resources)


def balance(demand: Demand, room: Room, used: Used) -> int:
    """Score how much more even the node would become: 75 where nothing changes, 50 at worst, 100 at best."""
    cpu, memory = room.cpu, room.memory
    if not cpu or not memory:
        return HALF + HALF // 2
    before = abs(min(used.cpu / cpu, 1.0) - min(used.memory / memory, 1.0)) / 2
    after = abs(min((used.cpu + demand.cpu) / cpu, 1.0) - min((used.memory + demand.memory) / memory, 1.0)) / 2
    return HALF + (HALF + int((1 - after) * BEST) - int((1 - before) * BEST)) // 2


def balance_of(resources: tuple[str, ...], demand: Demand, room: Room, used: Used) -> int:
    """Score how much more evenly these resources would be used; what `balance` says of cpu and memory."""
    rows = [plain_share(name, demand, room, used) for name in resources]
    before = _evenness([(taken, whole) for whole, taken, _ in rows if whole])
    after = _evenness([(taken + asked, whole) for whole, taken, asked in rows if whole])
    return HALF + (HALF + after - before) // 2


def _evenness(amounts: list[tuple[int, int]]) -> int:
    parts = [min(taken / whole, 1.0) for taken, whole in amounts]
    deviation = 0.0
    if len(parts) == 2:  # noqa: PLR2004 -- two have a simpler form
        deviation = abs((parts[0] - parts[1]) / 2)
    elif len(parts) > 2:  # noqa: PLR2004
        total = squares = 0.0
        for part in parts:
            total += part
        mean = total / len(parts)
        for part in parts:
            squares += (part - mean) * (part - mean)
        deviation = sqrt(squares / len(parts))
    return int((1 - deviation) * BEST)
