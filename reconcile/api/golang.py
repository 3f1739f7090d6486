"""
API objects as the API server writes them: like `convert.dump`, with the zeros that Go has where nothing is said.

Takes:    API objects.
Gives:    plain JSON data.
Source:   Go's encoding/json.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from reconcile.api import convert
from reconcile.api.shapes import CustomObject, fields_of, within
from reconcile.api.zeros import empty_field, name_of, zeros_of
from reconcile.lib.mapping import Map

Writer = Callable[[Any], Any]

# What Go writes as null where nothing is said, though nobody has to say it: a list that is not left out when empty.
_NULLS = {"apiextensions_v1.CustomResourceDefinitionStatus": ("conditions", "storedVersions")}


def written(obj: Any) -> dict[str, Any]:
    """Give an API object, or a part of one, as the API server writes it."""
    found: dict[str, Any] = _writer(obj.__class__)(obj)
    return found


@cache
def _writer(cls: type) -> Writer:
    if cls is CustomObject:
        return convert.dump
    fields = fields_of(cls)
    getter = attrgetter(*(field.name for field in fields))
    zeros = zeros_of(cls)
    nulls = _NULLS.get(name_of(cls), ())
    rows: list[tuple[str, Writer | None, Any, bool]] = []

    def write(obj: Any) -> dict[str, Any]:
        if not rows:
            # Not before the first object: a class may hold itself.
            rows.extend(
                (field.json, _inner(field.type), zeros.get(field.json), field.required or field.json in nulls)
                for field in fields
            )
        values = getter(obj) if len(fields) > 1 else (getter(obj),)
        found: dict[str, Any] = {}
        for (key, hook, nothing, required), value in zip(rows, values, strict=True):
            if value is None or (value == () and required):
                if isinstance(nothing, Mapping):
                    found[key] = written(empty_field(cls, key))
                elif nothing is not None or required:
                    found[key] = nothing
            else:
                found[key] = value if hook is None else hook(value)
        return found

    return write if fields else lambda _: {}


def _inner(shape: Any) -> Writer | None:
    """Give what writes a value of type *shape*, or None if it is JSON as it stands."""
    inner = within(shape, tuple)
    if inner is not None:
        hook = _inner(inner)
        return list if hook is None else _list_writer(hook)
    inner = within(shape, Map)
    if inner is not None:
        hook = _inner(inner)
        return dict if hook is None else _dict_writer(hook)
    if shape is CustomObject or hasattr(shape, "JSON_NAMES"):
        return _writer(shape)
    return convert.writer_of(shape)


def _list_writer(hook: Writer) -> Writer:
    return lambda entries: [hook(entry) for entry in entries]


def _dict_writer(hook: Writer) -> Writer:
    return lambda entries: {key: hook(entry) for key, entry in entries.items()}
