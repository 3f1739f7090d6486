"""Commits: a change of the store goes on its way to everyone who watches."""

from __future__ import annotations

from reconcile.cluster.cluster import Channel
from reconcile.cluster.pending import Draining
from reconcile.driver.machine.machine import Machine
from reconcile.store import Change
from reconcile.store.indexes import channels_of


def committed(machine: Machine, changes: tuple[Change, ...]) -> None:
    """Let what was committed be under way to all who watch it."""
    for change in changes:
        if machine.observed is not None:
            machine.observed.append((machine.steps, change))
        for name in channels_of(change.resource, change.old, change.new):
            known = machine.channels.get(name)
            if known is not None and known.watchers and not known.draining:
                machine.channels.set(name, Channel(known.watchers, draining=True))
                machine.push(Draining(name, 0, machine.store.history(name).end))
