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
from typing import Any, Final, Literal

from reconcile.api import convert, gotypes
from reconcile.api.nulls import NULLS
from reconcile.api.scalars import Json
from reconcile.api.shapes import CustomObject, Field, fields_of, within
from reconcile.api.zeros import empty_field, name_of, zeros_of
from reconcile.lib.mapping import Map

Writer = Callable[[Any], Any]
Form = Literal["stored", "unstored"]


def written(obj: Any) -> dict[str, Any]:
    """Give an API object, or a part of one, as the API server writes it, its fields in the order of Go's."""
    found: dict[str, Any] = _writer(obj.__class__, "stored")(obj)
    return found


def unstored(obj: Any) -> dict[str, Any]:
    """Give an API object as the API server writes it before it stores it: a list without entries is not yet null."""
    found: dict[str, Any] = _writer(obj.__class__, "unstored")(obj)
    return found


@cache
def _writer(cls: type, form: Form) -> Writer:
    if cls is CustomObject:
        return convert.dump
    fields = _in_order(cls)
    if not fields:
        return lambda _: {}
    getter = attrgetter(*(field.name for field in fields))
    zeros = zeros_of(cls)
    rows: list[tuple[str, Writer | None, Any, _Rule]] = []

    def write(obj: Any) -> dict[str, Any]:
        if not rows:
            # Not before the first object: a class may hold itself.
            for field in fields:
                rule = _rule(cls, field, form)
                rows.append((field.json, _inner(field.type, form), zeros.get(field.json), rule))
        values = getter(obj) if len(fields) > 1 else (getter(obj),)
        found: dict[str, Any] = {}
        for (key, hook, nothing, (there, dropped)), value in zip(rows, values, strict=True):
            if value is None or (dropped and not value):
                if isinstance(nothing, Mapping):
                    struct = empty_field(cls, key)
                    found[key] = _writer(struct.__class__, form)(struct)
                elif there:
                    found[key] = nothing
            else:
                found[key] = value if hook is None else hook(value)
        return found

    return write


# Whether a field is written where nothing is said, and whether a zero that is said is as good as nothing.
_Rule = tuple[bool, bool]


def _rule(cls: type, field: Field, form: Form) -> _Rule:
    known = gotypes.json_fields(name_of(cls)).get(field.json)
    omitted = known[1].omitempty if known is not None else not field.required
    pointer = known is not None and known[1].type.sort == "pointer"
    zero = zeros_of(cls).get(field.json)
    # A pointer's zero is a default: it is there though Go could leave it out.
    null = field.json in NULLS.get(name_of(cls), ())
    there = null or (zero is not None and (pointer or not omitted)) or (field.required and not omitted)
    if _is_list(field.type):
        # What has to be there is read as empty where nothing was said: that is no list yet.
        return there, omitted or field.required or form == "stored"
    return there, omitted and known is not None and known[1].type.sort in _DROPPED


_DROPPED: Final = frozenset({"string", "bool", "int32", "int64", "float64", "bytes"})


def _in_order(cls: type) -> tuple[Field, ...]:
    """Give the fields of a class as Go's struct has them."""
    order = {name: place for place, name in enumerate(gotypes.json_fields(name_of(cls)))}
    return tuple(sorted(fields_of(cls), key=lambda field: order.get(field.json, len(order))))


def _is_list(shape: Any) -> bool:
    """Tell whether a value of type *shape* is a list, or a map that is not raw."""
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


def _inner(shape: Any, form: Form) -> Writer | None:
    """Give what writes a value of type *shape*, or None if it is JSON as it stands."""
    inner = within(shape, tuple)
    if inner is not None:
        hook = _inner(inner, form)
        return list if hook is None else _list_writer(hook)
    inner = within(shape, Map)
    if inner is not None:
        hook = _inner(inner, form)
        return dict if hook is None else _dict_writer(hook)
    if shape is CustomObject or hasattr(shape, "JSON_NAMES"):
        return _writer(shape, form)
    return convert.writer_of(shape)


def _list_writer(hook: Writer) -> Writer:
    return lambda entries: [hook(entry) for entry in entries]


def _dict_writer(hook: Writer) -> Writer:
    return lambda entries: {key: hook(entry) for key, entry in entries.items()}
