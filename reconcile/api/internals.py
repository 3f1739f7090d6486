"""
The API server's own form of objects, as its messages show it.

Within the API server objects are of types that no client sees: fields are called as Go calls them, stand in another
order, and are all written, whether something is said or not. Its messages show these.

Takes:    API objects, and parts of them.
Gives:    plain JSON data, in the order in which it is written.
Source:   the internal types of Kubernetes 1.36.3 (schemas/internals.json); Go's encoding/json.
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import unified_diff
from functools import cache
from typing import Any

import attrs

from reconcile.api import convert, golang
from reconcile.api._internals import INTERNALS
from reconcile.api.scalars import MicroTime, Quantity, Time
from reconcile.api.shapes import CustomObject, fields_of
from reconcile.api.zeros import name_of
from reconcile.lib.mapping import Map

# What a pod's specification says and the API server keeps in its security context.
_MOVED = {
    "HostNetwork": "host_network",
    "HostPID": "host_pid",
    "HostIPC": "host_ipc",
    "ShareProcessNamespace": "share_process_namespace",
    "HostUsers": "host_users",
}


_ELSEWHERE = {"events": "core"}
"""Groups whose own form is in another group."""


def named(cls: type) -> str:
    """Give what the API server's own form of a class is called: `core.Pod`."""
    group = name_of(cls).partition("_")[0]
    return f"{_ELSEWHERE.get(group, group)}.{cls.__name__}"


def internal(value: Any) -> Any:
    """Give a value as plain JSON data in the API server's own form."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (Quantity, Time, MicroTime)):
        return value.text
    if isinstance(value, (tuple, list)):
        return [internal(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: internal(entry) for key, entry in value.items()}
    cls = value.__class__
    if cls is CustomObject:
        return convert.dump(value)
    rows = _rows(cls)
    if rows is not None:
        return _struct(value, rows)
    # Types that have no form of their own there are shown as clients see them: without what is empty.
    return {key: entry for key, entry in golang.written(value).items() if entry not in ({}, [])}


def text(value: Any) -> str:
    """Give a value in the API server's own form as JSON on one line."""
    return golang.json_text(internal(value))


def difference(old: Any, new: Any) -> str:
    """Give the difference of two values in the API server's own form, as its messages show it: a unified diff."""
    found = list(unified_diff(_lines(old), _lines(new)))
    # The two files that a unified diff begins with have no names.
    return "".join(found[2:])


def _lines(value: Any) -> list[str]:
    return [f"{line}\n" for line in json.dumps(internal(value), indent=1, ensure_ascii=False).split("\n")]


Row = tuple[str, str, Any, Any]


def _struct(value: Any, rows: tuple[Row, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    metadata = getattr(value, "metadata", None)
    if metadata is not None:
        found.update(internal(metadata))
    for name, field, zero, cls in rows:
        omitted = zero is None and name[0].islower()
        said = getattr(value, field) if field else None
        if said is not None and not (omitted and said in ((), Map())):
            found[name] = internal(said)
        elif not omitted:
            found[name] = _empty(cls) if cls is not None else zero
    if "DNSPolicy" in found and isinstance(found.get("SecurityContext"), dict):
        for name, field in _MOVED.items():
            said = getattr(value, field)
            found["SecurityContext"][name] = said if said is not None else found["SecurityContext"][name]
    return found


@cache
def _rows(cls: type) -> tuple[Row, ...] | None:
    table = INTERNALS.get(name_of(cls))
    if table is None:
        return None
    known = {field.json: field for field in fields_of(cls)}
    rows: list[Row] = []
    for name, json_name, zero in table:
        field = known.get(json_name)
        nested = field.type if field is not None and zero == {} and attrs.has(field.type) else None
        rows.append((name, field.name if field is not None else "", zero, nested))
    return tuple(rows)


def _empty(cls: type) -> dict[str, Any]:
    rows = _rows(cls)
    if rows is None:
        return {}
    return {name: _empty(nested) if nested is not None else zero for name, _, zero, nested in rows}
