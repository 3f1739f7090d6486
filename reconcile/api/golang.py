"""
API objects as the API server writes them: like `convert.dump`, with the zeros that Go has where nothing is said; and
text as Go writes it.

Takes:    API objects.
Gives:    plain JSON data.
Source:   Go's encoding/json.
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from reconcile.api import convert
from reconcile.api.nulls import NULLS
from reconcile.api.scalars import Json
from reconcile.api.shapes import CustomObject, fields_of, within
from reconcile.api.zeros import empty_field, name_of, zeros_of
from reconcile.lib.mapping import Map

Writer = Callable[[Any], Any]


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
    zeros, nulls = zeros_of(cls), NULLS.get(name_of(cls), ())
    rows: list[tuple[str, Writer | None, Any, bool, bool]] = []

    def write(obj: Any) -> dict[str, Any]:
        if not rows:
            # Not before the first object: a class may hold itself.
            for field in fields:
                there = field.required or field.json in nulls
                rows.append((field.json, _inner(field.type), zeros.get(field.json), there, _is_dropped(field.type)))
        values = getter(obj) if len(fields) > 1 else (getter(obj),)
        found: dict[str, Any] = {}
        for (key, hook, nothing, required, dropped), value in zip(rows, values, strict=True):
            if value is None or (dropped and not value):
                if isinstance(nothing, Mapping):
                    found[key] = written(empty_field(cls, key))
                elif nothing is not None or required:
                    found[key] = nothing
            else:
                found[key] = value if hook is None else hook(value)
        return found

    return write if fields else lambda _: {}


def _is_dropped(shape: Any) -> bool:
    """Tell whether a value of type *shape* is as good as absent when it is empty: a list, a map that is not raw."""
    inner = within(shape, Map)
    return within(shape, tuple) is not None or (inner is not None and inner is not Json)


_ESCAPED = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_ASCII = 0x80
_TWO_BYTES = 0x10000


def quoted(text: str) -> str:
    """Give *text* in quotes, as Go's %q does: what cannot be printed is escaped."""
    return '"' + "".join([_escaped(letter) for letter in text]) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPED:
        return _ESCAPED[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < _ASCII:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _TWO_BYTES else f"\\U{code:08x}"


def json_text(value: Any) -> str:
    """Give plain JSON data on one line, as Go writes it: what HTML would take for markup is escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for letter in "&<>\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


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
