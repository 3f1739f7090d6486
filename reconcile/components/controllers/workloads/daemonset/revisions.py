"""
Revisions: the one of a DaemonSet's present template, and the former ones.

Takes:    a DaemonSet, its revisions, its pods.
Gives:    `History`; calls.
Source:   pkg/controller/daemon/update.go: constructHistory, snapshot, dedupCurHistories, cleanupHistory.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.components.controllers.workloads import history as revisions
from reconcile.components.controllers.workloads.daemonset.seeing import CLAIMANT, Seen, by_node
from reconcile.components.controllers.workloads.daemonset.status import REVISION
from reconcile.components.controllers.workloads.sittings import Steps
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request


@quick
@attrs.frozen(weakref_slot=False)
class History:
    """The revision of the present template, the former ones, and why they could not be told, if they could not."""

    current: Any = None
    former: tuple[Any, ...] = ()
    error: str = ""

    @property
    def hash(self) -> str:
        """What the pods of the present template are labelled with."""
        return hash_of(self.current)


def hash_of(revision: Any) -> str:
    """Give the hash by which a revision's pods are known."""
    return str((revision.metadata.labels or {}).get(REVISION, ""))


def history(found: Seen) -> Steps[History]:
    """Find the present template's revision, or make it; a template that is gone back to gets the next number."""
    daemon, known = found.daemon, list(found.revisions)
    for place, revision in enumerate(known):
        if REVISION not in (revision.metadata.labels or {}):
            # One that is older than this label is known by its name.
            labels = (revision.metadata.labels or Map()).set(REVISION, revision.metadata.name)
            wanted = replace(revision, metadata=replace(revision.metadata, labels=labels))
            (answer,) = yield (revisions.update(wanted),)
            if not answer.ok:
                return History(error=str(answer.body.message))
            known[place] = answer.body
    current = [revision for revision in known if revisions.keeps(revision, daemon.spec.template)]
    former = tuple([revision for revision in known if revision not in current])
    number = revisions.newest(former) + 1
    if not current:
        return (yield from _created(daemon, former, number))
    kept = current[-1]
    error = yield from _only(found, kept, current[:-1])
    if not error and kept.revision < number:
        (answer,) = yield (revisions.update(replace(kept, revision=number)),)
        error = "" if answer.ok else str(answer.body.message)
    return History(kept, former, error)


def _created(daemon: Any, former: tuple[Any, ...], number: int) -> Steps[History]:
    template = daemon.spec.template
    told = daemon.status.collision_count if daemon.status is not None else None
    hashed = revisions.hash_for(template, told)
    labels = (template.metadata.labels if template.metadata is not None else None) or Map()
    made = revisions.made(CLAIMANT, daemon, hashed, labels.set(REVISION, hashed), number)
    (answer,) = yield (revisions.creation(made),)
    if answer.ok:
        return History(answer.body, former)
    if answer.reason != "AlreadyExists":
        return History(error=str(answer.body.message))
    taken = str(answer.body.message)
    (there,) = yield (revisions.reading(made),)
    if not there.ok:
        return History(error=str(there.body.message))
    if revisions.keeps(there.body, template):
        return History(there.body, former)
    return History(error=(yield from _collided(daemon, taken)))


def _collided(daemon: Any, taken: str) -> Steps[str]:
    """Count one more collision, so that the next name is another one; say why it is not made yet."""
    metadata = daemon.metadata
    look = Request(verb="get", resource=CLAIMANT.resource, namespace=metadata.namespace, name=metadata.name)
    (fresh,) = yield (look,)
    if not fresh.ok:
        return str(fresh.body.message)
    status, told = fresh.body.status, daemon.status
    now, then = (None if each is None else each.collision_count for each in (status, told))
    if now != then:
        return (
            f"found a stale collision count ({then}, expected {now}) of DaemonSet {metadata.name!r} while processing; "
            "will retry until it is updated"
        )
    body = replace(fresh.body, status=replace(status, collision_count=(now or 0) + 1))
    call = Request(
        verb="update",
        resource=CLAIMANT.resource,
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=body,
    )
    (answer,) = yield (call,)
    return taken if answer.ok else str(answer.body.message)


def _only(found: Seen, kept: Any, others: list[Any]) -> Steps[str]:
    """Let *kept* be the only revision of the present template: pods of the others are labelled as its own."""
    if not others:
        return ""
    hashed, calls = hash_of(kept), []
    for pod in found.pods:
        if (pod.metadata.labels or {}).get(REVISION) != hashed:
            body = Map({"metadata": Map({"labels": Map({REVISION: hashed})})})
            metadata = pod.metadata
            calls.append(
                Request(verb="patch", resource="pods", namespace=metadata.namespace, name=metadata.name, body=body)
            )
    for call in (*calls, *[revisions.deletion(other) for other in others]):
        (answer,) = yield (call,)
        if not answer.ok:
            return str(answer.body.message)
    return ""


def truncated(found: Seen, history: History) -> Steps[str]:
    """Forget the former revisions that there is no room for; never one that a pod is of."""
    former, limit = history.former, found.daemon.spec.revision_history_limit
    excess = 0 if limit is None else len(former) - limit
    if excess <= 0:
        return ""
    pods = [pod for here in by_node(found.pods, with_ended=True).values() for pod in here]
    live = {(pod.metadata.labels or {}).get(REVISION) for pod in pods}
    going = [revision for revision in former if hash_of(revision) not in live][:excess]
    return (yield from revisions.truncated(going))
