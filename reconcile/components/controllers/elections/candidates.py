"""
Candidates: LeaseCandidates that were not renewed for half an hour are no candidates any more, and are deleted.

Takes:    changes of LeaseCandidates.
Gives:    get and delete of LeaseCandidates.
Source:   pkg/controlplane/controller/leaderelection: leasecandidategc_controller.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import coordination_v1beta1
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views
from reconcile.lib.instant import MINUTE, Duration, Instant
from reconcile.model.requests import Request, split_key
from reconcile.store import Change

CANDIDATES: Final = "leasecandidates.coordination.k8s.io"
VALID: Final[Duration] = 30 * MINUTE
"""How long a candidate is one after it was last renewed."""

_EVERY: Final[Duration] = 30 * MINUTE
_ALL: Final = "all"


def has_expired(candidate: coordination_v1beta1.LeaseCandidate, now: Instant) -> bool:
    """Tell whether a candidate is none any more."""
    renewed = candidate.spec.renew_time
    return renewed is None or renewed.instant + VALID < now


def keys_of_change(_: Change, __: Views) -> tuple[Key, ...]:
    """Give the one key that there is: all candidates are looked at together."""
    return (_ALL,)


def reconcile(ask: Ask) -> Outcome:
    """Delete what has expired, every half an hour."""
    if ask.answers and ask.answers[0][0].verb == "get":
        gone = [request for request, found in ask.answers if found.ok and has_expired(found.body, ask.now)]
        deletes = tuple([_about("delete", request.namespace, request.name) for request in gone])
        return Outcome(calls=deletes, again=bool(deletes), after=ask.memory - ask.now, after_is_periodic=True)
    if ask.answers or ask.now < ask.memory:
        return Outcome(after=ask.memory - ask.now, after_is_periodic=True)
    due = ask.now + _EVERY
    table: Any = ask.views.table(CANDIDATES)
    old = [split_key(key) for key, each in table.items() if has_expired(each, ask.now)]
    gets = tuple([_about("get", namespace, name) for namespace, name in old])
    return Outcome(calls=gets, again=bool(gets), memory=due, after=_EVERY, after_is_periodic=True)


def _about(verb: Any, namespace: str, name: str) -> Request:
    return Request(verb=verb, resource=CANDIDATES, namespace=namespace, name=name)


CONTROLLER: Final = Controller(
    name="leasecandidate-gc",
    sources=(Source(CANDIDATES, keys_of_change),),
    reconcile=reconcile,
    memory=lambda: 0,
    workers=1,
)
