"""
The work queue: which keys are to be reconciled, each at most once at a time and never for nothing.

A key that is added while it waits is not added twice. A key that is added while it is being worked on waits until that
is done, and is then worked on once more, however often it was added.

Takes:    add, take, done.
Gives:    the next queue.
Source:   client-go util/workqueue; its sets dirty and processing are one table of marks here, its queue is a sequence.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import attrs

from reconcile.lib.quick import quick
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table

K = TypeVar("K", bound=Any)

# A key's mark; a key without one is neither wanted nor worked on.
_QUEUED: Final = 1
_PROCESSING: Final = 2
_PROCESSING_AND_DIRTY: Final = 3


@quick
@attrs.frozen(weakref_slot=False)
class WorkQueue(Generic[K]):
    """Keys in the order in which they are to be worked on; *count* is how many wait."""

    _marks: Table[K, int] = attrs.field(factory=Table)
    _line: Sequence[K] = attrs.field(factory=Sequence)
    count: int = 0

    def add(self, key: K) -> WorkQueue[K]:
        """Give a queue in which *key* is wanted; the same one if it is so already."""
        mark = self._marks.get(key, 0)
        if mark == 0:
            return WorkQueue(self._marks.set(key, _QUEUED), self._line.append(key), self.count + 1)
        if mark == _PROCESSING:
            return WorkQueue(self._marks.set(key, _PROCESSING_AND_DIRTY), self._line, self.count)
        return self

    def first(self) -> K:
        """Give the key that waits longest; IndexError if none waits."""
        if not self.count:
            raise IndexError("no key waits")
        first = self._line.end - self.count
        return self._line.between(first, first + 1)[0]

    def take(self) -> WorkQueue[K]:
        """Take `first()` to work on it."""
        return WorkQueue(self._marks.set(self.first(), _PROCESSING), self._shorter(), self.count - 1)

    def pop(self) -> WorkQueue[K]:
        """Take `first()` and be done with it at once: `take` and `done` in one."""
        return WorkQueue(self._marks.remove(self.first()), self._shorter(), self.count - 1)

    def done(self, key: K) -> WorkQueue[K]:
        """Be done with *key*, which was taken: it waits again if it was added meanwhile."""
        mark = self._marks.get(key, 0)
        if mark == _PROCESSING_AND_DIRTY:
            return WorkQueue(self._marks.set(key, _QUEUED), self._line.append(key), self.count + 1)
        if mark == _PROCESSING:
            return WorkQueue(self._marks.remove(key), self._line, self.count)
        return self

    def works_on(self, key: K) -> bool:
        """Tell whether *key* was taken and is not done."""
        return self._marks.get(key, 0) > _QUEUED

    def waiting(self) -> tuple[K, ...]:
        """Give the keys that wait, in order."""
        end = self._line.end
        return self._line.between(end - self.count, end)

    def _shorter(self) -> Sequence[K]:
        return self._line.forget(self._line.end - self.count + 1)
