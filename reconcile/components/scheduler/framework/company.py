"""
Company: what nodes are to a pod by the other pods that are near, and by its volumes.

It follows after the filters and scores of `filtering` and `scoring`, in upstream's order, and says two things. Which of
the nodes that are left are refused, and why, as sets of nodes; and for those that will do what is added to their score:
groups of nodes, each with what it gets.

Source:   the scheduler framework's PreFilter, Filter, PreScore and Score, from VolumeRestrictions on.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from reconcile.components.scheduler.cache.census import OpenCensus
from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.cache.storage import Reserved
from reconcile.components.scheduler.cache.traits import NO_MOUNTS, Traits
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.own import OwnCycle
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins import (
    interpod_affinity,
    node_declared_features,
    node_volume_limits,
    pod_topology_spread,
    volume_binding,
    volume_restrictions,
    volume_zone,
)
from reconcile.components.scheduler.plugins.dynamic_resources import judging
from reconcile.components.scheduler.plugins.dynamic_resources.judging import Wanted

Refused: TypeAlias = "list[tuple[Refusal, int]]"
"""Why nodes are refused, and the set of those for each why; no node is in two."""

Groups: TypeAlias = "list[tuple[int, int]]"
"""What is added to a node's score, and the set of nodes that get it; each node that will do is in one."""


class Around(NamedTuple):
    """
    What a pod is judged in.

    Args:
        nodes: the node cache.
        views: the informer caches.
        reserved: what is decided about volumes.
        census: topologies and tallies.
        profile: which plugins take part, and with what weights.
        devices: what the pod wants of devices; None if nothing.
        own: those of the user's own; None if there are none.
    """

    nodes: Nodes
    views: Views
    reserved: Reserved
    census: OpenCensus
    profile: Profile = DEFAULT
    devices: Wanted | None = None
    own: OwnCycle | None = None


class Scores(NamedTuple):
    """What plugins that look at more than the node give to nodes, weighed; None where one has nothing to say."""

    spread: Groups | None
    affinity: Groups | None
    devices: Groups | None = None
    own: tuple[tuple[str, Groups], ...] = ()


def barred(pod: Any, traits: Traits, around: Around, *, conflicts: bool) -> Refusal | None:
    """
    Tell why no node at all is looked at for the pod; None if nothing keeps it from that.

    Args:
        pod: the pod.
        traits: its own.
        around: what it is judged in.
        conflicts: whether its required node affinity names nodes so that none is left.
    """
    mounts, views = traits.mounts, around.views
    checks: dict[str, str | None] = {
        "NodeAffinity": "pod affinity terms conflict" if conflicts else None,
        "DynamicResources": around.devices.barred if around.devices is not None else None,
    }
    if mounts.claims:
        checks["VolumeRestrictions"] = volume_restrictions.missing(mounts, views)
        checks["VolumeBinding"] = volume_binding.barred(pod, mounts, views)
        checks["VolumeZone"] = volume_zone.barred(mounts, views)
    for plugin in around.profile.prefilters:
        if checks.get(plugin):
            return Refusal(plugin, (checks[plugin] or "",), final=True)
    return None


def refused(traits: Traits, wishes: Wishes, left: int, around: Around) -> Refused:
    """
    Tell which of the nodes *left* are refused for volumes, for other pods, for devices, or for features.

    Raises:
        UnallocatableError: something is wrong with what is asked of devices.
    """
    nodes, census = around.nodes, around.census
    found: Refused = []
    if traits.mounts != NO_MOUNTS:
        found = _by_volumes(traits, left, around)
        left = _without(left, found)
    filters = around.profile.filters
    constraints = pod_topology_spread.hard(traits.spread) if traits.spread else ()
    if constraints and "PodTopologySpread" in filters:
        found += pod_topology_spread.refused(constraints, traits, wishes, left, census)
        left = _without(left, found)
    if (nodes.rules or traits.guise.rules) and "InterPodAffinity" in filters:
        found += interpod_affinity.refused(traits.guise, nodes, left, census, around.views.namespaces)
    if around.devices is not None and "DynamicResources" in filters:
        found += judging.refused(around.devices, nodes, _without(left, found), census)
    if wishes.features and node_declared_features.NAME in filters:
        found += node_declared_features.refused(wishes.features, nodes, _without(left, found))
    return [(refusal, members) for refusal, members in found if members] if found else found


def scored(pod: Any, traits: Traits, wishes: Wishes, fit: int, around: Around) -> Scores:
    """Score the nodes that will do by what other pods are near."""
    spread = affinity = None
    profile = around.profile
    if not profile.spread:
        pass
    elif traits.spread:
        constraints = pod_topology_spread.soft(traits.spread)
        if constraints:
            spread = pod_topology_spread.scored(constraints, traits, wishes, fit, around.census, everywhere=False)
    elif profile.spread_defaults is not None:
        pass  # they are the pod's own by now, if it belongs to anything
    elif selector := pod_topology_spread.belonging(pod, traits, around.views, around.census):
        spread = None
        if not (wishes.selector or wishes.affine):
            spread = pod_topology_spread.scored_by_default(selector, traits, fit, around.census)
        if spread is None:
            constraints = pod_topology_spread.system_defaults(selector)
            spread = pod_topology_spread.scored(constraints, traits, wishes, fit, around.census, everywhere=True)
    if spread is not None:
        spread = [(profile.spread * score, members) for score, members in spread]
    if (around.nodes.rules or traits.guise.rules) and profile.neighbours:
        namespaces, hard = around.views.namespaces, profile.hard_affinity
        if profile.ignores_preferred and not any(rule.role == "prefers" for rule in traits.guise.rules):
            return Scores(spread, None)
        found = interpod_affinity.scored(traits.guise, around.nodes, fit, around.census, namespaces, hard_weight=hard)
        affinity = None if found is None else [(profile.neighbours * score, members) for score, members in found]
    if around.devices is not None and profile.devices:
        ranked = judging.scored(around.devices, around.nodes, fit)
        devices = None if ranked is None else [(profile.devices * score, members) for score, members in ranked]
        return Scores(spread, affinity, devices)
    return Scores(spread, affinity)


def refined(groups: Groups, further: Groups) -> Groups:
    """Give the groups of nodes that are alike in both, with the sums of what they get."""
    found: dict[int, int] = {}
    for score, nodes in groups:
        for more, others in further:
            both = nodes & others
            if both:
                found[score + more] = found.get(score + more, 0) | both
    return sorted(found.items())


def _by_volumes(traits: Traits, left: int, around: Around) -> Refused:
    mounts, nodes, views, filters = traits.mounts, around.nodes, around.views, around.profile.filters
    found: Refused = []
    if "VolumeRestrictions" in filters:
        found = volume_restrictions.refused(mounts, nodes, left, views)
        left = _without(left, found)
    if mounts.claims and "NodeVolumeLimits" in filters:
        found += node_volume_limits.refused(mounts, nodes, left, views)
        left = _without(left, found)
    if mounts.claims and "VolumeBinding" in filters:
        found += volume_binding.refused(mounts, nodes, left, views, census=around.census, reserved=around.reserved)
        left = _without(left, found)
    if mounts.claims and "VolumeZone" in filters:
        found += volume_zone.refused(mounts, left, views, around.census)
    return found


def _without(left: int, found: Refused) -> int:
    for _, members in found:
        left &= ~members
    return left
