"""
One scheduling cycle: a pod has its turn, gets the best node and is sent to be bound, or waits.

Source:   the scheduler's ScheduleOne: schedulingCycle, bindingCycle, handleSchedulingFailure.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.scheduler.cache.census import OpenCensus
from reconcile.components.scheduler.cache.guises import Guise
from reconcile.components.scheduler.cache.nodes import Nodes, slots_in, with_pod
from reconcile.components.scheduler.cache.storage import Permit
from reconcile.components.scheduler.cache.trials import OpenTrials
from reconcile.components.scheduler.cache.wishes import pinned
from reconcile.components.scheduler.framework import claims, devices
from reconcile.components.scheduler.framework.company import Around, Refused, refined
from reconcile.components.scheduler.framework.messages import (
    NOTHING_TO_FREE,
    not_looked_at,
    unschedulable,
    without_claims,
)
from reconcile.components.scheduler.framework.one_node import Body
from reconcile.components.scheduler.framework.ordering import ordered
from reconcile.components.scheduler.framework.panel import FailedError, Panel, call_of, is_interested
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile
from reconcile.components.scheduler.framework.ranking import (
    Layout,
    Ranking,
    best,
    drawn,
    laid_out,
    laid_out_anew,
    ranked,
    ranked_anew,
)
from reconcile.components.scheduler.framework.rota import LEAST, in_order, sampled, wanted
from reconcile.components.scheduler.framework.search import Search, searched, weighed_up
from reconcile.components.scheduler.framework.showing import bound_by_own, opened
from reconcile.components.scheduler.framework.statuses import evicted, skipped, status_written, told
from reconcile.components.scheduler.framework.volumes import reserve
from reconcile.components.scheduler.plugins.default_preemption import Candidate, Outcome, Placing, Victim, preempted
from reconcile.components.scheduler.plugins.dynamic_resources.extended import delegated
from reconcile.components.scheduler.plugins.dynamic_resources.judging import NAME as DYNAMIC_RESOURCES
from reconcile.components.scheduler.plugins.dynamic_resources.judging import Wanted
from reconcile.components.scheduler.plugins.pod_topology_spread import belonging
from reconcile.components.scheduler.plugins.volume_binding import planned
from reconcile.components.scheduler.queue.queue import Entry, Queue, popped, put
from reconcile.components.scheduler.state import Memory, Nominee, Placed, State, profile_for
from reconcile.effects import Call, Effect
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.model.requests import Request

# So many rankings, and so many layouts, are kept; the one longest unused goes first.
KEPT: Final = 64


def scheduled(state: State, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Give the pod whose turn it is its node, and have it bound there; or let it wait, and say why."""
    turn = popped(state.queue)
    if turn is None:
        return state, ()
    return decided(state, turn, now)


def decided(
    state: State, turn: tuple[str, Entry, Queue], now: Instant, panel: Panel | None = None
) -> tuple[State, tuple[Effect, ...]]:
    """
    Give a pod that has been taken out of the queue its node, or let it wait.

    Args:
        state: the scheduler's, with the queue as it was.
        turn: the pod's key and entry, and the queue without it.
        now: the instant.
        panel: the extenders; None if there are none.

    Raises:
        UnansweredError: one of the extenders has not answered yet.
    """
    key, entry, queue = turn
    if entry.pod.metadata.deletion_timestamp is not None:
        return replace(state, queue=queue), (skipped(entry.pod),)
    asked = None
    if state.clock.opened:
        entry, asked = with_devices(entry, state, now)
    memory, ranking, layout, around = looked_at(state, entry, asked)
    if around.profile.spread_defaults:
        entry = with_defaults(entry, around)
    search = searched(entry, ranking, layout, around, state.nominated)
    if not search.fit:
        after = replace(state, queue=queue, memory=memory)
        if search.error:
            return failed(after, key, entry, search.error, now)
        return _refused(after, key, entry, search, around, now=now, panel=panel)
    nominee = state.nominated.get(key, None) if state.nominated else None
    fit = search.fit if nominee is None else _promised(nominee, search.fit, around.nodes)
    clock = state.clock
    if panel is not None:
        try:
            memory, fit, start, refused = _let_pass(panel, search.fit, fit, memory, clock.start, around=around)
        except FailedError as error:
            return failed(replace(state, queue=queue, memory=memory), key, entry, str(error), now)
        clock = replace(clock, start=start)
        if not fit:
            after = replace(state, queue=queue, memory=memory, clock=clock)
            return _refused(after, key, entry, Search(0, [*search.refused, *refused]), around, now=now, panel=panel)
    elif fit.bit_count() > LEAST or around.profile is not DEFAULT:
        memory, fit, start = found_first(memory, fit, clock.start, around)
        clock = replace(clock, start=start)
    groups = weighed_up(entry, fit, around)[1] if fit & (fit - 1) else []
    if panel is not None and fit & (fit - 1):
        groups = refined(groups or [(0, fit)], panel.scored(fit, around))
    if around.own is not None and around.own.error:
        return failed(replace(state, queue=queue, memory=memory), key, entry, around.own.error, now)
    choice = best(ranking, layout, entry.wishes, around.nodes, fit, groups=groups, profile=around.profile)
    slot, dice = drawn(choice, state.dice)
    census = around.census.closed(memory.census)
    if census is not memory.census:
        memory = replace(memory, census=census)
    after = copier(State, "dice", "queue", "memory", "clock")(state, dice, queue, memory, clock)
    return _assumed(after, key, entry, slot, around, now=now)


def with_devices(entry: Entry, state: State, now: Instant = 0) -> tuple[Entry, Wanted | None]:
    """Give what a pod wants of devices, None for nothing, and its entry that knows which resources may be devices."""
    if entry.demand.others:
        demand = delegated(entry.demand._replace(delegated=()), state.views.devices)
        entry = entry if demand == entry.demand else replace(entry, demand=demand)
    if not entry.traits.claimant and not entry.demand.delegated:
        return entry, None
    return entry, Wanted(entry.pod, state.views.devices, state.reserved.devices, now)


def looked_at(state: State, entry: Entry, asked: Wanted | None = None) -> tuple[Memory, Ranking, Layout, Around]:
    """Give what the pod is judged by, up to date: how nodes are ranked and laid out for it, and what is around."""
    nodes, wishes, profile = state.nodes, entry.wishes, state.settings.profile
    if state.settings.others:
        profile = profile_for(state, entry.pod) or profile
    names = pinned(wishes) if wishes.required else None
    memory = state.memory
    if names is not None and "NodeAffinity" in profile.prefilters:
        ranking, layout = _looked_at(entry, nodes, names, profile)
    elif profile is state.settings.profile:
        memory, ranking, layout = _recalled(memory, entry, nodes, profile)
    else:
        apart, ranking, layout = _recalled(memory.apart.get(profile.name, _NO_MEMORY), entry, nodes, profile)
        memory = replace(memory, apart=memory.apart.set(profile.name, apart))
    census = OpenCensus(memory.census, nodes, lambda: _whereabouts(state))
    own = opened(state, entry.pod, profile) if profile.own else None
    return memory, ranking, layout, Around(nodes, state.views, state.reserved, census, profile, asked, own)


def with_defaults(entry: Entry, around: Around) -> Entry:
    """Give an entry with the profile's own constraints, if its pod has none and belongs to something."""
    defaults, traits = around.profile.spread_defaults or (), entry.traits
    if entry.pod.spec.topology_spread_constraints:
        return entry
    selector = belonging(entry.pod, traits, around.views, around.census)
    spread = tuple([each._replace(selector=selector) for each in defaults]) if selector else ()
    return entry if spread == traits.spread else replace(entry, traits=traits._replace(spread=spread))


def _let_pass(
    panel: Panel, fit: int, promised: int, memory: Memory, start: int, *, around: Around
) -> tuple[Memory, int, int, Refused]:
    """Give the nodes that extenders let pass: the one that is *promised* to the pod, or of those that are found."""
    if promised != fit:
        try:
            left, _ = panel.filtered(promised, around, "nominated")
        except FailedError:
            left = 0
        if left:
            return memory, left, start, []
    memory, found, start = found_first(memory, fit, start, around, every=panel.looks)
    left, refused = panel.filtered(found, around)
    return memory, left, start, refused


def found_first(
    memory: Memory, fit: int, start: int, around: Around, *, every: bool = False
) -> tuple[Memory, int, int]:
    """
    Give the nodes that are found first of those that will do, and from where the next pod's are looked for.

    One is enough if nothing is scored, unless *every* one matters to somebody else.
    """
    fleet, profile = around.nodes.fleet, around.profile
    count = wanted(fleet.known.bit_count(), profile.share) if every or profile.scores else 1
    if fit.bit_count() <= count:
        return memory, fit, start
    rota = in_order(memory.rota, fleet)
    fit, start = sampled(rota, fit, start, count)
    return memory if rota is memory.rota else replace(memory, rota=rota), fit, start


def failed(
    state: State, key: str, entry: Entry, why: str, now: Instant, *, was_binding: bool = False
) -> tuple[State, tuple[Effect, ...]]:
    """Put a pod that could not be bound back into the queue, and say why; it is promised no node any more."""
    promised = was_binding and (entry.traits.mounts.claims or entry.pod.spec.resource_claims)
    effects = told(key, entry.pod, "SchedulerError", why, now, node="" if promised else None)
    entry = replace(entry, place="failed", since=now, errors=entry.errors + 1)
    return replace(state, queue=put(state.queue, key, entry)), effects


def binding(state: State, key: str, pod: Any, node: str) -> Effect:
    """Have a pod bound to a node: by the extender that does that, by a plugin of the user's own, or as usual."""
    extenders = state.settings.extenders
    for place, each in enumerate(extenders) if extenders else ():
        if each.binds and is_interested(each, pod):
            metadata = pod.metadata
            args = {"PodName": metadata.name, "PodNamespace": metadata.namespace, "PodUID": metadata.uid, "Node": node}
            return call_of(each, f"bind {place} {key} {metadata.uid}", each.binds, args)
    if state.settings.looks:
        _, request = bound_by_own(state, pod, node)
        if request is not None:
            return Call(request, ("bind", key, pod.metadata.uid))
    return bound_by_server(key, pod.metadata, node)


def bound_by_server(key: str, metadata: meta_v1.ObjectMeta, node: str) -> Call:
    """Have the API server bind a pod to a node."""
    namespace, name = metadata.namespace or "", metadata.name or ""
    body = core_v1.Binding(
        metadata=meta_v1.ObjectMeta(namespace=namespace, name=name, uid=metadata.uid),
        target=core_v1.ObjectReference(kind="Node", name=node),
    )
    request = Request(verb="create", resource="pods", namespace=namespace, name=name, subresource="binding", body=body)
    return Call(request, ("bind", key, metadata.uid))


def _recalled(memory: Memory, entry: Entry, nodes: Nodes, profile: Profile) -> tuple[Memory, Ranking, Layout]:
    """Give the ranking and the layout for a pod like this one, up to date."""
    demand, wishes = entry.demand, entry.wishes
    turn = memory.turn + 1
    _, old = memory.rankings.get(demand, _UNUSED)
    ranking = ranked(old, demand, nodes, profile)
    rankings = _kept(memory.rankings, demand, ranking, turn, fresh=old is None)
    used, known = memory.layouts.get(wishes, _UNUSED)
    layout = laid_out(known, wishes, nodes, profile)
    layouts = memory.layouts
    if layout is not known or turn - used >= KEPT:
        # When exactly one that is as it was has been used does not matter.
        layouts = _kept(layouts, wishes, layout, turn, fresh=known is None)
    return copier(Memory, "rankings", "layouts", "turn")(memory, rankings, layouts, turn), ranking, layout


def _kept(table: Table[Any, Any], key: Any, value: Any, turn: int, *, fresh: bool) -> Table[Any, Any]:
    table = table.set(key, (turn, value))
    return table.remove(min(table.items(), key=_last_use)[0]) if fresh and len(table) > KEPT else table


def _last_use(item: tuple[Any, tuple[int, Any]]) -> int:
    return item[1][0]


def _looked_at(entry: Entry, nodes: Nodes, names: tuple[str, ...], profile: Profile) -> tuple[Ranking, Layout]:
    """Sort just these nodes for a pod that can go to no others."""
    fleet = nodes.fleet
    slots = [fleet.slots[name] for name in names if name in fleet.slots and fleet.slots[name] in fleet.rooms]
    return ranked_anew(entry.demand, nodes, slots, profile), laid_out_anew(entry.wishes, nodes, slots, profile)


def _whereabouts(state: State) -> Iterable[tuple[int, Guise]]:
    slots = state.nodes.fleet.slots
    return [(slots[placed.node], placed.traits.guise) for placed in state.placed.values()]


def _promised(nominee: Nominee, fit: int, nodes: Nodes) -> int:
    """Keep a pod to the node that it was promised, if that will do."""
    slot = nodes.fleet.slots.get(nominee.node, None)
    return fit & 1 << slot if slot is not None and fit >> slot & 1 else fit


def _assumed(
    state: State, key: str, entry: Entry, slot: int, around: Around, *, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """Count the pod as being on the node, and have it bound, or see to its volumes first."""
    name = around.nodes.fleet.names[slot]
    metadata, traits = entry.pod.metadata, entry.traits
    demand = entry.demand
    if demand.ignored:
        demand = demand._replace(ignored=())
    placed = Placed(name, metadata.uid, demand, traits, assumed=True, entry=entry)
    after: State = copier(State, "placed", "nodes")(
        state, state.placed.set(key, placed), with_pod(state.nodes, name, demand, traits)
    )
    if state.nominated and key in state.nominated:
        after = replace(after, nominated=state.nominated.remove(key))
    if around.own is not None:
        # Its plugins are asked before anything is written: see `permitting`.
        permits = after.reserved.permits.set(key, Permit(metadata.uid, now))
        return replace(after, reserved=replace(after.reserved, permits=permits)), ()
    if around.devices is not None or traits.mounts.claims:
        return reserved(after, key, entry, slot, around, now=now)
    return after, (binding(after, key, entry.pod, name),)


def reserved(
    state: State, key: str, entry: Entry, slot: int, around: Around, *, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """See to a pod's devices and volumes before it is bound; have it bound at once if there is nothing to do."""
    name, mounts = around.nodes.fleet.names[slot], entry.traits.mounts
    effects: tuple[Effect, ...] = ()
    waits = False
    if around.devices is not None:
        begun = devices.reserve(state, key, slot, around.devices, now)
        if begun is not None:
            (state, effects), waits = begun, True
    if mounts.claims and around.profile.volumes:
        plan = planned(mounts, around.nodes, slot, around.views, census=around.census, reserved=around.reserved)
        if plan is not None:
            state, more = reserve(state, key, name, plan, around.profile.bind_timeout, now=now)
            effects, waits = (*effects, *more), True
    if not waits:
        return state, (binding(state, key, entry.pod, name),)
    status = entry.pod.status
    if status is not None and status.nominated_node_name == name:
        return state, effects
    # Who looks at pods learns where it goes while it waits; what is bound at once says so soon enough.
    return state, (status_written(key, {"nominatedNodeName": name}), *effects)


def _refused(
    state: State, key: str, entry: Entry, search: Search, around: Around, *, now: Instant, panel: Panel | None
) -> tuple[State, tuple[Effect, ...]]:
    """Let a pod wait that finds no node, and see whether others should make room for it."""
    nodes = len(around.nodes.fleet.rooms)
    search = ordered(entry, search, around, state.nominated)
    outcome: Outcome | None = None
    dice = state.dice
    deallocated: str = NOTHING_TO_FREE
    freeing: tuple[Effect, ...] = ()
    if search.barred is not None and search.barred.plugin != DYNAMIC_RESOURCES:
        message = not_looked_at(search.barred, nodes)
        plugins: tuple[str, ...] = (search.barred.plugin,)
    else:
        if around.devices is not None and search.barred is None:
            deallocated, freeing = claims.freed(state, around.devices)
        if nodes and around.profile.preempts:
            trials = OpenTrials(state.memory.trials, state.nodes, state.views, state.placed)
            placing = Placing(state.placed, state.nominated, trials)
            outcome, dice = preempted(entry, search, around, placing, dice, _judged(panel, around, placing))
            state = remembering(state, trials)
        if around.own is not None and nodes and (outcome is None or outcome.chosen is None):
            outcome = helped_by_own(search, around, state) or outcome
        message = why_refused(search, around, outcome, deallocated)
        barring = () if search.barred is None else (search.barred.plugin,)
        plugins = tuple(sorted({*barring, *[refusal.plugin for refusal, _ in search.refused]}))
    tries = entry.unschedulable + 1
    entry = Entry(entry.pod, entry.demand, entry.wishes, entry.traits, "waiting", now, tries, 0, plugins)
    census = around.census.closed(state.memory.census)
    if census is not state.memory.census:
        state = replace(state, memory=replace(state.memory, census=census))
    state = replace(state, queue=put(state.queue, key, entry), dice=dice)
    chosen = outcome.chosen if outcome is not None else None
    if chosen is not None:
        state, effects = _made_room(state, key, entry, chosen, around, message=message, now=now)
        return state, (*freeing, *effects)
    effects = told(key, entry.pod, "Unschedulable", message, now)
    return state, (*freeing, *effects)


def remembering(state: State, trials: OpenTrials) -> State:
    """Give a state that remembers what preemption has tried."""
    now = trials.closed(state.memory.trials)
    return state if now is state.memory.trials else replace(state, memory=replace(state.memory, trials=now))


def _judged(
    panel: Panel | None, around: Around, placing: Placing
) -> Callable[[list[Candidate]], list[Candidate] | str] | None:
    """Give what lets extenders choose among candidates, or say what stopped them; None if there are none."""
    if panel is None:
        return None

    def judge(candidates: list[Candidate]) -> list[Candidate] | str:
        try:
            return panel.preempting(candidates, around, placing)
        except FailedError as error:
            return str(error)

    return judge


def why_refused(search: Search, around: Around, outcome: Outcome | None, freed: str = NOTHING_TO_FREE) -> str:
    """Say why a pod finds no node, with what is said of its claims and of preemption."""
    nodes = len(around.nodes.fleet.rooms)
    after = outcome.why if outcome is not None else None
    if search.barred is not None:
        return without_claims(search.barred, nodes, after)
    counts = [(refusal, members.bit_count()) for refusal, members in search.refused]
    return unschedulable(counts, nodes, after, freed)


def helped_by_own(search: Search, around: Around, state: State) -> Outcome | None:
    """Ask the user's plugins whom to promise a node to, and who goes for it; None if none has anything to say."""
    names, pods = around.nodes.fleet.names, state.views.pods
    reasons = {names[slot]: refusal.reasons for refusal, members in search.refused for slot in slots_in(members)}
    said = None if around.own is None else around.own.helped(reasons)
    slot = None if said is None else around.nodes.fleet.slots.get(said[0], None)
    if said is None or slot is None:
        return None
    victims = [
        Victim(key, pods[key], Body(state.placed[key].demand, state.placed[key].traits, key))
        for key in said[1]
        if key in pods and key in state.placed
    ]
    return Outcome(Candidate(slot, tuple(victims), 0), "")


def _made_room(
    state: State, key: str, entry: Entry, chosen: Candidate, around: Around, *, message: str, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """Promise the node to the pod, and have the victims go."""
    node = around.nodes.fleet.names[chosen.slot]
    effects: list[Effect] = list(told(key, entry.pod, "Unschedulable", message, now, node=node))
    nominated = state.nominated
    for other, nominee in state.nominated.items():
        if nominee.node == node and nominee.traits.priority < entry.traits.priority and other != key:
            nominated = nominated.remove(other)
            effects.append(status_written(other, {"nominatedNodeName": None}))
    promised = Nominee(node, entry.pod.metadata.uid, entry.demand, entry.traits)
    for victim in chosen.victims:
        if victim.pod.metadata.deletion_timestamp is None:
            effects += evicted(
                victim.key, victim.pod, entry.pod.metadata.uid, node, around.profile.name, now=now, by=key
            )
    return replace(state, nominated=nominated.set(key, promised)), tuple(effects)


_UNUSED: Final = (0, None)
_NO_MEMORY: Final = Memory()
