"""
Sets of fields, in the form in which metadata.managedFields carries them.

A set is a tree of plain dicts: {"f:spec": {"f:replicas": {}, "f:template": {".": {}, "f:metadata": {}}}}. A node
without branches is a member; one with branches is a member if it has ".". Sets are values: nobody changes one.

Elements are `f:` and a field's name, `k:` and the keys of a list's item, `v:` and the value of a set's item, `i:` and
an index.

Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management; meta/v1 FieldsV1.
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from reconcile.lib.mapping import Map

FieldSet: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str, ...]

NOTHING: Final[FieldSet] = Map()
SELF: Final = "."


def of(*paths: Path) -> FieldSet:
    """Give the set of *paths*."""
    found: FieldSet = NOTHING
    for path in paths:
        found = union(found, _single(path))
    return found


def parsed(data: Any) -> FieldSet | None:
    """
    Give the set that a client sent, its elements in the form in which they are compared; None if it is none.

    What has a kind of element that is not known is left out.
    """
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        return None
    found: dict[str, Any] = {}
    for key, value in data.items():
        if key == SELF:
            found[SELF] = {}
            continue
        element = _element(key)
        if element is None:
            return None
        if element:
            below = parsed(value)
            if below is None:
                return None
            found[element] = below
    return found


def _element(key: str) -> str | None:
    """Give an element of a path in its one form; empty if nobody knows its kind, None if it is none."""
    kind, colon, rest = key[:1], key[1:2], key[2:]
    if colon != ":":
        return None
    if kind == "f":
        return key
    if kind == "i":
        return key if rest.removeprefix("-").isascii() and rest.removeprefix("-").isdigit() else None
    if kind not in ("k", "v"):
        return ""
    try:
        value = json.loads(rest)
    except ValueError:
        return None
    if kind == "k" and not isinstance(value, dict):
        return None
    return f"{kind}:{json.dumps(value, ensure_ascii=False, separators=(',', ':'), sort_keys=True)}"


def paths(fields: FieldSet, before: Path = ()) -> Iterator[Path]:
    """Give every member's path: those of one level first, in the order of the elements, then those below each."""
    elements = sorted([element for element in fields if element != SELF])
    for element in elements:
        if is_member(fields[element]):
            yield (*before, element)
    for element in elements:
        yield from paths(fields[element], (*before, element))


def path_text(path: Path) -> str:
    """Write a path as refusals do: `.spec.containers[name="a"].image`."""
    words = []
    for element in path:
        kind, rest = element[0], element[2:]
        if kind == "f":
            words.append(f".{rest}")
        elif kind == "k":
            keys = json.loads(rest)
            words.append(f"[{','.join(f'{key}={_shown(keys[key])}' for key in sorted(keys))}]")
        else:
            words.append(f"[={rest}]" if kind == "v" else f"[{rest}]")
    return "".join(words)


def has(fields: FieldSet, path: Path) -> bool:
    """Tell whether *path* is a member."""
    node: Any = fields
    for element in path:
        node = node.get(element)
        if node is None:
            return False
    return is_member(node)


def is_member(node: FieldSet) -> bool:
    """Tell whether a node of a set is a member itself."""
    return not node or SELF in node


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """Give what is in one of the two."""
    if not one or not other:
        return one or other
    found = dict(one)
    for element, node in other.items():
        found[element] = _node_union(found[element], node) if element in found else node
    return found


def difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """Give what is in *one* and not in *other*."""
    return _combined(one, other, lambda first, second: first and not second, keep_alone=True)


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    """Give what is in both."""
    return _combined(one, other, lambda first, second: first and second, keep_alone=False)


def without_below(fields: FieldSet, roots: FieldSet) -> FieldSet:
    """Give *fields* without the members of *roots* and all that is below them."""
    found = {}
    for element, node in fields.items():
        root = roots.get(element)
        if element == SELF or root is None:
            found[element] = node
        elif not is_member(root):
            left = without_below(node, root)
            if left or not node:
                found[element] = left
    return found


def only_below(fields: FieldSet, roots: FieldSet) -> FieldSet:
    """Give of *fields* the members of *roots* and all that is below them."""
    found = {}
    for element, node in fields.items():
        root = roots.get(element)
        if element == SELF or root is None:
            continue
        left = node if is_member(root) else only_below(node, root)
        if left or is_member(root):
            found[element] = left
    return found


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _single(path: Path) -> FieldSet:
    node: FieldSet = {}
    for element in reversed(path):
        node = {element: node}
    return node


def _branches(node: FieldSet) -> FieldSet:
    return {element: below for element, below in node.items() if element != SELF} if SELF in node else node


def _node(*, member: bool, branches: FieldSet) -> FieldSet | None:
    """Give a node; None if it is neither a member nor leads to one."""
    if not branches:
        return {} if member else None
    return {SELF: {}, **branches} if member else branches


def _node_union(one: FieldSet, other: FieldSet) -> FieldSet:
    found = _node(member=is_member(one) or is_member(other), branches=union(_branches(one), _branches(other)))
    assert found is not None, "a union of nodes leads to a member"
    return found


def _combined(one: FieldSet, other: FieldSet, rule: Any, *, keep_alone: bool) -> FieldSet:
    found = {}
    for element, node in one.items():
        if element == SELF:
            continue
        match = other.get(element)
        if match is None:
            if keep_alone:
                found[element] = node
            continue
        branches = _combined(_branches(node), _branches(match), rule, keep_alone=keep_alone)
        made = _node(member=rule(is_member(node), is_member(match)), branches=branches)
        if made is not None:
            found[element] = made
    return found
