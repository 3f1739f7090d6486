"""
Electing: of the candidates for a Lease the one that behaves as the oldest version has it.

An election is needed where nobody holds the Lease or it has run out, where another would be better, and when a
candidate has not been renewed for a quarter of an hour. Then the candidates that have not been renewed for five seconds
are asked whether they live, by their pingTime, and have five seconds to say so. Of those who did the best is elected:
it is written into a Lease that is free, and is the preferred holder of one that is held, whose leader then lets it run
out. Who wants leaders to be chosen by a strategy of its own is left to somebody else; the Lease only says so.

What is going on is nowhere remembered: each look begins with the Lease and the candidates as they are.

Takes:    changes of Leases and LeaseCandidates.
Gives:    update of LeaseCandidates; create, get and update of Leases.
Source:   pkg/controlplane/controller/leaderelection: leaderelection_controller.go, election.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import coordination_v1, coordination_v1beta1, meta_v1
from reconcile.api.scalars import MicroTime
from reconcile.components.controllers.elections.candidates import CANDIDATES, VALID, has_expired
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, keys_of_itself
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.programs import ELECTOR
from reconcile.model.requests import Request, split_key
from reconcile.model.text.semver import ZERO, Version, parsed
from reconcile.store import Change

LEASES: Final = "leases.coordination.k8s.io"
OLDEST: Final = "OldestEmulationVersion"

_AGAIN: Final[Duration] = 5 * SECOND
_ELECTION: Final[Duration] = 5 * SECOND
_LASTS: Final = 5  # seconds: the first term of a leader, who makes it longer
_EXISTS: Final = 409

Candidate: TypeAlias = coordination_v1beta1.LeaseCandidate


@quick
@attrs.frozen(weakref_slot=False)
class Note:
    """
    What is kept of a Lease.

    Args:
        due: when it is looked at again, whatever happens.
        strategy: of the election that is being written down.
        holder: who won it; empty if that is for somebody else to say.
    """

    due: Instant
    strategy: str = ""
    holder: str = ""


def keys_of_candidate(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the Lease for which this is a candidate; none while the candidate is only asked whether it lives."""
    found = change.old if change.new is None else change.new
    if _is_asked(found):
        return ()
    return (f"{found.metadata.namespace}/{found.spec.lease_name}",)


def reconcile(ask: Ask) -> Outcome:
    """Take one step of an election for a Lease, if one is needed."""
    if ask.answers:
        return _answered(ask)
    now, candidates = ask.now, _candidates(ask)
    if not candidates:
        return Outcome(memory=ask.memory.remove(ask.key) if ask.key in ask.memory else ask.memory)
    if not is_needed(ask.views.get(LEASES, ask.key), candidates, now):
        return _later(ask)
    pings = tuple([_ping(each, now) for each in candidates if _is_to_be_asked(each, now)])
    if pings:
        return Outcome(calls=pings, again=True)
    acked = [each for each in candidates if _is_fresh(each, now)]
    if any(_is_awaited(each, now) for each in candidates) or not acked:
        return _later(ask)
    strategy = strategy_of(acked)
    if not strategy:
        return _later(ask)
    best = best_of(acked) if strategy == OLDEST else None
    holder = "" if best is None else _name(best)
    note = Note(_due(ask), strategy, holder)
    return Outcome(calls=(_create(ask, note),), again=True, memory=ask.memory.set(ask.key, note))


def is_needed(lease: coordination_v1.Lease | None, candidates: list[Candidate], now: Instant) -> bool:
    """Tell whether there is to be an election."""
    if lease is None or _has_run_out(lease, now) or not _holder(lease):
        return True
    if any(each.spec.renew_time and each.spec.renew_time.instant + VALID // 2 < now for each in candidates):
        return True
    if strategy_of(candidates) != OLDEST:
        return False
    best = best_of(candidates)
    return best is not None and _name(best) != _holder(lease)


def strategy_of(candidates: list[Candidate]) -> str:
    """Give the strategy that the newest binary wants; empty if two of that version do not want the same."""
    newest = max(_version(each.spec.binary_version) for each in candidates)
    wanted = {each.spec.strategy for each in candidates if _version(each.spec.binary_version) == newest}
    return wanted.pop() if len(wanted) == 1 else ""


def best_of(candidates: list[Candidate]) -> Candidate | None:
    """Give the candidate of the oldest emulation version, of the oldest binary among these, that came first."""
    found = [
        each
        for each in candidates
        if parsed(each.spec.emulation_version or "", tolerant=True) and parsed(each.spec.binary_version, tolerant=True)
    ]
    return min(found, key=_rank, default=None)


def _rank(candidate: Candidate) -> Any:
    spec, made = candidate.spec, candidate.metadata and candidate.metadata.creation_timestamp
    return _version(spec.emulation_version or ""), _version(spec.binary_version), made.instant if made else 0


def _name(candidate: Candidate) -> str:
    return (candidate.metadata and candidate.metadata.name) or ""


def _version(text: str) -> Version:
    return parsed(text, tolerant=True) or ZERO


# The candidates ------------------------------------------------------------------------------------------------------


def _candidates(ask: Ask) -> list[Candidate]:
    namespace, name = split_key(ask.key)
    found = ask.views.table(CANDIDATES).under("namespace", namespace)
    return [each for each in found if each.spec.lease_name == name and not has_expired(each, ask.now)]


def _is_asked(candidate: Candidate) -> bool:
    """Tell whether a candidate was asked whether it lives, and did not answer yet."""
    pinged, renewed = candidate.spec.ping_time, candidate.spec.renew_time
    return pinged is not None and renewed is not None and renewed.instant < pinged.instant


def _is_awaited(candidate: Candidate, now: Instant) -> bool:
    pinged = candidate.spec.ping_time
    return _is_asked(candidate) and pinged is not None and pinged.instant + _ELECTION > now


def _is_fresh(candidate: Candidate, now: Instant) -> bool:
    renewed = candidate.spec.renew_time
    return renewed is not None and renewed.instant + _ELECTION > now


def _is_to_be_asked(candidate: Candidate, now: Instant) -> bool:
    """Tell whether a candidate has not said for a while that it lives, and is not asked already, or was in vain."""
    if _is_fresh(candidate, now):
        return False
    pinged = candidate.spec.ping_time
    return pinged is None or (pinged.instant + _ELECTION < now and not _is_asked(candidate))


def _ping(candidate: Candidate, now: Instant) -> Request:
    metadata = candidate.metadata or meta_v1.ObjectMeta()
    body = replace(candidate, spec=replace(candidate.spec, ping_time=MicroTime.at(now)))
    return _about("update", CANDIDATES, metadata.namespace or "", metadata.name or "", body)


# The lease -----------------------------------------------------------------------------------------------------------


def _holder(lease: coordination_v1.Lease) -> str:
    return (lease.spec and lease.spec.holder_identity) or ""


def _has_run_out(lease: coordination_v1.Lease, now: Instant) -> bool:
    spec = lease.spec
    if spec is None or spec.renew_time is None or spec.lease_duration_seconds is None:
        return True
    return spec.renew_time.instant + spec.lease_duration_seconds * SECOND < now


def _create(ask: Ask, note: Note) -> Request:
    namespace, name = split_key(ask.key)
    spec = coordination_v1.LeaseSpec(
        holder_identity=note.holder or None,
        lease_duration_seconds=_LASTS,
        renew_time=MicroTime.at(ask.now),
        strategy=note.strategy,
    )
    body = coordination_v1.Lease(metadata=meta_v1.ObjectMeta(name=name, namespace=namespace), spec=spec)
    return _about("create", LEASES, namespace, "", body)


def _answered(ask: Ask) -> Outcome:
    """Go on with what was asked: pings, or the Lease, which is made, or is there, or is changed."""
    request, response = ask.answers[0]
    namespace, name = split_key(ask.key)
    if request.resource == LEASES and request.verb == "create" and response.code == _EXISTS:
        return Outcome(calls=(_about("get", LEASES, namespace, name),), again=True)
    if request.verb == "get" and response.ok:
        changed = elected(response.body, ask.memory[ask.key], ask.now)
        if changed is not response.body:
            return Outcome(calls=(_about("update", LEASES, namespace, name, changed),), again=True)
    return _later(ask)


def elected(lease: coordination_v1.Lease, note: Note, now: Instant) -> coordination_v1.Lease:
    """Give a Lease with what came of an election: itself if nothing did."""
    spec, holder = lease.spec or coordination_v1.LeaseSpec(), _holder(lease)
    after = replace(spec, strategy=note.strategy) if spec.strategy != note.strategy else spec
    if note.holder and note.holder != holder:
        if holder and not _has_run_out(lease, now):
            after = replace(after, preferred_holder=note.holder) if spec.preferred_holder != note.holder else after
        else:
            after = replace(
                after,
                holder_identity=note.holder,
                preferred_holder=None,
                renew_time=MicroTime.at(now),
                lease_duration_seconds=_LASTS,
                acquire_time=None,
            )
    return lease if after is spec else replace(lease, spec=after)


def _about(verb: Any, resource: str, namespace: str, name: str, body: Any = None) -> Request:
    return Request(verb=verb, resource=resource, namespace=namespace, name=name, body=body)


def _due(ask: Ask) -> Instant:
    note: Note | None = ask.memory.get(ask.key)
    return ask.now + _AGAIN if note is None or note.due <= ask.now else note.due


def _later(ask: Ask) -> Outcome:
    """Look again in five seconds, or when that was to be already: whether a Lease has run out nobody tells."""
    due = _due(ask)
    note = Note(due)
    return Outcome(memory=ask.memory.set(ask.key, note), after=due - ask.now, after_is_periodic=True)


CONTROLLER: Final = Controller(
    name=ELECTOR,
    sources=(Source(LEASES, keys_of_itself), Source(CANDIDATES, keys_of_candidate)),
    reconcile=reconcile,
    memory=Table,
    workers=1,
)
