"""
Managers: who owns which fields of an object, and how that changes with each write.

An update gives what it changed to who updates, and takes it from everyone else. An apply says all that its manager
wants: what it no longer says goes, unless somebody else owns it; what somebody else owns and it would change is a
conflict.

Takes:    objects as plain JSON data, the entries of metadata.managedFields.
Gives:    the entries after the write, and the object that an apply makes.
Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/
Left out: conversion between versions: entries of another version than the write's are compared as if of the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from reconcile.model.fields import sets, typed
from reconcile.model.fields.sets import FieldSet
from reconcile.model.fields.shapes import Shape

BEFORE_FIRST_APPLY: Final = "before-first-apply"
KUBECTL: Final = "kubectl"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_ANCIENT: Final = "ancient-changes"
_MOST_UPDATERS: Final = 10

# What nobody owns: the server's own.
_UNOWNED: Final = sets.of(
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *[
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ],
)

# Manager, operation, apiVersion (empty of an apply: it may change), subresource.
Identity = tuple[str, str, str, str]


@attrs.frozen
class Owned:
    """
    What one manager owns.

    Args:
        fields: which.
        version: of the API, in which it named them.
        time: of its last change, as text; None if it was never said.
    """

    fields: FieldSet
    version: str
    time: str | None = None


Managed = dict[Identity, Owned]


class Conflicts(Exception):  # noqa: N818 -- it is an outcome of an apply
    """An apply would change what others own: *rows* are (manager, path), in the order in which they are told."""

    def __init__(self, rows: list[tuple[Identity, sets.Path]]) -> None:
        self.rows = rows
        super().__init__(f"{len(rows)} conflicts")


@attrs.frozen(kw_only=True)
class Write:
    """
    One write, as ownership sees it.

    Args:
        shape: of the object.
        version: of the API in which the client speaks.
        manager: who writes.
        subresource: that is written; empty for the object itself.
        now: as text.
        reset: fields that a write of this kind cannot change, and so does not own.
    """

    shape: Shape
    version: str
    manager: str
    subresource: str = ""
    now: str
    reset: FieldSet = sets.NOTHING


def decoded(entries: Iterable[Mapping[str, Any]]) -> Managed:
    """Read metadata.managedFields; nothing of it counts if one entry cannot be read."""
    found: Managed = {}
    for entry in entries:
        operation, version, fields = entry.get("operation"), entry.get("apiVersion"), entry.get("fieldsV1")
        if operation not in ("Apply", "Update") or not version or entry.get("fieldsType") != "FieldsV1":
            return {}
        identity = _identity(entry.get("manager") or "", operation, version, entry.get("subresource") or "")
        found[identity] = Owned(fields if isinstance(fields, Mapping) else {}, version, entry.get("time"))
    return found


def encoded(managed: Managed) -> list[dict[str, Any]]:
    """Write metadata.managedFields: applies first, then by time and name."""
    rows = [
        (identity[1], owned.time or "", identity[0], owned.version, identity[3], owned)
        for identity, owned in managed.items()
    ]
    rows.sort(key=lambda row: row[:5])
    found = []
    for operation, time, manager, version, subresource, owned in rows:
        entry: dict[str, Any] = {"manager": manager} if manager else {}
        entry |= {"operation": operation, "apiVersion": version}
        if time:
            entry["time"] = time
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": owned.fields}
        if subresource:
            entry["subresource"] = subresource
        found.append(entry)
    return found


def updated(write: Write, live: Any, new: Any, managed: Managed, *, created: bool = False) -> Managed:
    """Give who owns what after *live* became *new* by a create, an update or a patch."""
    if not managed and not created:
        return managed
    before = {identity: _reshaped(write.shape, owned) for identity, owned in managed.items()}
    change = _filtered(typed.compared(write.shape, live, new), write.reset)
    touched = sets.union(change.modified, change.added)
    left = _taken(before, touched, change.removed)
    identity = _identity(write.manager, "Update", write.version, write.subresource)
    own = _stripped(touched)
    if own:
        old = left.get(identity)
        fields = sets.union(own, old.fields) if old is not None else own
        left[identity] = Owned(fields, write.version, write.now)
    return _capped(left)


def applied(write: Write, live: Any, config: Any, managed: Managed, *, blank: Any, force: bool) -> tuple[Any, Managed]:
    """
    Give what *live* becomes by an apply of *config*, and who owns what then.

    Args:
        write: who applies, and how.
        live: the object as it is; *blank* if there is none.
        config: what is applied.
        managed: who owned what.
        blank: an object of the same type of which nothing is said.
        force: take what others own.

    Raises:
        Conflicts: others own what it would change, and it does not force them.
    """
    if not managed:
        # What was there before anyone applied belongs to nobody in particular.
        managed = updated(attrs.evolve(write, manager=BEFORE_FIRST_APPLY), blank, live, managed, created=True)
    try:
        return _applied(write, live, config, managed, force=force)
    except Conflicts as conflicts:
        if write.manager != KUBECTL:
            raise
        others = _without_its_own(write, live, conflicts)
        if others.rows:
            raise others from None
        return _applied(write, live, config, managed, force=True)


def _applied(write: Write, live: Any, config: Any, managed: Managed, *, force: bool) -> tuple[Any, Managed]:
    shape = write.shape
    identity = _identity(write.manager, "Apply", write.version, write.subresource)
    before = {each: _reshaped(shape, owned) for each, owned in managed.items()}
    last = before.get(identity)
    wanted = sets.without_below(typed.fields_in(shape, config), write.reset)
    after = {**before, identity: Owned(wanted, write.version, last.time if last is not None else None)}
    new = typed.merged(shape, live, config)
    if last is not None and last.fields:
        new = _pruned(shape, new, last.fields, after)
    change = _filtered(typed.compared(shape, live, new), write.reset)
    touched = sets.union(change.modified, change.added)
    others = {each: owned for each, owned in after.items() if each != identity}
    conflicts = {each: sets.intersection(owned.fields, touched) for each, owned in others.items()}
    if not force and any(conflicts.values()):
        raise Conflicts([(each, path) for each in sorted(conflicts) for path in sets.paths(conflicts[each])])
    left = _taken(others, touched, change.removed)
    own = _stripped(wanted)
    if own:
        changed = new != live
        # An apply that changes nothing changes no time, and gives none to whom had none.
        time = write.now if changed else last.time if last is not None else None
        left[identity] = Owned(own, write.version, time)
    return new, left


def _pruned(shape: Shape, new: Any, last: FieldSet, managed: Managed) -> Any:
    """Take away what a manager applied last and no longer wants, but for what somebody owns."""
    owned = typed.with_named(shape, _union([each.fields for each in managed.values()]))
    all_of_it = typed.with_named(shape, typed.fields_in(shape, new))
    pruned = typed.without(shape, new, typed.with_named(shape, last))
    left = typed.with_named(shape, typed.fields_in(shape, pruned))
    pruned = typed.without(shape, new, sets.difference(all_of_it, sets.union(left, owned)))
    left = typed.with_named(shape, typed.fields_in(shape, pruned))
    gone = sets.intersection(sets.difference(all_of_it, left), typed.with_named(shape, last))
    return typed.without(shape, new, gone)


def _without_its_own(write: Write, live: Any, conflicts: Conflicts) -> Conflicts:
    """Leave out what kubectl's client-side apply had said, and what still stands as it said: that is its own."""
    annotations = (live or {}).get("metadata", {}).get("annotations") or {}
    said = write_of_last_apply(annotations.get(LAST_APPLIED))
    if said is None or said.get("apiVersion") != write.version:
        return conflicts
    change = typed.compared(write.shape, said, live)
    allowed = typed.fields_in(write.shape, said)
    for fields in (change.modified, change.added, change.removed):
        allowed = sets.difference(allowed, fields)
    return Conflicts([row for row in conflicts.rows if not sets.has(allowed, row[1])])


def write_of_last_apply(text: Any) -> Any:
    """Give what the annotation of client-side apply says; None if it says no object."""
    if not isinstance(text, str):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _taken(managed: Managed, touched: FieldSet, removed: FieldSet) -> Managed:
    """Take from everyone what was changed or is gone; who owns nothing any more is forgotten."""
    gone = sets.union(touched, removed)
    found = {}
    for identity, owned in managed.items():
        fields = sets.difference(owned.fields, gone)
        if fields:
            found[identity] = owned if fields == owned.fields else attrs.evolve(owned, fields=fields)
    return found


def _capped(managed: Managed) -> Managed:
    """Put the oldest updates together where there are more than ten."""
    updates = sorted(
        [identity for identity in managed if identity[1] == "Update"],
        key=lambda identity: (managed[identity].time or "", identity),
    )
    count = len(updates)
    first: dict[str, Identity] = {}
    for identity in updates:
        if count <= _MOST_UPDATERS:
            break
        owned = managed[identity]
        if owned.version not in first:
            first[owned.version] = identity
            continue
        bucket = _identity(_ANCIENT, "Update", owned.version, "")
        old = managed.pop(first[owned.version], None) or managed.get(bucket)
        del managed[identity]
        fields = owned.fields if old is None else sets.union(owned.fields, old.fields)
        managed[bucket] = Owned(fields, owned.version, owned.time)
        first[owned.version] = bucket
        count -= 1
    return managed


def _filtered(change: typed.Comparison, reset: FieldSet) -> typed.Comparison:
    if not reset:
        return change
    parts = (change.added, change.modified, change.removed)
    return typed.Comparison(*[sets.without_below(part, reset) for part in parts])


def _reshaped(shape: Shape, owned: Owned) -> Owned:
    """Give what somebody owns where a list or a map has become atomic: the whole of it."""
    fields = _atoms(shape, owned.fields)
    return owned if fields is owned.fields else attrs.evolve(owned, fields=fields)


def _atoms(shape: Shape, fields: FieldSet) -> FieldSet:
    changed: dict[str, FieldSet] = {}
    for element, node in fields.items():
        if element == sets.SELF or not node or shape.kind == "free":
            continue
        inner = shape.below(element)
        if inner.atomic and inner.kind in ("map", "list"):
            changed[element] = {}
        else:
            below = _atoms(inner, node)
            if below is not node:
                changed[element] = below
    return {**fields, **changed} if changed else fields


def _stripped(fields: FieldSet) -> FieldSet:
    return sets.difference(fields, _UNOWNED)


def _union(found: list[FieldSet]) -> FieldSet:
    every: FieldSet = sets.NOTHING
    for fields in found:
        every = sets.union(every, fields)
    return every


def _identity(manager: str, operation: str, version: str, subresource: str) -> Identity:
    return (manager, operation, "" if operation == "Apply" else version, subresource)
