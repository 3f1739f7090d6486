"""
What the watches tell: nodes and pods go into the node cache and the queue, all else into the views.

Source:   the scheduler's event handlers and its cache.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.components.scheduler.cache.demand import demand_held
from reconcile.components.scheduler.cache.devices import CLAIMS
from reconcile.components.scheduler.cache.nodes import (
    in_other_guise,
    room_of,
    same_room,
    with_pod,
    with_room,
    without_pod,
    without_room,
)
from reconcile.components.scheduler.cache.traits import Traits, traits_of
from reconcile.components.scheduler.cache.views import Views, having, having_devices, having_pods
from reconcile.components.scheduler.framework import claims, devices
from reconcile.components.scheduler.framework.profile import Profile, demanded, wished
from reconcile.components.scheduler.framework.showing import snapshot_of
from reconcile.components.scheduler.framework.volumes import concerned, noted, unreserve
from reconcile.components.scheduler.groups.members import is_held
from reconcile.components.scheduler.plugin import NOTHING, Turn, Unschedulable, said
from reconcile.components.scheduler.plugins.dynamic_resources.extended import is_extended
from reconcile.components.scheduler.queue.hints import (
    helped_by_devices,
    helped_by_guise,
    helped_by_leaving,
    helped_by_loss,
    helped_by_node,
    helped_by_object,
    helped_by_pod,
)
from reconcile.components.scheduler.queue.queue import (
    Entry,
    Group,
    Place,
    Queue,
    backoff_ends,
    put,
    refreshed,
    without,
    woken,
)
from reconcile.components.scheduler.state import (
    PROFILE,
    Nominee,
    Placed,
    State,
    profile_for,
    with_devices_opened,
)
from reconcile.events import Watched
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.store import Change

_FINISHED: Final = ("Succeeded", "Failed")
_STORED: Final = ("persistentvolumes", "persistentvolumeclaims")


def pods_changed(state: State, event: Watched) -> State:
    """Take in what has become of pods."""
    for change in event.changes:
        pod, old = change.new, change.old
        if pod is not None and old is not None and pod.spec is old.spec and pod.spec.node_name:
            placed = state.placed.get(change.key, None)
            if placed is not None and _is_as_before(placed, pod, old):
                continue
        state = _pod_changed(state, change, event.now)
    return _with_views(state, having_pods(state.views, event.view))


def _is_as_before(placed: Placed, pod: Any, old: Any) -> bool:
    """Tell at a glance that only a pod's status changed, in a way that does not matter, as most changes are."""
    metadata = pod.metadata
    return (
        not placed.assumed
        and metadata.labels is old.metadata.labels
        and metadata.generation == 1
        and metadata.deletion_timestamp is None
        and placed.uid == metadata.uid
        and pod.status is not None
        and pod.status.phase not in _FINISHED
    )


def nodes_changed(state: State, event: Watched) -> State:
    """Take in what has become of nodes."""
    for change in event.changes:
        state = _node_changed(state, change, event.now)
    if state.settings.looks:
        state = _with_views(state, state.views._replace(nodes=event.view))
    return state


def others_changed(state: State, event: Watched) -> State:
    """Take in a change of what plugins ask for, and wake those whom it may help."""
    now = event.now
    views = having(state.views, event.watch, event.view)
    state = _with_views(state, views)
    if len(state.queue.groups):
        for change in event.changes:
            helped = helped_by_object(state.queue, event.watch, change.new)
            state = _with_queue(state, woken(state.queue, helped, now))
    if len(state.reserved.waiting) and event.watch in _STORED:
        for key in concerned(state, tuple([change.key for change in event.changes]), views):
            state = noted(state, key, now)
    return state


def devices_changed(state: State, event: Watched) -> State:
    """Take in a change of devices, classes of them or claims, and wake those whom it may help."""
    now = event.now
    state = _with_views(state, having_devices(state.views, event.watch, event.view))
    if event.watch == CLAIMS:
        gone = tuple([change.key for change in event.changes if change.new is None])
        state = devices.noticed(state, gone, now)
        for key in state.reserved.devices.held:
            entry = state.queue.entries.get(key, None)
            if entry is None:
                state = claims.with_held(state, key, held=False)
            elif not claims.is_held(state, entry.pod):
                place: Place = "gated" if held(state, entry.pod) else "active"
                queue = put(state.queue, key, replace(entry, place=place))
                state = claims.with_held(_with_queue(state, queue), key, held=False)
    if len(state.queue.groups):
        for change in event.changes:
            state = _with_queue(state, woken(state.queue, _helped_by_devices(state, event.watch, change), now))
    return state


def _helped_by_devices(state: State, resource: str, change: Change) -> list[Group]:
    """Give the groups that a change of devices, classes of them or claims may help."""
    if change.new is None:
        return []
    waiting = helped_by_devices(state.queue)
    if resource != CLAIMS:
        return waiting
    entries = state.queue.waiting
    return [
        group for group in waiting if any(claims.helps(change, each, state) for each in entries.under("group", group))
    ]


def _node_changed(state: State, change: Change, now: Instant) -> State:
    fleet = state.nodes.fleet
    if change.new is not None and same_room(change.old, change.new):
        return state
    slot = fleet.slots.get(change.key, None)
    old = None if slot is None else fleet.rooms.get(slot, None)
    if change.new is None:
        state = replace(state, nodes=without_room(state.nodes, change.key))
        if len(state.queue.groups) and old is not None:
            state = _with_queue(state, woken(state.queue, helped_by_loss(state.queue, old), now))
        return state
    room = room_of(change.new)
    nodes = with_room(state.nodes, room)
    if nodes is state.nodes:
        return state
    queue = state.queue
    if len(queue.groups):
        queue = woken(queue, helped_by_node(queue, old, room), now)
    return replace(state, nodes=nodes, queue=queue)


def _pod_changed(state: State, change: Change, now: Instant) -> State:
    key, pod = change.key, change.new
    placed = state.placed.get(key, None)
    if pod is None or (pod.status is not None and pod.status.phase in _FINISHED):
        return _gone(state, key, placed, now)
    if placed is not None and placed.uid != pod.metadata.uid:
        state, placed = _gone(state, key, placed, now), None
    if pod.spec.node_name:
        return _bound(state, change, placed, now)
    if placed is not None:
        # Bound a moment ago; the watch has not told it yet, or it will be refused and must then be known as it is.
        if placed.entry is None:
            return state
        entry = replace(placed.entry, pod=pod)
        return _with_placed(state, key, replace(placed, entry=entry))
    return _wanted(state, key, pod, now)


def _gone(state: State, key: str, placed: Placed | None, now: Instant) -> State:
    if placed is not None:
        state = left(state, key, placed, now)
    if state.nominated and key in state.nominated:
        state = replace(state, nominated=state.nominated.remove(key))
    queue = without(state.queue, key)
    return state if queue is state.queue else _with_queue(state, queue)


def left(state: State, key: str, placed: Placed, now: Instant) -> State:
    """Take a pod off its node, and wake those whom that may help."""
    nodes = without_pod(state.nodes, placed.node, placed.demand, placed.traits)
    queue = state.queue
    if len(queue.groups):
        namespaces = state.views.namespaces
        helped = helped_by_leaving(queue, nodes, placed.node, placed.demand, placed.traits, namespaces=namespaces)
        queue = woken(queue, helped, now)
    if state.reserved.waiting and key in state.reserved.waiting:
        state = unreserve(state, key)
    if state.clock.opened:
        state = claims.released(state, key, placed.uid)
    return replace(state, nodes=nodes, placed=state.placed.remove(key), queue=queue)


def _bound(state: State, change: Change, placed: Placed | None, now: Instant) -> State:
    key, pod, old = change.key, change.new, change.old
    node = pod.spec.node_name
    if placed is None:
        demand, traits = demand_held(pod), traits_of(pod)
        if state.nominated and key in state.nominated:
            state = replace(state, nominated=state.nominated.remove(key))
        state = replace(
            state,
            queue=without(state.queue, key),
            nodes=with_pod(state.nodes, node, demand, traits),
            placed=state.placed.set(key, Placed(node, pod.metadata.uid, demand, traits, assumed=False)),
        )
        return _joined(state, traits, now)
    same = (
        old is not None
        and old.spec.containers is pod.spec.containers
        and old.spec.resources is pod.spec.resources
        and (pod.metadata.generation == 1 or old.status is pod.status)
    )
    demand = placed.demand if same else demand_held(pod)
    if placed.node != node or placed.demand != demand:
        # Bound by someone else to another node, or resized in place.
        entry, traits = placed.entry, placed.traits
        state = left(state, key, placed, now)
        nodes = with_pod(state.nodes, node, demand, traits)
        placed = Placed(node, placed.uid, demand, traits, assumed=False, entry=entry)
        state = replace(state, nodes=nodes, placed=state.placed.set(key, placed))
    elif placed.assumed:
        placed = Placed(node, placed.uid, demand, placed.traits, assumed=False, entry=placed.entry)
        state = _joined(_with_placed(state, key, placed), placed.traits, now)
    metadata = pod.metadata
    if old is not None and (
        metadata.labels is not old.metadata.labels
        or (metadata.deletion_timestamp is not None and not placed.traits.guise.leaving)
    ):
        return _changed_guise(state, key, pod, placed, now)
    return state


def _joined(state: State, traits: Traits, now: Instant) -> State:
    """Wake those who wait for a pod like this to be there."""
    if not len(state.queue.groups):
        return state
    return _with_queue(state, woken(state.queue, helped_by_pod(state.queue, traits, state.views.namespaces), now))


def _changed_guise(state: State, key: str, pod: Any, placed: Placed, now: Instant) -> State:
    traits = traits_of(pod)
    before = placed.traits.guise
    if traits.guise == before:
        return state
    nodes = in_other_guise(state.nodes, placed.node, before, traits.guise)
    known = Placed(placed.node, placed.uid, placed.demand, traits, placed.assumed, placed.entry)
    state = replace(state, nodes=nodes, placed=state.placed.set(key, known))
    if len(state.queue.groups):
        helped = helped_by_guise(state.queue, before, traits.guise, state.views.namespaces)
        state = _with_queue(state, woken(state.queue, helped, now))
    return state


def with_placed(state: State, key: str, placed: Placed) -> State:
    """Give a state in which a pod is placed so."""
    return _with_places(state, state.placed.set(key, placed))


_with_placed = with_placed
_with_places: Final[Callable[[State, Table[str, Placed]], State]] = copier(State, "placed")
_with_queue: Final[Callable[[State, Queue], State]] = copier(State, "queue")
_with_views: Final[Callable[[State, Views], State]] = copier(State, "views")


def _wanted(state: State, key: str, pod: Any, now: Instant) -> State:
    """Take in a pod that has no node."""
    spec = pod.spec
    profile = state.settings.profile
    if (spec.scheduler_name or PROFILE) != profile.name:
        found = profile_for(state, pod) if state.settings.others else None
        if found is None:
            return _gone(state, key, None, now)
        profile = found
    entry = state.queue.entries.get(key, None)
    if entry is not None and entry.pod.metadata.uid != pod.metadata.uid:
        entry = None
    if entry is None:
        return _new(state, key, pod, now, profile)
    if spec.resource_claims and entry.place == "gated" and not claims.is_held(state, pod):
        state = claims.with_held(state, key, held=False)
        if not held(state, pod):
            return _with_queue(state, put(state.queue, key, replace(entry, pod=pod, place="active")))
    if entry.pod.spec is spec and entry.pod.metadata.labels is pod.metadata.labels and not profile.own:
        return _with_queue(state, refreshed(state.queue, key, replace(entry, pod=pod)))
    demand, wishes, traits = demanded(pod, profile), wished(pod, profile), traits_of(pod)
    if not traits.spread and profile.spread_defaults and entry.traits.spread:
        traits = traits._replace(spread=entry.traits.spread)
    place = entry.place
    if held(state, pod):
        place = "gated"
    elif place == "gated":
        place = "active"
    elif place == "waiting" and (demand, wishes, traits) != (entry.demand, entry.wishes, entry.traits):
        place = "backoff" if backoff_ends(state.queue, entry) > now else "active"
    entry = replace(entry, pod=pod, demand=demand, wishes=wishes, traits=traits, place=place)
    return _with_queue(state, put(state.queue, key, entry))


def _new(state: State, key: str, pod: Any, now: Instant, profile: Profile) -> State:
    if pod.spec.resource_claims:
        state = _awaiting_devices(state)
        if claims.is_held(state, pod):
            state = claims.with_held(state, key, held=True)
    gated = (
        pod.spec.scheduling_gates or profile.own or pod.spec.resource_claims or pod.spec.scheduling_group
    ) and held(state, pod)
    place: Place = "gated" if gated else "active"
    last = state.memory.last
    if last is not None and _alike(last.pod, pod):
        entry = Entry(pod, last.demand, last.wishes, last.traits, place, now)
        state = _with_queue(state, put(state.queue, key, entry))
    else:
        entry = Entry(pod, demanded(pod, profile), wished(pod, profile), traits_of(pod), place, now)
        # One that is being deleted is not like those that come after it.
        leaves = pod.metadata.deletion_timestamp is not None
        memory = state.memory if leaves else replace(state.memory, last=entry)
        state = replace(state, queue=put(state.queue, key, entry), memory=memory)
        if entry.demand.others and any(is_extended(name) for name, _ in entry.demand.others):
            state = _awaiting_devices(state)
    if pod.status is not None and pod.status.nominated_node_name:
        nominee = Nominee(pod.status.nominated_node_name, pod.metadata.uid, entry.demand, entry.traits)
        return replace(state, nominated=state.nominated.set(key, nominee))
    return state


def _awaiting_devices(state: State) -> State:
    """Have devices watched, now that somebody may want them."""
    return state if state.clock.opened else replace(state, clock=with_devices_opened(state.clock))


def held(state: State, pod: Any) -> bool:
    """Tell whether gates, claims that are not there, its gang, or plugins of the user's own keep a pod from a turn."""
    if claims.is_held(state, pod) or is_held(state, pod):
        return True
    profile = profile_for(state, pod) or state.settings.profile
    if pod.spec.scheduling_gates and profile.gates:
        return True
    turn = Turn(pod, snapshot_of(state))
    for each in profile.own:
        ask = each.plugin.pre_enqueue if each.at("preEnqueue") else None
        found = None if ask is None else said(each.plugin.name, "pre_enqueue", ask(turn), Unschedulable, NOTHING)
        if found is not None:
            return True
    return False


def _alike(one: Any, other: Any) -> bool:
    """Tell at a glance that two pods ask for the same, as those of one template do."""
    mine, theirs = one.spec, other.spec
    return (
        mine.containers is theirs.containers
        and one.metadata.labels == other.metadata.labels
        and one.metadata.namespace == other.metadata.namespace
        and mine.init_containers is theirs.init_containers
        and mine.tolerations is theirs.tolerations
        and mine.node_selector is theirs.node_selector
        and mine.affinity is theirs.affinity
        and mine.resources is theirs.resources
        and mine.overhead is theirs.overhead
        and mine.topology_spread_constraints is theirs.topology_spread_constraints
        and mine.volumes is theirs.volumes
        and not mine.resource_claims
        and mine.scheduler_name == theirs.scheduler_name
        and mine.priority == theirs.priority
    )
