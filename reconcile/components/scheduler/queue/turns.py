"""
Turns: pods in the order of their turns; those of the same turn as they came.

Pods that come at one instant with one priority are of one turn, and most pods that are here together are so. They stand
in line, which costs little to join and to leave. Only who comes with another turn meanwhile goes into a timer queue.

Takes:    a pod's key, and its turn: a number, the lower the sooner.
Source:   the scheduler's active queue (PrioritySort).
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers


@quick
@attrs.frozen(weakref_slot=False)
class Turns:
    """
    Pods and their turns.

    Args:
        count: how many pods there are.
        turn: that of all who stand in line; none of *others* has it.
        line: the keys of those who stand in line, and of those who did, in the order in which they came.
        served: the position of the first who is still there.
        left: how many of a key's places in the line, the first ones, are those of a pod that went without a turn.
        others: pods with another turn.
    """

    count: int = 0
    turn: int = 0
    line: Sequence[str] = attrs.field(factory=Sequence)
    served: int = 0
    left: Table[str, int] = attrs.field(factory=Table)
    others: Timers[str] = attrs.field(factory=Timers)

    def add(self, key: str, turn: int) -> Turns:
        """Add a pod that is not here yet."""
        count = self.count
        if not count:
            alone: Turns = copier(Turns, "count", "turn", "line")(_NOBODY, 1, turn, _NOBODY.line.append(key))
            return alone
        if turn == self.turn and count > self.others.busy:
            joined: Turns = copier(Turns, "count", "line")(self, count + 1, self.line.append(key))
            return joined
        return replace(self, count=count + 1, others=self.others.set(key, turn))

    def remove(self, key: str) -> Turns:
        """Take a pod out that is here."""
        others, count = self.others, self.count - 1
        if others.get(key) is not None:
            return replace(self, count=count, others=others.cancel(key)) if count else _NOBODY
        if count == others.busy:
            return _without_line(others)
        left = self.left.set(key, self.left.get(key, 0) + 1)
        return replace(self, count=count, left=left)

    def pop(self) -> tuple[str, Turns]:
        """Take out the pod whose turn it is; there must be one."""
        others, count = self.others, self.count - 1
        if others.busy:
            first = others.first()
            assert first is not None, "there is one"
            if count < others.busy or first.at < self.turn:
                return first.key, replace(self, count=count, others=others.cancel(first.key)) if count else _NOBODY
        served, left = self.served, self.left
        (key,) = self.line.between(served, served + 1)
        while len(left) and key in left:
            more = left[key] - 1
            left = left.set(key, more) if more else left.remove(key)
            served += 1
            (key,) = self.line.between(served, served + 1)
        if count == others.busy:
            return key, _without_line(others)
        served += 1
        rest = copier(Turns, "count", "line", "served", "left")
        return key, rest(self, count, self.line.forget(served), served, left)


_NOBODY: Final = Turns()


def _without_line(others: Timers[str]) -> Turns:
    return Turns(others.busy, others=others) if others.busy else _NOBODY
