"""Watches: how changes reach those who watch."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Channel, Cursor, Process
from reconcile.cluster.links import NO_LINKS, Showing
from reconcile.cluster.pending import Draining, Listing, Sent
from reconcile.components import apiserver, election
from reconcile.components.apiserver.memo import Same
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import park, server_for, shows_nothing, store_seen_from
from reconcile.driver.machine.network.travelling import is_under_way
from reconcile.driver.machine.processes import end, hear_election, tell
from reconcile.driver.machine.watching.caches import is_fresh, shown_to, shows
from reconcile.driver.machine.watching.channels import open_watch, tidied
from reconcile.effects import Notice
from reconcile.events import Watched
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import statuses
from reconcile.store import PARTITIONS, RIGHTS, Change, Reads, channel, position_after, table_at

_NOBODY: Final = Channel()
_ELECTION: Final = election.WATCH


def open_client_watch(machine: Machine, item: Sent, store: Reads) -> None:
    """Let a client watch: what it watches with lives until `StopProcess`."""
    assert item.tag is not None, "a client's call has a tag"
    client, tag = item.tag
    request = item.request
    name = f"watch/{client}:{tag}"
    end(machine, name)
    process = Process(name, "watch", "", item.user, machine.serial, watches=("watch",))
    machine.processes.set(name, process)
    ends = machine.now + request.timeout_seconds * SECOND if request.timeout_seconds > 0 else None
    state = apiserver.Watching(client=client, tag=tag, request=request, seen=store.revision, ends=ends, asked=item.at)
    machine.states.set(name, state)
    cursor = Cursor(request.resource, "", channel(request.resource))
    if not apiserver.lists(request):
        since = int(request.resource_version or 0) or store.revision
        position = position_after(store.history(request.resource), since)
        cursor = attrs.evolve(cursor, position=position, view=table_at(store, request.resource, position))
    open_watch(machine, process, "watch", cursor)


def deliver(machine: Machine, process: Process, watch: str, count: int = 0, *, over: bool = False) -> bool:
    """Deliver the next *count* changes of a watch, all if 0; false if there is nothing, or it is held back."""
    key = (process.name, watch)
    cursor = machine.cursors.get(key)
    assert cursor is not None, f"{process.name} has no watch {watch}"
    if cursor.held:
        return False
    if not machine.apart:
        store: Reads = machine.store
    else:
        shown = _shown(machine, process, watch, count, over=over)
        if shown is None:
            return False
        store = shown
    history = store.history(cursor.channel)
    last = history.end
    if cursor.position < history.start:
        if process.kind == "watch" and cursor.position >= 0:
            return expire(machine, process, machine.store.compacted)
        if machine.fronted:
            if not is_fresh(machine, process, watch, store):
                return False
        elif cursor.view is not None and store is not machine.store:
            # What it knows may be later: the server makes it wait, as with a resourceVersion that it has not come to.
            return False
        changes, view, position = _listed(store, cursor), store.table(cursor.resource), last
        if watch == _ELECTION:
            return _stand(machine, process, replace(cursor, position=position, view=view), changes, store)
    else:
        position = min(last, cursor.position + count) if count else last
        if position <= cursor.position:
            return False
        changes = history.between(cursor.position, position)
        if not changes:
            return False
        late = position != last
        view = _view(store, cursor.resource, changes[-1].revision) if late else store.table(cursor.resource)
        if cursor.partition:
            changes = _seen_from(cursor, changes)
            if watch == _ELECTION:
                return _stand(machine, process, replace(cursor, position=position, view=view), changes, store)
    machine.cursors.set(key, Cursor(cursor.resource, cursor.partition, cursor.channel, position, view, cursor.place))
    revision = 0 if changes else store.revision
    tell(machine, process, Watched(machine.now + process.skew, watch, changes, view, revision))
    return True


def _stand(machine: Machine, process: Process, cursor: Cursor, changes: tuple[Change, ...], store: Reads) -> bool:
    """Tell the election of a process what became of its candidate."""
    machine.cursors.set((process.name, _ELECTION), cursor)
    assert cursor.view is not None, "it has listed"
    revision = 0 if changes else store.revision
    hear_election(machine, process, Watched(machine.now + process.skew, _ELECTION, changes, cursor.view, revision))
    return True


def _shown(machine: Machine, process: Process, watch: str, count: int, *, over: bool) -> Reads | None:
    """Give what an API server shows a watch; None if nothing now: it is out of reach, or that is under way."""
    if machine.fronted:
        if not shows(machine, process):
            return None
    elif shows_nothing(machine, process.host):
        park(machine, Listing(process.name, process.life, watch))
        return None
    if machine.links is not NO_LINKS and not over and is_under_way(machine, process, watch, count):
        return None
    return shown_to(machine, process) if machine.fronted else store_seen_from(machine, process.host)


def show(machine: Machine, item: Showing) -> None:
    """Deliver what has come to a watch over a link."""
    process = machine.alive(item.process, item.life)
    cursor = machine.cursors.get((item.process, item.watch))
    if process is None or cursor is None:
        return
    count = max(item.mark - cursor.position, 0) if cursor.position >= 0 else 0
    if count or cursor.position < 0:
        deliver(machine, process, item.watch, count, over=True)


def expire(machine: Machine, process: Process, compacted: int) -> bool:
    """End a client's watch that is behind what is still known, after *compacted*: the client has to list again."""
    state = machine.states.get(process.name)
    said = f"too old resource version: {state.seen} ({compacted})"
    machine.outbox.append(Notice(state.client, state.tag, "ERROR", statuses.expired(said)))
    end(machine, process.name)
    return True


def list_watch(machine: Machine, item: Listing) -> bool:
    """Deliver to a watch that has a ticket of its own: it begins, or was out of reach."""
    process = machine.alive(item.process, item.life)
    if process is None:
        return False
    if server_for(machine, process.host) is None and not machine.fronted:
        park(machine, item)
        return False
    return deliver(machine, process, item.watch)


def drain(machine: Machine, item: Draining) -> bool:
    """Deliver a channel's changes to the next of its watchers that has not seen them."""
    known = machine.channels.get(item.channel) or _NOBODY
    places, place, told = known.places, item.place, False
    while place < places.end and not told:
        watcher = places.at(place)
        place += 1
        if watcher is None:
            continue
        name, watch = watcher
        process = machine.processes.get(name)
        if process is None:
            continue
        if machine.reach.get(process.host) is None and server_for(machine, process.host) is None:
            if machine.fronted:
                told = deliver(machine, process, watch)
            else:
                park(machine, Listing(name, process.life, watch))
        else:
            told = deliver(machine, process, watch)
    if known.gone:
        while place < places.end and places.at(place) is None:
            place += 1
    if place < places.end:
        machine.push(Draining(item.channel, place, item.mark))
        return told
    end = machine.store.history(item.channel).end
    if end > item.mark:
        machine.push(Draining(item.channel, 0, end))
    else:
        known = machine.channels.get(item.channel) or _NOBODY
        known = Channel(known.places, known.gone)
        machine.channels.set(item.channel, tidied(machine, known) if known.gone else known)
    return told


def cut(machine: Machine, process: Process, watch: str) -> None:
    """Break a watch: it has to list again."""
    cursor = machine.cursors.get((process.name, watch))
    assert cursor is not None
    machine.cursors.set((process.name, watch), attrs.evolve(cursor, position=-1))
    machine.push(Listing(process.name, process.life, watch))


def hold_back(machine: Machine, process: Process, watch: str) -> None:
    """Hold back what a watch is to be told from now on."""
    cursor = machine.cursors.get((process.name, watch))
    assert cursor is not None
    if cursor.held:
        raise ReconcileError(f"{watch} of {process.name} is held back already")
    machine.cursors.set((process.name, watch), attrs.evolve(cursor, held=True))


def release(machine: Machine, process: Process, watch: str) -> None:
    """Let a watch that was held back catch up."""
    cursor = machine.cursors.get((process.name, watch))
    assert cursor is not None
    if not cursor.held:
        raise ReconcileError(f"{watch} of {process.name} is not held back")
    machine.cursors.set((process.name, watch), attrs.evolve(cursor, held=False))
    machine.push(Listing(process.name, process.life, watch))


def skip(machine: Machine, process: Process, watch: str, count: int) -> None:
    """Lose the next *count* changes of a watch; its cache is left as it was."""
    cursor = machine.cursors.get((process.name, watch))
    assert cursor is not None
    if cursor.position < 0:
        raise ReconcileError(f"{process.name} has to list {watch} first: there is nothing to skip")
    end = machine.store.history(cursor.channel).end
    if not 0 < count <= end - cursor.position:
        raise ReconcileError(f"{process.name} has {end - cursor.position} changes of {watch} to come, not {count}")
    machine.cursors.set((process.name, watch), attrs.evolve(cursor, position=cursor.position + count))


def _listed(store: Reads, cursor: Cursor) -> tuple[Change, ...]:
    table = store.table(cursor.resource)
    revision = store.revision
    if cursor.partition:
        rows: Any = _own_differences(cursor, table)
    elif cursor.view is None and cursor.resource in RIGHTS:
        return _as_created(Same(table), cursor.resource, revision)
    elif cursor.view is None:
        rows = [(key, None, obj) for key, obj in table.items()]
    else:
        rows = table.differences(cursor.view)
    changes = tuple([Change(revision, cursor.resource, key, old, new) for key, old, new in rows])
    return _seen_from(cursor, changes) if cursor.partition else changes


def _own_differences(cursor: Cursor, table: Table[str, Any]) -> list[tuple[str, Any, Any]]:
    """Give how what a watch of one partition knew differs from *table*, at the cost of what is in the partition."""
    index, known = PARTITIONS[cursor.resource].name, cursor.view
    keys = table.keys_under(index, cursor.partition)
    if known is None:
        return [(key, None, table[key]) for key in keys]
    either = sorted({*keys, *known.keys_under(index, cursor.partition)})
    rows = [(key, known.get(key), table.get(key)) for key in either]
    return [row for row in rows if row[1] is not row[2]]


@lru_cache(maxsize=64)
def _as_created(table: Same, resource: str, revision: int) -> tuple[Change, ...]:
    """Give the changes of a first list; of the access rules, which are the same in many clusters, at no cost."""
    return tuple([Change(revision, resource, key, None, obj) for key, obj in table.value.items()])


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
            seen.append(Change(change.revision, change.resource, change.key, old, new))
    return tuple(seen)


def _view(store: Reads, resource: str, revision: int) -> Table[str, Any]:
    """Give the table of *resource* as of *revision*, as an informer's cache has it that has seen no more."""
    history = store.history(resource)
    return table_at(store, resource, position_after(history, revision))
