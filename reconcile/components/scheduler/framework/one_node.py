"""
One node: whether it will do for a pod if some pods came there, or some were gone.

It asks the same indexes as the sets do, and adds and takes away what would change. Preemption asks it, and so does the
choice of nodes that other pods have been promised.

Source:   the scheduler framework's RunFilterPluginsWithNominatedPods, AddPod and RemovePod of PreFilterExtensions.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import attrs

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.guises import Guise, PodTerm, Sought, is_sought, means, selects
from reconcile.components.scheduler.cache.nodes import NOTHING_USED, Room, Used, used_with, used_without
from reconcile.components.scheduler.cache.tallies import Tally
from reconcile.components.scheduler.cache.traits import NO_MOUNTS, Constraint, Mounts, Traits
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.company import Around, Refused
from reconcile.components.scheduler.framework.filtering import refused_by_node, refused_by_use
from reconcile.components.scheduler.framework.profile import FILTERS, Profile
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins import interpod_affinity as affinity
from reconcile.components.scheduler.plugins import (
    node_declared_features,
    node_volume_limits,
    volume_binding,
    volume_restrictions,
    volume_zone,
)
from reconcile.components.scheduler.plugins import pod_topology_spread as spread
from reconcile.components.scheduler.plugins.dynamic_resources import judging


class Body(NamedTuple):
    """A pod as far as other pods are concerned: what it takes, what it is, and its key where that matters."""

    demand: Demand
    traits: Traits
    key: str = ""


class Change(NamedTuple):
    """Pods that come to a node, and pods that leave it."""

    came: tuple[Body, ...] = ()
    gone: tuple[Body, ...] = ()


NO_CHANGE = Change()


def verdict(body: Body, wishes: Wishes, slot: int, around: Around, change: Change = NO_CHANGE) -> Refusal | None:
    """Tell why the node will not do, given the change; None if it will."""
    if around.profile.order:
        return _in_order(body, wishes, slot, around, change)
    nodes, traits = around.nodes, body.traits
    room = nodes.fleet.rooms[slot]
    profile = around.profile
    found = refused_by_node(wishes, room, profile)
    if found is None:
        found = refused_by_use(body.demand, room, _used(slot, around, change), profile)
    if found is None and traits.mounts != NO_MOUNTS:
        found = _by_volumes(traits.mounts, slot, around, change)
    if found is None and traits.spread and "PodTopologySpread" in profile.filters:
        found = _by_spread(traits, wishes, slot, around, change)
    if found is None and "InterPodAffinity" in profile.filters:
        found = _by_neighbours(traits.guise, slot, around, change)
    if found is None and around.devices is not None and "DynamicResources" in profile.filters:
        found = judging.refusal_on(around.devices, nodes, slot, around.census)
    if found is None:
        found = _by_features(wishes, room, profile)
    if found is None and around.own is not None:
        found = around.own.refusal(slot, [each.key for each in change.came], [each.key for each in change.gone])
    return found


def alone_on(body: Body, wishes: Wishes, slot: int, used: Used, around: Around) -> Refusal | None:
    """Tell why the node will not do for a pod to which nothing counts but the node and what is *used* of it."""
    room, profile = around.nodes.fleet.rooms[slot], around.profile
    found = refused_by_node(wishes, room, profile)
    if found is None:
        found = refused_by_use(body.demand, room, used, profile)
    return found if found is not None else _by_features(wishes, room, profile)


def _by_features(wishes: Wishes, room: Room, profile: Profile) -> Refusal | None:
    if not wishes.features or node_declared_features.NAME not in profile.filters:
        return None
    return None if {*wishes.features} <= {*room.features} else node_declared_features.UNDECLARED


def _in_order(body: Body, wishes: Wishes, slot: int, around: Around, change: Change) -> Refusal | None:
    """Ask one filter after the other, in the order of the profile."""
    came, gone = [each.key for each in change.came], [each.key for each in change.gone]
    for name in around.profile.order:
        if name in FILTERS:
            alone = attrs.evolve(around.profile, filters=(name,), order=())
            found = verdict(body, wishes, slot, around._replace(profile=alone, own=None), change)
        else:
            found = None if around.own is None else around.own.refusal(slot, came, gone, only=name)
        if found is not None:
            return found
    return None


def _used(slot: int, around: Around, change: Change) -> Used:
    used = around.nodes.used.get(slot, NOTHING_USED)
    for each in change.gone:
        used = used_without(used, each.demand)
    for each in change.came:
        used = used_with(used, each.demand)
    return used


def _by_volumes(mounts: Mounts, slot: int, around: Around, change: Change) -> Refusal | None:
    nodes, views, bit = around.nodes, around.views, 1 << slot
    there = [*nodes.mounts.get(slot, ())]
    for each in change.gone:
        if each.traits.mounts != NO_MOUNTS:
            there.remove(each.traits.mounts)
    there += [each.traits.mounts for each in change.came]
    filters = around.profile.filters
    restricts = "VolumeRestrictions" in filters
    if restricts and mounts.disks and volume_restrictions.conflicts(mounts, tuple(there)):
        return volume_restrictions.NO_DISK
    for key in volume_restrictions.exclusive(mounts, views) if restricts else ():
        count = nodes.claims.get(key, 0)
        count -= sum([key in each.traits.mounts.claims for each in change.gone])
        count += sum([key in each.traits.mounts.claims for each in change.came])
        if count > 0:
            return volume_restrictions.IN_USE
    if not mounts.claims:
        return None
    csi_node = views.csi_nodes.get(nodes.fleet.names[slot], None)
    limits = "NodeVolumeLimits" in filters
    if (
        limits
        and csi_node is not None
        and node_volume_limits.exceeds(node_volume_limits.attachable((mounts,), views), tuple(there), csi_node, views)
    ):
        return node_volume_limits.TOO_MANY
    found: Refused = []
    if "VolumeBinding" in filters:
        found += volume_binding.refused(mounts, nodes, bit, views, census=around.census, reserved=around.reserved)
    if "VolumeZone" in filters:
        found += volume_zone.refused(mounts, bit, views, around.census)
    return next((refusal for refusal, members in found if members), None)


def _by_spread(traits: Traits, wishes: Wishes, slot: int, around: Around, change: Change) -> Refusal | None:
    constraints = spread.hard(traits.spread)
    for constraint, tally in spread.tallies(constraints, traits, wishes, around.census):
        place = tally.shown.places.get(slot, None)
        if place is None:
            return spread.UNLABELLED
        more = _matching(constraint, traits.guise.namespace, change) if slot in tally.counted.places else 0
        pods = tally.domains.get(place, 0) + more
        if pods > spread.most_allowed(constraint, traits.guise, _least(tally, constraint, place, pods, more)):
            return spread.SKEWED
    return None


def _matching(constraint: Constraint, namespace: str, change: Change) -> int:
    """Count who comes less who leaves; one that is being deleted counts here, as upstream has it."""
    return _net(change, lambda guise: guise.namespace == namespace and selects(constraint.selector, guise.labels))


def _least(tally: Tally, constraint: Constraint, place: str, pods: int, more: int) -> int:
    if not more or len(tally.domains) < constraint.min_domains:
        return spread.least(tally, constraint)
    if more < 0:
        return min(spread.least(tally, constraint), pods)
    return min([pods, *[count for name, count in tally.domains.items() if name != place]])


def _by_neighbours(guise: Guise, slot: int, around: Around, change: Change) -> Refusal | None:
    census, namespaces = around.census, around.views.namespaces
    attracting = affinity.attractions(guise) if guise.rules else ()
    if attracting and not _near_all(guise, attracting, slot, around, change):
        return affinity.ALONE
    for term in affinity.repulsions(guise) if guise.rules else ():
        sought = affinity.sought_by((term,), namespaces)
        if _here(census.tally(sought, term.key), sought, slot, change) > 0:
            return affinity.CROWDED
    for rule in affinity.objections(guise, around.nodes, namespaces):
        sought = affinity.having(rule)
        if _here(census.tally(sought, rule.term.key), sought, slot, change) > 0:
            return affinity.UNWANTED
    labels = around.nodes.fleet.rooms[slot].labels
    for each in change.came:
        for rule in each.traits.guise.rules:
            if rule.role == "repels" and rule.term.key in labels and means(rule.term, guise, namespaces):
                return affinity.UNWANTED
    return None


def _near_all(guise: Guise, terms: tuple[PodTerm, ...], slot: int, around: Around, change: Change) -> bool:
    namespaces = around.views.namespaces
    sought = affinity.sought_by(terms, namespaces)
    near, anywhere = True, False
    for term in terms:
        tally = around.census.tally(sought, term.key)
        place = tally.shown.places.get(slot, None)
        if place is None:
            return False
        here = _here(tally, sought, slot, change) > 0
        near = near and here
        anywhere = anywhere or here or bool(tally.occupied & ~tally.shown.domains[place])
    return near or (not anywhere and affinity.suits_itself(guise, terms, namespaces))


def _here(tally: Tally, sought: Sought, slot: int, change: Change) -> int:
    """Count the pods that are sought in the node's domain, after the change."""
    place = tally.counted.places.get(slot, None)
    if place is None:
        return 0
    return tally.domains.get(place, 0) + _net(change, lambda guise: is_sought(sought, guise))


def _net(change: Change, counts: Callable[[Guise], bool]) -> int:
    came = sum([counts(each.traits.guise) for each in change.came])
    return came - sum([counts(each.traits.guise) for each in change.gone])
