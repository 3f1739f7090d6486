"""
Draft: a table that is being written.

A run of many steps writes the same few keys again and again; a draft keeps those writes in a plain dict over the table
it began from, and `table()` makes the next table of it once. None is no value: it says that a key is not there. A draft
is local to the call that made it: it is never part of a value.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

from reconcile.lib.table import Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Draft(Generic[K, V]):
    """Reads see the draft's own writes, then the table it began from."""

    __slots__ = ("_base", "_now", "_written")

    def __init__(self, base: Table[K, V]) -> None:
        self._base = base
        self._now: dict[K, Any] = {}
        self._written: dict[K, None] = {}

    def get(self, key: K) -> V | None:
        """Give the value of *key*, or None."""
        try:
            found: V | None = self._now[key]
        except KeyError:
            found = self._now[key] = self._base.get(key)
        return found

    def set(self, key: K, value: V) -> None:
        """Let *key* have *value*."""
        self._now[key] = value
        self._written[key] = None

    def remove(self, key: K) -> None:
        """Let *key* be gone."""
        self._now[key] = None
        self._written[key] = None

    def table(self) -> Table[K, V]:
        """Give the table with every write in it; the draft goes on from there."""
        table = self._base
        for key in self._written:
            value = self._now[key]
            if value is not None:
                table = table.set(key, value)
            elif key in table:
                table = table.remove(key)
        self._base = table
        self._written = {}
        return table
