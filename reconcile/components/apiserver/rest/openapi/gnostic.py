"""
Swagger in protobuf: the document of version 2 as kubectl asks for it.

kubectl judges by it what the server says nothing of, such as a `kind: List` in a file.

Takes:    a document as swagger_of gives it: plain JSON data.
Gives:    bytes, an `openapi.v2.Document`.
Source:   the published OpenAPIv2.proto of gnostic-models, which numbers the fields.
Left out: fields that no document here has: contacts, licences, tags, examples, headers, forms, OAuth2.
"""

from __future__ import annotations

import json
import struct as structs
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from reconcile.api.wire import FIXED64, part, text, varint

Writer: TypeAlias = Callable[[int, Any], bytes]
Fields: TypeAlias = Mapping[str, tuple[int, Writer]]


def document(swagger: Mapping[str, Any]) -> bytes:
    """Write a document of version 2."""
    return _message(_DOCUMENT, swagger)


# ------------------------------------------------------------------------------------------- of which form values are


def _message(fields: Fields, value: Mapping[str, Any]) -> bytes:
    """Write what *fields* know of a value; under `x-` they have the number of whatever begins so."""
    known = [(fields[key], each) for key, each in value.items() if key in fields]
    found = b"".join([write(number, each) for (number, write), each in known])
    beyond = {key: each for key, each in value.items() if key.startswith("x-")} if "x-" in fields else {}
    return found + (_named(_any)(fields["x-"][0], beyond) if beyond else b"")


def _of(fields: Fields) -> Writer:
    return lambda number, value: part(number, _message(fields, value))


def _inside(number: int, write: Writer) -> Writer:
    """Write a value as the field *number* of a message of its own."""
    return lambda outer, value: part(outer, write(number, value))


def _each(write: Writer) -> Writer:
    return lambda number, values: b"".join([write(number, value) for value in values])


def _named(write: Writer) -> Writer:
    """Write a mapping: a message for each of its names."""

    def written(number: int, values: Mapping[str, Any]) -> bytes:
        return b"".join([part(number, text(1, name) + write(2, value)) for name, value in values.items()])

    return written


def _number(number: int, value: Any) -> bytes:
    return varint(number << 3) + varint(int(value))


def _double(number: int, value: Any) -> bytes:
    return varint(number << 3 | FIXED64) + structs.pack("<d", value)


def _any(number: int, value: Any) -> bytes:
    return part(number, text(2, json.dumps(value, ensure_ascii=False, separators=(",", ":"))))


def _types(number: int, value: str | Iterable[str]) -> bytes:
    return part(number, _each(text)(1, (value,) if isinstance(value, str) else value))


def _held(number: int, value: Any) -> bytes:
    """Write what other properties may hold: whatever a schema says, or whether there may be any."""
    return part(number, _number(2, value) if isinstance(value, bool) else _schema(1, value))


def _schema(number: int, value: Any) -> bytes:
    return part(number, _message(_SCHEMA, value))


def _parameter(number: int, value: Mapping[str, Any]) -> bytes:
    if "$ref" in value:
        return part(number, part(2, text(1, value["$ref"])))
    place = value["in"]
    if place == "body":
        return part(number, part(1, part(1, _message(_BODY, value))))
    sort, fields = _PLACES[place]
    return part(number, part(1, part(2, part(sort, _message(fields, value)))))


def _responses(number: int, value: Mapping[str, Any]) -> bytes:
    return part(number, _named(_inside(1, _of(_RESPONSE)))(1, value))


# ---------------------------------------------------------------------------------------------- which fields there are


def _counted(first: int, *rows: tuple[str, Writer]) -> dict[str, tuple[int, Writer]]:
    """Number the fields in their order."""
    return {name: (number, write) for number, (name, write) in enumerate(rows, first)}


_LIMITS: Final = (
    *(("maximum", _double), ("exclusiveMaximum", _number), ("minimum", _double), ("exclusiveMinimum", _number)),
    *(("maxLength", _number), ("minLength", _number), ("pattern", text)),
    *(("maxItems", _number), ("minItems", _number), ("uniqueItems", _number)),
)
_SCHEMA: Final = _counted(
    1,
    *(("$ref", text), ("format", text), ("title", text), ("description", text), ("default", _any)),
    *(("multipleOf", _double), *_LIMITS, ("maxProperties", _number), ("minProperties", _number)),
    *(("required", _each(text)), ("enum", _each(_any)), ("additionalProperties", _held), ("type", _types)),
    *(("items", _inside(1, _schema)), ("allOf", _each(_schema)), ("properties", _inside(1, _named(_schema)))),
    *(("discriminator", text), ("readOnly", _number)),
) | {"example": (30, _any), "x-": (31, _any)}
_BODY: Final = _counted(
    1, ("description", text), ("name", text), ("in", text), ("required", _number), ("schema", _schema), ("x-", _any)
)


def _simple(*, empty: bool) -> dict[str, tuple[int, Writer]]:
    """Give the fields of a parameter that is no body; some may be named without a value."""
    return _counted(
        1,
        *(("required", _number), ("in", text), ("description", text), ("name", text)),
        *((("allowEmptyValue", _number),) if empty else ()),
        *(("type", text), ("format", text), ("items", _of({"type": (1, text), "format": (2, text)}))),
        *(("collectionFormat", text), ("default", _any), *_LIMITS),
        *(("enum", _each(_any)), ("multipleOf", _double), ("x-", _any)),
    )


_PLACES: Final = {
    "header": (1, _simple(empty=False)),
    "query": (3, _simple(empty=True)),
    "path": (4, _simple(empty=False)),
}
_RESPONSE: Final[Fields] = {"description": (1, text), "schema": (2, _inside(1, _schema)), "x-": (5, _any)}
_OPERATION: Final = (
    _counted(1, ("tags", _each(text)), ("summary", text), ("description", text))
    | _counted(
        5,
        *(
            ("operationId", text),
            ("produces", _each(text)),
            ("consumes", _each(text)),
            ("parameters", _each(_parameter)),
        ),
        *(("responses", _responses), ("schemes", _each(text)), ("deprecated", _number)),
    )
    | {"x-": (13, _any)}
)
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_PATH: Final = _counted(
    1,
    ("$ref", text),
    *[(method, _of(_OPERATION)) for method in _METHODS],
    ("parameters", _each(_parameter)),
    ("x-", _any),
)
_KEY: Final = _counted(1, ("type", text), ("name", text), ("in", text), ("description", text), ("x-", _any))
_DOCUMENT: Final[Fields] = {
    "swagger": (1, text),
    "info": (2, _of(_counted(1, ("title", text), ("version", text), ("description", text)))),
    "paths": (8, lambda number, value: part(number, _named(_of(_PATH))(2, value))),
    "definitions": (9, _inside(1, _named(_schema))),
    "security": (12, _each(_inside(1, _named(lambda number, value: part(number, _each(text)(1, value)))))),
    "securityDefinitions": (13, _inside(1, _named(_inside(2, _of(_KEY))))),
    "x-": (16, _any),
}
