"""
Lines: how calls come to an API server where a balancer stands in front, and what becomes of them if they come to none.

A process has one connection (`network.Line`). A call that comes to no server has an answer all the same, of code 0,
which says why in Go's words; what client-go tries again by itself is tried again here.

Takes:    calls that are to go out.
Gives:    the server that they come to; or answers without one, and what is tried again.
Source:   client-go's rest package; net/http; etcd's and the API server's own timeouts.
Left out: see docs/limits.md, "API servers and their balancer".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Process
from reconcile.cluster.components import FROZEN
from reconcile.cluster.links import NO_LINKS
from reconcile.cluster.pending import Replied, Sent
from reconcile.components import frozen, network
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import is_paused, is_there, member_of, park, reaches, talks
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Request, Response

NETWORK: Final = "network"
"""The process that the network is, in a cluster that has a balancer."""

SERVERS: Final = "kube-apiserver/"
"""How the names of API servers' processes begin."""

READS: Final = ("get", "list", "watch")
"""What writes nothing."""

# Source: etcd's request timeout (5 s, and twice an election's), and --request-timeout with what is kept for writes.
_WITHOUT_LEADER: Final = 7 * SECOND
_WITHOUT_ETCD: Final = 60 * SECOND
_WITHOUT_ETCD_WRITING: Final = 34 * SECOND


def network_of(machine: Machine) -> network.State:
    """Give the network of a cluster that has a balancer."""
    state: network.State = machine.states.get(NETWORK)
    return state


def keep(machine: Machine, state: network.State) -> None:
    """Let the network be this from now on."""
    machine.states.set(NETWORK, state)


def set_due(machine: Machine, key: tuple[Any, ...], at: Instant, host: str, *, periodic: bool = False) -> None:
    """Let something be due; what concerns a host that is cut off keeps no cluster from being at rest."""
    process = machine.processes.get(NETWORK)
    assert process is not None, "it never ends"
    lonely = bool(host) and not machine.host(host).connected
    machine.timers.set((NETWORK, process.life, key), at, periodic=periodic or lonely)


def cancel_due(machine: Machine, key: tuple[Any, ...]) -> None:
    """Let something not be due any more."""
    process = machine.processes.get(NETWORK)
    assert process is not None, "it never ends"
    machine.timers.cancel((NETWORK, process.life, key))


# Calls ----------------------------------------------------------------------------------------------------------------


def called(machine: Machine, item: Sent) -> str | None:
    """Give the API server that a call comes to; None if it comes to none now: it waits, or is told that it failed."""
    client = item.process
    if client.startswith(SERVERS):
        if client in machine.servers:
            return client
        if is_paused(machine, client):
            _come_to(machine, client, item)
        return None
    if not client and item.tag is None:  # what the world says of its own accord
        found = next((server for server in machine.servers if is_ready(machine, host_of(server))), None)
        if found is None:
            park(machine, item)
        return found
    line = network_of(machine).lines.get(client) if client else None
    line = _connected(machine, item) if line is None else line
    if line is None:
        return None
    if line.silent and not _arrives(machine, item.host, line):
        wait(machine, network.Waiting(item, "line"))
        return None
    if not is_ready(machine, host_of(line.server)) and not _is_from_cache(item.request):
        stall(machine, item, host_of(line.server))
        return None
    if item.request.verb == "watch" and item.tag is not None and not client:
        put_line(machine, f"watch/{item.tag[0]}:{item.tag[1]}", line)
    return line.server


def _connected(machine: Machine, item: Sent) -> network.Line | None:
    """Connect the sender of a call; None if that cannot be now."""
    client = item.process
    found = dialled(machine, client.partition("/")[0], item.host, client or str(item.tag and item.tag[0]))
    if isinstance(found, network.Line):
        if found.silent:
            _come_to(machine, found.server, item, "handshake")
            return None
        if client:
            put_line(machine, client, found)
        return found
    if found == "late":
        wait(machine, network.Waiting(item, "dial", found), machine.now + network.LONGEST_DIAL)
    else:
        fail(machine, item, found)
    return None


def _come_to(machine: Machine, server: str, item: Sent, why: str = "") -> None:
    """Let a call have come to an API server that is paused: it hears it when it goes on."""
    number = wait(machine, network.Waiting(item, "dial", why), machine.now + network.LONGEST_HANDSHAKE if why else 0)
    machine.states.set(server, frozen.kept(machine.states.get(server), "call", number))


def put_line(machine: Machine, client: str, line: network.Line) -> None:
    """Let this be the connection of a process."""
    state = network_of(machine)
    keep(machine, replace(state, lines=state.lines.set(client, line)))


def _is_from_cache(request: Request) -> bool:
    """Tell whether a request is answered without etcd."""
    return request.verb == "watch" or (request.verb in READS and request.resource_version == "0")


def host_of(server: str) -> str:
    """Give the host of an API server's process."""
    return server.rpartition("/")[2]


def is_ready(machine: Machine, at: str) -> bool:
    """Tell whether the API server on host *at* runs, and reaches etcd: what /readyz says."""
    if f"{SERVERS}{at}" not in machine.servers:
        return False
    if machine.plural:
        return member_of(machine, at) is not None
    return bool(machine.etcd) and talks(machine, at, machine.etcd)


def is_carried(machine: Machine, host: str, at: str, *, balanced: bool) -> bool:
    """Tell whether the network carries from *host*, through the balancer if it is *balanced*, to host *at* and back."""
    return machine.host(at).up and all(_ways(machine, host, at, balanced=balanced))


def _ways(machine: Machine, host: str, at: str, *, balanced: bool) -> tuple[bool, bool]:
    """Tell whether the network carries from *host* to host *at*, and whether it does back."""
    if balanced and not network_of(machine).holder:
        there, back = from_outside(machine, at)
        return reaches(machine, host, "") and there, reaches(machine, "", host) and back
    return reaches(machine, host, at), reaches(machine, at, host)


def _arrives(machine: Machine, host: str, line: network.Line) -> bool:
    """Tell whether requests still come over a connection that is silent, for only the way back is cut."""
    state = network_of(machine)
    to = state.holder if line.balanced and state.holder else host_of(line.server)
    return (
        machine.links is not NO_LINKS
        and line.server in machine.servers
        and machine.alive(line.server, line.life) is not None
        and (to == host_of(line.server) and machine.host(to).up)
        and _ways(machine, host, to, balanced=line.balanced)[0]
    )


def from_outside(machine: Machine, at: str) -> tuple[bool, bool]:
    """Tell whether what is on no host reaches host *at*, and is reached by it."""
    return reaches(machine, "", at), reaches(machine, at, "")


def dialled(machine: Machine, kind: str, host: str, caller: str) -> network.Line | network.Why:
    """Give a new connection of a process of this kind, a silent one if its server is paused, or why there is none."""
    state = network_of(machine)
    if network.is_straight(state, kind, host):
        return _accepted(machine, host, balanced=False) or "refused"
    if host and not (reaches(machine, host, "") and reaches(machine, "", host)) and state.holder != host:
        return "late"
    state, ways = network.given(state, machine.host(host).host.ip if host else caller)
    keep(machine, state)
    for at in ways:
        if is_carried(machine, host, at, balanced=True):
            line = _accepted(machine, at, balanced=True)
            if line is not None:
                return line
            if state.holder:
                return "refused"
    return "late" if state.holder else "closed"


def _accepted(machine: Machine, at: str, *, balanced: bool) -> network.Line | None:
    """Give a connection to the API server on host *at*, which the host's kernel makes also to one that is paused."""
    server = f"{SERVERS}{at}"
    paused = is_paused(machine, server)
    process = machine.processes.get(server) if paused or server in machine.servers else None
    return None if process is None else network.Line(server, process.life, balanced, paused)


# Calls that come to nobody --------------------------------------------------------------------------------------------


def fail(machine: Machine, item: Sent, why: str) -> None:
    """Let a call fail: it is sent again if client-go does that, else its sender is told."""
    request = item.request
    state = network_of(machine)
    recorded = item.tag is None and request.resource == "events" and not network.drops(state, item)
    state, pause = network.tried_again(state, item, request.verb, why, recorded=recorded)
    keep(machine, state)
    if pause:
        wait(machine, network.Waiting(item, "time"), machine.now + pause)
    elif item.tag is not None:
        response = Response(0, statuses.unanswered(_said(machine, item.process, item.host, request, why)))
        machine.push(Replied(item.process, item.life, item.host, request, item.tag, response, item.at))


def break_off(machine: Machine, item: Sent | Replied, why: str) -> None:
    """Let a call fail, or its answer be lost with its connection."""
    if isinstance(item, Sent):
        fail(machine, item, why)
    else:
        _fail_answer(machine, item, why)


def _fail_answer(machine: Machine, item: Replied, why: str) -> None:
    response = Response(0, statuses.unanswered(_said(machine, item.process, item.host, item.request, why)))
    machine.push(attrs.evolve(item, response=response))


def _said(machine: Machine, client: str, host: str, request: Request, why: str) -> str:
    from reconcile.driver.telling.describe import method_of, path_of  # noqa: PLC0415 -- it knows all that can be described

    state = network_of(machine)
    straight = network.is_straight(state, client.partition("/")[0], host)
    address = machine.host(host).host.ip if straight else state.balancer.address
    return network.said(why, address, method_of(request), path_of(request))


def stall(machine: Machine, item: Sent, at: str) -> None:
    """Let a call wait within its API server, on host *at*, which does not reach etcd, until that gives up."""
    if not machine.plural:
        wait(machine, network.Waiting(item, "etcd"), machine.now + _patience(item))
    elif is_paused(machine, f"etcd/{at}"):
        wait(machine, network.Waiting(item, "etcd", "silent"), machine.now + _patience(item))
    else:
        wait(machine, network.Waiting(item, "etcd"), machine.now + _WITHOUT_LEADER)


def _patience(item: Sent) -> Duration:
    """Give how long an API server waits for etcd, which says nothing."""
    return _WITHOUT_ETCD if item.request.verb in READS else _WITHOUT_ETCD_WRITING


def be_patient(machine: Machine, host: str) -> None:
    """Let what the member of etcd on *host*, which is paused, was asked before be given up in time."""
    for asked in machine.asked.table().values():
        if asked.member == host:
            wait(machine, network.Waiting(asked.item, "etcd", "asked"), machine.now + _patience(asked.item))


def patient_no_more(machine: Machine, item: Sent) -> None:
    """Let this call not be given up any more: something else has become of it, or its member goes on."""
    for number, waiting in network_of(machine).waiting.items():
        if waiting.why == "asked" and waiting.item is item:
            taken(machine, number)


def forsaken(machine: Machine, item: Sent) -> None:
    """Let nobody hear what comes of what a member of etcd was asked for this call."""
    for number, asked in machine.asked.table().items():
        if asked.item is item:
            machine.asked.remove(number)


def _given_up(machine: Machine, why: str) -> Response:
    """Give what an API server answers that has waited for etcd in vain."""
    if machine.plural and not why:
        return Response(500, statuses.unexpected("etcdserver: request timed out"))
    return Response(504, statuses.timeout("request did not complete within the allotted timeout"))


def ending(machine: Machine, name: str) -> Process | None:
    """Give a process that is about to end; an API server or a member of etcd that is paused as what it was before."""
    process = machine.processes.get(name)
    if process is None or process.kind != FROZEN:
        return process
    paused = machine.states.get(name)
    if paused.kind not in ("etcd", "kube-apiserver"):
        return process
    for part, number in paused.waits:
        waiting = taken(machine, number) if part == "call" else None
        if waiting is not None:
            break_off(machine, waiting.item, "reset")
    return attrs.evolve(process, kind=paused.kind)


def hold_answer(machine: Machine, item: Replied) -> bool:
    """Let an answer wait for its connection to speak again; false if it has not come over one: it says why."""
    if not item.response.code or _comes_back(machine, item):
        return False
    wait(machine, network.Waiting(item, "line"))
    return True


def _comes_back(machine: Machine, item: Replied) -> bool:
    """Tell whether an answer comes over its connection, where a link of some host carries one way only."""
    if machine.links is NO_LINKS or not is_there(machine, item.host):
        return False
    line = network_of(machine).lines.get(item.process)
    if line is None or not line.silent:
        return True
    state = network_of(machine)
    to = state.holder if line.balanced and state.holder else host_of(line.server)
    return _ways(machine, item.host, to, balanced=line.balanced)[1]


def delay(machine: Machine, item: Sent | Replied, time: Duration) -> None:
    """Let a call or an answer go on only after so long."""
    wait(machine, network.Waiting(item, "time"), machine.now + time)


def wait(machine: Machine, waiting: network.Waiting, until: Instant = 0) -> int:
    """Let something not move; until *until*, if it is given, at the longest. Give the number under which it waits."""
    number = machine.serial
    machine.serial += 1
    state = network_of(machine)
    keep(machine, replace(state, waiting=state.waiting.set(number, waiting)))
    if until:
        set_due(machine, ("wait", number), until, waiting.item.host)
    return number


def taken(machine: Machine, number: int) -> network.Waiting | None:
    """Give what waits under this number, which waits no more."""
    state = network_of(machine)
    found = state.waiting.get(number, None)
    if found is not None:
        keep(machine, replace(state, waiting=state.waiting.remove(number)))
        cancel_due(machine, ("wait", number))
    return found


def elapsed(machine: Machine, number: int) -> None:
    """Let what waits under this number have waited long enough."""
    waiting = taken(machine, number)
    if waiting is None:
        return
    item = waiting.item
    if waiting.on == "etcd":
        if waiting.why == "asked":
            forsaken(machine, item)
        if item.tag is not None:
            response = _given_up(machine, waiting.why)
            machine.push(Replied(item.process, item.life, item.host, item.request, item.tag, response, item.at))
    elif waiting.why:
        fail(machine, item, waiting.why)
    else:
        machine.push(item)
