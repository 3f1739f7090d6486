"""
Schemas of custom resources as OpenAPI has them: the structural schema of a definition, with what all objects have.

Takes:    a version's schema, as plain JSON.
Gives:    the schema of version 3; that of version 2, without what version 2, or kubectl, cannot hold.
Source:   what apiextensions-apiserver publishes.
Left out: descriptions of apiVersion, kind and metadata, which are Kubernetes' own text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

_JUNCTORS: Final = ("allOf", "anyOf", "oneOf", "not")
_UNKNOWN: Final = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_EITHER: Final = "x-kubernetes-int-or-string"
_KINDS: Final = ({"type": "integer"}, {"type": "string"})
_TYPE_META: Final = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
# What says nothing where it is false.
_FLAGS: Final = (
    *("exclusiveMaximum", "exclusiveMinimum", "nullable", "uniqueItems"),
    *(_UNKNOWN, _EMBEDDED, _EITHER),
)


def schema_of(schema: Mapping[str, Any], metadata: Schema) -> Schema:
    """
    Give the schema of version 3.

    Args:
        schema: of the definition; empty if it has none.
        metadata: what refers to the schema of ObjectMeta.
    """
    if not schema:
        return {"type": "object"}
    return _native(_unfolded(schema), metadata, _embedded(metadata))


def schema_of_2(schema: Mapping[str, Any], metadata: Schema) -> Schema:
    """
    Give the schema of version 2.

    Args:
        schema: of the definition; empty if it has none.
        metadata: what refers to the schema of ObjectMeta.
    """
    if not schema or schema.get(_UNKNOWN):
        # Not even what all objects have: kubectl would complain of any other field.
        return {"type": "object"}
    return _native(_narrowed(_unfolded(schema)), metadata, _embedded(metadata, unless=_UNKNOWN))


def _native(schema: Schema, metadata: Schema, embed: Callable[[Schema], Schema]) -> Schema:
    found = embed(schema)
    properties = {**found.get("properties", {}), **_TYPE_META, "metadata": metadata}
    return {**found, "properties": dict(sorted(properties.items()))}


def _mapped(schema: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Schema]) -> Schema:
    """Change every schema right below this one, but for what only judges values."""
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {name: change(each) for name, each in sorted(found["properties"].items())}
    for key in _BELOW:
        if isinstance(found.get(key), Mapping):
            found[key] = change(found[key])
    return found


_BELOW: Final = ("items", "additionalProperties")


def _unfolded(schema: Mapping[str, Any]) -> Schema:
    """Say what an integer or a string is in words that others know, and nothing that says nothing."""
    found = _mapped(schema, _unfolded)
    found = {key: value for key, value in found.items() if not (key in _FLAGS and value is False)}
    if not found.get(_EITHER) or _says_either(found):
        return found
    if "anyOf" not in found:
        return {**found, "anyOf": list(_KINDS)}
    return {**found, "allOf": [{"anyOf": list(_KINDS)}, *found.get("allOf", ())]}


def _says_either(schema: Schema) -> bool:
    first: Schema = next(iter(schema.get("allOf", ())), {})
    return any(_is_either(each.get("anyOf")) for each in (schema, first))


def _is_either(variants: Any) -> bool:
    return variants is not None and [dict(each) for each in variants] == list(_KINDS)


def _narrowed(schema: Mapping[str, Any]) -> Schema:
    """Give a schema without what version 2 has no words for, and without what makes kubectl refuse what is right."""
    found = {key: value for key, value in schema.items() if key not in (*_JUNCTORS, "default")}
    inner = found.get("additionalProperties")
    lax = {name for name, each in found.get("properties", {}).items() if each.get("nullable")}
    required = [name for name in found.get("required", ()) if name not in lax]
    if isinstance(inner, Mapping) and inner.get("nullable"):
        required = []
    found.pop("required", None)
    if required:
        found["required"] = required
    nullable = found.pop("nullable", False)
    if nullable or found.get(_UNKNOWN):
        found.pop("items", None)
        found.pop("properties", None)
    untyped = nullable or (found.get("type") == "object" and found.get(_UNKNOWN))
    if untyped or (found.get("type") == "array" and "items" not in found):
        found.pop("type", None)
    return _mapped(found, _narrowed)


def _embedded(metadata: Schema, unless: str = "") -> Callable[[Mapping[str, Any]], Schema]:
    """Give what gives every embedded object what all objects have, but where a schema has the mark *unless*."""

    def embed(schema: Mapping[str, Any]) -> Schema:
        found = _mapped(schema, embed)
        if not found.get(_EMBEDDED) or (unless and found.get(unless)):
            return found
        properties = {**found.get("properties", {}), **_TYPE_META, "metadata": metadata}
        required = list(found.get("required", ()))
        required += [name for name in ("kind", "apiVersion") if name not in required]
        return {**found, "required": required, "properties": dict(sorted(properties.items()))}

    return embed
