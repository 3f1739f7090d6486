"""
Scores: how well a node that will do suits a pod. Integers throughout; upstream's floats are taken for the exact
fractions that they stand for, and rounded down once, at the end.

A node's score is the sum of what is left there (`score_of_use`, which changes with every pod) and of the node's own
merits (`merits`, which are counted here and weighed in ranking.py, since upstream scales two of them by the largest
among the nodes that will do).

Source:   the scheduler plugins NodeResourcesFit (LeastAllocated), NodeResourcesBalancedAllocation, TaintToleration,
          NodeAffinity, ImageLocality, with the weights of the default profile.
Left out: PodTopologySpread, InterPodAffinity; see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.scheduler.demand import Demand
from reconcile.components.scheduler.filters import disliked, fulfils
from reconcile.components.scheduler.nodes import Fleet, Room, Used
from reconcile.components.scheduler.wishes import Wishes
from reconcile.lib.quick import quick

TAINT_WEIGHT: Final = 3
AFFINITY_WEIGHT: Final = 2
BEST: Final = 100
USE_BEST: Final = 2 * BEST
"""The highest `score_of_use`."""

_MEBI: Final = 1024 * 1024
_SMALL_IMAGE: Final = 23 * _MEBI
_LARGE_IMAGE: Final = 1000 * _MEBI


@quick
@attrs.frozen(order=True, weakref_slot=False)
class Merits:
    """
    What a node has for or against it, before it is scaled.

    Args:
        disliked: how many taints would rather keep the pod away.
        preferred: the weights of the preferred terms that it fulfils.
        images: which of the pod's containers have their image there: bit n for the nth.
    """

    disliked: int = 0
    preferred: int = 0
    images: int = 0


def score_of_use(demand: Demand, room: Room, used: Used) -> int:
    """Score what would be left on the node and how evenly: 0 to `USE_BEST`."""
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
    least = free // counted if counted else 0
    if not demand.cpu and not demand.memory:
        return least  # upstream leaves balance out for pods that ask for nothing
    if not cpu or not memory:
        return least + 75
    before, after = (
        _imbalance(room, used.cpu, used.memory),
        _imbalance(room, used.cpu + demand.cpu, used.memory + demand.memory),
    )
    # 75 where nothing changes, 100 from worst to best, 50 from best to worst.
    whole = cpu * memory
    return least + (75 * whole + 25 * (before - after)) // whole


def merits(wishes: Wishes, room: Room, fleet: Fleet, slot: int) -> Merits:
    """Count what speaks for and against the node itself."""
    images = 0
    if room.images:
        for place, name in enumerate(wishes.images):
            image = fleet.images.get(name, None)
            if image is not None and image.nodes >> slot & 1:
                images |= 1 << place
    return Merits(
        disliked(wishes, room) if room.taints else 0,
        sum([weight for weight, term in wishes.preferred if fulfils(term, room)]),
        images,
    )


def weighed(all_merits: list[Merits], wishes: Wishes, fleet: Fleet) -> list[int]:
    """Give the score of each of *all_merits*, which are those of all nodes that will do."""
    most_disliked = max([each.disliked for each in all_merits])
    most_preferred = max([each.preferred for each in all_merits])
    found = []
    for each in all_merits:
        calm = BEST - BEST * each.disliked // most_disliked if most_disliked else BEST
        near = BEST * each.preferred // most_preferred if most_preferred else 0
        local = _image_score(each.images, wishes, fleet) if each.images else 0
        found.append(TAINT_WEIGHT * calm + AFFINITY_WEIGHT * near + local)
    return found


def _imbalance(room: Room, cpu: int, memory: int) -> int:
    """Give how far apart the used fractions of cpu and memory are, times both allocatables."""
    return abs(min(cpu, room.cpu) * room.memory - min(memory, room.memory) * room.cpu)


def _image_score(present: int, wishes: Wishes, fleet: Fleet) -> int:
    # An image counts by its size and by how many nodes have it, so that pods do not crowd the one node that does.
    nodes = len(fleet.rooms)
    total = 0
    for place, name in enumerate(wishes.images):
        image = fleet.images.get(name, None)
        if present >> place & 1 and image is not None:
            total += image.size * image.nodes.bit_count() // nodes
    largest = _LARGE_IMAGE * len(wishes.images)
    total = min(max(total, _SMALL_IMAGE), largest)
    return BEST * (total - _SMALL_IMAGE) // (largest - _SMALL_IMAGE)
