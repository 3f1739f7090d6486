"""
etcd: a member's housekeeping, and Raft, by which members agree on one log.

Takes:    Started, TimerFired.
Gives:    SetTimer, CompactTo, EndLease.
Source:   https://etcd.io/docs/v3.6/learning/
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from reconcile.components.etcd.housekeeping import COMPACTION_INTERVAL, CompactTo, EndLease, State, begin, step

__all__ = ["COMPACTION_INTERVAL", "CompactTo", "EndLease", "State", "begin", "step"]
