"""
Timers: a persistent queue of what is to happen when.

A leftist heap (Crane 1972; Okasaki 1998, chapter 3) orders instants: pushing and popping cost O(log n) in the worst
case, also for a fork that starts from an old queue. A table beside it says which entry of a key is the live one, so
that setting a key again or cancelling it costs no search: what is stale is skipped when it comes up, and swept when it
outnumbers the living.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

K = TypeVar("K", bound=Any)

# A heap is None or (rank, at, serial, key, left, right).
_Heap = Any
_SWEEP_FROM: Final = 64


@quick
@attrs.frozen(weakref_slot=False)
class Timer(Generic[K]):
    """One timer that is set: its key, when it is due, and whether it comes again and again while nothing happens."""

    key: K
    at: Instant
    serial: int
    periodic: bool


@quick
@attrs.frozen(weakref_slot=False)
class Timers(Generic[K]):
    """
    Timers by key; those due at the same instant come in the order in which they were set.

    Args:
        serial: how many were ever set.
        busy: how many of those that are set are not periodic: while there are any, something is under way.
    """

    _live: Table[K, Timer[K]] = attrs.field(factory=Table)
    _heap: _Heap = None
    _held: int = 0
    serial: int = 0
    busy: int = 0

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Timer[K]]:
        return iter(sorted(self._live.values(), key=lambda timer: (timer.at, timer.serial)))

    def get(self, key: K) -> Timer[K] | None:
        """Give the timer of *key* if it is set."""
        return self._live.get(key)

    def set(self, key: K, at: Instant, *, periodic: bool = False) -> Timers[K]:
        """Set *key* to be due *at* the given instant, in place of what it was set to."""
        old = self._live.get(key)
        timer = Timer(key, at, self.serial, periodic)
        busy = self.busy + (not periodic) - (old is not None and not old.periodic)
        heap, held = self._heap, self._held
        if held > _SWEEP_FROM and held > 2 * len(self._live):
            heap, held = self._swept()
        heap = _merge((1, at, self.serial, key, None, None), heap)
        return Timers(self._live.set(key, timer), heap, held + 1, self.serial + 1, busy)

    def cancel(self, key: K) -> Timers[K]:
        """Unset *key*; nothing happens if it is not set."""
        old = self._live.get(key)
        if old is None:
            return self
        return Timers(self._live.remove(key), self._heap, self._held, self.serial, self.busy - (not old.periodic))

    def first(self) -> Timer[K] | None:
        """Give the timer that is due first."""
        heap = self._heap
        while heap is not None:
            live = self._live.get(heap[3])
            if live is not None and live.serial == heap[2]:
                return live
            heap = _merge(heap[4], heap[5])
        return None

    def due(self, now: Instant) -> tuple[list[Timer[K]], Timer[K] | None]:
        """Give those that are due at *now*, in order, and the first of the others; it costs what is due."""
        rest, found = self, []
        while (timer := rest.first()) is not None and timer.at <= now:
            _, rest = rest.pop()
            found.append(timer)
        return found, timer

    def trimmed(self) -> Timers[K]:
        """Give these timers without the stale entries that lie before the first of the living."""
        heap, held = self._heap, self._held
        while heap is not None:
            live = self._live.get(heap[3])
            if live is not None and live.serial == heap[2]:
                break
            heap = _merge(heap[4], heap[5])
            held -= 1
        return self if heap is self._heap else Timers(self._live, heap, held, self.serial, self.busy)

    def pop(self) -> tuple[Timer[K], Timers[K]]:
        """Take out the timer that is due first; IndexError if there is none."""
        heap, held = self._heap, self._held
        while heap is not None:
            key = heap[3]
            live = self._live.get(key)
            serial = heap[2]
            heap = _merge(heap[4], heap[5])
            held -= 1
            if live is not None and live.serial == serial:
                rest = Timers(self._live.remove(key), heap, held, self.serial, self.busy - (not live.periodic))
                return live, rest
        raise IndexError("no timer is set")

    def _swept(self) -> tuple[_Heap, int]:
        heap: _Heap = None
        for timer in self._live.values():
            heap = _merge((1, timer.at, timer.serial, timer.key, None, None), heap)
        return heap, len(self._live)


def _merge(one: _Heap, other: _Heap) -> _Heap:
    if one is None:
        return other
    if other is None:
        return one
    if other[1] < one[1] or (other[1] == one[1] and other[2] < one[2]):
        one, other = other, one
    left, right = one[4], _merge(one[5], other)
    left_rank = 0 if left is None else left[0]
    if left_rank < right[0]:
        left, right = right, left
        left_rank, right_rank = left[0], 0 if right is None else right[0]
    else:
        right_rank = right[0]
    return (right_rank + 1, one[1], one[2], one[3], left, right)
