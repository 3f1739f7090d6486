"""
The garbage collector: an object whose owners are all gone goes too, and an owner waits for what it must take along.

There is no graph beside the caches: each resource's table is indexed by owner uid, and an owner reference leads to the
owner's key.

- Background: the owner is gone; each dependent is looked at, and deleted if no owner of it is left.
- Foreground: the owner waits, with the finalizer foregroundDeletion, until no dependent is left that blocks it.
- Orphan: the owner waits, with the finalizer orphan, until no dependent refers to it any more.

Takes:    changes of every resource that can be deleted, custom ones too, but events.
Gives:    get, delete (with the uid as precondition) and update of any object.
Source:   pkg/controller/garbagecollector: garbagecollector.go, graph_builder.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import meta_v1
from reconcile.api.kinds import Resource, all_resources, resource_for
from reconcile.components.controllers.answers import NOT_FOUND, is_done, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.effects import Record
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import definitions, gates
from reconcile.model.pods.grouping import GROUPS, WORKLOADS
from reconcile.model.requests import Request, Response, joined, split_key
from reconcile.store import Change

NAME: Final = "garbagecollector"
FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"

# How many owners are remembered to be gone.
MOST_ABSENT: Final = 500
# A kind that nobody knows may be defined later.
UNKNOWN_KIND_RETRY: Final = 30 * SECOND

_IGNORED: Final = ("events", "events.events.k8s.io")

RESOURCES: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(
        known.key
        for known in all_resources()
        if {"delete", "list", "watch"} <= {*known.verbs} and known.key not in _IGNORED
    )
)
"""Everything that can own or be owned."""
_GROUPED: Final = (WORKLOADS, GROUPS)


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    The owners known to be gone, each by all that a reference says of it: a uid alone may be said of the wrong name.

    Args:
        absent: owner -> its number.
        line: number -> owner; the lowest is forgotten first.
        next: the number of the next one.
    """

    absent: Table[str, int] = attrs.field(factory=Table)
    line: Table[int, str] = attrs.field(factory=Table)
    next: int = 0


def keys_of_change(change: Change, views: Views) -> tuple[Key, ...]:
    """Give what must be looked at: the object itself, its dependents, owners that wait for it."""
    old, new = change.old, change.new
    if new is None:
        return (*_keys_of_dependents(old.metadata.uid, views), *_waiting_owners(old, views))
    after = new.metadata
    if old is None:
        if after.owner_references is None and after.deletion_timestamp is None:
            return ()
        return _keys_of_new(change, new, views)
    before = old.metadata
    kept = before.owner_references is after.owner_references or before.owner_references == after.owner_references
    goes = after.deletion_timestamp is not None
    if kept and not (goes and (before.deletion_timestamp is None or before.finalizers != after.finalizers)):
        return ()
    keys = _keys_of_new(change, new, views)
    return keys if kept else (*keys, *_waiting_owners(old, views))


def observe(memory: Memory, change: Change, _: Views, __: Instant) -> Memory:
    """Remember that an object is gone."""
    return memory if change.new is not None else _absent(memory, _identity(change.old))


def reconcile(ask: Ask) -> Outcome:
    """Let one object go, or wait, as its owners and dependents demand."""
    item = ask.views.get(*ask.key)
    if item is None:
        return Outcome()
    metadata = item.metadata
    if metadata.deletion_timestamp is not None:
        finalizers = metadata.finalizers or ()
        if ORPHAN in finalizers:
            return _orphan_dependents(ask, item)
        if FOREGROUND in finalizers:
            return _wait_for_dependents(ask, item)
        return Outcome()
    if not metadata.owner_references:
        return Outcome()
    return _judge(ask, item) if ask.answers else _look(ask, item)


def dependents_of(uid: str, views: Views) -> list[tuple[Key, Any]]:
    """Give key and object of everything that has an owner reference with this uid."""
    found: list[tuple[Key, Any]] = []
    for name, table in views.filled((*RESOURCES, *(_GROUPED if views.has(GROUPS) else ()), *_customs(views))):
        found += [((name, key), table[key]) for key in table.keys_under("owner", uid)]
    return found


def _customs(views: Views) -> tuple[str, ...]:
    """Give the custom resources that are watched."""
    if not views.has(definitions.DEFINITIONS):
        return ()
    keys = [definitions.key_of(crd) for crd in views.table(definitions.DEFINITIONS).values()]
    return tuple([key for key in keys if views.has(key)])


def _keys_of_dependents(uid: str, views: Views) -> list[Key]:
    return [key for key, _ in dependents_of(uid, views)]


def _keys_of_new(change: Change, item: Any, views: Views) -> tuple[Key, ...]:
    """Give the item's key if it must be looked at; and its dependents', if it waits for them."""
    itself = (change.resource, change.key)
    metadata = item.metadata
    if metadata.deletion_timestamp is not None:
        finalizers = metadata.finalizers or ()
        if FOREGROUND in finalizers and ORPHAN not in finalizers:
            return (itself, *_keys_of_dependents(metadata.uid, views))
        return (itself,) if ORPHAN in finalizers else ()
    for reference in metadata.owner_references or ():
        owner = _cached_owner(item, reference, views)
        if owner is None or (_waits(owner) and not _has_another_that_goes(owner.metadata.uid, itself, views)):
            return (itself,)
    return ()


def _has_another_that_goes(uid: str, itself: Key, views: Views) -> bool:
    """Tell whether an owner waits for one that goes already: when that is gone, whoever came meanwhile is looked at."""
    return any(
        key != itself and dependent.metadata.deletion_timestamp is not None and _is_blocking(dependent, uid)
        for key, dependent in dependents_of(uid, views)
    )


def _is_well_owned(item: Any, views: Views) -> bool:
    """Tell whether every owner is in the caches and none of them waits for its dependents to go."""
    for reference in _owners(item):
        owner = _cached_owner(item, reference, views)
        if owner is None or _waits(owner):
            return False
    return True


def _cached_owner(item: Any, reference: meta_v1.OwnerReference, views: Views) -> Any:
    kind = _kind_of(reference, views)
    if kind is None or not views.has(kind.key):
        return None
    owner = views.get(kind.key, joined(item.metadata.namespace if kind.namespaced else "", reference.name))
    return owner if owner is not None and owner.metadata.uid == reference.uid else None


def _waiting_owners(item: Any, views: Views) -> list[Key]:
    """Give the owners of *item* that wait for their dependents, and those of their dependents that do not go yet."""
    found: list[Key] = []
    for reference in item.metadata.owner_references or ():
        owner = _cached_owner(item, reference, views)
        if owner is not None and _waits(owner):
            kind = _kind_of(reference, views)
            assert kind is not None, "its owner was found"
            found.append((kind.key, joined(owner.metadata.namespace or "", reference.name)))
            uid = owner.metadata.uid
            for key, dependent in dependents_of(uid, views):
                if dependent.metadata.deletion_timestamp is None and _is_blocking(dependent, uid):
                    found.append(key)
    return found


def _waits(owner: Any) -> bool:
    """Tell whether the object waits for its dependents to be deleted."""
    metadata = owner.metadata
    return metadata.deletion_timestamp is not None and FOREGROUND in (metadata.finalizers or ())


def _kind_of(reference: meta_v1.OwnerReference, views: Views) -> Resource | None:
    try:
        return resource_for(reference.api_version, reference.kind)
    except ReconcileError:
        if not views.has(definitions.DEFINITIONS):
            return None
        crds = views.table(definitions.DEFINITIONS).values()
        return definitions.resource_for(crds, reference.api_version, reference.kind)


def _orphan_dependents(ask: Ask, item: Any) -> Outcome:
    """Take the references out of all dependents; then let the owner go."""
    if ask.answers:
        refused = [text_of(response) for _, response in ask.answers if not is_done(response)]
        if refused:
            return Outcome(error=f"failed to orphan dependents: {refused[0]}")
        return Outcome(calls=(_without_finalizer(ask.key, item, ORPHAN),))
    uid = item.metadata.uid
    dependents = dependents_of(uid, ask.views)
    if not dependents:
        return Outcome(calls=(_without_finalizer(ask.key, item, ORPHAN),))
    return Outcome(calls=tuple([_without_owners(key, dependent, (uid,)) for key, dependent in dependents]), again=True)


def _wait_for_dependents(ask: Ask, item: Any) -> Outcome:
    """Let the owner go once no dependent blocks it; each that does is looked at under its own key."""
    uid = item.metadata.uid
    for _, dependent in dependents_of(uid, ask.views):
        if _is_blocking(dependent, uid):
            return Outcome()
    return Outcome(calls=(_without_finalizer(ask.key, item, FOREGROUND),))


def _look(ask: Ask, item: Any) -> Outcome:
    """Get the item and those owners that are not known to be gone, fresh from the API server."""
    if _is_well_owned(item, ask.views):
        return Outcome()
    calls = [_get(ask.key)]
    for reference in item.metadata.owner_references:
        kind = _kind_of(reference, ask.views)
        if kind is None:
            return Outcome(after=UNKNOWN_KIND_RETRY, after_is_periodic=True)
        if kind.namespaced and not item.metadata.namespace:
            # Nothing namespaced can own it, and no look at the owner will mend that.
            return Outcome(records=_misplaced(item, (reference,), ask.views))
        if _named(item, reference, kind) not in ask.memory.absent:
            owner = joined(item.metadata.namespace if kind.namespaced else "", reference.name)
            calls.append(_get((kind.key, owner)))
    return Outcome(calls=tuple(calls), again=True)


def _judge(ask: Ask, item: Any) -> Outcome:
    """Decide by what the API server said: keep the item, take references out of it, or delete it."""
    request, answer = ask.answers[0]
    if request.verb == "update":
        return Outcome(calls=(_delete(ask.key, answer.body, "Foreground"),)) if answer.ok else _failed(answer)
    if not answer.ok:
        return Outcome() if answer.code == NOT_FOUND else _failed(answer)
    latest = answer.body
    if latest.metadata.uid != item.metadata.uid or latest.metadata.deletion_timestamp is not None:
        return Outcome()
    memory, solid, dangling, waiting, unknown = _classified(ask, latest)
    if unknown:
        return Outcome(memory=memory, error=unknown)
    lost = tuple([reference for reference in dangling if not _is_absent(ask.memory, latest, reference, ask.views)])
    records = _misplaced(item, lost, ask.views)
    gone = tuple([reference.uid for reference in (*dangling, *waiting)])
    if solid or not gone:
        calls = (_without_owners(ask.key, latest, gone),) if gone else ()
        return Outcome(calls=calls, memory=memory, records=records)
    if waiting:
        dependents = dependents_of(latest.metadata.uid, ask.views)
        if any(_waits(dependent) for _, dependent in dependents) and _blocks(latest):
            # It may be a circle: what blocks nothing cannot be waited for.
            return Outcome(calls=(_unblocking(ask.key, latest),), memory=memory, records=records, again=True)
        if dependents:
            return Outcome(calls=(_delete(ask.key, latest, "Foreground"),), memory=memory, records=records)
    return Outcome(calls=(_delete(ask.key, latest, _policy(latest)),), memory=memory, records=records)


def _classified(ask: Ask, latest: Any) -> tuple[Memory, list[Any], list[Any], list[Any], str]:
    """Divide the item's references: owner there, gone, waiting; and say what could not be found out."""
    memory: Memory = ask.memory
    asked = {(request.resource, request.namespace, request.name): answer for request, answer in ask.answers[1:]}
    solid, dangling, waiting = [], [], []
    for reference in _owners(latest):
        kind = _kind_of(reference, ask.views)
        if _is_absent(memory, latest, reference, ask.views):
            dangling.append(reference)
            continue
        namespace = latest.metadata.namespace or ""
        place = kind and (kind.key, namespace if kind.namespaced else "", reference.name)
        answer = asked.get(place) if place else None
        if answer is None:
            return memory, [], [], [], f"owner {reference.kind} {reference.name} was not looked up"
        if not answer.ok and answer.code != NOT_FOUND:
            return memory, [], [], [], text_of(answer)
        if not answer.ok or answer.body.metadata.uid != reference.uid:
            memory = _absent(memory, _named(latest, reference, kind))
            dangling.append(reference)
        elif _waits(answer.body):
            waiting.append(reference)
        else:
            solid.append(reference)
    return memory, solid, dangling, waiting, ""


def _policy(item: Any) -> str:
    finalizers = item.metadata.finalizers or ()
    if ORPHAN in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers else "Background"


def _misplaced(item: Any, lost: tuple[Any, ...], views: Views) -> tuple[Record, ...]:
    """
    Warn of references to an owner that exists, but where no owner of this item can be.

    Only an owner that was never seen to go is searched for, once: this is the one place that looks through a table.
    """
    records = []
    for reference in lost:
        kind = _kind_of(reference, views)
        if kind is None or not kind.namespaced or not views.has(kind.key):
            continue
        namespace = item.metadata.namespace or ""
        owners = views.table(kind.key).values()
        if not any(each.metadata.uid == reference.uid and each.metadata.namespace != namespace for each in owners):
            continue
        named = (
            f"[{reference.api_version}/{reference.kind}, namespace: {namespace}, "
            f"name: {reference.name}, uid: {reference.uid}]"
        )
        message = f'ownerRef {named} does not exist in namespace "{namespace}"'
        records.append(Record(item, "Warning", "OwnerRefInvalidNamespace", message))
    return tuple(records)


def _identity(obj: Any) -> str:
    """Give an object as a reference to it would name it."""
    metadata = obj.metadata
    return f"{metadata.uid} {obj.api_version} {obj.kind} {metadata.namespace or ''}/{metadata.name}"


def _named(item: Any, reference: meta_v1.OwnerReference, kind: Resource | None) -> str:
    """Give the owner that a reference of *item* names."""
    space = (item.metadata.namespace or "") if kind is not None and kind.namespaced else ""
    return f"{reference.uid} {reference.api_version} {reference.kind} {space}/{reference.name}"


def _is_absent(memory: Memory, item: Any, reference: meta_v1.OwnerReference, views: Views) -> bool:
    return _named(item, reference, _kind_of(reference, views)) in memory.absent


def _absent(memory: Memory, owner: str) -> Memory:
    if owner in memory.absent:
        return memory
    absent, line = memory.absent.set(owner, memory.next), memory.line.set(memory.next, owner)
    if len(line) > MOST_ABSENT:
        oldest = memory.next - MOST_ABSENT
        absent, line = absent.remove(line[oldest]), line.remove(oldest)
    return Memory(absent, line, memory.next + 1)


def _owners(item: Any) -> tuple[meta_v1.OwnerReference, ...]:
    return item.metadata.owner_references or ()


def _is_blocking(dependent: Any, uid: str) -> bool:
    """Tell whether the owner with this uid must not go before *dependent*."""
    return any(reference.uid == uid and reference.block_owner_deletion for reference in _owners(dependent))


def _blocks(item: Any) -> bool:
    return any(reference.block_owner_deletion for reference in _owners(item))


def _failed(response: Response) -> Outcome:
    return Outcome(error=text_of(response))


def _get(key: Key) -> Request:
    namespace, name = _place(key)
    return Request(verb="get", resource=key[0], namespace=namespace, name=name)


def _delete(key: Key, latest: Any, policy: str) -> Request:
    namespace, name = _place(key)
    metadata = latest.metadata
    preconditions = meta_v1.Preconditions(uid=metadata.uid, resource_version=metadata.resource_version)
    options = meta_v1.DeleteOptions(preconditions=preconditions, propagation_policy=policy)
    return Request(verb="delete", resource=key[0], namespace=namespace, name=name, body=options)


def _without_owners(key: Key, item: Any, uids: tuple[str, ...]) -> Request:
    left = tuple([reference for reference in _owners(item) if reference.uid not in uids])
    return _update(key, replace(item, metadata=replace(item.metadata, owner_references=left or None)))


def _unblocking(key: Key, item: Any) -> Request:
    free = tuple(
        [
            replace(reference, block_owner_deletion=False) if reference.block_owner_deletion else reference
            for reference in _owners(item)
        ]
    )
    return _update(key, replace(item, metadata=replace(item.metadata, owner_references=free)))


def _without_finalizer(key: Key, item: Any, finalizer: str) -> Request:
    left = tuple([name for name in item.metadata.finalizers or () if name != finalizer])
    return _update(key, replace(item, metadata=replace(item.metadata, finalizers=left or None)))


def _update(key: Key, body: Any) -> Request:
    namespace, name = _place(key)
    return Request(verb="update", resource=key[0], namespace=namespace, name=name, body=body)


def _place(key: Key) -> tuple[str, str]:
    return split_key(key[1])


CONTROLLER: Final = Controller(
    name=NAME,
    sources=tuple([Source(name, keys_of_change) for name in RESOURCES]),
    reconcile=reconcile,
    memory=Memory,
    observe=observe,
    workers=20,
    component="garbage-collector-controller",
    customs=keys_of_change,
    user=service_account("generic-garbage-collector"),
)


def switched(given: Map[bool]) -> dict[str, Controller]:
    """Give, by name, the garbage collector that also sees groups of pods, where there are any."""
    if not gates.is_on(given, gates.GENERIC_WORKLOAD):
        return {}
    sources = tuple([Source(name, keys_of_change) for name in _GROUPED])
    return {NAME: replace(CONTROLLER, sources=(*CONTROLLER.sources, *sources))}
