"""
Shapes from schemas: how objects of a custom resource are owned and merged, as its structural schema says.

Takes:    a schema as plain JSON data; none of it (an empty one) for objects of which nothing is known.
Gives:    Shape.
Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/#custom-resources-and-server-side-apply
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from reconcile.api import meta_v1
from reconcile.model.fields.shapes import ATOMIC, FREE, SCALAR, Scalar, Shape, shape_of

_SCALARS: Final[dict[str, Scalar]] = {
    "integer": "numeric",
    "number": "numeric",
    "string": "string",
    "boolean": "boolean",
}
_IDENTITY: Final = {
    "apiVersion": lambda: Shape("scalar", scalar="string"),
    "kind": lambda: Shape("scalar", scalar="string"),
    "metadata": lambda: shape_of(meta_v1.ObjectMeta),
}


def shape_of_schema(schema: Mapping[str, Any]) -> Shape:
    """Give the shape of whole objects of a custom resource."""
    found = _shape(schema) if schema else Shape("map", element=lambda: FREE)
    return attrs.evolve(found, fields={**found.fields, **_IDENTITY})


def _shape(schema: Mapping[str, Any], *, free: bool = False) -> Shape:
    """Give the shape of what a schema describes; *free*: what is around it keeps fields that nobody knows."""
    free = free or bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    if schema.get("x-kubernetes-int-or-string"):
        return SCALAR
    match schema.get("type"):
        case "object":
            return _object(schema, free=free)
        case "array":
            return _list(schema, free=free)
        case None | "":
            return FREE if free else ATOMIC
        case kind:
            return Shape("scalar", scalar=_SCALARS.get(kind, "untyped"))


def _object(schema: Mapping[str, Any], *, free: bool) -> Shape:
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    fields = {name: _later(inner, free=free) for name, inner in (schema.get("properties") or {}).items()}
    if schema.get("x-kubernetes-embedded-resource"):
        fields = {**fields, **_IDENTITY}
    rest = schema.get("additionalProperties")
    if isinstance(rest, Mapping):
        return Shape("map", atomic=atomic, fields=fields, element=_later(rest, free=free))
    free = bool(rest) or (rest is None and (free or not schema.get("properties")))
    return Shape("map", atomic=atomic, fields=fields, element=(lambda: FREE) if free else None, declared=not free)


def _list(schema: Mapping[str, Any], *, free: bool) -> Shape:
    inner = schema.get("items")
    element = _later(inner, free=free) if isinstance(inner, Mapping) else None
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return Shape("list", atomic=True, element=element)
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ()) if kind == "map" else ()
    named = (inner.get("properties") or {}) if isinstance(inner, Mapping) else {}
    defaults = {key: named[key]["default"] for key in keys if "default" in named.get(key, {})}
    return Shape("list", element=element, keys=keys, key_defaults=defaults)


def _later(schema: Mapping[str, Any], *, free: bool) -> Callable[[], Shape]:
    return lambda: _shape(schema, free=free)
