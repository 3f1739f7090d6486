"""
Machine: a cluster while it is being stepped.

`step` and `run` open a machine on a cluster, let things happen in it, and close it to the next cluster. It is the one
mutable thing of the engine: drafts over the cluster's tables, local to the call that opened it, never part of a value.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar
from zlib import crc32

from reconcile.cluster.cluster import Asked, Channel, Cluster, Cursor, HostStatus, Keeping, Process
from reconcile.cluster.links import NO_LINKS
from reconcile.cluster.pending import Pending, Sent, Turning
from reconcile.effects import CallWebhook, Explain, OutsideEffect
from reconcile.lib.dice import Dice
from reconcile.lib.draft import Draft
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.table import Table
from reconcile.lib.timers import OpenTimers
from reconcile.model.requests import Response
from reconcile.store import Change, OpenStore

T = TypeVar("T")

_MARK: Final = 0xFFFF

NONE_LEFT: Final[Table[int, Any]] = Table()
"""What stands for a table that is empty, where it is asked at every step whether it is."""


class Machine:
    """A cluster that is open for stepping; `closed()` gives the next value."""

    observed: list[tuple[int, Change]] | None
    """What was written to the store since a recorder looked last, and at which step."""
    explained: list[tuple[int, Explain]] | None
    """What schedulers said of their decisions, likewise."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.now = cluster.now
        self.steps = cluster.steps
        self.serial = cluster.serial
        self.head = cluster.head
        self.store = OpenStore(cluster.store)
        self.timers = OpenTimers(cluster.timers)
        self.old_pending = _shared(cluster.pending)
        self.new_pending: deque[tuple[int, Pending]] = deque()
        self.old_turns = _shared(cluster.turns)
        self.new_turns: deque[tuple[int, Turning]] = deque()
        self.processes: Draft[str, Process] = Draft(cluster.processes)
        self.states: Any = Draft(cluster.states)
        self.elections: Any = Draft(cluster.elections)
        self.recorders: Any = Draft(cluster.recorders)
        self.cursors: Draft[tuple[str, str], Cursor] = Draft(cluster.cursors)
        self.channels: Draft[str, Channel] = Draft(cluster.channels)
        self.hosts: Draft[str, HostStatus] = Draft(cluster.hosts)
        self.old_parked = cluster.parked
        self.new_parked: list[Pending] = []
        self.suspended = cluster.suspended
        self.servers = cluster.servers
        self.etcd = cluster.etcd
        self.marked = cluster.marked
        self.plural = bool(cluster.members)
        self.fronted = cluster.topology.front is not None
        self.apart = self.plural or self.fronted or cluster.links is not NO_LINKS
        """Whether what an API server shows may be another than the store, or nothing."""
        self.members: Draft[str, Keeping] = Draft(cluster.members)
        self.front = cluster.front
        self.asked: Draft[int, Asked] = Draft(cluster.asked)
        self.calm = cluster.calm
        self.snapshots = cluster.snapshots
        self.cuts, self.links = cluster.cuts, cluster.links
        self.programs = cluster.programs
        self.records = cluster.topology.events
        self.audits = cluster.topology.audit or None
        self.notes = cluster.topology.webhooks or self.audits is not None
        self.noted: dict[str, str] = {}
        """What was noted for the audit of the request that was served last."""
        self.reach: dict[str, str | None] = {}
        self.heard: dict[str, bool] = {}
        """Whether answers come to a host, where that is known."""
        self.outbox: list[OutsideEffect] = []
        self.observed, self.explained = None, None
        self.marks: array[int] | None = None
        self.trace: list[tuple[Instant, Sent, Response]] | None = None
        self.answering: Callable[[Machine], bool] | None = None
        """Lets webhooks answer *calls*, where nothing else is left to do; tells whether there were any."""
        self.calls: list[CallWebhook] = []

    def explain(self, said: Explain) -> None:
        """Let what a scheduler says of a decision leave, and be written down."""
        self.outbox.append(said)
        if self.explained is not None:
            self.explained.append((self.steps, said))

    def closed(self) -> Cluster:
        """Give the cluster as it is now; the machine may go on."""
        pending, turns = self.settle_pending(), self.settle_turns()
        old = self.cluster
        self.cluster = Cluster(
            topology=old.topology,
            seed=old.seed,
            controllers=old.controllers,
            now=self.now,
            steps=self.steps,
            serial=self.serial,
            store=self.store.closed(),
            timers=self.timers.closed(),
            pending=pending,
            turns=turns,
            head=self.head,
            processes=self.processes.table(),
            states=self.states.table(),
            elections=self.elections.table(),
            recorders=self.recorders.table(),
            cursors=self.cursors.table(),
            channels=self.channels.table(),
            hosts=self.hosts.table(),
            parked=self.parked,
            suspended=self.suspended,
            servers=self.servers,
            etcd=self.etcd,
            marked=self.marked,
            members=self.members.table(),
            front=self.front,
            asked=self.asked.table(),
            calm=self.calm,
            snapshots=self.snapshots,
            cuts=self.cuts,
            programs=self.programs,
            links=self.links,
        )
        return self.cluster

    # What is under way
    # -------------------------------------------------------------------------------------------------

    def push(self, item: Pending) -> int:
        """Put *item* at the end of what is under way; give its number."""
        serial = self.serial
        self.serial = serial + 1
        self.new_pending.append((serial, item))
        return serial

    def push_turn(self, turn: Turning) -> None:
        """Let a process wait for a turn, behind all that are waiting."""
        serial = self.serial
        self.serial = serial + 1
        self.new_turns.append((serial, turn))

    def settle_turns(self) -> Table[int, Turning]:
        """Bring all turns that are waited for into one table."""
        if self.new_turns:
            self.old_turns = self.old_turns.updated(dict(self.new_turns))
            self.new_turns.clear()
        return self.old_turns

    def settle_pending(self) -> Table[int, Pending]:
        """Bring all that is under way into one table."""
        if self.new_pending:
            self.old_pending = self.old_pending.updated(dict(self.new_pending))
            self.new_pending.clear()
        return self.old_pending

    def taken(self, serial: int) -> Pending:
        """Take what has this number out of what is under way."""
        table = self.settle_pending()
        item = table.get(serial)
        if item is None:
            raise ReconcileError(f"nothing is under way with the number {serial}")
        self.old_pending = table.remove(serial)
        return item

    @property
    def parked(self) -> tuple[Pending, ...]:
        """What waits for an API server that can be reached."""
        if self.new_parked:
            self.old_parked = (*self.old_parked, *self.new_parked)
            self.new_parked = []
        return self.old_parked

    def idle(self) -> bool:
        """Tell whether nothing is under way; timers may be set."""
        return not (self.old_pending or self.new_pending or self.old_turns or self.new_turns)

    def stepped(self) -> None:
        """Count a step; mark it where marks are kept."""
        self.steps += 1
        if self.marks is not None:
            self.mark()

    def mark(self) -> None:
        """Keep a mark of the step that was counted last."""
        assert self.marks is not None, "asked only where marks are kept"
        seen = (self.now, self.store.revision, self.serial, self.timers.serial)
        self.marks.append(crc32(b"%d %d %d %d" % seen) & _MARK)

    def advance(self, to: Instant) -> None:
        """Move time on, as a step."""
        self.now = to
        self.stepped()

    def alive(self, name: str, life: int) -> Process | None:
        """Give the process if this life of it still runs."""
        process = self.processes.get(name)
        return process if process is not None and process.life == life else None

    def host(self, name: str) -> HostStatus:
        """Give the host of this name; ReconcileError if there is none."""
        host = self.hosts.get(name)
        if host is None:
            raise ReconcileError(f"there is no host {name!r}; there are {', '.join(self.cluster.hosts.keys()[:10])}")
        return host

    def dice(self, stream: str) -> Dice:
        """Give the cluster's dice of this name."""
        return Dice(self.cluster.seed, stream)

    def oldest(self) -> Pending:
        """Take the oldest item of the table of what is under way, which is not empty."""
        head = self.head
        table = self.old_pending
        item = table.get(head)
        while item is None:
            head += 1
            item = table.get(head)
        self.old_pending = _shared(table.remove(head))
        self.head = head + 1
        return item

    def first_turn(self) -> Turning:
        """Take the first of the table of turns, which is not empty."""
        serial = self.old_turns.keys()[0]
        item = self.old_turns[serial]
        self.old_turns = _shared(self.old_turns.remove(serial))
        return item


def _shared(table: Table[int, T]) -> Table[int, T]:
    return table if len(table) else NONE_LEFT
