"""
Everything that is wrong with JSON data that should be an API object.

This is the second, slow reading of convert: it goes through all of the data,
keeps the path, and names each fault with what was expected and what was
found. It reads as Go does where that surprises: a null in a list or map of
plain values is the zero of its type, and a null for a list that has to be
there is an empty one.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Base64, Int32, Int64, IntOrString, Json, MicroTime, Time, freeze
from reconcile.api.shapes import CustomObject, blank, fields_of, within
from reconcile.api.values import base64_text, double, int32, int64, micro_time, quantity, time
from reconcile.api.zeros import zero
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

Absent = Literal["refused", "zero"]
Unknown = Literal["Strict", "Warn", "Ignore"]
_BAD: Any = object()

# What a value of each plain type is expected to be, how it is read, and what Go makes of a null among others.
_PLAIN: dict[Any, tuple[str, Any, Any]] = {
    str: ("a string", None, ""),
    bool: ("true or false", None, False),
    float: ("a number", double, 0),
    Int32: ("an integer of 32 bits", int32, 0),
    Int64: ("an integer of 64 bits", int64, 0),
    IntOrString: ("an integer of 32 bits or a string", int32, 0),
    Base64: ("a string in base64", base64_text, ""),
    Quantity: ("a quantity such as 100m or 1.5Gi", quantity, Quantity.of(nanos=0)),
    Time: ("a time such as 2026-01-01T00:00:00Z", time, _BAD),
    MicroTime: ("a time such as 2026-01-01T00:00:00.000000Z", micro_time, _BAD),
}
_ITSELF = {str: (str,), bool: (bool,), IntOrString: (str,)}


@quick
@attrs.frozen(weakref_slot=False)
class Fault:
    """One thing wrong: where, what was expected there, what was found; *kind* says which sort of fault it is."""

    path: str
    expectation: str
    value: Any
    kind: Literal["missing", "wrong", "unknown"] = "wrong"

    def __str__(self) -> str:
        if self.kind == "unknown":
            return f'unknown field "{self.path}"'
        found = "" if self.kind == "missing" else f", found {_cut(self.value)}"
        return f"{self.path or 'the object'}: {self.expectation}{found}"


class InvalidObject(ReconcileError):  # noqa: N818 -- it reads as what the data is
    """Data that is not the API object which it should be; *faults* are all that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


@attrs.define
class _Reading:
    """What one reading has found wrong so far."""

    absent: Absent
    faults: list[Fault] = attrs.field(factory=list)
    unknown: list[Fault] = attrs.field(factory=list)


def read_slowly(cls: type, data: Any, unknown: Unknown, absent: Absent = "refused") -> tuple[Any, tuple[str, ...]]:
    """
    Return the object that *data* holds and what to warn about.

    Raises:
        InvalidObject: with every fault.
    """
    reading = _Reading(absent)
    found = _read(cls, data, "", reading)
    faults = reading.faults + (reading.unknown if unknown == "Strict" else [])
    if faults:
        raise InvalidObject(tuple(faults))
    return found, tuple(str(fault) for fault in reading.unknown) if unknown == "Warn" else ()


def _read(shape: Any, value: Any, path: str, reading: _Reading) -> Any:
    if shape == Json:
        return _free(value, path, reading)
    if shape in _PLAIN:
        return _plain(shape, value, path, reading)
    if (inner := within(shape, tuple)) is not None:
        return _sequence(inner, value, path, reading)
    if (inner := within(shape, Map)) is not None:
        return _mapping(inner, value, path, reading)
    return _object(shape, value, path, reading)


def _free(value: Any, path: str, reading: _Reading) -> Any:
    try:
        return freeze(value)
    except ReconcileError as error:
        reading.faults.append(Fault(path, f"expected JSON ({error})", value))
        return _BAD


def _plain(shape: Any, value: Any, path: str, reading: _Reading) -> Any:
    expectation, read, zero = _PLAIN[shape]
    if isinstance(value, _ITSELF.get(shape, ())):
        return value
    if value is None and zero is not _BAD:
        return zero
    if read is not None:
        try:
            return read(value)
        except ReconcileError:
            pass
    reading.faults.append(Fault(path, f"expected {expectation}", value))
    return _BAD


def _sequence(inner: Any, value: Any, path: str, reading: _Reading) -> Any:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        reading.faults.append(Fault(path, "expected a list", value))
        return _BAD
    return tuple([_read(inner, entry, f"{path}[{index}]", reading) for index, entry in enumerate(value)])


def _mapping(inner: Any, value: Any, path: str, reading: _Reading) -> Any:
    if value is None:
        return Map()
    if not isinstance(value, Mapping):
        reading.faults.append(Fault(path, "expected an object", value))
        return _BAD
    entries = {}
    for key, entry in value.items():
        if not isinstance(key, str):
            reading.faults.append(Fault(path, "expected keys that are strings", key))
        else:
            entries[key] = _read(inner, entry, _below(path, key), reading)
    return Map(entries)


def _object(cls: type, value: Any, path: str, reading: _Reading) -> Any:
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        reading.faults.append(Fault(path, "expected an object", value))
        return _BAD
    present: dict[str, Any] = {**blank(cls)}
    fields = fields_of(cls)
    known = {field.json for field in fields}
    rest = [key for key in value if key not in known]
    for field in fields:
        entry = value.get(field.json)
        there = _below(path, field.json)
        empty = field.json in value and field.required and (within(field.type, tuple) or within(field.type, Map))
        if entry is not None or empty:
            present[field.name] = _read(field.type, entry, there, reading)
        elif field.required and reading.absent == "zero":
            present[field.name] = zero(cls, field.json, field.type)
        elif field.required:
            reading.faults.append(Fault(there, "required", None, "missing"))
            present[field.name] = _BAD
    if cls is CustomObject:
        present["body"] = _mapping(Json, {key: value[key] for key in rest}, path, reading)
    else:
        reading.unknown += [Fault(_below(path, str(key)), "a known field", value[key], "unknown") for key in rest]
    return cls(**present)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _cut(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        # What is no JSON, an integer of thousands of digits, something that is nested too deep or in itself.
        text = f"something of Python's type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004 -- enough to know it by
