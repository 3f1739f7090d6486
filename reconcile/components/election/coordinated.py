"""
A coordinated election: who leads is written into the lock by somebody else, and a candidate looks whether it is it.

Every retry period it reads the lock. It leads once it has renewed a lock that has its name in it, and goes on renewing
it, by a look and a write. Once the lock names a preferred holder it is at the end of its term: it renews no more, and
ends at its renew deadline.

Takes:    Started, TimerFired, Answered, Watched.
Gives:    Call, SetTimer, Record, Exit.
Source:   client-go tools/leaderelection: tryCoordinatedRenew.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import coordination_v1
from reconcile.components.election import candidate
from reconcile.components.election.moves import DEADLINE, patience, recorded
from reconcile.components.election.values import RESOURCES, Lock, State, Step, Term, read, written
from reconcile.effects import Call, SetTimer
from reconcile.events import Answered, Hears, Started, TimerFired
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request

_POLL: Final = ("election", "poll")  # the next look is due, or a call went unanswered


def begin(candidacy: candidate.Candidacy, identity: str) -> Term:
    """Give what a candidate knows that has not looked at the lock yet."""
    return Term(candidate=candidate.State(candidacy=candidacy, name=identity))


def step(state: State, term: Term, event: Hears) -> Step:
    """Take *event* in; what does not concern the election changes nothing."""
    match event:
        case Started():
            return _look(state, term, event.now)
        case TimerFired(now, key) if key == _POLL:
            if term.asking is not None:
                return _failed(state, replace(term, asking=None), now)
            return _look(state, term, now)
        case Answered(now, tag, response) if tag == (*_POLL, term.asked) and term.asking is not None:
            asking, term = term.asking, replace(term, asking=None)
            if not response.ok or now - term.asked_at > patience(state.config):
                return _failed(state, term, now)
            if asking == "look":
                return _on_read(state, term, response.body, now)
            return _on_written(state, term, response.body, now)
        case _:
            published, effects = candidate.step(term.candidate, event)
            return (state if published is term.candidate else _with(state, replace(term, candidate=published))), effects


def _with(state: State, term: Term) -> State:
    return replace(state, term=term)


def _look(state: State, term: Term, now: Instant) -> Step:
    return _ask(state, replace(term, asking="look"), None, now)


def _ask(state: State, term: Term, body: Any, now: Instant) -> Step:
    config, number = state.config, term.asked + 1
    request = Request(
        verb="get" if body is None else "update",
        resource=RESOURCES["leases"],
        namespace=config.namespace,
        name=config.name,
        body=body,
    )
    timer = SetTimer(_POLL, now + patience(config), periodic=True)
    return _with(state, replace(term, asked=number, asked_at=now)), (Call(request, (*_POLL, number)), timer)


def _on_read(state: State, term: Term, body: Any, now: Instant) -> Step:
    state, term = _seen(state, term, body, now)
    lock = state.lock
    is_over = state.observed_at + lock.seconds * SECOND < now
    if is_over or lock.holder != state.identity or term.preferred:
        return _failed(state, term, now)
    renewed = Lock(state.identity, state.config.lease_duration // SECOND, lock.acquired, now, lock.transitions)
    after = written(body, renewed)
    spec = replace(after.spec, strategy=term.strategy or None)
    if not lock.acquired:  # as who elects leaves it
        spec = replace(spec, acquire_time=None)
    return _ask(state, replace(term, asking="renew"), replace(after, spec=spec), now)


def _seen(state: State, term: Term, body: Any, now: Instant) -> tuple[State, Term]:
    """Take in what the lock says; it runs from the instant at which something else in it was first seen."""
    lock, spec = read(body) or Lock(), body.spec or coordination_v1.LeaseSpec()
    preferred, strategy = spec.preferred_holder or "", spec.strategy or ""
    if (lock, preferred, strategy) != (state.lock, term.preferred, term.strategy):
        state = replace(state, observed_at=now)
    return replace(state, body=body, lock=lock), replace(term, preferred=preferred, strategy=strategy)


def _on_written(state: State, term: Term, body: Any, now: Instant) -> Step:
    state, term = _seen(state, term, body, now)
    config, won = state.config, not state.leads
    deadline = now + config.retry_period + config.renew_deadline
    timers = (SetTimer(_POLL, now + config.retry_period, periodic=True), SetTimer(DEADLINE, deadline, periodic=True))
    state = replace(_with(state, term), leads=True)
    return state, (*timers, recorded(state, "became leader")) if won else timers


def _failed(state: State, term: Term, now: Instant) -> Step:
    """Look again: a leader at the pace of its attempts, a candidate after a wait that differs from the others'."""
    period, state = state.config.retry_period, _with(state, term)
    if state.leads:
        return state, (SetTimer(_POLL, max(now, term.asked_at + period), periodic=True),)
    jitter, dice = state.dice.below(period * 6 // 5)
    return replace(state, dice=dice), (SetTimer(_POLL, now + period + jitter, periodic=True),)
