"""
What a member of etcd hears and orders, and what stands in the log on which the members agree.

Source:   https://etcd.io/docs/v3.6/learning/api/, https://etcd.io/docs/v3.6/op-guide/.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from reconcile.components.etcd import raft
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.quick import quick
from reconcile.store import Change, Refused, Store, Txn

# What stands in the log, beside `raft.Change`.


@quick
@attrs.frozen(weakref_slot=False)
class Write:
    """
    Carry *txns* out, the later ones only if the first is not refused.

    Args:
        by: the member that it was given to.
        number: by which that member's API server knows it.
        txns: each is done at a revision of its own.
        lease: what is put goes under it, if the transaction names none; 0: none. It is granted if there is none yet.
        ttl: of the lease.
        at: when, by the clock of who asked.
    """

    by: str
    number: int
    txns: tuple[Txn, ...]
    lease: int = 0
    ttl: Duration = 0
    at: Instant = 0


@quick
@attrs.frozen(weakref_slot=False)
class Compaction:
    """Forget history up to *revision*, as far as it is not forgotten."""

    revision: int


@quick
@attrs.frozen(weakref_slot=False)
class Revocation:
    """End the lease, with the keys that are under it."""

    lease: int


@quick
@attrs.frozen(weakref_slot=False)
class Maintenance:
    """What an operator asks of the whole store: `defragment` or `disarm`."""

    kind: str


Logged: TypeAlias = Write | Compaction | Revocation | Maintenance | raft.Change | None

# What a member hears beside Started and TimerFired.


@quick
@attrs.frozen(weakref_slot=False)
class Gone:
    """
    What a member is answered by one who knows it to be removed: an etcd's 410, `removed member`.

    Args:
        sender, to, term: as of every message between members; it is carried as one.
    """

    sender: str
    to: str
    term: int


@quick
@attrs.frozen(weakref_slot=False)
class Heard:
    """A message of another member has come."""

    now: Instant
    message: raft.Message | Gone


@quick
@attrs.frozen(weakref_slot=False)
class Synced:
    """What `Sync` of this number ordered is on the disk."""

    now: Instant
    number: int


@quick
@attrs.frozen(weakref_slot=False)
class ReadWanted:
    """An API server wants to read what is committed by now."""

    now: Instant
    number: int


@quick
@attrs.frozen(weakref_slot=False)
class WriteWanted:
    """An API server wants something written."""

    now: Instant
    write: Write


@quick
@attrs.frozen(weakref_slot=False)
class ChangeWanted:
    """Somebody wants the membership changed."""

    now: Instant
    change: raft.Change


@quick
@attrs.frozen(weakref_slot=False)
class MoveWanted:
    """Somebody wants this member, which leads, to hand over to *to*."""

    now: Instant
    to: str


@quick
@attrs.frozen(weakref_slot=False)
class MaintenanceWanted:
    """Somebody wants this member, which leads, to put *what* into the log."""

    now: Instant
    what: Compaction | Maintenance


MemberEvent: TypeAlias = Heard | Synced | ReadWanted | WriteWanted | ChangeWanted | MoveWanted | MaintenanceWanted

# What a member orders beside SetTimer.


@quick
@attrs.frozen(weakref_slot=False)
class Post:
    """Carry *message* to the member that it is for."""

    message: raft.Message


@quick
@attrs.frozen(weakref_slot=False)
class Sync:
    """Bring *order* to the disk."""

    order: raft.Persist


@quick
@attrs.frozen(weakref_slot=False)
class WakeUp:
    """Let the timer ("raft",) fire at this instant, in place of an earlier order; *leads*: of a member that leads."""

    at: Instant
    leads: bool


@quick
@attrs.frozen(weakref_slot=False)
class Applied:
    """The entry at *index* is applied: the member's store is now *store*."""

    index: int
    store: Store
    changes: tuple[Change, ...]
    touched: tuple[str, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Restored:
    """The member's store is now *store*, as a snapshot has it."""

    index: int
    store: Store


@quick
@attrs.frozen(weakref_slot=False)
class Readable:
    """The read *number* can be answered from what is applied."""

    number: int


@quick
@attrs.frozen(weakref_slot=False)
class Written:
    """The write *number* is applied, or refused; *store* is as of then."""

    number: int
    outcome: tuple[Change, ...] | Refused
    store: Store


@quick
@attrs.frozen(weakref_slot=False)
class Failed:
    """
    What was asked for is not done.

    Args:
        number: of the read or write; 0: of an operation.
        why: as etcd says it.
        unknown: it may be done yet, or may have been.
    """

    number: int
    why: str
    unknown: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class LeaderKnown:
    """The member follows another leader than before; empty: none."""

    leader: str


MemberEffect: TypeAlias = Post | Sync | WakeUp | Applied | Restored | Readable | Written | Failed | LeaderKnown
