"""Commits: a change of the store goes on its way to everyone who watches."""

from __future__ import annotations

from collections.abc import Iterable

from reconcile.cluster.cluster import Channel
from reconcile.cluster.pending import Draining
from reconcile.driver.machine.machine import Machine
from reconcile.store import Change, channels_of, revoke


def committed(machine: Machine, changes: tuple[Change, ...], channels: Iterable[str]) -> None:
    """Let what was committed, to these *channels*, be under way to all who watch them."""
    if machine.observed is not None:
        machine.observed += [(machine.steps, change) for change in changes]
    for name in channels:
        known = machine.channels.get(name)
        if known is not None and known.places.end and not known.draining:
            machine.channels.set(name, Channel(known.places, known.gone, draining=True))
            machine.push(Draining(name, 0, machine.store.history(name).end))


def end_lease(machine: Machine, lease: int) -> None:
    """Let a lease of etcd end, and the objects go that hang on it."""
    if machine.store.leases.get(lease) is not None:
        done = revoke(machine.store.closed(), lease)
        machine.store.reopen(done.store)
        names = [name for each in done.changes for name in channels_of(each.resource, each.old, each.new)]
        committed(machine, done.changes, names)
