"""
Filtering: whether a node will do for a pod, and if not, why.

The filters run in upstream's order and the first that refuses a node gives its reasons. Those here fall into two
halves: what the node itself says (`refused_by_node`), and what is left there (`refused_by_use`). What depends on other
pods' places and on volumes follows after them: `framework/company.py`.

Source:   the scheduler framework's Filter. NodeName has nothing to refuse: a pod that names its node is never in the
          queue.
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Room, Used
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.node_affinity import ENFORCED, UNFIT, attracted, fulfils
from reconcile.components.scheduler.plugins.node_ports import PORTS_TAKEN, taken
from reconcile.components.scheduler.plugins.node_resources_fit import lacking
from reconcile.components.scheduler.plugins.node_unschedulable import CORDONED, closed
from reconcile.components.scheduler.plugins.taint_toleration import TAINTED, tolerates


def refused_by_node(wishes: Wishes, room: Room, profile: Profile = DEFAULT) -> Refusal | None:
    """Tell why the node itself, whatever runs there, will not do; None if it will."""
    filters = profile.filters
    if room.unschedulable and closed(wishes, room) and "NodeUnschedulable" in filters:
        return CORDONED
    if room.taints and not tolerates(wishes, room) and "TaintToleration" in filters:
        return TAINTED
    if wishes.enforced and not any(fulfils(term, room) for term in wishes.enforced[0]) and "NodeAffinity" in filters:
        return ENFORCED
    if (wishes.selector or wishes.affine) and not attracted(wishes, room) and "NodeAffinity" in filters:
        return UNFIT
    return None


def refused_by_use(demand: Demand, room: Room, used: Used, profile: Profile = DEFAULT) -> Refusal | None:
    """Tell why what is left on the node will not do; None if it will."""
    if demand.ports and taken(demand, used) and "NodePorts" in profile.filters:
        return PORTS_TAKEN
    found = lacking(demand, room, used)
    return found if found is None or "NodeResourcesFit" in profile.filters else None
