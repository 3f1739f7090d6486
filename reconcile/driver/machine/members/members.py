"""
Members of etcd: their messages, their disks, and what becomes of what they order.

Heartbeats between members hold by rule while nothing is amiss: once a leader has followers that have all it has, and
all who could disturb them are off or out of reach, the members' timers rest (the cluster is *calm*). Whatever changes
who runs or who reaches whom first lets every follower hear its leader once more, and wakes the timers.

Takes:    what a member orders; messages and writes that arrive.
Gives:    what is under way next; the cluster's store, which is that of the member that has come furthest.
Source:   https://etcd.io/docs/v3.6/tuning/ (heartbeats every 100 ms, elections after 1 s).
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.cluster.cluster import Process
from reconcile.cluster.pending import Decided, Posted, Sent, Syncing
from reconcile.components import etcd
from reconcile.components.etcd import raft
from reconcile.driver.machine.hosts.clocks import due_at
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.members.leaving import turn_away
from reconcile.driver.machine.network.lines import patient_no_more
from reconcile.driver.machine.network.reach import is_paused, member_at, reaches, talks, unpark
from reconcile.driver.machine.network.surveying import survey
from reconcile.driver.machine.requests.commits import committed
from reconcile.driver.machine.watching.caches import note
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, Instant
from reconcile.lib.replacing import replace

TIMER: Final = ("raft",)
DISK: Final = ("disk",)
_ROUGH: Final = 500 * MILLISECOND  # half of the time after which a leader that is not heard is gone


def name_of(host: str) -> str:
    """Give the name of the process that is the member on *host*."""
    return f"etcd/{host}"


def take_up_of_member(machine: Machine, process: Process, effect: Any) -> bool:
    """Carry out what a member orders; false if it is nothing that only a member orders."""
    if machine.states.get(process.name) is None:
        return True  # its disk was full a moment ago: it has ended before it came to this
    match effect:
        case etcd.Post(message):
            _post(machine, process, message)
        case etcd.Sync(order):
            _write(machine, process, order)
        case etcd.WakeUp():
            _wake(machine, process, effect)
        case etcd.Applied(index, store, changes, touched):
            if index > machine.front:
                machine.front = index
                machine.store.follow(store)
                committed(machine, changes, touched)
            else:
                committed(machine, (), touched)
            note(machine)
        case etcd.Restored(index, store):
            if index > machine.front:
                machine.front = index
                machine.store.follow(store)
            committed(machine, (), machine.channels.table().keys())
            note(machine)
        case etcd.Readable(number) | etcd.Written(number) | etcd.Failed(number):
            _tell_server(machine, number, effect)
        case etcd.LeaderKnown(leader):
            machine.reach.clear()
            machine.heard.clear()
            if leader:
                unpark(machine)
            turn_away(machine)
            if machine.fronted:
                survey(machine)  # no connection breaks by it: watches go on
        case _:
            return False
    return True


def _post(machine: Machine, process: Process, message: raft.Message) -> None:
    to = machine.processes.get(name_of(message.to))
    if to is not None and reaches(machine, process.host, to.host):
        machine.push(Posted(to.name, to.life, message))


def _write(machine: Machine, process: Process, order: raft.Persist) -> None:
    keeping = machine.members.get(process.host)
    assert keeping is not None, "a member's host keeps its disk"
    machine.members.set(process.host, replace(keeping, writing=(*keeping.writing, order)))
    if not keeping.delay:
        machine.push(Syncing(process.name, process.life))
    elif machine.timers.get((process.name, process.life, DISK)) is None:
        machine.timers.set((process.name, process.life, DISK), machine.now + keeping.delay)


def is_full(machine: Machine, host: str) -> bool:
    """Tell whether the disk of the member on *host* has no room for what it writes."""
    keeping = machine.members.get(host)
    return keeping is not None and keeping.full


# What API servers have asked ------------------------------------------------------------------------------------------


def _tell_server(machine: Machine, number: int, told: Any) -> None:
    if not number:
        raise ReconcileError(told.why)  # an operator is told at once
    asked = machine.asked.get(number)
    if asked is not None:
        machine.push(Decided(asked.server, asked.life, told))


def forget_asked(machine: Machine, name: str) -> list[Sent]:
    """Give what an API server, or its member, that is gone was about to answer: who asked sees the connection break."""
    kind, _, host = name.partition("/")
    found: list[Sent] = []
    for number, asked in machine.asked.table().items():
        if asked.server == name or (kind == "etcd" and asked.member == host):
            machine.asked.remove(number)
            if machine.fronted:
                patient_no_more(machine, asked.item)
            found.append(asked.item)
    return found


def member_ended(machine: Machine, host: str) -> None:
    """Let a member's process be gone: what is not on its disk is lost."""
    keeping = machine.members.get(host)
    if keeping is not None:
        machine.members.set(host, replace(keeping, writing=()))


# Heartbeats by rule ---------------------------------------------------------------------------------------------------


def _wake(machine: Machine, process: Process, order: etcd.WakeUp) -> None:
    if machine.alive(process.name, process.life) is None:
        return  # its disk was full when it wrote in the same turn, so it has ended
    if order.leads and not machine.calm and _is_calm(machine, process):
        machine.calm = True
        for host in machine.members.table():
            other = machine.processes.get(name_of(host))
            if other is not None:
                machine.timers.cancel((other.name, other.life, TIMER))
    if not machine.calm:
        _set_timer(machine, process, order.at, leads=order.leads)


def _set_timer(machine: Machine, process: Process, at: Instant, *, leads: bool) -> None:
    # Who hears its leader again and again, or stands for election and cannot win, keeps no cluster from being at rest.
    periodic = leads or _hears_its_leader(machine, process) or not _can_win(machine, process)
    at = due_at(machine, process, at) if process.drift else at - process.skew
    machine.timers.set((process.name, process.life, TIMER), at, periodic=periodic)


def _hears_its_leader(machine: Machine, process: Process) -> bool:
    leader = etcd.leader_of(machine.states.get(process.name))
    if not leader or not reaches(machine, leader, process.host):
        return False
    return etcd.leads(machine.states.get(name_of(leader)))


def _can_win(machine: Machine, process: Process) -> bool:
    """Tell whether a member reaches, with itself, a quorum of members that run."""
    membership = machine.states.get(process.name).raft.membership
    reached = [
        voter for voter in membership.voters if _runs(machine, name_of(voter)) and talks(machine, process.host, voter)
    ]
    return bool(len(reached) >= membership.quorum)


def _runs(machine: Machine, name: str) -> bool:
    return machine.processes.get(name) is not None and not is_paused(machine, name)


def set_timers(machine: Machine) -> None:
    """Set the members' timers anew: who reaches whom has changed."""
    turn_away(machine)
    if machine.calm:
        return
    for host in machine.members.table():
        process = machine.processes.get(name_of(host))
        state = None if process is None else member_at(machine, host)
        if process is not None and state is not None and state.raft is not None and state.raft.wakes is not None:
            _set_timer(machine, process, state.raft.wakes, leads=state.raft.role == "leader")


def _is_calm(machine: Machine, process: Process) -> bool:
    """Tell whether all who reach the leader *process* follow it, have all that it has, and are a quorum."""
    leader = machine.states.get(process.name).raft
    if leader.role != "leader" or leader.transferee or machine.asked.table():
        return False
    following = 1
    for host, keeping in machine.members.table().items():
        if keeping.delay or _is_rough(machine, process.host, host):
            return False
        state = member_at(machine, host)
        if host == process.host or state is None or state.raft is None:
            continue
        if reaches(machine, process.host, host):
            if not _agree(leader, state.raft):
                return False
            following += host in leader.membership.voters and reaches(machine, host, process.host)
        elif state.raft.leader:
            return False  # it has not noticed yet that it is cut off
    return bool(following >= leader.membership.quorum and leader.applied == leader.log.last)


def _is_rough(machine: Machine, one: str, other: str) -> bool:
    """Tell whether heartbeats between two hosts may come so late that it is noticed."""
    paces = [machine.links.paces.get((one, other)), machine.links.paces.get((other, one))]
    return any(pace is not None and (pace.loss or pace.jitter > _ROUGH) for pace in paces)


def _agree(leader: raft.State, other: raft.State) -> bool:
    found = leader.progress.get(other.name)
    same = (other.term, other.leader, other.applied) == (leader.term, leader.name, leader.applied)
    return same and found is not None and found.match == leader.log.last and found.mode == "replicate"


def rouse(machine: Machine, tell: Callable[[Machine, Process, Any], None]) -> None:
    """Let every follower hear its leader once more, and the leader hear its answer; let the members' timers run."""
    if not machine.calm:
        return
    machine.calm = False
    running = [machine.processes.get(name_of(host)) for host in machine.members.table()]
    members = [process for process in running if process is not None and member_at(machine, process.host) is not None]
    for process in members:
        state = machine.states.get(process.name).raft
        if state is None:
            continue
        leader = machine.processes.get(name_of(state.leader)) if state.leader else None
        if leader is None or leader is process or not reaches(machine, leader.host, process.host):
            continue
        leading = member_at(machine, leader.host)
        if (
            leading is not None
            and leading.raft is not None
            and (leading.raft.role, leading.raft.term) == ("leader", state.term)
        ):
            known = min(leading.raft.commit, state.log.last)
            beat = raft.Heartbeat(leader.host, process.host, state.term, known, leading.raft.round)
            tell(machine, process, etcd.Heard(machine.now + process.skew, beat))
            if reaches(machine, process.host, leader.host):
                reply = raft.HeartbeatReply(process.host, leader.host, state.term, leading.raft.round)
                tell(machine, leader, etcd.Heard(machine.now + leader.skew, reply))
    set_timers(machine)
