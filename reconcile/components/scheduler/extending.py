"""
Extending: a turn that extenders have a say in, which waits until they have answered.

Upstream asks them within the turn and waits; nothing else is scheduled meanwhile. Here the turn stops where there is no
answer yet, the pod stays where it is in the queue, and the turn is had anew when the answer is there.

Source:   the scheduler's HTTPExtender, findNodesThatPassExtenders, extendersBinding.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Any

from reconcile.components.scheduler.framework.cycle import bound_by_server
from reconcile.components.scheduler.framework.panel import EXTENDER, FailedError, Panel, UnansweredError, field_of, said
from reconcile.components.scheduler.groups.turning import turned
from reconcile.components.scheduler.queue.queue import Entry, Queue, popped, roused, without
from reconcile.components.scheduler.state import Asking, Placed, State, with_asking
from reconcile.effects import Effect
from reconcile.events import Answered, Watched
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace


def begun(state: State, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Let the pod whose turn it is have it, as far as that can go before extenders have answered."""
    turn = popped(state.queue)
    if turn is None:
        return state, ()
    key, entry, _ = turn
    return _went_on(state, turn, now, Asking(key, entry.pod.metadata.uid, ()))


def heard(state: State, event: Answered) -> tuple[State, tuple[Effect, ...]]:
    """Take in what an extender has answered to a turn; the turn goes on if it waits for no more."""
    asking, name = state.clock.asking, event.tag[1]
    if asking is None or name not in asking.waits:
        return state, ()
    waits = tuple([each for each in asking.waits if each != name])
    answers = (*asking.answers, (name, event.response.body))
    asking = replace(asking, waits=waits, answers=answers)
    if waits:
        return replace(state, clock=with_asking(state.clock, asking)), ()
    state = replace(state, clock=with_asking(state.clock, None))
    key = asking.key
    entry = state.queue.entries.get(key, None)
    if entry is None or entry.pod.metadata.uid != asking.uid:
        return state, ()  # it is gone meanwhile, or bound by somebody else
    return _went_on(state, (key, entry, without(state.queue, key)), event.now, asking)


def stirred(state: State, event: Watched) -> State:
    """Note a change while a turn waits, and wake the pods that an extender refused: any change may help them."""
    if not any(_matters(event.watch, change) for change in event.changes):
        return state
    asking = state.clock.asking
    if asking is not None and not asking.stirred:
        state = replace(state, clock=with_asking(state.clock, replace(asking, stirred=True)))
    groups = [group for group in list(state.queue.groups.keys()) if EXTENDER in group[3]]
    keys = [key for group in groups for key in state.queue.waiting.keys_under("group", group)]
    return replace(state, queue=roused(state.queue, keys, event.now)) if keys else state


def bound_outside(event: Answered, state: State, placed: Placed) -> tuple[str, bool]:
    """Tell why the extender that binds did not, empty if it did; and whether the API server is asked instead."""
    _, place, _, _ = event.tag[1].split()
    extender = state.settings.extenders[int(place)]
    assert placed.entry is not None, "it is being bound"
    try:
        error = field_of(said(extender, extender.binds, event.response.body), "Error", str, "ExtenderBindingResult")
    except FailedError as failure:
        error = str(failure)
    return error or "", bool(error) and extender.ignorable


def instead(key: str, placed: Placed) -> tuple[Effect, ...]:
    """Have the API server bind a pod that no extender could."""
    assert placed.entry is not None, "it is being bound"
    return (bound_by_server(key, placed.entry.pod.metadata, placed.node),)


def _went_on(
    state: State, turn: tuple[str, Entry, Queue], now: Instant, asking: Asking
) -> tuple[State, tuple[Effect, ...]]:
    key, answers = turn[0], dict(asking.answers)
    try:
        after, effects = turned(state, turn, now, lambda pod: Panel(state.settings.extenders, pod, answers))
    except UnansweredError as error:
        waits = tuple([call.call for call in error.calls])
        return replace(state, clock=with_asking(state.clock, replace(asking, waits=waits))), error.calls
    left = after.queue.entries.get(key, None)
    if asking.stirred and left is not None and left.place == "waiting":
        # What has changed meanwhile may help it.
        after = replace(after, queue=roused(after.queue, [key], now))
    return after, effects


def _matters(watch: str, change: Any) -> bool:
    if watch != "pods":
        return True
    return any(pod is not None and pod.spec.node_name for pod in (change.old, change.new))
