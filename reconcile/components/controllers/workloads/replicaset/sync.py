"""
Keep as many pods as an owner declares: a ReplicaSet's or a ReplicationController's.

One look at an owner goes: adopt and release pods; create what is missing or delete what is too much; write the status.
Pods are created in batches that double, so that what fails at all fails once; deletions go all at once.

Takes:    Ask: an owner's key, and the answers to what the last look called for.
Gives:    Outcome.
Source:   pkg/controller/replicaset/replica_set.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import is_done, message_of, namespace_ends
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.replicaset import memory as memories
from reconcile.components.controllers.workloads.replicaset import ranking, status
from reconcile.components.controllers.workloads.replicaset.kinds import Kind
from reconcile.components.controllers.workloads.replicaset.memory import Memory
from reconcile.components.controllers.workloads.replicaset.status import is_active
from reconcile.effects import Record
from reconcile.lib.instant import Duration
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.owners import controller_of
from reconcile.model.requests import Request, Response, key_of

# The most pods that one look creates or deletes.
BURST: Final = 500
FIRST_BATCH: Final = 1

Answers: TypeAlias = tuple[tuple[Request, Response], ...]


@quick
@attrs.frozen(weakref_slot=False)
class _Look:
    """One look at an owner: what it is asked with, and what came of it so far."""

    kind: Kind
    ask: Ask
    owner: Any
    memory: Memory
    records: tuple[Record, ...] = ()
    consistent: bool = True


def reconcile(kind: Kind, ask: Ask, *, consistent: bool = True) -> Outcome:
    """
    Bring the pods of the owner with the asked key nearer to what it declares.

    Args:
        kind: of the owner.
        ask: which one.
        consistent: wait for the pods that were made until they are seen; else five minutes at most.
    """
    owner = ask.views.get(kind.claimant.resource, ask.key)
    if owner is None:
        return Outcome()
    look = _Look(kind, ask, owner, ask.memory, (), consistent)
    if not ask.answers:
        return _begun(look)
    match ask.answers[0][0].verb:
        case "get":
            return _on_looked(look)
        case "patch":
            return _on_claimed(look)
        case "create":
            return _on_created(look)
        case "delete":
            return _on_deleted(look)
        case _:
            return _begun(look)


def _begun(look: _Look) -> Outcome:
    memory, uid = look.memory, look.owner.metadata.uid
    if uid in memory.unsure:
        found = _claims(look)
        if found.adopt:
            return Outcome(calls=(claims.look(look.kind.claimant.resource, look.ask.key),), again=True)
        if found.release:
            return Outcome(calls=claims.patches(look.kind.claimant, look.owner, "pods", found), again=True)
        look = replace(look, memory=memories.made_sure(memory, uid))
    return _scaled(look, 0)


def _claims(look: _Look) -> claims.Claims:
    """Give the pods to adopt and to release: of those that are active, all others are nobody's concern."""
    return claims.claims(look.owner, look.kind.claimant.selects, look.ask.views.table("pods"), is_active)


def _on_looked(look: _Look) -> Outcome:
    refusal = claims.refusal_to_adopt(look.kind.claimant, look.owner, look.ask.answers[0][1])
    if refusal:
        return Outcome(error=refusal)
    found = _claims(look)
    calls = claims.patches(look.kind.claimant, look.owner, "pods", found)
    return Outcome(calls=calls, again=True) if calls else _scaled(look, 0)


def _on_claimed(look: _Look) -> Outcome:
    uid = look.owner.metadata.uid
    error = claims.refused(look.ask.answers, uid)
    if error:
        return Outcome(error=error)
    return _scaled(look, claims.unseen(look.ask.answers, uid, look.ask.views.table("pods")))


def _scaled(look: _Look, unseen: int) -> Outcome:
    """Create or delete; *unseen* is by how many pods more were adopted than released that the cache does not show."""
    owner, memory, now = look.owner, look.memory, look.ask.now
    uid = owner.metadata.uid
    seen = look.ask.views.revision("pods") if look.consistent else None
    if owner.metadata.deletion_timestamp is not None or not memories.is_satisfied(memory, uid, now, seen):
        return _told(look, None)
    replicas = owner.spec.replicas
    wanted = 1 if replicas is None else replicas
    active = look.ask.views.table("pods").count("standing", (uid, "active"))
    missing = wanted - active - unseen
    if missing > 0:
        missing = min(missing, BURST)
        memory, wait = memories.paced(memory, uid, wanted, missing, now)
        if wait:
            return _told(look, None, active, wait)
        first = min(FIRST_BATCH, missing)
        memory = memories.expecting_creates(memory, uid, missing, first, now)
        return Outcome(calls=(_creation(look.kind, owner),) * first, memory=memory, again=True)
    # Which pods the cache does not show rightly is not known here, but their changes come and bring the owner back.
    if missing < 0 and not unseen:
        return _deleting(look, min(-missing, BURST))
    return _told(look, None, active)


def _creation(kind: Kind, owner: Any) -> Request:
    """Give the request that creates one more pod of *owner*; the pod shares the template's spec."""
    metadata, template = owner.metadata, owner.spec.template
    of_template = template.metadata or meta_v1.ObjectMeta()
    pod = core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            generate_name=f"{metadata.name}-",
            labels=of_template.labels,
            annotations=of_template.annotations,
            finalizers=of_template.finalizers,
            owner_references=(claims.reference_to(kind.claimant, owner),),
        ),
        spec=template.spec,
    )
    return Request(verb="create", resource="pods", namespace=metadata.namespace, body=pod)


def _on_created(look: _Look) -> Outcome:
    owner, memory, answers = look.owner, look.memory, look.ask.answers
    uid = owner.metadata.uid
    if answers[0][0].body.metadata.owner_references[0].uid != uid:
        return Outcome()  # they were another's, whose name this owner has now
    records, failed, why = _creation_records(owner, answers)
    if failed:
        memory = memories.skipping(memory, uid, failed)
        return _told(replace(look, memory=memory, records=records), ("FailedCreate", why))
    left = min(2 * len(answers), memories.left_to_send(memory, uid))
    made = max([int(response.body.metadata.resource_version) for _, response in answers if response.ok], default=0)
    memory = memories.sending(memory, uid, left, made)
    if not left:
        return _told(replace(look, memory=memory, records=records), None)
    return Outcome(calls=(answers[0][0],) * left, records=records, memory=memory, again=True)


def _creation_records(owner: Any, answers: Answers) -> tuple[tuple[Record, ...], int, str]:
    records: list[Record] = []
    failed, why = 0, ""
    for _, response in answers:
        if response.ok:
            said = f"Created pod: {response.body.metadata.name}"
            records.append(Record(owner, "Normal", "SuccessfulCreate", said))
        elif not namespace_ends(response):
            message = message_of(response)
            failed, why = failed + 1, why or message
            records.append(Record(owner, "Warning", "FailedCreate", f"Error creating: {message}"))
    return tuple(records), failed, why


def _deleting(look: _Look, count: int) -> Outcome:
    owner, views, now = look.owner, look.ask.views, look.ask.now
    pods = views.table("pods")
    uid = owner.metadata.uid
    active = pods.under("standing", (uid, "active"))
    related = () if count >= len(active) else _related(look)
    going = ranking.to_delete(active, related, count, now)
    memory = memories.expecting_deletes(look.memory, uid, [key_of(pod) for pod in going], now)
    namespace = owner.metadata.namespace
    calls = [Request(verb="delete", resource="pods", namespace=namespace, name=pod.metadata.name) for pod in going]
    return Outcome(calls=tuple(calls), memory=memory, again=True)


def _related(look: _Look) -> tuple[Any, ...]:
    """Give the active pods of all owners that have the same controller as this one; none if it has no controller."""
    above = controller_of(look.owner)
    if above is None:
        return ()
    views = look.ask.views
    owners = views.table(look.kind.claimant.resource).under("owner", above.uid)
    uids = [owner.metadata.uid for owner in owners]
    return tuple([pod for uid in uids for pod in views.table("pods").under("standing", (uid, "active"))])


def _on_deleted(look: _Look) -> Outcome:
    owner, memory = look.owner, look.memory
    uid = owner.metadata.uid
    records: list[Record] = []
    why = ""
    for request, response in look.ask.answers:
        if response.ok:
            records.append(Record(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {request.name}"))
            continue
        memory = memories.without_delete(memory, uid, f"{request.namespace}/{request.name}")
        if not is_done(response):
            message = message_of(response)
            why = why or message
            records.append(Record(owner, "Warning", "FailedDelete", f"Error deleting: {message}"))
    look = replace(look, memory=memory, records=tuple(records))
    return _told(look, ("FailedDelete", why) if why else None)


def _told(
    look: _Look, failure: tuple[str, str] | None, active: int | None = None, wait: Duration | None = None
) -> Outcome:
    """
    Write the status if it is another one, and be done.

    Args:
        look: what was found so far.
        failure: the reason and message of the condition ReplicaFailure, if there is to be one.
        active: how many pods stand, if that is known.
        wait: after how long the owner may have more pods, if it has to wait for them.
    """
    owner, ask = look.owner, look.ask
    pods = ask.views.table("pods")
    if active is None:
        active = pods.count("standing", (owner.metadata.uid, "active"))
    found = status.counts(owner, pods, active, ask.now)
    told = status.next_status(look.kind, owner, found, failure, ask.now)
    calls: tuple[Request, ...] = ()
    if told is not owner.status:
        metadata = owner.metadata
        calls = (
            Request(
                verb="update",
                resource=look.kind.claimant.resource,
                namespace=metadata.namespace,
                name=metadata.name,
                subresource="status",
                body=replace(owner, status=told),
            ),
        )
    return Outcome(
        calls=calls,
        records=look.records,
        memory=look.memory,
        after=min([each for each in (found.next_check, wait) if each is not None], default=None),
        error=failure[1] if failure else "",
    )
