"""
Bring a StatefulSet's pods nearer to what it declares.

One look goes: adopt revisions, adopt and release pods; find the current revision and the update revision; make pods in
their order, replace those that ended, take away those that are too many, then those of a former revision, one at a
time; write the status; forget revisions beyond the limit. In order means that a look does one thing and waits until
the pod is available; in parallel it does all at once, but updates one after the other all the same.

Takes:    Ask: a StatefulSet's key, and the answers to what the look called for.
Gives:    Outcome.
Source:   pkg/controller/statefulset: stateful_set.go, stateful_set_control.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.workloads import claims, sittings
from reconcile.components.controllers.workloads.sittings import End, Memory, Notes, Steps
from reconcile.components.controllers.workloads.statefulset import revisions, status
from reconcile.components.controllers.workloads.statefulset.rolling import manage
from reconcile.components.controllers.workloads.statefulset.seeing import CLAIMANT, CLAIMS, Seen, seen
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request
from reconcile.store import Change

_WRITTEN: Final = ("pods", CLAIMS, CLAIMANT.resource)


def no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    """Give no key: what a look finds in the cache, and what brings back nobody."""
    return ()


def observe(memory: Memory, change: Change, _: Views, __: Instant) -> Memory:
    """Forget a StatefulSet that is gone."""
    old, new = change.old, change.new
    if old is None or (new is not None and new.metadata.uid == old.metadata.uid):
        return memory
    return sittings.forgotten(memory, change.key)


@quick
@attrs.frozen(weakref_slot=False)
class Reconciler:
    """What reconciles StatefulSets: as feature gates say."""

    consistent: bool
    max_unavailable: bool

    def __call__(self, ask: Ask) -> Outcome:
        """Bring the StatefulSet with the asked key one step nearer to what it declares."""
        watched = _WRITTEN if self.consistent else ()
        stateful = ask.views.get(CLAIMANT.resource, ask.key)
        uid = "" if stateful is None else stateful.metadata.uid
        resumed = sittings.resume(ask, uid, script, watched)
        if resumed is not None:
            return resumed
        if stateful is None:
            return Outcome()
        return sittings.begin(ask, seen(stateful, ask.views, max_unavailable=self.max_unavailable), script, watched)


def script(found: Seen, now: Instant, notes: Notes) -> Steps[End]:
    """Look at a StatefulSet once."""
    stateful = found.stateful
    error = yield from _claimed(found)
    if error:
        return End(error)
    pods = (*found.pods, *found.claimed.adopt)
    history = yield from revisions.history(found)
    if history.error:
        return End(history.error)
    done = yield from manage(found, pods, history, now, notes)
    refused = "" if done.status is None else (yield from _told(stateful, done.status))
    error = done.error or refused
    error = (yield from revisions.truncated(stateful, pods, history)) or error
    if error:
        return End(error)
    return End(after=_next_check(stateful, pods, done.status, now))


def _claimed(found: Seen) -> Steps[str]:
    """Adopt revisions, and adopt and release pods; say what is in the way."""
    stateful, uid = found.stateful, found.stateful.metadata.uid
    orphans = claims.Claims(revisions.orphans(found.revisions), ())
    for resource, wanted in (("controllerrevisions.apps", orphans), ("pods", found.claimed)):
        if not wanted.adopt and not wanted.release:
            continue
        if wanted.adopt:
            metadata = stateful.metadata
            (looked,) = yield (claims.look(CLAIMANT.resource, f"{metadata.namespace}/{metadata.name}"),)
            refusal = claims.refusal_to_adopt(CLAIMANT, stateful, looked)
            if refusal:
                return f"can't adopt ControllerRevisions: {refusal}" if resource != "pods" else refusal
        calls = claims.patches(CLAIMANT, stateful, resource, wanted)
        answers = yield calls
        error = claims.refused(tuple(zip(calls, answers, strict=True)), uid)
        if error:
            return error
    return ""


def _told(stateful: Any, told: Any) -> Steps[str]:
    """Write the status if it is another one; say why it could not be."""
    told = status.completed(stateful, told)
    if status.is_told(stateful, told):
        return ""
    metadata = stateful.metadata
    (answer,) = yield (
        Request(
            verb="update",
            resource=CLAIMANT.resource,
            namespace=metadata.namespace,
            name=metadata.name,
            subresource="status",
            body=replace(stateful, status=told),
        ),
    )
    return "" if answer.ok else str(answer.body.message)


def _next_check(stateful: Any, pods: tuple[Any, ...], told: Any, now: Instant) -> int | None:
    """Tell after how long one more pod will be available; None if none is waited for."""
    wait = status.wait_of(stateful)
    if not wait or (told.ready_replicas or 0) == told.available_replicas:
        return None
    waits = [left for pod in pods if (left := status.until_available(pod, wait, now))]
    return min(waits, default=wait)
