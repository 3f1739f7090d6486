"""
NodeUnschedulable: a cordoned node takes no pod that does not tolerate it.

Source:   the scheduler plugin NodeUnschedulable.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.taint_toleration import tolerated

CORDONED: Final = Refusal("NodeUnschedulable", ("node(s) were unschedulable",), final=True)

_TAINT: Final = ("node.kubernetes.io/unschedulable", "", "NoSchedule")


def closed(wishes: Wishes, room: Room) -> bool:
    """Tell whether the node is cordoned, and the pod does not tolerate that."""
    return room.unschedulable and not tolerated(wishes.tolerations, _TAINT)
