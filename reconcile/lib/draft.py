"""
Draft: a table that is being written.

A run of many steps reads and writes the same few keys again and again; a draft keeps them in a plain dict over the
table it began from, and `table()` makes the next table of it once. None is no value: it says that a key is not there. A
draft is local to the call that made it: it is never part of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from reconcile.lib.table import Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Draft(dict[K, V | None], Generic[K, V]):
    """
    Reads see the draft's own writes, then the table it began from; *default* stands for what is in neither.

    `get` and `set` are the dict's own item access, without a call of Python's in between: a step asks several drafts.
    """

    __slots__ = ("_base", "_default")

    def __init__(self, base: Table[K, V], default: V | None = None) -> None:
        super().__init__()
        self._base = base
        self._default = default

    if TYPE_CHECKING:
        get: Callable[[K], V | None]  # type: ignore[assignment]
        set: Callable[[K, V], None]
    else:
        get = dict.__getitem__
        set = dict.__setitem__

    def __missing__(self, key: K) -> V | None:
        found = self[key] = self._base.get(key, self._default)
        return found

    def remove(self, key: K) -> None:
        """Let *key* be gone."""
        self[key] = None

    def table(self) -> Table[K, V]:
        """Give the table with every write in it; the draft goes on from there."""
        base = self._base
        if self:
            self._base = base = base.updated(self, self._default)
            self.clear()
        return base
