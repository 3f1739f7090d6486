"""
Any value as plain JSON, one way.

Different values are written differently: an object of a class says which ("is"), a table is its rows in key order, a
function is its dotted name. It is written to be compared and looked at, not to be read again.

Takes:    values.
Gives:    plain JSON.
Source:   nothing but what a state may hold.
Left out: two functions of the same dotted name cannot be told apart.
"""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api.convert import dump
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers

Write: TypeAlias = Callable[[Any], Any]

# A Map with one of these keys is written as rows, so that it is not taken for something else.
_RESERVED: Final = frozenset({"is", "rows"})


def plain(value: Any) -> Any:
    """
    Give *value* as plain JSON, one way.

    Raises:
        ReconcileError: something in it is of a class that has no form in JSON.
    """
    return Writer().write(value)


class Same:
    """An object as a key that is equal to itself only."""

    __slots__ = ("obj",)

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def __hash__(self) -> int:
        return id(self.obj)

    def __eq__(self, other: object) -> bool:
        return self.obj is other.obj  # type: ignore[attr-defined]


class Writer:
    """Writes values; each API object once."""

    __slots__ = ("_ways", "seen", "views")

    def __init__(self) -> None:
        self.seen: dict[Same, Any] = {}
        self.views: dict[Same, Any] = {}
        self._ways: dict[type, Write] = {
            list: self._many,
            tuple: self._many,
            dict: self._mapping,
            Map: self._mapping,
            frozenset: self._set,
            set: self._set,
            Table: self._table,
            Sequence: self._sequence,
            Timers: self._timers,
            Quantity: str,
            Time: str,
            MicroTime: str,
            bytes: lambda value: {"is": "bytes", "hex": value.hex()},
            functools.partial: self._partial,
            types.MethodType: self._method,
        }

    def write(self, value: Any) -> Any:
        """Write *value*."""
        cls = value.__class__
        if cls is str or cls is int or cls is bool or cls is float or value is None:
            return value
        way = self._ways.get(cls)
        if way is None:
            way = self._ways[cls] = self._way(cls)
        return way(value)

    def _api_object(self, obj: Any) -> Any:
        """Write an API object, or a part of one."""
        key = Same(obj)
        found = self.seen.get(key)
        if found is None:
            found = self.seen[key] = dump(obj)
        return found

    def _way(self, cls: type) -> Write:
        if attrs.has(cls) and cls.__module__.startswith("reconcile.api."):
            return self._api_object
        if issubclass(cls, enum.Enum):
            return lambda value: {"is": cls.__name__, "name": value.name}
        if issubclass(cls, FUNCTIONS):
            return dotted
        return self._fields_way(cls, names_of(cls))

    def _fields_way(self, cls: type, names: tuple[str, ...]) -> Write:
        write = self.write
        pairs = tuple([(name, name.lstrip("_")) for name in names])

        def written(value: Any) -> Any:
            found = {"is": cls.__name__}
            for name, key in pairs:
                found[key] = write(getattr(value, name))
            return found

        return written

    def _many(self, value: Any) -> Any:
        write = self.write
        return [write(entry) for entry in value]

    def _mapping(self, value: Any) -> Any:
        texts = all(key.__class__ is str for key in value)
        if texts and _RESERVED.isdisjoint(value):
            return {key: self.write(entry) for key, entry in value.items()}
        rows = [[self.write(key), self.write(entry)] for key, entry in value.items()]
        return {"is": "Map", "rows": sorted(rows, key=lambda row: canonical(row[0]))}

    def _set(self, value: Any) -> Any:
        return {"is": "set", "rows": sorted([self.write(entry) for entry in value], key=canonical)}

    def _table(self, value: Any) -> Any:
        if self.views:
            known = self.views.get(Same(value))
            if known is not None:
                return known
        return {"rows": self.rows(value)}

    def apart(self, value: Any, views: dict[Same, Any]) -> Any:
        """Write *value*, in which each table of *views* is written as what it stands for there."""
        self.views = views
        written = self.write(value)
        self.views = {}
        return written

    def rows(self, table: Any) -> Any:
        """Write the rows of a table, in key order."""
        write = self.write
        return [[write(key), write(entry)] for key, entry in table.items()]

    def shared_rows(self, table: Any) -> Any:
        """Write the rows of a table that is the same one in many clusters."""
        return self.rows(table)

    def _sequence(self, value: Any) -> Any:
        items = value.between(value.start, value.end)
        return {"is": "Sequence", "start": value.start, "items": self._many(items)}

    def _timers(self, value: Any) -> Any:
        write = self.write
        return {"is": "Timers", "timers": [[timer.at, write(timer.key), timer.periodic] for timer in value]}

    def _partial(self, value: Any) -> Any:
        parts = (value.func, value.args, value.keywords)
        return {"is": "partial", "of": self._many(parts)}

    def _method(self, value: Any) -> Any:
        return {"is": "method", "of": [dotted(value.__func__), self.write(value.__self__)]}


FUNCTIONS: Final = (types.FunctionType, types.BuiltinFunctionType, type)


def dotted(value: Any) -> Any:
    """Give a function or a class by its dotted name."""
    return {"is": "function", "name": f"{value.__module__}.{value.__qualname__}"}


def names_of(cls: Any) -> tuple[str, ...]:
    """
    Give the fields that make an instance of *cls* what it is: an attrs class, a named tuple, a dataclass.

    Raises:
        ReconcileError: it is none.
    """
    if attrs.has(cls):
        # What is not compared is made of what is.
        return tuple([field.name for field in attrs.fields(cls) if field.eq])
    names = getattr(cls, "_fields", None) or getattr(cls, "__dataclass_fields__", None)
    if names is None:
        raise ReconcileError(f"a {cls.__module__}.{cls.__qualname__} has no form in JSON: a state holds attrs classes")
    return tuple(names)
