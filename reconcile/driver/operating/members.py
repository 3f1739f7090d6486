"""
Members: what operators do to members of etcd, and what happens to their disks.

Takes:    events of `Upkeep` and `MemberFault`.
Gives:    who the members are; ReconcileError if it cannot be done now, with etcd's own words where it refuses.
Source:   https://etcd.io/docs/v3.6/op-guide/runtime-configuration/, .../recovery/ and .../etcdctl's commands.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from typing import Any, Final, assert_never

import attrs

from reconcile.cluster.cluster import Cluster, Keeping, Process
from reconcile.cluster.pending import Parcel, Posted
from reconcile.cluster.topology import is_written
from reconcile.components import etcd, frozen
from reconcile.components.etcd import identity, raft
from reconcile.driver.machine import Machine, rouse_members, tell_member
from reconcile.driver.machine.members.growing import grow, part
from reconcile.driver.machine.network.reach import member_at, talks
from reconcile.driver.machine.watching.watches import expire
from reconcile.events import (
    ChangeMember,
    Compact,
    Defragment,
    Disarm,
    DropMessage,
    FillDisk,
    ForceNewCluster,
    LoseDisk,
    MemberFault,
    MoveLeader,
    RestoreSnapshot,
    SaveSnapshot,
    SlowDisk,
    Started,
    Upkeep,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration
from reconcile.lib.replacing import replace
from reconcile.store import Store, compact, defragment, disarm

MOST_LEARNERS: Final = 1
"""As with --max-learners by default."""

MOST_BUMPED: Final = 1 << 40
"""So far may a restore take revisions on; etcd's documentation proposes 1,000,000,000."""


def operate(machine: Machine, event: Upkeep | MemberFault) -> None:
    """
    Let *event* happen to etcd, or to its members, in an open cluster.

    Raises:
        ReconcileError: it cannot happen now; nothing has happened then.
    """
    if machine.plural or not isinstance(event, Compact | Defragment | Disarm):
        # Members may refuse it when others have heard of it: it is tried first in a machine of its own.
        _operate(Machine(machine.closed()), event)
    _operate(machine, event)


def _operate(machine: Machine, event: Upkeep | MemberFault) -> None:
    if isinstance(event, Compact | Defragment | Disarm):
        _keep_up(machine, event)
        return
    if isinstance(event, DropMessage) and isinstance(machine.settle_pending().get(event.message), Parcel):
        machine.taken(event.message)  # to be lost is all that becomes of it
        return
    if not machine.plural and _is_of_one(machine, event):
        return
    rouse_members(machine)
    match event:
        case DropMessage(message):
            _drop(machine, message)
        case SlowDisk(host, delay):
            _slow(machine, host, delay)
        case FillDisk(host, full):
            machine.members.set(host, replace(_keeping(machine, host), full=bool(full)))
        case LoseDisk(host, entries):
            _lose(machine, host, entries)
        case MoveLeader(host):
            _keeping(machine, host)
            tell_member(machine, _leader(machine).host, lambda now: etcd.MoveWanted(now, host))
        case ChangeMember(kind, host):
            _change(machine, kind, host)
        case SaveSnapshot(name, host):
            machine.snapshots = machine.snapshots.set(name, _member(machine, host).store)
        case RestoreSnapshot():
            _restore(machine, event)
        case ForceNewCluster(host):
            _force(machine, host)
        case _:
            assert_never(event)


def _is_of_one(machine: Machine, event: Upkeep | MemberFault) -> bool:
    """Let *event* happen to a lone member; false if it makes, or is about, a cluster that can have several."""
    if isinstance(event, SaveSnapshot) and machine.etcd == event.host:
        machine.snapshots = machine.snapshots.set(event.name, machine.store.closed())
        return True
    if isinstance(event, RestoreSnapshot):
        keepers = machine.cluster.topology.keepers()
        _check_restored(machine, event, keepers)
        part(machine, {host: Keeping() for host in keepers})
        return False
    if isinstance(event, ChangeMember) and event.kind in ("add", "learner") and machine.etcd:
        machine.host(event.host)
        if event.host == machine.etcd:
            raise ReconcileError("etcdserver: Peer URLs already exists")
        grow(machine)
        return False
    raise ReconcileError(f"{event!r}: etcd has one member here; `Topology(masters=3, members=3)` has three")


def _keep_up(machine: Machine, event: Upkeep) -> None:
    """Compact, defragment or disarm the store; of several members, let the leader put that into the log."""
    done = _kept_up(machine.store.closed(), event)
    if not machine.plural:
        machine.store.reopen(done)
        return
    rouse_members(machine)
    what: etcd.Compaction | etcd.Maintenance
    if isinstance(event, Compact):
        what = etcd.Compaction(event.revision)
    else:
        what = etcd.Maintenance("disarm" if isinstance(event, Disarm) else "defragment")
    tell_member(machine, _leader(machine).host, lambda now: etcd.MaintenanceWanted(now, what))


def _kept_up(store: Store, event: Upkeep) -> Store:
    match event:
        case Compact(revision):
            return compact(store, revision)
        case Defragment():
            return defragment(store)
        case Disarm():
            return disarm(store)


@attrs.frozen
class Listed:
    """
    A member of etcd, as `etcdctl member list` and `endpoint status` show it.

    Args:
        host: where it is.
        part: voter, learner, or none: as the members that run know it.
        role: what it believes to be; `down` while it does not run, `paused` while it is frozen.
        leader, term: whom it follows, and in which term.
        applied: the index of the last entry that it has applied.
        revision: its store's.
        id: by which the cluster knows it; of one that is in no part of it, as which it last was.
        cluster: the id of the cluster.
        started: whether it ever was.
        peer_url, client_url: where it listens.
    """

    host: str
    part: str
    role: str
    leader: str
    term: int
    applied: int
    revision: int
    id: int = 0
    cluster: int = 0
    started: bool = False
    peer_url: str = ""
    client_url: str = ""


def member_list(cluster: Cluster, *, lone: bool = False) -> tuple[Listed, ...]:
    """List the members of etcd, by host; if there is but one, none, unless it is asked for also if it is *lone*."""
    if not cluster.members and lone:
        (host,) = cluster.topology.keepers()
        role, leader = ("leader", host) if cluster.etcd else ("down", "")
        row = Listed(host, "voter", role, leader, 0, 0, cluster.store.revision if leader else 0)
        return (_identified(cluster, row, Keeping(), started=True),)
    found = [(host, cluster.states.get(f"etcd/{host}")) for host in cluster.members]
    paused = [host for host, state in found if isinstance(state, frozen.State)]
    states: list[tuple[str, Any]] = [(host, getattr(state, "state", state)) for host, state in found]
    running = [state.raft for _, state in states if state is not None and state.raft is not None]
    latest = max(running, key=lambda each: (each.applied, each.term)).membership if running else raft.Membership()
    rows = []
    for host, state in states:
        part = "voter" if host in latest.voters else "learner" if host in latest.learners else "none"
        member = None if state is None else state.raft
        if member is None:
            row = Listed(host, part, "down", "", 0, 0, 0)
        else:
            seen = (member.leader, member.term, member.applied, state.store.revision)
            row = Listed(host, part, "paused" if host in paused else member.role, *seen)
        keeping = cluster.members[host]
        started = not keeping.stale and bool(keeping.disk.log.last)
        rows.append(_identified(cluster, row, keeping, started=started))
    return tuple(rows)


def _identified(cluster: Cluster, row: Listed, keeping: Keeping, *, started: bool) -> Listed:
    """Give *row* with the ids that are made of names and of when a member was added."""
    hosts = cluster.hosts
    founders = [f"https://{hosts[each].host.ip}:2380" for each in keeping.founders or cluster.topology.keepers()]
    peer = f"https://{hosts[row.host].host.ip}:2380"
    return attrs.evolve(
        row,
        id=identity.newcomer_id(peer, keeping.added) if keeping.added else identity.founder_id(peer),
        cluster=identity.cluster_id([identity.founder_id(each) for each in founders]),
        started=started,
        peer_url=peer,
        client_url=f"https://{hosts[row.host].host.ip}:2379",
    )


def _drop(machine: Machine, serial: int) -> None:
    if not isinstance(machine.settle_pending().get(serial), Posted):
        raise ReconcileError(f"{serial} is not the number of a message between members of etcd")
    machine.taken(serial)


def _slow(machine: Machine, host: str, delay: Duration) -> None:
    if not is_written(delay) or delay < 0:
        raise ReconcileError(f"delay: {delay!r} is no duration")
    machine.members.set(host, replace(_keeping(machine, host), delay=delay))


def _lose(machine: Machine, host: str, entries: int) -> None:
    keeping = _stopped(machine, host)
    log = keeping.disk.log
    if not is_written(entries) or not 0 <= entries <= len(log.entries):
        raise ReconcileError(f"entries: {entries!r} is not between 0 and {len(log.entries)}, which are on the disk")
    disk = raft.Disk()
    if entries:
        kept = replace(log, entries=log.entries[: len(log.entries) - entries])
        disk = replace(keeping.disk, log=kept, commit=min(keeping.disk.commit, kept.last))
    machine.members.set(host, replace(keeping, disk=disk, stale=keeping.stale and bool(entries)))


def _change(machine: Machine, kind: Any, host: str) -> None:
    if kind not in ("add", "learner", "promote", "remove"):
        raise ReconcileError(f"kind: {kind!r} is not add, learner, promote or remove")
    leader = _leader(machine)
    known = machine.states.get(leader.name).raft.membership
    if kind in ("add", "learner") and host not in known.everyone:
        machine.host(host)
        _check_health(machine, leader.host, known)
        if kind == "learner" and len(known.learners) >= MOST_LEARNERS:
            raise ReconcileError("etcdserver: too many learner members in cluster")
    if kind == "remove" and host in known.voters:
        _check_left(machine, leader.host, known, host)
    change = raft.Change(kind, host)
    tell_member(machine, leader.host, lambda now: etcd.ChangeWanted(now, change))
    if kind in ("add", "learner"):
        _register(machine, leader.host, host)


def _register(machine: Machine, leader: str, host: str) -> None:
    """Let the member on *host* be another than the one that was there, if there was one; that one's disk is no use."""
    keeping = machine.members.get(host) or Keeping()
    last = bool(keeping.disk.log.last or keeping.writing)
    clock = machine.now + machine.host(leader).host.clock_skew
    machine.members.set(host, replace(keeping, added=clock, stale=last, founders=_keeping(machine, leader).founders))


def _check_health(machine: Machine, leader: str, known: raft.Membership) -> None:
    """Refuse a new member while the leader does not reach all that vote (--strict-reconfig-check)."""
    for voter in known.voters:
        if member_at(machine, voter) is None or not talks(machine, leader, voter):
            raise ReconcileError("etcdserver: unhealthy cluster")


def _check_left(machine: Machine, leader: str, known: raft.Membership, leaving: str) -> None:
    """Refuse to let a voter go without whom those that are left would be no quorum (--strict-reconfig-check)."""
    left = [voter for voter in known.voters if voter != leaving]
    quorum = len(left) // 2 + 1
    started = [voter for voter in left if _keeping(machine, voter).disk.log.last]
    if len(started) < quorum:
        raise ReconcileError(f"etcdserver: {raft.NOT_ENOUGH}")
    active = [voter for voter in known.voters if member_at(machine, voter) and talks(machine, leader, voter)]
    if leaving in active and len(active) - 1 < quorum:
        raise ReconcileError("etcdserver: unhealthy cluster")


def _restore(machine: Machine, event: RestoreSnapshot) -> None:
    hosts = tuple(event.hosts)
    store = _check_restored(machine, event, machine.members.table().keys())
    for host in hosts:
        if machine.members.get(host) is None:
            machine.members.set(host, Keeping())
    if event.bump:
        store = replace(store, revision=store.revision + event.bump)
        store = compact(store, store.revision)
        _expire_watches(machine, store.compacted)
    _begin_anew(machine, hosts, store)


def _expire_watches(machine: Machine, compacted: int) -> None:
    """Let all that is watched be behind what is still known: components list again, clients are told so."""
    for key, cursor in machine.cursors.table().items():
        process = machine.processes.get(key[0])
        if process is not None and process.kind == "watch":
            expire(machine, process, compacted)
        else:
            machine.cursors.set(key, replace(cursor, position=-1))


def _check_restored(machine: Machine, event: RestoreSnapshot, keepers: tuple[str, ...]) -> Store:
    store = machine.snapshots.get(event.name)
    if store is None:
        known = ", ".join(machine.snapshots.keys()) or "none"
        raise ReconcileError(f"there is no snapshot {event.name!r}; there are {known}")
    if not event.hosts:
        raise ReconcileError("hosts: a cluster has at least one member")
    if not is_written(event.bump) or not 0 <= event.bump <= MOST_BUMPED:
        raise ReconcileError(f"bump: {event.bump!r} is not between 0 and {MOST_BUMPED}")
    for host in event.hosts:
        machine.host(host)
    for host in (*keepers, *event.hosts):
        _check_stopped(machine, host)
    return store


def _force(machine: Machine, host: str) -> None:
    _stopped(machine, host)
    # It starts as what it is, so that all that it holds to be committed is applied, and is asked what it has.
    begun, orders = etcd.step(
        etcd.begin(host, _keeping(machine, host).disk, machine.dice(f"force/{host}")), Started(machine.now)
    )
    if not any(isinstance(order, etcd.Restored) for order in orders):
        raise ReconcileError(f"the disk of the member on host {host} is empty")
    _begin_anew(machine, (host,), begun.store, forced=True)


def _begin_anew(machine: Machine, hosts: tuple[str, ...], store: Store, *, forced: bool = False) -> None:
    """Let a cluster begin on *hosts* with *store*; one that is *forced* is what it was, to those who ask for its id."""
    for host in machine.members.table():
        keeping = _stopped(machine, host)
        disk = raft.founded(hosts, store) if host in hosts else raft.Disk()
        keeping = replace(keeping, disk=disk, writing=(), stale=False)
        machine.members.set(host, keeping if forced else replace(keeping, added=0, founders=hosts))
    machine.front = 0


def _leader(machine: Machine) -> Process:
    found: list[tuple[int, Process]] = []
    for host in machine.members.table():
        process = machine.processes.get(f"etcd/{host}")
        state = None if process is None else machine.states.get(process.name)
        if process is not None and state is not None and etcd.leads(state):
            found.append((state.raft.term, process))
    if not found:
        raise ReconcileError("etcdserver: no leader")
    return max(found, key=lambda each: each[0])[1]


def _member(machine: Machine, host: str) -> Any:
    _keeping(machine, host)
    state = machine.states.get(f"etcd/{host}")
    if not isinstance(state, etcd.Member):
        raise ReconcileError(f"the member on host {host} {'does not run' if state is None else 'is paused'}")
    return state


def _stopped(machine: Machine, host: str) -> Keeping:
    keeping = _keeping(machine, host)
    _check_stopped(machine, host)
    return keeping


def _check_stopped(machine: Machine, host: str) -> None:
    if machine.processes.get(f"etcd/{host}") is not None:
        raise ReconcileError(f"the member on host {host} runs: stop its host, or its kubelet and then it, first")


def _keeping(machine: Machine, host: str) -> Keeping:
    keeping = machine.members.get(host)
    if keeping is None:
        raise ReconcileError(f"host {host!r} carries no member; {', '.join(machine.members.table().keys())} do")
    return keeping
