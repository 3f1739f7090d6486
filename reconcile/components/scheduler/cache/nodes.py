"""
The node cache: what the scheduler knows of every node, and what it has put there or seen there.

Each node has a slot, a small number that stands for it in sets of nodes. A set of nodes is an integer, bit n for slot
n: immutable, small (625 bytes for 5,000 nodes), and cut, joined and counted in a tenth of a microsecond.

Whatever changes about a slot is written down in one of two journals, so that whoever derives something from nodes can
catch up with the changes since it last looked.

Source:   the scheduler's cache: nodes, assumed pods, image states.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import attrs

from reconcile.components.scheduler.cache.demand import Demand, Port, amount
from reconcile.components.scheduler.cache.guises import Guise, Rule
from reconcile.components.scheduler.cache.traits import NO_MOUNTS, Mounts, Traits
from reconcile.components.scheduler.cache.wishes import tagged
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table

# A journal that grew by more than this and by more than there are nodes is cut:
# whoever lags so far looks at every node again, which then is cheaper.
_JOURNAL: Final = 1024
_WIDTH: Final = 60
_WORD: Final = (1 << _WIDTH) - 1
_FEW: Final = 4  # as many bits are sooner taken away one by one

Move: TypeAlias = "tuple[int, Guise | None, int]"
"""A slot, and the guise of a pod that came there (1) or left (-1); None and 0 where only the node changed."""


@quick
@attrs.frozen(weakref_slot=False)
class Room:
    """
    A node as its object describes it.

    Args:
        name: the node's.
        cpu: allocatable, in thousandths of a core.
        memory: allocatable, in bytes.
        storage: allocatable ephemeral storage, in bytes.
        pods: how many it may run.
        others: every other allocatable resource.
        labels: the node's.
        taints: (key, value, effect).
        unschedulable: whether it is cordoned.
        images: what it has, as (name, size), sorted.
        features: what its kubelet declares.
    """

    name: str
    cpu: int
    memory: int
    storage: int
    pods: int
    others: Map[int]
    labels: Map[str]
    taints: tuple[tuple[str, str, str], ...]
    unschedulable: bool
    images: tuple[tuple[str, int], ...]
    features: tuple[str, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Used:
    """What pods take of a node, in the units of `Demand`."""

    cpu: int = 0
    memory: int = 0
    storage: int = 0
    pods: int = 0
    others: tuple[tuple[str, int], ...] = ()
    scored_cpu: int = 0
    scored_memory: int = 0
    ports: tuple[Port, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Image:
    """An image's size, as the first node that had it reported, and the set of nodes that have it."""

    size: int
    nodes: int


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Fleet:
    """
    What changes when nodes do.

    Args:
        slots: name -> slot.
        rooms: slot -> Room; a slot without one has pods of a node that is not known (any more).
        names: slot -> name.
        vacant: the set of slots that can be given out again, as if they were nodes.
        known: the set of nodes that have a Room.
        images: image -> Image.
        altered: journal of slots whose Room changed.
        joined: slot -> when the node came to its zone, as a number, and that zone.
        zones: zone -> when it was first seen, and how many nodes it has.
        arrivals: counts nodes that came to a zone.
    """

    slots: Table[str, int] = attrs.field(factory=Table)
    rooms: Table[int, Room] = attrs.field(factory=Table)
    names: Table[int, str] = attrs.field(factory=Table)
    vacant: int = 0
    known: int = attrs.field(default=0, eq=False)
    images: Table[str, Image] = attrs.field(factory=Table)
    altered: Sequence[int] = attrs.field(factory=Sequence, eq=False)
    joined: Table[int, tuple[int, str]] = attrs.field(factory=Table)
    zones: Table[str, tuple[int, int]] = attrs.field(factory=Table)
    arrivals: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Nodes:
    """
    The cache.

    Args:
        fleet: what changes when nodes do.
        used: slot -> what pods take there.
        moved: journal of slots where something changed that resources and ports depend on.
        rules: rule -> how many pods there are that have it.
        mounts: slot -> the volumes that pods there share.
        claims: claim -> how many pods there are that mount it.
        ranks: priority, other than 0 -> how many pods there are of it.
    """

    fleet: Fleet = attrs.field(factory=Fleet)
    used: Table[int, Used] = attrs.field(factory=Table)
    moved: Sequence[Move] = attrs.field(factory=Sequence, eq=False)
    rules: Table[Rule, int] = attrs.field(factory=Table)
    mounts: Table[int, tuple[Mounts, ...]] = attrs.field(factory=Table)
    claims: Table[str, int] = attrs.field(factory=Table)
    ranks: Table[int, int] = attrs.field(factory=Table)


NOTHING_USED: Final = Used()


def room_of(node: Any) -> Room:
    """Give what filters and scores look at in a Node."""
    spec, status, metadata = node.spec, node.status, node.metadata
    allocatable = dict((status.allocatable if status is not None else None) or {})
    amounts = {name: amount(name, quantity) for name, quantity in allocatable.items()}
    taints = (spec.taints if spec is not None else None) or ()
    images = (status.images if status is not None else None) or ()
    return Room(
        metadata.name,
        amounts.pop("cpu", 0),
        amounts.pop("memory", 0),
        amounts.pop("ephemeral-storage", 0),
        amounts.pop("pods", 0),
        Map(amounts),
        Map.of(metadata.labels or {}),
        tuple([(taint.key, taint.value or "", taint.effect) for taint in taints]),
        bool(spec is not None and spec.unschedulable),
        tuple(sorted({tagged(name): image.size_bytes or 0 for image in images for name in image.names or ()}.items())),
        (status.declared_features if status is not None else None) or (),
    )


def same_room(old: Any, new: Any) -> bool:
    """Tell at a glance that two versions of a Node have the same Room; False if it needs a closer look."""
    return (
        old is not None
        and old.metadata.labels is new.metadata.labels
        and old.spec is new.spec
        and old.status is not None
        and new.status is not None
        and old.status.allocatable is new.status.allocatable
        and old.status.images is new.status.images
        and old.status.declared_features is new.status.declared_features
    )


def with_room(nodes: Nodes, room: Room) -> Nodes:
    """Take in that a node is as *room* says."""
    nodes, slot = _with_slot(nodes, room.name)
    fleet = nodes.fleet
    old = fleet.rooms.get(slot, None)
    if old == room:
        return nodes
    fleet = replace(
        fleet,
        rooms=fleet.rooms.set(slot, room),
        known=fleet.known | 1 << slot,
        images=_filed(fleet.images, slot, old.images if old is not None else (), room.images),
        altered=_noted(fleet.altered, slot, len(fleet.rooms)),
    )
    if old is None or _zone(old) != _zone(room):
        fleet = _come(fleet if old is None else _gone(fleet, slot), slot, _zone(room))
    return replace(nodes, fleet=fleet, moved=_noted(nodes.moved, (slot, None, 0), len(fleet.rooms)))


def without_room(nodes: Nodes, name: str) -> Nodes:
    """Take in that there is no such node (any more); pods that are known to be there stay counted."""
    fleet = nodes.fleet
    slot = fleet.slots.get(name, None)
    if slot is None or slot not in fleet.rooms:
        return nodes
    fleet = replace(
        fleet,
        rooms=fleet.rooms.remove(slot),
        known=fleet.known & ~(1 << slot),
        images=_filed(fleet.images, slot, fleet.rooms[slot].images, ()),
        altered=_noted(fleet.altered, slot, len(fleet.rooms)),
    )
    moved = _noted(nodes.moved, (slot, None, 0), len(fleet.rooms))
    return _vacated(replace(nodes, fleet=_gone(fleet, slot), moved=moved), slot)


def with_pod(nodes: Nodes, name: str, demand: Demand, traits: Traits = Traits()) -> Nodes:  # noqa: B008 -- immutable
    """Take in that a pod like this is on the node."""
    nodes, slot = _with_slot(nodes, name)
    used = used_with(nodes.used.get(slot, NOTHING_USED), demand)
    guise = traits.guise
    moved = _noted(nodes.moved, (slot, guise, 1), len(nodes.fleet.rooms))
    after: Nodes = copier(Nodes, "used", "moved")(nodes, nodes.used.set(slot, used), moved)
    if guise.rules or traits.priority or traits.mounts != NO_MOUNTS:
        return _with_traits(after, slot, traits, 1)
    return after


def without_pod(nodes: Nodes, name: str, demand: Demand, traits: Traits = Traits()) -> Nodes:  # noqa: B008
    """Take in that a pod like this, which was on the node, is not there any more."""
    slot = nodes.fleet.slots[name]
    used = used_without(nodes.used[slot], demand)
    guise = traits.guise
    moved = _noted(nodes.moved, (slot, guise, -1), len(nodes.fleet.rooms))
    if guise.rules or traits.priority or traits.mounts != NO_MOUNTS:
        nodes = _with_traits(nodes, slot, traits, -1)
    if used.pods:
        return replace(nodes, used=nodes.used.set(slot, used), moved=moved)
    return _vacated(replace(nodes, used=nodes.used.remove(slot), moved=moved), slot)


def used_with(old: Used, demand: Demand) -> Used:
    """Give what is used with one pod more."""
    return Used(
        old.cpu + demand.cpu,
        old.memory + demand.memory,
        old.storage + demand.storage,
        old.pods + 1,
        _sum(old.others, demand.others, 1) if demand.others else old.others,
        old.scored_cpu + demand.scored_cpu,
        old.scored_memory + demand.scored_memory,
        tuple(sorted((*old.ports, *demand.ports))) if demand.ports else old.ports,
    )


def used_without(old: Used, demand: Demand) -> Used:
    """Give what is used with one pod less."""
    ports = list(old.ports)
    for port in demand.ports:
        ports.remove(port)
    return Used(
        old.cpu - demand.cpu,
        old.memory - demand.memory,
        old.storage - demand.storage,
        old.pods - 1,
        _sum(old.others, demand.others, -1) if demand.others else old.others,
        old.scored_cpu - demand.scored_cpu,
        old.scored_memory - demand.scored_memory,
        tuple(ports),
    )


def in_other_guise(nodes: Nodes, name: str, old: Guise, new: Guise) -> Nodes:
    """Take in that a pod on the node looks different from now on."""
    slot = nodes.fleet.slots[name]
    count = len(nodes.fleet.rooms)
    moved = _noted(_noted(nodes.moved, (slot, old, -1), count), (slot, new, 1), count)
    rules = _with_rules(_with_rules(nodes.rules, old, -1), new, 1) if old.rules != new.rules else nodes.rules
    return replace(nodes, moved=moved, rules=rules)


def moved_since(nodes: Nodes, seen: int) -> tuple[int, ...] | None:
    """Give the slots where something moved since position *seen*, each once; None if that is too long ago."""
    journal = nodes.moved
    if seen < journal.start:
        return None
    found = journal.between(seen, journal.end)
    if len(found) == 1:
        return (found[0][0],)
    return tuple(dict.fromkeys([move[0] for move in found]))


def since(journal: Sequence[int], seen: int) -> tuple[int, ...] | None:
    """Give the slots that a journal names since position *seen*, each once; None if that is too long ago."""
    if seen < journal.start:
        return None
    found = journal.between(seen, journal.end)
    return tuple(dict.fromkeys(found)) if len(found) > 1 else found


def slots_in(chosen: int) -> list[int]:
    """Give the slots of a set of nodes, in order."""
    found = []
    while chosen:
        lowest = chosen & -chosen
        found.append(lowest.bit_length() - 1)
        chosen ^= lowest
    return found


def slots_from(chosen: int, place: int) -> Iterator[int]:
    """Give the slots of a set of nodes in order, beginning with the one at *place*, and then those before it."""
    before = chosen & ((1 << nth(chosen, place)) - 1)
    for part in (chosen ^ before, before):
        base, rest = 0, part
        while rest:
            # A word at a time: of a small number the lowest bit is found sooner.
            word = rest & _WORD
            while word:
                lowest = word & -word
                yield base + lowest.bit_length() - 1
                word ^= lowest
            rest >>= _WIDTH
            base += _WIDTH


def nth(chosen: int, place: int) -> int:
    """Give the slot that is at *place*, from 0, in a set of nodes: halves are counted until few come before it."""
    base = 0
    width = 1 << max(chosen.bit_length() - 1, 0).bit_length()
    while place > _FEW:
        width >>= 1
        low = chosen & ((1 << width) - 1)
        below = low.bit_count()
        if place < below:
            chosen = low
        else:
            place -= below
            base += width
            chosen >>= width
    while place:
        chosen &= chosen - 1
        place -= 1
    return base + (chosen & -chosen).bit_length() - 1


def _with_slot(nodes: Nodes, name: str) -> tuple[Nodes, int]:
    fleet = nodes.fleet
    slot = fleet.slots.get(name, None)
    if slot is not None:
        return nodes, slot
    vacant = fleet.vacant
    slot = (vacant & -vacant).bit_length() - 1 if vacant else len(fleet.slots)
    fleet = replace(
        fleet, slots=fleet.slots.set(name, slot), names=fleet.names.set(slot, name), vacant=vacant & (vacant - 1)
    )
    return replace(nodes, fleet=fleet), slot


def _zone(room: Room) -> str:
    """Give the zone by which nodes are taken in turn: that of its region; empty if the node says neither."""
    labels = room.labels
    region = labels.get("failure-domain.beta.kubernetes.io/region", labels.get("topology.kubernetes.io/region", ""))
    zone = labels.get("failure-domain.beta.kubernetes.io/zone", labels.get("topology.kubernetes.io/zone", ""))
    return f"{region}:\0:{zone}" if region or zone else ""


def _come(fleet: Fleet, slot: int, zone: str) -> Fleet:
    number = fleet.arrivals
    opened, count = fleet.zones.get(zone, (number, 0))
    return replace(
        fleet,
        joined=fleet.joined.set(slot, (number, zone)),
        zones=fleet.zones.set(zone, (opened, count + 1)),
        arrivals=number + 1,
    )


def _gone(fleet: Fleet, slot: int) -> Fleet:
    _, zone = fleet.joined[slot]
    opened, count = fleet.zones[zone]
    zones = fleet.zones.set(zone, (opened, count - 1)) if count > 1 else fleet.zones.remove(zone)
    return replace(fleet, joined=fleet.joined.remove(slot), zones=zones)


def _vacated(nodes: Nodes, slot: int) -> Nodes:
    """Give the slot back if neither a node nor a pod is there."""
    fleet = nodes.fleet
    if slot in fleet.rooms or slot in nodes.used:
        return nodes
    fleet = replace(
        fleet,
        slots=fleet.slots.remove(fleet.names[slot]),
        names=fleet.names.remove(slot),
        vacant=fleet.vacant | 1 << slot,
    )
    return replace(nodes, fleet=fleet)


def _with_traits(nodes: Nodes, slot: int, traits: Traits, sign: int) -> Nodes:
    guise, mounts = traits.guise, traits.mounts
    if guise.rules:
        nodes = replace(nodes, rules=_with_rules(nodes.rules, guise, sign))
    if traits.priority:
        nodes = replace(nodes, ranks=_counted(nodes.ranks, traits.priority, sign))
    if mounts == NO_MOUNTS:
        return nodes
    here = [*nodes.mounts.get(slot, ())]
    if sign > 0:
        here.append(mounts)
    else:
        here.remove(mounts)
    claims = nodes.claims
    for claim in mounts.claims:
        claims = _counted(claims, claim, sign)
    mounted = nodes.mounts.set(slot, tuple(here)) if here else nodes.mounts.remove(slot)
    return replace(nodes, mounts=mounted, claims=claims)


def _with_rules(rules: Table[Rule, int], guise: Guise, sign: int) -> Table[Rule, int]:
    for rule in guise.rules:
        rules = _counted(rules, rule, sign)
    return rules


def _counted(counts: Table[Any, int], key: Any, change: int) -> Table[Any, int]:
    count = counts.get(key, 0) + change
    return counts.set(key, count) if count else counts.remove(key)


def _filed(
    images: Table[str, Image], slot: int, old: tuple[tuple[str, int], ...], new: tuple[tuple[str, int], ...]
) -> Table[str, Image]:
    if old == new:
        return images
    bit = 1 << slot
    # Most images stay as they are; but a node that is alone in having one says anew how big it is.
    stays = [row for row in old if row in new and (images[row[0]].size == row[1] or images[row[0]].nodes != bit)]
    for name, size in old:
        if (name, size) not in stays:
            left = images[name].nodes & ~bit
            images = images.set(name, Image(images[name].size, left)) if left else images.remove(name)
    for name, size in new:
        if (name, size) in stays:
            continue
        image = images.get(name, None)
        images = images.set(name, Image(size, bit) if image is None else Image(image.size, image.nodes | bit))
    return images


def _noted(journal: Sequence[Any], entry: Any, nodes: int) -> Sequence[Any]:
    journal = journal.append(entry)
    length = max(nodes, _JOURNAL)
    if journal.end - journal.start > 2 * length:
        return journal.forget(journal.end - length)
    return journal


def _sum(
    one: tuple[tuple[str, int], ...], other: tuple[tuple[str, int], ...], sign: int
) -> tuple[tuple[str, int], ...]:
    total = dict(one)
    for name, each in other:
        total[name] = total.get(name, 0) + sign * each
    return tuple(sorted([(name, each) for name, each in total.items() if each]))
