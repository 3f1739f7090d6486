"""
Changes of the store as JSON: a whole object, what differs in it, or null.

The form of what differs is a JSON merge patch (RFC 7386), except that an empty object stays one. resourceVersion is
left out: it is the change's revision.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, Final

import attrs

from reconcile.api.convert import dump
from reconcile.api.shapes import CustomObject, fields_of
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.store import Change

_REMEMBERED: Final = 8
_NOTHING: Final[Any] = object()


class Known:
    """The JSON of the last few specs that were written: pods of one template share theirs."""

    def __init__(self) -> None:
        self._specs: list[tuple[Any, Any]] = []

    def json(self, spec: Any) -> Any:
        """Give the JSON of *spec*."""
        for known, text in self._specs:
            if known is spec:
                return text
        text = dump(spec)
        self._specs = [(spec, text), *self._specs[: _REMEMBERED - 1]]
        return text


def change_json(change: Change, known: Known) -> list[Any]:
    """Give [revision, resource, key, what changed]."""
    old, new = change.old, change.new
    if new is None:
        what: Any = None
    elif old is None:
        what = _whole(new, known)
    else:
        what = difference(old, new)
        what.get("metadata", {}).pop("resourceVersion", None)
    return [change.revision, change.resource, change.key, what]


def difference(old: Any, new: Any) -> dict[str, Any]:
    """Give the merge patch that makes *new* of *old*, two API objects of one class."""
    patch: dict[str, Any] = _differing(old.body, new.body) if new.__class__ is CustomObject else {}
    fields, names = _fields(new.__class__)
    for name, before, after in zip(names, fields(old), fields(new), strict=True):
        if before is not after and before != after:
            patch[name] = _differing(before, after)
    return patch


@cache
def _fields(cls: type) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[str, ...]]:
    """Give what takes all fields of an API object of *cls*, and their names in JSON."""
    fields = fields_of(cls)
    take: Callable[[Any], Any] = attrgetter(*[field.name for field in fields])
    return take if len(fields) > 1 else lambda obj: (take(obj),), tuple([field.json for field in fields])


def differing_fields(one: Any, other: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """List (path, value in *one*, value in *other*) where two plain JSON values differ; a missing value is None."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in sorted({*one, *other}):
            below = f"{path}.{key}" if path else key
            found += differing_fields(one.get(key), other.get(key), below)
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = []
        for place, (a, b) in enumerate(zip(one, other, strict=True)):
            found += differing_fields(a, b, f"{path}[{place}]")
        return found
    # To Python 1, 1.0 and True are equal.
    return [] if one == other and one.__class__ is other.__class__ else [(path, one, other)]


def _whole(obj: Any, known: Known) -> dict[str, Any]:
    spec = getattr(obj, "spec", None)
    if spec is None or not attrs.has(type(spec)):
        whole = dump(obj)
    else:
        whole = dump(replace(obj, spec=None))
        whole["spec"] = known.json(spec)
    whole["metadata"].pop("resourceVersion", None)
    return whole


def _differing(before: Any, after: Any) -> Any:
    if after is None:
        return None
    if isinstance(after, Map):
        was = before if isinstance(before, Map) else Map()
        gone = {key: None for key in was if key not in after}
        changed = {key: value for key, value in after.items() if was.get(key, _NOTHING) != value}
        return gone | {key: _differing(was.get(key), value) for key, value in changed.items()}
    if hasattr(type(after), "JSON_NAMES") and type(before) is type(after):
        return difference(before, after)
    return _json(after)


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, Map):
        return {key: _json(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return dump(value) if hasattr(type(value), "JSON_NAMES") else str(value)
