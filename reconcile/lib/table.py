"""
Table: a persistent map with a defined iteration order and with secondary indexes that are kept as it changes.

A value is never changed: `set` and `remove` give a new table that shares all but one path with the old one, so an
old table is a view of the past that costs one pointer. Iteration is in key order, whatever order keys came in and
whatever PYTHONHASHSEED is.

How it is laid out: a B+tree (`lib/btree.py`), which is one plain dict while a table is small. An index is a table of
tables: value -> the keys that are filed under it; or, where all keys under a value stand next to each other, nothing
but that range of the keys.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar, overload

import attrs

from reconcile.lib import btree
from reconcile.lib.btree import FEW, LEAF, NOTHING, Writes

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")

_MANY: Final = 3  # writes to a tree that cost less together than one by one
_FILED: Final = True  # what an index has for a key that is filed
_new: Final[Any] = object.__new__


@attrs.frozen
class Index(Generic[V]):
    """
    A named question whose answer files an object.

    Args:
        name: how `Table.keys_under` and `Table.count` call it.
        values: gives every value under which an object is filed; may give none. It must depend on the object alone.
            Values must be hashable and comparable with each other.
        unmoved: may tell, cheaply, that two objects are filed alike; it must not err when it says so.
        span: for an index that files nothing, as a value's keys are all those from one key on and below another:
            gives these two.
    """

    name: str
    values: Callable[[V], tuple[Hashable, ...]]
    unmoved: Callable[[V, V], bool] | None = None
    span: Callable[[Any], tuple[Any, Any]] | None = None


class _Plan(Generic[V]):
    """The indexes of a table and of all that are made of it; those of *filed* have a place each in `Table._filed`."""

    __slots__ = ("filed", "indexes", "places", "spans")

    def __init__(self, indexes: tuple[Index[V], ...]) -> None:
        self.indexes = indexes
        self.filed = tuple(enumerate([index for index in indexes if index.span is None]))
        self.places = {index.name: place for place, index in self.filed}
        self.spans = {index.name: index.span for index in indexes if index.span is not None}


_NO_PLAN: Final[_Plan[Any]] = _Plan(())


class Table(Generic[K, V]):
    """
    A persistent map from keys to values, iterated in key order.

    Keys must be hashable and comparable with each other. `Table()` is empty; `Table.of(pairs, indexes)` is filled.
    """

    __slots__ = ("_count", "_filed", "_height", "_plan", "_root", "_sorted")

    _root: btree.Node
    _height: int
    _count: int
    _sorted: tuple[K, ...] | None
    _plan: _Plan[V]
    _filed: tuple[Table[Hashable, Table[K, bool]], ...]

    def __init__(self, indexes: tuple[Index[V], ...] = ()) -> None:
        self._root = {}
        self._height = 0
        self._count = 0
        self._sorted = ()
        self._plan = plan = _Plan(indexes) if indexes else _NO_PLAN
        self._filed = (_NO_VALUES,) * len(plan.filed) if indexes else ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[K, V]], indexes: tuple[Index[V], ...] = ()) -> Table[K, V]:
        """Fill a table with *pairs*; a later pair of the same key wins."""
        entries = dict(pairs)
        table = cls(indexes)
        table._root, table._height = btree.built(entries)
        table._count, table._sorted = len(entries), None
        if table._filed:
            rows = [(key, NOTHING, value) for key, value in entries.items()]
            table._filed = table._all_refiled(rows)
        return table

    @overload
    def get(self, key: K) -> V | None: ...

    @overload
    def get(self, key: K, default: D) -> V | D: ...

    def get(self, key: K, default: Any = None) -> Any:
        """Give the value of *key*, or *default*."""
        node = self._root
        above = self._height
        while above:
            node = node[bisect_right(node[-1], key)]
            above -= 1
        return node.get(key, default)

    def __getitem__(self, key: K) -> V:
        node = self._root
        above = self._height
        while above:
            node = node[bisect_right(node[-1], key)]
            above -= 1
        found: V = node[key]
        return found

    def __contains__(self, key: K) -> bool:
        node = self._root
        above = self._height
        while above:
            node = node[bisect_right(node[-1], key)]
            above -= 1
        return key in node

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[K]:
        return iter(self.keys())

    def keys(self) -> tuple[K, ...]:
        """Give every key in order; they are kept, for all tables that are made of this one by replacing values."""
        if self._sorted is None:
            if self._height:
                self._sorted = tuple([key for leaf in btree.leaves(self._root, self._height) for key in sorted(leaf)])
            else:
                self._sorted = tuple(sorted(self._root))
        return self._sorted

    def values(self) -> Iterator[V]:
        """Give every value in key order."""
        for leaf in btree.leaves(self._root, self._height):
            for key in sorted(leaf):
                yield leaf[key]

    def items(self) -> Iterator[tuple[K, V]]:
        """Give every pair in key order."""
        for leaf in btree.leaves(self._root, self._height):
            for key in sorted(leaf):
                yield key, leaf[key]

    def between(self, low: K, high: K) -> list[tuple[K, V]]:
        """Give the pairs from key *low* on and below key *high*, in key order; it costs what is found."""
        return btree.between(self._root, self._height, low, high)

    def set(self, key: K, value: V) -> Table[K, V]:
        """Give a table in which *key* has *value*."""
        node = root = self._root.copy()
        if height := self._height:
            node = btree.opened(node, height, key)
        old = node.get(key, NOTHING)
        if old is NOTHING and len(node) == LEAF:
            root, height = btree.written(self._root, height, Writes({key: value}, NOTHING, NOTHING))
        else:
            node[key] = value
        table: Table[K, V] = _new(Table)  # a third of all time here was __init__
        table._root, table._height = root, height
        if old is NOTHING:
            table._count = self._count + 1
            table._sorted = None
        else:
            table._count = self._count
            table._sorted = self._sorted
        table._plan = self._plan
        table._filed = self._refiled(key, old, value) if self._filed else ()
        return table

    def remove(self, key: K) -> Table[K, V]:
        """Give a table without *key*; KeyError if it is not there."""
        node = root = self._root.copy()
        if height := self._height:
            node = btree.opened(node, height, key)
        old = node.pop(key)
        if height and len(node) < FEW:
            root, height = btree.written(self._root, height, Writes({key: NOTHING}, NOTHING, NOTHING))
        table: Table[K, V] = _new(Table)
        table._root, table._height = root, height
        table._count = self._count - 1
        table._sorted = None
        table._plan = self._plan
        table._filed = self._refiled(key, old, NOTHING) if self._filed else ()
        return table

    def updated(self, writes: Mapping[K, V | None], absent: V | None = None) -> Table[K, V]:
        """
        Give a table with all *writes* made, where None takes a key away; many together cost less than one by one.

        A key that is not there reads as *absent*; what is written as it is read is no write. The table is the same if
        there is no other.
        """
        if self._height and len(writes) < _MANY:
            return self._one_by_one(writes, absent)
        filed = self._filed
        changed: btree.Changed = []
        if self._height or self._count + len(writes) > LEAF:
            told = Writes(writes, None, absent)
            root, height = btree.written(self._root, self._height, told)
            grown, changed = told.grown, told.changed
            if not changed:
                return self
        else:
            height = 0
            before = root = self._root
            for key, value in writes.items():
                if before.get(key, absent) is value:
                    continue
                if root is before:
                    root = before.copy()
                if filed:
                    changed.append((key, before.get(key, NOTHING), NOTHING if value is None else value))
                if value is None:
                    root.pop(key, None)
                else:
                    root[key] = value
            if root is before:
                return self
            grown = len(root) - self._count
        table: Table[K, V] = _new(Table)
        table._root, table._height = root, height
        table._count = self._count + grown
        table._sorted = None
        table._plan = self._plan
        if filed:
            filed = self._refiled(*changed[0]) if len(changed) == 1 else self._all_refiled(changed)
        table._filed = filed
        return table

    def keys_under(self, index: str, value: Hashable) -> tuple[K, ...]:
        """Give the keys, in order, that *index* files under *value*; KeyError if there is no such index."""
        place = self._plan.places.get(index)
        if place is None:
            return tuple([key for key, _ in self._spanned(index, value)])
        filed = self._filed[place].get(value)
        return () if filed is None else filed.keys()

    def under(self, index: str, value: Hashable) -> tuple[V, ...]:
        """Give the values, in key order, that *index* files under *value*; KeyError if there is no such index."""
        place = self._plan.places.get(index)
        if place is None:
            return tuple([found for _, found in self._spanned(index, value)])
        filed = self._filed[place].get(value)
        if filed is None:
            return ()
        return tuple(map(self.__getitem__ if self._height else self._root.__getitem__, filed.keys()))

    def count(self, index: str, value: Hashable) -> int:
        """Count what *index* files under *value*, in constant time unless the index is a span; KeyError likewise."""
        place = self._plan.places.get(index)
        if place is None:
            return len(self._spanned(index, value))
        filed = self._filed[place].get(value)
        return 0 if filed is None else filed._count

    def differences(self, old: Table[K, V]) -> list[tuple[K, V | None, V | None]]:
        """
        Give (key, value in *old*, value here) for every key whose value is not the same object, in key order.

        What both tables share is passed over, so two versions of one table cost what was written between them.
        """
        rows = self._differences(old)
        return [(key, None if was is NOTHING else was, None if now is NOTHING else now) for key, was, now in rows]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        if self._count != other._count:
            return False
        if not (self._height or other._height):
            return bool(self._root == other._root)
        return all(was == now for _, was, now in self._differences(other))

    __hash__ = None  # type: ignore[assignment]  # a table is compared, never a key

    def __repr__(self) -> str:
        return f"Table({dict(self.items())!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Table.of, (tuple(self.items()), self._plan.indexes))

    def _differences(self, old: Table[K, V]) -> btree.Changed:
        return btree.differences(self._root, self._height, old._root, old._height)

    def _spanned(self, index: str, value: Hashable) -> list[tuple[K, V]]:
        span = self._plan.spans.get(index)
        if span is None:
            raise KeyError(f"no index {index!r}; there are {[each.name for each in self._plan.indexes]}")
        return self.between(*span(value))

    def _one_by_one(self, writes: Mapping[K, V | None], absent: V | None) -> Table[K, V]:
        table = self
        for key, value in writes.items():
            if table.get(key, absent) is value:
                continue
            if value is not None:
                table = table.set(key, value)
            elif key in table:
                table = table.remove(key)
        return table

    def _refiled(self, key: K, old: Any, new: Any) -> tuple[Any, ...]:
        moved = None
        replaced = old is not NOTHING and new is not NOTHING
        for place, index in self._plan.filed:
            if replaced and index.unmoved is not None and index.unmoved(old, new):
                continue
            left = () if old is NOTHING else index.values(old)
            entered = () if new is NOTHING else index.values(new)
            if left == entered:
                continue
            if moved is None:
                moved = list(self._filed)
            filed = moved[place]
            for value in left:
                if value not in entered:
                    keys = filed[value].remove(key)
                    filed = filed.set(value, keys) if keys._count else filed.remove(value)
            for value in entered:
                if value not in left:
                    filed = filed.set(value, filed.get(value, _NO_KEYS).set(key, _FILED))
            moved[place] = filed
        return self._filed if moved is None else tuple(moved)

    def _all_refiled(self, changed: btree.Changed) -> tuple[Any, ...]:
        """Give what indexes file when many rows have changed, as `_refiled` does for one."""
        pairs = zip(self._filed, self._plan.filed, strict=True)
        return tuple([filed.updated(_filings(filed, index, changed)) for filed, (_, index) in pairs])


_NO_VALUES: Final[Table[Any, Any]] = Table()
_NO_KEYS: Final[Table[Any, bool]] = _NO_VALUES


def _filings(filed: Table[Any, Any], index: Index[Any], changed: btree.Changed) -> dict[Any, Any]:
    """Give what many changed rows write to an index: by value, the keys then under it."""
    moves: dict[Any, dict[Any, bool | None]] = {}
    for key, old, new in changed:
        replaced = old is not NOTHING and new is not NOTHING
        if replaced and index.unmoved is not None and index.unmoved(old, new):
            continue
        left = () if old is NOTHING else index.values(old)
        entered = () if new is NOTHING else index.values(new)
        if left == entered:
            continue
        for value in left:
            moves.setdefault(value, {})[key] = None
        for value in entered:
            moves.setdefault(value, {})[key] = _FILED
    keys = {value: filed.get(value, _NO_KEYS).updated(written) for value, written in moves.items()}
    return {value: found if found._count else None for value, found in keys.items()}
