"""
Raw: what plugins say of nodes before it is normalised and weighed.

Takes:    a pod's entry, the nodes that will do, what it is judged in.
Gives:    node -> plugin -> score.
Source:   the scheduler framework's Score, without NormalizeScore.
Left out: DynamicResources, of which what is normalised is given.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.components.scheduler.cache.demand import by_containers
from reconcile.components.scheduler.cache.nodes import NOTHING_USED, slots_in
from reconcile.components.scheduler.framework.company import Around
from reconcile.components.scheduler.framework.scoring import merits, score_of_balance, score_of_fit
from reconcile.components.scheduler.plugins import interpod_affinity, pod_topology_spread
from reconcile.components.scheduler.plugins.image_locality import locality
from reconcile.components.scheduler.queue.queue import Entry


def raw_of(entry: Entry, fit: int, around: Around, final: Mapping[int, Mapping[str, int]]) -> dict[int, dict[str, int]]:
    """
    Give what each plugin says of each node, before anything is made of it.

    Args:
        entry: the pod's.
        fit: the nodes that will do.
        around: what it is judged in.
        final: what was made of it: the plugins that have something to say, by slot.
    """
    nodes, profile, wishes = around.nodes, around.profile, entry.wishes
    spread = _by_slot(_spread(entry, fit, around))
    affinity = _by_slot(_affinity(entry, fit, around))
    own = {} if around.own is None else around.own.raw(fit)
    asked = by_containers(entry.demand)
    found: dict[int, dict[str, int]] = {}
    for slot, row in final.items():
        room, used = nodes.fleet.rooms[slot], nodes.used.get(slot, NOTHING_USED)
        has, name = merits(wishes, room, nodes.fleet, slot), nodes.fleet.names[slot]
        all_raw = {
            "TaintToleration": has.disliked,
            "NodeAffinity": has.preferred,
            "NodeResourcesFit": score_of_fit(asked, room, used, profile),
            "PodTopologySpread": spread.get(slot, 0),
            "InterPodAffinity": affinity.get(slot, 0),
            "NodeResourcesBalancedAllocation": score_of_balance(entry.demand, room, used, profile),
            "ImageLocality": locality(has.images, wishes, nodes.fleet) if has.images else 0,
            **{plugin: rows[name] for plugin, rows in own.items()},
        }
        found[slot] = {plugin: all_raw.get(plugin, score) for plugin, score in row.items()}
    return found


def _spread(entry: Entry, fit: int, around: Around) -> list[tuple[int, int]]:
    traits, census = entry.traits, around.census
    if traits.spread:
        constraints, everywhere = pod_topology_spread.soft(traits.spread), False
    else:
        selector = pod_topology_spread.belonging(entry.pod, traits, around.views, census)
        constraints, everywhere = pod_topology_spread.system_defaults(selector) if selector else (), True
    if not constraints or not around.profile.spread:
        return []
    return pod_topology_spread.scored(
        constraints, traits, entry.wishes, fit, census, everywhere=everywhere, normalised=_as_counted
    )


def _affinity(entry: Entry, fit: int, around: Around) -> list[tuple[int, int]]:
    found = interpod_affinity.scored(
        entry.traits.guise,
        around.nodes,
        fit,
        around.census,
        around.views.namespaces,
        hard_weight=around.profile.hard_affinity,
        raw_only=True,
    )
    return found or []


def _as_counted(groups: dict[int, int], ignored: int) -> list[tuple[int, int]]:
    return sorted({**groups, 0: groups.get(0, 0) | ignored}.items())


def _by_slot(groups: list[tuple[int, int]]) -> dict[int, int]:
    return {slot: score for score, members in groups for slot in slots_in(members)}
