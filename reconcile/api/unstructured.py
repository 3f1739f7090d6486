"""
Unstructured: why plain data is no object of a class, in the words of Go's converter between the two.

A strategic merge patch becomes an object this way, every other body by decoding JSON.

Source:   apimachinery's runtime.DefaultUnstructuredConverter.
Left out: the type's own name where a text is of a named type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconcile.api.scalars import Base64, Int32, Int64
from reconcile.api.shapes import CustomObject, fields_of, within
from reconcile.lib.mapping import Map


def refusal(shape: Any, data: Any) -> str:
    """Say why *data* is no value of *shape*: the first fault in the order of the type's fields; empty if it is one."""
    if data is None:
        return ""
    if (inner := within(shape, tuple)) is not None:
        return _first(inner, data) if isinstance(data, list) else f"cannot restore slice from {_kind(data)}"
    if (inner := within(shape, Map)) is not None:
        return _first(inner, data.values()) if isinstance(data, Mapping) else f"cannot restore map from {_kind(data)}"
    if hasattr(shape, "JSON_NAMES") and shape is not CustomObject:
        if not isinstance(data, Mapping):
            return f"cannot restore struct from: {_kind(data)}"
        return next((said for field in fields_of(shape) if (said := refusal(field.type, data.get(field.json)))), "")
    return _of_scalar(shape, data)


def _first(inner: Any, entries: Any) -> str:
    return next((said for entry in entries if (said := refusal(inner, entry))), "")


def _of_scalar(shape: Any, data: Any) -> str:
    if shape is Base64 and not isinstance(data, str):
        return f"cannot restore slice from {_kind(data)}"
    wanted = {str: "string", bool: "bool", Int32: "int32", Int64: "int64", float: "float64"}.get(shape, "")
    kind = _kind(data)
    if not wanted or wanted == kind or (wanted[:3] == "int" and (kind == "int64" or _is_whole(data))):
        return ""
    if wanted == "float64" and kind == "int64":
        return ""
    numbers = ("int64", "float64")
    # Go converts numbers into each other, and an integer into a text: that is refused as no JSON does.
    if (kind in numbers and wanted not in ("string", "bool")) or (kind == "int64" and wanted == "string"):
        return f"cannot convert {kind} to {wanted}"
    return f"unrecognized type: {wanted}"


def _is_whole(data: Any) -> bool:
    return isinstance(data, float) and data.is_integer()


def _kind(data: Any) -> str:
    if isinstance(data, bool):
        return "bool"
    if isinstance(data, Mapping):
        return "map"
    if isinstance(data, (list, tuple)):
        return "slice"
    return {str: "string", int: "int64", float: "float64"}.get(type(data), "interface")
