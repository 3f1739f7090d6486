"""
CustomResourceDefinitions: what the server itself does once one was written.

Their names are accepted or not, what is accepted is established, and one that is deleted takes its objects with it. The
server asks this of itself after every write of a definition; a request is answered before.

Source:   apiextensions-apiserver's controllers of names, establishing and finalizing, and the storage of definitions.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from reconcile.api import apiextensions_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served
from reconcile.components.apiserver.state import ITSELF, Ask, Plan, Planned
from reconcile.components.apiserver.writing import creating, deleting, managing, patching, updating
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.definitions import DEFINITIONS, is_true, key_of
from reconcile.model.requests import Request, Response
from reconcile.store import Compare, Delete, Put, Txn

Definition = apiextensions_v1.CustomResourceDefinition
Condition = apiextensions_v1.CustomResourceDefinitionCondition
Names = apiextensions_v1.CustomResourceDefinitionNames

CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
ESTABLISH: Final = "establish"
"""A subresource that only the server itself asks for."""

_NO_NAMES: Final = Names(plural="", kind="")


def look(name: str) -> Request:
    """Give what the server asks of itself: to look at a definition."""
    return Request(verb="update", resource=DEFINITIONS, name=name, subresource=ESTABLISH)


def create(ask: Ask) -> Plan:
    """Plan to create a definition."""
    return _followed(creating.create(ask))


def update(ask: Ask) -> Plan:
    """Plan to update a definition."""
    return _followed(updating.update(ask))


def update_status(ask: Ask) -> Plan:
    """Plan to update a definition's status."""
    return _followed(updating.update_status(ask))


def patch(ask: Ask) -> Plan:
    """Plan to patch a definition."""
    return _followed(patching.patch(ask))


def patch_status(ask: Ask) -> Plan:
    """Plan to patch a definition's status."""
    return _followed(patching.patch_status(ask))


def delete(ask: Ask) -> Plan:
    """Plan to delete a definition: first it is marked, so that its objects go before it."""
    options = deleting.checked_options(ask.request.body) if ask.request.body is not None else None
    old: Definition = found(ask)
    assert old.metadata is not None, "a stored definition has metadata"
    if old.metadata.deletion_timestamp is not None or ask.request.dry_run:
        return _followed(deleting.delete(ask))
    deleting.check_preconditions(ask, old.metadata, options.preconditions if options is not None else None)
    new = _marked(ask, old)
    txn = Txn((_compare(old),), (Put(DEFINITIONS, ask.key, new),))
    return _followed(Planned(txn, 200, DEFINITIONS, ask.key))


def delete_collection(ask: Ask) -> Plan:
    """Plan to delete every definition that the request's selectors name."""
    response = deleting.delete_collection(attrs.evolve(ask, request=attrs.evolve(ask.request, dry_run=True)))
    assert isinstance(response, Response), "a dry run commits nothing"
    if ask.request.dry_run or not response.ok:
        return response
    marked = [crd for crd in response.body.items if crd.metadata.deletion_timestamp is None]
    puts = tuple([Put(DEFINITIONS, crd.metadata.name, _marked(ask, crd)) for crd in marked])
    if not puts:
        return response
    follows = tuple([look(crd.metadata.name) for crd in marked])
    return Planned(Txn(tuple(map(_compare, marked)), puts), 200, body=response.body, follows=follows)


def _compare(crd: Definition) -> Compare:
    assert crd.metadata is not None, "a stored definition has metadata"
    return Compare(DEFINITIONS, crd.metadata.name or "", int(crd.metadata.resource_version or 0))


def _marked(ask: Ask, crd: Definition) -> Definition:
    metadata = crd.metadata
    assert metadata is not None, "a stored definition has metadata"
    finalizers = metadata.finalizers or ()
    if CLEANUP not in finalizers:
        finalizers = (*finalizers, CLEANUP)
    said = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    pending = _condition("Terminating", "True", "InstanceDeletionPending", said)
    metadata = replace(metadata, deletion_timestamp=Time.at(ask.now), finalizers=finalizers)
    return replace(crd, metadata=metadata, status=_with(crd.status, ask, pending))


def _followed(plan: Plan) -> Plan:
    """Let the server look at the definition once it is written."""
    if isinstance(plan, Response):
        return plan
    written = [operation.key for operation in plan.txn.operations if operation.resource == DEFINITIONS]
    return replace(plan, follows=tuple(map(look, written)))


# ---------------------------------------------------------------- what the server asks of itself


def establish(ask: Ask) -> Plan:
    """Plan what a definition's status ought to say; empty and release one that is being deleted."""
    if ask.user.name != ITSELF.name:
        raise Refusal(statuses.no_such_resource())
    crd: Definition | None = ask.store.get(DEFINITIONS, ask.key)
    if crd is None:
        return Response(200)
    assert crd.metadata is not None, "a stored definition has metadata"
    if crd.metadata.deletion_timestamp is not None and CLEANUP in (crd.metadata.finalizers or ()):
        return _emptied(ask, crd)
    status = _named(ask, crd)
    if status == crd.status:
        return Response(200)
    new = _managed(ask, replace(crd, status=status), crd)
    txn = Txn((_compare(crd),), (Put(DEFINITIONS, ask.key, new),))
    # A name that is given up may be another's.
    return Planned(txn, 200, DEFINITIONS, ask.key, follows=_others(ask, crd))


def _others(ask: Ask, crd: Definition) -> tuple[Request, ...]:
    """Give a look at those of the group whose names were not accepted."""
    found = [
        other
        for other in ask.store.table(DEFINITIONS).values()
        if other.spec.group == crd.spec.group
        and other.metadata.name != ask.key
        and other.status is not None
        and any(each.type == "NamesAccepted" and each.status == "False" for each in other.status.conditions or ())
    ]
    return tuple([look(other.metadata.name) for other in found])


def _named(ask: Ask, crd: Definition) -> apiextensions_v1.CustomResourceDefinitionStatus:
    """Give the status of a definition whose names were looked at."""
    status = crd.status or apiextensions_v1.CustomResourceDefinitionStatus()
    accepted = status.accepted_names or _NO_NAMES
    if accepted == crd.spec.names and is_true(status.conditions, "Established"):
        return status
    names, conflict = _accepted(crd.spec.names, accepted, *_taken(ask, crd))
    said = ("False", *conflict) if conflict else ("True", "NoConflicts", "no conflicts found")
    conditions = [_condition("NamesAccepted", *said)]
    if not is_true(status.conditions, "Established"):
        if conflict:
            conditions.append(_condition("Established", "False", "NotAccepted", "not all names are accepted"))
        else:
            said = ("True", "InitialNamesAccepted", "the initial names have been accepted")
            conditions.append(_condition("Established", *said))
    found: apiextensions_v1.CustomResourceDefinitionStatus = _with(status, ask, *conditions)
    return replace(found, accepted_names=names)


def _taken(ask: Ask, crd: Definition) -> tuple[set[str], set[str]]:
    """Give the resources' names and the kinds that others of the group have."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in ask.store.table(DEFINITIONS).values():
        names = other.status.accepted_names if other.status is not None else None
        if other.spec.group == crd.spec.group and other.metadata.name != ask.key and names is not None:
            resources |= {names.plural, names.singular or "", *(names.short_names or ())}
            kinds |= {names.kind, names.list_kind or ""}
    return resources, kinds


def _accepted(wanted: Names, had: Names, resources: set[str], kinds: set[str]) -> tuple[Names, tuple[str, ...]]:
    """Give the names that a definition may have, and what speaks against one that it may not: the last such."""
    new = had
    conflict: tuple[str, ...] = ()
    for field, reason, taken in (
        ("plural", "PluralConflict", resources),
        ("singular", "SingularConflict", resources),
        ("short_names", "ShortNamesConflict", resources),
        ("kind", "KindConflict", kinds),
        ("list_kind", "ListKindConflict", kinds),
    ):
        value = getattr(wanted, field)
        asked = (value or ()) if field == "short_names" else (value or "",)
        known = (getattr(had, field) or ()) if field == "short_names" else (getattr(had, field) or "",)
        clashes = [name for name in asked if name not in known and name in taken]
        if clashes:
            texts = [f'"{name}" is already in use' for name in clashes]
            said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            conflict = (reason, said)
        else:
            new = attrs.evolve(new, **{field: value})
    return attrs.evolve(new, categories=wanted.categories), conflict


def _emptied(ask: Ask, crd: Definition) -> Plan:
    """Delete the objects of a definition that is being deleted; let it go when none is left."""
    key = key_of(crd)
    operations: list[Put | Delete] = []
    compares: list[Compare] = []
    remaining = 0
    conditions = crd.status.conditions if crd.status is not None else None
    if is_true(conditions, "Established") and served.definition(ask.store, key) is not None:
        request = Request(verb="deletecollection", resource=key)
        inner = attrs.evolve(ask, request=request)
        for obj in ask.store.table(key).values():
            compare, done, gone = deleting.removal(inner, obj)
            compares += compare
            operations += done
            remaining += not gone
        said = ("False", "InstanceDeletionCompleted", "removed all instances")
    else:
        said = ("False", "NeverEstablished", "resource was never established")
    if remaining:
        said = ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
    metadata = crd.metadata
    assert metadata is not None, "a stored definition has metadata"
    left = metadata.finalizers or ()
    if not remaining:
        left = tuple([name for name in left if name != CLEANUP])
    status = _with(crd.status, ask, _condition("Terminating", *said))
    if not left:
        operations.append(Delete(DEFINITIONS, ask.key))
    else:
        new = replace(crd, metadata=replace(metadata, finalizers=left), status=status)
        if new != crd:
            operations.append(Put(DEFINITIONS, ask.key, new))
    if not operations:
        return Response(200)
    follows = _others(ask, crd) if not left else ()
    return Planned(Txn((_compare(crd), *compares), tuple(operations)), 200, body=crd, follows=follows)


def _managed(ask: Ask, new: Definition, old: Definition) -> Definition:
    if not ask.state.managed_fields:
        return new
    inner = attrs.evolve(ask, request=attrs.evolve(ask.request, subresource="status"))
    assert new.metadata is not None, "a stored definition has metadata"
    entries = managing.after_update(inner, new, old, new.metadata.managed_fields)
    return replace(new, metadata=replace(new.metadata, managed_fields=entries))


def _condition(kind: str, status: str, reason: str, message: str) -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message)


def _with(status: Any, ask: Ask, *conditions: Condition) -> Any:
    """Give a status with these conditions; the time is that of the last change of what they say."""
    status = status or apiextensions_v1.CustomResourceDefinitionStatus()
    known: tuple[Condition, ...] = status.conditions or ()
    for condition in conditions:
        old = next((each for each in known if each.type == condition.type), None)
        at = old.last_transition_time if old is not None and old.status == condition.status else Time.at(ask.now)
        known = _set(known, replace(condition, last_transition_time=at))
    return replace(status, conditions=known)


def _set(known: Iterable[Condition], condition: Condition) -> tuple[Condition, ...]:
    rows = tuple(known)
    if any(each.type == condition.type for each in rows):
        return tuple([condition if each.type == condition.type else each for each in rows])
    return (*rows, condition)
