"""
Any value as plain JSON, one way, and the digest of a cluster.

`plain` writes whatever a state can hold, so that different values are written differently: an object of a class says
which ("is"), a table is its rows in key order, a function is its dotted name. It is written to be compared and looked
at, not to be read again.

`state_json` writes what decides a cluster's future and nothing else, so that two clusters of the same digest behave
alike. An informer's cache is written as how it differs from what is stored now, which costs what the watch lags, not
what the cluster holds. How many steps were taken, and how tables and heaps are laid out, is left out: it decides
nothing.

Takes:    values; a Cluster.
Gives:    plain JSON; `sha256:` and 64 digits.
Source:   reconcile.lib.digest for the digest.
Left out: two functions of the same dotted name cannot be told apart.
"""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api.convert import dump
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.cluster.cluster import Cluster, Cursor
from reconcile.lib.digest import canonical, digest
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers
from reconcile.store import PARTITIONS, Change, Store

Write: TypeAlias = Callable[[Any], Any]

# Of an API object's checksum, 128 bits are enough.
_SUM: Final = slice(len("sha256:"), len("sha256:") + 32)

# A Map with one of these keys is written as rows, so that it is not taken for something else.
_RESERVED: Final = frozenset({"is", "rows"})


def plain(value: Any) -> Any:
    """
    Give *value* as plain JSON, one way.

    Raises:
        ReconcileError: something in it is of a class that has no form in JSON.
    """
    return _Writer().write(value)


def state_json(cluster: Cluster) -> dict[str, Any]:
    """Give everything that decides the future of *cluster*, as plain JSON."""
    return _state(cluster, _Writer())


def state_digest(cluster: Cluster) -> str:
    """Give the checksum of everything that decides the future of *cluster*; API objects go into it as checksums."""
    return Digester().digest(cluster)


class Digester:
    """
    Digests one cluster after the other, such as the checkpoints of a run, and knows the last one's objects again.

    The digests are those of `state_digest`. It is no value: it belongs to the loop that made it.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[_Same, Any] = {}

    def digest(self, cluster: Cluster) -> str:
        """Give the digest of *cluster*."""
        writer = _Summing(self._known)
        found = digest(_state(cluster, writer))
        self._known = writer.seen
        return found


class _Same:
    """An object as a key that is equal to itself only."""

    __slots__ = ("obj",)

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def __hash__(self) -> int:
        return id(self.obj)

    def __eq__(self, other: object) -> bool:
        return self.obj is other.obj  # type: ignore[attr-defined]


class _Writer:
    """Writes values; API objects in full, each once."""

    __slots__ = ("_ways", "seen", "views")

    def __init__(self) -> None:
        self.seen: dict[_Same, Any] = {}
        self.views: dict[_Same, Any] = {}
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

    def api_object(self, obj: Any) -> Any:
        """Write an API object, or a part of one."""
        key = _Same(obj)
        found = self.seen.get(key)
        if found is None:
            found = self.seen[key] = dump(obj)
        return found

    def _way(self, cls: type) -> Write:
        if attrs.has(cls):
            return self.api_object if cls.__module__.startswith("reconcile.api.") else self._class_way(cls)
        if issubclass(cls, enum.Enum):
            return lambda value: {"is": cls.__name__, "name": value.name}
        if issubclass(cls, type) or (hasattr(cls, "__qualname__") and issubclass(cls, _FUNCTIONS)):
            return _dotted
        fields = getattr(cls, "_fields", None) or getattr(cls, "__dataclass_fields__", None)
        if fields:
            return self._fields_way(cls, tuple(fields))
        raise ReconcileError(f"a {cls.__module__}.{cls.__qualname__} has no form in JSON: a state holds attrs classes")

    def _class_way(self, cls: Any) -> Write:
        # What is not compared is made of what is.
        return self._fields_way(cls, tuple([field.name for field in attrs.fields(cls) if field.eq]))

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
            known = self.views.get(_Same(value))
            if known is not None:
                return known
        return {"rows": self.rows(value)}

    def rows(self, table: Any) -> Any:
        """Write the rows of a table, in key order."""
        write = self.write
        return [[write(key), write(entry)] for key, entry in table.items()]

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
        return {"is": "method", "of": [_dotted(value.__func__), self.write(value.__self__)]}


class _Summing(_Writer):
    """Writes values; API objects as their checksums."""

    __slots__ = ("_known",)

    def __init__(self, known: dict[_Same, Any]) -> None:
        super().__init__()
        self._known = known

    def api_object(self, obj: Any) -> Any:
        key = _Same(obj)
        found = self.seen.get(key)
        if found is None:
            found = self._known.get(key)
            if found is None:
                found = digest(dump(obj))[_SUM]
            self.seen[key] = found
        return found


_FUNCTIONS: Final = (types.FunctionType, types.BuiltinFunctionType)


def _dotted(value: Any) -> Any:
    return {"is": "function", "name": f"{value.__module__}.{value.__qualname__}"}


# Clusters -------------------------------------------------------------------------------------------------------------


def _state(cluster: Cluster, writer: _Writer) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for field in attrs.fields(Cluster):
        name = field.name
        value = getattr(cluster, name)
        if name in _UNDECIDING:
            continue
        if name == "store":
            state[name] = _store(value, _needed(cluster), writer)
        elif name == "states":
            state[name] = _states(cluster, writer)
        elif name == "cursors":
            state[name] = [[list(key), _cursor(cursor, cluster.store, writer)] for key, cursor in value.items()]
        else:
            state[name] = writer.rows(value) if isinstance(value, Table) else writer.write(value)
    return state


# How many steps were taken, and from where a table is searched.
_UNDECIDING: Final = frozenset({"steps", "head"})


def _store(store: Store, needed: Mapping[str, int], writer: _Writer) -> dict[str, Any]:
    channels = {}
    for name, history in store.channels.items():
        # The history of a whole resource answers a list at an old version; that of a partition serves those that lag.
        first = history.start if name in store.tables else max(needed.get(name, history.end), history.start)
        changes = [_change(change, writer) for change in history.between(first, history.end)]
        channels[name] = [history.start, history.end, changes]
    return {
        "revision": store.revision,
        "compacted": store.compacted,
        "tables": {resource: writer.rows(table) for resource, table in store.tables.items()},
        "channels": channels,
        "leases": writer.rows(store.leases),
    }


def _change(change: Change, writer: _Writer) -> list[Any]:
    old = None if change.old is None else writer.write(change.old)
    return [change.revision, change.key, old, None if change.new is None else writer.write(change.new)]


def _needed(cluster: Cluster) -> dict[str, int]:
    """Give for each channel the first position that a cursor has still to be told of."""
    needed: dict[str, int] = {}
    for cursor in cluster.cursors.values():
        if cursor.position >= 0:
            needed[cursor.channel] = min(cursor.position, needed.get(cursor.channel, cursor.position))
    return needed


def _cursor(cursor: Cursor, store: Store, writer: _Writer) -> dict[str, Any]:
    return {
        "resource": cursor.resource,
        "partition": cursor.partition,
        "position": cursor.position,
        "view": _cache(cursor, store, writer),
    }


def _cache(cursor: Cursor, store: Store, writer: _Writer) -> Any:
    """Write a cursor's cache: [key, cached or null] for each object that is not as it is stored now; null for none."""
    view, stored = cursor.view, store.tables.get(cursor.resource)
    if view is None:
        return None
    if stored is None or view is stored:
        return []
    if not cursor.partition:
        rows = [(key, old, new) for key, old, new in stored.differences(view)]
    else:
        index = PARTITIONS[cursor.resource].name
        cached = dict.fromkeys(view.keys_under(index, cursor.partition))
        now = dict.fromkeys(stored.keys_under(index, cursor.partition))
        rows = [
            (key, view[key] if key in cached else None, stored[key] if key in now else None)
            for key in sorted({*cached, *now})
        ]
    return [[key, writer.write(old)] for key, old, new in rows if old is not new and old != new]


def _states(cluster: Cluster, writer: _Writer) -> list[Any]:
    """Write the processes' states; a table in one that is the cache of a watch is written as that."""
    written = []
    for name, state in cluster.states.items():
        process = cluster.processes.get(name)
        writer.views = {}
        for watch in process.watches if process is not None else ():
            cursor = cluster.cursors.get((name, watch))
            if cursor is not None and cursor.view is not None:
                writer.views[_Same(cursor.view)] = {"is": "view", "watch": watch}
        written.append([name, writer.write(state)])
    writer.views = {}
    return written
