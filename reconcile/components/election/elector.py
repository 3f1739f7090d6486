"""
Leader election: candidates race to hold one lock and renew it while they live.

A candidate reads the lock every two seconds (and up to 2.4 more, by chance). It takes it if nobody holds it, or if it
has seen no change of it for as long as the holder said it would last. A leader renews it every two seconds, and stops
leading if that did not succeed for ten. One that is asked to end can let go of the lock, so that nobody waits for it to
run out.

The deadline counts from the answer to the last renewal, as upstream's does, while others count from when they saw what
was written. So a renewal that is answered late lets its leader go on for longer than its lease: `overdue` says so. Who
must not act then needs more than a lock.

Takes:    Started, TimerFired, Answered; Watched in a coordinated election.
Gives:    Call, SetTimer, Record, Exit.
Source:   client-go tools/leaderelection (acquire, renew, tryAcquireOrRenew) and its locks; the flags --leader-elect-*.
Left out: see docs/limits.md, "Leader election".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.components.election import coordinated
from reconcile.components.election.moves import DEADLINE, NEXT, ask, exited, failed, lasting, patience, recorded, stop
from reconcile.components.election.values import CLASSES, Config, Lock, State, Step, read, written
from reconcile.effects import SetTimer
from reconcile.events import Answered, Hears, Started, TimerFired
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.replacing import copier, replace
from reconcile.model.watches import Watch

_NOT_FOUND: Final = 404
_RELEASED: Final = 1  # seconds: what a lock that was let go lasts


def begin(config: Config, identity: str, dice: Dice) -> State:
    """Give a candidate that has not asked for the lock yet; *identity* must be no other candidate's."""
    term = None if config.candidacy is None else coordinated.begin(config.candidacy, identity)
    return State(config=config, identity=identity, dice=dice, term=term)


def step(state: State, event: Hears) -> Step:
    """Take *event* in; what does not concern an election changes nothing."""
    if state.ends is not None:
        return _on_releasing(state, event)
    if state.lost:
        return state, ()
    match event:
        case Answered():
            return _on_answered(state, event)
        case TimerFired():
            return _on_timer_fired(state, event)
        case Started() if state.term is None:
            return _attempt(state, event.now)
        case _:
            return _otherwise(state, event)


def watches(state: State) -> tuple[Watch, ...]:  # noqa: ARG001  # every component is asked the same
    """Declare nothing: a candidate reads the lock with a GET."""
    return ()


def leads(state: State) -> bool:
    """Tell whether this candidate believes that it leads."""
    return state.leads


def lost(state: State) -> bool:
    """Tell whether this candidate led and does no more."""
    return state.lost


def overdue(state: State, now: Instant) -> bool:
    """
    Tell whether this candidate leads, and yet another may by now: it has read another's name in the lock, or the lock
    has lasted for as long as it said since the last renewal was sent that succeeded.
    """
    return state.leads and (state.lock.holder != state.identity or state.lock.renewed + lasting(state.config) <= now)


def release(state: State, now: Instant) -> Step:
    """Stop leading, let go of the lock if that is to be, and end the process: what a SIGTERM does."""
    return stop(state, now, 0)


def _otherwise(state: State, event: Hears) -> Step:
    return (state, ()) if state.term is None else coordinated.step(state, state.term, event)


def _on_answered(state: State, event: Answered) -> Step:
    if state.asking is None or event.tag != ("election", state.asked):
        return _otherwise(state, event)  # a repeated answer, or one to a call that was given up
    asking, response, now = state.asking, event.response, event.now
    late = now - state.asked_at > patience(state.config)
    lock = read(response.body) if response.ok and not late else None
    if lock is not None:
        observed_at = state.observed_at if lock == state.lock else now
        seen = copier(State, "body", "lock", "observed_at", "asking")
        state = seen(state, response.body, lock, observed_at, None)
        return _on_read(state, now) if asking == "get" else _on_written(state, now)
    state = replace(state, asking=None)
    if late or response.ok:
        return failed(state, now)
    if asking == "renew":
        return ask(state, "get", None, now)
    if asking == "get" and response.code == _NOT_FOUND:
        return ask(state, "create", _first(state, now), now)
    return failed(state, now)


def _on_timer_fired(state: State, event: TimerFired) -> Step:
    if event.key == DEADLINE:
        return stop(state, event.now, 1)
    if event.key != NEXT:
        return _otherwise(state, event)
    if state.asking is not None:
        return failed(replace(state, asking=None), event.now)
    return _attempt(state, event.now)


def _attempt(state: State, now: Instant) -> Step:
    if state.leads and state.lock.holder == state.identity and _is_held(state, now):
        return ask(state, "renew", _next(state, now), now)
    return ask(state, "get", None, now)


def _on_read(state: State, now: Instant) -> Step:
    if state.lock.holder not in ("", state.identity) and _is_held(state, now):
        return failed(state, now)  # a leader too: it tries until its deadline
    return ask(state, "update", _next(state, now), now)


def _on_written(state: State, now: Instant) -> Step:
    config = state.config
    deadline = now + config.retry_period + config.renew_deadline
    timers = (SetTimer(NEXT, now + config.retry_period, periodic=True), SetTimer(DEADLINE, deadline, periodic=True))
    if state.leads:
        return state, timers
    # The first renewal comes at once, and its deadline counts from now: so client-go polls.
    said = recorded(state, "became leader")
    state = replace(state, leads=True)
    state, asked = ask(state, "renew", _next(state, now), now)
    return state, (said, *asked, SetTimer(DEADLINE, now + config.renew_deadline, periodic=True))


def _on_releasing(state: State, event: Hears) -> Step:
    """Look at the lock, and let go of it if it is still its own; whatever comes of that, end."""
    code = state.ends or 0
    match event:
        case Answered(now, tag, response) if state.asking is not None and tag == ("election", state.asked):
            lock = read(response.body) if response.ok and state.asking == "look" else None
            if lock is None or lock.holder != state.identity:
                return replace(state, ends=None), (exited(code),)
            free = Lock("", _RELEASED, now, now, lock.transitions)
            return ask(replace(state, body=response.body), "let go", written(response.body, free), now)
        case TimerFired(_, key) if key in (DEADLINE, NEXT):
            return replace(state, ends=None), (exited(code),)
        case _:
            return state, ()


def _is_held(state: State, now: Instant) -> bool:
    # Only instants observed here count: what restarts the wait is seeing a change, never a time written inside the lock
    # by another clock.
    return state.observed_at + state.lock.seconds * SECOND > now


def _first(state: State, now: Instant) -> Any:
    """Give the lock object that is to be created."""
    config = state.config
    metadata = meta_v1.ObjectMeta(name=config.name, namespace=config.namespace)
    empty = CLASSES[config.lock](metadata=metadata)
    return written(empty, Lock(state.identity, config.lease_duration // SECOND, now, now, 0))


def _next(state: State, now: Instant) -> Any:
    """Give the lock object as last seen, renewed or taken over: its resourceVersion lets only one candidate do that."""
    config, old = state.config, state.lock
    if old.holder == state.identity:
        acquired, transitions = old.acquired, old.transitions
    else:
        acquired, transitions = now, old.transitions + 1
    lock = Lock(state.identity, config.lease_duration // SECOND, acquired, now, transitions)
    return written(state.body, lock)
