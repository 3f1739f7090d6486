"""
The work queue: which keys are to be reconciled, each at most once at a time and never for nothing.

A key that is added while it waits is not added twice. A key that is added while it is being worked on waits until that
is done, and is then worked on once more, however often it was added.

Takes:    add, take, done.
Gives:    the next queue.
Source:   client-go util/workqueue; its sets dirty and processing are `wanted` and `working` here.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import attrs

from reconcile.lib.quick import quick
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table

K = TypeVar("K", bound=Any)

_NO_KEYS: Final[Table[Any, bool]] = Table()
_NO_LINE: Final[Sequence[Any]] = Sequence()
_YES: Final = True  # the value of a table of which only the keys count


@quick
@attrs.frozen(weakref_slot=False)
class WorkQueue(Generic[K]):
    """
    Keys in the order in which they are to be worked on.

    Args:
        wanted: the keys that wait, and those that will because they were added while they are worked on.
        line: those that wait, at its end; what stands before them was taken. It begins anew when none waits.
        count: how many wait.
        working: the keys that are worked on, as many as there are workers at most.
    """

    _wanted: Table[K, bool] = _NO_KEYS
    _line: Sequence[K] = _NO_LINE
    count: int = 0
    _working: tuple[K, ...] = ()

    def add(self, key: K) -> WorkQueue[K]:
        """Give a queue in which *key* is wanted; the same one if it is so already."""
        if key in self._wanted:
            return self
        wanted = self._wanted.set(key, _YES)
        if key in self._working:
            return WorkQueue(wanted, self._line, self.count, self._working)
        return WorkQueue(wanted, self._line.append(key), self.count + 1, self._working)

    def take(self) -> tuple[K, WorkQueue[K]]:
        """Take the key that waits longest, to work on it; IndexError if none waits."""
        if not self.count:
            raise IndexError("no key waits")
        line = self._line
        at = line.end - self.count
        key = line.between(at, at + 1)[0]
        rest = _NO_LINE if self.count == 1 else line.forget(at + 1)
        return key, WorkQueue(self._wanted.remove(key), rest, self.count - 1, (*self._working, key))

    def done(self, key: K) -> WorkQueue[K]:
        """Be done with *key*, which was taken: it waits again if it was added meanwhile."""
        working = self._working
        if key not in working:
            return self
        at = working.index(key)
        working = working[:at] + working[at + 1 :]
        if key in self._wanted:
            return WorkQueue(self._wanted, self._line.append(key), self.count + 1, working)
        return WorkQueue(self._wanted, self._line, self.count, working)

    def works_on(self, key: K) -> bool:
        """Tell whether *key* was taken and is not done."""
        return key in self._working

    def waiting(self) -> tuple[K, ...]:
        """Give the keys that wait, in order."""
        end = self._line.end
        return self._line.between(end - self.count, end)
