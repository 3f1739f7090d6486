"""
Values of an election: the lock, how long things take, and what a candidate knows.

Source:   client-go tools/leaderelection and its resourcelock.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api import coordination_v1, core_v1
from reconcile.api.scalars import MicroTime, Time
from reconcile.components.election.candidate import Candidacy
from reconcile.components.election.candidate import State as Candidate
from reconcile.effects import Effect
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration, Instant, duration_text
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace

ANNOTATION: Final = "control-plane.alpha.kubernetes.io/leader"

RESOURCES: Final = {"leases": "leases.coordination.k8s.io", "endpoints": "endpoints", "configmaps": "configmaps"}


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
        candidacy: what it publishes of itself, so that somebody else elects it; None: whoever is first has the lock.
    """

    name: str
    namespace: str = "kube-system"
    lock: Form = "leases"
    release_on_cancel: bool = False
    lease_duration: Duration = 15 * SECOND
    renew_deadline: Duration = 10 * SECOND
    retry_period: Duration = attrs.field(default=2 * SECOND, validator=_timings)
    candidacy: Candidacy | None = None


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
class Term:
    """
    What a candidate of a coordinated election knows.

    Args:
        candidate: what it publishes of itself.
        preferred: who is to have the lock next, as was read in it.
        strategy: by which leaders are chosen, as was read in it.
        asked: how many calls about the lock it made; only the last one's answer counts.
        asking: what that call is, None if it is answered or given up.
        asked_at: when it was sent.
    """

    candidate: Candidate
    preferred: str = ""
    strategy: str = ""
    asked: int = 0
    asking: Literal["look", "renew"] | None = None
    asked_at: Instant = 0


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
        term: what it knows beside in a coordinated election.
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
    term: Term | None = None


Step: TypeAlias = tuple[State, tuple[Effect, ...]]


CLASSES: Final[dict[str, Any]] = {
    "leases": coordination_v1.Lease,
    "endpoints": core_v1.Endpoints,
    "configmaps": core_v1.ConfigMap,
}
_NO_SPEC: Final = coordination_v1.LeaseSpec()


def written(body: Any, lock: Lock) -> Any:
    """Give the lock object with this written in it."""
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


def read(body: Any) -> Lock | None:
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
