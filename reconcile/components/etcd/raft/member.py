"""
A member's state, and the bench on which one event is worked on.

What a member tells may depend on what it has written: a vote, an entry that it says it has. Such messages are held
until the disk has said `Persisted`; everything else is sent at once. So a member that loses what was not on its disk
has told nobody of it.

Source:   etcd's raft: https://github.com/etcd-io/raft (its documentation of Ready and of storage writes).
Left out: nothing known.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.components.etcd.raft.log import Log
from reconcile.components.etcd.raft.values import (
    NOBODY,
    Apply,
    Change,
    Effect,
    Entry,
    Membership,
    Message,
    Persist,
    Readable,
    Restore,
    Send,
    Snapshot,
    Timing,
    WakeAt,
)
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

Role: TypeAlias = Literal["follower", "pre-candidate", "candidate", "leader"]


@quick
@attrs.frozen(weakref_slot=False)
class Progress:
    """
    What a leader knows of a follower.

    Args:
        match: up to which index its log agrees, for certain.
        next: the entry to be sent next.
        mode: `probe`: one message at a time, to find where the logs agree; `replicate`: entries on end; `snapshot`:
            nothing before the snapshot is answered.
        paused: a probe is not answered yet.
        inflight: the last indices of the messages that are not answered.
        active: it was heard of since the leader last counted.
        round: the last round of heartbeats that it answered.
    """

    match: int = 0
    next: int = 1
    mode: Literal["probe", "replicate", "snapshot"] = "probe"
    paused: bool = False
    inflight: tuple[int, ...] = ()
    active: bool = False
    round: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Read:
    """A read that waits until a quorum has confirmed that its leader still leads."""

    tag: Any
    asker: str
    index: int
    round: int


@quick
@attrs.frozen(weakref_slot=False)
class Held:
    """What waits for the disk: that write's number, the last entry in it, and the messages that depend on it."""

    number: int
    index: int
    term: int
    messages: tuple[Message, ...]


@quick
@attrs.frozen(weakref_slot=False)
class State:
    """
    A member.

    Args:
        name: its own.
        timing: how long it waits.
        dice: draws its election timeouts.
        term, vote: the current term, and for whom it has voted in it.
        role, leader: what it is, and who leads as far as it knows.
        log: with what is not on the disk yet.
        commit, applied, stable: up to where the log is committed, applied, and on the disk.
        membership: as of what is applied.
        votes: who has answered a candidate, and how.
        progress: what a leader knows of each other member.
        heard: when a leader was heard of last.
        deadline: when it stands for election, or, of a leader, counts whom it has heard of.
        beat: when a leader's next heartbeats are due.
        wakes: for when the timer is set; None: it is not.
        transferee: to whom the leader hands over, until the deadline.
        change: of a leader, the last entry that changes the membership and may not be applied.
        round: of a leader, numbers its heartbeats.
        reads: those that wait.
        early: reads that came before the leader had committed anything in its term.
        due: reads of its own that are confirmed, by the index that must be applied first.
        written: the number of the last write.
        held: what waits for writes, in their order.
    """

    name: str
    dice: Dice
    timing: Timing = Timing()
    term: int = 0
    vote: str = NOBODY
    role: Role = "follower"
    leader: str = NOBODY
    log: Log = Log()
    commit: int = 0
    applied: int = 0
    stable: int = 0
    membership: Membership = Membership()
    votes: Map[bool] = Map()
    progress: Map[Progress] = Map()
    heard: Instant | None = None
    deadline: Instant = 0
    beat: Instant = 0
    wakes: Instant | None = None
    transferee: str = NOBODY
    change: int = 0
    round: int = 0
    reads: tuple[Read, ...] = ()
    early: tuple[tuple[Any, str], ...] = ()
    due: tuple[tuple[Any, int], ...] = ()
    written: int = 0
    held: tuple[Held, ...] = ()


_FIELDS: Final = tuple([field.name for field in attrs.fields(State)])
_VALUES: Final = attrgetter(*_FIELDS)


class Bench:
    """A member taken apart, for as long as one event is worked on; `closed` puts it together again."""

    name: str
    timing: Timing
    dice: Dice
    term: int
    vote: str
    role: Role
    leader: str
    log: Log
    commit: int
    applied: int
    stable: int
    membership: Membership
    votes: Map[bool]
    progress: Map[Progress]
    heard: Instant | None
    deadline: Instant
    beat: Instant
    wakes: Instant | None
    transferee: str
    change: int
    round: int
    reads: tuple[Read, ...]
    early: tuple[tuple[Any, str], ...]
    due: tuple[tuple[Any, int], ...]
    written: int
    held: tuple[Held, ...]

    def __init__(self, state: State, now: Instant) -> None:
        self.__dict__.update(zip(_FIELDS, _VALUES(state), strict=True))
        self.now = now
        self._before = (state.term, state.vote)
        self._appended: int | None = None
        self._snapshot: Snapshot | None = None
        self._keep = 0
        self._dependent: list[Message] = []
        self._effects: list[Effect] = []

    @property
    def is_voter(self) -> bool:
        """Whether it may vote and be elected."""
        return self.name in self.membership.voters

    def order(self, effect: Effect) -> None:
        """Order *effect*."""
        self._effects.append(effect)

    def send(self, message: Message) -> None:
        """Send what depends on nothing that has to be written."""
        self._effects.append(Send(message))

    def send_once_written(self, message: Message) -> None:
        """Send *message* once all that is written by now is on the disk."""
        self._dependent.append(message)

    def append(self, entries: tuple[Entry, ...]) -> None:
        """Let *entries* take the place of all from the index of the first one on."""
        first = entries[0].index
        self.log = self.log.appended(entries)
        self.stable = min(self.stable, first - 1)
        self._appended = first if self._appended is None else min(self._appended, first)

    def install(self, snapshot: Snapshot) -> None:
        """Begin anew from *snapshot*."""
        self.log = Log(snapshot, snapshot.index, snapshot.term)
        self.commit = self.applied = snapshot.index
        self.stable = min(self.stable, snapshot.index)
        self.membership = snapshot.membership
        self._snapshot = snapshot
        self.order(Restore(snapshot))

    def compact(self, snapshot: Snapshot, keep: int) -> None:
        """Let *snapshot* stand for what is applied, and forget the entries below *keep*."""
        self.log = self.log.compacted(snapshot, keep)
        self._snapshot, self._keep = snapshot, keep

    def persisted(self, number: int) -> None:
        """Take in that all writes up to *number* are on the disk: what waited for them is sent."""
        done = [each for each in self.held if each.number <= number]
        self.held = tuple([each for each in self.held if each.number > number])
        for each in done:
            # What has been overwritten since is not what was written.
            if self.log.term_at(each.index) == each.term or each.index <= self.log.offset:
                self.stable = max(self.stable, min(each.index, self.log.last))
            for message in each.messages:
                self.send(message)

    @property
    def is_changing(self) -> bool:
        """Whether a change of the membership is committed, but not applied: it does not know yet who may vote."""
        return any(isinstance(each.data, Change) for each in self.log.between(self.applied + 1, self.commit))

    def apply(self) -> None:
        """Apply what is committed and on the disk; reads that waited for it can be answered."""
        last = min(self.commit, self.stable)
        if last <= self.applied:
            return
        entries = self.log.between(self.applied + 1, last)
        self.applied = last
        for entry in entries:
            if isinstance(entry.data, Change):
                self.membership = self.membership.changed(entry.data)
        self.order(Apply(entries))
        due, self.due = self.due, ()
        for tag, index in due:
            self.readable(tag, index)

    def readable(self, tag: Any, index: int) -> None:
        """Answer a read of this member's own as soon as all up to *index* is applied."""
        if index <= self.applied:
            self.order(Readable(tag, index))
        else:
            self.due = (*self.due, (tag, index))

    def closed(self) -> tuple[State, tuple[Effect, ...]]:
        """Give the next state, and what is to be done, writes first."""
        self._write()
        self._set_timer()
        return State(*_VALUES(self)), tuple(self._effects)

    def _write(self) -> None:
        """Order one write for all that is new; what depends on it is held, or sent if everything is on the disk."""
        first = self._appended
        if (self.term, self.vote) != self._before or first is not None or self._snapshot is not None:
            self.written += 1
            entries = () if first is None else self.log.between(max(first, self.log.offset + 1), self.log.last)
            order = Persist(self.written, self.term, self.vote, self.commit, self._snapshot, entries, self._keep)
            self._effects.insert(0, order)
            held = Held(self.written, self.log.last, self.log.last_term, tuple(self._dependent))
            self.held = (*self.held, held)
        elif self._dependent and self.held:
            *others, last = self.held
            self.held = (*others, Held(last.number, last.index, last.term, (*last.messages, *self._dependent)))
        else:
            self._effects += [Send(message) for message in self._dependent]

    def _set_timer(self) -> None:
        """Set the timer, unless it is set for this instant or an earlier one."""
        due = min(self.deadline, self.beat) if self.role == "leader" else self.deadline
        if not self.is_voter:
            return  # a learner waits for whoever leads
        if self.wakes is None or self.wakes > due:
            self.wakes = due
            self.order(WakeAt(due))
