"""Each: one change made to every entry of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def each(entries: Any, change: Callable[[T], T]) -> Any:
    """Give *entries* with *change* made to each: the same tuple if none changed."""
    if not entries:
        return entries
    changed = tuple([change(entry) for entry in entries])
    for old, new in zip(entries, changed, strict=True):
        if old is not new:
            return changed
    return entries
