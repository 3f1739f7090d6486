"""
Surveying: what becomes of connections, and of what is under way on them, when it changes who runs or who reaches whom.

Takes:    that it has changed; what is due in the network.
Gives:    what breaks, what goes on; which clients' watches have to end.
Source:   TCP's resets and silences; golang.org/x/net/http2; HAProxy's health checks; keepalived.
Left out: see docs/limits.md, "API servers and their balancer".
"""

from __future__ import annotations

import attrs

from reconcile.cluster.cluster import Process
from reconcile.cluster.pending import Replied, Sent
from reconcile.components import network, world
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.lines import (
    NETWORK,
    break_off,
    cancel_due,
    elapsed,
    forsaken,
    from_outside,
    host_of,
    is_carried,
    is_ready,
    keep,
    network_of,
    patient_no_more,
    put_line,
    set_due,
    taken,
)
from reconcile.driver.machine.network.reach import is_paused, reaches, unpark
from reconcile.driver.machine.network.travelling import taken_from_links
from reconcile.driver.machine.watching.caches import note, pause, release_cache, resume, show_more
from reconcile.effects import Notice
from reconcile.lib.instant import Duration
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import statuses


def fall_due(machine: Machine, due: network.Due) -> tuple[str, ...]:
    """Let what is due in the network happen; give what `survey` gives."""
    match due:
        case network.Elapsed(number):
            elapsed(machine, number)
        case network.Resume(client):
            resume(machine, client)
        case network.Lost(client):
            return tuple(break_line(machine, client, "lost"))
        case network.CatchUp(server):
            if server in network_of(machine).stale:
                release_cache(machine, server)
        case network.Note():
            note(machine)
        case network.Show(server):
            show_more(machine, server)
        case network.Check():
            return _check(machine)
        case network.TakeOver():
            return _take_over(machine)
    return ()


def survey(machine: Machine) -> tuple[str, ...]:
    """
    Look at all connections: who reaches whom, and who runs, has changed.

    Gives:
        The clients' watches whose connections are broken, for the engine to end.
    """
    ended: list[str] = []
    for client, line in network_of(machine).lines.items():
        ended += _looked_at(machine, client, line)
    state = network_of(machine)
    for number, waiting in state.waiting.items():
        item = waiting.item
        ready = waiting.on == "etcd" and waiting.why != "asked" and any(is_ready(machine, at) for at in state.masters)
        if ready or (waiting.on == "dial" and waiting.why == "late" and _comes_about(machine, item)):
            taken(machine, number)
            machine.push(item)
    ready_now = _ready(machine)
    if ready_now and machine.parked:
        unpark(machine)
    if network.doubted(network_of(machine), ready_now):
        every = state.balancer.interval
        set_due(machine, network.CHECK, (machine.now // every + 1) * every, "")
    if state.holder:
        _watch_holder(machine, state)
    return tuple(ended)


def _looked_at(machine: Machine, client: str, line: network.Line) -> list[str]:
    at, state = host_of(line.server), network_of(machine)
    process = machine.processes.get(client)
    host = "" if process is None else process.host
    to = state.holder if line.balanced and state.holder else at
    if not is_carried(machine, host, to, balanced=line.balanced) or (to == at and _is_mute(machine, line)):
        if not line.silent:
            put_line(machine, client, attrs.evolve(line, silent=True))
            longest = _longest_silence(client)
            set_due(machine, ("line", client), machine.now + longest, host)
        return []
    if machine.alive(line.server, line.life) is None or to != at:
        return break_line(machine, client, "reset")
    if line.silent:
        put_line(machine, client, attrs.evolve(line, silent=False))
        cancel_due(machine, ("line", client))
        _speaks_again(machine, client)
    return []


def _is_mute(machine: Machine, line: network.Line) -> bool:
    """Tell whether a connection's server is paused: its host's kernel keeps the connection."""
    return machine.alive(line.server, line.life) is not None and is_paused(machine, line.server)


def _longest_silence(client: str) -> Duration:
    kubelets = client.startswith("kubelet/")
    return network.LONGEST_SILENCE_OF_KUBELETS if kubelets else network.LONGEST_SILENCE


def _speaks_again(machine: Machine, client: str) -> None:
    for number, waiting in network_of(machine).waiting.items():
        if waiting.on == "line" and waiting.item.process == client:
            taken(machine, number)
            machine.push(waiting.item)
    resume(machine, client)


def _comes_about(machine: Machine, item: Sent) -> bool:
    state = network_of(machine)
    if state.holder:
        return is_carried(machine, item.host, state.holder, balanced=True)
    return reaches(machine, item.host, "") and reaches(machine, "", item.host)


def break_line(machine: Machine, client: str, why: network.Why) -> list[str]:
    """Let a connection be broken, with all that is under way on it; a client's watch is named, for it has to end."""
    state = network_of(machine)
    if state.lines.get(client) is None:
        return []
    keep(machine, replace(state, lines=state.lines.remove(client)))
    cancel_due(machine, ("line", client))
    process = machine.processes.get(client)
    if process is None:
        return []
    if process.kind == "watch":
        watching = machine.states.get(client)
        status = statuses.unanswered("unexpected EOF")
        machine.outbox.append(Notice(watching.client, watching.tag, "ERROR", status))
        return [client]
    for asked in machine.asked.table().values():
        if asked.item.process == client and is_paused(machine, asked.server):
            forsaken(machine, asked.item)
            patient_no_more(machine, asked.item)
            break_off(machine, asked.item, why)
    for number, waiting in network_of(machine).waiting.items():
        if waiting.on != "time" and waiting.item.process == client:
            taken(machine, number)
            forsaken(machine, waiting.item)
            break_off(machine, waiting.item, why)
    for travelling in taken_from_links(machine, client):
        break_off(machine, travelling, why)
    for serial, item in machine.settle_pending().items():
        if isinstance(item, Sent | Replied) and item.process == client and _is_under_way(item):
            machine.taken(serial)
            break_off(machine, item, why)
    _relist(machine, process)
    return []


def _is_under_way(item: Sent | Replied) -> bool:
    return isinstance(item, Sent) or bool(item.response.code)


def _relist(machine: Machine, process: Process) -> None:
    """Let a process's watches list again after a pause, for what is not older than what they know."""
    for watch in process.watches:
        cursor = machine.cursors.get((process.name, watch))
        if cursor is not None and cursor.position >= 0:
            history = machine.store.history(cursor.channel)
            seen = min(cursor.position, history.end)
            known = history.between(seen - 1, seen) if seen > history.start else ()
            since = known[0].revision if known else machine.store.compacted
            machine.cursors.set((process.name, watch), attrs.evolve(cursor, position=-1))
            state = network_of(machine)
            keep(machine, replace(state, since=state.since.set((process.name, watch), max(since, 1))))
    if process.watches:
        pause(machine, process)


def forget(machine: Machine, client: str) -> None:
    """Forget the connection of a process that is gone, and what it waited for."""
    state = network_of(machine)
    if state.lines.get(client) is not None:
        state = replace(state, lines=state.lines.remove(client))
        cancel_due(machine, ("line", client))
    if client in state.pauses:
        state = replace(state, pauses=state.pauses.remove(client))
        cancel_due(machine, ("pause", client))
    if client in state.stale:
        state = replace(state, stale=state.stale.remove(client))
    if state.since:
        left = [(key, since) for key, since in state.since.items() if key[0] != client]
        state = replace(state, since=Table.of(left))
    keep(machine, state)
    for number, waiting in state.waiting.items():
        if waiting.item.process == client:
            taken(machine, number)


# The balancer ---------------------------------------------------------------------------------------------------------


def _ready(machine: Machine) -> tuple[str, ...]:
    """Name the hosts whose API servers pass a health check."""
    masters = network_of(machine).masters
    carried = [at for at in masters if machine.host(at).up and all(from_outside(machine, at))]
    return tuple([at for at in carried if is_ready(machine, at) and not _drains(machine, at)])


def _drains(machine: Machine, at: str) -> bool:
    runtime = machine.states.get(f"runtime/{at}")
    return runtime is not None and world.drains(runtime, "kube-apiserver")


def _check(machine: Machine) -> tuple[str, ...]:
    """Let the balancer check all servers; give what `survey` gives."""
    keep(machine, network.checked(network_of(machine), _ready(machine)))
    return survey(machine)


def _watch_holder(machine: Machine, state: network.State) -> None:
    if machine.host(state.holder).up and all(from_outside(machine, state.holder)):
        cancel_due(machine, network.TAKE_OVER)
    else:
        process = machine.processes.get(NETWORK)
        assert process is not None, "it never ends"
        if machine.timers.get((NETWORK, process.life, network.TAKE_OVER)) is None:
            set_due(machine, network.TAKE_OVER, machine.now + state.balancer.takeover, "")


def _take_over(machine: Machine) -> tuple[str, ...]:
    """Let the floating address be taken over by a host that is heard; give what `survey` gives."""
    state = network_of(machine)
    heard = tuple([at for at in state.masters if machine.host(at).up and all(from_outside(machine, at))])
    if not heard:
        return ()
    keep(machine, network.taken_over(state, heard))
    return survey(machine)
