"""
A member of an etcd cluster: a store that follows the log on which the members agree.

Each member applies the log to a store of its own. Applying is pure, so members that have come equally far share one
object: what was made of a store and an entry is remembered for a while.

Takes:    Started, TimerFired, Heard, Synced, ReadWanted, WriteWanted, ChangeWanted, MoveWanted.
Gives:    SetTimer, Post, Sync, WakeUp, Applied, Restored, Readable, Written, Failed, LeaderKnown, Exit.
Source:   etcd 3.6: server/etcdserver (a request is given up after 7 s; only the leader lets leases run out, and gives
          each its whole time again when it begins to lead; who is removed ends a second after it has applied that, or
          once another member answers that it is), https://etcd.io/docs/v3.6/learning/api_guarantees/.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeAlias

import attrs

from reconcile.components.etcd import raft
from reconcile.components.etcd.housekeeping import COMPACTION_INTERVAL
from reconcile.components.etcd.values import (
    Applied,
    ChangeWanted,
    Compaction,
    Failed,
    Gone,
    Heard,
    LeaderKnown,
    Maintenance,
    MaintenanceWanted,
    MemberEvent,
    MoveWanted,
    Post,
    Readable,
    ReadWanted,
    Restored,
    Revocation,
    Sync,
    Synced,
    WakeUp,
    Write,
    WriteWanted,
    Written,
)
from reconcile.effects import Exit, SetTimer
from reconcile.events import Started, TimerFired
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.store import (
    Change,
    OpenStore,
    Refused,
    Store,
    Txn,
    channels_of,
    compact,
    defragment,
    disarm,
    grant,
    revoke,
)

_PATIENCE: Final[Duration] = 5 * SECOND
REQUEST_TIMEOUT: Final[Duration] = _PATIENCE + 2 * SECOND
"""5 s, and two election timeouts (etcd's `ReqTimeout`), as these are by default."""

TIMED_OUT: Final = "etcdserver: request timed out"

_LEAVES: Final[Duration] = SECOND
_LAST_WORDS: Final = (
    '{"level":"warn","msg":"server error","error":"the member has been permanently removed from the cluster"}',
    '{"level":"warn","msg":"data-dir used by this member must be removed"}',
)

# Every so many entries a snapshot takes the place of those before; what it costs here is a pointer.
_SNAPSHOT: Final = 500
TIMING: Final = raft.Timing(kept=250)

_Step: TypeAlias = tuple["Member", tuple[Any, ...]]
_Timing: TypeAlias = raft.Timing  # a member has a field of the module's name


@quick
@attrs.frozen(weakref_slot=False)
class Member:
    """
    A member while it runs.

    Args:
        name: its own.
        disk: with which it begins.
        dice: draw its election timeouts.
        raft: its part in the agreement; None until it has started.
        store: what it has applied.
        marked: the revision as of the last compaction that it asked for, to which it compacts next.
        asked: what it was asked and has not answered, by number: until when, and whether it is a read.
        timing: how long members wait for each other.
    """

    name: str
    disk: raft.Disk
    dice: Dice
    raft: raft.State | None = None
    store: Store = Store()
    marked: int = 0
    asked: tuple[tuple[int, Instant, bool], ...] = ()
    timing: _Timing = TIMING


def step(state: Member, event: Started | TimerFired | MemberEvent) -> _Step:
    """Take *event* in."""
    now = event.now
    if isinstance(event, Started):
        begun, effects = raft.begin(state.name, state.disk, state.dice, now, state.timing)
        again = SetTimer(("compact",), now + COMPACTION_INTERVAL, periodic=True)
        after, orders = _taken(replace(state, disk=raft.Disk()), begun, effects, now)
        return after, (*orders, again)
    if state.raft is None:
        return state, ()
    match event:
        case TimerFired(_, key):
            return _on_timer(state, key, now)
        case Heard(_, message):
            if isinstance(message, Gone):
                return state, (Exit(0, wrote=_LAST_WORDS),)
            return _told(state, raft.Received(message), now)
        case Synced(_, number):
            return _told(state, raft.Persisted(number), now)
        case ReadWanted(_, number):
            return _ask(state, number, raft.ReadAsked(number), now)
        case WriteWanted(_, write):
            return _ask(state, write.number, raft.Proposed(write), now)
        case ChangeWanted(_, change):
            return _told(state, raft.Proposed(change), now)
        case MaintenanceWanted(_, what):
            return _told(state, raft.Proposed(what), now)
        case MoveWanted(_, to):
            return _told(state, raft.TransferAsked(to), now)


def _on_timer(state: Member, key: tuple[Any, ...], now: Instant) -> _Step:
    match key:
        case ("compact",):
            return _on_compact(state, now)
        case ("timeout",):
            return _on_timeout(state, now)
        case ("lease", lease):
            return _on_lease(state, lease, now)
        case ("removed",):
            # Its log may tell that it was removed, and then that it was added again.
            belongs = state.raft is not None and state.name in state.raft.membership.everyone
            return state, () if belongs else (Exit(0, wrote=_LAST_WORDS),)
        case _:
            return _told(state, raft.Elapsed(), now)


def leader_of(state: Any) -> str:
    """Give the leader that a member knows; empty if it knows none, has not begun, or is paused."""
    return state.raft.leader if isinstance(state, Member) and state.raft is not None else ""


def leads(state: Any) -> bool:
    """Tell whether this member, which is not paused, believes that it leads."""
    return isinstance(state, Member) and state.raft is not None and state.raft.role == "leader"


def moved(state: Member, by: Duration) -> Member:
    """
    Let the instants at which something comes be later by so much, or earlier, but for the ends of what it was asked.

    A member counts ticks, and has none while it is paused: it goes on with as much time left as it had.
    """
    known = state.raft
    if known is None:
        return state
    heard = None if known.heard is None else known.heard + by
    wakes = None if known.wakes is None else known.wakes + by
    there = replace(known, heard=heard, deadline=known.deadline + by, beat=known.beat + by, wakes=wakes)
    return replace(state, raft=there)


def serves(state: Any) -> bool:
    """Tell whether a member that knows a leader answers API servers: one without a vote, as a learner is, does not."""
    return bool(leader_of(state)) and state.name in state.raft.membership.voters


def _told(state: Member, event: raft.Event, now: Instant) -> _Step:
    assert state.raft is not None, "it has started"
    after, effects = raft.step(state.raft, event, now)
    return _taken(state, after, effects, now)


def _taken(state: Member, after: raft.State, effects: tuple[raft.Effect, ...], now: Instant) -> _Step:
    """Carry out what raft orders, as far as it is for the member itself to do."""
    before, known = state.raft, state.raft.leader if state.raft is not None else ""
    state = replace(state, raft=after)
    orders: list[Any] = []
    for effect in effects:
        match effect:
            case raft.Send(message):
                orders.append(Post(message))
            case raft.Persist():
                orders.append(Sync(effect))
            case raft.WakeAt(at):
                orders.append(WakeUp(at, leads=after.role == "leader"))
            case raft.Apply(entries):
                for entry in entries:
                    state = _apply(state, entry, now, orders)
            case raft.Restore(snapshot):
                state = replace(state, store=snapshot.data)
                orders.append(Restored(snapshot.index, snapshot.data))
            case raft.Readable(number):
                state = _answered(state, number)
                orders.append(Readable(number))
            case raft.Dropped(what, why):
                state = _dropped(state, what, why, orders)
    if after.leader != known:
        orders.append(LeaderKnown(after.leader))
        if after.role == "leader":
            # Source: etcd's lessor: a member that begins to lead lets every lease run for its whole time again.
            orders += [
                SetTimer(("lease", lease.id), now + lease.ttl, periodic=True) for lease in state.store.leases.values()
            ]
        elif after.leader and before is not None:
            return _read_again(state, orders, now)
    elif before is not None and after.membership is not before.membership:
        orders.append(LeaderKnown(after.leader))  # who has a vote from now on may serve
    if after.applied - after.log.snapshot.index >= _SNAPSHOT:
        state, more = _told(state, raft.Compacted(after.applied, state.store), now)
        return state, (*orders, *more)
    return state, tuple(orders)


def _apply(state: Member, entry: raft.Entry, now: Instant, orders: list[Any]) -> Member:
    write = entry.data
    if isinstance(write, Write) and write.lease and state.store.leases.get(write.lease) is None and leads(state):
        orders.append(SetTimer(("lease", write.lease), now + write.ttl, periodic=True))
    elif isinstance(write, raft.Change) and (write.kind, write.member) == ("remove", state.name):
        orders.append(SetTimer(("removed",), now + _LEAVES))
    done = _made(_Same(state.store), _Same(write))
    state = replace(state, store=done.store)
    orders.append(Applied(entry.index, done.store, done.changes, done.touched))
    if isinstance(write, Write) and write.by == state.name and any(write.number == each[0] for each in state.asked):
        state = _answered(state, write.number)
        orders.append(Written(write.number, done.first, done.store))
    return state


# What becomes of a store ----------------------------------------------------------------------------------------------


class _Same:
    """Equal to another if both hold the same object, which it keeps alive for as long as it is remembered."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@attrs.frozen
class _Made:
    """What an entry makes of a store: *first* is the outcome of a write's first transaction, *changes* are all."""

    store: Store
    first: tuple[Change, ...] | Refused = ()
    changes: tuple[Change, ...] = ()
    touched: tuple[str, ...] = ()


@lru_cache(maxsize=1024)  # more than a member that starts has to apply again
def _made(given: _Same, logged: _Same) -> _Made:
    store, what = given.value, logged.value
    match what:
        case Write():
            return _written(store, what)
        case Compaction(revision):
            known = store.compacted < revision <= store.revision
            return _Made(compact(store, revision) if known else store)
        case Maintenance(kind):
            return _Made(defragment(store) if kind == "defragment" else disarm(store))
        case Revocation(lease) if store.leases.get(lease) is not None:
            done = revoke(store, lease)
            touched = [name for each in done.changes for name in channels_of(each.resource, each.old, each.new)]
            return _Made(done.store, (), done.changes, tuple(touched))
        case _:
            return _Made(store)


def _written(store: Store, write: Write) -> _Made:
    if write.lease and store.leases.get(write.lease) is None:
        store = grant(store, write.ttl, write.at, write.lease)
    opened = OpenStore(store)
    first, *others = write.txns
    outcome = opened.commit(first, write.lease)
    if isinstance(outcome, Refused):
        return _Made(opened.closed(), outcome)  # it may have raised the alarm
    changes, touched = outcome, tuple(opened.touched)
    for txn in others:
        changes, touched = _and(opened, txn, write.lease, changes, touched)
    return _Made(opened.closed(), outcome, changes, touched)


def _and(
    opened: OpenStore, txn: Txn, lease: int, changes: tuple[Change, ...], touched: tuple[str, ...]
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    more = opened.commit(txn, lease)
    if isinstance(more, Refused):
        return changes, touched  # it compares nothing, but there was no room left
    return (*changes, *more), (*touched, *opened.touched)


# What is asked --------------------------------------------------------------------------------------------------------


def _ask(state: Member, number: int, event: raft.Event, now: Instant) -> _Step:
    """Take a request up; it is given up if it is not answered in time."""
    until = now + _PATIENCE + 2 * state.timing.election
    reads = isinstance(event, raft.ReadAsked)
    first = not state.asked
    state, orders = _told(replace(state, asked=(*state.asked, (number, until, reads))), event, now)
    if first and state.asked:
        orders = (*orders, SetTimer(("timeout",), until, periodic=True))
    return state, orders


def _answered(state: Member, number: int) -> Member:
    return replace(state, asked=tuple([each for each in state.asked if each[0] != number]))


def _dropped(state: Member, what: Any, why: str, orders: list[Any]) -> Member:
    if isinstance(what, Write):
        if what.by != state.name:
            return state  # who it was given to hears nothing, and gives it up in the end
        number = what.number
    elif isinstance(what, int):
        number = what
    else:
        orders.append(Failed(0, f"etcdserver: {why}"))
        return state
    orders.append(Failed(number, f"etcdserver: {why}"))
    return _answered(state, number)


def _read_again(state: Member, orders: list[Any], now: Instant) -> _Step:
    """Ask a new leader what was asked of the one before; a write is not repeated, since it may be in the log."""
    for number, _, reads in state.asked:
        if reads:
            state, more = _told(state, raft.ReadAsked(number), now)
            orders += more
    return state, tuple(orders)


def _on_timeout(state: Member, now: Instant) -> _Step:
    late = [each for each in state.asked if each[1] <= now]
    left = tuple([each for each in state.asked if each[1] > now])
    orders: list[Any] = [Failed(number, TIMED_OUT, unknown=not reads) for number, _, reads in late]
    if left:
        orders.append(SetTimer(("timeout",), min(until for _, until, _ in left), periodic=True))
    return replace(state, asked=left), tuple(orders)


# Housekeeping ---------------------------------------------------------------------------------------------------------


def _on_compact(state: Member, now: Instant) -> _Step:
    again = SetTimer(("compact",), now + COMPACTION_INTERVAL, periodic=True)
    marked, state = state.marked, replace(state, marked=state.store.revision)
    if not leads(state) or marked <= state.store.compacted:
        return state, (again,)
    state, orders = _told(state, raft.Proposed(Compaction(marked)), now)
    return state, (*orders, again)


def _on_lease(state: Member, lease: int, now: Instant) -> _Step:
    if not leads(state) or state.store.leases.get(lease) is None:
        return state, ()
    return _told(state, raft.Proposed(Revocation(lease)), now)
