"""Commits: a change of the store goes on its way to everyone who watches."""

from __future__ import annotations

from collections.abc import Iterable

from reconcile.cluster.cluster import Channel
from reconcile.cluster.pending import Draining
from reconcile.driver.machine.machine import Machine
from reconcile.store import Change


def committed(machine: Machine, changes: tuple[Change, ...], channels: Iterable[str]) -> None:
    """Let what was committed, to these *channels*, be under way to all who watch them."""
    if machine.observed is not None:
        machine.observed += [(machine.steps, change) for change in changes]
    for name in channels:
        known = machine.channels.get(name)
        if known is not None and known.places.end and not known.draining:
            machine.channels.set(name, Channel(known.places, known.gone, draining=True))
            machine.push(Draining(name, 0, machine.store.history(name).end))
