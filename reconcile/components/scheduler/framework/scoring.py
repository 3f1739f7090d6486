"""
Scoring: how well a node that will do suits a pod.

A node's score is the sum of what is left there (`score_of_use`, which changes with every pod) and of the node's own
merits (`merits`, which are counted here and weighed in ranking.py, since upstream scales two of them by the largest
among the nodes that will do). What depends on other pods' places comes on top: `framework/company.py`.

Source:   the scheduler framework's Score and NormalizeScore, with the weights of the default profile.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Fleet, Room, Used
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile
from reconcile.components.scheduler.plugins.balanced_allocation import balance, balance_of, weighs
from reconcile.components.scheduler.plugins.image_locality import locality, present
from reconcile.components.scheduler.plugins.node_affinity import preference
from reconcile.components.scheduler.plugins.node_resources_fit import (
    least_allocated,
    least_used,
    most_allocated,
    requested_to_capacity,
    shares,
)
from reconcile.components.scheduler.plugins.taint_toleration import disliked
from reconcile.lib.quick import quick

BEST: Final = 100
USE_BEST: Final = 2 * BEST
"""The highest `score_of_use`."""


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


def score_of_use(demand: Demand, room: Room, used: Used, profile: Profile = DEFAULT) -> int:
    """Score what would be left on the node and how evenly: 0 to `USE_BEST`, or to `best_use` of another profile."""
    if profile is DEFAULT:
        least = least_allocated(demand, room, used)
        return least + balance(demand, room, used) if demand.cpu or demand.memory else least
    even = profile.balance * score_of_balance(demand, room, used, profile) if profile.balance else 0
    return profile.fit * score_of_fit(demand, room, used, profile) + even


def score_of_fit(demand: Demand, room: Room, used: Used, profile: Profile) -> int:
    """Score what would be left on the node, by the profile's strategy: 0 to `BEST`."""
    amounts = shares(profile.fit_resources, demand, room, used)
    match profile.strategy:
        case "LeastAllocated":
            return least_used(amounts)
        case "MostAllocated":
            return most_allocated(amounts)
        case "RequestedToCapacityRatio":
            return requested_to_capacity(amounts, profile.shape)


def score_of_balance(demand: Demand, room: Room, used: Used, profile: Profile) -> int:
    """Score how evenly it would be used: 0 to `BEST`; 0 where the pod asks for nothing of that."""
    resources = profile.balance_resources
    return balance_of(resources, demand, room, used) if weighs(demand, resources) else 0


def best_use(profile: Profile) -> int:
    """Give the highest `score_of_use` of a profile."""
    return BEST * (profile.fit + profile.balance)


def merits(wishes: Wishes, room: Room, fleet: Fleet, slot: int) -> Merits:
    """Count what speaks for and against the node itself."""
    return Merits(
        disliked(wishes, room) if room.taints else 0,
        preference(wishes, room) if wishes.preferred else 0,
        present(wishes, fleet, slot) if room.images else 0,
    )


def weighed(all_merits: list[Merits], wishes: Wishes, fleet: Fleet, profile: Profile = DEFAULT) -> list[int]:
    """Give the score of each of *all_merits*, which are those of all nodes that will do."""
    taints, affinity, images = profile.taints, profile.affinity, profile.images
    return [
        taints * calm + affinity * near + images * local
        for calm, near, local in weighed_parts(all_merits, wishes, fleet)
    ]


def weighed_parts(all_merits: list[Merits], wishes: Wishes, fleet: Fleet) -> list[tuple[int, int, int]]:
    """Give what TaintToleration, NodeAffinity and ImageLocality say of each, 0 to `BEST`."""
    most_disliked = max([each.disliked for each in all_merits])
    most_preferred = max([each.preferred for each in all_merits])
    return [
        (
            BEST - BEST * each.disliked // most_disliked if most_disliked else BEST,
            BEST * each.preferred // most_preferred if most_preferred else 0,
            locality(each.images, wishes, fleet) if each.images else 0,
        )
        for each in all_merits
    ]
