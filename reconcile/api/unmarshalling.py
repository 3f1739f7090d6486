"""
JSON as an API object as Go reads it: what is wrong with it, in Go's words, and what is left when that is let go.

The second, slow reading: good JSON never comes here. It goes through the data in their order, as Go does: the first
value of a wrong type is named with the struct that it stands in, the way there and the type that it should be of; a
value that reads itself, such as a quantity, ends the reading. Unknown and repeated fields are collected.

Takes:    data as gosyntax gives it, the struct that it should be.
Gives:    Read: plain JSON data for convert, and what is strictly wrong.
Source:   sigs.k8s.io/json, which follows Go's encoding/json; the UnmarshalJSON of Kubernetes' own types.
Left out: an object that comes twice in an object with a list in both: Go reads the second into the first's entries.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.api import gotypes
from reconcile.api.gosyntax import Literal, Pairs
from reconcile.api.gotypes import Go
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.lib.errors import ReconcileError
from reconcile.lib.quick import quick

_MOST_STRICT: Final = 100
_DEEPEST: Final = 200
_INTEGER: Final = re.compile(r"-?[0-9]+")
_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_QUANTITY: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class Unreadable(ReconcileError):  # noqa: N818 -- it reads as what the data is
    """Data that Go cannot read, with its words."""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Read:
    """Plain JSON data, without fields that are not known, and what is strictly wrong with what was read."""

    data: Any
    strict: tuple[str, ...] = ()


@attrs.define
class _Reading:
    """How far one reading has come: the struct that it is in, the way to its field, the way that strictness names."""

    struct: str = ""
    way: list[str] = attrs.field(factory=list)
    path: list[str] = attrs.field(factory=list)
    saved: str = ""
    outer: str = ""
    strict: dict[str, None] = attrs.field(factory=dict)
    depth: int = 0

    def mistyped(self, found: str, go: Go) -> str:
        place = f"Go struct field {self.outer or self.struct}.{'.'.join(self.way)}" if self.way else "Go value"
        return f"json: cannot unmarshal {found} into {place} of type {go.shown}"

    def save(self, error: str) -> None:
        self.saved = self.saved or error

    def note(self, what: str, key: str) -> None:
        if len(self.strict) < _MOST_STRICT:
            path = "".join(self.path)
            self.strict[f"{what} field {quoted(f'{path}.{key}' if path else key)}"] = None


def unmarshalled(data: Any, name: str) -> Read:
    """
    Read *data* as the struct *name*.

    Raises:
        Unreadable: a value is of a wrong type.
    """
    reading = _Reading()
    found = _read(reading, gotypes.struct(name), data)
    if reading.saved:
        raise Unreadable(reading.saved)
    return Read(data=found, strict=tuple(reading.strict))


def free(data: Any) -> Read:
    """Read *data* as JSON of any shape; what is strictly wrong with it are keys that come twice."""
    reading = _Reading()
    return Read(data=_free(reading, data), strict=tuple(reading.strict))


def sort_of(value: Any) -> str:
    """Give what Go calls the kind of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (Literal, int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, (Pairs, dict)) else "array"


def quoted(text: str) -> str:
    """Quote text as Go's strconv.Quote does."""
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join([char if char.isprintable() else _escaped(char) for char in shown]) + '"'


def _escaped(char: str) -> str:
    short = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}.get(char)
    if short is not None:
        return short
    code = ord(char)
    if code < 0x80:  # noqa: PLR2004 -- ASCII
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 -- what four digits can say


def _read(reading: _Reading, go: Go, value: Any) -> Any:
    while go.sort == "pointer":
        go = go.held
    if value is None:
        return None
    if go.sort in _OWN:
        return _OWN[go.sort](reading, go, value)
    if isinstance(value, Pairs):
        return _object(reading, go, value)
    if isinstance(value, list):
        return _list(reading, go, value)
    if go.sort in ("slice", "map", "struct", "message"):
        reading.save(reading.mistyped(sort_of(value), go))
        return None
    return _scalar(reading, go, value)


def _object(reading: _Reading, go: Go, value: Pairs) -> Any:
    if go.sort not in ("struct", "map"):
        reading.save(reading.mistyped("object", go))
        return None
    if reading.depth > _DEEPEST:
        raise Unreadable("exceeded max depth")
    reading.depth += 1
    found: dict[str, Any] = {}
    fields = gotypes.json_fields(go.name) if go.sort == "struct" else {}
    outer, deep, long = reading.struct, len(reading.way), len(reading.path)
    for key, entry in value:
        inner = go.of
        if go.sort == "struct":
            place = fields.get(key)
            if place is None:
                reading.note("unknown", key)
                continue
            embedded, field = place
            inner = field.type
            reading.struct = go.shown.rsplit(".", 1)[-1]
            reading.way += [*embedded, key]
        if key in found:
            reading.note("duplicate", key)
        assert inner is not None, go.shown
        reading.path.append(f".{key}" if reading.path else key)
        read = _read(reading, inner, entry)
        found[key] = _over(found.get(key), read)
        del reading.way[deep:], reading.path[long:]
        reading.struct = outer
    reading.depth -= 1
    return found


def _over(old: Any, new: Any) -> Any:
    """Give what a field holds that came twice: structs and maps are read into what is there."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _over(old.get(key), entry) for key, entry in new.items()}}
    return new


def _list(reading: _Reading, go: Go, value: list[Any]) -> Any:
    if go.sort == "bytes":
        return _octets(reading, value)
    if go.sort not in ("slice", "message"):
        reading.save(reading.mistyped("array", go))
        return None
    found = []
    for index, entry in enumerate(value):
        reading.path.append(f"[{index}]")
        read = _read(reading, go.held, entry)
        # A null in a list is the zero of what it holds.
        found.append(_zero(go.held) if read is None else read)
        reading.path.pop()
    return found


def _zero(go: Go) -> Any:
    return {"string": "", "bool": False, "int32": 0, "int64": 0, "struct": {}}.get(go.sort)


def _scalar(reading: _Reading, go: Go, value: Any) -> Any:
    sort = go.sort
    if isinstance(value, Literal):
        return _number(reading, go, value)
    if isinstance(value, bool):
        if sort == "bool":
            return value
    elif sort == "string":
        return value
    elif sort == "bytes":
        return _base64(reading, value)
    reading.save(reading.mistyped(sort_of(value), go))
    return None


def _number(reading: _Reading, go: Go, value: Literal) -> Any:
    if go.sort in ("int32", "int64"):
        found = _integer(value, 32 if go.sort == "int32" else 64)
        if found is None:
            reading.save(reading.mistyped(f"number {value}", go))
        return found
    if go.sort == "float64":
        number = float(value)
        if number in (float("inf"), float("-inf")):
            reading.save(reading.mistyped(f"number {value}", go))
            return None
        return number
    reading.save(reading.mistyped("number", go))
    return None


def _integer(value: str, width: int) -> int | None:
    if len(value) > 20 or not _INTEGER.fullmatch(value):  # noqa: PLR2004 -- 64 bits have at most 20 digits with a sign
        return None
    found = int(value)
    return found if -(1 << width - 1) <= found < 1 << width - 1 else None


def _base64(reading: _Reading, value: str) -> str | None:
    at, padded = _base64_fault(value)
    if at is None:
        return padded
    reading.save(f"illegal base64 data at input byte {at}")
    return None


def _octets(reading: _Reading, value: list[Any]) -> str:
    """Read bytes that are a list of numbers, which Go takes as well."""
    octet = gotypes.Go("int32", "uint8")
    found = bytearray()
    for entry in value:
        number = _integer(entry, 64) if isinstance(entry, Literal) else None
        if entry is None or (number is not None and 0 <= number <= 0xFF):  # noqa: PLR2004 -- the width
            found.append(number or 0)
        else:
            sort = f"number {entry}" if isinstance(entry, Literal) else sort_of(entry)
            reading.save(reading.mistyped(sort, octet))
    return base64.b64encode(found).decode("ascii")


def _base64_fault(value: str) -> tuple[int | None, str]:
    """Give where Go stops to read base64, if it does, and the text without line breaks."""
    octets = value.encode("utf-8", "replace").decode("latin-1")
    kept: list[str] = []
    count = 0
    for at, char in enumerate(octets):
        if char in "\r\n":
            continue
        if char == "=":
            return _padding_fault(octets, at, count % 4, "".join(kept))
        if char not in _BASE64:
            return at, ""
        kept.append(char)
        count += 1
    if count % 4:
        return len(octets) - count % 4, ""
    return None, "".join(kept)


def _padding_fault(octets: str, at: int, filled: int, kept: str) -> tuple[int | None, str]:
    rest = [index for index in range(at + 1, len(octets)) if octets[index] not in "\r\n"]
    if filled < 2:  # noqa: PLR2004 -- two letters at least before a padding
        return at, ""
    if filled == 2:  # noqa: PLR2004 -- then two signs of it
        if not rest:
            return len(octets), ""
        if octets[rest[0]] != "=":
            return at, ""
        rest = rest[1:]
    if rest:
        return rest[0], ""
    return None, kept + "=" * (4 - filled)


# ------------------------------------------------------------------------------- what reads itself


def _plain_number(value: str) -> int | float:
    """Read a number of free JSON: an integer if 64 bits hold it, else a double, as sigs.k8s.io/json has it."""
    found = _integer(value, 64)
    return float(value) if found is None else found


def _time(reading: _Reading, go: Go, value: Any) -> Any:
    if value.__class__ is not str:
        raise Unreadable(reading.mistyped(sort_of(value), gotypes.typed("string")))
    micro = go.sort == "microtime"
    try:
        return (MicroTime if micro else Time).parse(value).text
    except ReconcileError:
        raise Unreadable(time_fault(value, micro=micro)) from None


def time_fault(value: str, *, micro: bool = False) -> str:
    """Give the error of Go's time.Parse for a text that is no time of RFC 3339."""
    layout = "2006-01-02T15:04:05.000000Z07:00" if micro else "2006-01-02T15:04:05Z07:00"
    said = f"parsing time {_timely(value)}"
    rest = value
    for pattern, name, lowest, highest, what in _PARTS:
        match = re.match(pattern, rest)
        if match is None:
            return f"{said} as {_timely(layout)}: cannot parse {_timely(rest)} as {_timely(name)}"
        if what and not lowest <= int(match[0]) <= highest:
            return f"{said}: {what} out of range"
        rest = rest[match.end() :]
        if micro and name == "05":
            match = re.match(r"[.,][0-9]{6}(?![0-9])", rest)
            if match is None:
                return f"{said} as {_timely(layout)}: cannot parse {_timely(rest)} as {_timely('.000000')}"
            rest = rest[match.end() :]
        elif name == "05":
            rest = re.sub(r"^[.,][0-9]+", "", rest)
    match = re.match(r"Z|[+-][0-9]{2}:[0-9]{2}", rest)
    if match is None:
        return f"{said} as {_timely(layout)}: cannot parse {_timely(rest)} as {_timely('Z07:00')}"
    rest = rest[match.end() :]
    return f"{said}: extra text: {_timely(rest)}" if rest else f"{said}: day out of range"


def _timely(text: str) -> str:
    """Quote text as Go's time package does, which knows ASCII alone."""
    octets = text.encode("utf-8", "replace")
    shown = [
        f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 0x20 <= octet < 0x7F + 1 else f"\\x{octet:02x}"  # noqa: PLR2004 -- ASCII
        for octet in octets
    ]
    return '"' + "".join(shown) + '"'


_PARTS: Final = (
    (r"[0-9]{4}", "2006", 0, 9999, ""),
    (r"-", "-", 0, 0, ""),
    (r"[0-9]{2}", "01", 1, 12, "month"),
    (r"-", "-", 0, 0, ""),
    (r"[0-9]{2}", "02", 1, 31, "day"),
    (r"T", "T", 0, 0, ""),
    (r"[0-9]{1,2}", "15", 0, 23, "hour"),
    (r":", ":", 0, 0, ""),
    (r"[0-9]{2}", "04", 0, 59, "minute"),
    (r":", ":", 0, 0, ""),
    (r"[0-9]{2}", "05", 0, 59, "second"),
)


def _quantity(_: _Reading, __: Go, value: Any) -> Any:
    words: dict[Any, str] = {True: "true", False: "false"}
    text = value.strip() if isinstance(value, str) else words[value] if isinstance(value, bool) else "{"
    try:
        return Quantity.parse(text).text
    except ReconcileError:
        raise Unreadable(_quantity_fault(text)) from None


def _quantity_fault(text: str) -> str:
    if not text or _PARTED.fullmatch(text) is None:
        return _QUANTITY
    return "unable to parse quantity's suffix"


_PARTED: Final = re.compile(r"[+-]?[0-9]*(?:\.[0-9]*)?[eEinumkKMGTP]*[+-]?[0-9]*")


def _int_or_string(reading: _Reading, _: Go, value: Any) -> Any:
    if value.__class__ is str:
        return value
    whole = gotypes.typed("int32")
    if isinstance(value, Literal):
        found = _integer(value, 32)
        if found is None:
            raise Unreadable(reading.mistyped(f"number {value}", whole))
        return found
    raise Unreadable(reading.mistyped(sort_of(value), whole))


def _raw(_: _Reading, __: Go, value: Any) -> Any:
    # What reads itself is skipped by the strict reading: nothing in it is unknown, nothing repeated.
    return _free(_Reading(), value)


def _free(reading: _Reading, value: Any) -> Any:
    if isinstance(value, Pairs):
        if reading.depth > _DEEPEST:
            raise Unreadable("exceeded max depth")
        reading.depth += 1
        found: dict[str, Any] = {}
        long = len(reading.path)
        for key, entry in value:
            if key in found:
                reading.note("duplicate", key)
            reading.path.append(f".{key}" if reading.path else key)
            found[key] = _free(reading, entry)
            del reading.path[long:]
        reading.depth -= 1
        return found
    if isinstance(value, list):
        if reading.depth > _DEEPEST:
            raise Unreadable("exceeded max depth")
        reading.depth += 1
        listed = []
        for index, entry in enumerate(value):
            reading.path.append(f"[{index}]")
            listed.append(_free(reading, entry))
            reading.path.pop()
        reading.depth -= 1
        return listed
    if isinstance(value, Literal):
        number = _plain_number(value)
        if number in (float("inf"), float("-inf")):
            raise Unreadable(f"json: cannot unmarshal number {value} into Go value of type float64")
        return number
    return value


def _schema_or(reading: _Reading, go: Go, value: Any) -> Any:
    """Read what hands its text to Go's own decoder: an error of that is put after the way to here."""
    inner = _Reading(way=[*reading.way], outer=reading.outer or reading.struct, depth=reading.depth)
    found = _schema_or_else(inner, go, value)
    if inner.saved:
        raise Unreadable(inner.saved)
    return found


def _schema_or_else(inner: _Reading, go: Go, value: Any) -> Any:
    schema = gotypes.struct(gotypes.SCHEMA)
    if isinstance(value, Pairs):
        return _read(inner, schema, value)
    if go.sort == "schema-or-bool":
        if isinstance(value, bool):
            return value
        raise Unreadable("boolean or JSON schema expected")
    if isinstance(value, list):
        return _read(inner, _SCHEMAS if go.sort == "schema-or-list" else _TEXTS, value)
    return None


_SCHEMAS: Final = gotypes.typed(f"[]{gotypes.SCHEMA}")
_TEXTS: Final = gotypes.typed("[]string")


_OWN: Final[dict[str, Callable[[_Reading, Go, Any], Any]]] = {
    "time": _time,
    "microtime": _time,
    "quantity": _quantity,
    "int-or-string": _int_or_string,
    "raw": _raw,
    "schema-or-list": _schema_or,
    "schema-or-bool": _schema_or,
    "schema-or-texts": _schema_or,
}
