"""
Claims: what an owner has to adopt and to release, so that it owns what it selects and nothing else.

Takes:    an owner and the table of what it owns.
Gives:    the calls: a look at the owner itself before anything is adopted, then one patch for each object.
Source:   pkg/controller/controller_ref_manager.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import meta_v1
from reconcile.components.controllers.runtime import Key, Views
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model import selectors
from reconcile.model.owners import controller_of
from reconcile.model.requests import Request, Response, split_key
from reconcile.store import Change

_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_INVALID: Final = 422

Selects: TypeAlias = Callable[[Any, Mapping[str, str] | None], bool]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Claimant:
    """
    A kind of object that owns others by a selector.

    Args:
        resource: its key; its table has the index `selector`.
        kind: as owner references name it.
        api_version: likewise.
        selects: tells whether one of its objects selects these labels; an empty selector selects nothing.
    """

    resource: str
    kind: str
    api_version: str
    selects: Selects


@quick
@attrs.frozen(weakref_slot=False)
class Claims:
    """What an owner has to adopt and to release: objects of one resource, in key order."""

    adopt: tuple[Any, ...]
    release: tuple[Any, ...]


def selects_by_label_selector(owner: Any, labels: Mapping[str, str] | None) -> bool:
    """Tell whether *owner*, whose selector is a LabelSelector, selects these labels."""
    selector = owner.spec.selector
    return bool(selector.match_labels or selector.match_expressions) and selectors.matches(selector, labels)


def owner_keys(claimant: Claimant, change: Change, views: Views) -> tuple[Key, ...]:
    """Give the keys of the owners that the change of something owned, or of an orphan, concerns."""
    old, new = change.old, change.new
    if old is new:
        return ()  # a resync tells of owners as well
    after = None if new is None else controller_of(new)
    if old is None:
        before = None
    elif new is not None and old.metadata.owner_references is new.metadata.owner_references:
        before = after
    else:
        before = controller_of(old)
    keys: tuple[Key, ...] = ()
    if before is not None and before is not after and before != after:
        keys = _key_of(claimant, before, change, views)
    if after is not None:
        return keys + _key_of(claimant, after, change, views)
    return (*keys, *[key for key, _ in selecting(claimant, new, views)]) if becomes_orphan(change) else keys


def _key_of(claimant: Claimant, reference: meta_v1.OwnerReference, change: Change, views: Views) -> tuple[Key, ...]:
    """Give the key of the owner that *reference* means, if it is one of the claimant's kind and is there."""
    if reference.kind != claimant.kind:
        return ()
    key = f"{change.key.partition('/')[0]}/{reference.name}"
    owner = views.get(claimant.resource, key)
    return (key,) if owner is not None and owner.metadata.uid == reference.uid else ()


def becomes_orphan(change: Change) -> bool:
    """Tell whether the change makes an orphan of an object, or lets other owners select it."""
    old, new = change.old, change.new
    if new is None or new.metadata.deletion_timestamp is not None or controller_of(new) is not None:
        return False
    return old is None or old.metadata.labels != new.metadata.labels or controller_of(old) is not None


def selecting(claimant: Claimant, one: Any, views: Views) -> tuple[tuple[Key, Any], ...]:
    """Give (key, owner) for each owner that selects *one*."""
    table = views.table(claimant.resource)
    namespace, labels = one.metadata.namespace, one.metadata.labels
    places = [(namespace,), *[(namespace, key, value) for key, value in (labels or {}).items()]]
    keys = [key for place in places for key in table.keys_under("selector", place)]
    return tuple([(key, table[key]) for key in keys if claimant.selects(table[key], labels)])


def _any(_: Any) -> bool:
    return True


def claims(owner: Any, selects: Selects, table: Table[str, Any], holds: Callable[[Any], bool] = _any) -> Claims:
    """Look through what *owner* owns and through the orphans of its namespace; what does not hold is left alone."""
    uid = owner.metadata.uid
    if owner.metadata.deletion_timestamp is not None:
        return Claims((), ())
    orphans = [one for one in table.under("orphan", owner.metadata.namespace) if holds(one)]
    return Claims(
        tuple([one for one in orphans if not one.metadata.deletion_timestamp and selects(owner, one.metadata.labels)]),
        tuple(
            [
                one
                for one in table.under("owner", uid)
                if not selects(owner, one.metadata.labels) and _controller_uid(one) == uid and holds(one)
            ]
        ),
    )


def look(resource: str, key: str) -> Request:
    """Ask the API server, not the cache, for the owner: it must not adopt if it is being deleted."""
    namespace, name = split_key(key)
    return Request(verb="get", resource=resource, namespace=namespace, name=name)


def refusal_to_adopt(claimant: Claimant, owner: Any, response: Response) -> str:
    """Say why *owner*, which was looked at, must not adopt; empty if it may."""
    found = response.body
    where = f"{owner.metadata.namespace}/{owner.metadata.name}"
    if not response.ok:
        return str(found.message)
    if found.metadata.uid != owner.metadata.uid:
        wanted = owner.metadata.uid
        return f"original {claimant.kind} {where} is gone: got uid {found.metadata.uid}, wanted {wanted}"
    if found.metadata.deletion_timestamp is not None:
        return f"{where} has just been deleted at {found.metadata.deletion_timestamp.text}"
    return ""


def reference_to(claimant: Claimant, owner: Any) -> meta_v1.OwnerReference:
    """Make the reference by which *owner* controls what it owns."""
    return meta_v1.OwnerReference(
        api_version=claimant.api_version,
        kind=claimant.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def patches(claimant: Claimant, owner: Any, resource: str, found: Claims, finalizer: str = "") -> tuple[Request, ...]:
    """Give one patch for each object of *resource* that is to be adopted or released, and its *finalizer* with it."""
    uid = owner.metadata.uid
    mine = reference_to(claimant, owner)
    calls = [
        _patch(resource, one, (*(one.metadata.owner_references or ()), mine), _finalizers(one, finalizer, adopts=True))
        for one in found.adopt
    ]
    for one in found.release:
        kept = tuple([reference for reference in one.metadata.owner_references if reference.uid != uid])
        calls.append(_patch(resource, one, kept, _finalizers(one, finalizer, adopts=False)))
    return tuple(calls)


def _finalizers(one: Any, finalizer: str, *, adopts: bool) -> dict[str, Any]:
    """Give what a patch says of the finalizers of *one*: nothing, unless *finalizer* comes or goes."""
    known = one.metadata.finalizers or ()
    if not finalizer or (finalizer in known) is adopts:
        return {}
    wanted = (*known, finalizer) if adopts else tuple([each for each in known if each != finalizer])
    return {"finalizers": wanted or None}


def refused(answers: tuple[tuple[Request, Response], ...], uid: str) -> str:
    """Give the first refusal of a patch that matters; empty if there is none."""
    for request, response in answers:
        if response.ok or response.code == _NOT_FOUND:
            continue
        # What is to be released has changed meanwhile, or is released: the change will come and bring the owner back.
        if not _adopts(request, uid) and response.code in (_CONFLICT, _INVALID):
            continue
        return str(response.body.message)
    return ""


def unseen(answers: tuple[tuple[Request, Response], ...], uid: str, table: Table[str, Any]) -> int:
    """Count by how many the adopted exceed the released, of those for which the cache does not show it yet."""
    count = 0
    for request, response in answers:
        shown = table.get(f"{request.namespace}/{request.name}", None)
        shown_as_mine = shown is not None and _controller_uid(shown) == uid
        if _adopts(request, uid):
            count += response.ok and not shown_as_mine
        else:
            count -= shown_as_mine
    return count


def _adopts(request: Request, uid: str) -> bool:
    references = request.body["metadata"]["ownerReferences"] or ()
    return any(reference["uid"] == uid for reference in references)


def _patch(resource: str, one: Any, references: tuple[Any, ...], finalizers: dict[str, Any]) -> Request:
    metadata = one.metadata
    body = {
        # A merge patch replaces the list as a whole, so it must not be applied to a later version of it.
        "resourceVersion": metadata.resource_version,
        "uid": metadata.uid,
        "ownerReferences": tuple([_as_json(reference) for reference in references]) or None,
        **finalizers,
    }
    return Request(
        verb="patch",
        resource=resource,
        namespace=metadata.namespace,
        name=metadata.name,
        body=Map({"metadata": Map(body)}),
    )


def _as_json(reference: Any) -> Map[Any]:
    fields = {
        "apiVersion": reference.api_version,
        "blockOwnerDeletion": reference.block_owner_deletion,
        "controller": reference.controller,
        "kind": reference.kind,
        "name": reference.name,
        "uid": reference.uid,
    }
    return Map({name: value for name, value in fields.items() if value is not None})


def _controller_uid(one: Any) -> str:
    reference = controller_of(one)
    return "" if reference is None else reference.uid
