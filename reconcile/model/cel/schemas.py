"""
Custom kinds as CEL's type checker sees them: what their schemas say, as the API publishes them, and nothing beside it.

    type_of_schema(schema, "Thing1")            an object of fields; its metadata are those that every object has

What may be an integer or a text is of any type. A field whose schema says no type cannot be named, nor a list or a map
of such; of an object that keeps unknown fields the known ones can.

Takes:    a schema as plain JSON.
Gives:    its Type.
Source:   k8s.io/apiserver/pkg/cel/common (schemas.go); the OpenAPI documents of apiextensions-apiserver.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.lib.cel.types import BOOL, DYN, INT, STRING, Type, list_of, map_of
from reconcile.model.cel.kinds import spellings, type_of_kind

_PLAIN: Final = {"boolean": BOOL, "number": Type("double"), "integer": INT}
_FORMATS: Final = {
    "byte": Type("bytes"),
    "duration": Type("duration"),
    "date": Type("timestamp"),
    "date-time": Type("timestamp"),
}


def type_of_schema(schema: Mapping[str, Any], name: str) -> Type:
    """Give the type of objects of a kind with this schema, which is called *name*."""
    return _object(schema, name, is_whole=True)


def _object(schema: Mapping[str, Any], name: str, *, is_whole: bool) -> Type:
    fields: dict[str, Type] = {}
    for key, part in (schema.get("properties") or {}).items():
        found = _shape(part, f"{name}.{key}")
        if found is not None:
            fields |= dict.fromkeys(spellings(key), found)
    if is_whole:
        fields |= {
            "apiVersion": STRING,
            "kind": STRING,
            "metadata": type_of_kind(meta_v1.ObjectMeta, f"{name}.metadata"),
        }
    return Type(name, fields=fields)


def _shape(schema: Mapping[str, Any], name: str) -> Type | None:
    if schema.get("x-kubernetes-int-or-string"):
        return DYN
    match schema.get("type"):
        case "array":
            items = schema.get("items")
            element = _shape(items, f"{name}.@idx") if isinstance(items, Mapping) else None
            return None if element is None else list_of(element)
        case "object":
            values = schema.get("additionalProperties")
            if not isinstance(values, Mapping):
                return _object(schema, name, is_whole=bool(schema.get("x-kubernetes-embedded-resource")))
            element = _shape(values, f"{name}.@elem")
            return None if element is None else map_of(STRING, element)
        case "string":
            return _FORMATS.get(schema.get("format") or "", STRING)
        case other:
            return _PLAIN.get(other or "")
