"""
Elections: who stands, who votes for whom, who leads, and how a leader hands over.

A member that has not heard of a leader for its timeout first asks whether it would be elected (pre-vote), so that one
who was cut off does not unseat a leader on its return. A leader that hears of no quorum for a timeout steps down
(check-quorum), and who has heard of a leader within the timeout votes for nobody else.

Source:   Ongaro, Ousterhout 2014, section 5.2 and 5.4; Ongaro 2014, sections 3.10 (leadership transfer), 4.2.3
          (disruptive servers), 6.2 (leaders without a quorum) and 9.6 (pre-vote).
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.components.etcd.raft.member import Bench, Progress, Role
from reconcile.components.etcd.raft.values import (
    NOBODY,
    Dropped,
    Entry,
    RequestVote,
    TimeoutNow,
    TransferAsked,
    Vote,
)
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace


def follow(bench: Bench, term: int, leader: str) -> None:
    """Become a follower in *term*; what was asked of it as a leader is forgotten."""
    if term > bench.term:
        bench.term, bench.vote = term, NOBODY
    for read in bench.reads:
        if read.asker == bench.name:
            bench.order(Dropped(read.tag, "the leader has stepped down"))
    for tag, asker in bench.early:
        if asker == bench.name:
            bench.order(Dropped(tag, "the leader has stepped down"))
    bench.role, bench.leader = "follower", leader
    bench.votes, bench.progress = Map(), Map()
    bench.reads, bench.early = (), ()
    bench.transferee = NOBODY
    wait(bench)


def wait(bench: Bench) -> None:
    """Draw how long it waits before it stands for election."""
    drawn, bench.dice = bench.dice.below(bench.timing.election)
    bench.deadline = bench.now + bench.timing.election + drawn


def stand(bench: Bench, *, pre: bool, forced: bool = False) -> None:
    """Stand for election, or ask first whether it would be elected."""
    role: Role = "pre-candidate" if pre else "candidate"
    bench.role, bench.leader = role, NOBODY
    bench.heard = None
    if not pre:
        bench.term, bench.vote = bench.term + 1, bench.name
    bench.votes = Map({bench.name: True})
    wait(bench)
    if len(bench.votes) >= bench.membership.quorum:
        _elected(bench, pre=pre, forced=forced)
        return
    term = bench.term + 1 if pre else bench.term
    for voter in bench.membership.voters:
        if voter != bench.name:
            asked = RequestVote(bench.name, voter, term, bench.log.last, bench.log.last_term, pre, forced)
            bench.send_once_written(asked)


def hears_a_leader(bench: Bench) -> bool:
    """Tell whether a leader is alive as far as this member knows: then it votes for nobody else."""
    if bench.role == "leader":
        return True
    return bench.leader != NOBODY and bench.heard is not None and bench.now - bench.heard < bench.timing.election


def on_request(bench: Bench, asked: RequestVote) -> None:
    """Vote, or say for whom it would."""
    if not asked.forced and hears_a_leader(bench) and asked.term > bench.term:
        return
    if asked.term > bench.term and not asked.pre:
        follow(bench, asked.term, NOBODY)
    fits = bench.log.is_up_to_date(asked.last_index, asked.last_term)
    if asked.pre:
        granted = asked.term > bench.term and fits
        bench.send_once_written(
            Vote(bench.name, asked.sender, asked.term if granted else bench.term, granted, pre=True)
        )
        return
    granted = asked.term == bench.term and fits and bench.vote in (NOBODY, asked.sender) and bench.leader == NOBODY
    if granted:
        bench.vote = asked.sender
        wait(bench)
    bench.send_once_written(Vote(bench.name, asked.sender, bench.term, granted))


def on_vote(bench: Bench, vote: Vote) -> None:
    """Count a vote."""
    if bench.role != ("pre-candidate" if vote.pre else "candidate"):
        return
    if vote.term != bench.term + (1 if vote.pre and vote.granted else 0):
        return
    if vote.sender not in bench.membership.voters:
        return
    bench.votes = bench.votes.set(vote.sender, vote.granted)
    if sum(bench.votes.values()) >= bench.membership.quorum:
        _elected(bench, pre=vote.pre, forced=False)
    elif len(bench.votes) - sum(bench.votes.values()) >= bench.membership.quorum:
        follow(bench, bench.term, NOBODY)


def on_timeout_now(bench: Bench) -> None:
    """Stand at once: the leader hands over."""
    if bench.is_voter and bench.role != "leader" and not bench.is_changing:
        stand(bench, pre=False, forced=True)


def on_deadline(bench: Bench) -> None:
    """Stand for election, or count, as a leader, of whom it has heard."""
    if bench.role != "leader":
        if bench.is_voter and not bench.is_changing:
            stand(bench, pre=True)
        else:
            wait(bench)
        return
    active = 1 + sum(bench.progress[voter].active for voter in bench.membership.voters if voter in bench.progress)
    if bench.transferee != NOBODY:
        bench.transferee = NOBODY  # it did not come about in time
    if active < bench.membership.quorum:
        follow(bench, bench.term, NOBODY)
        return
    bench.progress = Map({name: replace(each, active=False) for name, each in bench.progress.items()})
    bench.deadline = bench.now + bench.timing.election


def on_transfer(bench: Bench, asked: TransferAsked) -> None:
    """Hand over to a voter as soon as it has everything."""
    if bench.role != "leader" or asked.to not in bench.membership.voters:
        bench.order(Dropped(asked, "bad leader transferee"))
        return
    if asked.to in (bench.name, bench.transferee):
        return
    bench.transferee = asked.to
    bench.deadline = bench.now + bench.timing.election
    hand_over(bench)


def hand_over(bench: Bench) -> None:
    """Let the transferee stand, if it has everything."""
    found = bench.progress.get(bench.transferee)
    if found is not None and found.match == bench.log.last:
        bench.send(TimeoutNow(bench.name, bench.transferee, bench.term))


def _elected(bench: Bench, *, pre: bool, forced: bool) -> None:
    if pre:
        stand(bench, pre=False, forced=forced)
        return
    bench.role, bench.leader = "leader", bench.name
    bench.votes = Map()
    others = [name for name in bench.membership.everyone if name != bench.name]
    bench.progress = Map({name: Progress(0, bench.log.last + 1) for name in others})
    bench.change = bench.log.last  # none may come before all that was there is applied
    bench.append((Entry(bench.log.last + 1, bench.term),))
    bench.deadline = bench.now + bench.timing.election
    bench.beat = bench.now
