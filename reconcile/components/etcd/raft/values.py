"""
Values of Raft: entries, snapshots, who belongs to the cluster, what members tell each other, what they ask to be done.

Source:   D. Ongaro, J. Ousterhout: In Search of an Understandable Consensus Algorithm (extended version), 2014, figures
          2 and 13; D. Ongaro: Consensus: Bridging Theory and Practice, 2014, chapters 3, 4, 6 and 9. Names are theirs.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.lib.instant import MILLISECOND, Duration, Instant
from reconcile.lib.quick import quick


@quick
@attrs.frozen(weakref_slot=False)
class Membership:
    """Who belongs to the cluster: voters, and learners, who get the log and have no vote; each sorted."""

    voters: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        """All members."""
        return (*self.voters, *self.learners)

    @property
    def quorum(self) -> int:
        """How many voters are more than half of them."""
        return len(self.voters) // 2 + 1

    def changed(self, change: Change) -> Membership:
        """Give the membership after *change*."""
        voters, learners = set(self.voters) - {change.member}, set(self.learners) - {change.member}
        if change.kind == "learner":
            learners.add(change.member)
        elif change.kind != "remove":
            voters.add(change.member)
        return Membership(tuple(sorted(voters)), tuple(sorted(learners)))


@quick
@attrs.frozen(weakref_slot=False)
class Change:
    """An entry that changes who belongs to the cluster, by one member; it holds once it is applied."""

    kind: Literal["add", "learner", "promote", "remove"]
    member: str


@quick
@attrs.frozen(weakref_slot=False)
class Entry:
    """One entry of the log; the one with which a leader begins has no data."""

    index: int
    term: int
    data: Any = None


@quick
@attrs.frozen(weakref_slot=False)
class Snapshot:
    """What all entries up to *index* make together: *data*, as the application gave it, and the membership."""

    index: int = 0
    term: int = 0
    membership: Membership = Membership()
    data: Any = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Timing:
    """
    How long members wait: etcd's defaults.

    Args:
        heartbeat: between two heartbeats of a leader (--heartbeat-interval).
        election: without a leader before a member stands for election; each draws up to as much again
            (--election-timeout).
        entries: at most so many in one message.
        inflight: at most so many messages with entries that a follower has not answered.
        kept: entries behind a snapshot that are kept for followers who are not far behind.
    """

    heartbeat: Duration = 100 * MILLISECOND
    election: Duration = 1000 * MILLISECOND
    entries: int = 64
    inflight: int = 256
    kept: int = 5000


# What members tell each other. Each names its sender, its addressee and the sender's term.


@quick
@attrs.frozen(weakref_slot=False)
class RequestVote:
    """Vote for me, whose log ends so; *pre*: would you; *forced*: though there is a leader, who hands over."""

    sender: str
    to: str
    term: int
    last_index: int
    last_term: int
    pre: bool = False
    forced: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Vote:
    """The answer to RequestVote."""

    sender: str
    to: str
    term: int
    granted: bool
    pre: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class AppendEntries:
    """Append these behind the entry at *index* of *log_term*; what is up to *commit* is committed."""

    sender: str
    to: str
    term: int
    index: int
    log_term: int
    entries: tuple[Entry, ...]
    commit: int


@quick
@attrs.frozen(weakref_slot=False)
class Appended:
    """
    The answer to AppendEntries and InstallSnapshot.

    Args:
        sender, to, term: as of every message.
        index: up to which the logs agree; of a refusal, the index that did not fit.
        refused: the entry at *index* is another one, or missing.
        hint: of a refusal, up to which index the logs may agree; *hint_term* is the term there.
    """

    sender: str
    to: str
    term: int
    index: int
    refused: bool = False
    hint: int = 0
    hint_term: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Heartbeat:
    """I lead; what is up to *commit* is committed; *round* numbers what is asked by reads."""

    sender: str
    to: str
    term: int
    commit: int
    round: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class HeartbeatReply:
    """You lead, as far as I know."""

    sender: str
    to: str
    term: int
    round: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class InstallSnapshot:
    """Begin anew from here: what you lack is forgotten."""

    sender: str
    to: str
    term: int
    snapshot: Snapshot


@quick
@attrs.frozen(weakref_slot=False)
class TimeoutNow:
    """Stand for election at once: I hand over to you."""

    sender: str
    to: str
    term: int


@quick
@attrs.frozen(weakref_slot=False)
class Propose:
    """Append this, leader."""

    sender: str
    to: str
    term: int
    data: Any


@quick
@attrs.frozen(weakref_slot=False)
class ReadIndex:
    """Tell me, leader, up to where I must have applied to answer the read *tag*."""

    sender: str
    to: str
    term: int
    tag: Any


@quick
@attrs.frozen(weakref_slot=False)
class ReadIndexReply:
    """The answer to ReadIndex."""

    sender: str
    to: str
    term: int
    tag: Any
    index: int


Message: TypeAlias = (
    RequestVote
    | Vote
    | AppendEntries
    | Appended
    | Heartbeat
    | HeartbeatReply
    | InstallSnapshot
    | TimeoutNow
    | Propose
    | ReadIndex
    | ReadIndexReply
)


# What a member hears beside messages.


@quick
@attrs.frozen(weakref_slot=False)
class Elapsed:
    """The instant for which a member set its timer has come."""


@quick
@attrs.frozen(weakref_slot=False)
class Received:
    """A message has arrived."""

    message: Message


@quick
@attrs.frozen(weakref_slot=False)
class Persisted:
    """What `Persist` of this number ordered, and of all before, is on the disk."""

    number: int


@quick
@attrs.frozen(weakref_slot=False)
class Proposed:
    """A client wants *data* appended, or, if it is a `Change`, the membership changed."""

    data: Any


@quick
@attrs.frozen(weakref_slot=False)
class ReadAsked:
    """A client wants to read what is committed by now; *tag* tells its read from others."""

    tag: Any


@quick
@attrs.frozen(weakref_slot=False)
class TransferAsked:
    """The leader is to hand over to *to*."""

    to: str


@quick
@attrs.frozen(weakref_slot=False)
class Compacted:
    """The application has made a snapshot of all that is applied up to *index*."""

    index: int
    data: Any


Event: TypeAlias = Elapsed | Received | Persisted | Proposed | ReadAsked | TransferAsked | Compacted


# What a member asks to be done.


@quick
@attrs.frozen(weakref_slot=False)
class Send:
    """Carry *message* to whom it is for; it may be lost, late, or arrive twice."""

    message: Message


@quick
@attrs.frozen(weakref_slot=False)
class Persist:
    """
    Bring this to the disk, in the order of the numbers, and say so by `Persisted`.

    Args:
        number: counts what is persisted.
        term: the current one.
        vote: for whom this member has voted in it; "" for nobody.
        commit: up to where the log is committed, as far as it knew. An entry that changes the membership comes with the
            knowledge that the change before it is committed: whoever has the one must not forget the other.
        snapshot: None, or what is from now on in place of all entries up to its index.
        entries: they follow each other, and take the place of all entries from the index of the first one on.
        keep: entries below this index may be forgotten; 0: none.
    """

    number: int
    term: int
    vote: str
    commit: int
    snapshot: Snapshot | None = None
    entries: tuple[Entry, ...] = ()
    keep: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Apply:
    """These entries are committed; they are applied in this order, each once."""

    entries: tuple[Entry, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Restore:
    """The application's state is what *snapshot* holds."""

    snapshot: Snapshot


@quick
@attrs.frozen(weakref_slot=False)
class Readable:
    """The read *tag* can be answered once all up to *index* is applied, which it is when this is ordered."""

    tag: Any
    index: int


@quick
@attrs.frozen(weakref_slot=False)
class Dropped:
    """What was proposed, or asked, is not taken: there is no leader, or another change is under way."""

    what: Any
    why: str


@quick
@attrs.frozen(weakref_slot=False)
class WakeAt:
    """Say `Elapsed` at this instant; it takes the place of an earlier order."""

    at: Instant


Effect: TypeAlias = Send | Persist | Apply | Restore | Readable | Dropped | WakeAt

NOBODY: Final = ""
