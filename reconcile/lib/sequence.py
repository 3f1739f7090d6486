"""
Sequence: a persistent log that grows at its end and is forgotten from its start.

Positions are absolute: the n-th item ever appended stands at n - 1 for ever, so a cursor is an integer that stays right
while the start moves.

Items stand in chunks of 32, and the chunks in a persistent vector (pyrsistent's), which is made for what grows at its
end, is read by position, and has one item replaced: append copies a chunk of at most 32 pointers, and once in 32 times
a path of the vector, be the sequence as long as it may; put copies one of each. A vector cannot be shortened at its
start for as little, so what is forgotten is taken out of its chunk at once, and the empty chunks leave the vector 64 at
a time.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import attrs
from pyrsistent import pvector
from pyrsistent.typing import PVector

from reconcile.lib.quick import quick

T = TypeVar("T")

_CHUNK: Final = 32
_STRIDE: Final = 64 * _CHUNK  # how many forgotten positions leave the vector together
_NO_CHUNKS: Final[PVector[Any]] = pvector()


@quick
@attrs.frozen(weakref_slot=False)
class Sequence(Generic[T]):
    """
    Items at positions `start` to `end` - 1; `end` is the position that the next item will have.

    `start` moves by whole chunks, so a few more items than asked may be kept.
    """

    start: int = 0
    end: int = 0
    _chunks: PVector[tuple[T, ...]] = _NO_CHUNKS  # the first one stands at a multiple of _STRIDE
    _tail: tuple[T, ...] = ()

    def append(self, item: T, keep: int | None = None) -> Sequence[T]:
        """Give a sequence with *item* at its end; if *keep* is given, only about so many of the last items are kept."""
        tail = (*self._tail, item)
        end = self.end + 1
        if len(tail) < _CHUNK:
            return Sequence(self.start, end, self._chunks, tail)
        grown = Sequence(self.start, end, self._chunks.append(tail), ())
        return grown if keep is None else grown.forget(end - keep)

    def between(self, first: int, last: int) -> tuple[T, ...]:
        """Give the items at positions *first* to *last* - 1; IndexError if some are forgotten."""
        if first < self.start:
            raise IndexError(f"position {first} is forgotten; the sequence starts at {self.start}")
        tail_at = self.end - len(self._tail)
        if first >= tail_at:
            return self._tail[first - tail_at : last - tail_at]
        found: list[T] = []
        chunks, origin = self._chunks, self.start // _STRIDE * _STRIDE
        for at in range(first // _CHUNK * _CHUNK, min(last, tail_at), _CHUNK):
            found += chunks[(at - origin) // _CHUNK][max(first - at, 0) : last - at]
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
        number, place = divmod(position - self.start // _STRIDE * _STRIDE, _CHUNK)
        return self._chunks[number][place]

    def put(self, position: int, item: T) -> Sequence[T]:
        """Give a sequence with *item* at *position* in place of what is there; IndexError as for `at`."""
        if not self.start <= position < self.end:
            raise IndexError(f"position {position} is not among {self.start} to {self.end - 1}")
        number, place = divmod(position - self.start // _STRIDE * _STRIDE, _CHUNK)
        chunks, tail = self._chunks, self._tail
        if number == len(chunks):
            return Sequence(self.start, self.end, chunks, (*tail[:place], item, *tail[place + 1 :]))
        chunk = chunks[number]
        chunk = (*chunk[:place], item, *chunk[place + 1 :])
        return Sequence(self.start, self.end, chunks.set(number, chunk), tail)

    def forget(self, before: int) -> Sequence[T]:
        """Give a sequence without the whole chunks that lie before position *before*."""
        tail_at = self.end - len(self._tail)
        start = min(before, tail_at) // _CHUNK * _CHUNK
        if start <= self.start:
            return self
        origin = self.start // _STRIDE * _STRIDE
        gone = start // _STRIDE * _STRIDE - origin
        chunks = self._chunks[gone // _CHUNK :] if gone else self._chunks
        for at in range(max(self.start, origin + gone), start, _CHUNK):
            chunks = chunks.set((at - origin - gone) // _CHUNK, ())
        return Sequence(start, self.end, chunks, self._tail)
