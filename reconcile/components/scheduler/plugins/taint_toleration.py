"""
TaintToleration: which taints keep a pod away, and which would rather.

Source:   the scheduler plugin TaintToleration.
Left out: the operators Gt and Lt, which are alpha in 1.36 and off: they tolerate nothing.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.cache.wishes import Toleration, Wishes
from reconcile.components.scheduler.framework.verdicts import Refusal

TAINTED: Final = Refusal("TaintToleration", ("node(s) had untolerated taint(s)",), final=True)


def tolerates(wishes: Wishes, room: Room) -> bool:
    """Tell whether every taint of the node that keeps pods away is tolerated."""
    return all(taint[2] == "PreferNoSchedule" or tolerated(wishes.tolerations, taint) for taint in room.taints)


def disliked(wishes: Wishes, room: Room) -> int:
    """Count the node's taints that would rather keep the pod away."""
    return sum(taint[2] == "PreferNoSchedule" and not tolerated(wishes.tolerations, taint) for taint in room.taints)


def tolerated(tolerations: tuple[Toleration, ...], taint: tuple[str, str, str]) -> bool:
    """Tell whether one of the tolerations is for this taint: its key, value and effect."""
    for key, operator, value, effect in tolerations:
        if effect and effect != taint[2]:
            continue
        if key and key != taint[0]:
            continue
        if operator == "Exists" or (operator == "Equal" and key and value == taint[1]):
            return True
    return False
