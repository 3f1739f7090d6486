"""
The log of a member: entries behind a snapshot, and what of both is on its disk.

Source:   Ongaro, Ousterhout 2014, sections 5.3 and 7.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.components.etcd.raft.values import Entry, Membership, Persist, Snapshot
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace


@quick
@attrs.frozen(weakref_slot=False)
class Log:
    """
    Entries, the first of which stands at *offset* + 1.

    Args:
        snapshot: stands for all entries up to its index, which is *offset* or later.
        offset: the index of the last entry that is forgotten.
        offset_term: its term.
        entries: those that are kept.
    """

    snapshot: Snapshot = Snapshot()
    offset: int = 0
    offset_term: int = 0
    entries: tuple[Entry, ...] = ()

    @property
    def last(self) -> int:
        """The index of the last entry."""
        return self.offset + len(self.entries)

    @property
    def last_term(self) -> int:
        """The term of the last entry."""
        return self.entries[-1].term if self.entries else self.offset_term

    def term_at(self, index: int) -> int | None:
        """Give the term of the entry at *index*; None if it is forgotten, or not there."""
        if index == self.offset:
            return self.offset_term
        return self.entries[index - self.offset - 1].term if self.offset < index <= self.last else None

    def between(self, first: int, last: int) -> tuple[Entry, ...]:
        """Give the entries from *first* to *last*, which are all kept."""
        return self.entries[first - self.offset - 1 : last - self.offset]

    def appended(self, entries: tuple[Entry, ...]) -> Log:
        """Give the log in which *entries* take the place of all from the index of the first one on."""
        kept = self.entries[: entries[0].index - self.offset - 1] if entries else self.entries
        return replace(self, entries=kept + entries)

    def compacted(self, snapshot: Snapshot, keep: int) -> Log:
        """Give the log with *snapshot*, of an index that it has, and without the entries below *keep*."""
        first = max(self.offset, min(keep - 1, snapshot.index))
        term = self.term_at(first)
        assert term is not None, "what is compacted is there"
        return Log(snapshot, first, term, self.entries[first - self.offset :])

    def is_up_to_date(self, index: int, term: int) -> bool:
        """Tell whether a log that ends with an entry of *term* at *index* has at least what this one has."""
        return (term, index) >= (self.last_term, self.last)

    def last_before(self, index: int, term: int) -> int:
        """Give the last index, no greater than *index*, whose entry is of *term* or an earlier one."""
        at = min(index, self.last)
        while at > self.offset and (found := self.term_at(at)) is not None and found > term:
            at -= 1
        return at


def begun_from(snapshot: Snapshot) -> Log:
    """Give the log of which nothing is known but *snapshot*."""
    return Log(snapshot, snapshot.index, snapshot.term)


@quick
@attrs.frozen(weakref_slot=False)
class Disk:
    """What a member finds when it starts: the term, for whom it voted in it, the log, up to where it is committed."""

    term: int = 0
    vote: str = ""
    log: Log = Log()
    commit: int = 0


def founded(voters: tuple[str, ...], data: Any = None) -> Disk:
    """
    Give the disk with which each of *voters* begins a new cluster, whose application's state is *data*.

    It holds a snapshot of index 1. A member that joins later begins with an empty disk, which agrees with no log at any
    index: so it is sent the snapshot first, and learns who belongs to the cluster.
    """
    return Disk(1, "", begun_from(Snapshot(1, 1, Membership(tuple(sorted(voters))), data)), 1)


def written(disk: Disk, order: Persist) -> Disk:
    """Give the disk after *order*."""
    log = disk.log
    if order.snapshot is not None:
        known = log.term_at(order.snapshot.index) == order.snapshot.term
        log = log.compacted(order.snapshot, order.keep) if known else begun_from(order.snapshot)
    if order.entries:
        log = log.appended(order.entries)
    return Disk(order.term, order.vote, log, order.commit)
