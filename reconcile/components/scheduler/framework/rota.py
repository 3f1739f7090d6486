"""
The rota: in which order nodes are looked at, and when enough of them have been found.

In a big cluster not every node is looked at for every pod: when enough are found that will do, the others are left for
the pods that follow, which begin where this one stopped. The order takes one node from each zone in turn.

Source:   the scheduler's nodeTree, numFeasibleNodesToFind, findNodesThatPassFilters. Upstream looks at sixteen nodes at
          a time, so that which it finds last is by chance; this looks at one after the other, as it does with a
          parallelism of one.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from reconcile.components.scheduler.cache.nodes import Fleet, nth, slots_in

LEAST: Final = 100
"""So many nodes that will do are always looked for."""
_LEAST_PERCENT: Final = 5
_PART: Final = 64


class Rota(NamedTuple):
    """
    The order of nodes.

    Args:
        seen: the position of the journal `altered` as of which it is.
        size: how many there are.
        slots: the nodes in order; none if that is the order of their slots.
        parts: the sets of so many of them each, one after the other.
    """

    seen: int
    size: int
    slots: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()


def wanted(nodes: int, share: int) -> int:
    """Tell how many nodes that will do are looked for, of *nodes* nodes, if *share* percent are asked for."""
    if nodes < LEAST:
        return nodes
    percent = share or max(50 - nodes // 125, _LEAST_PERCENT)
    return max(nodes * percent // 100, LEAST)


def in_order(old: Rota | None, fleet: Fleet) -> Rota:
    """Bring the order up to date; None is one that there is not yet."""
    seen = fleet.altered.end
    if old is not None and old.seen == seen:
        return old
    zones: dict[str, list[tuple[int, int]]] = {}
    for slot in slots_in(fleet.known):
        number, zone = fleet.joined[slot]
        zones.setdefault(zone, []).append((number, slot))
    lines = [[slot for _, slot in sorted(zones[zone])] for zone in sorted(zones, key=lambda zone: fleet.zones[zone][0])]
    longest = max([len(line) for line in lines], default=0)
    slots = [line[place] for place in range(longest) for line in lines if place < len(line)]
    if slots == list(range(len(slots))):
        return Rota(seen, len(slots))
    parts = [sum([1 << slot for slot in slots[place : place + _PART]]) for place in range(0, len(slots), _PART)]
    return Rota(seen, len(slots), tuple(slots), tuple(parts))


def sampled(rota: Rota, fit: int, start: int, count: int) -> tuple[int, int]:
    """
    Give the first *count* nodes that will do, and the place from which the next pod's search begins.

    Args:
        rota: the order of nodes.
        fit: the nodes that will do, if all are looked at.
        start: the place from which nodes are looked at.
        count: how many are looked for.
    """
    if not rota.size:
        return fit, 0
    start %= rota.size
    if fit.bit_count() <= count:
        # All are looked at, and so the next search begins where this one did.
        return fit, start
    if rota.slots:
        return _in_turn(rota, fit, start, count)
    late, early = fit >> start << start, fit & ((1 << start) - 1)
    if late.bit_count() > count:
        end = nth(late, count)
        return late & ((1 << end) - 1), end
    end = nth(early, count - late.bit_count())
    return late | (early & ((1 << end) - 1)), end


def _in_turn(rota: Rota, fit: int, start: int, count: int) -> tuple[int, int]:
    """Find them where the order is not that of the slots; more than *count* will do."""
    found, place = 0, start
    while True:
        part, offset = divmod(place, _PART)
        if not offset:
            here = fit & rota.parts[part]
            many = here.bit_count()
            if many <= count:
                found, count = found | here, count - many
                place = min(place + _PART, rota.size) % rota.size
                continue
        bit = 1 << rota.slots[place]
        if fit & bit:
            if not count:
                return found, place
            found, count = found | bit, count - 1
        place = (place + 1) % rota.size
