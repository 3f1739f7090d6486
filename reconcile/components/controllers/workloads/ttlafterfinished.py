"""
TTL after finished: a Job that has ended is deleted when its ttlSecondsAfterFinished are over.

Takes:    Ask: a Job's key.
Gives:    a look at the Job itself, then its deletion; it is foreground, so that its pods go with it.
Source:   pkg/controller/ttlafterfinished/ttlafterfinished_controller.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.components.controllers.workloads.job.memory import JOBS, outcome_of
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.model import conditions
from reconcile.model.requests import Request, split_key
from reconcile.store import Change

NAME: Final = "ttl-after-finished-controller"


def keys_of_job(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a Job that has ended and is not to stay."""
    return () if change.new is None or not _is_to_go(change.new) else (change.key,)


def _is_to_go(job: Any) -> bool:
    if job.spec.ttl_seconds_after_finished is None or job.metadata.deletion_timestamp is not None:
        return False
    return bool(outcome_of(job))


def reconcile(ask: Ask) -> Outcome:
    """Delete one Job if its time is over, by the cache and by the API server; else come back when it is."""
    if not ask.answers:
        job = ask.views.get(JOBS, ask.key)
        left = _left(job, ask.now)
        if left is None or left > 0:
            return Outcome(after=left, after_is_periodic=True)
        namespace, name = split_key(ask.key)
        return Outcome(calls=(Request(verb="get", resource=JOBS, namespace=namespace, name=name),), again=True)
    request, response = ask.answers[0]
    if not response.ok:
        return Outcome() if is_done(response) else Outcome(error=text_of(response))
    if request.verb == "delete":
        return Outcome()
    left = _left(response.body, ask.now)
    if left is None or left > 0:
        return Outcome(after=left, after_is_periodic=True)
    return Outcome(calls=(_deletion(response.body),), again=True)


def _left(job: Any, now: Instant) -> Duration | None:
    """Give how long *job* is to stay yet, 0 or less if it is to go; None if nothing is said of that."""
    if job is None or not _is_to_go(job):
        return None
    ended = conditions.find(job.status.conditions, outcome_of(job))
    if ended is None or ended.last_transition_time is None:
        return None
    expires: Instant = ended.last_transition_time.instant + job.spec.ttl_seconds_after_finished * SECOND
    return expires - now


def _deletion(job: Any) -> Request:
    metadata = job.metadata
    options = meta_v1.DeleteOptions(
        propagation_policy="Foreground", preconditions=meta_v1.Preconditions(uid=metadata.uid)
    )
    return Request(verb="delete", resource=JOBS, namespace=metadata.namespace, name=metadata.name, body=options)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(JOBS, keys_of_job),),
    reconcile=reconcile,
    user=service_account(NAME),
    awaits=(JOBS,),
)
