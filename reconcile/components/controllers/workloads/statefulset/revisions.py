"""
Revisions: which of a StatefulSet's templates is current, and to which it is being updated.

Takes:    a StatefulSet and its revisions, oldest first.
Gives:    `History`.
Source:   pkg/controller/statefulset: getStatefulSetRevisions, truncateHistory; pkg/controller/history:
          CreateControllerRevision.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.workloads import history as revisions
from reconcile.components.controllers.workloads.sittings import Steps
from reconcile.components.controllers.workloads.statefulset.identity import revision_of
from reconcile.components.controllers.workloads.statefulset.seeing import CLAIMANT, Seen
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.owners import controller_of

HASH: Final = "controller.kubernetes.io/hash"


@quick
@attrs.frozen(weakref_slot=False)
class History:
    """
    Both revisions that count.

    Args:
        current: that of the pods that are not updated.
        update: that of the present template.
        known: those that there were, oldest first.
        collisions: how often a revision's name was taken by another.
        error: why it could not be told; empty if it could.
    """

    current: Any = None
    update: Any = None
    known: tuple[Any, ...] = ()
    collisions: int = 0
    error: str = ""


def orphans(known: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give those that nobody controls."""
    return tuple([revision for revision in known if controller_of(revision) is None])


def history(found: Seen) -> Steps[History]:
    """Find both revisions; a template that has none gets one, and one that is gone back to gets the next number."""
    stateful, known = found.stateful, found.revisions
    template = stateful.spec.template
    told = stateful.status
    collisions = (told.collision_count or 0) if told is not None else 0
    number = known[-1].revision + 1 if known else 1
    equal = [revision for revision in known if revisions.keeps(revision, template)]
    if known and (equal[-1:] == [known[-1]] or revisions.restores(known[-1], template)):
        update = known[-1]
    elif equal:
        (answer,) = yield (revisions.update(replace(equal[-1], revision=number)),)
        if not answer.ok:
            return History(known=known, collisions=collisions, error=str(answer.body.message))
        update = answer.body
    else:
        made = yield from _created(stateful, number, collisions)
        if made.error:
            return attrs.evolve(made, known=known)
        update, collisions = made.update, made.collisions
    name = told.current_revision if told is not None else None
    current = next((revision for revision in known if revision.metadata.name == name), update)
    return History(current, update, known, collisions)


def _created(stateful: Any, number: int, collisions: int) -> Steps[History]:
    template = stateful.spec.template
    while True:
        hashed = revisions.hash_for(template, collisions)
        labels = (template.metadata.labels if template.metadata is not None else None) or Map()
        made = revisions.made(CLAIMANT, stateful, hashed, labels.set(HASH, hashed), number)
        (answer,) = yield (revisions.creation(made),)
        if answer.ok:
            return History(update=answer.body, collisions=collisions)
        if answer.reason != "AlreadyExists":
            return History(error=str(answer.body.message))
        (there,) = yield (revisions.reading(made),)
        if not there.ok:
            return History(error=str(there.body.message))
        if there.body.data == made.data:
            return History(update=there.body, collisions=collisions)
        collisions += 1


def truncated(stateful: Any, pods: tuple[Any, ...], found: History) -> Steps[str]:
    """Forget the revisions that the history has no room for; say what is in the way."""
    live = {found.current.metadata.name, found.update.metadata.name, *[revision_of(pod) for pod in pods]}
    limit = stateful.spec.revision_history_limit
    return (yield from revisions.truncated(revisions.excess(found.known, live, limit)))
