"""
Raft: members of a cluster agree on one log of entries, as long as more than half of them can talk to each other.

A member is a value, its `step` a pure function. It says what is to be written (`Persist`), sent, and applied; what it
tells others that depends on a write goes out once the write is on its disk.

Takes:    Elapsed, Received, Persisted, Proposed, ReadAsked, TransferAsked, Compacted.
Gives:    Send, Persist, Apply, Restore, Readable, Dropped, WakeAt.
Source:   the paper and the thesis named in `values`; etcd's raft, https://github.com/etcd-io/raft.
Left out: joint consensus (the membership changes by one member at a time).
"""

from __future__ import annotations

from reconcile.components.etcd.raft import elections, reads, replication
from reconcile.components.etcd.raft.log import Disk, Log, founded, written
from reconcile.components.etcd.raft.member import Bench, State
from reconcile.components.etcd.raft.replication import NOT_ENOUGH
from reconcile.components.etcd.raft.values import (
    NOBODY,
    Appended,
    AppendEntries,
    Apply,
    Change,
    Compacted,
    Dropped,
    Effect,
    Elapsed,
    Entry,
    Event,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Membership,
    Message,
    Persist,
    Persisted,
    Propose,
    Proposed,
    Readable,
    ReadAsked,
    ReadIndex,
    ReadIndexReply,
    Received,
    RequestVote,
    Restore,
    Send,
    Snapshot,
    TimeoutNow,
    Timing,
    TransferAsked,
    Vote,
    WakeAt,
)
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant

__all__ = [
    "NOT_ENOUGH",
    "AppendEntries",
    "Appended",
    "Apply",
    "Change",
    "Compacted",
    "Disk",
    "Dropped",
    "Effect",
    "Elapsed",
    "Entry",
    "Event",
    "Heartbeat",
    "HeartbeatReply",
    "InstallSnapshot",
    "Log",
    "Membership",
    "Message",
    "Persist",
    "Persisted",
    "Propose",
    "Proposed",
    "ReadAsked",
    "ReadIndex",
    "ReadIndexReply",
    "Readable",
    "Received",
    "RequestVote",
    "Restore",
    "Send",
    "Snapshot",
    "State",
    "TimeoutNow",
    "Timing",
    "TransferAsked",
    "Vote",
    "WakeAt",
    "begin",
    "founded",
    "step",
    "written",
]


def begin(
    name: str, disk: Disk, dice: Dice, now: Instant, timing: Timing | None = None
) -> tuple[State, tuple[Effect, ...]]:
    """
    Give a member that starts with what is on its disk; what of it is committed is applied.

    A new cluster's members begin with what `founded` gives; one that joins begins with an empty disk, and waits for
    whoever leads.
    """
    snapshot = disk.log.snapshot
    state = State(
        name=name,
        timing=timing or Timing(),
        dice=dice,
        term=disk.term,
        vote=disk.vote,
        log=disk.log,
        commit=max(disk.commit, snapshot.index),
        applied=snapshot.index,
        stable=disk.log.last,
        membership=snapshot.membership,
    )
    bench = Bench(state, now)
    elections.wait(bench)
    if snapshot.index:
        bench.order(Restore(snapshot))
    bench.apply()
    return bench.closed()


def step(state: State, event: Event, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Take *event* in, which happens at *now* by the member's own clock."""
    bench = Bench(state, now)
    match event:
        case Received(message):
            _on_message(bench, message)
        case Elapsed():
            _on_elapsed(bench)
        case Persisted(number):
            bench.persisted(number)
            replication.commit(bench)
        case Proposed(data):
            replication.on_proposed(bench, data)
        case ReadAsked(tag):
            reads.on_read(bench, tag, bench.name)
        case TransferAsked():
            elections.on_transfer(bench, event)
        case Compacted():
            replication.on_compacted(bench, event, state.membership)
    replication.apply(bench)
    if bench.role == "leader":
        reads.after_commit(bench)
        if state.role != "leader":
            for name in bench.progress:
                replication.feed(bench, name)
            replication.commit(bench)
    return bench.closed()


def _on_elapsed(bench: Bench) -> None:
    bench.wakes = None
    if bench.now >= bench.deadline:
        elections.on_deadline(bench)
    if bench.role == "leader" and bench.now >= bench.beat:
        replication.beat(bench)


def _on_message(bench: Bench, message: Message) -> None:
    if not _is_of_now(bench, message):
        return
    match message:
        case RequestVote():
            elections.on_request(bench, message)
        case Vote():
            elections.on_vote(bench, message)
        case AppendEntries():
            replication.on_append(bench, message)
        case Appended():
            replication.on_appended(bench, message)
        case Heartbeat():
            replication.on_heartbeat(bench, message)
        case HeartbeatReply():
            replication.on_heartbeat_reply(bench, message)
            if bench.role == "leader" and bench.reads:
                reads.confirm(bench)
        case InstallSnapshot():
            replication.on_snapshot(bench, message)
        case TimeoutNow():
            elections.on_timeout_now(bench)
        case Propose(data=data):
            replication.on_proposed(bench, data)
        case ReadIndex(tag=tag, sender=sender):
            reads.on_read(bench, tag, sender)
        case ReadIndexReply():
            reads.on_reply(bench, message)


def _is_of_now(bench: Bench, message: Message) -> bool:
    """Tell whether a message is of this term; one of a later term begins that term here."""
    leads = isinstance(message, AppendEntries | Heartbeat | InstallSnapshot)
    if message.term > bench.term:
        # Votes say for themselves what they begin: asking whether one would vote begins nothing.
        if isinstance(message, RequestVote) or (isinstance(message, Vote) and message.pre and message.granted):
            return True
        elections.follow(bench, message.term, message.sender if leads else NOBODY)
        return True
    if message.term < bench.term:
        if isinstance(message, RequestVote):
            # It learns of the later term from the refusal.
            return True
        if leads:
            # A leader of the past steps down when it hears of this term.
            bench.send_once_written(Appended(bench.name, message.sender, bench.term, 0, refused=True))
        return False
    if leads and bench.role != "follower":
        assert bench.role != "leader", f"two lead in term {bench.term}"
        elections.follow(bench, bench.term, message.sender)
    return True
