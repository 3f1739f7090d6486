"""
The scheduler: gives every pod without a node the best node there is.

Takes:    Started, Watched (nodes, pods), Turned ("schedule"), Answered (a binding), TimerFired (back-offs, long waits).
Gives:    Call (pods/binding, pods/status), Record (Scheduled, FailedScheduling), Wake, SetTimer, CancelTimer.
Source:   kube-scheduler 1.36 with the default profile: its queue, cache, filters, scores and messages.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from reconcile.components.scheduler.cycle import failed, scheduled
from reconcile.components.scheduler.demand import demand_of
from reconcile.components.scheduler.hints import helped_by_leaving, helped_by_node
from reconcile.components.scheduler.nodes import (
    room_of,
    same_room,
    with_pod,
    with_room,
    without_pod,
    without_room,
)
from reconcile.components.scheduler.queue import (
    Entry,
    Place,
    Queue,
    backoff_ends,
    flushed,
    has_turn,
    next_flush,
    next_retry,
    put,
    refreshed,
    without,
    woken,
)
from reconcile.components.scheduler.state import PROFILE, Placed, State
from reconcile.components.scheduler.wishes import wishes_of
from reconcile.effects import CancelTimer, Effect, Record, SetTimer, Wake
from reconcile.events import Answered, Hears, Started, TimerFired, Turned, Watched
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.model.requests import Response
from reconcile.store import Change

QUEUE: Final = "schedule"
RETRY: Final = ("retry",)
FLUSH: Final = ("flush",)
# How often upstream looks whether a back-off is over, and whether a pod waits for too long.
RETRY_TICK: Final = SECOND
FLUSH_TICK: Final = 30 * SECOND

Step: TypeAlias = tuple[State, tuple[Effect, ...]]

_FINISHED: Final = ("Succeeded", "Failed")


def step(state: State, event: Hears) -> Step:
    """Take *event* in."""
    match event:
        case Watched():
            return _on_watched(state, event)
        case Turned():
            return _on_turned(state, event)
        case Answered():
            return _on_answered(state, event)
        case TimerFired():
            return _on_timer_fired(state, event)
        case Started():
            return replace(state, clock=replace(state.clock, started=event.now)), ()
        case _:
            raise AssertionError(f"a scheduler does not hear {event.__class__.__name__}")


def _on_watched(state: State, event: Watched) -> Step:
    now, was = event.now, state
    if event.watch == "pods":
        for change in event.changes:
            state = _pod_changed(state, change, now)
    else:
        for change in event.changes:
            state = _node_changed(state, change, now)
    if event.watch in state.clock.synced:
        if state.queue is was.queue:
            return state, ()  # so there is nothing new to ask for, or to wait for
    else:
        state = replace(state, clock=replace(state.clock, synced=(*state.clock.synced, event.watch)))
    return _ordered(state, (), woken_before=_ready(was))


def _on_turned(state: State, event: Turned) -> Step:
    if not state.clock.runs:
        return state, ()
    if state.queue.backoff.busy:
        state = replace(state, queue=flushed(state.queue, event.now))
    state, effects = scheduled(state, event.now)
    return _ordered(state, effects, woken_before=False)


def _on_answered(state: State, event: Answered) -> Step:
    _, key, uid = event.tag
    placed = state.placed.get(key, None)
    if placed is None or placed.uid != uid or placed.entry is None:
        return state, ()
    pod = placed.entry.pod
    known = Placed(placed.node, uid, placed.demand, placed.assumed)
    if event.response.ok:
        record = Record(pod, "Normal", "Scheduled", f"Successfully assigned {key} to {placed.node}", component=PROFILE)
        return _with_placed(state, key, known), (record,)
    if not placed.assumed:
        # The watch has told that it is bound all the same: the answer was lost, the binding was not.
        return _with_placed(state, key, known), ()
    woken_before = _ready(state)
    state = _left(state, key, placed, event.now)
    queue, effects = failed(key, placed.entry, _why(event.response), state.queue, event.now)
    return _ordered(replace(state, queue=queue), effects, woken_before=woken_before)


def _on_timer_fired(state: State, event: TimerFired) -> Step:
    clock = replace(state.clock, retry_at=None) if event.key == RETRY else replace(state.clock, flush_at=None)
    after = replace(state, clock=clock, queue=flushed(state.queue, event.now))
    return _ordered(after, (), woken_before=_ready(state))


def _node_changed(state: State, change: Change, now: Instant) -> State:
    if change.new is None:
        return replace(state, nodes=without_room(state.nodes, change.key))
    if same_room(change.old, change.new):
        return state
    fleet = state.nodes.fleet
    slot = fleet.slots.get(change.key, None)
    old = None if slot is None else fleet.rooms.get(slot, None)
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
        state = _left(state, key, placed, now)
    queue = without(state.queue, key)
    return state if queue is state.queue else _with_queue(state, queue)


def _left(state: State, key: str, placed: Placed, now: Instant) -> State:
    """Take a pod off its node, and wake those whom that may help."""
    nodes = without_pod(state.nodes, placed.node, placed.demand)
    queue = state.queue
    if len(queue.groups):
        queue = woken(queue, helped_by_leaving(queue, nodes, placed.node, placed.demand), now)
    return replace(state, nodes=nodes, placed=state.placed.remove(key), queue=queue)


def _bound(state: State, change: Change, placed: Placed | None, now: Instant) -> State:
    key, pod, old = change.key, change.new, change.old
    node = pod.spec.node_name
    if placed is None:
        demand = demand_of(pod)
        placed = Placed(node, pod.metadata.uid, demand, assumed=False)
        return replace(
            state,
            queue=without(state.queue, key),
            nodes=with_pod(state.nodes, node, demand),
            placed=state.placed.set(key, placed),
        )
    same = old is not None and old.spec.containers is pod.spec.containers and old.spec.resources is pod.spec.resources
    demand = placed.demand if same else demand_of(pod)
    if placed.node != node or placed.demand != demand:
        # Bound by someone else to another node, or resized in place.
        entry = placed.entry
        state = _left(state, key, placed, now)
        nodes = with_pod(state.nodes, node, demand)
        known = Placed(node, placed.uid, demand, assumed=False, entry=entry)
        return replace(state, nodes=nodes, placed=state.placed.set(key, known))
    if not placed.assumed:
        return state
    return _with_placed(state, key, Placed(node, placed.uid, demand, assumed=False, entry=placed.entry))


def _with_placed(state: State, key: str, placed: Placed) -> State:
    return _with_places(state, state.placed.set(key, placed))


_with_places: Final[Callable[[State, Table[str, Placed]], State]] = copier(State, "placed")
_with_queue: Final[Callable[[State, Queue], State]] = copier(State, "queue")


def _wanted(state: State, key: str, pod: Any, now: Instant) -> State:
    """Take in a pod that has no node."""
    spec = pod.spec
    if (spec.scheduler_name or PROFILE) != PROFILE or pod.metadata.deletion_timestamp is not None:
        return _gone(state, key, None, now)
    entry = state.queue.entries.get(key, None)
    if entry is not None and entry.pod.metadata.uid != pod.metadata.uid:
        entry = None
    if entry is None:
        place: Place = "gated" if spec.scheduling_gates else "active"
        last = state.memory.last
        if last is not None and _alike(last.pod.spec, spec):
            return _with_queue(state, put(state.queue, key, Entry(pod, last.demand, last.wishes, place, now)))
        entry = Entry(pod, demand_of(pod), wishes_of(pod), place, now)
        memory = replace(state.memory, last=entry)
        return replace(state, queue=put(state.queue, key, entry), memory=memory)
    if entry.pod.spec is spec:
        return _with_queue(state, refreshed(state.queue, key, replace(entry, pod=pod)))
    demand, wishes = demand_of(pod), wishes_of(pod)
    place = entry.place
    if spec.scheduling_gates:
        place = "gated"
    elif place == "gated":
        place = "active"
    elif place == "waiting" and (demand, wishes) != (entry.demand, entry.wishes):
        place = "backoff" if backoff_ends(entry) > now else "active"
    entry = replace(entry, pod=pod, demand=demand, wishes=wishes, place=place)
    return _with_queue(state, put(state.queue, key, entry))


def _alike(one: Any, other: Any) -> bool:
    """Tell at a glance that two pods' specs ask for the same, as those of one template do."""
    return (
        one.containers is other.containers
        and one.init_containers is other.init_containers
        and one.tolerations is other.tolerations
        and one.node_selector is other.node_selector
        and one.affinity is other.affinity
        and one.resources is other.resources
        and one.overhead is other.overhead
    )


def _ready(state: State) -> bool:
    return has_turn(state.queue) and state.clock.runs


def _ordered(state: State, effects: tuple[Effect, ...], *, woken_before: bool) -> Step:
    """Ask for a turn if a pod can have one and none is asked for, and keep the two timers as the queue needs them."""
    queue, clock = state.queue, state.clock
    if not woken_before and _ready(state):
        effects = (*effects, Wake(QUEUE))
    if queue.failed.busy or clock.retry_at is not None:
        due = next_retry(queue)
        at = None if due is None else _tick(clock.started, due, RETRY_TICK)
        if at != clock.retry_at:
            clock = replace(clock, retry_at=at)
            effects = (*effects, CancelTimer(RETRY) if at is None else SetTimer(RETRY, at))
    if clock.flush_at is None and queue.oldest.busy:
        # Whoever begins to wait later is due later, so the timer need not be set again when the oldest goes.
        due = next_flush(queue)
        assert due is not None, "there is an oldest"
        at = _tick(clock.started, due, FLUSH_TICK)
        clock = replace(clock, flush_at=at)
        effects = (*effects, SetTimer(FLUSH, at, periodic=True))
    return state if clock is state.clock else replace(state, clock=clock), effects


def _tick(started: Instant, due: Instant, every: Duration) -> Instant:
    """Give the first tick of a clock that ticks since the process started at which *due* is over."""
    return started + -(-(due - started) // every) * every


def _why(response: Response) -> str:
    message = getattr(response.body, "message", None)
    return message or response.reason or f"the server answered {response.code}"
