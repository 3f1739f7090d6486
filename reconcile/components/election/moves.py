"""What a candidate does, whoever elects it: it asks, tries again, wins, stops."""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.election.values import RESOURCES, Asking, Config, State, Step
from reconcile.effects import Call, Exit, Record, SetTimer
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import copier, replace
from reconcile.model.requests import Request

NEXT: Final = ("election", "next")  # the next attempt is due, or a call went unanswered
DEADLINE: Final = ("election", "deadline")  # the lock could not be renewed


def failed(state: State, now: Instant) -> Step:
    """Try again: a leader at the pace of its attempts, a candidate after a wait that differs from the others'."""
    period = state.config.retry_period
    if state.leads:
        return state, (SetTimer(NEXT, max(now, state.asked_at + period), periodic=True),)
    jitter, dice = state.dice.below(period * 6 // 5)
    return replace(state, dice=dice), (SetTimer(NEXT, now + period + jitter, periodic=True),)


def stop(state: State, now: Instant, code: int) -> Step:
    """Stop leading, if it does, and end."""
    said = (recorded(state, "stopped leading"),) if state.leads else ()
    leads, ended = state.leads, replace(state, leads=False, lost=True, asking=None)
    if not leads and code:
        return state, ()
    if not leads or not state.config.release_on_cancel or state.lock.holder != state.identity:
        return ended, (*said, exited(code))
    ended, effects = ask(replace(ended, ends=code), "look", None, now)
    deadline = SetTimer(DEADLINE, now + state.config.renew_deadline, periodic=True)
    return ended, (*said, *effects, deadline)


def exited(code: int) -> Exit:
    """End the process, as one whose lease is lost, or that was asked to."""
    return Exit(code, "leaderelection lost") if code else Exit(0, "Requested to terminate, exiting")


def recorded(state: State, what: str) -> Record:
    """Let what became of a candidate be an event of its lock."""
    return Record(state.body, "Normal", "LeaderElection", f"{state.identity} {what}")


def ask(state: State, asking: Asking, body: Any, now: Instant) -> Step:
    """Send a call about the lock, and give it up if it is not answered for too long."""
    config, number = state.config, state.asked + 1
    request = Request(
        verb=_VERBS.get(asking, asking),
        resource=RESOURCES[config.lock],
        namespace=config.namespace,
        name="" if asking == "create" else config.name,
        body=body,
    )
    state = copier(State, "asked", "asking", "asked_at")(state, number, asking, now)
    return state, (Call(request, ("election", number)), SetTimer(NEXT, now + patience(config), periodic=True))


_VERBS: Final[dict[str, Any]] = {"renew": "update", "look": "get", "let go": "update"}


def lasting(config: Config) -> Duration:
    """Say how long a lock lasts, of which only whole seconds are written."""
    return config.lease_duration // SECOND * SECOND


def patience(config: Config) -> Duration:
    """Say how long a call is waited for: half of the renew deadline, but a second at least."""
    return min(max(config.renew_deadline // 2, SECOND), config.renew_deadline)
