"""
API objects in protobuf, between plain JSON data and bytes.

What stands in `k8s` and a zero byte is a runtime.Unknown: of which kind the object is, and the object. Of hostile
bytes comes Malformed, and no other exception; nesting is bounded, time is linear in what is sent.

Takes:    plain JSON data as golang.written gives it, or bytes.
Gives:    bytes, or plain JSON data.
Source:   the published generated.proto files; the encoding of protocol buffers; runtime/serializer/protobuf.
Left out: nothing known.
"""

from __future__ import annotations

import base64
import json
import struct as structs
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from reconcile.api import gotypes
from reconcile.api.gotypes import Go, GoField
from reconcile.api.scalars import MicroTime, Time
from reconcile.api.text import MalformedText, loads_json
from reconcile.api.wire import BYTES, FIXED64, VARINT, Malformed, part, parts, text, varint, varint_at

PREFIX: Final = b"k8s\x00"
DEEPEST: Final = 100

_SECOND: Final = 1_000_000_000


# ---------------------------------------------------------------------------------------------------- writing


def enveloped(name: str, data: Mapping[str, Any], api_version: str, kind: str) -> bytes:
    """Write an object of the struct *name* as it is sent: with what it is before it."""
    meta = text(1, api_version) + text(2, kind)
    return PREFIX + part(1, meta) + part(2, message(name, data)) + text(3, "") + text(4, "")


def framed(type_: str, envelope: bytes) -> bytes:
    """Write one event of a watch: its length in four bytes, and it."""
    event = text(1, type_) + part(2, part(1, envelope))
    return len(event).to_bytes(4, "big") + event


def message(name: str, data: Mapping[str, Any]) -> bytes:
    """Write plain JSON *data* as a message of the struct *name*."""
    out = bytearray()
    for field in _numbered(name):
        value = data if field.embedded else data.get(field.json)
        _write(out, field.number, field.type, value)
    return bytes(out)


@cache
def _numbered(name: str) -> tuple[GoField, ...]:
    return tuple(sorted([row for row in gotypes.fields(name) if row.number], key=lambda row: row.number))


def _write(out: bytearray, number: int, go: Go, value: Any) -> None:
    sort = go.sort
    if sort == "slice":
        inner = go.held.of if go.held.sort == "pointer" else go.held
        assert inner is not None, go.shown
        for entry in value or ():
            _write(out, number, inner, entry)
    elif sort == "map":
        for key in sorted(value or (), key=lambda text: text.encode("utf-8", "replace")):
            entry = bytearray(text(1, key))
            _write(entry, 2, go.held, value[key])
            out += part(number, bytes(entry))
    elif sort == "pointer":
        if value is not None:
            _write(out, number, go.held, value)
    elif sort in _SCALARS:
        _SCALARS[sort](out, number, value)
    elif sort == "message":
        if value is not None:
            out += part(number, b"".join([text(1, entry) for entry in value]))
    else:
        out += part(number, _composed(go, value))


def _composed(go: Go, value: Any) -> bytes:
    """Give the message that a struct, or a type that writes itself, is."""
    if go.sort == "struct":
        return message(go.name, value or {})
    if value is None:
        return b""
    if go.sort == "raw":
        return part(1, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
    if go.sort == "schema-or-bool":
        allowed = value is not False
        inner = part(2, message(gotypes.SCHEMA, value)) if isinstance(value, Mapping) else b""
        return b"\x08" + (b"\x01" if allowed else b"\x00") + inner
    if isinstance(value, Mapping):
        return part(1, message(gotypes.SCHEMA, value))
    if go.sort == "schema-or-list":
        return b"".join([part(2, message(gotypes.SCHEMA, entry)) for entry in value])
    return b"".join([text(2, entry) for entry in value])


def _put_text(out: bytearray, number: int, value: Any) -> None:
    out += text(number, value or "")


def _put_number(out: bytearray, number: int, value: Any) -> None:
    out += varint(number << 3) + varint(int(value or 0))


def _put_double(out: bytearray, number: int, value: Any) -> None:
    out += varint(number << 3 | FIXED64) + structs.pack("<d", value or 0)


def _put_bytes(out: bytearray, number: int, value: Any) -> None:
    if value is not None:
        out += part(number, base64.b64decode(value))


def _put_time(out: bytearray, number: int, value: Any) -> None:
    found = b"" if value is None else _instant(Time.parse(value).instant)
    out += part(number, found)


def _put_micro_time(out: bytearray, number: int, value: Any) -> None:
    found = b"" if value is None else _instant(MicroTime.parse(value).instant)
    out += part(number, found)


def _put_quantity(out: bytearray, number: int, value: Any) -> None:
    out += part(number, text(1, str(value) if value is not None else "0"))


def _put_int_or_string(out: bytearray, number: int, value: Any) -> None:
    is_text = isinstance(value, str)
    found = bytearray()
    _put_number(found, 1, is_text)
    _put_number(found, 2, 0 if is_text else value)
    _put_text(found, 3, value if is_text else "")
    out += part(number, bytes(found))


_SCALARS: Final[dict[str, Callable[[bytearray, int, Any], None]]] = {
    "string": _put_text,
    "bool": _put_number,
    "int32": _put_number,
    "int64": _put_number,
    "float64": _put_double,
    "bytes": _put_bytes,
    "time": _put_time,
    "microtime": _put_micro_time,
    "quantity": _put_quantity,
    "int-or-string": _put_int_or_string,
}


def _instant(instant: int) -> bytes:
    seconds, nanos = divmod(instant, _SECOND)
    return b"\x08" + varint(seconds) + b"\x10" + varint(nanos)


# ---------------------------------------------------------------------------------------------------- reading


def opened(content: bytes) -> tuple[str, str, bytes]:
    """
    Give apiVersion, kind and the bytes of the object that an envelope holds.

    Raises:
        Malformed: it is none, with upstream's words.
    """
    if not content:
        raise Malformed("empty data")
    if not content.startswith(PREFIX):
        raise Malformed("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if len(content) == len(PREFIX):
        raise Malformed("empty body")
    version, kind, raw = "", "", b""
    for number, wire, value in parts(memoryview(content)[len(PREFIX) :], "Unknown"):
        if number == 1:
            for inner, inner_wire, text in parts(_bytes_of(wire, value, "TypeMeta"), "TypeMeta"):
                if inner == 1:
                    version = _string(inner_wire, text, "APIVersion")
                elif inner == 2:  # noqa: PLR2004 -- the field's number
                    kind = _string(inner_wire, text, "Kind")
        elif number == 2:  # noqa: PLR2004 -- the field's number
            raw = bytes(_bytes_of(wire, value, "Raw"))
    return version, kind, raw


def read(name: str, content: bytes) -> dict[str, Any]:
    """
    Read a message of the struct *name* as plain JSON data.

    Raises:
        Malformed: it is none.
    """
    return _message(name, memoryview(content), 0)


def _message(name: str, content: memoryview, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise Malformed("proto: exceeded max recursion depth")
    found: dict[str, Any] = {}
    rows = _by_number(name)
    short = name.rsplit(".", 1)[-1]
    for number, wire, value in parts(content, short):
        row = rows.get(number)
        if row is None:
            continue
        key, go = row.json, row.type
        if row.embedded:
            inner = go.held if go.sort == "pointer" else go
            found.update(_message(inner.name, _bytes_of(wire, value, key), depth + 1))
        elif go.sort == "slice":
            listed = found.setdefault(key, [])
            inner = go.held.held if go.held.sort == "pointer" else go.held
            if wire == BYTES and inner.sort in _PACKED:
                listed.extend(_number(inner, each) for each in _packed(value))
            else:
                listed.append(_read(inner, wire, value, key, depth))
        elif go.sort == "map":
            _entry(found.setdefault(key, {}), go.held, _bytes_of(wire, value, key), depth)
        else:
            read_ = _read(go, wire, value, key, depth)
            if go.sort == "struct" and isinstance(found.get(key), dict):
                found[key].update(read_)
            elif not (row.omitempty and _is_zero(go, read_)):
                found[key] = read_
            else:
                found.pop(key, None)
    return found


@cache
def _by_number(name: str) -> dict[int, GoField]:
    return {row.number: row for row in _numbered(name)}


def _is_zero(go: Go, value: Any) -> bool:
    """Tell whether Go leaves a field out that says omitempty."""
    return go.sort not in ("pointer", "quantity", "int-or-string", "bytes", "raw") and value in ("", 0, False, None, {})


def _entry(found: dict[str, Any], go: Go, content: memoryview, depth: int) -> None:
    key, value, seen = "", None, False
    for number, wire, each in parts(content, "entry"):
        if number == 1:
            key = _string(wire, each, "mapkey")
        elif number == 2:  # noqa: PLR2004 -- the field's number
            value, seen = _read(go, wire, each, "mapvalue", depth), True
    found[key] = value if seen else _read(go, BYTES, memoryview(b""), "mapvalue", depth)


def _read(go: Go, wire: int, value: Any, key: str, depth: int) -> Any:
    sort = go.sort
    if sort == "pointer":
        return _read(go.held, wire, value, key, depth)
    if sort in _PACKED:
        if wire != (FIXED64 if sort == "float64" else VARINT):
            raise _wrong_wire(wire, key)
        return _number(go, value)
    if sort == "string":
        return _string(wire, value, key)
    content = _bytes_of(wire, value, key)
    if sort == "struct":
        return _message(go.name, content, depth + 1)
    if sort == "bytes":
        return base64.b64encode(content).decode("ascii")
    return _READERS[sort](content, depth)


def _number(go: Go, value: Any) -> Any:
    if go.sort == "float64":
        found = structs.unpack("<d", bytes(value))[0]
        return int(found) if found == found and abs(found) < 1e15 and found.is_integer() else found  # noqa: PLR0124, PLR2004 -- as JSON writes it; NaN differs from itself
    if go.sort == "bool":
        return value != 0
    width = 32 if go.sort == "int32" else 64
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


_PACKED: Final = ("bool", "int32", "int64", "float64")


def _packed(value: Any) -> list[int]:
    content, at, found = value, 0, []
    while at < len(content):
        each, at = varint_at(content, at)
        found.append(each)
    return found


def _seconds(content: memoryview) -> tuple[int, int]:
    seconds = nanos = 0
    for number, wire, value in parts(content, "Timestamp"):
        if number in (1, 2) and wire != VARINT:
            raise _wrong_wire(wire, "Seconds" if number == 1 else "Nanos")
        if number == 1:
            seconds = value - (1 << 64) if value >> 63 else value
        elif number == 2:  # noqa: PLR2004 -- the field's number
            nanos = value & 0x7FFFFFFF
    if not -62_167_219_200 <= seconds < 253_402_300_800:  # noqa: PLR2004 -- the years 0 to 9999
        raise Malformed("Time.MarshalJSON: year outside of range [0,9999]")
    return seconds, nanos % _SECOND


def _time(content: memoryview, _: int) -> str | None:
    return Time.at(_seconds(content)[0] * _SECOND).text if len(content) else None


def _micro_time(content: memoryview, _: int) -> str | None:
    if not len(content):
        return None
    seconds, nanos = _seconds(content)
    return MicroTime.at(seconds * _SECOND + nanos).text


def _quantity(content: memoryview, _: int) -> str:
    found = ""
    for number, wire, value in parts(content, "Quantity"):
        if number == 1:
            found = _string(wire, value, "String_")
    return found or "0"


def _int_or_string(content: memoryview, _: int) -> int | str:
    sort, whole, text = 0, 0, ""
    for number, wire, value in parts(content, "IntOrString"):
        if number in (1, 2) and wire != VARINT:
            raise _wrong_wire(wire, "IntOrString")
        if number == 1:
            sort = value
        elif number == 2:  # noqa: PLR2004 -- the field's number
            whole = (value & 0xFFFFFFFF) - ((value & 0x80000000) << 1)
        elif number == 3:  # noqa: PLR2004 -- the field's number
            text = _string(wire, value, "StrVal")
    return text if sort == 1 else whole


def _raw(content: memoryview, _: int) -> Any:
    found = b""
    for number, wire, value in parts(content, "RawExtension"):
        if number == 1:
            found = bytes(_bytes_of(wire, value, "Raw"))
    if not found:
        return None
    try:
        return loads_json(found)
    except MalformedText as error:
        raise Malformed(f"a raw extension is no JSON: {error}") from None


def _message_of_texts(content: memoryview, _: int) -> list[str]:
    return [_string(wire, value, "Items") for number, wire, value in parts(content, "Items") if number == 1]


def _schema_or(content: memoryview, depth: int) -> Any:
    """Read a schema, a list of them, whether there may be anything, or names of fields."""
    whole, listed, allowed = None, [], None
    for number, wire, value in parts(content, "JSONSchemaPropsOr"):
        if number == 1 and wire == VARINT:
            allowed = value != 0
        elif number == 1 or (allowed is not None and number == 2):  # noqa: PLR2004 -- the field's number
            whole = _message(gotypes.SCHEMA, _bytes_of(wire, value, "Schema"), depth + 1)
        elif number == 2:  # noqa: PLR2004 -- the field's number
            listed.append(_message(gotypes.SCHEMA, _bytes_of(wire, value, "JSONSchemas"), depth + 1))
    if whole is not None:
        return whole
    return allowed if allowed is not None else listed


def _schema_or_texts(content: memoryview, depth: int) -> Any:
    whole, listed = None, []
    for number, wire, value in parts(content, "JSONSchemaPropsOrStringArray"):
        if number == 1:
            whole = _message(gotypes.SCHEMA, _bytes_of(wire, value, "Schema"), depth + 1)
        elif number == 2:  # noqa: PLR2004 -- the field's number
            listed.append(_string(wire, value, "Property"))
    return whole if whole is not None else listed


_READERS: Final[dict[str, Callable[[memoryview, int], Any]]] = {
    "time": _time,
    "microtime": _micro_time,
    "quantity": _quantity,
    "int-or-string": _int_or_string,
    "raw": _raw,
    "message": _message_of_texts,
    "schema-or-list": _schema_or,
    "schema-or-bool": _schema_or,
    "schema-or-texts": _schema_or_texts,
}


def _string(wire: int, value: Any, key: str) -> str:
    return bytes(_bytes_of(wire, value, key)).decode("utf-8", "replace")


def _bytes_of(wire: int, value: Any, key: str) -> memoryview:
    if wire != BYTES:
        raise _wrong_wire(wire, key)
    found: memoryview = value
    return found


def _wrong_wire(wire: int, key: str) -> Malformed:
    return Malformed(f"proto: wrong wireType = {wire} for field {key[:1].upper()}{key[1:]}")
