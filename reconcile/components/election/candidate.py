"""
A candidate of a coordinated election: it publishes which version it is, and says so again when it is asked.

Its LeaseCandidate is made when the cache of it is filled, renewed every five minutes, and at once when its pingTime is
later than its renewTime: somebody wants to know whether it lives. What fails is tried again with exponential back-off,
which no success makes shorter.

Takes:    Watched, TimerFired, Answered.
Gives:    Call, SetTimer.
Source:   client-go tools/leaderelection/leasecandidate.go.
Left out: the informer's resync, which finds nothing that a change does not.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import coordination_v1beta1, meta_v1
from reconcile.api.scalars import MicroTime
from reconcile.effects import Call, Effect, SetTimer
from reconcile.events import Answered, Hears, TimerFired, Watched
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request

CANDIDATES: Final = "leasecandidates.coordination.k8s.io"
WATCH: Final = "election"
"""The name of the watch of its own LeaseCandidate."""

NAMESPACE: Final = "kube-system"
_DUE: Final = ("election", "candidate")
_EVERY: Final[Duration] = 5 * MINUTE
_FIRST_BACK_OFF: Final[Duration] = 5 * MILLISECOND
_LONGEST_BACK_OFF: Final[Duration] = 1000 * SECOND
_DOUBLINGS: Final = 18  # after so many the back-off is at its longest


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Candidacy:
    """
    What a candidate says of itself.

    Args:
        lease: the name of the Lease that it wants to hold.
        binary_version: its own, such as `1.36.3`.
        emulation_version: that of which it behaves, such as `1.36.0`.
        strategy: how the leader is to be chosen.
    """

    lease: str
    binary_version: str
    emulation_version: str
    strategy: str = "OldestEmulationVersion"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class State:
    """
    What a candidate knows of its LeaseCandidate.

    Args:
        candidacy: what it says of itself.
        name: its LeaseCandidate's: what it writes into the lock.
        known: the LeaseCandidate as its cache has it.
        synced: the cache is filled.
        asked: how many calls it made.
        asking: the last one is not answered.
        again: it was asked for meanwhile.
        failures: how many calls failed.
    """

    candidacy: Candidacy
    name: str
    known: Any = None
    synced: bool = False
    asked: int = 0
    asking: bool = False
    again: bool = False
    failures: int = 0


Step: TypeAlias = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Hears) -> Step:
    """Take *event* in; what does not concern the LeaseCandidate changes nothing."""
    match event:
        case Watched():
            return _on_watched(state, event)
        case TimerFired(now, key) if key == _DUE:
            return _ensured(state, now)
        case Answered(now, tag, response) if tag == (*_DUE, state.asked) and state.asking:
            return _on_answered(replace(state, asking=False), now, ok=response.ok)
        case _:
            return state, ()


def _on_watched(state: State, event: Watched) -> Step:
    before, known = state.known, event.view.get(f"{NAMESPACE}/{state.name}", None)
    state = replace(state, known=known)
    if not state.synced:
        return _ensured(replace(state, synced=True), event.now)
    return _ensured(state, event.now) if known is not before and _is_asked_for(known) else (state, ())


def _is_asked_for(known: coordination_v1beta1.LeaseCandidate | None) -> bool:
    if known is None or known.spec.ping_time is None:
        return False
    renewed = known.spec.renew_time
    return renewed is None or known.spec.ping_time.instant > renewed.instant


def _on_answered(state: State, now: Instant, *, ok: bool) -> Step:
    if state.again:
        return _ensured(replace(state, again=False), now)
    if ok:
        return state, (SetTimer(_DUE, now + _EVERY, periodic=True),)
    wait = min(_FIRST_BACK_OFF << min(state.failures, _DOUBLINGS), _LONGEST_BACK_OFF)
    return replace(state, failures=state.failures + 1), (SetTimer(_DUE, now + wait, periodic=True),)


def _ensured(state: State, now: Instant) -> Step:
    """Make the LeaseCandidate, or renew it."""
    if state.asking:
        return replace(state, again=True), ()
    known, renewed, said = state.known, MicroTime.at(now), state.candidacy
    if known is None:
        spec = coordination_v1beta1.LeaseCandidateSpec(
            lease_name=said.lease,
            binary_version=said.binary_version,
            emulation_version=said.emulation_version,
            strategy=said.strategy,
            renew_time=renewed,
        )
        metadata = meta_v1.ObjectMeta(name=state.name, namespace=NAMESPACE)
        body = coordination_v1beta1.LeaseCandidate(metadata=metadata, spec=spec)
        request = Request(verb="create", resource=CANDIDATES, namespace=NAMESPACE, body=body)
    else:
        body = replace(known, spec=replace(known.spec, renew_time=renewed))
        request = Request(verb="update", resource=CANDIDATES, namespace=NAMESPACE, name=state.name, body=body)
    number = state.asked + 1
    return replace(state, asked=number, asking=True), (Call(request, (*_DUE, number)),)
