"""
Managers: who owns which fields of an object, and how that changes with each write.

An update gives what it changed to who updates, and takes it from everyone else. An apply says all that its manager
wants: what it no longer says goes, unless somebody else owns it; what somebody else owns and it would change is a
conflict.

Takes:    objects as plain JSON data, the entries of metadata.managedFields.
Gives:    the entries after the write, and the object that an apply makes.
Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
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
        spoken: gives an object as another version has it, and its shape there; None if all versions have it alike.
    """

    shape: Shape
    version: str
    manager: str
    subresource: str = ""
    now: str
    reset: FieldSet = sets.NOTHING
    spoken: Callable[[str, Any], tuple[Shape, Any]] | None = None

    def form(self, version: str, value: Any) -> tuple[Shape, Any]:
        """Give the shape of the object in *version*, and *value* as it has it."""
        return (self.shape, value) if self.spoken is None else self.spoken(version, value)


def decoded(entries: Iterable[Mapping[str, Any]], *, trusted: bool = True) -> Managed:
    """Read metadata.managedFields, of a client if they are not *trusted*; all count for nothing if one is none."""
    found: Managed = {}
    for entry in entries:
        operation, version, fields = entry.get("operation"), entry.get("apiVersion"), entry.get("fieldsV1")
        if operation not in ("Apply", "Update") or not version or entry.get("fieldsType") != "FieldsV1":
            return {}
        if not trusted:
            fields = sets.parsed(fields)
            if fields is None:
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
    before = _reshaped(write, live, managed)
    changes = _changes(write, live, new, before)
    touched = changes[write.version].touched
    left = _taken(before, changes)
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
    before = _reshaped(write, live, managed)
    last = before.get(identity)
    wanted = sets.without_below(typed.fields_in(shape, config), write.reset)
    after = {**before, identity: Owned(wanted, write.version, last.time if last is not None else None)}
    new = typed.merged(shape, live, config)
    if last is not None and last.fields:
        new = _pruned(write, new, last, after)
    others = {each: owned for each, owned in after.items() if each != identity}
    changes = _changes(write, live, new, others)
    conflicts = {
        each: sets.intersection(owned.fields, changes[owned.version].touched) for each, owned in others.items()
    }
    if not force and any(conflicts.values()):
        raise Conflicts([(each, path) for each in sorted(conflicts) for path in sets.paths(conflicts[each])])
    left = _taken(others, changes)
    own = _stripped(wanted)
    if own:
        changed = new != live
        # An apply that changes nothing changes no time, and gives none to whom had none.
        time = write.now if changed else last.time if last is not None else None
        left[identity] = Owned(own, write.version, time)
    return new, left


def _pruned(write: Write, new: Any, last: Owned, managed: Managed) -> Any:
    """Take away what a manager applied last and no longer wants, but for what somebody owns."""
    shape, whole = write.form(last.version, new)
    pruned = typed.without(shape, whole, typed.with_named(shape, last.fields))
    # What is owned in the version that was pruned comes first: another may need it to be converted.
    versions = sorted({owned.version for owned in managed.values()}, key=lambda each: (each != last.version, each))
    for version in versions:
        owned = _union([each.fields for each in managed.values() if each.version == version])
        shape, whole = write.form(version, whole)
        pruned = write.form(version, pruned)[1]
        left = sets.union(_named_fields(shape, pruned), typed.with_named(shape, owned))
        pruned = typed.without(shape, whole, sets.difference(_named_fields(shape, whole), left))
    shape, whole = write.form(last.version, whole)
    left = _named_fields(shape, write.form(last.version, pruned)[1])
    gone = sets.difference(_named_fields(shape, whole), left)
    pruned = typed.without(shape, whole, sets.intersection(gone, typed.with_named(shape, last.fields)))
    return write.form(write.version, pruned)[1]


def _named_fields(shape: Shape, value: Any) -> FieldSet:
    return typed.with_named(shape, typed.fields_in(shape, value))


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


@attrs.frozen
class _Change:
    """What a write adds or alters, and what it takes away."""

    touched: FieldSet
    removed: FieldSet


def _changes(write: Write, live: Any, new: Any, managed: Managed) -> dict[str, _Change]:
    """Say what a write changes, in its own version and in each in which somebody owns something."""
    found: dict[str, _Change] = {}
    for version in dict.fromkeys([write.version, *[owned.version for owned in managed.values()]]):
        if found and write.spoken is None:
            found[version] = found[write.version]
            continue
        (shape, before), (_, after) = write.form(version, live), write.form(version, new)
        change = _filtered(typed.compared(shape, before, after), write.reset)
        found[version] = _Change(sets.union(change.modified, change.added), change.removed)
    return found


def _taken(managed: Managed, changes: Mapping[str, _Change]) -> Managed:
    """Take from everyone what was changed or is gone; who owns nothing any more is forgotten."""
    found = {}
    for identity, owned in managed.items():
        change = changes[owned.version]
        fields = sets.difference(owned.fields, sets.union(change.touched, change.removed))
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


def _reshaped(write: Write, live: Any, managed: Managed) -> Managed:
    """Give who owns what where a list or a map has become atomic: the whole of it."""
    found = {}
    for identity, owned in managed.items():
        fields = _atoms(write.form(owned.version, live)[0], owned.fields)
        found[identity] = owned if fields is owned.fields else attrs.evolve(owned, fields=fields)
    return found


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
