"""
Paths into objects: those of rules and selectable fields, held against a schema, and simple JSON paths.

Takes:    `.spec.a`, `.spec['b']`.
Gives:    the path as causes print it, and the schema of what it leads to; the value that it leads to.
Source:   apiextensions' ValidFieldPath.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconcile.components.apiserver.registry.structural.filling import Schema

_TOKEN: Final = re.compile(r"'(?:\\.|[^'\\])*'|[.\[\]]|[^.\[\]]+")
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


class PathError(Exception):
    """A path is none, or leads to nothing: the text is upstream's."""


def field_path(path: str, schema: Schema, *, arrays: bool = True) -> tuple[str, Schema]:
    """
    Give a path as causes print it, and the schema of what it leads to.

    Raises:
        PathError: it leads to no field of the schema.
    """
    tokens = _TOKEN.findall(path)
    shown = ""
    place = 0

    def following() -> str:
        nonlocal place
        if place >= len(tokens):
            raise PathError("unexpected end of JSON path")
        place += 1
        return str(tokens[place - 1])

    while place < len(tokens):
        mark = following()
        if mark == "[":
            if not arrays:
                raise PathError("array notation is not allowed")
            quoted = following()
            if len(quoted) < 2 or quoted[0] != "'" or quoted[-1] != "'":  # noqa: PLR2004 -- the two quotes
                raise PathError(f"expected single quoted string but got {quoted}")
            shown, schema = _step(shown, schema, _unescaped(quoted[1:-1]))
            closing = following()
            if closing != "]":
                raise PathError(f"expected ] but got {closing}")
        elif mark == ".":
            shown, schema = _step(shown, schema, following())
        else:
            raise PathError(f"expected [ or . but got: {mark}")
    return shown, schema


def _step(shown: str, schema: Schema, name: str) -> tuple[str, Schema]:
    named = schema.get("properties")
    if named:
        if name not in named:
            raise PathError("does not refer to a valid field")
        return f"{shown}.{name}" if shown else name, named[name]
    rest = schema.get("additionalProperties")
    if not isinstance(rest, Mapping):
        raise PathError("does not refer to a valid field")
    return f"{shown}[{name}]", rest


def _unescaped(text: str) -> str:
    wrong = next((found for found in re.findall(r"\\(.)", text) if found not in _ESCAPES), None)
    if wrong is not None:
        raise PathError(f"invalid string literal: invalid escape char \\{wrong}")
    return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], text)


def value_at(value: Any, path: str) -> Any:
    """Give what a path in dot notation leads to, or None."""
    for name in path.lstrip(".").split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
