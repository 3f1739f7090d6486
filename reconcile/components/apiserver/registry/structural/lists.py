"""
Lists that are sets or maps: no item twice.

Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconcile.components.apiserver.refusals import Cause, duplicate, wrong
from reconcile.components.apiserver.registry.structural.filling import Schema, items_of, property_of


def list_faults(value: Any, schema: Schema | None, field: str = "") -> list[Cause]:
    """Say which items of sets and maps within *value* are there twice."""
    if schema is None:
        return []
    if isinstance(value, Mapping):
        named = schema.get("properties") or {}
        found: list[Cause] = []
        for key, entry in value.items():
            inner = property_of(schema, key)
            below = (f"{field}.{key}" if field else key) if key in named else f"{field}[{key}]"
            found += list_faults(entry, inner, below)
        return found
    if not isinstance(value, list):
        return []
    match schema.get("x-kubernetes-list-type"):
        case "set":
            found = _twice(value, value, field)
        case "map":
            found = _map_faults(value, schema, field)
        case _:
            found = []
    inner = items_of(schema)
    for place, item in enumerate(value):
        found += list_faults(item, inner, f"{field}[{place}]")
    return found


def _map_faults(value: list[Any], schema: Schema, field: str) -> list[Cause]:
    for place, item in enumerate(value):
        if item is not None and not isinstance(item, Mapping):
            return [wrong(f"{field}[{place}]", item, "must be an object for an array of list-type map")]
    names = schema.get("x-kubernetes-list-map-keys") or ()
    keys = [{name: item[name] for name in names if name in item} if item else {} for item in value]
    return _twice(keys, keys, field)


def _twice(values: list[Any], shown: list[Any], field: str) -> list[Cause]:
    """Name each value's second appearance."""
    seen: dict[str, int] = {}
    found = []
    for place, value in enumerate(values):
        text = json.dumps(value, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:  # noqa: PLR2004 -- later ones are not told
            found.append(duplicate(f"{field}[{place}]", shown[place]))
    return found
