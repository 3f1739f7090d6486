"""
Tallies: how many pods of some kind each node has (`Headcount`), and each domain of a topology (`Tally`), kept as pods
come and go.

Both say it the way that a decision asks for it: number of pods -> the set of nodes that have it.

Source:   the counts of the scheduler plugins PodTopologySpread and InterPodAffinity, which they take anew for each pod.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from reconcile.components.scheduler.cache.guises import ALL, Guise, Sought, is_sought
from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.cache.topologies import Topology
from reconcile.lib.quick import quick
from reconcile.lib.table import Table


@quick
@attrs.frozen(weakref_slot=False)
class Crowd:
    """
    Where pods of each guise are: what a new tally begins with.

    Args:
        seen: how far the journal of moves is read.
        here: guise -> slot -> how many.
    """

    seen: int = 0
    here: Table[Guise, Table[int, int]] = attrs.field(factory=Table)


@quick
@attrs.frozen(weakref_slot=False)
class Headcount:
    """
    How many pods each node has of those that are sought.

    Args:
        seen: how far the journal of moves is read.
        counts: slot -> pods, where there are any.
        levels: nodes with one pod, with two, and so on.
    """

    seen: int = 0
    counts: Table[int, int] = attrs.field(factory=Table)
    levels: tuple[int, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Tally:
    """
    How many pods each domain has of those that are sought.

    Args:
        seen: how far the journal of moves is read.
        counted: the topology whose nodes' pods are counted.
        shown: the topology whose nodes are told how many there are in their domain.
        counts: slot -> pods, where there are any.
        domains: value -> pods, for each domain of *counted*.
        levels: number of pods -> the nodes of *shown* whose domain has so many; domains of *counted* only.
    """

    seen: int
    counted: Topology
    shown: Topology
    counts: Table[int, int]
    domains: Table[str, int]
    levels: Table[int, int]

    @property
    def occupied(self) -> int:
        """The nodes whose domain has any."""
        found = 0
        for pods, nodes in self.levels.items():
            if pods > 0:
                found |= nodes
        return found


def moves_since(nodes: Nodes, seen: int, sought: Sought) -> dict[int, int] | None:
    """Give how many sought pods came to, or left, each slot since *seen*; None if that is too long ago."""
    journal = nodes.moved
    if seen < journal.start:
        return None
    found: dict[int, int] = {}
    for slot, guise, sign in journal.between(seen, journal.end):
        if guise is not None and is_sought(sought, guise):
            found[slot] = found.get(slot, 0) + sign
    return found


def crowd_of(placed: Iterable[tuple[int, Guise]], seen: int) -> Crowd:
    """Gather pods by guise: each is a slot and a guise."""
    here: dict[Guise, dict[int, int]] = {}
    for slot, guise in placed:
        slots = here.setdefault(guise, {})
        slots[slot] = slots.get(slot, 0) + 1
    return Crowd(seen, Table.of([(guise, Table.of(slots.items())) for guise, slots in here.items()]))


def gathered(crowd: Crowd, nodes: Nodes) -> Crowd | None:
    """Bring a crowd up to date; None if it is too old for that."""
    journal = nodes.moved
    if crowd.seen < journal.start:
        return None
    here = crowd.here
    for slot, guise, sign in journal.between(crowd.seen, journal.end):
        if guise is None:
            continue
        slots = here.get(guise, None) or Table()
        pods = slots.get(slot, 0) + sign
        slots = slots.set(slot, pods) if pods else slots.remove(slot)
        here = here.set(guise, slots) if slots else here.remove(guise)
    return Crowd(journal.end, here)


def counted_in(crowd: Crowd, sought: Sought) -> dict[int, int]:
    """Count the sought pods of each slot."""
    found: dict[int, int] = {}
    for guise, slots in _candidates(crowd, sought):
        if is_sought(sought, guise):
            for slot, pods in slots.items():
                found[slot] = found.get(slot, 0) + pods
    return found


def _candidates(crowd: Crowd, sought: Sought) -> Iterable[tuple[Guise, Table[int, int]]]:
    namespaces = sought.terms[0][0] if sought.terms else ALL
    if namespaces == ALL:
        return crowd.here.items()
    found: list[tuple[Guise, Table[int, int]]] = []
    for name in namespaces:
        found += crowd.here.between(Guise(name), Guise(f"{name}\0"))
    return found


def headcount(old: Headcount | None, moves: dict[int, int], seen: int) -> Headcount:
    """Take *moves* into a headcount; None is one that there is not yet."""
    counts = old.counts if old is not None else Table()
    levels = [*old.levels] if old is not None else []
    for slot, change in moves.items():
        if not change:
            continue
        was = counts.get(slot, 0)
        pods = was + change
        bit = 1 << slot
        if was:
            levels[was - 1] ^= bit
        if pods:
            counts = counts.set(slot, pods)
            while len(levels) < pods:
                levels.append(0)
            levels[pods - 1] |= bit
        else:
            counts = counts.remove(slot)
    return Headcount(seen, counts, tuple(levels))


def tallied(old: Tally | None, moves: dict[int, int], seen: int, counted: Topology, shown: Topology) -> Tally:
    """Take *moves* and what nodes are by now into a tally; None is one that there is not yet."""
    if old is None or old.counted.places is not counted.places or old.shown.places is not shown.places:
        counts = dict(old.counts.items()) if old is not None else {}
        for slot, change in moves.items():
            counts[slot] = counts.get(slot, 0) + change
        return _anew({slot: pods for slot, pods in counts.items() if pods}, seen, counted, shown)
    counts_, domains, levels = old.counts, old.domains, old.levels
    for slot, change in moves.items():
        if not change:
            continue
        pods = counts_.get(slot, 0) + change
        counts_ = counts_.set(slot, pods) if pods else counts_.remove(slot)
        place = counted.places.get(slot, None)
        if place is None:
            continue
        was = domains[place]
        domains = domains.set(place, was + change)
        here = shown.domains.get(place, 0)
        left = levels[was] & ~here
        levels = levels.set(was, left) if left else levels.remove(was)
        levels = levels.set(was + change, levels.get(was + change, 0) | here)
    return Tally(seen, counted, shown, counts_, domains, levels)


def _anew(counts: dict[int, int], seen: int, counted: Topology, shown: Topology) -> Tally:
    domains = dict.fromkeys(counted.domains.keys(), 0)
    for slot, pods in counts.items():
        place = counted.places.get(slot, None)
        if place is not None:
            domains[place] += pods
    levels: dict[int, int] = {}
    for place, pods in domains.items():
        levels[pods] = levels.get(pods, 0) | shown.domains.get(place, 0)
    return Tally(seen, counted, shown, Table.of(counts.items()), Table.of(domains.items()), Table.of(levels.items()))
