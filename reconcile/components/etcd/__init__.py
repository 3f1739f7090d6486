"""
etcd: a member's housekeeping, and Raft, by which members agree on one log.

A lone member keeps house only: its store is the cluster's own. Several follow one log, each with a store of its own.

Takes:    Started, TimerFired; of several, also Heard, Synced, ReadWanted, WriteWanted, ChangeWanted, MoveWanted.
Gives:    SetTimer; of one, CompactTo, EndLease; of several, Post, Sync, WakeUp, Applied, Restored, Readable, Written,
          Failed, LeaderKnown, Exit.
Source:   https://etcd.io/docs/v3.6/learning/
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.components.etcd import housekeeping, member, raft
from reconcile.components.etcd.housekeeping import COMPACTION_INTERVAL, CompactTo, EndLease, State
from reconcile.components.etcd.member import REQUEST_TIMEOUT, TIMED_OUT, TIMING, Member, leader_of, leads, moved, serves
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
    MoveWanted,
    Post,
    Readable,
    ReadWanted,
    Restored,
    Sync,
    Synced,
    WakeUp,
    Write,
    WriteWanted,
    Written,
)
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MILLISECOND
from reconcile.model.programs import NONE, Options

__all__ = [
    "COMPACTION_INTERVAL",
    "REQUEST_TIMEOUT",
    "TIMED_OUT",
    "Applied",
    "ChangeWanted",
    "CompactTo",
    "Compaction",
    "EndLease",
    "Failed",
    "Gone",
    "Heard",
    "LeaderKnown",
    "Maintenance",
    "MaintenanceWanted",
    "Member",
    "MoveWanted",
    "Post",
    "ReadWanted",
    "Readable",
    "Restored",
    "State",
    "Sync",
    "Synced",
    "WakeUp",
    "Write",
    "WriteWanted",
    "Written",
    "begin",
    "leader_of",
    "leads",
    "moved",
    "raft",
    "serves",
    "step",
]


def begin(
    name: str = "", disk: raft.Disk | None = None, dice: Dice | None = None, options: Options = NONE
) -> State | Member:
    """Give the state of a lone member that starts; of one of several, if it has a *disk* to start from."""
    if disk is None:
        return housekeeping.begin()
    assert dice is not None, "its election timeouts are drawn"
    if not options.given:
        return Member(name, disk, dice)
    timing = attrs.evolve(
        TIMING,
        heartbeat=options.number("heartbeat-interval", 100) * MILLISECOND,
        election=options.number("election-timeout", 1000) * MILLISECOND,
    )
    return Member(name, disk, dice, timing=timing)


def step(state: Any, event: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take *event* in."""
    return housekeeping.step(state, event) if state.__class__ is State else member.step(state, event)
