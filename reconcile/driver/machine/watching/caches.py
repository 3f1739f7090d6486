"""
Caches: what the watch caches of API servers show, where a balancer stands in front, and who is shown what.

Applying is pure, so a cache is the store of the server's member of etcd as of some revision: one that is held back
costs a pointer. Watches that have lost their server wait, longer each time, and list again.

Takes:    reads and watches.
Gives:    the store that they are answered from; that they have to wait.
Source:   the API server's cacher (WaitUntilFresh, ConsistentListFromCache, WatchList); client-go's reflector.
Left out: see docs/limits.md, "API servers and their balancer".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.cluster.cluster import Process
from reconcile.cluster.pending import Listing, Sent
from reconcile.components import network
from reconcile.components.kubelet import LEASES
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.lines import READS, dialled, host_of, keep, network_of, put_line, set_due, wait
from reconcile.driver.machine.network.reach import member_of, store_of
from reconcile.lib.instant import MILLISECOND, SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model import gates
from reconcile.store import OpenStore, Reads, Store

# Source: the cacher's blockTimeout, and how often it asks for progress meanwhile.
_FRESH_WITHIN: Final = 3 * SECOND
_ASKED_EVERY: Final = 100 * MILLISECOND


# What came meanwhile waits in a socket; it is decoded and handed on event by event.
_TAKES_IN: Final = 100 * MILLISECOND


def hold_cache(machine: Machine, server: str, behind: Duration) -> None:
    """Let an API server's watch cache stay as it is, or fall *behind* by so long, if it is not 0."""
    state = network_of(machine)
    stale = cache_of(machine, server)
    assert isinstance(stale, OpenStore), "it is a store of the machine's, or a member's"
    had = stale.closed()
    keep(machine, replace(state, stale=state.stale.set(server, network.Lagging(behind, had) if behind else had)))


def note_soon(machine: Machine) -> None:
    """Let what a call is about to write be noted, at this instant, for the caches that are behind."""
    if not machine.plural and any(stale.__class__ is network.Lagging for stale in network_of(machine).stale.values()):
        set_due(machine, ("note",), machine.now, "")


def note(machine: Machine) -> None:
    """Let what is stored by now come to the caches that are behind, each so much later."""
    for server, lagging in network_of(machine).stale.items() if machine.fronted else ():
        if lagging.__class__ is not network.Lagging:
            continue
        live = _live(machine, server)
        assert isinstance(live, OpenStore), "it is a store of the machine's, or a member's"
        store, last = live.closed(), lagging.coming[-1][1] if lagging.coming else lagging.shown
        if store.revision > last.revision:
            _come(machine, server, replace(lagging, coming=(*lagging.coming, (machine.now + lagging.behind, store))))


def show_more(machine: Machine, server: str) -> None:
    """Let a cache that is behind show what has come to it by now."""
    lagging = network_of(machine).stale.get(server)
    if lagging.__class__ is not network.Lagging:
        return  # it was released meanwhile
    come = [store for due, store in lagging.coming if due <= machine.now]
    coming = tuple([each for each in lagging.coming if each[0] > machine.now])
    _come(machine, server, replace(lagging, shown=come[-1] if come else lagging.shown, coming=coming))
    _resume_all(machine, server)


def _come(machine: Machine, server: str, lagging: network.Lagging) -> None:
    """Let this come to a cache that is behind; Leases alone, which are renewed for ever, keep no cluster from rest."""
    state = network_of(machine)
    keep(machine, replace(state, stale=state.stale.set(server, lagging)))
    if lagging.coming:
        before, last = lagging.shown.tables, lagging.coming[-1][1].tables
        beats = all(table is before.get(name) for name, table in last.items() if name != LEASES)
        set_due(machine, ("show", server), lagging.coming[0][0], "", periodic=beats)


def _held(machine: Machine, server: str) -> Store | None:
    """Give what an API server's cache shows that is held back, or is behind; None of all others."""
    stale: Any = network_of(machine).stale.get(server)
    found: Store | None = stale.shown if stale.__class__ is network.Lagging else stale
    return found


_NEVER: Final[Instant] = 1 << 62


def wake_cache(machine: Machine, server: str, had: Store) -> None:
    """Let an API server that was paused show what its watch cache *had*, until that has taken in what waited for it."""
    state = network_of(machine)
    keep(machine, replace(state, stale=state.stale.set(server, had)))
    set_due(machine, ("cache", server), machine.now + _TAKES_IN, "")


def release_cache(machine: Machine, server: str) -> None:
    """Let an API server's watch cache have what is stored again, and show it."""
    state = network_of(machine)
    keep(machine, replace(state, stale=state.stale.remove(server)))
    _resume_all(machine, server)


def _resume_all(machine: Machine, server: str) -> None:
    for client, line in network_of(machine).lines.items():
        if line.server == server:
            resume(machine, client)


def cache_of(machine: Machine, server: str) -> Reads:
    """Give what the watch cache of an API server shows: what its member of etcd has applied, unless it is held back."""
    stale = _held(machine, server)
    return _live(machine, server) if stale is None else OpenStore(stale)


def _live(machine: Machine, server: str) -> Reads:
    at = host_of(server)
    if not machine.plural:
        return machine.store
    keepers = machine.members.table().keys()
    member = at if at in keepers and machine.states.get(f"etcd/{at}") is not None else member_of(machine, at)
    return machine.store if member is None else store_of(machine, member)


def read_of(machine: Machine, server: str, item: Sent) -> Reads | None:
    """
    Give the cache that a request is answered from if that is held back; None if it is not, or does not come to that.

    A consistent list waits for the cache, and is then answered by etcd; one that asks for what is not older waits, and
    is then refused.
    """
    stale, request = _held(machine, server), item.request
    if stale is None or request.verb not in READS:
        return None
    version = request.resource_version
    if not version and (request.verb == "get" or (request.verb == "watch" and not request.initial_events)):
        return None
    if request.continue_ or request.resource_version_match == "Exact":
        return None
    return OpenStore(stale) if version else None


def waits_for_cache(machine: Machine, server: str, item: Sent) -> bool:
    """Let a read wait that wants what its API server's cache has not seen; false if it has waited, or need not."""
    state = network_of(machine)
    stale, request = _held(machine, server), item.request
    if stale is None or request.verb not in READS or network.tries_of(state, item):
        return False
    version = request.resource_version
    if request.continue_ or request.resource_version_match == "Exact":
        return False
    if version:
        wanted = int(version) if version.isdecimal() else 0
    else:
        wanted = machine.store.revision if request.verb == "list" else 0
    if wanted <= stale.revision:
        return False
    keep(machine, replace(state, again=(*state.again, network.Again(item, 1))))
    wait(machine, network.Waiting(item, "time"), min(machine.now + _FRESH_WITHIN, _has(state.stale[server], wanted)))
    return True


def _has(stale: Any, revision: int) -> Instant:
    """Give when a cache comes to show *revision*, as far as that is known."""
    coming = stale.coming if stale.__class__ is network.Lagging else ()
    return next((due for due, store in coming if store.revision >= revision), _NEVER)


def come_through(machine: Machine, item: Sent) -> None:
    """Take in that a call was carried out."""
    state = network_of(machine)
    if state.again:
        keep(machine, network.through(state, item))


# Watches --------------------------------------------------------------------------------------------------------------


def shows(machine: Machine, process: Process) -> bool:
    """Tell whether an API server shows things to a process now; it connects, if it is not connected."""
    if pauses(machine, process):
        return False
    line = network_of(machine).lines.get(process.name)
    if line is None:
        if process.kind == "watch":
            return False
        found = dialled(machine, process.kind, process.host, process.name)
        if found == "late":
            pause(machine, process, machine.now + network.LONGEST_DIAL)
        elif isinstance(found, str):
            pause(machine, process)
        elif found.silent:
            pause(machine, process, machine.now + network.LONGEST_HANDSHAKE)
        else:
            put_line(machine, process.name, found)
            return True
        return False
    return not line.silent


def pauses(machine: Machine, process: Process) -> bool:
    """Tell whether a process's reflectors wait before they try again."""
    return network.pauses(network_of(machine), process.name, machine.now)


def shown_to(machine: Machine, process: Process) -> Reads:
    """Give what the API server shows that a process is connected to."""
    line = network_of(machine).lines.get(process.name)
    assert line is not None, "somebody has asked whether it is shown anything"
    return cache_of(machine, line.server)


def is_fresh(machine: Machine, process: Process, watch: str, store: Reads) -> bool:
    """
    Tell whether a process that lists may be told what *store*, which its API server shows, has; if not, it tries again.

    Who has listed before wants what is not older than that. A first list is of what is most recent, as
    reflectors stream it (WatchList); without that gate, of whatever the cache has, as a list with resourceVersion 0.
    """
    if process.kind == "watch":
        return True
    state = network_of(machine)
    since = state.since.get((process.name, watch), 0)
    if since:
        fresh = store.revision >= since
    else:
        fresh = store.revision >= machine.store.revision or not gates.is_on(
            machine.cluster.topology.feature_gates, gates.WATCH_LIST_CLIENT
        )
    if not fresh:
        pause(machine, process, machine.now + (_FRESH_WITHIN if state.stale else _ASKED_EVERY))
    elif since:
        keep(machine, replace(state, since=state.since.remove((process.name, watch))))
    return fresh


def pause(machine: Machine, process: Process, until: Instant = 0) -> None:
    """Let a process's reflectors wait: until *until*, or, if that is not given, longer each time in a row."""
    state = network_of(machine)
    if until:
        known = state.pauses.get(process.name)
        tries = 0 if known is None else known.tries
        state = replace(state, pauses=state.pauses.set(process.name, network.Pause(until, tries)))
    else:
        state, until = network.paused(state, process.name, machine.now)
    keep(machine, state)
    set_due(machine, ("pause", process.name), until, process.host)


def resume(machine: Machine, client: str) -> None:
    """Let a process's reflectors go on."""
    process = machine.processes.get(client)
    if process is not None:
        for watch in process.watches:
            machine.push(Listing(client, process.life, watch))
