"""
Warnings of a CustomResourceDefinition: the formats that its schemas name and nobody knows.

Source:   apiextensions-apiserver's strategy of definitions; its formats.go.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconcile.api import convert
from reconcile.api.golang import quoted

_OF_TEXT: Final = frozenset(
    {
        *("bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4", "uuid5"),
        *("isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor", "rgbcolor", "byte", "password", "date"),
        *("duration", "datetime", "k8sshortname", "k8slongname"),
    }
)
_OF_TYPE: Final[Mapping[str, tuple[str, ...]]] = {"integer": ("int32", "int64"), "number": ("float", "double")}
_INNER: Final = ("items", "additionalProperties", "additionalItems", "not")
_LISTS: Final = ("allOf", "oneOf", "anyOf")
_MAPS: Final = ("properties", "patternProperties", "definitions")


def format_warnings(new: Any, old: Any) -> list[str]:
    """Say which formats of a definition are none that were not said before."""
    had = set() if old is None else set(_unknown_of(old))
    return [f"unrecognized format {quoted(name)}" for name in _unknown_of(new) if name not in had]


def _unknown_of(crd: Any) -> Iterator[str]:
    schemas = [
        version.schema.open_api_v3_schema if version.schema is not None else None for version in crd.spec.versions
    ]
    # What all versions have in common is looked at once.
    common = schemas[:1] if all(schema == schemas[0] for schema in schemas) else schemas
    for schema in common:
        if schema is not None:
            yield from _unknown(convert.dump(schema))


def _unknown(schema: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    said, kind = schema.get("format") or "", schema.get("type") or ""
    is_text = kind in ("", "string")
    known = said.replace("-", "") in _OF_TEXT if is_text else said in _OF_TYPE.get(kind, ())
    if said and not known:
        yield said
    for name in _INNER:
        yield from _unknown(schema.get(name))
    for name in _LISTS:
        for inner in schema.get(name) or ():
            yield from _unknown(inner)
    for name in _MAPS:
        for inner in (schema.get(name) or {}).values():
            yield from _unknown(inner)
