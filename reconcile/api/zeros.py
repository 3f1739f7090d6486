"""
Zeros: what Go has where JSON says nothing.

An API object here knows absence everywhere. Upstream's are structs of Go: a text that is no pointer is "" if nobody
said it, and a struct within a struct is there though empty.

Source:   the defaults that are zeros in Kubernetes' OpenAPI v3 documents (schemas/zeros.json).
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from reconcile.api._zeros import ATOMIC, ZEROS
from reconcile.api.scalars import IntOrString
from reconcile.api.shapes import blank, fields_of, within
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace


def name_of(cls: type) -> str:
    """Give the name that the tables know a class by: core_v1.Pod."""
    return f"{cls.__module__.removeprefix('reconcile.api.')}.{cls.__name__}"


@cache
def zeros_of(cls: type) -> Mapping[str, Any]:
    """Give what fields of *cls*, by JSON name, have where nothing is said; an empty mapping is a struct."""
    return ZEROS.get(name_of(cls), {})


@cache
def is_atomic(cls: type) -> bool:
    """Tell whether objects of *cls* are written and owned as a whole."""
    return name_of(cls) in ATOMIC


def zero(cls: type, json: str, shape: Any) -> Any:
    """
    Give what the field *json* of *cls*, of type *shape*, is that has to be there and was not sent.

    A pointer is None though the field's type does not say so: validation is what refuses it.
    """
    found = zeros_of(cls).get(json)
    if isinstance(found, Mapping):
        return empty(shape)
    if found is not None:
        return found
    if shape == IntOrString:
        return 0
    if within(shape, tuple) is not None:
        return ()
    return Map[Any]() if within(shape, Map) is not None else None


def empty(cls: type) -> Any:
    """Give an object of *cls* of which nothing was sent."""
    needed = {field.name: zero(cls, field.json, field.type) for field in fields_of(cls) if field.required}
    return cls(**{**blank(cls), **needed})


@cache
def hollow(cls: type) -> Any:
    """Give an object of *cls* of which nothing was sent, with every struct in it that Go has there, as hollow."""
    structs = {key for key, found in zeros_of(cls).items() if isinstance(found, Mapping)}
    filled = {field.name: hollow(field.type) for field in fields_of(cls) if field.json in structs}
    return replace(empty(cls), **filled) if filled else empty(cls)


@cache
def empty_field(cls: type, json: str) -> Any:
    """Give what the struct *json* of *cls* is where nothing is said."""
    return empty(next(field.type for field in fields_of(cls) if field.json == json))
