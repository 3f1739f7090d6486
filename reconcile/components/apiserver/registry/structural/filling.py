"""
Filling: what an object is once it was read: without fields that its schema lacks and nulls that it does not take, with
its defaults.

Takes:    plain JSON data, and its schema.
Gives:    plain JSON data; the paths of what was left out.
Source:   apiextensions' pruning and defaulting of custom resources.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

Schema = Mapping[str, Any]

IDENTITY: Final = ("apiVersion", "kind", "metadata")
EMBEDDED: Final = "x-kubernetes-embedded-resource"
PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"


def property_of(schema: Schema | None, name: str) -> Schema | None:
    """Give the schema of an object's field: its own, or that of all others."""
    if schema is None:
        return None
    found = (schema.get("properties") or {}).get(name)
    if found is not None:
        return found  # type: ignore[no-any-return]  # a schema's properties are schemas
    rest = schema.get("additionalProperties")
    return rest if isinstance(rest, Mapping) else None


def items_of(schema: Schema | None) -> Schema | None:
    """Give the schema of a list's items."""
    found = None if schema is None else schema.get("items")
    return found if isinstance(found, Mapping) else None


def has_rest(schema: Schema) -> bool:
    """Tell whether an object takes fields that its schema does not name, as a map does."""
    return schema.get("additionalProperties") not in (None, False)


def kept(value: Any, schema: Schema, *, root: bool = False) -> tuple[Any, tuple[str, ...]]:
    """Give *value* without fields that *schema* lacks, and their paths, sorted; *root* keeps what every object has."""
    unknown: list[str] = []
    found = _kept(value, {**schema, EMBEDDED: True} if root else schema, "", unknown)
    return found, tuple(sorted(unknown))


def _kept(value: Any, schema: Schema | None, path: str, unknown: list[str]) -> Any:
    if isinstance(value, list):
        inner = items_of(schema)
        if inner is None and schema is not None and schema.get(PRESERVE):
            return value
        return [_kept(item, inner, f"{path}[{place}]", unknown) for place, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    made = {}
    named: Any = {} if schema is None else schema.get("properties") or {}
    for key, entry in value.items():
        there = f"{path}.{key}" if path else key
        if schema is not None and schema.get(EMBEDDED) and key in IDENTITY:
            made[key] = entry
        elif key in named or (schema is not None and has_rest(schema)):
            made[key] = _kept(entry, property_of(schema, key), there, unknown)
        elif schema is not None and schema.get(PRESERVE):
            made[key] = entry
        elif key not in IDENTITY or path:
            unknown.append(there)
    return made


def defaulted(value: Any, schema: Schema | None) -> Any:
    """Give *value* with the defaults of what it lacks: itself if it lacks nothing."""
    if schema is None:
        return value
    if isinstance(value, Mapping):
        made = dict(value)
        for name, inner in (schema.get("properties") or {}).items():
            default = inner.get("default")
            if default is not None and (name not in made or (made[name] is None and not inner.get("nullable"))):
                made[name] = deepcopy(default)
        for key, entry in made.items():
            inner = property_of(schema, key)
            if inner is not None:
                made[key] = _filled(entry, inner)
        return value if made == value and list(made) == list(value) else made
    if isinstance(value, list):
        inner = items_of(schema)
        return value if inner is None else [_filled(item, inner) for item in value]
    return value


def _filled(entry: Any, schema: Schema) -> Any:
    if entry is None and not schema.get("nullable"):
        entry = deepcopy(schema.get("default"))
    return defaulted(entry, schema)


def without_nulls(value: Any, schema: Schema | None) -> Any:
    """Give *value* without nulls that are neither taken nor replaced by a default."""
    if isinstance(value, Mapping):
        made = {}
        for key, entry in value.items():
            inner = property_of(schema, key)
            if entry is None and inner is not None and not inner.get("nullable") and inner.get("default") is None:
                continue
            made[key] = without_nulls(entry, inner)
        return made
    if isinstance(value, list):
        inner = items_of(schema)
        return [without_nulls(item, inner) for item in value]
    return value
