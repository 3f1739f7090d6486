"""
Explanation: for one pod at one instant, what each plugin says of each node, and what follows from it.

It asks what a turn asks, of the same indexes, and takes the sets apart again: node by node and plugin by plugin.

Takes:    a scheduler's state (`cluster_seen` gives one that has just been told of a cluster), a pod.
Gives:    Explanation.
Source:   the scheduler framework's Diagnosis and NodePluginScores; kube-scheduler-simulator's result store.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from reconcile.components.scheduler.cache.demand import by_containers
from reconcile.components.scheduler.cache.devices import FIELDS as OF_DEVICES
from reconcile.components.scheduler.cache.nodes import NOTHING_USED, slots_in
from reconcile.components.scheduler.cache.traits import traits_of
from reconcile.components.scheduler.configuration import DEFAULTS, Configuration
from reconcile.components.scheduler.explaining.raw import raw_of
from reconcile.components.scheduler.framework.claims import freed
from reconcile.components.scheduler.framework.company import Around, Groups
from reconcile.components.scheduler.framework.cycle import (
    found_first,
    looked_at,
    why_refused,
    with_defaults,
    with_devices,
)
from reconcile.components.scheduler.framework.messages import NO_NODES, NOTHING_TO_FREE, not_looked_at
from reconcile.components.scheduler.framework.ordering import ordered
from reconcile.components.scheduler.framework.panel import is_interested
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile, demanded, wished
from reconcile.components.scheduler.framework.scoring import merits, score_of_balance, score_of_fit, weighed_parts
from reconcile.components.scheduler.framework.search import Search, key_of, searched, weighed_up
from reconcile.components.scheduler.groups.members import why_held
from reconcile.components.scheduler.plugins.balanced_allocation import weighs
from reconcile.components.scheduler.plugins.default_preemption import Outcome, Placing, preempted
from reconcile.components.scheduler.plugins.dynamic_resources.judging import NAME as DYNAMIC_RESOURCES
from reconcile.components.scheduler.queue.queue import Entry
from reconcile.components.scheduler.state import State, begin, profile_for, watches, with_devices_opened
from reconcile.components.scheduler.steps import step
from reconcile.events import Started, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.requests import key_of as key_of_object
from reconcile.model.watches import Watch
from reconcile.store import Change
from reconcile.store.indexes import indexes_of

_NO_GATES: Final[Map[bool]] = Map()


@attrs.frozen(kw_only=True)
class OnNode:
    """
    What is said of one node.

    Args:
        name: the node's.
        refused_by: the filter that refused it; empty if it will do. Those before it passed, those after were not asked.
        reasons: in its words.
        resolvable: whether it might help if other pods went.
        scores: plugin -> what it gave, normalised and weighed; empty if nothing was scored, or enough other nodes were
            found before it.
        raw: plugin -> what it gave before that.
    """

    name: str
    refused_by: str = ""
    reasons: tuple[str, ...] = ()
    resolvable: bool = False
    scores: Map[int] = Map()
    raw: Map[int] = Map()

    @property
    def total(self) -> int:
        """The sum of the scores."""
        return sum(self.scores.values())


@attrs.frozen(kw_only=True)
class Explanation:
    """
    What becomes of a pod if it has its turn now, and why.

    Args:
        pod: its key.
        result: `bound`, `unschedulable`, `preempts` or `gated`.
        nodes: what is said of each, in the order of their names.
        best: the nodes of the highest score, of which one is drawn.
        message: why no node will do.
        nominated: the node that is promised to it.
        victims: the pods that have to go for that, the most important first.
        asked: the filters that have something to look at for this pod, in order.
        unasked: where extenders are that a scheduler would ask, and that have no say here.
    """

    pod: str
    result: str
    nodes: tuple[OnNode, ...] = ()
    best: tuple[str, ...] = ()
    message: str = ""
    nominated: str = ""
    victims: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def feasible(self) -> tuple[str, ...]:
        """The nodes that will do."""
        return tuple([node.name for node in self.nodes if not node.refused_by])


def cluster_seen(
    objects: Mapping[str, Iterable[Any]],
    seed: int = 0,
    profile: Profile | Configuration = DEFAULT,
    switched: Map[bool] = _NO_GATES,
) -> State:
    """
    Give a scheduler that has been told of these objects.

    Args:
        objects: resource -> objects; what a scheduler does not watch is left out.
        seed: of its draws.
        profile: how it schedules: by one profile, or as a whole configuration says.
        switched: the feature gates that are not as they are by default.
    """
    configuration = attrs.evolve(DEFAULTS, profiles=(profile,)) if isinstance(profile, Profile) else profile
    state, _ = step(begin(Dice(seed, "scheduler"), configuration, switched), Started(0))
    state = replace(state, clock=with_devices_opened(state.clock))
    for watch in (*watches(state), *[Watch(resource, resource) for resource in OF_DEVICES]):
        found = [(key_of_object(obj), obj) for obj in objects.get(watch.resource, ())]
        table = Table.of(found, indexes_of(watch.resource))
        changes = tuple([Change(1, watch.resource, key, None, obj) for key, obj in table.items()])
        state, _ = step(state, Watched(0, watch.name, changes, table))
    return state


def explained(state: State, pod: Any) -> Explanation:
    """Explain what becomes of *pod* if it has its turn now; it need not be in the queue. Extenders are not asked."""
    unasked = tuple([each.url for each in state.settings.extenders if is_interested(each, pod)])
    found = _explained(state, pod)
    return attrs.evolve(found, unasked=unasked) if unasked else found


def _explained(state: State, pod: Any) -> Explanation:
    key = key_of(pod)
    if pod.spec.scheduling_gates and profile_of(state, pod).gates:
        return Explanation(pod=key, result="gated", message="Scheduling is blocked due to non-empty scheduling gates")
    waits = why_held(state, pod) if state.settings.gangs else ""
    if waits:
        return Explanation(pod=key, result="gated", message=waits)
    entry = state.queue.entries.get(key, None)
    if entry is None or entry.pod is not pod:
        entry = entry_for(state, pod)
    entry, wanted = with_devices(entry, state)
    _, ranking, layout, around = looked_at(state, entry, wanted)
    entry = with_defaults(entry, around)
    nodes = len(around.nodes.fleet.rooms)
    if not nodes:
        return Explanation(pod=key, result="unschedulable", message=NO_NODES)
    search = searched(entry, ranking, layout, around, state.nominated)
    search = ordered(entry, search, around, state.nominated)
    asked = _asked(entry, around)
    if search.fit:
        return attrs.evolve(_placed(key, entry, search, around, state), asked=asked)
    if search.error:
        return Explanation(pod=key, result="unschedulable", message=search.error)
    if search.barred is not None:
        return attrs.evolve(_barred(key, entry, search, around, state), asked=asked)
    outcome = Outcome(None, "")
    if around.profile.preempts:
        outcome, _ = preempted(entry, search, around, Placing(state.placed, state.nominated), state.dice)
    claims = NOTHING_TO_FREE if around.devices is None else freed(state, around.devices)[0]
    chosen = outcome.chosen
    return Explanation(
        pod=key,
        result="unschedulable" if chosen is None else "preempts",
        nodes=_rows(search, around, {}),
        message=why_refused(search, around, outcome if around.profile.preempts else None, claims),
        nominated="" if chosen is None else around.nodes.fleet.names[chosen.slot],
        victims=() if chosen is None else tuple([victim.key for victim in chosen.victims]),
        asked=asked,
    )


def _barred(key: str, entry: Entry, search: Search, around: Around, state: State) -> Explanation:
    why, nodes = search.barred, len(around.nodes.fleet.rooms)
    assert why is not None, "no node was looked at"
    rows = [OnNode(name=name, refused_by=why.plugin, reasons=why.reasons) for name in sorted(around.nodes.fleet.slots)]
    message = not_looked_at(why, nodes)
    if why.plugin == DYNAMIC_RESOURCES:
        outcome = None
        if around.profile.preempts:
            outcome, _ = preempted(entry, search, around, Placing(state.placed, state.nominated), state.dice)
        message = why_refused(search, around, outcome)
    return Explanation(pod=key, result="unschedulable", nodes=tuple(rows), message=message)


def _asked(entry: Entry, around: Around) -> tuple[str, ...]:
    """Give the filters that have something to look at: the others have said at preFilter that they are not needed."""
    wishes, traits, profile = entry.wishes, entry.traits, around.profile
    mounts = traits.mounts
    needed = {
        "NodeAffinity": bool(wishes.selector or wishes.affine or wishes.enforced),
        "NodePorts": bool(entry.demand.ports),
        "VolumeRestrictions": bool(mounts.disks or mounts.claims),
        "NodeVolumeLimits": bool(mounts.claims),
        "VolumeBinding": bool(mounts.claims),
        "VolumeZone": bool(mounts.claims),
        "PodTopologySpread": any(each.hard for each in traits.spread),
        "InterPodAffinity": bool(traits.guise.rules or around.nodes.rules),
        "DynamicResources": around.devices is not None,
        "NodeDeclaredFeatures": bool(wishes.features),
    }
    own = [each.plugin.name for each in profile.own if each.at("filter")]
    return tuple([name for name in profile.order or (*profile.filters, *own) if needed.get(name, True)])


def profile_of(state: State, pod: Any) -> Profile:
    """Give the profile by which *pod* is judged: its scheduler's, or the first if that is not one of them."""
    return profile_for(state, pod) or state.settings.profile


def entry_for(state: State, pod: Any) -> Entry:
    """Give what a pod would have in the queue."""
    profile = profile_of(state, pod)
    return Entry(pod, demanded(pod, profile), wished(pod, profile), traits_of(pod), "active", 0)


def _placed(key: str, entry: Entry, search: Search, around: Around, state: State) -> Explanation:
    fit, fleet = search.fit, around.nodes.fleet
    nominee = state.nominated.get(key, None)
    if nominee is not None and nominee.node in fleet.slots and fit >> fleet.slots[nominee.node] & 1:
        fit = 1 << fleet.slots[nominee.node]
    else:
        _, fit, _ = found_first(state.memory, fit, state.clock.start, around)
    if not fit & (fit - 1):
        only = fleet.names[fit.bit_length() - 1]
        return Explanation(pod=key, result="bound", nodes=_rows(search, around, {}), best=(only,))
    scores = _scores(entry, fit, around)
    raw = raw_of(entry, fit, around, scores)
    totals = {slot: sum(each.values()) for slot, each in scores.items()}
    highest = max(totals.values())
    best = tuple(sorted([fleet.names[slot] for slot, total in totals.items() if total == highest]))
    return Explanation(pod=key, result="bound", nodes=_rows(search, around, scores, raw), best=best)


def _rows(
    search: Search,
    around: Around,
    scores: dict[int, Map[int]],
    raw: Mapping[int, dict[str, int]] = MappingProxyType({}),
) -> tuple[OnNode, ...]:
    names = around.nodes.fleet.names
    rows = [
        OnNode(name=names[slot], scores=scores.get(slot, Map()), raw=Map(raw.get(slot, {})))
        for slot in slots_in(search.fit)
    ]
    for refusal, members in search.refused:
        rows += [
            OnNode(name=names[slot], refused_by=refusal.plugin, reasons=refusal.reasons, resolvable=not refusal.final)
            for slot in slots_in(members)
        ]
    return tuple(sorted(rows, key=_name))


def _scores(entry: Entry, fit: int, around: Around) -> dict[int, Map[int]]:
    """Take a node's score apart: what each plugin that has something to say gives it."""
    nodes, wishes, demand, profile = around.nodes, entry.wishes, entry.demand, around.profile
    fleet, asked = nodes.fleet, by_containers(demand)
    slots = slots_in(fit)
    found = {slot: merits(wishes, fleet.rooms[slot], fleet, slot) for slot in slots}
    company, _ = weighed_up(entry, fit, around)
    spread, affinity, devices = _by_slot(company.spread), _by_slot(company.affinity), _by_slot(company.devices)
    own = {name: _by_slot(groups) for name, groups in company.own}
    scores: dict[int, Map[int]] = {}
    for slot, (calm, near, local) in zip(slots, weighed_parts(list(found.values()), wishes, fleet), strict=True):
        room, used = fleet.rooms[slot], nodes.used.get(slot, NOTHING_USED)
        row: dict[str, int] = {}
        if profile.taints:
            row["TaintToleration"] = profile.taints * calm
        if wishes.preferred and profile.affinity:
            row["NodeAffinity"] = profile.affinity * near
        if profile.fit:
            row["NodeResourcesFit"] = profile.fit * score_of_fit(asked, room, used, profile)
        if spread:
            row["PodTopologySpread"] = spread[slot]
        if affinity:
            row["InterPodAffinity"] = affinity[slot]
        for name, found_by in own.items():
            row[name] = found_by[slot]
        row["DynamicResources"] = devices.get(slot, 0)
        if weighs(demand, profile.balance_resources) and profile.balance:
            row["NodeResourcesBalancedAllocation"] = profile.balance * score_of_balance(demand, room, used, profile)
        if profile.images:
            row["ImageLocality"] = profile.images * local
        scores[slot] = Map(row)
    return scores


def _by_slot(groups: Groups | None) -> dict[int, int]:
    return {slot: score for score, members in groups or () for slot in slots_in(members)}


def _name(row: OnNode) -> str:
    return row.name
