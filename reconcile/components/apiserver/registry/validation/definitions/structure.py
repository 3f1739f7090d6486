"""
Whether a schema is structural: every field and item is declared outside of logic, with a type.

Takes:    a schema as plain JSON data.
Gives:    causes, sorted by their text as upstream sorts them.
Source:   apiextensions-apiserver's ValidateStructural;
          https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
          #specifying-a-structural-schema
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from reconcile.components.apiserver.refusals import Cause, forbidden, required, wrong
from reconcile.lib.errors import ReconcileError
from reconcile.lib.regexp import compiled

Schema = Mapping[str, Any]
Level = Literal["root", "item", "field"]

INT_OR_STRING: Final = [{"type": "integer"}, {"type": "string"}]
_UNSUPPORTED: Final = {
    "id": "id",
    "$schema": "schema",
    "$ref": "$ref",
    "additionalItems": "additionalItems",
    "patternProperties": "patternProperties",
    "definitions": "definitions",
    "dependencies": "dependencies",
}
_UNTYPED: Final = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
# What may not stand within logic, and what is said of it.
_NESTED: Final = {
    "type": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}


def whole(schema: Any) -> Any:
    """Give a schema with an empty one for each within it that is null: so Go reads it."""
    if not isinstance(schema, Mapping):
        return {} if schema is None else schema
    found = dict(schema)
    for key in _NAMED:
        if isinstance(found.get(key), Mapping):
            found[key] = {name: whole(inner) for name, inner in found[key].items()}
    for key in _LISTED:
        if isinstance(found.get(key), list):
            found[key] = [whole(inner) for inner in found[key]]
    for key in _SINGLE:
        if found.get(key) is not None:
            found[key] = whole(found[key])
    return found


_NAMED: Final = ("properties", "patternProperties", "definitions")
_LISTED: Final = ("allOf", "anyOf", "oneOf")
_SINGLE: Final = ("items", "additionalProperties", "not")


def unsupported(schema: Any) -> str:
    """Say what keeps a schema from being read as a structural one at all; empty if nothing does."""
    if not isinstance(schema, Mapping):
        return ""
    for key, name in _UNSUPPORTED.items():
        if schema.get(key):
            return f"OpenAPIV3Schema '{name}' is not supported"
    if isinstance(schema.get("items"), (list, tuple)):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    inner = [schema.get("items"), schema.get("additionalProperties"), schema.get("not")]
    inner += (schema.get("properties") or {}).values()
    for logic in ("allOf", "anyOf", "oneOf"):
        inner += schema.get(logic) or ()
    return next((said for said in map(unsupported, inner) if said), "")


def structural_causes(schema: Schema, field: str) -> list[Cause]:
    """Say what keeps a schema from being structural."""
    found = [*_invariants(schema, "root", field), *_complete(schema, schema, field, field)]
    return sorted(found, key=lambda cause: f"{cause.field}: {cause.message}")


def _invariants(schema: Schema, level: Level, field: str) -> Iterator[Cause]:
    kind, items = schema.get("type") or "", schema.get("items")
    if kind == "array" and items is None:
        yield required(f"{field}.items", "must be specified")
    if items is not None:
        yield from _invariants(items, "item", f"{field}.items")
    for name, inner in (schema.get("properties") or {}).items():
        yield from _invariants(inner, "field", f"{field}.properties[{name}]")
    rest = schema.get("additionalProperties")
    if rest is not None and level == "root":
        yield forbidden(f"{field}.additionalProperties", "must not be used at the root")
    if isinstance(rest, Mapping):
        yield from _invariants(rest, "field", f"{field}.additionalProperties")
    yield from _extensions(schema, field)
    yield from _logic(schema, level, field, skip_any=schema.get("anyOf") == INT_OR_STRING, skip_first=_first_is(schema))
    yield from _typed(schema, level, field)
    yield from _identity(schema, level, field)


def _first_is(schema: Schema) -> bool:
    every: Any = schema.get("allOf") or ()
    return bool(every) and every[0].get("anyOf") == INT_OR_STRING


def _extensions(schema: Schema, field: str) -> Iterator[Cause]:
    if not schema.get("x-kubernetes-int-or-string"):
        return
    for key in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
        if schema.get(key):
            yield wrong(f"{field}.{key}", schema[key], "must be false if x-kubernetes-int-or-string is true")


def _typed(schema: Schema, level: Level, field: str) -> Iterator[Cause]:
    kind, embedded = schema.get("type") or "", schema.get("x-kubernetes-embedded-resource")
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if embedded and kind != "object":
        said = "must be object if x-kubernetes-embedded-resource is true"
        yield wrong(f"{field}.type", kind, said) if kind else required(f"{field}.type", said)
    elif not kind and not free:
        yield required(f"{field}.type", _UNTYPED[level])
    if embedded and schema.get("additionalProperties") is not None:
        said = "must not be used if x-kubernetes-embedded-resource is set"
        yield forbidden(f"{field}.additionalProperties", said)
    if level == "root" and kind and kind != "object":
        yield wrong(f"{field}.type", kind, "must be object at the root")
    if embedded and not schema.get("x-kubernetes-preserve-unknown-fields") and not schema.get("properties"):
        said = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        yield required(f"{field}.properties", said)


def _identity(schema: Schema, level: Level, field: str) -> Iterator[Cause]:
    named = schema.get("properties") or {}
    if level != "root" and not schema.get("x-kubernetes-embedded-resource"):
        return
    for name in ("kind", "apiVersion"):
        if name in named and named[name].get("type") != "string":
            kind = named[name].get("type") or ""
            yield wrong(f"{field}.properties[{name}].type", kind, "must be string")
    metadata = named.get("metadata")
    if metadata is None:
        return
    there = f"{field}.properties[metadata]"
    if metadata.get("type") != "object":
        yield wrong(f"{there}.type", metadata.get("type") or "", "must be object")
    if level == "root":
        left = {key: value for key, value in metadata.items() if key not in ("type", "default")}
        if set(left.get("properties") or {}) <= {"name", "generateName"}:
            left.pop("properties", None)
        if left:
            said = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield forbidden(there, said)


def _logic(
    schema: Schema, level: Level, field: str, *, skip_any: bool = False, skip_first: bool = False
) -> Iterator[Cause]:
    if not skip_any:
        for place, inner in enumerate(schema.get("anyOf") or ()):
            yield from _nested(inner, level, f"{field}.anyOf[{place}]")
    for place, inner in enumerate(schema.get("allOf") or ()):
        yield from _nested(inner, level, f"{field}.allOf[{place}]", skip_any=skip_first and place == 0)
    for place, inner in enumerate(schema.get("oneOf") or ()):
        yield from _nested(inner, level, f"{field}.oneOf[{place}]")
    if schema.get("not") is not None:
        yield from _nested(schema["not"], level, f"{field}.not")
    if schema.get("pattern"):
        try:
            compiled(schema["pattern"])
        except ReconcileError as error:
            said = f"must be a valid regular expression, but isn't: {error}"
            yield wrong(f"{field}.pattern", schema["pattern"], said)


def _nested(schema: Schema, level: Level, field: str, *, skip_any: bool = False) -> Iterator[Cause]:
    yield from _logic(schema, level, field, skip_any=skip_any)
    if schema.get("items") is not None:
        yield from _nested(schema["items"], level, f"{field}.items")
    for name, inner in (schema.get("properties") or {}).items():
        yield from _nested(inner, "field", f"{field}.properties[{name}]")
    for key, said in _NESTED.items():
        value = schema.get(key)
        if value not in (None, "", False, (), []) or (key == "additionalProperties" and value is False):
            yield forbidden(f"{field}.{key}", said)
    if "metadata" in (schema.get("properties") or {}):
        yield forbidden(f"{field}.properties[metadata]", "must not be specified in a nested context")


def _complete(logic: Schema, schema: Schema | None, there: str, field: str) -> Iterator[Cause]:
    """Say what logic speaks of that is declared nowhere outside of it."""
    for key in ("not", "allOf", "anyOf", "oneOf"):
        found = logic.get(key)
        for place, inner in enumerate([found] if isinstance(found, Mapping) else found or ()):
            where = f"{field}.{key}" if key == "not" else f"{field}.{key}[{place}]"
            yield from _complete_nested(inner, schema, there, where)


def _complete_nested(logic: Schema, schema: Schema | None, there: str, field: str) -> Iterator[Cause]:
    if schema is None:
        yield required(there, f"because it is defined in {field}")
        return
    yield from _complete(logic, schema, there, field)
    if logic.get("items") is not None:
        yield from _complete_nested(logic["items"], schema.get("items"), f"{there}.items", f"{field}.items")
    declared = schema.get("properties") or {}
    for name, inner in (logic.get("properties") or {}).items():
        below, where = f"{there}.properties[{name}]", f"{field}.properties[{name}]"
        if name in declared:
            yield from _complete_nested(inner, declared[name], below, where)
        else:
            yield required(below, f"because it is defined in {where}")
