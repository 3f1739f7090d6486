"""
Sequence: a persistent log that grows at its end and is forgotten from its start.

Positions are absolute: the n-th item ever appended stands at n - 1 for ever, so a cursor is an integer that stays right
while the start moves. Append copies at most one chunk of 32 pointers, and at every 32nd item a pointer for each chunk.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import attrs

from reconcile.lib.quick import quick

T = TypeVar("T")

_CHUNK: Final = 32


@quick
@attrs.frozen(weakref_slot=False)
class Sequence(Generic[T]):
    """
    Items at positions `start` to `end` - 1; `end` is the position that the next item will have.

    `start` moves by whole chunks, so a few more items than asked may be kept.
    """

    start: int = 0
    end: int = 0
    _chunks: tuple[tuple[T, ...], ...] = ()
    _tail: tuple[T, ...] = ()

    def append(self, item: T, keep: int | None = None) -> Sequence[T]:
        """Give a sequence with *item* at its end; if *keep* is given, only about so many of the last items are kept."""
        tail = (*self._tail, item)
        end = self.end + 1
        if len(tail) < _CHUNK:
            return Sequence(self.start, end, self._chunks, tail)
        grown = Sequence(self.start, end, (*self._chunks, tail), ())
        return grown if keep is None else grown.forget(end - keep)

    def between(self, first: int, last: int) -> tuple[T, ...]:
        """Give the items at positions *first* to *last* - 1; IndexError if some are forgotten."""
        if first < self.start:
            raise IndexError(f"position {first} is forgotten; the sequence starts at {self.start}")
        tail_at = self.end - len(self._tail)
        if first >= tail_at:
            return self._tail[first - tail_at : last - tail_at]
        found: list[T] = []
        at = first - (first - self.start) % _CHUNK
        for chunk in self._chunks[(first - self.start) // _CHUNK :]:
            if at >= last:
                break
            found += chunk[max(first - at, 0) : last - at]
            at += _CHUNK
        if last > tail_at:
            found += self._tail[: last - tail_at]
        return tuple(found)

    def at(self, position: int) -> T:
        """Give the item at *position*, in constant time; IndexError if it is forgotten or not there yet."""
        tail_at = self.end - len(self._tail)
        if position >= tail_at:
            return self._tail[position - tail_at]
        if position < self.start:
            raise IndexError(f"position {position} is forgotten; the sequence starts at {self.start}")
        number, place = divmod(position - self.start, _CHUNK)
        return self._chunks[number][place]

    def put(self, position: int, item: T) -> Sequence[T]:
        """Give a sequence with *item* at *position* in place of what is there; IndexError as for `at`."""
        if not self.start <= position < self.end:
            raise IndexError(f"position {position} is not among {self.start} to {self.end - 1}")
        number, place = divmod(position - self.start, _CHUNK)
        chunks, tail = self._chunks, self._tail
        if number == len(chunks):
            return Sequence(self.start, self.end, chunks, (*tail[:place], item, *tail[place + 1 :]))
        chunk = chunks[number]
        chunk = (*chunk[:place], item, *chunk[place + 1 :])
        return Sequence(self.start, self.end, (*chunks[:number], chunk, *chunks[number + 1 :]), tail)

    def forget(self, before: int) -> Sequence[T]:
        """Give a sequence without the whole chunks that lie before position *before*."""
        gone = min((before - self.start) // _CHUNK, len(self._chunks))
        if gone <= 0:
            return self
        return Sequence(self.start + gone * _CHUNK, self.end, self._chunks[gone:], self._tail)
