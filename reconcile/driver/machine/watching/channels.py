"""Channels: who watches what, and how a watch begins and ends."""

from __future__ import annotations

from typing import Final

from reconcile.cluster.cluster import Channel, Cursor, Process
from reconcile.cluster.pending import Listing
from reconcile.driver.machine.machine import Machine
from reconcile.lib.replacing import replace
from reconcile.lib.sequence import Sequence

_NOBODY: Final = Channel()


def open_watch(machine: Machine, process: Process, watch: str, cursor: Cursor) -> None:
    """Let a process watch from where *cursor* stands."""
    key = (process.name, watch)
    known = machine.channels.get(cursor.channel) or _NOBODY
    machine.cursors.set(key, replace(cursor, place=known.places.end))
    machine.channels.set(cursor.channel, Channel(known.places.append(key), known.gone, draining=known.draining))
    machine.push(Listing(process.name, process.life, watch))


def tidied(machine: Machine, known: Channel) -> Channel:
    """
    Give a channel's watchers their places anew once more are empty than taken, which costs a bit for each that is gone.

    Not while they are being told: a `Draining` says by its place who was.
    """
    if known.draining or 2 * known.gone <= known.places.end:
        return known
    places: Sequence[tuple[str, str] | None] = Sequence()
    for key in known.watchers:
        cursor = machine.cursors.get(key)
        assert cursor is not None, "a watcher has a cursor for as long as it has a place"
        machine.cursors.set(key, replace(cursor, place=places.end))
        places = places.append(key)
    return Channel(places)


def close_watch(machine: Machine, name: str, watch: str) -> None:
    """Let a process watch no more."""
    cursor = machine.cursors.get((name, watch))
    if cursor is not None:
        machine.cursors.remove((name, watch))
        known = machine.channels.get(cursor.channel)
        assert known is not None, "it has a watcher"
        left = Channel(known.places.put(cursor.place, None), known.gone + 1, draining=known.draining)
        machine.channels.set(cursor.channel, tidied(machine, left))
