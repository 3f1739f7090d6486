"""
Cluster: everything that a cluster is, as one immutable value.

What etcd stores, what each process remembers and has seen, what is under way between them, the hosts, the clock, the
dice. It changes only by `reconcile.driver.step`. Keeping one costs a pointer; so does a fork.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api.kinds import resource_named
from reconcile.cluster.components import (
    COMPONENTS,
    applications_among,
    controllers_among,
    host_processes,
    scheduling,
)
from reconcile.cluster.founding import founding
from reconcile.cluster.links import NO_LINKS, Links, links_at_first
from reconcile.cluster.pending import Inquiry, Pending, Sent, Starting, Suspended, Turning, Withheld
from reconcile.cluster.topology import Topology, is_written
from reconcile.components import applications, etcd, network, world
from reconcile.components.controllers import STANDARD, around, check
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers
from reconcile.model.hosts import Host
from reconcile.model.requests import User, joined
from reconcile.store import Store


@quick
@attrs.frozen(weakref_slot=False)
class Process:
    """
    A process that runs.

    Args:
        name: `component/host`.
        kind: the component: kubelet, kube-scheduler, ...
        host: where it runs.
        user: as whom it calls the API server.
        life: a number that no other process has had; what was meant for an earlier life is dropped.
        leading: whether it does its work; false while it waits to be elected.
        watches: the names of its watches, once it works.
        skew: how far its host's clock, by which it goes, is ahead of the cluster's time.
        drift: how many parts of a million that clock goes faster.
    """

    name: str
    kind: str
    host: str
    user: User
    life: int
    leading: bool = True
    watches: tuple[str, ...] = ()
    skew: Duration = 0
    drift: int = 0

    @classmethod
    def of(cls, kind: str, status: HostStatus, life: int) -> Process:
        """
        Make a process of this kind on a host.

        The runtime is no software of the host's, but the world's; etcd goes by the clock that never jumps.
        """
        component, host = COMPONENTS[kind], status.host
        skew, drift = (0, 0) if kind == "runtime" else (host.clock_skew, host.clock_drift)
        skew = status.gained if kind == "etcd" else skew
        user, leading = component.user_on(host.name), not component.elected
        return cls(f"{kind}/{host.name}", kind, host.name, user, life, leading=leading, skew=skew, drift=drift)


CLOCK: Final = ("clock",)
_MILLION: Final = 1_000_000


def clock_of(host: str) -> tuple[str, int, tuple[str]]:
    """Give the key of the timer of a host whose clock drifts."""
    return f"clock/{host}", 0, CLOCK


@quick
@attrs.frozen(weakref_slot=False)
class Cursor:
    """
    How far a watch has come.

    Args:
        resource: the resource's key.
        partition: the one value of the resource's partition that is watched; empty for all.
        channel: the store's channel that the watch reads.
        position: the next change in it; -1 if the watch has to list first.
        view: the resource's table as of the last delivery: the informer's cache.
        place: where the watch stands among the channel's watchers.
        held: whether what it is to be told is held back.
    """

    resource: str
    partition: str
    channel: str
    position: int = -1
    view: Table[str, Any] | None = attrs.field(default=None, repr=False)
    place: int = 0
    held: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Channel:
    """
    Who watches a channel.

    Args:
        places: the watchers as (process, watch), in the order in which they came; None in the place of one that is
            gone, so that a `Draining` and the cursors of the others can say where they stand.
        gone: how many places are empty.
        draining: whether a `Draining` of it is pending.
    """

    places: Sequence[tuple[str, str] | None] = Sequence()
    gone: int = 0
    draining: bool = False

    @property
    def watchers(self) -> tuple[tuple[str, str], ...]:
        """Those who watch, as (process, watch)."""
        return tuple([watcher for watcher in self.places.between(0, self.places.end) if watcher is not None])


@quick
@attrs.frozen(weakref_slot=False)
class Drifting:
    """
    How a host's clock drifts, at the rate that the host says.

    Args:
        since: from when.
        ahead: how far ahead it was then.
        gained: what it had gained by drifting until then.
        until: how far ahead it is when it stops; None: never.
    """

    since: Instant
    ahead: Duration
    gained: Duration = 0
    until: Duration | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Stretch:
    """
    How far ahead a host's clock was over a stretch of time.

    Args:
        since: from when; *end*: until when.
        ahead: how far ahead it was at first.
        rate: by how many parts of a million it went faster.
        until: how far ahead it was when that stopped; None: it did not.
    """

    since: Instant
    end: Instant
    ahead: Duration
    rate: int = 0
    until: Duration | None = None

    def showed(self, at: Instant) -> Instant:
        """Give what the clock showed at an instant of the cluster's time."""
        ahead = self.ahead + (at - self.since) * self.rate // _MILLION
        if self.until is not None and (ahead - self.until) * self.rate >= 0:
            ahead = self.until
        return at + ahead


@quick
@attrs.frozen(weakref_slot=False)
class HostStatus:
    """
    A host as it is now.

    Args:
        host: what it is.
        up: whether it has power.
        connected: whether the network reaches it.
        disk: what its container runtime had when it was last off; images survive a power cycle.
        rules: its packet filter, as kube-proxy installed it.
        gained: what its clock has gained by drifting: so far ahead is the one that never jumps.
        drifting: how it drifts now; None: not at all.
        kept: what its kubelet had on its disk when that last ended; it survives a power cycle, too.
        past: how its clock was before it was changed, the oldest first.
    """

    host: Host
    up: bool = True
    connected: bool = True
    disk: Any = None
    rules: Any = None
    gained: Duration = 0
    drifting: Drifting | None = None
    kept: Any = None
    past: tuple[Stretch, ...] = ()

    def showed(self, at: Instant) -> Instant:
        """Give what the host's clock showed at an instant of the cluster's time that has come."""
        stretches = (each for each in self.past if at < each.end)
        return next(stretches, self.stretch(at)).showed(at)

    def stretch(self, end: Instant) -> Stretch:
        """Give how the clock is now, as far as up to *end*."""
        drifting = self.drifting
        if drifting is None:
            return Stretch(end, end, self.host.clock_skew)
        return Stretch(drifting.since, end, drifting.ahead, self.host.clock_drift, drifting.until)


@quick
@attrs.frozen(weakref_slot=False)
class Keeping:
    """
    What a host keeps for its member of etcd, whether it runs or not.

    Args:
        disk: what is on it.
        writing: what is on its way there, the oldest first.
        delay: how long a write takes.
        full: whether there is no room for one.
        added: when the member was added that the cluster knows here; 0: it began with it.
        stale: whether what is on the disk is another member's, which was here before and was removed.
        founders: the hosts with whose members its cluster began; none: those of the topology.
    """

    disk: etcd.raft.Disk = etcd.raft.Disk()
    writing: tuple[etcd.raft.Persist, ...] = ()
    delay: Duration = 0
    full: bool = False
    added: Instant = 0
    stale: bool = False
    founders: tuple[str, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Queue:
    """
    What became of the items of a queue of work.

    Args:
        done: how many are done.
        held: who has one: a host, a pod's uid, the name of a container there, and since when that has run.
    """

    done: int = 0
    held: tuple[tuple[str, str, str, Instant], ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Programs:
    """
    What the applications in a cluster's containers have together.

    Args:
        volumes: what is on each volume, by its name: name -> value.
        listeners: who listens at `IP:port`: a process.
        logs: what each container has written, by `uid/container`: (instant, line).
        filled: how many bytes are on each volume, by who wrote them: a container's name.
        queues: what became of the items of work of each queue, by its name.
    """

    volumes: Table[str, Map[Any]] = attrs.field(factory=Table)
    listeners: Table[str, str] = attrs.field(factory=Table)
    logs: Table[str, Sequence[tuple[Instant, str]]] = attrs.field(factory=Table)
    filled: Table[str, Map[int]] = attrs.field(factory=Table)
    queues: Table[str, Queue] = attrs.field(factory=Table)


NO_PROGRAMS: Final = Programs()

_STATIC_UID: Final = "kubernetes.io/config.hash"  # by which a kubelet knows a static pod


@quick
@attrs.frozen(weakref_slot=False)
class Asked:
    """
    A request that an API server is about to answer once its member of etcd has agreed with the others.

    Args:
        item: the request.
        server, life: who answers, in which life.
        member: the host of the member that it was given to.
        planned: what is to be written; None of a read.
        tries: how often it was planned.
        waited: that it has waited for webhooks, with what they answered; None: it has not.
        noted: what audits note of it.
    """

    item: Sent
    server: str
    life: int
    member: str
    planned: Any = None
    tries: int = 1
    waited: Suspended | None = None
    noted: tuple[tuple[str, str], ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Cluster:
    """
    A Kubernetes cluster at one instant.

    Args:
        topology: what it was booted from.
        seed: all its chance comes from here.
        controllers: what runs of the user's own: controllers, beside the standard ones in the controller-manager,
            plugins of the scheduler, where its configuration names them, and applications, in the containers whose
            behaviours name them.
        now: the instant, nanoseconds since the Unix epoch.
        steps: how many steps were taken.
        serial: the next number for what is under way.
        store: what etcd keeps.
        timers: keyed (process, life, key).
        pending: what is under way, by serial number.
        head: no pending number is lower.
        turns: the processes that wait for a turn to work, by serial number.
        processes: by name.
        states: each process's own state, by process name.
        elections: the election state of each process that has one.
        recorders: each process's event recorder.
        cursors: how far each watch has come, by (process, watch).
        channels: who watches each channel.
        hosts: by name.
        parked: what waits for an API server that can be reached.
        suspended: the requests that wait within an API server for webhooks to answer, and what watches withhold until
            some have, in order.
        servers: the API servers that run, in order of start.
        etcd: the host on which etcd runs; empty while it does not.
        marked: the store's revision when its history was last compacted, to which it is compacted next.
        members: what each host keeps for its member of etcd, by host; empty if there is but one member. The *store* is
            then what the member has that has come furthest.
        front: the index of the last entry that any member has applied.
        asked: the requests that wait for members to agree, by number.
        snapshots: those that somebody has saved, by name.
        calm: whether members hear each other's heartbeats by rule.
        cuts: the pairs of hosts that are cut off from each other, each pair and all of them sorted.
        programs: what applications of the user's own keep, and where they listen.
        links: what is wrong with links one way only.
    """

    topology: Topology
    seed: int
    controllers: tuple[Any, ...] = ()
    now: Instant
    steps: int = 0
    serial: int = 0
    store: Store = attrs.field(factory=Store)
    timers: Timers[Any] = attrs.field(factory=Timers)
    pending: Table[int, Pending] = attrs.field(factory=Table)
    head: int = 0
    turns: Table[int, Turning] = attrs.field(factory=Table)
    processes: Table[str, Process] = attrs.field(factory=Table)
    states: Table[str, Any] = attrs.field(factory=Table)
    elections: Table[str, Any] = attrs.field(factory=Table)
    recorders: Table[str, Any] = attrs.field(factory=Table)
    cursors: Table[tuple[str, str], Cursor] = attrs.field(factory=Table)
    channels: Table[str, Channel] = attrs.field(factory=Table)
    hosts: Table[str, HostStatus] = attrs.field(factory=Table)
    parked: tuple[Pending, ...] = ()
    suspended: tuple[Suspended | Withheld | Inquiry, ...] = ()
    servers: tuple[str, ...] = ()
    etcd: str = ""
    marked: int = 0
    members: Table[str, Keeping] = attrs.field(factory=Table)
    front: int = 0
    asked: Table[int, Asked] = attrs.field(factory=Table)
    calm: bool = False
    snapshots: Table[str, Store] = attrs.field(factory=Table)
    cuts: tuple[tuple[str, str], ...] = ()
    programs: Programs = NO_PROGRAMS
    links: Links = NO_LINKS

    @classmethod
    def boot(cls, topology: Topology | None = None, *, seed: int = 0, controllers: tuple[Any, ...] = ()) -> Cluster:
        """
        Power the machines of *topology* on.

        The kubelets are about to start; nothing has happened yet: `settle` sees the control plane come up.

        Raises:
            ReconcileError: *seed* is not an integer of 64 bits, or *controllers* cannot run.
        """
        if not is_written(seed):
            raise ReconcileError(f"seed: {seed!r} is not an integer of 64 bits")
        topology = Topology() if topology is None else topology
        if not isinstance(topology, Topology):
            raise ReconcileError(f"topology: expected a Topology, found {topology!r}")
        controllers = tuple(controllers)
        run = around(topology.drivers, topology.cloud, topology.stages, equipment=topology.device_drivers)
        check((*STANDARD, *run, *controllers_among(controllers)))
        scheduling(topology, controllers)
        applications.check(applications_among(controllers), topology.behaviours.components)
        hosts: list[tuple[str, HostStatus]] = []
        processes: list[tuple[str, Process]] = []
        starting: list[tuple[int, Pending]] = []
        for host in topology.machines():
            dice = Dice(seed, f"runtime/{host.name}")
            disk = world.begin(host, topology.behaviours, dice)
            drifting = Drifting(topology.start, host.clock_skew) if host.clock_drift else None
            status = HostStatus(host, disk=disk, drifting=drifting)
            hosts.append((host.name, status))
            for kind in host_processes(host):
                name, life = f"{kind}/{host.name}", len(starting)
                processes.append((name, Process.of(kind, status, life)))
                starting.append((life, Starting(name, life)))
        states: list[tuple[str, Any]] = []
        if topology.front is not None:
            masters = tuple([host.name for host in topology.controls()])
            processes.append(("network", Process("network", "network", "", User(name=""), len(starting))))
            states.append(("network", network.begin(topology.front, masters, Dice(seed, "network"))))
        timers: Timers[Any] = Timers()
        for name, status in hosts:
            if status.host.clock_drift:
                timers = timers.set(clock_of(name), topology.start + SECOND, periodic=True)
        store = founding(topology, controllers_among(controllers))
        keepers = topology.keepers()
        founded = etcd.raft.founded(keepers, store)
        cuts, links = links_at_first(topology.links)
        return cls(
            topology=topology,
            members=Table.of([(name, Keeping(founded)) for name in keepers]) if len(keepers) > 1 else Table(),
            seed=seed,
            controllers=controllers,
            now=topology.start,
            store=store,
            timers=timers,
            serial=len(starting) + len(states),
            pending=Table.of(starting),
            hosts=Table.of(hosts),
            processes=Table.of(processes),
            states=Table.of(states),
            cuts=cuts,
            links=links,
        )

    def objects(self, word: str, *, namespace: str = "") -> tuple[Any, ...]:
        """
        Give the stored objects of a resource, in key order.

        Args:
            word: as kubectl takes it: `pods`, `po`, `deployments.apps`.
            namespace: only of this namespace; empty for all.
        """
        table = self.store.table(resource_named(word).key)
        return table.under("namespace", namespace) if namespace else tuple(table.values())

    def get(self, word: str, name: str, *, namespace: str = "") -> Any:
        """Give one stored object, or None; *namespace* is `default` for a namespaced resource unless it is given."""
        resource = resource_named(word)
        space = (namespace or "default") if resource.namespaced else ""
        return self.store.get(resource.key, joined(space, name))

    def applications(self, name: str) -> tuple[tuple[str, Any, Any], ...]:
        """
        Give the containers that run the application *name*, in order: each one's process, its place (`Place`: which
        pod, where), and the application's own state.
        """
        found = []
        for process, state in self.states.items():
            kept = getattr(state, "state", state)  # of one that is frozen
            if isinstance(kept, applications.State) and kept.application.name == name:
                found.append((process, kept.place, kept.own))
        return tuple(found)

    def written(self, pod: str, container: str, *, namespace: str = "default") -> tuple[str, ...]:
        """Give the lines that the application in a container of a pod that is stored has written."""
        stored = self.get("pods", pod, namespace=namespace)
        uid = "" if stored is None else (stored.metadata.annotations or {}).get(_STATIC_UID, stored.metadata.uid)
        lines = self.programs.logs.get(f"{uid}/{container}", Sequence())
        return tuple([line for _, line in lines.between(lines.start, lines.end)])

    def lag(self, process: str, watch: str) -> int:
        """Count the changes that a watch has not been told of yet; -1 if it has to list first."""
        cursor = self.cursors[process, watch]
        if cursor.position < 0:
            return -1
        return self.store.history(cursor.channel).end - cursor.position
