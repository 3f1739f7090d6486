"""
Leader election: candidates race to hold one lock and renew it while they live.

A candidate reads the lock every two seconds (and up to 2.4 more, by chance). It takes it if nobody holds it, or if it
has seen no change of it for as long as the holder said it would last. A leader renews it every two seconds, and stops
leading if that did not succeed for ten. One that is asked to end can let go of the lock, so that nobody waits for it to
run out.

The deadline counts from the answer to the last renewal, as upstream's does, while others count from when they saw what
was written. So a renewal that is answered late lets its leader go on for longer than its lease: `overdue` says so. Who
must not act then needs more than a lock.

Takes:    Started, TimerFired, Answered.
Gives:    Call, SetTimer, Record, Exit.
Source:   client-go tools/leaderelection (acquire, renew, tryAcquireOrRenew) and its locks; the flags --leader-elect-*.
Left out: see docs/limits.md, "Leader election".
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api import coordination_v1, core_v1, meta_v1
from reconcile.api.scalars import MicroTime, Time
from reconcile.effects import Call, Effect, Exit, Record, SetTimer
from reconcile.events import Answered, Hears, Started, TimerFired
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration, Instant, duration_text
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.model.requests import Request
from reconcile.model.watches import Watch

ANNOTATION: Final = "control-plane.alpha.kubernetes.io/leader"

_RESOURCES: Final = {"leases": "leases.coordination.k8s.io", "endpoints": "endpoints", "configmaps": "configmaps"}

_NEXT: Final = ("election", "next")  # the next attempt is due, or a call went unanswered
_DEADLINE: Final = ("election", "deadline")  # the lock could not be renewed

_NOT_FOUND: Final = 404
_RELEASED: Final = 1  # seconds: what a lock that was let go lasts

Form: TypeAlias = Literal["leases", "endpoints", "configmaps"]
"""What the lock is: a Lease, or an annotation of an Endpoints or a ConfigMap."""

Asking: TypeAlias = Literal["get", "create", "update", "renew", "look", "let go"]


def _timings(config: Config, _: Any, __: Any) -> None:
    # The same that upstream refuses.
    lease, deadline, retry = config.lease_duration, config.renew_deadline, config.retry_period
    if lease < SECOND or not 0 < retry * 6 // 5 < deadline < lease:
        raise ReconcileError(
            f"leader election {config.namespace}/{config.name}: the lease duration {duration_text(lease)} must be "
            f"a second or more and longer than the renew deadline {duration_text(deadline)}, which must be longer than "
            f"1.2 times the retry period {duration_text(retry)}"
        )


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Config:
    """
    The lock, and how long things take.

    Args:
        name: the lock object's.
        namespace: where it is.
        lock: a Lease, or an Endpoints object or a ConfigMap with an annotation.
        lease_duration: how long others wait after the last change that they saw.
        renew_deadline: how long a leader tries to renew before it gives up.
        retry_period: how long between two attempts.
        release_on_cancel: let go of the lock when it stops leading.
    """

    name: str
    namespace: str = "kube-system"
    lock: Form = "leases"
    release_on_cancel: bool = False
    lease_duration: Duration = 15 * SECOND
    renew_deadline: Duration = 10 * SECOND
    retry_period: Duration = attrs.field(default=2 * SECOND, validator=_timings)


@quick
@attrs.frozen(weakref_slot=False)
class Lock:
    """What the lock says: who holds it, for how many seconds, since when, renewed when, how often it changed hands."""

    holder: str = ""
    seconds: int = 0
    acquired: Instant = 0
    renewed: Instant = 0
    transitions: int = 0


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class State:
    """
    One candidate.

    Args:
        config: the lock, and how long things take.
        identity: what it writes into the lock.
        dice: its chance: how long it waits between attempts.
        leads: it believes that it leads.
        lost: it led, and does no more; its process ends.
        body: the lock object as last seen, None if never.
        lock: what was written in it.
        observed_at: the instant at which that was first seen, by this candidate's clock.
        asked: how many calls it made; only the last one's answer counts.
        asking: what that call is, None if it is answered or given up; `renew` is an update without a look first, `look`
            and `let go` are those of a release.
        asked_at: when it was sent.
        ends: with which code its process ends once the lock is released, None if it is not being released.
    """

    config: Config
    identity: str
    dice: Dice
    leads: bool = False
    lost: bool = False
    body: Any = None
    lock: Lock = Lock()
    observed_at: Instant = 0
    asked: int = 0
    asking: Asking | None = None
    asked_at: Instant = 0
    ends: int | None = None


Step: TypeAlias = tuple[State, tuple[Effect, ...]]


def begin(config: Config, identity: str, dice: Dice) -> State:
    """Give a candidate that has not asked for the lock yet; *identity* must be no other candidate's."""
    return State(config=config, identity=identity, dice=dice)


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
        case Started():
            return _attempt(state, event.now)
        case _:
            return state, ()


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
    return state.leads and (state.lock.holder != state.identity or state.lock.renewed + _lasting(state.config) <= now)


def release(state: State, now: Instant) -> Step:
    """Stop leading, let go of the lock if that is to be, and end the process: what a SIGTERM does."""
    return _stop(state, now, 0)


def _on_answered(state: State, event: Answered) -> Step:
    if state.asking is None or event.tag != ("election", state.asked):
        return state, ()  # a repeated answer, or one to a call that was given up
    asking, response, now = state.asking, event.response, event.now
    late = now - state.asked_at > _patience(state.config)
    lock = _read(response.body) if response.ok and not late else None
    if lock is not None:
        observed_at = state.observed_at if lock == state.lock else now
        seen = copier(State, "body", "lock", "observed_at", "asking")
        state = seen(state, response.body, lock, observed_at, None)
        return _on_read(state, now) if asking == "get" else _on_written(state, now)
    state = replace(state, asking=None)
    if late or response.ok:
        return _failed(state, now)
    if asking == "renew":
        return _ask(state, "get", None, now)
    if asking == "get" and response.code == _NOT_FOUND:
        return _ask(state, "create", _first(state, now), now)
    return _failed(state, now)


def _on_timer_fired(state: State, event: TimerFired) -> Step:
    if event.key == _DEADLINE:
        return _stop(state, event.now, 1)
    if event.key != _NEXT:
        return state, ()
    if state.asking is not None:
        return _failed(replace(state, asking=None), event.now)
    return _attempt(state, event.now)


def _attempt(state: State, now: Instant) -> Step:
    if state.leads and state.lock.holder == state.identity and _is_held(state, now):
        return _ask(state, "renew", _next(state, now), now)
    return _ask(state, "get", None, now)


def _on_read(state: State, now: Instant) -> Step:
    if state.lock.holder not in ("", state.identity) and _is_held(state, now):
        return _failed(state, now)  # a leader too: it tries until its deadline
    return _ask(state, "update", _next(state, now), now)


def _on_written(state: State, now: Instant) -> Step:
    config = state.config
    deadline = now + config.retry_period + config.renew_deadline
    timers = (SetTimer(_NEXT, now + config.retry_period, periodic=True), SetTimer(_DEADLINE, deadline, periodic=True))
    if state.leads:
        return state, timers
    # The first renewal comes at once, as every one does that its pause is over for.
    state = replace(state, leads=True)
    state, asked = _ask(state, "renew", _next(state, now), now)
    return state, (_record(state, "became leader"), *asked, SetTimer(_DEADLINE, now + config.renew_deadline, periodic=True))


def _failed(state: State, now: Instant) -> Step:
    """Try again: a leader at the pace of its attempts, a candidate after a wait that differs from the others'."""
    period = state.config.retry_period
    if state.leads:
        return state, (SetTimer(_NEXT, max(now, state.asked_at + period), periodic=True),)
    jitter, dice = state.dice.below(period * 6 // 5)
    return replace(state, dice=dice), (SetTimer(_NEXT, now + period + jitter, periodic=True),)


def _stop(state: State, now: Instant, code: int) -> Step:
    """Stop leading, if it does, and end."""
    said = (_record(state, "stopped leading"),) if state.leads else ()
    leads, ended = state.leads, replace(state, leads=False, lost=True, asking=None)
    if not leads and code:
        return state, ()
    if not leads or not state.config.release_on_cancel or state.lock.holder != state.identity:
        return ended, (*said, _exit(code))
    ended, effects = _ask(replace(ended, ends=code), "look", None, now)
    deadline = SetTimer(_DEADLINE, now + state.config.renew_deadline, periodic=True)
    return ended, (*said, *effects, deadline)


def _on_releasing(state: State, event: Hears) -> Step:
    """Look at the lock, and let go of it if it is still its own; whatever comes of that, end."""
    code = state.ends or 0
    match event:
        case Answered(now, tag, response) if state.asking is not None and tag == ("election", state.asked):
            lock = _read(response.body) if response.ok and state.asking == "look" else None
            if lock is None or lock.holder != state.identity:
                return replace(state, ends=None), (_exit(code),)
            free = Lock("", _RELEASED, now, now, lock.transitions)
            return _ask(replace(state, body=response.body), "let go", _written(response.body, free), now)
        case TimerFired(_, key) if key in (_DEADLINE, _NEXT):
            return replace(state, ends=None), (_exit(code),)
        case _:
            return state, ()


def _exit(code: int) -> Exit:
    return Exit(code, "leaderelection lost") if code else Exit(0, "Requested to terminate, exiting")


def _record(state: State, what: str) -> Record:
    return Record(state.body, "Normal", "LeaderElection", f"{state.identity} {what}")


def _ask(state: State, asking: Asking, body: Any, now: Instant) -> Step:
    config, number = state.config, state.asked + 1
    request = Request(
        verb=_VERBS.get(asking, asking),
        resource=_RESOURCES[config.lock],
        namespace=config.namespace,
        name="" if asking == "create" else config.name,
        body=body,
    )
    state = copier(State, "asked", "asking", "asked_at")(state, number, asking, now)
    return state, (Call(request, ("election", number)), SetTimer(_NEXT, now + _patience(config), periodic=True))


_VERBS: Final[dict[str, Any]] = {"renew": "update", "look": "get", "let go": "update"}


def _lasting(config: Config) -> Duration:
    return config.lease_duration // SECOND * SECOND


def _patience(config: Config) -> Duration:
    # Half of the renew deadline, so that there is time for another attempt, but a second at least.
    return min(max(config.renew_deadline // 2, SECOND), config.renew_deadline)


def _is_held(state: State, now: Instant) -> bool:
    # Only instants observed here count: what restarts the wait is seeing a change, never a time written inside the lock
    # by another clock.
    return state.observed_at + state.lock.seconds * SECOND > now


def _first(state: State, now: Instant) -> Any:
    """Give the lock object that is to be created."""
    config = state.config
    metadata = meta_v1.ObjectMeta(name=config.name, namespace=config.namespace)
    empty = _CLASSES[config.lock](metadata=metadata)
    return _written(empty, Lock(state.identity, config.lease_duration // SECOND, now, now, 0))


def _next(state: State, now: Instant) -> Any:
    """Give the lock object as last seen, renewed or taken over: its resourceVersion lets only one candidate do that."""
    config, old = state.config, state.lock
    if old.holder == state.identity:
        acquired, transitions = old.acquired, old.transitions
    else:
        acquired, transitions = now, old.transitions + 1
    lock = Lock(state.identity, config.lease_duration // SECOND, acquired, now, transitions)
    return _written(state.body, lock)


_CLASSES: Final[dict[str, Any]] = {
    "leases": coordination_v1.Lease,
    "endpoints": core_v1.Endpoints,
    "configmaps": core_v1.ConfigMap,
}
_NO_SPEC: Final = coordination_v1.LeaseSpec()


def _written(body: Any, lock: Lock) -> Any:
    if isinstance(body, coordination_v1.Lease):
        fields = ("holder_identity", "lease_duration_seconds", "acquire_time", "renew_time", "lease_transitions")
        # Anew: what only a coordinated election knows, a strategy and who is preferred, does not stay.
        spec = copier(coordination_v1.LeaseSpec, *fields)(
            _NO_SPEC,
            lock.holder,
            lock.seconds,
            MicroTime.at(lock.acquired),
            MicroTime.at(lock.renewed),
            lock.transitions,
        )
        return copier(coordination_v1.Lease, "spec")(body, spec)
    record = {
        "holderIdentity": lock.holder,
        "leaseDurationSeconds": lock.seconds,
        "acquireTime": Time.at(lock.acquired).text,
        "renewTime": Time.at(lock.renewed).text,
        "leaderTransitions": lock.transitions,
    }
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    annotations = (body.metadata.annotations or Map()).set(ANNOTATION, text)
    return replace(body, metadata=replace(body.metadata, annotations=annotations))


def _read(body: Any) -> Lock | None:
    """Read what is written in the lock; None if it cannot be read."""
    if isinstance(body, coordination_v1.Lease):
        spec = body.spec or coordination_v1.LeaseSpec()
        return Lock(
            spec.holder_identity or "",
            spec.lease_duration_seconds or 0,
            spec.acquire_time.instant if spec.acquire_time else 0,
            spec.renew_time.instant if spec.renew_time else 0,
            spec.lease_transitions or 0,
        )
    try:
        record = json.loads((body.metadata.annotations or Map()).get(ANNOTATION, "{}"))
        return Lock(
            str(record.get("holderIdentity", "")),
            int(record.get("leaseDurationSeconds", 0)),
            Time.parse(record["acquireTime"]).instant if record.get("acquireTime") else 0,
            Time.parse(record["renewTime"]).instant if record.get("renewTime") else 0,
            int(record.get("leaderTransitions", 0)),
        )
    except (ValueError, TypeError, AttributeError, ReconcileError):
        return None
