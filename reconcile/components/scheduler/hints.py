"""
Queueing hints: which waiting pods a change may help.

Each filter that refused nodes at a pod's last try is asked whether the change could turn its refusal; one
yes is enough.

Source:   the scheduler framework's EventsToRegister and its QueueingHintFn of each filter.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from reconcile.components.scheduler.demand import Demand, overlaps
from reconcile.components.scheduler.filters import (
    CORDONED,
    attracted,
    fits_empty,
    refused_by_node,
    refused_by_use,
    tolerates,
)
from reconcile.components.scheduler.nodes import NOTHING_USED, Nodes, Room
from reconcile.components.scheduler.queue import Group, Queue


def helped_by_node(queue: Queue, old: Room | None, new: Room) -> list[Group]:
    """Give the groups that a node's coming (*old* is None), or its change, may help."""
    return [group for group in queue.groups.keys() if _node_helps(group, old, new)]  # noqa: SIM118 -- in key order


def helped_by_leaving(queue: Queue, nodes: Nodes, name: str, demand: Demand) -> list[Group]:
    """Give the groups that a pod's leaving may help: *nodes* is as of after, *demand* what it took on node *name*."""
    slot = nodes.fleet.slots.get(name, None)
    room = None if slot is None else nodes.fleet.rooms.get(slot, None)
    if slot is None or room is None:
        return []
    used = nodes.used.get(slot, NOTHING_USED)
    found = []
    for group in queue.groups.keys():  # noqa: SIM118 -- in key order
        wanted, _, plugins = group
        freed = "NodeResourcesFit" in plugins and refused_by_use(wanted, room, used) is None
        ports = "NodePorts" in plugins and any(overlaps(one, other) for one in wanted.ports for other in demand.ports)
        if freed or ports:
            found.append(group)
    return found


def _node_helps(group: Group, old: Room | None, new: Room) -> bool:
    demand, wishes, plugins = group
    if not plugins:
        return True
    for plugin in plugins:
        match plugin:
            case "NodeUnschedulable":
                helps = refused_by_node(wishes, new) != CORDONED and (old is None or old.unschedulable)
            case "TaintToleration":
                helps = tolerates(wishes, new) and (old is None or not tolerates(wishes, old))
            case "NodeAffinity":
                helps = attracted(wishes, new) and (old is None or not attracted(wishes, old))
            case "NodePorts":
                helps = old is None
            case _:
                helps = fits_empty(demand, new) and (old is None or _grew(demand, old, new))
        if helps:
            return True
    return False


def _grew(demand: Demand, old: Room, new: Room) -> bool:
    """Tell whether the node has got more of something that is asked for."""
    if new.pods > old.pods:
        return True
    asked = (
        demand.cpu and new.cpu > old.cpu,
        demand.memory and new.memory > old.memory,
        demand.storage and new.storage > old.storage,
    )
    return any(asked) or any(new.others.get(name, 0) > old.others.get(name, 0) for name, _ in demand.others)
