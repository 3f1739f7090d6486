"""State: what the scheduler remembers."""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.scheduler.demand import Demand
from reconcile.components.scheduler.nodes import Nodes
from reconcile.components.scheduler.queue import Entry, Queue
from reconcile.components.scheduler.ranking import Layout, Ranking
from reconcile.components.scheduler.wishes import Wishes
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.watches import Watch

PROFILE: Final = "default-scheduler"
_WATCHED: Final = 2


@quick
@attrs.frozen(weakref_slot=False)
class Placed:
    """
    A pod that is on a node, or is about to be.

    Args:
        node: the node's name.
        uid: the pod's.
        demand: what it takes there.
        assumed: whether only we say so yet: it is being bound, or the watch lags.
        entry: its entry in the queue, as long as the answer to its binding is not there.
    """

    node: str
    uid: str
    demand: Demand
    assumed: bool
    entry: Entry | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    What is kept instead of found out anew: the rankings and layouts lately used, with when that was; the last new pod.

    It follows from the node cache and the pods and decides nothing, so states are compared without it.

    Args:
        rankings: by demand, with the turn that last used it.
        layouts: by wishes, likewise.
        turn: counts the pods that had a turn.
        last: a pod that came to the queue: the next one is mostly of the same template.
    """

    rankings: Table[Demand, tuple[int, Ranking]] = attrs.field(factory=Table)
    layouts: Table[Wishes, tuple[int, Layout]] = attrs.field(factory=Table)
    turn: int = 0
    last: Entry | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Clock:
    """
    What seldom changes.

    Args:
        started: when the process started.
        synced: the watches that have told what there is.
        retry_at: when the timer for back-offs is due.
        flush_at: when the timer for pods that wait for too long is due.
    """

    started: Instant = 0
    synced: tuple[str, ...] = ()
    retry_at: Instant | None = None
    flush_at: Instant | None = None

    @property
    def runs(self) -> bool:
        """Whether both watches have told what there is: before, nothing is scheduled."""
        return len(self.synced) == _WATCHED


@quick
@attrs.frozen(weakref_slot=False)
class State:
    """
    One scheduler's view of the cluster; it may lag behind the API server.

    Args:
        dice: draws among nodes that are equally good.
        queue: pods that want a node.
        nodes: the node cache.
        placed: pod -> where it is.
        memory: rankings of nodes.
        clock: when it started, which timers are set.
    """

    dice: Dice
    queue: Queue = attrs.field(factory=Queue)
    nodes: Nodes = attrs.field(factory=Nodes)
    placed: Table[str, Placed] = attrs.field(factory=Table)
    memory: Memory = attrs.field(factory=Memory, eq=False)
    clock: Clock = attrs.field(factory=Clock)


def begin(dice: Dice) -> State:
    """Give a scheduler that has just started and knows nothing."""
    return State(dice=dice)


def watches(state: State) -> tuple[Watch, ...]:  # noqa: ARG001 -- every component is asked with its state
    """Tell what a scheduler watches."""
    return (Watch("nodes", "nodes"), Watch("pods", "pods"))
