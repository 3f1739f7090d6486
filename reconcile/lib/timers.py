"""
Timers: a persistent queue of what is to happen when.

A leftist heap (Crane 1972; Okasaki 1998, chapter 3) orders instants: pushing and popping cost O(log n) in the worst
case, also for a fork that starts from an old queue. A table beside it says which entry of a key is the live one, so
that setting a key again or cancelling it costs no search: what is stale is skipped when it comes up, and swept when it
outnumbers the living.

`OpenTimers` is the same queue while it is being written, as a draft is to a table: most timers of a run are set and
come up within it, and never enter the persistent heap.
"""

from __future__ import annotations

import heapq
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

UNKNOWN: Final = -(2**64)
NEVER: Final = 2**64
"""Before and after every instant."""


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
        opened = OpenTimers(self)
        opened.set(key, at, periodic=periodic)
        return opened.closed()

    def cancel(self, key: K) -> Timers[K]:
        """Unset *key*; nothing happens if it is not set."""
        opened = OpenTimers(self)
        opened.cancel(key)
        return opened.closed()

    def first(self) -> Timer[K] | None:
        """Give the timer that is due first."""
        return OpenTimers(self).first()

    def pop(self) -> tuple[Timer[K], Timers[K]]:
        """Take out the timer that is due first; IndexError if there is none."""
        opened = OpenTimers(self)
        return opened.pop(), opened.closed()

    def due(self, now: Instant) -> tuple[list[Timer[K]], Timer[K] | None]:
        """Give those that are due at *now*, in order, and the first of the others; it costs what is due."""
        rest, found = OpenTimers(self), []
        while (timer := rest.first()) is not None and timer.at <= now:
            found.append(rest.pop())
        return found, timer


class OpenTimers(Generic[K]):
    """
    Timers that are being written; `closed()` gives them as a value.

    `next_at` is when the first is due: asking it costs nothing, and at every step somebody asks. It is `NEVER` if there
    is none, and `UNKNOWN`, which is always due, until `first` has looked.
    """

    __slots__ = ("_base", "_first", "_held", "_new", "_old", "_written", "busy", "next_at", "serial")

    def __init__(self, timers: Timers[K]) -> None:
        self._base = timers
        self._old, self._held = timers._heap, timers._held  # noqa: SLF001 -- the other half of that class
        self._new: list[tuple[Instant, int, K]] = []
        self._written: dict[K, Timer[K] | None] = {}
        self._first: Timer[K] | None = None
        self.next_at = UNKNOWN
        self.serial = timers.serial
        self.busy = timers.busy

    def get(self, key: K) -> Timer[K] | None:
        """Give the timer of *key* if it is set."""
        try:
            return self._written[key]
        except KeyError:
            return self._base.get(key)

    def set(self, key: K, at: Instant, *, periodic: bool = False) -> None:
        """Set *key* to be due *at* the given instant, in place of what it was set to."""
        self.cancel(key)
        serial = self.serial
        timer = self._written[key] = Timer(key, at, serial, periodic)
        heapq.heappush(self._new, (at, serial, key))
        self.serial = serial + 1
        if not periodic:
            self.busy += 1
        if UNKNOWN < at < self.next_at:
            self._first, self.next_at = timer, at

    def cancel(self, key: K) -> None:
        """Unset *key*; nothing happens if it is not set."""
        old = self.get(key)
        if old is None:
            return
        self._written[key] = None
        if not old.periodic:
            self.busy -= 1
        if old is self._first:
            self._first, self.next_at = None, UNKNOWN

    def first(self) -> Timer[K] | None:
        """Give the timer that is due first."""
        if self.next_at == UNKNOWN:
            old, new = self._first_old(), self._first_new()
            if old is None or (new is not None and (new.at, new.serial) < (old.at, old.serial)):
                old = new
            self._first, self.next_at = old, NEVER if old is None else old.at
        return self._first

    def pop(self) -> Timer[K]:
        """Take out the timer that is due first; IndexError if there is none."""
        timer = self.first()
        if timer is None:
            raise IndexError("no timer is set")
        self.cancel(timer.key)
        return timer

    def closed(self) -> Timers[K]:
        """Give the timers as they are now; these may go on."""
        base, heap, held = self._base, self._old, self._held
        if not self._written and heap is base._heap:  # noqa: SLF001 -- the other half of that class
            return base
        live = base._live.updated(self._written)  # noqa: SLF001 -- the same
        for key, timer in self._written.items():
            if timer is not None:
                heap, held = _merge((1, timer.at, timer.serial, key, None, None), heap), held + 1
        if held > _SWEEP_FROM and held > 2 * len(live):
            heap, held = _swept(live)
        OpenTimers.__init__(self, Timers(live, heap, held, self.serial, self.busy))
        return self._base

    def _first_old(self) -> Timer[K] | None:
        heap = self._old
        while heap is not None:
            key = heap[3]
            if key not in self._written:
                live = self._base.get(key)
                if live is not None and live.serial == heap[2]:
                    return live
            self._old = heap = _merge(heap[4], heap[5])
            self._held -= 1
        return None

    def _first_new(self) -> Timer[K] | None:
        heap = self._new
        while heap:
            _, serial, key = heap[0]
            timer = self._written[key]
            if timer is not None and timer.serial == serial:
                return timer
            heapq.heappop(heap)
        return None


def _swept(live: Table[K, Timer[K]]) -> tuple[_Heap, int]:
    heap: _Heap = None
    for timer in live.values():
        heap = _merge((1, timer.at, timer.serial, timer.key, None, None), heap)
    return heap, len(live)


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
