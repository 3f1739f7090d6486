"""
Trials: what preemption found on nodes, remembered from turn to turn for the next pod of the same kind.

What a dry run finds on a node follows from the kind of pod, from the node, from the pods there and from the budgets. As
long as none of these has changed it need not be tried again. It decides nothing by itself: whoever remembers nothing
finds the same. `Trials` is the value; an `OpenTrials` answers during one turn, belongs to the call that opened it, and
only `closed()` leaves it.

Source:   the dry runs that the scheduler plugin DefaultPreemption makes anew for each pod.
Left out: a change of any budget makes all of it forgotten.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Nodes, moved_since
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

# What was found is kept for so many kinds of pods; the one longest unused goes first.
KEPT: Final = 16

Kind = tuple[Demand, Wishes, int, str]
"""What a pod asks of a node, its priority, and the name of its profile."""


@quick
@attrs.frozen(weakref_slot=False)
class Trials:
    """
    What was found.

    Args:
        kinds: kind -> the turn that last used it, and slot -> what was found there.
        seen: how far in the journal of the node cache that holds.
        pods: the pods that were known then; None if nothing was ever tried.
        budgets: likewise.
        turn: counts the turns that tried.
    """

    kinds: Table[Kind, tuple[int, Table[int, Any]]] = attrs.field(factory=Table)
    seen: int = 0
    pods: Table[str, Any] | None = None
    budgets: Table[str, Any] | None = None
    turn: int = 0


class OpenTrials:
    """
    Trials during one turn.

    Args:
        trials: the value it begins with.
        nodes: the node cache.
        views: the informer caches.
        placed: pod -> where it is: a value that has a node's name as `node`.
    """

    __slots__ = ("_kinds", "_nodes", "_placed", "_trials", "_turn", "_views")

    def __init__(self, trials: Trials, nodes: Nodes, views: Views, placed: Table[str, Any]) -> None:
        self._trials = trials
        self._nodes = nodes
        self._views = views
        self._placed = placed
        self._turn = trials.turn + 1
        self._kinds: Table[Kind, tuple[int, Table[int, Any]]] | None = None

    def of(self, kind: Kind) -> Table[int, Any]:
        """Give what is known of a kind of pod: slot -> what was found there."""
        if self._kinds is None:
            self._kinds = self._caught_up()
        return self._kinds.get(kind, _UNTRIED)[1]

    def note(self, kind: Kind, found: Table[int, Any]) -> None:
        """Remember what is known of a kind of pod now."""
        kinds = self._kinds if self._kinds is not None else self._caught_up()
        fresh = kind not in kinds
        kinds = kinds.set(kind, (self._turn, found))
        self._kinds = kinds.remove(min(kinds.items(), key=_last_use)[0]) if fresh and len(kinds) > KEPT else kinds

    def closed(self, trials: Trials) -> Trials:
        """Give the trials as of now: *trials*, which they were opened on, if nobody has asked."""
        if self._kinds is None:
            return trials
        views = self._views
        return Trials(self._kinds, self._nodes.moved.end, views.pods, views.budgets, self._turn)

    def _caught_up(self) -> Table[Kind, tuple[int, Table[int, Any]]]:
        """Give what still holds."""
        trials = self._trials
        stale = self._stale(trials)
        if stale is None:
            return Table()
        kinds = trials.kinds
        if stale:
            gone = dict.fromkeys(stale)
            for kind, (used, found) in kinds.items():
                left = found.updated(gone)
                kinds = kinds if left is found else kinds.set(kind, (used, left))
        return kinds

    def _stale(self, trials: Trials) -> list[int] | None:
        """Give the slots where something has changed since; None if that may be anywhere."""
        before, pods = trials.pods, self._views.pods
        if before is None or trials.budgets is not self._views.budgets:
            return None
        moved = moved_since(self._nodes, trials.seen)
        if moved is None:
            return None
        slots, placed = self._nodes.fleet.slots, self._placed
        stale = {*moved}
        for key, old, new in pods.differences(before) if pods is not before else ():
            # One that is on its way there has no node's name yet.
            there = placed.get(key, None)
            names = [pod.spec.node_name for pod in (old, new) if pod is not None]
            for name in (*names, there.node if there is not None else None):
                slot = slots.get(name, None) if name else None
                if slot is not None:
                    stale.add(slot)
        return sorted(stale)


def _last_use(item: tuple[Kind, tuple[int, Any]]) -> int:
    return item[1][0]


_UNTRIED: Final[tuple[int, Table[int, Any]]] = (0, Table())
