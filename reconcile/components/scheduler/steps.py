"""
The scheduler: gives every pod without a node the best node there is.

Takes:    Started, Watched (nodes, pods, and what plugins ask for), Turned ("schedule"), Answered (a binding, a volume's
          update, a victim's status and its end, what extenders say), TimerFired (back-offs, long waits, volumes).
Gives:    Call (pods/binding, pods/status, pods, persistentvolumes, persistentvolumeclaims, resourceclaims,
          podgroups/status), Record
          (Scheduled, FailedScheduling, Preempted, BindingConditionsPending), Wake, SetTimer, CancelTimer, OpenWatch,
          CallWebhook.
Source:   kube-scheduler 1.36 with the default profile: its queue, cache, plugins and messages.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Final, TypeAlias

from reconcile.components.scheduler.cache.devices import FIELDS as OF_DEVICES
from reconcile.components.scheduler.extending import begun, bound_outside, heard, instead
from reconcile.components.scheduler.extending import stirred as stirred_by_any
from reconcile.components.scheduler.framework import claims, devices
from reconcile.components.scheduler.framework.cycle import binding, failed, scheduled
from reconcile.components.scheduler.framework.showing import BINDER, bound_by_own
from reconcile.components.scheduler.framework.statuses import gone
from reconcile.components.scheduler.framework.volumes import noted, standing, unreserve, with_waiting, written
from reconcile.components.scheduler.groups.members import regrouped
from reconcile.components.scheduler.groups.turning import grouped
from reconcile.components.scheduler.permitting import PERMITS, asked, bound, stirred
from reconcile.components.scheduler.queue.queue import flushed, has_turn, next_flush, next_retry, popped, put
from reconcile.components.scheduler.state import PROFILE, Placed, State, with_synced
from reconcile.components.scheduler.watching import (
    devices_changed,
    held,
    left,
    nodes_changed,
    others_changed,
    pods_changed,
    with_placed,
)
from reconcile.effects import CancelTimer, Effect, OpenWatch, Record, SetTimer, Wake
from reconcile.events import Answered, Hears, Started, TimerFired, Turned, Watched
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model.requests import Response

QUEUE: Final = "schedule"
RETRY: Final = ("retry",)
FLUSH: Final = ("flush",)
VOLUMES: Final = ("volumes",)
DEVICES: Final = ("devices",)
# How often upstream looks whether a back-off is over, and whether a pod waits for too long.
RETRY_TICK: Final = SECOND
FLUSH_TICK: Final = 30 * SECOND
_NOT_FOUND: Final = 404

Step: TypeAlias = tuple[State, tuple[Effect, ...]]


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
    was = state
    if event.watch == "pods":
        state = pods_changed(state, event)
    elif event.watch == "nodes":
        state = nodes_changed(state, event)
    elif event.watch in OF_DEVICES:
        state = devices_changed(state, event)
        if event.watch in state.clock.synced and not state.settings.looks:
            return _ordered(state, (), woken_before=_ready(was))
    else:
        state = others_changed(state, event)
    if state.settings.looks:
        return _on_watched_for_own(was, state, event)
    if event.watch in state.clock.synced:
        if state.queue is was.queue and state.reserved is was.reserved:
            return state, ()  # so there is nothing new to ask for, or to wait for
    else:
        state = replace(state, clock=with_synced(state.clock, event.watch))
    return _ordered(state, _opened(was, state), woken_before=_ready(was))


def _on_watched_for_own(was: State, state: State, event: Watched) -> Step:
    """Go on with a change that plugins of the user's own may have something to say about."""
    if event.watch not in state.clock.synced:
        state = replace(state, clock=with_synced(state.clock, event.watch))
    if state.settings.groups:
        state = regrouped(was, state, event, held)
    state = stirred(state, event)
    if state.settings.extenders:
        state = stirred_by_any(state, event)
    state, effects = asked(state, event.now) if state.reserved.permits else (state, ())
    return _ordered(state, (*_opened(was, state), *effects), woken_before=_ready(was))


def _opened(was: State, state: State) -> tuple[Effect, ...]:
    """Have devices watched, if it has just shown that somebody may want some."""
    if state.clock.opened is was.clock.opened:
        return ()
    return tuple([OpenWatch(resource) for resource in OF_DEVICES])


def _on_turned(state: State, event: Turned) -> Step:
    if not state.clock.runs:
        return state, ()
    if state.queue.backoff.busy:
        state = replace(state, queue=flushed(state.queue, event.now))
    if state.settings.looks:
        turn = begun if state.settings.extenders else grouped if state.settings.groups else scheduled
        after, effects = turn(state, event.now)
        return _permitted(after, (*effects, *_explained(state, after, effects)), event.now)
    state, effects = scheduled(state, event.now)
    return _ordered(state, effects, woken_before=False)


def _explained(was: State, state: State, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Tell why the turn that is over ended as it did, where that is asked for."""
    if not was.settings.explanations:
        return ()
    from reconcile.components.scheduler.telling import told_of  # noqa: PLC0415 -- it asks what this module answers

    asking, turn = was.clock.asking, popped(was.queue)
    key = asking.key if asking is not None else "" if turn is None else turn[0]
    return told_of(was, state, key, effects) if key else ()


def _permitted(state: State, effects: tuple[Effect, ...], now: Instant) -> Step:
    """Go on after a turn, with the pods that wait for plugins of the user's own."""
    if state.reserved.permits:
        state, more = asked(state, now)
        effects = (*effects, *more)
    return _ordered(state, effects, woken_before=False)


def _on_answered(state: State, event: Answered) -> Step:
    kind, key, uid = event.tag
    if kind in {"evict", "delete"}:
        return _on_evicted(state, event)
    if kind == "asked":
        return _on_asked(state, event)
    placed = state.placed.get(key, None)
    if placed is None or placed.uid != uid or placed.entry is None:
        return state, ()
    if kind == "volume":
        return _volume_written(state, event, key, placed)
    if kind == "claim":
        return _claim_written(state, event, key, placed)
    pod = placed.entry.pod
    known = Placed(placed.node, uid, placed.demand, placed.traits, placed.assumed)
    if event.response.ok:
        record = Record(
            pod,
            "Normal",
            "Scheduled",
            f"Successfully assigned {key} to {placed.node}",
            component=pod.spec.scheduler_name or PROFILE,
        )
        state = with_placed(state, key, known)
        return state, (record, *bound(state, pod, placed.node)) if state.settings.looks else (record,)
    if not placed.assumed:
        # The watch has told that it is bound all the same: the answer was lost, the binding was not.
        return with_placed(state, key, known), ()
    binder = bound_by_own(state, pod, placed.node)[0] if state.settings.looks else BINDER
    why = f'running Bind plugin "{binder}": {_why(event.response)}'
    return _not_bound(state, key, placed, why, event.now)


def _on_evicted(state: State, event: Answered) -> Step:
    """Delete a victim whose status says why it goes; if that cannot be, the pod that wants its room looks anew."""
    kind, key, by = event.tag
    if event.response.ok:
        return state, ((gone(key, by),) if kind == "evict" else ())
    entry = state.queue.entries.get(by, None)
    if event.response.code == _NOT_FOUND or entry is None or entry.place != "waiting":
        return state, ()  # it is gone already, or whoever wants its room does not wait for that
    queue = put(state.queue, by, replace(entry, place="failed"))
    return _ordered(replace(state, queue=queue), (), woken_before=_ready(state))


def _on_asked(state: State, event: Answered) -> Step:
    """Take in what an extender has answered."""
    word, _, key, uid = event.tag[1].split()
    if word != "bind":
        after, effects = heard(state, event)
        return _permitted(after, (*effects, *_explained(state, after, effects)), event.now)
    placed = state.placed.get(key, None)
    if placed is None or placed.uid != uid or placed.entry is None:
        return state, ()
    error, goes_on = bound_outside(event, state, placed)
    if goes_on:
        return state, instead(key, placed)
    if error and placed.assumed:
        return _not_bound(state, key, placed, error, event.now)
    return _on_answered(state, Answered(event.now, ("bind", key, uid), Response(201)))


def _not_bound(state: State, key: str, placed: Placed, why: str, now: Instant) -> Step:
    woken_before = _ready(state)
    assert placed.entry is not None, "it was being bound"
    back = claims.given_back(state, key)
    state, effects = failed(left(state, key, placed, now), key, placed.entry, why, now, was_binding=True)
    return _ordered(state, (*back, *effects), woken_before=woken_before)


def _claim_written(state: State, event: Answered, key: str, placed: Placed) -> Step:
    if not devices.is_under_way(state, key):
        return state, ()
    state, effects, why = devices.answered(state, key, event)
    if why:
        return _not_bound(state, key, placed, f'running PreBind plugin "DynamicResources": {why}', event.now)
    return _ordered(state, (*effects, *_bound(state, key, placed)), woken_before=_ready(state))


def _bound(state: State, key: str, placed: Placed) -> tuple[Effect, ...]:
    """Have a pod bound, if it waits neither for its volumes nor for its devices any more."""
    if devices.is_under_way(state, key) or key in state.reserved.waiting:
        return ()
    assert placed.entry is not None, "it is being bound"
    return (binding(state, key, placed.entry.pod, placed.node),)


def _on_devices_due(state: State, now: Instant) -> Step:
    """Bind the pods whose devices are ready, and give up on those for which they cannot be, or not in time."""
    effects: tuple[Effect, ...] = ()
    woken_before = _ready(state)
    state, found = devices.looked(state, now)
    for key, why in found:
        placed = state.placed[key]
        if not why:
            effects = (*effects, *_bound(state, key, placed))
            continue
        said = f'running PreBind plugin "DynamicResources": {why}'
        effects = (*effects, *claims.given_back(state, key))
        assert placed.entry is not None, "it is being bound"
        state, more = failed(left(state, key, placed, now), key, placed.entry, said, now, was_binding=True)
        effects = (*effects, *more)
    return _ordered(state, effects, woken_before=woken_before)


def _volume_written(state: State, event: Answered, key: str, placed: Placed) -> Step:
    waiting = state.reserved.waiting.get(key, None)
    if waiting is None:
        return state, ()
    if not event.response.ok:
        why = f'running PreBind plugin "VolumeBinding": {_why(event.response)}'
        return _not_bound(state, key, placed, why, event.now)
    waiting = written(waiting, event.response.body)
    state = noted(with_waiting(state, key, waiting), key, event.now)
    return _ordered(state, (), woken_before=_ready(state))


def _on_volumes_due(state: State, now: Instant) -> Step:
    """Bind the pods whose volumes are there, and give up on those for which they cannot be, or not in time."""
    effects: tuple[Effect, ...] = ()
    woken_before = _ready(state)
    for key, waiting in state.reserved.waiting.items():
        placed = state.placed.get(key, None)
        late = waiting.since + waiting.timeout <= now
        if placed is None or placed.entry is None:
            state = unreserve(state, key)
            continue
        if not late and (waiting.due is None or waiting.due > now):
            continue
        found = standing(waiting, state)
        if found is True:
            state = unreserve(state, key)
            effects = (*effects, *_bound(state, key, placed))
        elif found or late:
            why = f'running PreBind plugin "VolumeBinding": binding volumes: {found or "context deadline exceeded"}'
            effects = (*effects, *claims.given_back(state, key))
            state, more = failed(left(state, key, placed, now), key, placed.entry, why, now, was_binding=True)
            effects = (*effects, *more)
        else:
            state = with_waiting(state, key, replace(waiting, due=None))
    return _ordered(state, effects, woken_before=woken_before)


def _on_timer_fired(state: State, event: TimerFired) -> Step:
    if event.key == VOLUMES:
        return _on_volumes_due(replace(state, clock=replace(state.clock, volumes_at=None)), event.now)
    if event.key == DEVICES:
        return _on_devices_due(replace(state, clock=replace(state.clock, devices_at=None)), event.now)
    if event.key == PERMITS:
        was = state
        state, effects = asked(replace(state, clock=replace(state.clock, permits_at=None)), event.now)
        return _ordered(state, effects, woken_before=_ready(was))
    clock = replace(state.clock, retry_at=None) if event.key == RETRY else replace(state.clock, flush_at=None)
    after = replace(state, clock=clock, queue=flushed(state.queue, event.now))
    return _ordered(after, (), woken_before=_ready(state))


def _ready(state: State) -> bool:
    return has_turn(state.queue) and state.clock.runs


def _ordered(state: State, effects: tuple[Effect, ...], *, woken_before: bool) -> Step:
    """Ask for a turn if a pod can have one and none is asked for, and keep the two timers as the queue needs them."""
    queue, clock = state.queue, state.clock
    if not woken_before and (queue.active.count or queue.backoff.busy) and clock.runs:
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
    if state.reserved.waiting or clock.volumes_at is not None:
        at, waits = _volumes_due(state)
        if at != clock.volumes_at:
            clock = replace(clock, volumes_at=at)
            effects = (*effects, CancelTimer(VOLUMES) if at is None else SetTimer(VOLUMES, at, periodic=waits))
    if clock.opened:
        at, waits = devices.next_look(state.reserved.devices)
        if at != clock.devices_at:
            clock = replace(clock, devices_at=at)
            effects = (*effects, CancelTimer(DEVICES) if at is None else SetTimer(DEVICES, at, periodic=waits))
    return state if clock is state.clock else replace(state, clock=clock), effects


def _volumes_due(state: State) -> tuple[Instant | None, bool]:
    """Tell when to see to pods that wait for volumes, and whether until then there is nothing but to wait."""
    looks = [waiting.due for waiting in state.reserved.waiting.values() if waiting.due is not None]
    if looks:
        return min(looks), False
    ends = [waiting.since + waiting.timeout for waiting in state.reserved.waiting.values()]
    return (min(ends) if ends else None), True


def _tick(started: Instant, due: Instant, every: Duration) -> Instant:
    """Give the first tick of a clock that ticks since the process started at which *due* is over."""
    return started + -(-(due - started) // every) * every


def _why(response: Response) -> str:
    message = getattr(response.body, "message", None)
    return message or response.reason or f"the server answered {response.code}"
