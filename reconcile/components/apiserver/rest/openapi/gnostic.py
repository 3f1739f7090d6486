"""
The document of version 2 in protobuf, as clients of Kubernetes ask for it.

Takes:    a document of version 2.
Gives:    bytes.
Source:   openapi/v2 of https://github.com/google/gnostic-models, from whose definition the numbers of the fields are.
Left out: what no document of an API server has: files, forms' parameters, XML, headers of answers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api.wire import BYTES, FIXED64, VARINT, varint
from reconcile.components.apiserver.rest.encoding import json_bytes

MEDIA: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
DEPRECATED: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

_Writer = Callable[[int, Any], bytes]


def document(value: Mapping[str, Any]) -> bytes:
    """Write a whole document."""
    return _message(_DOCUMENT, value)


# Fields ---------------------------------------------------------------------------------------------------------------


def _tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def _bytes(number: int, content: bytes) -> bytes:
    return _tag(number, BYTES) + varint(len(content)) + content


def _text(number: int, value: Any) -> bytes:
    return _bytes(number, str(value).encode()) if value else b""


def _texts(number: int, value: Any) -> bytes:
    return b"".join([_bytes(number, str(each).encode()) for each in value])


def _whole(number: int, value: Any) -> bytes:
    return _tag(number, VARINT) + varint(int(value)) if value else b""


def _real(number: int, value: Any) -> bytes:
    return _tag(number, FIXED64) + struct.pack("<d", value) if value else b""


def _any(number: int, value: Any) -> bytes:
    # JSON is YAML, which is what is promised here.
    return _bytes(number, _bytes(2, json_bytes(value)))


def _anys(number: int, value: Any) -> bytes:
    return b"".join([_any(number, each) for each in value])


def _sub(fields: Callable[[], _Fields]) -> _Writer:
    return lambda number, value: _bytes(number, _message(fields(), value))


def _subs(fields: Callable[[], _Fields]) -> _Writer:
    return lambda number, value: b"".join([_bytes(number, _message(fields(), each)) for each in value])


def _named(write: Callable[[Any], bytes], at: int = 1) -> _Writer:
    """Write a mapping as a message that repeats pairs, its only field, as *at*."""

    def written(number: int, value: Any) -> bytes:
        pairs = [_bytes(at, _text(1, name) + _bytes(2, write(each))) for name, each in value.items()]
        return _bytes(number, b"".join(pairs))

    return written


_Fields = Mapping[str, tuple[int, _Writer]]
_EXTENSIONS: Final = "x-"


def _message(fields: _Fields, value: Mapping[str, Any]) -> bytes:
    found: list[tuple[int, bytes]] = []
    for name, each in value.items():
        if name in fields:
            number, write = fields[name]
            found.append((number, write(number, each)))
        elif name.startswith(_EXTENSIONS) and _EXTENSIONS in fields:
            number = fields[_EXTENSIONS][0]
            found.append((number, _bytes(number, _text(1, name) + _any(2, each))))
    return b"".join([content for _, content in sorted(found, key=lambda row: row[0])])


# What stands in one of several messages -------------------------------------------------------------------------------


def _parameters(number: int, value: Any) -> bytes:
    return b"".join([_bytes(number, _parameter(each)) for each in value])


def _parameter(value: Mapping[str, Any]) -> bytes:
    if "$ref" in value:
        return _bytes(2, _message(_REFERENCE, value))
    if value["in"] == "body":
        return _bytes(1, _bytes(1, _message(_BODY_PARAMETER, value)))
    place, fields = _PARAMETERS[value["in"]]
    return _bytes(1, _bytes(2, _bytes(place, _message(fields, value))))


def _response(value: Mapping[str, Any]) -> bytes:
    return _bytes(2, _message(_REFERENCE, value)) if "$ref" in value else _bytes(1, _message(_RESPONSE, value))


def _more_properties(number: int, value: Any) -> bytes:
    return _bytes(number, _whole(2, value) if isinstance(value, bool) else _bytes(1, _message(_SCHEMA, value)))


def _types(number: int, value: Any) -> bytes:
    return _bytes(number, _texts(1, [value] if isinstance(value, str) else value))


def _items(number: int, value: Any) -> bytes:
    every = value if isinstance(value, list) else [value]
    return _bytes(number, b"".join([_bytes(1, _message(_SCHEMA, each)) for each in every]))


def _security(number: int, value: Any) -> bytes:
    def row(each: Mapping[str, Any]) -> bytes:
        return b"".join([_bytes(1, _text(1, name) + _bytes(2, _texts(1, scopes))) for name, scopes in each.items()])

    return b"".join([_bytes(number, row(each)) for each in value])


# The messages ---------------------------------------------------------------------------------------------------------

_REFERENCE: Final[_Fields] = {"$ref": (1, _text), "description": (2, _text)}
_SCHEMA: Final[_Fields] = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _any),
    "multipleOf": (6, _real),
    "maximum": (7, _real),
    "exclusiveMaximum": (8, _whole),
    "minimum": (9, _real),
    "exclusiveMinimum": (10, _whole),
    "maxLength": (11, _whole),
    "minLength": (12, _whole),
    "pattern": (13, _text),
    "maxItems": (14, _whole),
    "minItems": (15, _whole),
    "uniqueItems": (16, _whole),
    "maxProperties": (17, _whole),
    "minProperties": (18, _whole),
    "required": (19, _texts),
    "enum": (20, _anys),
    "additionalProperties": (21, _more_properties),
    "type": (22, _types),
    "items": (23, _items),
    "allOf": (24, _subs(lambda: _SCHEMA)),
    "properties": (25, _named(lambda each: _message(_SCHEMA, each))),
    "readOnly": (27, _whole),
    "externalDocs": (29, _sub(lambda: _DOCS)),
    "example": (30, _any),
    _EXTENSIONS: (31, _any),
}
_DOCS: Final[_Fields] = {"description": (1, _text), "url": (2, _text), _EXTENSIONS: (3, _any)}
_RESPONSE: Final[_Fields] = {
    "description": (1, _text),
    "schema": (2, lambda number, value: _bytes(number, _bytes(1, _message(_SCHEMA, value)))),
    _EXTENSIONS: (5, _any),
}
_BODY_PARAMETER: Final[_Fields] = {
    "description": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "required": (4, _whole),
    "schema": (5, _sub(lambda: _SCHEMA)),
    _EXTENSIONS: (6, _any),
}
_PATH_PARAMETER: Final[_Fields] = {
    "required": (1, _whole),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (5, _text),
    "format": (6, _text),
    "uniqueItems": (19, _whole),
    _EXTENSIONS: (22, _any),
}
_QUERY_PARAMETER: Final[_Fields] = {
    "required": (1, _whole),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (6, _text),
    "format": (7, _text),
    "uniqueItems": (20, _whole),
    _EXTENSIONS: (23, _any),
}
_PARAMETERS: Final = {"header": (1, _PATH_PARAMETER), "query": (3, _QUERY_PARAMETER), "path": (4, _PATH_PARAMETER)}
_OPERATION: Final[_Fields] = {
    "tags": (1, _texts),
    "summary": (2, _text),
    "description": (3, _text),
    "externalDocs": (4, _sub(lambda: _DOCS)),
    "operationId": (5, _text),
    "produces": (6, _texts),
    "consumes": (7, _texts),
    "parameters": (8, _parameters),
    "responses": (9, _named(_response)),
    "schemes": (10, _texts),
    "deprecated": (11, _whole),
    "security": (12, _security),
    _EXTENSIONS: (13, _any),
}
_PATH: Final[_Fields] = {
    **{
        method: (place, _sub(lambda: _OPERATION))
        for place, method in enumerate(("get", "put", "post", "delete", "options", "head", "patch"), 2)
    },
    "parameters": (9, _parameters),
    _EXTENSIONS: (10, _any),
}
_KEY_SECURITY: Final[_Fields] = {"type": (1, _text), "name": (2, _text), "in": (3, _text), "description": (4, _text)}
_DOCUMENT: Final[_Fields] = {
    "swagger": (1, _text),
    "info": (2, _sub(lambda: {"title": (1, _text), "version": (2, _text), "description": (3, _text)})),
    "host": (3, _text),
    "basePath": (4, _text),
    "schemes": (5, _texts),
    "consumes": (6, _texts),
    "produces": (7, _texts),
    "paths": (8, _named(lambda each: _message(_PATH, each), at=2)),
    "definitions": (9, _named(lambda each: _message(_SCHEMA, each))),
    "security": (12, _security),
    "securityDefinitions": (13, _named(lambda each: _bytes(2, _message(_KEY_SECURITY, each)))),
    _EXTENSIONS: (16, _any),
}
