"""
The past: what a store had, and which changes came since, as far as it keeps them.

Takes:    a Store, be it a value or open for writing.
Gives:    positions in its channels, and tables as they were.
Source:   https://etcd.io/docs/v3.6/learning/data_model/
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from typing import Any

from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.store.store import WINDOW, Change, Reads


def table_at(store: Reads, resource: str, position: int) -> Table[str, Any]:
    """
    Give the table of *resource* as it was when its channel ended at *position*: what a cache that lags there holds.

    It is made of the present table by undoing what came after, which costs what the cache lags.

    Raises:
        IndexError: changes after *position* are forgotten.
    """
    table, history = store.table(resource), store.history(resource)
    # Of several changes of one key the first says what was there.
    return table.updated({change.key: change.old for change in reversed(history.between(position, history.end))})


def position_after(history: Sequence[Change], revision: int) -> int:
    """Give the position of the first kept change of a later revision."""
    low, high = history.start, history.end
    while low < high:
        middle = (low + high) // 2
        if history.between(middle, middle + 1)[0].revision <= revision:
            low = middle + 1
        else:
            high = middle
    return low


def position_since(store: Reads, channel: str, revision: int) -> int | None:
    """Give the position of the first change of a channel after *revision*; None if some after it may be forgotten."""
    history = store.history(channel)
    position = position_after(history, revision)
    if revision < store.compacted:
        return None
    # Compaction forgot nothing that is later than `compacted`; what left a full window may be.
    full = history.end - history.start >= WINDOW
    return None if full and position == history.start and position > 0 else position
