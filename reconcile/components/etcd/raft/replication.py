"""
Replication: a leader brings the logs of the others to what its own has, and tells what is committed.

Source:   Ongaro, Ousterhout 2014, sections 5.3, 5.4.2 and 7; the hints by which logs that differ find where they agree
          are those of etcd's raft (its documentation of Progress).
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.etcd.raft import elections
from reconcile.components.etcd.raft.member import Bench, Progress
from reconcile.components.etcd.raft.values import (
    NOBODY,
    Appended,
    AppendEntries,
    Change,
    Compacted,
    Dropped,
    Entry,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Propose,
    Snapshot,
)
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

NOT_FOUND: Final = "member not found"
NO_LEARNER: Final = "can only promote a learner member"
NOT_ENOUGH: Final = "re-configuration failed due to not enough started members"


def on_proposed(bench: Bench, data: Any) -> None:
    """Append *data*, or hand it to the leader."""
    if bench.role != "leader":
        if bench.leader == NOBODY:
            bench.order(Dropped(data, "no leader"))
        else:
            bench.send(Propose(bench.name, bench.leader, bench.term, data))
        return
    why = _refusal(bench, data)
    if why:
        bench.order(Dropped(data, why))
        return
    if isinstance(data, Change):
        bench.change = bench.log.last + 1
    bench.append((Entry(bench.log.last + 1, bench.term, data),))
    for name in bench.progress:
        feed(bench, name)
    commit(bench)


def _refusal(bench: Bench, data: Any) -> str:
    if bench.transferee != NOBODY:
        return "the leader hands over"
    if not isinstance(data, Change):
        return ""
    if bench.change > bench.applied:
        return "another change of the membership is under way"
    known = data.member in bench.membership.everyone
    if data.kind in ("add", "learner"):
        return "Peer URLs already exists" if known else ""
    if data.kind == "promote":
        return _not_ready(bench, data.member)
    if bench.membership.voters == (data.member,):
        return NOT_ENOUGH
    return "" if known else NOT_FOUND


def _not_ready(bench: Bench, learner: str) -> str:
    """Say why a learner may not vote yet: etcd wants it to have nine tenths of what the leader has."""
    if learner in bench.membership.voters:
        return NO_LEARNER
    found = bench.progress.get(learner)
    if found is None:
        return NOT_FOUND
    return "" if found.match * 10 >= bench.log.last * 9 else f"{NO_LEARNER} which is in sync with leader"


def feed(bench: Bench, name: str, *, empty: bool = False) -> None:
    """Send *name* what it lacks, as far as it may be sent; *empty*: a message also if there is nothing to append."""
    found = bench.progress[name]
    while not found.paused and found.mode != "snapshot" and len(found.inflight) < bench.timing.inflight:
        before = bench.log.term_at(found.next - 1)
        if before is None:
            snapshot = bench.log.snapshot
            bench.send(InstallSnapshot(bench.name, name, bench.term, snapshot))
            found = replace(found, mode="snapshot", next=snapshot.index + 1, inflight=())
            break
        last = min(bench.log.last, found.next + bench.timing.entries - 1)
        entries = bench.log.between(found.next, last)
        if not entries and not empty:
            break
        bench.send(AppendEntries(bench.name, name, bench.term, found.next - 1, before, entries, bench.commit))
        if found.mode == "probe":
            found = replace(found, paused=True)
        elif entries:
            found = replace(found, next=last + 1, inflight=(*found.inflight, last))
        else:
            break
    bench.progress = bench.progress.set(name, found)


def on_append(bench: Bench, message: AppendEntries) -> None:
    """Append what fits, or say where the logs may agree."""
    _heard(bench, message.sender)
    if message.index < bench.commit:
        bench.send_once_written(Appended(bench.name, message.sender, bench.term, bench.commit))
        return
    if bench.log.term_at(message.index) != message.log_term:
        hint = bench.log.last_before(message.index, message.log_term)
        term = bench.log.term_at(hint) or 0
        refusal = Appended(
            bench.name, message.sender, bench.term, message.index, refused=True, hint=hint, hint_term=term
        )
        bench.send_once_written(refusal)
        return
    new = message.entries
    while new and bench.log.term_at(new[0].index) == new[0].term:
        new = new[1:]
    if new:
        assert new[0].index > bench.commit, "what is committed is never overwritten"
        bench.append(new)
    last = message.index + len(message.entries)
    bench.commit = max(bench.commit, min(message.commit, last))
    bench.send_once_written(Appended(bench.name, message.sender, bench.term, last))


def on_appended(bench: Bench, reply: Appended) -> None:
    """Take in what a follower has."""
    found = bench.progress.get(reply.sender)
    if bench.role != "leader" or found is None:
        return
    found = replace(found, active=True)
    if reply.index > bench.log.last and not reply.refused:
        # What it knows to be committed was forgotten, as disks did that must not.
        bench.progress = bench.progress.set(reply.sender, replace(found, mode="probe", paused=True, inflight=()))
        return
    if reply.refused:
        found = _refused(bench, found, reply)
    elif reply.index >= found.match:
        inflight = tuple([last for last in found.inflight if last > reply.index])
        following = max(found.next, reply.index + 1) if found.mode == "replicate" else reply.index + 1
        found = replace(found, match=reply.index, next=following, mode="replicate", paused=False, inflight=inflight)
    bench.progress = bench.progress.set(reply.sender, found)
    commit(bench)
    if reply.sender in bench.progress:
        feed(bench, reply.sender)
        if reply.sender == bench.transferee:
            elections.hand_over(bench)


def _refused(bench: Bench, found: Progress, reply: Appended) -> Progress:
    if found.mode == "replicate" and reply.index <= found.match:
        return found  # it is outdated
    if found.mode == "probe" and reply.index != found.next - 1:
        return found
    if found.mode == "probe" and reply.index == found.match:
        return replace(found, paused=True)  # it has lost what it had, as disks did that must not, or had another
    # The follower has nothing of a later term up to its hint; nor may it be more than it had from us.
    following = min(reply.index, bench.log.last_before(reply.hint, reply.hint_term) + 1)
    return replace(found, mode="probe", next=max(following, found.match + 1), paused=False, inflight=())


def commit(bench: Bench) -> None:
    """Commit what a quorum has, if it is of the leader's own term; tell the others soon."""
    if bench.role != "leader":
        return
    has = [bench.stable if name == bench.name else bench.progress[name].match for name in bench.membership.voters]
    index = sorted(has, reverse=True)[bench.membership.quorum - 1]
    if index <= bench.commit or bench.log.term_at(index) != bench.term:
        return
    bench.commit = index
    apply(bench)
    for name in bench.progress:
        feed(bench, name, empty=True)


def apply(bench: Bench) -> None:
    """Apply what is committed; a leader minds whom a change of the membership brings or takes, itself too."""
    bench.apply()
    if bench.role != "leader":
        return
    everyone = bench.membership.everyone
    leaves = bench.name not in everyone
    if leaves or set(bench.progress) != set(everyone) - {bench.name}:
        for name in bench.progress:
            if leaves or name not in everyone:
                feed(bench, name, empty=True)  # the last that it hears from here: what is committed
        if leaves:
            elections.follow(bench, bench.term, NOBODY)
            return
        known = {name: each for name, each in bench.progress.items() if name in everyone}
        new = {name: Progress(0, bench.log.last + 1) for name in everyone if name not in known and name != bench.name}
        bench.progress = Map({**known, **new})
        for name in new:
            feed(bench, name, empty=True)
        commit(bench)  # a quorum may be smaller now


def on_heartbeat(bench: Bench, message: Heartbeat) -> None:
    """Hear that the leader lives."""
    _heard(bench, message.sender)
    # It is not told of more than it was known to have.
    bench.commit = max(bench.commit, min(message.commit, bench.log.last))
    bench.send_once_written(HeartbeatReply(bench.name, message.sender, bench.term, message.round))


def beat(bench: Bench) -> None:
    """Send every other member a heartbeat, with what it is known to have."""
    for name, found in bench.progress.items():
        bench.send(Heartbeat(bench.name, name, bench.term, min(found.match, bench.commit), bench.round))
    bench.beat = bench.now + bench.timing.heartbeat


def on_heartbeat_reply(bench: Bench, reply: HeartbeatReply) -> None:
    """Hear that a follower lives, and send it what it lacks."""
    found = bench.progress.get(reply.sender)
    if bench.role != "leader" or found is None:
        return
    found = replace(found, active=True, paused=False, round=max(found.round, reply.round))
    if found.mode == "snapshot" or len(found.inflight) >= bench.timing.inflight:
        found = replace(found, mode="probe", next=found.match + 1, inflight=())
    bench.progress = bench.progress.set(reply.sender, found)
    if found.match < bench.log.last:
        feed(bench, reply.sender, empty=True)  # what was sent may be lost: a refusal will tell


def on_snapshot(bench: Bench, message: InstallSnapshot) -> None:
    """Begin anew from a snapshot, unless its entries are there."""
    _heard(bench, message.sender)
    snapshot = message.snapshot
    if snapshot.index <= bench.commit:
        bench.send_once_written(Appended(bench.name, message.sender, bench.term, bench.commit))
    elif bench.log.term_at(snapshot.index) == snapshot.term:
        bench.commit = snapshot.index
        bench.send_once_written(Appended(bench.name, message.sender, bench.term, bench.commit))
    else:
        bench.install(snapshot)
        bench.send_once_written(Appended(bench.name, message.sender, bench.term, snapshot.index))


def on_compacted(bench: Bench, event: Compacted, membership: Any) -> None:
    """Let a snapshot stand for the entries up to an index, all of which are applied."""
    if not bench.log.snapshot.index < event.index <= bench.applied:
        return
    term = bench.log.term_at(event.index)
    assert term is not None, "what is applied, and no snapshot yet, is there"
    snapshot = Snapshot(event.index, term, membership, event.data)
    bench.compact(snapshot, max(event.index - bench.timing.kept + 1, 1))


def _heard(bench: Bench, leader: str) -> None:
    bench.leader, bench.heard = leader, bench.now
    elections.wait(bench)
