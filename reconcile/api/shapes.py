"""
The shape of an API class: what each field is called in JSON and what it holds.

This is what the generated classes say, read once for each class, in the form
that the converter wants: without "or absent", and with the names of types
resolved.
"""

from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from reconcile.api import meta_v1
from reconcile.api.scalars import Json
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

IDENTITY = ("apiVersion", "kind")


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class CustomObject:
    """An object of a kind that Kubernetes does not define; *body* is all of it but the first three fields."""

    api_version: str | None = None
    kind: str | None = None
    metadata: meta_v1.ObjectMeta | None = None
    body: Map[Json] = Map()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Field:
    """One field: its name here and in JSON, its type when it is there, and whether it has to be."""

    name: str
    json: str
    type: Any
    required: bool


@cache
def fields_of(cls: type) -> tuple[Field, ...]:
    """Return the fields of an API class, in the order in which it declares them."""
    names: tuple[str, ...] = getattr(cls, "JSON_NAMES", (*IDENTITY, "metadata"))
    return tuple(
        Field(
            name=field.name,
            json=json,
            type=_present(_resolved(field.type, cls)),
            required=field.default is attrs.NOTHING,
        )
        for field, json in zip(attrs.fields(cls), names, strict=cls is not CustomObject)
    )


def blank(cls: type) -> dict[str, None]:
    """Return the fields that an object built in code has by itself, as absent: what JSON lacks stays lacking."""
    names = {field.name for field in fields_of(cls) if field.json in IDENTITY and not field.required}
    return {name: None for name in ("api_version", "kind") if name in names}


def within(shape: Any, container: type) -> Any:
    """Return the type of what a tuple or Map of type *shape* holds, or None if it is no such container."""
    return get_args(shape)[0] if get_origin(shape) is container else None


def _resolved(annotation: Any, cls: type) -> Any:
    """Return a type: only that of a field of a class that holds itself is written as text."""
    if not isinstance(annotation, str):
        return annotation
    name = cls.__name__
    shapes = {name: cls, f"tuple[{name}, ...]": tuple[cls, ...], f"Map[{name}]": Map[cls]}  # type: ignore[valid-type]
    return shapes[annotation.removesuffix(" | None")]


def _present(annotation: Any) -> Any:
    if annotation == Json or get_origin(annotation) not in (Union, UnionType):
        return annotation
    rest = tuple(part for part in get_args(annotation) if part is not type(None))
    return rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007 -- of as many types as there are
