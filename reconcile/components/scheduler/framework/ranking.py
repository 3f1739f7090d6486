"""
Ranking: which nodes will do for a pod and which of them is best, kept up to date instead of found out anew.

Pods are alike in two ways: `Demand` and `Wishes`. For each demand a `Ranking` sorts the nodes by what is left there;
for each wish a `Layout` sorts them by what they are. Both are sets of nodes (see nodes.py), so a pod's choice is the
cut of a few sets, at any size of cluster. When something changes on a node, only that node is looked at again, and only
when a pod of that demand, or those wishes, has its turn: each of them reads on in the journal where it stopped.

Source:   the scheduler's findNodesThatFitPod, prioritizeNodes, selectHost, which look at the nodes for each pod.
Left out: sampling: upstream stops looking when it has found some part of the nodes; this knows them all.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.scheduler.cache.demand import Demand, by_containers
from reconcile.components.scheduler.cache.nodes import NOTHING_USED, Nodes, moved_since, nth, since, slots_in
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.filtering import refused_by_node, refused_by_use
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile
from reconcile.components.scheduler.framework.scoring import USE_BEST, Merits, best_use, merits, score_of_use, weighed
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.lib.dice import Dice
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

_REFUSED: Final = USE_BEST + 1
"""The group of the first refusal; below it, a group's number is its score."""


@quick
@attrs.frozen(weakref_slot=False)
class Ranking:
    """
    The nodes, sorted by what is left there for one demand.

    Args:
        seen: how far the journal `moved` is read.
        groups: slot -> the number of its group.
        nodes: number of a group -> its nodes. Scores come first, then refusals.
        refusals: why the nodes in group `_REFUSED` + n are refused, for each n.
        scores: bit n is set if some node has score n.
        fit: the nodes that will do.
        base: the number of the first refusal.
    """

    seen: int = 0
    groups: Table[int, int] = attrs.field(factory=Table)
    nodes: tuple[int, ...] = (0,) * _REFUSED
    refusals: tuple[Refusal, ...] = ()
    scores: int = 0
    fit: int = 0
    base: int = _REFUSED


@quick
@attrs.frozen(weakref_slot=False)
class Layout:
    """
    The nodes, sorted by what they are to one set of wishes.

    Args:
        seen: how far the journal `altered` is read.
        groups: slot -> the number of its group.
        nodes: number of a group -> its nodes.
        kinds: number of a group -> why they are refused, or what their merits are.
        fit: the nodes that will do.
    """

    seen: int = 0
    groups: Table[int, int] = attrs.field(factory=Table)
    nodes: tuple[int, ...] = ()
    kinds: tuple[Refusal | Merits, ...] = ()
    fit: int = 0


def ranked(ranking: Ranking | None, demand: Demand, nodes: Nodes, profile: Profile = DEFAULT) -> Ranking:
    """Bring *ranking*, which is of *demand*, up to date with *nodes*; None is one that there is not yet."""
    if ranking is not None and ranking.seen == nodes.moved.end:
        return ranking
    slots = None if ranking is None else moved_since(nodes, ranking.seen)
    if ranking is None or slots is None:
        return ranked_anew(demand, nodes, slots_in(nodes.fleet.known), profile)
    return _ranked(ranking, demand, nodes, slots, profile)


def ranked_anew(demand: Demand, nodes: Nodes, slots: list[int], profile: Profile = DEFAULT) -> Ranking:
    """Sort the nodes in *slots*."""
    base = best_use(profile) + 1
    return _ranked(Ranking(nodes=(0,) * base, base=base), demand, nodes, tuple(slots), profile)


def laid_out(layout: Layout | None, wishes: Wishes, nodes: Nodes, profile: Profile = DEFAULT) -> Layout:
    """Bring *layout*, which is of *wishes*, up to date with *nodes*; None is one that there is not yet."""
    altered = nodes.fleet.altered
    if layout is not None and layout.seen == altered.end:
        return layout
    slots = None if layout is None else since(altered, layout.seen)
    if layout is None or slots is None:
        return laid_out_anew(wishes, nodes, slots_in(nodes.fleet.known), profile)
    return _laid_out(layout, wishes, nodes, slots, profile)


def laid_out_anew(wishes: Wishes, nodes: Nodes, slots: list[int], profile: Profile = DEFAULT) -> Layout:
    """Sort the nodes in *slots*."""
    return _laid_out(Layout(), wishes, nodes, tuple(slots), profile)


def best(
    ranking: Ranking,
    layout: Layout,
    wishes: Wishes,
    nodes: Nodes,
    fit: int,
    *,
    groups: list[tuple[int, int]],
    profile: Profile = DEFAULT,
) -> int:
    """
    Find the nodes that score highest: a set of them, empty if none will do.

    Args:
        ranking: of the pod's demand, up to date.
        layout: of its wishes, likewise.
        wishes: what it asks of nodes.
        nodes: the node cache.
        fit: the nodes that will do.
        groups: what is added to the scores of groups of them; none is added if there are no groups.
        profile: how what nodes have is weighed.
    """
    kinds, parts = [], []
    for kind, members in zip(layout.kinds, layout.nodes, strict=True):
        members &= fit  # noqa: PLW2901 -- the part of them that will do
        if members and kind.__class__ is Merits:
            kinds.append(kind)
            parts.append(members)
    # What all nodes are given alike does not tell them apart.
    bonuses = weighed(kinds, wishes, nodes.fleet, profile) if len(kinds) > 1 else [0] * len(kinds)
    if len(groups) > 1:
        pairs = [
            (bonus + more, members & group)
            for bonus, members in zip(bonuses, parts, strict=True)
            for more, group in groups
            if members & group
        ]
    else:
        more = groups[0][0] if groups else 0
        pairs = [(bonus + more, members) for bonus, members in zip(bonuses, parts, strict=True)]
    highest, found = -1, 0
    for bonus, members in pairs:
        scores = ranking.scores
        while scores:
            score = scores.bit_length() - 1
            if bonus + score < highest:
                break
            here = ranking.nodes[score] & members
            if here:
                if bonus + score > highest:
                    highest, found = bonus + score, 0
                found |= here
                break
            scores ^= 1 << score
    return found


def drawn(choice: int, dice: Dice) -> tuple[int, Dice]:
    """Draw one of the best nodes; nothing is drawn if there is but one."""
    count = choice.bit_count()
    if count == 1:
        return choice.bit_length() - 1, dice
    place, dice = dice.below(count)
    return nth(choice, place), dice


def refusals(ranking: Ranking, layout: Layout) -> list[tuple[Refusal, int]]:
    """Give why nodes will not do, and which for each why; the node itself is asked first."""
    found = [
        (kind, members)
        for kind, members in zip(layout.kinds, layout.nodes, strict=True)
        if members and isinstance(kind, Refusal)
    ]
    for kind, members in zip(ranking.refusals, ranking.nodes[ranking.base :], strict=True):
        both = members & layout.fit
        if both:
            found.append((kind, both))
    return sorted(found)


def _ranked(ranking: Ranking, demand: Demand, nodes: Nodes, slots: tuple[int, ...], profile: Profile) -> Ranking:
    if demand.apart:
        demand = by_containers(demand)
    groups, kinds = ranking.groups, ranking.refusals
    members = list(ranking.nodes)
    scores, fit, base = ranking.scores, ranking.fit, ranking.base
    rooms, all_used = nodes.fleet.rooms, nodes.used
    for slot in slots:
        old = groups.get(slot, -1)
        room = rooms.get(slot, None)
        if room is None:
            new = -1
        else:
            used = all_used.get(slot, NOTHING_USED)
            refusal = refused_by_use(demand, room, used, profile)
            if refusal is None:
                new = score_of_use(demand, room, used, profile)
            elif refusal in kinds:
                new = base + kinds.index(refusal)
            else:
                new = len(members)
                kinds = (*kinds, refusal)
                members.append(0)
        if new == old:
            continue
        bit = 1 << slot
        if old >= 0:
            left = members[old] = members[old] ^ bit
            if old < base:
                fit ^= bit
                if not left:
                    scores ^= 1 << old
        if new < 0:
            groups = groups.remove(slot)
            continue
        groups = groups.set(slot, new)
        members[new] |= bit
        if new < base:
            fit |= bit
            scores |= 1 << new
    return Ranking(nodes.moved.end, groups, tuple(members), kinds, scores, fit, base)


def _laid_out(layout: Layout, wishes: Wishes, nodes: Nodes, slots: tuple[int, ...], profile: Profile) -> Layout:
    groups, kinds, members = layout.groups, list(layout.kinds), list(layout.nodes)
    places = {kind: place for place, kind in enumerate(kinds)}
    fleet = nodes.fleet
    fit = layout.fit
    for slot in slots:
        old = groups.get(slot, -1)
        room = fleet.rooms.get(slot, None)
        bit = 1 << slot
        if old >= 0:
            members[old] ^= bit
            fit &= ~bit
        if room is None:
            groups = groups.remove(slot) if old >= 0 else groups
            continue
        kind: Refusal | Merits | None = refused_by_node(wishes, room, profile)
        if kind is None:
            kind = merits(wishes, room, fleet, slot)
            fit |= bit
        new = places.get(kind, -1)
        if new < 0:
            new = places[kind] = len(kinds)
            kinds.append(kind)
            members.append(0)
        members[new] |= bit
        if new != old:
            groups = groups.set(slot, new)
    return Layout(fleet.altered.end, groups, tuple(members), tuple(kinds), fit)
