"""
etcd: one member, whose data is the `Store`; the process itself only keeps house.

Takes:    Started, TimerFired.
Gives:    SetTimer, CompactTo, EndLease.
Source:   the API server compacts every five minutes to where history stood five minutes before
          (--etcd-compaction-interval); a lease ends with its keys when it runs out (https://etcd.io/docs/v3.5/learning/api/).
Left out: several members, and elections among them: docs/limits.md.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.effects import SetTimer
from reconcile.events import Started, TimerFired
from reconcile.lib.instant import MINUTE
from reconcile.lib.quick import quick

COMPACTION_INTERVAL: Final = 5 * MINUTE


@quick
@attrs.frozen(weakref_slot=False)
class CompactTo:
    """Forget history as it stood when this member was last asked; the engine knows the revision."""


@quick
@attrs.frozen(weakref_slot=False)
class EndLease:
    """The lease has run out."""

    lease: int


@quick
@attrs.frozen(weakref_slot=False)
class State:
    """Nothing is remembered: the data is on the disk."""


def begin() -> State:
    """Give the state of a member that starts."""
    return State()


def step(state: State, event: Started | TimerFired) -> tuple[State, tuple[SetTimer | CompactTo | EndLease, ...]]:
    """Keep house."""
    if isinstance(event, TimerFired) and event.key[0] == "lease":
        return state, (EndLease(event.key[1]),)
    again = SetTimer(("compact",), event.now + COMPACTION_INTERVAL, periodic=True)
    return state, (again,) if isinstance(event, Started) else (CompactTo(), again)
