"""
The runtime that all controllers share: shared informers, a work queue for each controller, back-off, resync.

One process runs any number of controllers. They share one watch of each resource, and nothing else: each has its own
queue, its own memory, its own workers, as in the controller-manager. What upstream's worker does while it waits for the
API server (hold its key, hold its place among the workers) is here an entry in a table.

Takes:    Started, Watched, Answered, TimerFired, Turned.
Gives:    Call, SetTimer, Wake, Record.
Source:   client-go: SharedInformerFactory, util/workqueue (queue, delaying queue, exponential failure rate limiter).
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.runtime.checks import is_sound, unsound, wrong_keys
from reconcile.components.controllers.runtime.contract import (
    KEPT,
    Ask,
    Controller,
    Key,
    Outcome,
    Views,
)
from reconcile.components.controllers.runtime.customs import OPENING, with_more
from reconcile.components.controllers.runtime.state import Due, Failure, Running, State, Work, asleep_of, interests_of
from reconcile.components.controllers.runtime.workqueue import WorkQueue
from reconcile.effects import Call, CancelTimer, Effect, Record, SetTimer, Wake
from reconcile.events import Answered, Hears, Started, TimerFired, Turned, Watched
from reconcile.lib.bucket import Bucket
from reconcile.lib.instant import MILLISECOND, Duration, Instant
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response
from reconcile.store import Change

# Over all keys of a queue: 10 failures a second come back, and 100 at once.
RETRIES: Final = Bucket(100 * MILLISECOND, 100)

_NOT_FOUND: Final = 404
_RESYNC: Final = "resync"
_AFTER: Final = "after"
_NO_ANSWERS: Final[Table[int, Response]] = Table()


def step(state: State, event: Hears) -> tuple[State, tuple[Effect, ...]]:
    """Take *event* in: note which keys it concerns, or reconcile one."""
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
            return _on_started(state, event)
        case _:  # only kubelets hear runtimes, and only runtimes hear kubelets
            return state, ()


def _on_started(state: State, event: Started) -> tuple[State, tuple[Effect, ...]]:
    resyncing = [each for each in state.controllers if each.resync is not None and not each.awaits]
    return state, tuple([_resync_timer(state, controller, event.now) for controller in resyncing])


def _on_watched(state: State, event: Watched) -> tuple[State, tuple[Effect, ...]]:
    # A watch is named after its resource: see _watches. Most of what is delivered concerns most controllers not at all.
    resource, changes, now = event.watch, event.changes, event.now
    effects: list[Effect] = []
    if resource in state.asleep and changes:
        state = _roused(state, resource, now, effects)
    views = state.views.having(resource, event.view, changes[-1].revision if changes else event.revision)
    interests = state.interests.get(resource)
    if interests is None:
        return replace(state, views=views), ()  # who sleeps will be told when it wakes
    controllers, works = state.controllers, list(state.works)
    for place, observe, keys in interests:
        work = works[place]
        queue, memory = work.queue, work.memory
        for change in changes:
            if observe is not None:
                memory = observe(memory, change, views, now)
            found = keys(change, views)
            if found != ():
                if found.__class__ is not tuple:
                    raise wrong_keys(controllers[place].name, resource, change.key, found)
                for key in found:
                    queue = queue.add(key)
        if queue is not work.queue or memory is not work.memory:
            works[place] = _noted(controllers[place], work, queue, memory, effects)
    if not state.views.has(resource):
        for place, _, _ in interests:
            works[place] = _synced(controllers[place], works[place], views, effects)
    known = state.interests
    if changes and resource in OPENING:
        known = with_more(controllers, known, resource, changes, effects)
    return State(controllers, known, state.places, state.dice, views, tuple(works), state.asleep), tuple(effects)


def _roused(state: State, resource: str, now: Instant, effects: list[Effect]) -> State:
    """Wake those that slept until there is an object of *resource*, and tell them of all that is there already."""
    controllers, works, views = state.controllers, list(state.works), state.views
    roused = frozenset(state.asleep[resource])
    awake = frozenset([place for place, _ in enumerate(controllers)]).difference(*state.asleep.values()) | roused
    for place in sorted(roused):
        controller, work = controllers[place], works[place]
        queue, memory = work.queue, work.memory
        for source in controller.sources:
            for change in _as_created(views, source.resource):
                if controller.observe is not None and source.observed:
                    memory = controller.observe(memory, change, views, now)
                for key in source.keys(change, views):
                    queue = queue.add(key)
        synced = work.synced or all(views.has(source.resource) for source in controller.sources)
        works[place] = _noted(controller, replace(work, synced=synced), queue, memory, effects)
        if controller.resync is not None:
            effects.append(_resync_timer(state, controller, now))
    interests = interests_of(controllers, awake)
    customs = {key: found for key, found in state.interests.items() if key not in interests}
    return replace(state, works=tuple(works), interests=interests.merge(customs), asleep=asleep_of(controllers, awake))


def _noted(controller: Controller, work: Work, queue: WorkQueue[Key], memory: Any, effects: list[Effect]) -> Work:
    """Give *work* with what a delivery left of its queue and its memory; it asks for a turn if it can work now."""
    woken, running = work.woken, work.running
    if not woken and queue.count and work.synced and len(running) < controller.workers:
        effects.append(Wake(controller.name))
        woken = True
    return Work(queue, memory, running, work.failures, work.due, work.serial, work.synced, woken, work.retried)


def _synced(controller: Controller, work: Work, views: Views, effects: list[Effect]) -> Work:
    """Give *work* as it is after the first delivery of a source: if it was the last one missing, work can begin."""
    if work.synced or not all(views.has(source.resource) for source in controller.sources):
        return work
    return _noted(controller, replace(work, synced=True), work.queue, work.memory, effects)


def _on_turned(state: State, event: Turned) -> tuple[State, tuple[Effect, ...]]:
    place = state.places.get(event.queue)
    if place is None:
        return state, ()
    bench = _Bench(state, place, event.now)
    if bench.can_work():
        bench.woken = False
        key, bench.queue = bench.queue.take()
        _reconcile(bench, key, ())
    elif bench.woken:
        bench.woken = False
    else:
        return state, ()
    return bench.closed()


def _on_answered(state: State, event: Answered) -> tuple[State, tuple[Effect, ...]]:
    name, key, serial, number = event.tag
    place = state.places[name]
    work = state.works[place]
    running = _running(work, serial)
    if running is None or number in running.answers:
        return state, ()  # repeated
    outcome, answers = running.outcome, running.answers
    calls = outcome.calls
    others = () if len(work.running) == 1 else tuple([each for each in work.running if each is not running])
    if len(answers) + 1 < len(calls):
        waits = Running(key, serial, outcome, answers.set(number, event.response))
        return _with_work(state, place, copier(Work, "running")(work, (*others, waits))), ()
    bench = _Bench(state, place, event.now)
    bench.running = others
    if len(calls) == 1:  # as almost always
        pairs: tuple[tuple[Request, Response], ...] = ((calls[0], event.response),)
    else:
        pairs = tuple([(call, answers.get(at, event.response)) for at, call in enumerate(calls)])
    if outcome.again:
        _reconcile(bench, key, pairs)
    else:
        _finish(bench, key, outcome, outcome.error or _refusal(pairs))
    return bench.closed()


def _running(work: Work, serial: int) -> Running | None:
    for running in work.running:
        if running.serial == serial:
            return running
    return None


def _on_timer_fired(state: State, event: TimerFired) -> tuple[State, tuple[Effect, ...]]:
    what, name = event.key[:2]
    bench = _Bench(state, state.places[name], event.now)
    controller = bench.controller
    if what == _RESYNC:
        for source in controller.sources:
            for change in _as_changed(state.views, source.resource):
                for key in source.keys(change, state.views):
                    bench.queue = bench.queue.add(key)
        bench.effects.append(_resync_timer(state, controller, event.now))
        return bench.closed()
    key = event.key[2]
    if key not in bench.due:
        return state, ()
    bench.queue, bench.due = bench.queue.add(key), bench.due.remove(key)
    return bench.closed()


class _Bench:
    """One controller's `Work` taken apart, for as long as one step works on it; `closed()` puts it together again."""

    __slots__ = (
        "controller",
        "due",
        "effects",
        "failures",
        "memory",
        "now",
        "place",
        "queue",
        "retried",
        "running",
        "serial",
        "state",
        "synced",
        "woken",
    )

    def __init__(self, state: State, place: int, now: Instant) -> None:
        work = state.works[place]
        self.state = state
        self.place = place
        self.now = now
        self.controller = state.controllers[place]
        self.queue = work.queue
        self.memory = work.memory
        self.running = work.running
        self.failures = work.failures
        self.due = work.due
        self.serial = work.serial
        self.synced = work.synced
        self.woken = work.woken
        self.retried = work.retried
        self.effects: list[Effect] = []

    def can_work(self) -> bool:
        """Tell whether a key waits, and a worker is there for it."""
        return self.queue.count > 0 and self.synced and len(self.running) < self.controller.workers

    def closed(self) -> tuple[State, tuple[Effect, ...]]:
        """Give the next state; it asks for a turn if there is work that can be done and no turn is on its way."""
        if not self.woken and self.queue.count and self.can_work():
            self.effects.append(Wake(self.controller.name))
            self.woken = True
        work = Work(
            self.queue,
            self.memory,
            self.running,
            self.failures,
            self.due,
            self.serial,
            self.synced,
            self.woken,
            self.retried,
        )
        return _with_work(self.state, self.place, work), tuple(self.effects)


def _reconcile(bench: _Bench, key: Key, answers: tuple[tuple[Request, Response], ...]) -> None:
    """Reconcile *key*, which was taken from the queue."""
    controller = bench.controller
    outcome = controller.reconcile(
        Ask(key=key, views=bench.state.views, memory=bench.memory, now=bench.now, answers=answers)
    )
    if not is_sound(outcome):
        raise unsound(controller.name, key, outcome)
    if outcome.records:
        bench.effects += [_signed(record, controller) for record in outcome.records]
    if outcome.memory is not KEPT:
        bench.memory = outcome.memory
    if not outcome.calls:
        _finish(bench, key, outcome, outcome.error)
        return
    calls = outcome.calls
    name = controller.name
    serial = bench.serial
    user = outcome.user or controller.user
    if len(calls) == 1:
        bench.effects.append(Call(calls[0], (name, key, serial, 0), user))
    else:
        for number, call in enumerate(calls):
            bench.effects.append(Call(call, (name, key, serial, number), user))
    bench.running = (*bench.running, Running(key, serial, outcome, _NO_ANSWERS))
    bench.serial = serial + 1


def _signed(record: Record, controller: Controller) -> Record:
    if record.component:
        return record
    signed: Record = copier(Record, "component")(record, controller.component or controller.name)
    return signed


def _refusal(pairs: tuple[tuple[Request, Response], ...]) -> str:
    """Give the first refusal among the answers; it is none that what is to be deleted is gone already."""
    for request, response in pairs:
        if not response.ok and not (request.verb == "delete" and response.code == _NOT_FOUND):
            message = getattr(response.body, "message", None) or ""
            return f"{response.code} {response.reason}: {message}" if response.code else message
    return ""


def _finish(bench: _Bench, key: Key, outcome: Outcome, why: str) -> None:
    """Be done with *key*: it comes back if it failed, if it asked to, or if it was added meanwhile."""
    failure = bench.failures.get(key)
    bench.queue = bench.queue.done(key)
    if why:
        retries = bench.controller.retries
        given_up = failure is not None and retries is not None and failure.times > retries
        times = 0 if failure is None or given_up else failure.times
        first, longest = bench.controller.back_off
        # Beyond 2^18 every back-off is the longest one.
        delay = min(first << min(times, 18), longest)
        bench.failures = bench.failures.set(key, Failure(times + 1, why))
        if retries is None or times < retries:
            bench.retried = RETRIES.taken(bench.retried, bench.now)
            delay = max(delay, RETRIES.owed(bench.retried, bench.now))
            _come_back(bench, key, delay, periodic=False)
        else:
            _not_come_back(bench, key)
        return
    if failure is not None:
        bench.failures = bench.failures.remove(key)
    if outcome.again and not outcome.calls:
        bench.queue = bench.queue.add(key)
    if outcome.after is not None:
        _come_back(bench, key, outcome.after, periodic=outcome.after_is_periodic)
    else:
        _not_come_back(bench, key)


def _come_back(bench: _Bench, key: Key, delay: Duration, *, periodic: bool) -> None:
    """Let *key* be added after *delay*, in place of when it was to come back."""
    at = bench.now + max(delay, 0)
    known = bench.due.get(key)
    if known is None or known.at != at or known.periodic != periodic:
        bench.effects.append(SetTimer((_AFTER, bench.controller.name, key), at, periodic))
        bench.due = bench.due.set(key, Due(at, periodic))


def _not_come_back(bench: _Bench, key: Key) -> None:
    """Let *key* wait for a change alone, even if it was to come back."""
    if key in bench.due:
        bench.effects.append(CancelTimer((_AFTER, bench.controller.name, key)))
        bench.due = bench.due.remove(key)


def _resync_timer(state: State, controller: Controller, now: Instant) -> SetTimer:
    # A period of its own for each process, from one to two times what is asked, so that they do not all come at once.
    assert controller.resync is not None, "only a controller with a resync has its timer"
    drawn, _ = state.dice.named(controller.name).below(controller.resync)
    return SetTimer((_RESYNC, controller.name), now + controller.resync + drawn, periodic=True)


def _as_changed(views: Views, resource: str) -> list[Change]:
    table = views.table(resource)
    return [Change(0, resource, key, obj, obj) for key, obj in table.items()]


def _as_created(views: Views, resource: str) -> list[Change]:
    return [Change(0, resource, key, None, obj) for key, obj in views.table(resource).items()]


def _with_work(state: State, place: int, work: Work) -> State:
    works = list(state.works)
    works[place] = work
    return State(state.controllers, state.interests, state.places, state.dice, state.views, tuple(works), state.asleep)
