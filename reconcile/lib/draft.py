"""
Draft: a table that is being written.

A run of many steps writes the same few keys again and again; a draft keeps those writes in a plain dict over the table
it began from, and `table()` makes the next table of it once. A draft is local to the call that made it: it is never
part of a value.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, Generic, TypeVar

from reconcile.lib.table import Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_GONE: Final[Any] = object()
_UNKNOWN: Final[Any] = object()


class Draft(Generic[K, V]):
    """Reads see the draft's own writes, then the table it began from."""

    __slots__ = ("_base", "_fresh")

    def __init__(self, base: Table[K, V]) -> None:
        self._base = base
        self._fresh: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Give the value of *key*, or None."""
        found = self._fresh.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            return self._base.get(key)
        return None if found is _GONE else found

    def set(self, key: K, value: V) -> None:
        """Let *key* have *value*."""
        self._fresh[key] = value

    def remove(self, key: K) -> None:
        """Let *key* be gone."""
        self._fresh[key] = _GONE

    def table(self) -> Table[K, V]:
        """Give the table with every write in it; the draft goes on from there."""
        table = self._base
        for key, value in self._fresh.items():
            if value is not _GONE:
                table = table.set(key, value)
            elif key in table:
                table = table.remove(key)
        self._base = table
        self._fresh = {}
        return table
