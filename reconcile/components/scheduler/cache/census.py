"""
The census: topologies and tallies, remembered from turn to turn and brought up to date when they are asked for.

It follows from the node cache and from who is where, so it decides nothing by itself. A `Census` is the value; an
`OpenCensus` is one that answers questions during one turn and notes what it has brought up to date. It belongs to the
call that opened it, and only `closed()` leaves it.

Source:   what PreFilter and PreScore of PodTopologySpread and InterPodAffinity find out anew for each pod.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from reconcile.components.scheduler.cache.guises import Guise, Selector, Sought
from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.cache.tallies import (
    Crowd,
    Headcount,
    Tally,
    counted_in,
    crowd_of,
    gathered,
    headcount,
    moves_since,
    tallied,
)
from reconcile.components.scheduler.cache.topologies import EVERYWHERE, Scope, Topology, mapped
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

# So many topologies, headcounts and tallies are kept of each; the one longest unused goes first.
KEPT: Final = 256


@quick
@attrs.frozen(weakref_slot=False)
class Kin:
    """
    Which pods belonged together with the last one, and what that followed from.

    Args:
        guise: the pod's.
        services: the services there were.
        asked: the selector of its workload.
        selector: which pods belong together with it.
    """

    guise: Guise
    services: Any
    asked: Any
    selector: Selector


@quick
@attrs.frozen(weakref_slot=False)
class Census:
    """
    What is kept, with the turn that last used it.

    Args:
        crowd: where pods of each guise are.
        topologies: by topology key and scope.
        headcounts: by what is sought.
        tallies: by what is sought, the topology key and the scope.
        turn: counts the turns that asked.
        kin: which pods belonged together with the last one that asked.
    """

    crowd: Crowd | None = None
    topologies: Table[tuple[str, Scope], tuple[int, Topology]] = attrs.field(factory=Table)
    headcounts: Table[Sought, tuple[int, Headcount]] = attrs.field(factory=Table)
    tallies: Table[tuple[Sought, str, Scope], tuple[int, Tally]] = attrs.field(factory=Table)
    turn: int = 0
    kin: Kin | None = None


class OpenCensus:
    """
    A census during one turn.

    Args:
        census: the value it begins with.
        nodes: the node cache.
        placed: gives (slot, guise) of every pod that is on a node; asked only if it must be.

    Attributes:
        kin: which pods belonged together with the last one that asked.
    """

    __slots__ = ("_crowd", "_headcounts", "_nodes", "_placed", "_tallies", "_topologies", "_turn", "kin")

    def __init__(self, census: Census, nodes: Nodes, placed: Callable[[], Iterable[tuple[int, Guise]]]) -> None:
        self._nodes = nodes
        self._placed = placed
        self._crowd = census.crowd
        self._topologies = census.topologies
        self._headcounts = census.headcounts
        self._tallies = census.tallies
        self._turn = census.turn + 1
        self.kin = census.kin

    def closed(self, census: Census) -> Census:
        """Give the census as of now: *census*, which it was opened on, if nothing has been brought up to date."""
        if (
            self._topologies is census.topologies
            and self._headcounts is census.headcounts
            and self._tallies is census.tallies
            and self.kin is census.kin
        ):
            return census
        return Census(self._crowd, self._topologies, self._headcounts, self._tallies, self._turn, self.kin)

    def topology(self, key: str, scope: Scope = EVERYWHERE) -> Topology:
        """Give the domains of a topology key."""
        used, old = self._topologies.get((key, scope), _UNUSED)
        if old is not None and old.seen == self._nodes.fleet.altered.end and self._turn - used < KEPT:
            return old
        found = mapped(old, key, scope, self._nodes)
        if found is not old or self._turn - used >= KEPT:
            self._topologies = self._kept(self._topologies, (key, scope), found, fresh=old is None)
        return found

    def headcount(self, sought: Sought) -> Headcount:
        """Tell how many pods each node has of those that are sought."""
        end = self._nodes.moved.end
        _, old = self._headcounts.get(sought, _UNUSED)
        if old is not None and old.seen == end:
            return old
        moves = None if old is None else moves_since(self._nodes, old.seen, sought)
        found = headcount(None, self._counts(sought), end) if moves is None else headcount(old, moves, end)
        self._headcounts = self._kept(self._headcounts, sought, found, fresh=old is None)
        return found

    def tally(self, sought: Sought, key: str, scope: Scope = EVERYWHERE) -> Tally:
        """Tell how many pods each domain of a topology key has of those that are sought."""
        shown = self.topology(key)
        counted = shown if scope == EVERYWHERE else self.topology(key, scope)
        end = self._nodes.moved.end
        _, old = self._tallies.get((sought, key, scope), _UNUSED)
        if (
            old is not None
            and old.seen == end
            and old.counted.places is counted.places
            and old.shown.places is shown.places
        ):
            return old
        moves = None if old is None else moves_since(self._nodes, old.seen, sought)
        if moves is None:
            found = tallied(None, self._counts(sought), end, counted, shown)
        else:
            found = tallied(old, moves, end, counted, shown)
        self._tallies = self._kept(self._tallies, (sought, key, scope), found, fresh=old is None)
        return found

    def _counts(self, sought: Sought) -> dict[int, int]:
        crowd = None if self._crowd is None else gathered(self._crowd, self._nodes)
        if crowd is None:
            crowd = crowd_of(self._placed(), self._nodes.moved.end)
        self._crowd = crowd
        return counted_in(crowd, sought)

    def _kept(self, table: Table[Any, Any], key: Any, value: Any, *, fresh: bool) -> Table[Any, Any]:
        table = table.set(key, (self._turn, value))
        return table.remove(min(table.items(), key=_last_use)[0]) if fresh and len(table) > KEPT else table


def _last_use(item: tuple[Any, tuple[int, Any]]) -> int:
    return item[1][0]


_UNUSED: Final[tuple[int, Any]] = (0, None)
