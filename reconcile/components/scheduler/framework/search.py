"""
Search: which nodes will do for a pod, why the others will not, and what is added to the scores of those that will.

Source:   the scheduler's findNodesThatFitPod and prioritizeNodes.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.cache.wishes import pinned
from reconcile.components.scheduler.framework.company import Around, Refused, Scores, barred, refined, refused, scored
from reconcile.components.scheduler.framework.one_node import Body, Change, verdict
from reconcile.components.scheduler.framework.own import OwnCycle
from reconcile.components.scheduler.framework.ranking import Layout, Ranking, refusals
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.dynamic_resources.matching import UnallocatableError
from reconcile.components.scheduler.plugins.node_affinity import ELSEWHERE
from reconcile.components.scheduler.queue.queue import Entry
from reconcile.components.scheduler.state import Nominee
from reconcile.lib.table import Table


class Search(NamedTuple):
    """
    What is found for one pod.

    Args:
        fit: the nodes that will do.
        refused: why the others will not: all of them, but where *barred*.
        barred: why no node was looked at.
        error: what stopped the search; empty if nothing did.
    """

    fit: int
    refused: Refused
    barred: Refusal | None = None
    error: str = ""


def searched(entry: Entry, ranking: Ranking, layout: Layout, around: Around, nominated: Table[str, Nominee]) -> Search:
    """Look for nodes that will do; *ranking* and *layout* are those of the pod, up to date."""
    wishes = entry.wishes
    names = pinned(wishes) if wishes.required and "NodeAffinity" in around.profile.prefilters else None
    if names == () or entry.traits.mounts.claims or around.devices is not None:
        why = barred(entry.pod, entry.traits, around, conflicts=names == ())
        if why is not None:
            return Search(0, [], why)
    left = ranking.fit & layout.fit
    found = refusals(ranking, layout) if left != around.nodes.fleet.known else []
    try:
        company = refused(entry.traits, wishes, left, around)
    except UnallocatableError as error:
        return Search(0, [], error=f'running "DynamicResources" filter plugin: {error}')
    for _, members in company:
        left &= ~members
    found += company
    if nominated:
        left, found = _with_nominees(entry, left, found, around, nominated)
    if names is not None:
        looked_at = left
        for _, members in found:
            looked_at |= members
        found.append((ELSEWHERE, around.nodes.fleet.known & ~looked_at))
    search = Search(left, [(refusal, members) for refusal, members in found if members] if found else found)
    return search if around.own is None else _with_own(search, around.own, around)


def weighed_up(entry: Entry, fit: int, around: Around) -> tuple[Scores, list[tuple[int, int]]]:
    """Give what plugins that look at other pods say of the nodes that will do, and the groups with their sums."""
    scores = scored(entry.pod, entry.traits, entry.wishes, fit, around)
    groups = [each for each in scores[:3] if each is not None]
    if around.own is not None:
        scores = scores._replace(own=around.own.scored(fit))
        groups += [each for _, each in scores.own]
    if len(groups) < 2:  # noqa: PLR2004 -- there is nothing to put together
        return scores, groups[0] if groups else []
    return scores, reduce(refined, groups)


def promised(key: str, priority: int, nodes: Nodes, nominated: Table[str, Nominee]) -> dict[int, tuple[Body, ...]]:
    """Give the pods that are nominated to nodes and matter to a pod of this priority, by slot."""
    found: dict[int, tuple[Body, ...]] = {}
    for other, nominee in nominated.items():
        slot = nodes.fleet.slots.get(nominee.node, None)
        if other != key and nominee.traits.priority >= priority and slot is not None and slot in nodes.fleet.rooms:
            found[slot] = (*found.get(slot, ()), Body(nominee.demand, nominee.traits, other))
    return found


def key_of(pod: Any) -> str:
    """Give a pod's key."""
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _with_own(search: Search, own: OwnCycle, around: Around) -> Search:
    """Give what is found once the user's plugins have been asked as well."""
    why, names, who = own.looked()
    if why is not None:
        return Search(0, [], why)
    left, found = search.fit, search.refused
    if names is not None:
        fleet, among = around.nodes.fleet, 0
        for name in names:
            among |= 1 << fleet.slots[name] if name in fleet.slots else 0
        others = Refusal(who[0], (f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(who))}]",), final=True)
        left &= among
        found = [(refusal, members & among) for refusal, members in found]
        found.append((others, fleet.known & ~among))
    mine = own.refused(left)
    for _, members in mine:
        left &= ~members
    return Search(left, [(refusal, members) for refusal, members in (*found, *mine) if members])


def _with_nominees(
    entry: Entry, left: int, found: Refused, around: Around, nominated: Table[str, Nominee]
) -> tuple[int, Refused]:
    """Judge nodes that are promised to others as if these were there already, and as they are."""
    body = Body(entry.demand, entry.traits)
    for slot, bodies in promised(key_of(entry.pod), entry.traits.priority, around.nodes, nominated).items():
        bit = 1 << slot
        if not left & bit:
            continue
        refusal = verdict(body, entry.wishes, slot, around, Change(came=bodies))
        if refusal is not None:
            left &= ~bit
            found.append((refusal, bit))
    return left, found
