"""
Checking: what is wrong with a configuration that is applied, by its shape.

Source:   structured-merge-diff's validation of typed values, and its words.
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reconcile.api.gotext import shown
from reconcile.model.fields import sets
from reconcile.model.fields.shapes import Shape, item_element, settled


def fault(shape: Shape, value: Any) -> str:
    """Say what is wrong with *value*: `.spec.replicas: expected numeric ...`; empty if nothing is."""
    found = list(_faults(shape, value, ()))
    if len(found) == 1:
        return found[0]
    return "\n".join(["errors:", *[f"  {said}" for said in found]]) if found else ""


def _faults(shape: Shape, value: Any, path: sets.Path) -> Iterator[str]:
    if value is None:
        return
    if shape.kind == "free":
        if not shape.atomic:
            shape = settled(shape, value)
        else:
            return
    if shape.kind == "scalar":
        yield from _said(path, _of_scalar(shape, value))
    elif shape.kind == "map":
        if isinstance(value, Mapping):
            yield from _of_map(shape, value, path)
        else:
            yield from _said(path, f"expected map, got &{{{shown(value)}}}")
    elif isinstance(value, list):
        yield from _of_list(shape, value, path)
    else:
        yield from _said(path, f"expected list, got &{{{shown(value)}}}")


def _of_map(shape: Shape, value: Mapping[str, Any], path: sets.Path) -> Iterator[str]:
    for key, entry in value.items():
        below = (*path, f"f:{key}")
        if shape.declared and key not in shape.fields:
            yield from _said(below, "field not declared in schema")
            # Upstream looks no further in this map.
            return
        yield from _faults(shape.of(key), entry, below)


def _of_list(shape: Shape, value: list[Any], path: sets.Path) -> Iterator[str]:
    if shape.atomic:
        for index, item in enumerate(value):
            yield from _faults(shape.below(f"i:{index}"), item, (*path, f"i:{index}"))
        return
    seen = set()
    for index, item in enumerate(value):
        unnamed = _unnamed(shape, item)
        if unnamed:
            yield from _said(path, f"element {index}: {unnamed}")
            return
        element = item_element(shape, item)
        if element in seen:
            yield from _said(path, f"duplicate entries for key {sets.path_text((element,))}")
        seen.add(element)
        yield from _faults(shape.below(element), item, (*path, element))


def _unnamed(shape: Shape, item: Any) -> str:
    """Say why an item of a list that is a map or a set cannot be told from others; empty if it can."""
    if shape.keys:
        if item is None:
            return "associative list with keys may not have a null element"
        if not isinstance(item, Mapping):
            return "associative list with keys may not have non-map elements"
        if not any(key in item or key in shape.key_defaults for key in shape.keys):
            keys = " ".join(f'"{key}"' for key in shape.keys)
            return (
                f"associative list with keys has an element that omits all key fields [{keys}]"
                " (and doesn't have default values for any key fields)"
            )
        return ""
    if isinstance(item, Mapping):
        return "associative list without keys has an element that's a map type"
    if isinstance(item, list):
        return "not supported: associative list with lists as elements"
    return "associative list without keys has an element that's an explicit null" if item is None else ""


def _of_scalar(shape: Shape, value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match shape.scalar:
        case "numeric":
            return "" if number else f"expected numeric (int or float), got {_type(value)}"
        case "string":
            said = f"expected string, got &value.valueUnstructured{{Value:{_syntax(value)}}}"
            return "" if isinstance(value, str) else said
        case "boolean":
            return "" if isinstance(value, bool) else f"expected boolean, got &{{{shown(value)}}}"
        case "untyped":
            plain = isinstance(value, (str, int, float))
            return "" if plain else f"expected any scalar, got &{{{shown(value)}}}"


def _said(path: sets.Path, why: str) -> Iterator[str]:
    if why:
        yield f"{sets.path_text(path)}: {why}" if path else why


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Mapping):
        return "map[string]interface {}"
    return "[]interface {}" if isinstance(value, list) else "string"


def _syntax(value: Any) -> str:
    """Write plain data as Go's syntax has it."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, Mapping):
        entries = ", ".join(f"{json.dumps(key)}:{_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{entries}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_syntax, value))}}}"
    return json.dumps(value)
