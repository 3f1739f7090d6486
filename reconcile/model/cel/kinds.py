"""
The built-in kinds as CEL's type checker sees them: what their schemas say, and nothing beside it.

    type_of_kind(Deployment, "Deployment1")     an object of fields; of its parts, Deployment1.spec.template and so on

A quantity has no one type, so that CEL knows no field that holds one, and no map of them; what is free, such as a
ControllerRevision's data, is an object without fields; a number or a text is of any type.

Source:   k8s.io/apiserver/pkg/cel/common (schemas.go) and pkg/cel/openapi/resolver.
Left out: custom resources, see schemas.py.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Base64, Int32, Int64, IntOrString, Json, MicroTime, Time
from reconcile.api.shapes import fields_of, within
from reconcile.lib.cel.syntax import RESERVED
from reconcile.lib.cel.types import BOOL, DYN, INT, STRING, Type, list_of, map_of
from reconcile.lib.mapping import Map

_PLAIN: Final[dict[Any, Type | None]] = {
    str: STRING,
    bool: BOOL,
    float: Type("double"),
    Int32: INT,
    Int64: INT,
    Base64: Type("bytes"),
    Time: Type("timestamp"),
    MicroTime: Type("timestamp"),
    IntOrString: DYN,
    Quantity: None,
}
_ESCAPES: Final = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


def type_of_kind(cls: type, name: str) -> Type:
    """Give the type of a kind's objects, which is called *name*."""
    return _object(cls, name, ())


def _object(cls: type, name: str, above: tuple[type, ...]) -> Type:
    if cls in above:
        return Type(name, fields={})  # what holds itself is not opened once more
    fields = {}
    schemas = cls.__module__.endswith(".apiextensions_v1")
    for field in fields_of(cls):
        if schemas and _is_free(cls, field.json, field.type):
            continue
        found = _shape(field.type, f"{name}.{field.json}", (*above, cls))
        if found is not None:
            for spelling in spellings(field.json):
                fields[spelling] = found
    return Type(name, fields=fields)


def _is_free(cls: type, field: str, shape: Any) -> bool:
    """Tell whether a field of a schema holds what has no type: any JSON, or one of several forms."""
    return cls.__name__ == "JSONSchemaProps" and (
        Json in (shape, within(shape, tuple), within(shape, Map))
        or field in ("items", "additionalItems", "additionalProperties", "dependencies")
    )


def _shape(shape: Any, name: str, above: tuple[type, ...]) -> Type | None:
    if shape in _PLAIN:
        return _PLAIN[shape]
    inner = within(shape, tuple)
    if inner is not None:
        element = _shape(inner, f"{name}.@idx", above)
        return None if element is None else list_of(element)
    inner = within(shape, Map)
    if Json in (inner, shape):
        return Type(name, fields={})
    if inner is not None:
        element = _shape(inner, f"{name}.@elem", above)
        return None if element is None else map_of(STRING, element)
    return _object(shape, name, above)


def spellings(name: str) -> tuple[str, ...]:
    """Give the names by which CEL knows a field: a reserved word may stand as it is, too."""
    if name in RESERVED:
        return (name, f"__{name}__")
    for plain, escape in _ESCAPES:
        name = name.replace(plain, escape)
    return (name,)
