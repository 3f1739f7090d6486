"""
Metadata of custom objects, which come as plain JSON data.

Source:   apiextensions-apiserver's coercion of metadata.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconcile.api import convert, meta_v1
from reconcile.components.apiserver.refusals import Cause, Refusal, required, wrong
from reconcile.components.apiserver.registry.structural.filling import EMBEDDED, Schema, items_of, property_of
from reconcile.lib.errors import ReconcileError
from reconcile.model import statuses
from reconcile.model.text import names

FIELDS: Final = frozenset(meta_v1.ObjectMeta.JSON_NAMES)
_GO_NAMES: Final = {bool: "bool", int: "number", float: "number", list: "array", dict: "object", str: "string"}


def metadata_of(given: Any, kind: str, version: str) -> tuple[meta_v1.ObjectMeta, tuple[str, ...]]:
    """
    Give the metadata that an object of *kind* in *version* says, and the paths of what no metadata have.

    Raises:
        Refusal: 400, they are none.
    """
    data = {} if given is None else given
    fault = _fault(data)
    if not fault:
        known = {key: value for key, value in data.items() if key in FIELDS}
        try:
            found = convert.load(known, cls=meta_v1.ObjectMeta, unknown="Ignore", absent="zero").object
            return found, tuple(f"metadata.{key}" for key in data if key not in FIELDS)
        except ReconcileError as error:
            fault = str(error)
    raise Refusal(statuses.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {fault}'))


def _fault(data: Any) -> str:
    """Say as Go does what is no text among labels and annotations; empty if nothing is."""
    if not isinstance(data, Mapping):
        return f"json: cannot unmarshal {_GO_NAMES[type(data)]} into Go value of type v1.ObjectMeta"
    for field in ("labels", "annotations"):
        entries = data.get(field)
        for value in entries.values() if isinstance(entries, Mapping) else ():
            if not isinstance(value, str) and value is not None:
                name = _GO_NAMES.get(type(value), "object")
                return f"json: cannot unmarshal {name} into Go struct field ObjectMeta.{field} of type string"
    return ""


def misplaced(value: Any, schema: Schema | None, field: str = "") -> Cause | None:
    """Say which apiVersion or kind of an object within *value* is no text, if one is not."""
    for there, inner, entry in _within(value, schema, field):
        if inner.get(EMBEDDED):
            for name in ("apiVersion", "kind"):
                if name in entry and not isinstance(entry[name], str):
                    return wrong(f"{there}.{name}", entry[name], "must be a string")
    return None


def embedded_faults(value: Any, schema: Schema | None) -> list[Cause]:
    """Say what objects within *value* lack."""
    found: list[Cause] = []
    for there, inner, entry in _within(value, schema, ""):
        if not inner.get(EMBEDDED):
            continue
        found += [required(f"{there}.{name}") for name in ("apiVersion", "kind") if not entry.get(name)]
        kind = entry.get("kind") or "a"
        found += [
            wrong(f"{there}.kind", kind, f"may have mixed case, but should otherwise match: {fault}")
            for fault in names.label_1035_faults(kind.lower())
        ]
    return found


def _within(value: Any, schema: Schema | None, field: str) -> Iterator[tuple[str, Schema, Mapping[str, Any]]]:
    """Give every object below *value*, with its path and its schema."""
    if schema is None:
        return
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from _within(item, items_of(schema), f"{field}[{place}]")
    elif isinstance(value, Mapping):
        if field:
            yield field, schema, value
        named = schema.get("properties") or {}
        for key, entry in value.items():
            below = (f"{field}.{key}" if field else key) if key in named else f"{field}[{key}]"
            yield from _within(entry, property_of(schema, key), below)
