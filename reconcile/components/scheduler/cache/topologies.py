"""
Topologies: which nodes have the same value of a label, kept as nodes change.

Source:   the topology keys of the scheduler plugins PodTopologySpread and InterPodAffinity.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import attrs

from reconcile.components.scheduler.cache.nodes import Nodes, Room, since, slots_in
from reconcile.components.scheduler.cache.wishes import Toleration, Wishes
from reconcile.components.scheduler.plugins.node_affinity import attracted
from reconcile.components.scheduler.plugins.taint_toleration import tolerates
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

HOSTNAME: Final = "kubernetes.io/hostname"
ZONE: Final = "topology.kubernetes.io/zone"


class Scope(NamedTuple):
    """
    Which nodes a topology has.

    Args:
        keys: labels that they must have.
        wishes: what they must be, as node selector and node affinity of a pod say; none if that does not matter.
        tolerations: their taints must be tolerated by one of these; none if taints do not matter.
    """

    keys: tuple[str, ...] = ()
    wishes: tuple[Wishes, ...] = ()
    tolerations: tuple[tuple[Toleration, ...], ...] = ()


EVERYWHERE: Final = Scope()


@quick
@attrs.frozen(weakref_slot=False)
class Topology:
    """
    The domains of a topology key.

    Args:
        seen: how far the journal of altered nodes is read.
        places: slot -> the value that its node has.
        domains: value -> the nodes that have it.
        having: the nodes that have any.
    """

    seen: int = 0
    places: Table[int, str] = attrs.field(factory=Table)
    domains: Table[str, int] = attrs.field(factory=Table)
    having: int = 0


def mapped(old: Topology | None, key: str, scope: Scope, nodes: Nodes) -> Topology:
    """Bring the topology of *key* up to date; None is one that there is not yet."""
    fleet = nodes.fleet
    if old is not None and old.seen == fleet.altered.end:
        return old
    slots = None if old is None else since(fleet.altered, old.seen)
    if old is None or slots is None:
        return _anew(key, scope, nodes)
    places, domains, having = old.places, old.domains, old.having
    for slot in slots:
        bit = 1 << slot
        was, is_ = places.get(slot, None), _place(key, scope, fleet.rooms.get(slot, None))
        if was == is_:
            continue
        if was is not None:
            left = domains[was] & ~bit
            domains = domains.set(was, left) if left else domains.remove(was)
            places, having = places.remove(slot), having & ~bit
        if is_ is not None:
            domains = domains.set(is_, domains.get(is_, 0) | bit)
            places, having = places.set(slot, is_), having | bit
    return Topology(fleet.altered.end, places, domains, having)


def _anew(key: str, scope: Scope, nodes: Nodes) -> Topology:
    fleet = nodes.fleet
    places: dict[int, str] = {}
    domains: dict[str, int] = {}
    having = 0
    for slot in slots_in(fleet.known):
        place = _place(key, scope, fleet.rooms[slot])
        if place is not None:
            places[slot] = place
            domains[place] = domains.get(place, 0) | 1 << slot
            having |= 1 << slot
    return Topology(fleet.altered.end, Table.of(places.items()), Table.of(domains.items()), having)


def _place(key: str, scope: Scope, room: Room | None) -> str | None:
    if room is None or (scope != EVERYWHERE and not _eligible(scope, room)):
        return None
    place: str | None = room.labels.get(key)
    return place


def _eligible(scope: Scope, room: Room) -> bool:
    labels = room.labels
    return (
        all(key in labels for key in scope.keys)
        and all(attracted(wishes, room) for wishes in scope.wishes)
        and all(tolerates(Wishes(tolerations=each), room) for each in scope.tolerations)
    )
