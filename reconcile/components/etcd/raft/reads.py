"""
Linearizable reads: a leader makes sure that it still leads, and says up to where must be applied.

Source:   Ongaro 2014, section 6.4 (read index).
Left out: reads by lease (section 6.4.1), which trust the clocks; etcd does not use them.
"""

from __future__ import annotations

from typing import Any

from reconcile.components.etcd.raft import replication
from reconcile.components.etcd.raft.member import Bench, Read
from reconcile.components.etcd.raft.values import NOBODY, Dropped, ReadIndex, ReadIndexReply


def on_read(bench: Bench, tag: Any, asker: str) -> None:
    """Ask a quorum whether this member leads, or ask the leader to do so."""
    if bench.role != "leader":
        if bench.leader == NOBODY or asker != bench.name:
            if asker == bench.name:
                bench.order(Dropped(tag, "no leader"))
            return
        bench.send(ReadIndex(bench.name, bench.leader, bench.term, tag))
        return
    if bench.log.term_at(bench.commit) != bench.term:
        bench.early = (*bench.early, (tag, asker))
        return
    bench.round += 1
    bench.reads = (*bench.reads, Read(tag, asker, bench.commit, bench.round))
    if bench.membership.quorum == 1:
        confirm(bench)
    else:
        replication.beat(bench)


def after_commit(bench: Bench) -> None:
    """Take up the reads that came before the leader had committed anything in its term."""
    if bench.early and bench.role == "leader" and bench.log.term_at(bench.commit) == bench.term:
        early, bench.early = bench.early, ()
        for tag, asker in early:
            on_read(bench, tag, asker)


def confirm(bench: Bench) -> None:
    """Answer the reads whose round a quorum has answered."""
    voters = [name for name in bench.membership.voters if name != bench.name]
    rounds = sorted([bench.round, *[bench.progress[name].round for name in voters]], reverse=True)
    confirmed = rounds[bench.membership.quorum - 1]
    for read in bench.reads:
        if read.round > confirmed:
            continue
        if read.asker == bench.name:
            _answer(bench, read.tag, read.index)
        else:
            bench.send(ReadIndexReply(bench.name, read.asker, bench.term, read.tag, read.index))
    bench.reads = tuple([read for read in bench.reads if read.round > confirmed])


def on_reply(bench: Bench, reply: ReadIndexReply) -> None:
    """Answer a read of one's own once the leader has said up to where."""
    _answer(bench, reply.tag, reply.index)


def _answer(bench: Bench, tag: Any, index: int) -> None:
    bench.readable(tag, index)
