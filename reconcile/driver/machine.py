"""
Machine: a cluster while it is being stepped.

`step` and `run` open a machine on a cluster, let things happen in it, and close it to the next cluster. It is the one
mutable thing of the engine: drafts over the cluster's tables, local to the call that opened it, never part of a value.
Everything that happens, happens in one of its methods, each named after the choice or the fault that it carries out.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import Any, Final
from zlib import crc32

import attrs

from reconcile.cluster.cluster import Channel, Cluster, Cursor, HostStatus, Process
from reconcile.cluster.components import COMPONENTS, Setting
from reconcile.cluster.pending import Draining, Listing, Message, Pending, Replied, Sent, Starting, Turning
from reconcile.components import apiserver, election, etcd, recorder, world
from reconcile.effects import (
    Answer,
    Call,
    CancelTimer,
    EndProcess,
    Exit,
    Install,
    LaunchProcess,
    Order,
    OutsideEffect,
    ProbeContainer,
    PullImage,
    Record,
    Report,
    RunPodSandbox,
    SetTimer,
    StartContainer,
    StopContainer,
    StopPodSandbox,
    Wake,
)
from reconcile.events import Answered, Ordered, Reported, Started, TimerFired, Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.draft import Draft
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.table import Table
from reconcile.model import statuses
from reconcile.model.requests import Request, Response, User
from reconcile.store import PARTITIONS, Change, Committed, Put, Refused, channel, commit, compact, grant, revoke
from reconcile.store.indexes import channels_of

_PLANS: Final = 5  # how often a request is planned again when its transaction is refused
_NOBODY: Final = Channel()


class Machine:
    """A cluster that is open for stepping; `closed()` gives the next value."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.now = cluster.now
        self.steps = cluster.steps
        self.serial = cluster.serial
        self.head = cluster.head
        self.store = cluster.store
        self.timers = cluster.timers
        self.old_pending = cluster.pending
        self.new_pending: deque[tuple[int, Pending]] = deque()
        self.processes: Draft[str, Process] = Draft(cluster.processes)
        self.states: Draft[str, Any] = Draft(cluster.states)
        self.elections: Draft[str, Any] = Draft(cluster.elections)
        self.recorders: Draft[str, Any] = Draft(cluster.recorders)
        self.cursors: Draft[tuple[str, str], Cursor] = Draft(cluster.cursors)
        self.channels: Draft[str, Channel] = Draft(cluster.channels)
        self.hosts: Draft[str, HostStatus] = Draft(cluster.hosts)
        self.parked = cluster.parked
        self.servers = cluster.servers
        self.etcd = cluster.etcd
        self.marked = cluster.marked
        self.outbox: list[OutsideEffect] = []
        self.observed: list[tuple[int, Change]] | None = None
        self.marks: array[int] | None = None

    def closed(self) -> Cluster:
        """Give the cluster as it is now; the machine may go on."""
        pending = self.old_pending
        for serial, item in self.new_pending:
            pending = pending.set(serial, item)
        self.new_pending.clear()
        self.old_pending = pending
        old = self.cluster
        self.cluster = Cluster(
            topology=old.topology,
            seed=old.seed,
            controllers=old.controllers,
            now=self.now,
            steps=self.steps,
            serial=self.serial,
            store=self.store,
            timers=self.timers,
            pending=pending,
            head=self.head,
            processes=self.processes.table(),
            states=self.states.table(),
            elections=self.elections.table(),
            recorders=self.recorders.table(),
            cursors=self.cursors.table(),
            channels=self.channels.table(),
            hosts=self.hosts.table(),
            parked=self.parked,
            servers=self.servers,
            etcd=self.etcd,
            marked=self.marked,
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

    def settle_pending(self) -> Table[int, Pending]:
        """Bring all that is under way into one table."""
        for serial, item in self.new_pending:
            self.old_pending = self.old_pending.set(serial, item)
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

    def idle(self) -> bool:
        """Tell whether nothing is under way; timers may be set."""
        return not self.old_pending and not self.new_pending

    def next(self) -> bool:
        """
        Let the first of what is under way happen, first-in first-out; false if there is nothing, not even a timer that
        is due.
        """
        while True:
            if len(self.old_pending):
                item = self._oldest()
            elif self.new_pending:
                item = self.new_pending.popleft()[1]
            else:
                break
            if self._happens(item):
                self.stepped()
                return True
        timer = self.timers.first()
        if timer is None or timer.at > self.now:
            return False
        timer, self.timers = self.timers.pop()
        self._fired(timer.key)
        self.stepped()
        return True

    def stepped(self) -> None:
        """Count a step; mark it where marks are kept."""
        self.steps += 1
        if self.marks is not None:
            seen = (self.now, self.store.revision, self.serial, self.timers.serial)
            self.marks.append(crc32(b"%d %d %d %d" % seen) & _MARK)

    def advance(self, to: Instant) -> None:
        """Move time on, as a step."""
        self.now = to
        self.stepped()

    def _oldest(self) -> Pending:
        head = self.head
        table = self.old_pending
        item = table.get(head)
        while item is None:
            head += 1
            item = table.get(head)
        self.old_pending = table.remove(head)
        self.head = head + 1
        return item

    def _happens(self, item: Pending) -> bool:
        """Let *item* happen; false if it came to nothing, so that it is no step."""
        kind = type(item)
        if kind is Sent:
            return self.execute(item)
        if kind is Replied:
            return self.give_back(item)
        if kind is Message:
            return self.carry(item)
        if kind is Turning:
            return self.turn(item)
        if kind is Draining:
            return self._drain(item)
        if kind is Listing:
            return self._list(item)
        return self.begin(item)

    def dice(self, stream: str) -> Dice:
        """Give the cluster's dice of this name."""
        return Dice(self.cluster.seed, stream)

    # Processes
    # ---------------------------------------------------------------------------------------------------------

    def launch(self, kind: str, host: str) -> None:
        """Make a process of this kind on *host*; it is about to begin."""
        name = f"{kind}/{host}"
        component = COMPONENTS[kind]
        life = self.serial
        self.processes.set(
            name, Process(name, kind, host, component.user_on(host), life, leading=not component.elected)
        )
        self.push(Starting(name, life))

    def begin(self, item: Starting) -> bool:
        """Let a launched process begin: make its state, tell it that it has started, open its watches."""
        process = self.alive(item.process, item.life)
        if process is None:
            return False
        name, kind = process.name, process.kind
        host = self._host(process.host)
        topology = self.cluster.topology
        dice = self.dice(name).named(str(process.life))
        setting = Setting(host.host, dice, topology.behaviours, self.cluster.controllers, self._disk(process.host))
        self.states.set(name, COMPONENTS[kind].begin(setting))
        self.recorders.set(name, recorder.begin(kind, process.host, dice.named("recorder")))
        if kind == "kube-apiserver":
            self.servers = (*self.servers, name)
            for request in apiserver.bootstrap(self.states.get(name), self.now):
                self.push(Sent(name, process.life, process.host, process.user, request, None, self.now))
            self.unpark()
        elif kind == "etcd":
            self.etcd = process.host
            self.unpark()
        if process.leading:
            self._work(process)
        else:
            identity = f"{process.host}_{dice.named('identity').uuid()[0]}"
            config = election.Config(name=kind, lock=topology.lock)
            self.elections.set(name, election.begin(config, identity, dice.named("election")))
            self._hear_election(process, Started(self.now))
        return True

    def _work(self, process: Process) -> None:
        component = COMPONENTS[process.kind]
        self.tell(process, Started(self.now))
        state = self.states.get(process.name)
        if state is None:
            return
        watches = component.watches(state)
        self.processes.set(
            process.name, attrs.evolve(process, leading=True, watches=tuple([watch.name for watch in watches]))
        )
        for watch in watches:
            stream = channel(watch.resource, watch.partition or None)
            self.cursors.set((process.name, watch.name), Cursor(watch.resource, watch.partition, stream))
            known = self.channels.get(stream) or _NOBODY
            self.channels.set(stream, Channel((*known.watchers, (process.name, watch.name)), draining=known.draining))
            self.push(Listing(process.name, process.life, watch.name))

    def end(self, name: str) -> None:
        """Let a process be gone, with all that it knew."""
        process = self.processes.get(name)
        if process is None:
            return
        self.processes.remove(name)
        for table in (self.states, self.elections, self.recorders):
            table.remove(name)
        for watch in process.watches:
            cursor = self.cursors.get((name, watch))
            if cursor is not None:
                self.cursors.remove((name, watch))
                known = self.channels.get(cursor.channel) or _NOBODY
                left = tuple([watcher for watcher in known.watchers if watcher != (name, watch)])
                self.channels.set(cursor.channel, Channel(left, draining=known.draining))
        self.servers = tuple([server for server in self.servers if server != name])
        if process.kind == "etcd" and self.etcd == process.host:
            self.etcd = ""

    def alive(self, name: str, life: int) -> Process | None:
        """Give the process if this life of it still runs."""
        process = self.processes.get(name)
        return process if process is not None and process.life == life else None

    def tell(self, process: Process, event: Any) -> None:
        """Let a process hear *event*, and take its effects up."""
        name = process.name
        state = self.states.get(name)
        after, effects = COMPONENTS[process.kind].step(state, event)
        if after is not state:
            self.states.set(name, after)
        if effects:
            self._take_up(process, effects)

    def _hear_election(self, process: Process, event: Any) -> None:
        name = process.name
        led = process.leading
        state, effects = election.step(self.elections.get(name), event)
        self.elections.set(name, state)
        self._take_up(process, effects)
        if not led and election.leads(state) and self.processes.get(name) is not None:
            self._work(attrs.evolve(process, leading=True))

    # Effects
    # -----------------------------------------------------------------------------------------------------------

    def _take_up(self, process: Process, effects: tuple[Any, ...]) -> None:
        name, life = process.name, process.life
        for effect in effects:
            kind = type(effect)
            if kind is Call:
                self.push(Sent(name, life, process.host, process.user, effect.request, effect.tag, self.now))
            elif kind is Record:
                state, calls = recorder.record(self.recorders.get(name), effect, self.now)
                self.recorders.set(name, state)
                for call in calls:
                    self.push(Sent(name, life, process.host, process.user, call.request, call.tag, self.now))
            elif kind is SetTimer:
                self.timers = self.timers.set((name, life, effect.key), effect.at, periodic=effect.periodic)
            elif kind is Wake:
                self.push(Turning(name, life, effect.queue))
            elif kind is CancelTimer:
                self.timers = self.timers.cancel((name, life, effect.key))
            elif kind is Report:
                self.report(process.host, effect.report)
            elif kind in _ORDERS:
                self._order(process.host, effect)
            else:
                self._take_up_rare(process, effect)

    def _take_up_rare(self, process: Process, effect: Any) -> None:
        match effect:
            case Install():
                host = self._host(process.host)
                self.hosts.set(process.host, attrs.evolve(host, rules=effect.rules))
                if host.host.external:
                    self.outbox.append(Order(process.host, effect))
            case LaunchProcess():
                self.launch(effect.process, process.host)
            case EndProcess():
                self.end(f"{effect.process}/{process.host}")
            case Exit():
                self.exit(process, effect.code)
            case etcd.CompactTo():
                self.store = compact(self.store, max(self.store.compacted, self.marked))
                self.marked = self.store.revision
            case etcd.EndLease():
                self._end_lease(effect.lease)
            case _:
                raise ReconcileError(f"{process.name} gave {effect!r}, which is no effect")

    def _order(self, host: str, order: Any) -> None:
        if self._host(host).host.external:
            self.outbox.append(Order(host, order))
            return
        runtime = self.processes.get(f"runtime/{host}")
        if runtime is not None:
            self.push(Message(runtime.name, runtime.life, order))

    def report(self, host: str, report: Any) -> None:
        """Send a container runtime's report to its host's kubelet."""
        kubelet = self.processes.get(f"kubelet/{host}")
        if kubelet is not None:
            self.push(Message(kubelet.name, kubelet.life, report))

    def exit(self, process: Process, code: int) -> None:
        """Let a process end with *code*; its host's container runtime sees its container exit."""
        self.end(process.name)
        runtime = self.processes.get(f"runtime/{process.host}")
        if runtime is not None and process.kind != "kubelet":
            state, effects = world.ended(self.states.get(runtime.name), process.kind, code, self.now)
            self.states.set(runtime.name, state)
            self._take_up(runtime, effects)

    # The path of a request
    # ---------------------------------------------------------------------------------------------

    def execute(self, item: Sent) -> bool:
        """Let an API server carry a call out; park it if none can be reached."""
        server = self._server(item.host)
        if server is None:
            self.parked = (*self.parked, item)
            return False
        response = self._served(server, item.request, item.user)
        if item.tag is not None:
            self.push(Replied(item.process, item.life, item.host, item.request, item.tag, response, item.at))
        return True

    def _served(self, server: str, request: Request, user: User) -> Response:
        state = self.states.get(server)
        dice = Dice(self.cluster.seed, "request", self.serial)
        for _ in range(_PLANS):
            plan = apiserver.plan(state, request, user, self.store, self.now, dice)
            if isinstance(plan, Response):
                return plan
            txn = plan.txn
            if request.resource == "events" and request.verb == "create":
                txn = self._leased(txn)
            done = commit(self.store, txn)
            if not isinstance(done, Refused):
                self._committed(done)
                return apiserver.answer(plan, done)
        status = statuses.conflict(request.resource, request.name)
        return Response(status.code or _CONFLICT, status)

    def _committed(self, done: Committed) -> None:
        self.store = done.store
        for change in done.changes:
            if self.observed is not None:
                self.observed.append((self.steps, change))
            for name in channels_of(change.resource, change.old, change.new):
                known = self.channels.get(name)
                if known is not None and known.watchers and not known.draining:
                    self.channels.set(name, Channel(known.watchers, draining=True))
                    self.push(Draining(name, 0, self.store.history(name).end))

    def give_back(self, item: Replied) -> bool:
        """Hand an answer back to who asked."""
        if not item.process:
            self.outbox.append(Answer(item.tag[0], item.tag[1], item.response, self.now - item.at))
            return True
        process = self.alive(item.process, item.life)
        if process is None:
            return False
        if not self._connected(item.host):
            self.parked = (*self.parked, item)
            return False
        event = Answered(self.now, item.tag, item.response)
        if item.tag[0] == "election":
            self._hear_election(process, event)
        elif item.tag[0] == "recorder":
            state, calls = recorder.answered(self.recorders.get(process.name), event)
            self.recorders.set(process.name, state)
            self._take_up(process, calls)
        else:
            self.tell(process, event)
        return True

    def carry(self, item: Message) -> bool:
        """Hand over a message between a kubelet and its container runtime."""
        process = self.alive(item.process, item.life)
        if process is None:
            return False
        event = Ordered(self.now, item.body) if process.kind == "runtime" else Reported(self.now, item.body)
        self.tell(process, event)
        return True

    def turn(self, item: Turning) -> bool:
        """Let a process do an item of work."""
        process = self.alive(item.process, item.life)
        if process is None:
            return False
        self.tell(process, Turned(self.now, item.queue))
        return True

    # Watches
    # -----------------------------------------------------------------------------------------------------------

    def deliver(self, process: Process, watch: str, count: int = 0) -> bool:
        """Deliver the next *count* changes of a watch, all if 0; false if there is nothing to deliver."""
        key = (process.name, watch)
        cursor = self.cursors.get(key)
        assert cursor is not None, f"{process.name} has no watch {watch}"
        history = self.store.history(cursor.channel)
        if cursor.position < history.start:
            changes, view, position = self._listed(cursor), self.store.table(cursor.resource), history.end
            if not changes and cursor.view is not None:
                self.cursors.set(key, attrs.evolve(cursor, position=position, view=view))
                return False
        else:
            position = min(history.end, cursor.position + count) if count else history.end
            changes = history.between(cursor.position, position)
            if not changes:
                return False
            view = changes[-1].table
            if cursor.partition:
                changes = _seen_from(cursor, changes)
        self.cursors.set(key, Cursor(cursor.resource, cursor.partition, cursor.channel, position, view))
        self.tell(process, Watched(self.now, watch, changes, view))
        return True

    def _listed(self, cursor: Cursor) -> tuple[Change, ...]:
        table = self.store.table(cursor.resource)
        revision = self.store.revision
        if cursor.view is None and cursor.partition:
            index = PARTITIONS[cursor.resource].name
            rows: Any = [(key, None, table[key]) for key in table.keys_under(index, cursor.partition)]
        elif cursor.view is None:
            rows = [(key, None, obj) for key, obj in table.items()]
        else:
            rows = table.differences(cursor.view)
        changes = tuple([Change(revision, cursor.resource, key, old, new, table) for key, old, new in rows])
        if cursor.partition:
            changes = tuple([change for change in _seen_from(cursor, changes) if change.old or change.new])
        return changes

    def _list(self, item: Listing) -> bool:
        process = self.alive(item.process, item.life)
        if process is None:
            return False
        if self._server(process.host) is None:
            self.parked = (*self.parked, item)
            return False
        return self.deliver(process, item.watch)

    def _drain(self, item: Draining) -> bool:
        known = self.channels.get(item.channel) or _NOBODY
        watchers, place = known.watchers, item.place
        while place < len(watchers):
            name, watch = watchers[place]
            place += 1
            process = self.processes.get(name)
            if process is None:
                continue
            if self._server(process.host) is None:
                self.parked = (*self.parked, Listing(name, process.life, watch))
            elif self.deliver(process, watch):
                self.push(Draining(item.channel, place, item.mark))
                return True
        end = self.store.history(item.channel).end
        if end > item.mark:
            self.push(Draining(item.channel, 0, end))
        else:
            self.channels.set(item.channel, Channel(watchers, draining=False))
        return False

    # Time
    # --------------------------------------------------------------------------------------------------------------

    def fire(self, key: tuple[Any, ...]) -> None:
        """Fire the timer of this key, which is due."""
        self.timers = self.timers.cancel(key)
        self._fired(key)

    def _fired(self, key: tuple[Any, ...]) -> None:
        name, life, own = key
        process = self.alive(name, life)
        if process is None:
            return
        event = TimerFired(self.now, own)
        if own[0] == "election":
            self._hear_election(process, event)
        else:
            self.tell(process, event)

    def cut(self, process: Process, watch: str) -> None:
        """Break a watch: it has to list again."""
        cursor = self.cursors.get((process.name, watch))
        assert cursor is not None
        self.cursors.set((process.name, watch), attrs.evolve(cursor, position=-1))
        self.push(Listing(process.name, process.life, watch))

    def skip(self, process: Process, watch: str, count: int) -> None:
        """Lose the next *count* changes of a watch; its cache is left as it was."""
        cursor = self.cursors.get((process.name, watch))
        assert cursor is not None
        end = self.store.history(cursor.channel).end
        if not 0 < count <= end - cursor.position:
            raise ReconcileError(f"{process.name} has {end - cursor.position} changes of {watch} to come, not {count}")
        self.cursors.set((process.name, watch), attrs.evolve(cursor, position=cursor.position + count))

    # Reach
    # -------------------------------------------------------------------------------------------------------------

    def _server(self, host: str) -> str | None:
        """Give an API server that *host* can reach and that can reach etcd; an empty host is a client outside."""
        if not self.etcd:
            return None
        for server in self.servers:
            at = server.rpartition("/")[2]
            if self._reaches(host, at) and self._reaches(at, self.etcd):
                return server
        return None

    def _reaches(self, one: str, other: str) -> bool:
        return one == other or (self._connected(one) and self._connected(other))

    def _connected(self, host: str) -> bool:
        return not host or self._host(host).connected

    def _host(self, name: str) -> HostStatus:
        host = self.hosts.get(name)
        if host is None:
            raise ReconcileError(f"there is no host {name!r}; there are {', '.join(self.cluster.hosts.keys()[:10])}")
        return host

    def _disk(self, host: str) -> Any:
        runtime = self.states.get(f"runtime/{host}")
        return self._host(host).disk if runtime is None else runtime

    def unpark(self) -> None:
        """Let what waited for an API server be under way again."""
        parked, self.parked = self.parked, ()
        for item in parked:
            self.push(item)

    # etcd's leases
    # -----------------------------------------------------------------------------------------------------

    def _leased(self, txn: Any) -> Any:
        """Put events under a lease of their hour, shared by those of one minute, as the API server does."""
        lease = self.now // _LEASE_SHARED + 1
        if lease not in self.store.leases:
            self.store = grant(self.store, apiserver.EVENT_TTL, self.now, lease)
            keeper = self.processes.get(f"etcd/{self.etcd}")
            assert keeper is not None, "a request is served only while etcd runs"
            key = (keeper.name, keeper.life, ("lease", lease))
            self.timers = self.timers.set(key, self.now + apiserver.EVENT_TTL, periodic=True)
        operations = [
            Put(operation.resource, operation.key, operation.value, lease) if isinstance(operation, Put) else operation
            for operation in txn.operations
        ]
        return attrs.evolve(txn, operations=tuple(operations))

    def _end_lease(self, lease: int) -> None:
        if lease in self.store.leases:
            self._committed(revoke(self.store, lease))


_MARK: Final = 0xFFFF
_CONFLICT: Final = 409
_LEASE_SHARED: Final = 60_000_000_000
_ORDERS: Final = frozenset({RunPodSandbox, StopPodSandbox, PullImage, StartContainer, StopContainer, ProbeContainer})


def _seen_from(cursor: Cursor, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Give changes as a watch of one partition shows them: what enters it was created, what leaves it was deleted."""
    values = PARTITIONS[cursor.resource].values
    seen: list[Change] = []
    for change in changes:
        old, new = change.old, change.new
        if old is not None and cursor.partition not in values(old):
            old = None
        if new is not None and cursor.partition not in values(new):
            new = None
        if old is change.old and new is change.new:
            seen.append(change)
        else:
            seen.append(Change(change.revision, change.resource, change.key, old, new, change.table))
    return tuple(seen)
