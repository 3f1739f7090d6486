"""
NodePorts: a node has each host port once.

Source:   the scheduler plugin NodePorts.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.demand import Demand, overlaps
from reconcile.components.scheduler.cache.nodes import Used
from reconcile.components.scheduler.framework.verdicts import Refusal

PORTS_TAKEN: Final = Refusal("NodePorts", ("node(s) didn't have free ports for the requested pod ports",), final=False)


def taken(demand: Demand, used: Used) -> bool:
    """Tell whether one of the host ports that are asked for is had by a pod there."""
    return any(overlaps(port, other) for port in demand.ports for other in used.ports)
