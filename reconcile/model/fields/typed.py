"""
What a value has, what became of it, and one value merged into another, by its shape.

Takes:    plain JSON data.
Gives:    sets of fields, and plain JSON data.
Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/; structured-merge-diff's behaviour.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.model.fields.sets import NOTHING, FieldSet, Path, is_member, of, union
from reconcile.model.fields.shapes import Shape, item_element, settled

ABSENT: Final[Any] = object()
"""What is not there, where null may be."""


@attrs.frozen
class Comparison:
    """Which fields of a value were added, which have another value, and which are gone."""

    added: FieldSet
    modified: FieldSet
    removed: FieldSet


def fields_in(shape: Shape, value: Any) -> FieldSet:
    """Give the fields that *value* says something about."""
    found: list[Path] = []
    _collect(settled(shape, value), value, (), found)
    return of(*found)


def _collect(shape: Shape, value: Any, path: Path, found: list[Path]) -> None:
    if shape.atomic or shape.kind == "scalar" or not isinstance(value, (Mapping, list, tuple)):
        if path:
            found.append(path)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            below = (*path, f"f:{key}")
            inner = settled(shape.of(key), entry)
            if entry is None or entry == {} or key not in shape.fields:
                found.append(below)
            if entry is not None:
                _collect(inner, entry, below, found)
    else:
        twice = _repeated(shape, value)
        for item in value:
            element = item_element(shape, item)
            below = (*path, element)
            found.append(below)
            if element not in twice:
                _collect(settled(_element(shape), item), item, below, found)


def compared(shape: Shape, old: Any, new: Any) -> Comparison:
    """Say what became of *old* in *new*."""
    rows: tuple[list[Path], list[Path], list[Path]] = ([], [], [])
    _compare(shape, old, new, (), rows)
    return Comparison(*[of(*row) for row in rows])


def _compare(shape: Shape, old: Any, new: Any, path: Path, rows: tuple[list[Path], list[Path], list[Path]]) -> None:
    added, modified, removed = rows
    one, other = settled(shape, old), settled(shape, new)
    if old is not ABSENT and new is not ABSENT and one is not other and one.kind != other.kind:
        _compare(shape, old, ABSENT, path, rows)
        _compare(shape, ABSENT, new, path, rows)
        return
    known = other if old is ABSENT or old is None else one
    if known.atomic or known.kind == "scalar" or (_is_empty(old) and _is_empty(new)):
        if old is ABSENT:
            added.append(path)
        elif new is ABSENT:
            removed.append(path)
        elif old != new:
            modified.append(path)
        return
    before, after = _entries(known, old), _entries(known, new)
    twice = _repeated(known, old), _repeated(known, new)
    for element in [*before, *[key for key in after if key not in before]]:
        inner, below = known.below(element), (*path, element)
        one, other = before.get(element, ABSENT), after.get(element, ABSENT)
        if element in twice[0] or element in twice[1]:
            _compare_repeated(inner, (one, twice[0].get(element)), (other, twice[1].get(element)), below, rows)
        else:
            _compare(inner, one, other, below, rows)
    if path and old is ABSENT:
        added.append(path)
    elif path and new is ABSENT:
        removed.append(path)


def _compare_repeated(
    shape: Shape,
    old: tuple[Any, Any],
    new: tuple[Any, Any],
    path: Path,
    rows: tuple[list[Path], list[Path], list[Path]],
) -> None:
    """Compare items of one key, of which one list has several: those are one field, as if they were atomic."""
    added, modified, removed = rows
    (one, before), (other, after) = old, new
    if before and after:
        if before != after:
            modified.append(path)
    elif before:
        if other is not ABSENT:
            _compare(shape, ABSENT, other, path, rows)
        removed.append(path)
    else:
        if one is not ABSENT:
            _compare(shape, one, ABSENT, path, rows)
        added.append(path)


def _repeated(shape: Shape, value: Any) -> dict[str, list[Any]]:
    """Give the items of a list that are there more than once, by their element."""
    if not isinstance(value, (list, tuple)) or len(value) < 2:  # noqa: PLR2004 -- one item is no other's twin
        return {}
    found: dict[str, list[Any]] = {}
    for item in value:
        found.setdefault(item_element(shape, item), []).append(item)
    return {element: items for element, items in found.items() if len(items) > 1}


def _entries(shape: Shape, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {f"f:{key}": entry for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        # Of items that are there twice the first is known by its keys; the others make it another list.
        found: dict[str, Any] = {}
        for item in value:
            found.setdefault(item_element(shape, item), item)
        return found
    return {}


def _is_empty(value: Any) -> bool:
    return value is ABSENT or value is None or (isinstance(value, (Mapping, list, tuple)) and not value)


def merged(shape: Shape, live: Any, applied: Any) -> Any:
    """Give *live* with what *applied* says: its scalars and atomic values win, everything else is put together."""
    if applied is ABSENT:
        return live
    shape = settled(shape, live if applied is None else applied)
    whole = shape.atomic or shape.kind == "scalar"
    if whole or live is ABSENT or live is None or (_is_empty(live) and _is_empty(applied)):
        return applied
    if applied is None:
        return live
    if isinstance(applied, Mapping) and isinstance(live, Mapping):
        found = dict(live)
        for key, value in applied.items():
            found[key] = merged(shape.of(key), live.get(key, ABSENT), value)
        return found
    if isinstance(applied, (list, tuple)) and isinstance(live, (list, tuple)):
        return _merged_items(shape, list(live), list(applied))
    return applied


def _merged_items(shape: Shape, live: list[Any], applied: list[Any]) -> list[Any]:
    """Put two lists together: applied items in their order, each after the live ones that stood before it."""
    before, after = _entries(shape, live), _entries(shape, applied)
    shared = [element for element in after if element in before]
    waiting = [(item_element(shape, item), item) for item in live]
    found: list[Any] = []
    for element, item in after.items():
        while waiting and waiting[0][0] != element:
            first, old = waiting[0]
            if first not in after:
                found.append(old)
            elif not shared or shared[0] == first:
                break
            waiting.pop(0)
        found.append(merged(_element(shape), before.get(element, ABSENT), item))
        if waiting and waiting[0][0] == element:
            waiting.pop(0)
        if shared and shared[0] == element:
            shared.pop(0)
    found += [old for element, old in waiting if element not in after]
    return found


def without(shape: Shape, value: Any, fields: FieldSet) -> Any:
    """Give *value* without *fields*; None where nothing is left."""
    shape = settled(shape, value)
    if isinstance(value, Mapping) and not shape.atomic:
        kept = {}
        for key, entry in value.items():
            node = fields.get(f"f:{key}")
            if node is None:
                kept[key] = entry
            elif not is_member(node):
                kept[key] = without(shape.of(key), entry, node)
        return kept or None
    if isinstance(value, (list, tuple)) and not shape.atomic:
        items = []
        for item in value:
            node = fields.get(item_element(shape, item))
            if node is None:
                items.append(item)
            elif not is_member(node):
                items.append(without(_element(shape), item, node))
        return items or None
    return None if shape.atomic and isinstance(value, (Mapping, list, tuple)) else value


def with_named(shape: Shape, fields: FieldSet) -> FieldSet:
    """Give *fields* with every field that *shape* names on the way to one of them."""
    found: dict[str, Any] = {}
    for element, node in fields.items():
        if element == ".":
            found[element] = node
            continue
        below = with_named(shape.below(element), node) if node else node
        found[element] = {".": {}, **below} if below and shape.names(element) else below
    return found


def _element(shape: Shape) -> Shape:
    return shape.below("i:0")


__all__ = ["ABSENT", "NOTHING", "Comparison", "compared", "fields_in", "merged", "union", "with_named", "without"]
