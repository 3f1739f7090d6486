"""
What decides a cluster's future, as plain JSON, and its digest.

That is everything in a cluster, written so that two clusters of the same digest behave alike: but not how many steps
were taken, nor how tables and heaps are laid out. An informer's cache is written as how it differs from what is stored
now, which costs what the watch lags, not what the cluster holds.

Takes:    a Cluster.
Gives:    plain JSON; `sha256:` and 64 hexadecimal digits.
Source:   design: a watch is a cursor, and a cache is an old table.
Left out: two functions of the same dotted name cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs

from reconcile.cluster.cluster import NO_PROGRAMS, Cluster, Cursor
from reconcile.cluster.links import NO_LINKS
from reconcile.driver.wire.sums import Summer
from reconcile.driver.wire.values import Same, Writer
from reconcile.lib.table import Table
from reconcile.store import PARTITIONS, RIGHTS, Change, Store

_Writes: TypeAlias = Writer | Summer

# How many steps were taken, and from where a table is searched.
_UNDECIDING: Final = frozenset({"steps", "head"})


# What a cluster with one member of etcd has none of.
_OF_MEMBERS: Final = frozenset({"members", "front", "asked", "calm", "snapshots"})


# What few clusters have anything of.
_SELDOM: Final = frozenset({"cuts", "programs", "links"})
_NOTHING: Final[tuple[Any, ...]] = ((), NO_PROGRAMS, NO_LINKS)


def state_json(cluster: Cluster) -> dict[str, Any]:
    """Give everything that decides the future of *cluster*, as plain JSON."""
    return _state(cluster, Writer())


def state_digest(cluster: Cluster) -> str:
    """Give the checksum of everything that decides the future of *cluster*."""
    return Digester().digest(cluster)


class Digester:
    """
    Digests one cluster after the other, such as the checkpoints of a run, and knows the last one's parts again.

    The digests are those of `state_digest`. It is no value: it belongs to the loop that made it.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Same, Any] = {}

    def digest(self, cluster: Cluster) -> str:
        """Give the digest of *cluster*."""
        summer = Summer(self._known)
        found = summer.sum(_state(cluster, summer))
        self._known = summer.seen
        return found


def _state(cluster: Cluster, writer: _Writes) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for field in attrs.fields(Cluster):
        name = field.name
        value = getattr(cluster, name)
        if (
            name in _UNDECIDING
            or (name in _OF_MEMBERS and not cluster.members)
            or (name in _SELDOM and value in _NOTHING)
        ):
            continue
        if name == "store":
            state[name] = _store(value, _needed(cluster), writer)
        elif name == "states":
            state[name] = _states(cluster, writer)
        elif name == "snapshots":
            state[name] = [[key, _store(store, {}, writer)] for key, store in value.items()]
        elif name == "cursors":
            state[name] = [[list(key), _cursor(cursor, cluster.store, writer)] for key, cursor in value.items()]
        else:
            state[name] = writer.rows(value) if isinstance(value, Table) else writer.write(value)
    return state


def _store(store: Store, needed: Mapping[str, int], writer: _Writes) -> dict[str, Any]:
    channels = {}
    for name, history in store.channels.items():
        # The history of a whole resource answers a list at an old version; that of a partition serves those that lag.
        first = history.start if name in store.tables else max(needed.get(name, history.end), history.start)
        changes = [_change(change, writer) for change in history.between(first, history.end)]
        channels[name] = [history.start, history.end, changes]
    return {
        "revision": store.revision,
        "compacted": store.compacted,
        "tables": {
            resource: writer.shared_rows(table) if resource in RIGHTS else writer.rows(table)
            for resource, table in store.tables.items()
        },
        "channels": channels,
        "leases": writer.rows(store.leases),
    }


def _change(change: Change, writer: _Writes) -> list[Any]:
    old = None if change.old is None else writer.write(change.old)
    return [change.revision, change.key, old, None if change.new is None else writer.write(change.new)]


def _needed(cluster: Cluster) -> dict[str, int]:
    """Give for each channel the first position that a cursor has still to be told of."""
    needed: dict[str, int] = {}
    for cursor in cluster.cursors.values():
        if cursor.position >= 0:
            needed[cursor.channel] = min(cursor.position, needed.get(cursor.channel, cursor.position))
    return needed


def _cursor(cursor: Cursor, store: Store, writer: _Writes) -> dict[str, Any]:
    told = {
        "resource": cursor.resource,
        "partition": cursor.partition,
        "position": cursor.position,
        "view": _cache(cursor, store, writer),
    }
    return {**told, "held": True} if cursor.held else told


def _cache(cursor: Cursor, store: Store, writer: _Writes) -> Any:
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


def _states(cluster: Cluster, writer: _Writes) -> list[Any]:
    """Write the processes' states; a table in one that is the cache of a watch is written as that."""
    written = []
    for name, state in cluster.states.items():
        process = cluster.processes.get(name)
        views: dict[Same, Any] = {}
        for watch in process.watches if process is not None else ():
            cursor = cluster.cursors.get((name, watch))
            if cursor is not None and cursor.view is not None:
                views[Same(cursor.view)] = {"is": "view", "watch": watch}
        written.append([name, writer.apart(state, views)])
    return written
