"""
The scheduling queue: pods that want a node, and when each has its turn.

A pod is in one of five places. `active`: its turn will come, by priority, then by how long it waits. `backoff`: it was
unschedulable a moment ago, and something has changed since; it waits for its back-off to end, or for a moment
without active pods. `failed`: an error stopped it; it waits for its back-off to end. `waiting`: no node will do, and
nothing has changed. `gated`: its scheduling gates hold it.

Source:   the scheduler's priority queue: 1 s of back-off, doubling to 10 s, in windows of whole seconds; pods that wait
          for five minutes are tried again.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.traits import Traits
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.queue.turns import Turns
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Index, Table
from reconcile.lib.timers import Timers

INITIAL_BACKOFF: Final = SECOND
LONGEST_BACKOFF: Final = 10 * SECOND
LONGEST_WAIT: Final = 5 * MINUTE
_DOUBLINGS: Final = 63

Place: TypeAlias = Literal["active", "backoff", "failed", "waiting", "gated"]
Group: TypeAlias = tuple[Demand, Wishes, Traits, tuple[str, ...]]
"""Pods that wait for the same: what they want, and which filters refused it."""

# Filters for which it does not matter what a pod is to others.
_BY_NODE_ALONE: Final = frozenset(
    {"NodeUnschedulable", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"}
)
_NO_TRAITS: Final = Traits()


@quick
@attrs.frozen(weakref_slot=False)
class Entry:
    """
    A pod in the queue.

    Args:
        pod: as the watch last told it.
        demand: what it takes.
        wishes: what it asks of nodes.
        traits: what it is to other pods, and asks of them.
        place: where in the queue it is.
        since: when it came to the queue, or back to it after a try.
        unschedulable: how many tries found no node.
        errors: how many tries in a row ended in an error.
        plugins: which filters refused nodes at the last try, sorted.
    """

    pod: Any
    demand: Demand
    wishes: Wishes
    traits: Traits
    place: Place
    since: Instant
    unschedulable: int = 0
    errors: int = 0
    plugins: tuple[str, ...] = ()


def _grouped(entry: Entry) -> tuple[Group, ...]:
    traits = _NO_TRAITS if _BY_NODE_ALONE.issuperset(entry.plugins) else entry.traits
    return ((entry.demand, entry.wishes, traits, entry.plugins),)


_WAITING_INDEXES: Final = (Index("group", _grouped),)


@quick
@attrs.frozen(weakref_slot=False)
class Queue:
    """
    The queue.

    Args:
        entries: pod -> Entry, for every pod in it.
        active: pods in the order of their turns.
        backoff: pods in the order in which their back-off ends.
        failed: likewise.
        waiting: the entries that wait, for each group.
        oldest: waiting pods by when they are tried again whatever happens.
        groups: the groups that have waiting pods.
        initial, longest: how long the back-off is after the first try, and at most.
        sort: gives a pod's place as a number, the lower the sooner; None: its priority does.
    """

    entries: Table[str, Entry] = attrs.field(factory=Table)
    active: Turns = attrs.field(factory=Turns)
    backoff: Timers[str] = attrs.field(factory=Timers)
    failed: Timers[str] = attrs.field(factory=Timers)
    waiting: Table[str, Entry] = Table(_WAITING_INDEXES)
    oldest: Timers[str] = attrs.field(factory=Timers)
    groups: Table[Group, None] = attrs.field(factory=Table)
    initial: Duration = INITIAL_BACKOFF
    longest: Duration = LONGEST_BACKOFF
    sort: Callable[[Any], int] | None = None


def has_turn(queue: Queue) -> bool:
    """Tell whether some pod can have its turn now."""
    return bool(queue.active.count or queue.backoff.busy)


def put(queue: Queue, key: str, entry: Entry) -> Queue:
    """Put a pod where its entry says, whether or not it is in the queue."""
    if key in queue.entries:
        queue = without(queue, key)
    entries = queue.entries.set(key, entry)
    match entry.place:
        case "active":
            after: Queue = copier(Queue, "entries", "active")(
                queue, entries, queue.active.add(key, _turn(entry, queue.sort))
            )
            return after
        case "backoff":
            return replace(queue, entries=entries, backoff=queue.backoff.set(key, _end_order(queue, entry)))
        case "failed":
            return replace(queue, entries=entries, failed=queue.failed.set(key, _end_order(queue, entry)))
        case "waiting":
            return replace(
                queue,
                entries=entries,
                waiting=queue.waiting.set(key, entry),
                oldest=queue.oldest.set(key, entry.since + LONGEST_WAIT),
                groups=queue.groups.set(_grouped(entry)[0], None),
            )
        case "gated":
            return replace(queue, entries=entries)


def refreshed(queue: Queue, key: str, entry: Entry) -> Queue:
    """Keep a pod where it is, with what is new of it; nothing may be new that its place depends on."""
    return replace(queue, entries=queue.entries.set(key, entry))


def without(queue: Queue, key: str) -> Queue:
    """Take a pod out; nothing happens if it is not in the queue."""
    entry = queue.entries.get(key, None)
    if entry is None:
        return queue
    entries = queue.entries.remove(key)
    match entry.place:
        case "active":
            return replace(queue, entries=entries, active=queue.active.remove(key))
        case "backoff":
            return replace(queue, entries=entries, backoff=queue.backoff.cancel(key))
        case "failed":
            return replace(queue, entries=entries, failed=queue.failed.cancel(key))
        case "waiting":
            group = _grouped(entry)[0]
            waiting = queue.waiting.remove(key)
            groups = queue.groups if waiting.count("group", group) else queue.groups.remove(group)
            oldest = queue.oldest.cancel(key)
            return replace(queue, entries=entries, waiting=waiting, oldest=oldest, groups=groups)
        case "gated":
            return replace(queue, entries=entries)


def popped(queue: Queue) -> tuple[str, Entry, Queue] | None:
    """Take out the pod whose turn it is; if none is active, the one whose back-off would end first."""
    active, backoff = queue.active, queue.backoff
    if active.count:
        key, active = active.pop()
    elif backoff.busy:
        timer, backoff = backoff.pop()
        key = timer.key
    else:
        return None
    entry = queue.entries[key]
    entries = queue.entries.remove(key)
    return key, entry, copier(Queue, "entries", "active", "backoff")(queue, entries, active, backoff)


def woken(queue: Queue, groups: list[Group], now: Instant) -> Queue:
    """Something has changed that may help these groups: their pods leave `waiting`."""
    for group in groups:
        for key in queue.waiting.keys_under("group", group):
            queue = _retried(queue, key, queue.entries[key], now)
    return queue


def roused(queue: Queue, keys: Iterable[str], now: Instant) -> Queue:
    """Something has changed that may help these pods, which wait."""
    for key in keys:
        queue = _retried(queue, key, queue.entries[key], now)
    return queue


def flushed(queue: Queue, now: Instant) -> Queue:
    """Let go on what has waited long enough: back-offs that are over, pods that wait for five minutes."""
    while queue.backoff.busy and _ends(queue.backoff) <= now:
        timer, backoff = queue.backoff.pop()
        queue = _activated(replace(queue, backoff=backoff), timer.key)
    while queue.failed.busy and _ends(queue.failed) <= now:
        timer, failed = queue.failed.pop()
        queue = _activated(replace(queue, failed=failed), timer.key)
    while queue.oldest.busy:
        timer, oldest = queue.oldest.pop()
        if timer.at > now:
            return queue
        queue = _retried(replace(queue, oldest=oldest), timer.key, queue.entries[timer.key], now)
    return queue


def next_retry(queue: Queue) -> Instant | None:
    """Tell when the first back-off after an error is over."""
    return _ends(queue.failed) if queue.failed.busy else None


def next_flush(queue: Queue) -> Instant | None:
    """Tell when the first waiting pod has waited for too long."""
    first = queue.oldest.first()
    return None if first is None else first.at


def backoff_ends(queue: Queue, entry: Entry) -> Instant:
    """Tell when the pod may be tried again, in whole seconds, rounded down."""
    return (entry.since + _backoff(queue, entry)) // SECOND * SECOND


def _activated(queue: Queue, key: str) -> Queue:
    return put(queue, key, replace(queue.entries[key], place="active"))


def _ends(backoffs: Timers[str]) -> Instant:
    first = backoffs.first()
    assert first is not None, "asked only if there is one"
    return first.at >> _RANK_BITS


def _retried(queue: Queue, key: str, entry: Entry, now: Instant) -> Queue:
    place: Place = "backoff" if backoff_ends(queue, entry) > now else "active"
    return put(queue, key, replace(entry, place=place))


def _backoff(queue: Queue, entry: Entry) -> Duration:
    tries = entry.errors or entry.unschedulable
    if not tries:
        return 0
    return min(queue.initial << min(tries - 1, _DOUBLINGS), queue.longest)


# A turn is one number: what counts more stands higher.
_RANK_BITS: Final = 33
_INSTANT_BITS: Final = 80
_RANKS: Final = 1 << 32


def _rank(entry: Entry) -> int:
    """Give the pod's priority, the highest as the lowest number."""
    return _RANKS - (entry.pod.spec.priority or 0)


def _turn(entry: Entry, sort: Callable[[Any], int] | None) -> int:
    if sort is not None:
        turn = sort(entry.pod)
        if not isinstance(turn, int):
            raise ReconcileError(f"the plugin that sorts the queue: queue_sort gave {turn!r}, which is no int")
        return turn << _INSTANT_BITS | entry.since
    return (_RANKS - (entry.pod.spec.priority or 0)) << _INSTANT_BITS | entry.since


def _end_order(queue: Queue, entry: Entry) -> int:
    return backoff_ends(queue, entry) << _RANK_BITS | _rank(entry)
