"""
Travelling: what goes over a link that is slow is under way for a time, and arrives when a timer of its own comes.

Everything between hosts is a stream of TCP: a packet that is lost is sent again, later each time, and whatever comes
after it in its stream waits for it.

Takes:    calls, answers, messages and parcels that are about to arrive; changes that are about to be shown.
Gives:    whether they are under way instead; what arrives.
Source:   tcp(7), RFC 6298: a packet is sent again after 200 ms, then after twice as long each time, fifteen times.
Left out: see docs/limits.md, "Step, choices, log".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.cluster.cluster import Process
from reconcile.cluster.links import LINKS, NO_LINKS, Links, Showing
from reconcile.cluster.pending import Parcel, Posted, Replied, Sent
from reconcile.components.etcd import raft
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.lines import SERVERS, host_of, network_of
from reconcile.driver.machine.network.reach import server_for
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MILLISECOND, Instant
from reconcile.lib.replacing import replace
from reconcile.model.clouds import INSTANCES

_ARRIVES: Final = "arrives"
_MILLION: Final = 1_000_000
_SENT_AGAIN: Final = 200 * MILLISECOND
_TRIES: Final = 15


def put_links(machine: Machine, links: Links) -> None:
    """Let this be wrong with links from now on."""
    nothing = not (links.ways or links.paces or links.under_way)
    machine.links = NO_LINKS if nothing else links
    machine.apart = machine.plural or machine.fronted or not nothing


def sets_out(machine: Machine, item: Any) -> bool:
    """Let something be under way over a link, if that is slow; false if it arrives at once."""
    way = _way(machine, item)
    if way is None:
        return False
    beats = isinstance(item, Posted) and isinstance(item.message, raft.Heartbeat | raft.HeartbeatReply)
    return _depart(machine, item, *way, periodic=beats)


def is_under_way(machine: Machine, process: Process, watch: str, count: int) -> bool:
    """Let the next *count* changes of a watch, all if 0, be under way over a link, if that is slow."""
    key, links = (process.name, watch), machine.links
    cursor = machine.cursors.get(key)
    assert cursor is not None, "somebody is about to tell it something"
    at = _server_of(machine, process.name, process.host)
    if at is None:
        return False
    end, known = machine.store.history(cursor.channel).end, links.marks.get(key, -1)
    mark = min(end, max(cursor.position, known) + count) if count and cursor.position >= 0 else end
    if known >= mark:
        return True
    showing = Showing(process.name, process.life, watch, mark)
    if not _depart(machine, showing, at, process.host, f"{process.name}<"):
        return False
    put_links(machine, replace(machine.links, marks=machine.links.marks.set(key, mark)))
    return True


def arrived_over_link(machine: Machine, key: tuple[Any, ...]) -> Any:
    """Give what arrives by the timer of this key."""
    links = machine.links
    item = links.under_way.get(key[1])
    if item is None:
        return None
    links = replace(links, under_way=links.under_way.remove(key[1]))
    if isinstance(item, Showing) and links.marks.get((item.process, item.watch)) == item.mark:
        links = replace(links, marks=links.marks.remove((item.process, item.watch)))
    put_links(machine, links)
    return item


def taken_from_links(machine: Machine, client: str) -> list[Sent | Replied]:
    """Take what is under way on a process's connection, which is broken."""
    found = []
    for number, item in machine.links.under_way.items():
        if isinstance(item, Sent | Replied) and item.process == client:
            machine.timers.cancel(_timer(number))
            found.append(arrived_over_link(machine, (_ARRIVES, number)))
    return found


def _depart(machine: Machine, item: Any, one: str, other: str, stream: str, *, periodic: bool = False) -> bool:
    links, now = machine.links, machine.now
    pace, last = links.paces.get((one, other)), links.last.get(stream, 0)
    if pace is None and last <= now:
        return False
    number = machine.serial
    machine.serial = number + 1
    at = now
    if pace is not None:
        more, dice = Dice(machine.cluster.seed, "link", number).below(pace.jitter + 1)
        at += pace.delay + more + _sent_again(dice, pace.loss)
    at = max(at, last)
    if at <= now:
        return False
    links = replace(links, under_way=links.under_way.set(number, item), last=links.last.set(stream, at))
    put_links(machine, links)
    machine.timers.set(_timer(number), at, periodic=periodic)
    return True


def _sent_again(dice: Dice, loss: int) -> Instant:
    """Give how much later a packet arrives, for those that are lost."""
    late, pause = 0, _SENT_AGAIN
    for _ in range(_TRIES):
        lost, dice = dice.chance(loss, _MILLION)
        if not lost:
            break
        late, pause = late + pause, 2 * pause
    return late


def _timer(number: int) -> tuple[str, int, tuple[str, int]]:
    return (LINKS, 0, (_ARRIVES, number))


def _way(machine: Machine, item: Any) -> tuple[str, str, str] | None:
    """Give from which host to which something goes, and in which stream; None if over no link."""
    match item:
        case Sent():
            if not item.host or item.process.startswith(SERVERS) or item.request.resource == INSTANCES:
                return None
            at = _server_of(machine, item.process, item.host)
            return None if at is None else (item.host, at, f"{item.process}>")
        case Replied():
            at = _server_of(machine, item.process, item.host) if item.process and item.response.code else None
            return None if at is None else (at, item.host, f"{item.process}<")
        case Posted():
            process = machine.alive(item.process, item.life)
            sender = item.message.sender
            return None if process is None else (sender, process.host, f"{sender}>{item.process}")
        case Parcel():
            name = item.address if item.back else machine.programs.listeners.get(f"{item.address}:{item.port}")
            process = None if item.problem or name is None else machine.processes.get(name)
            return None if process is None else (item.host, process.host, f"{item.process}>{item.address}:{item.port}")
        case _:
            return None


def _server_of(machine: Machine, client: str, host: str) -> str | None:
    """Give the host to which a process's connection goes; None if it goes over no link between hosts."""
    if not machine.fronted:
        server = server_for(machine, host)
        return None if server is None else host_of(server)
    state = network_of(machine)
    line = state.lines.get(client)
    if line is None:
        return None
    return (state.holder or None) if line.balanced else host_of(line.server)
