"""
Custom resources: what is watched of them once a definition was established.

Takes:    changes of CustomResourceDefinitions.
Gives:    the interests of the process's controllers, OpenWatch.
Source:   the garbage collector's monitors, which follow discovery.
Left out: nothing known.
"""

from __future__ import annotations

from typing import TypeAlias

from reconcile.components.controllers.runtime.contract import Controller, Keys, Observe
from reconcile.effects import Effect, OpenWatch
from reconcile.lib.mapping import Map
from reconcile.model.definitions import is_established, key_of
from reconcile.store import Change

Interest: TypeAlias = tuple[int, Observe | None, Keys]
"""The place of a controller, its observe, and one of its keys."""


def with_customs(
    controllers: tuple[Controller, ...],
    interests: Map[tuple[Interest, ...]],
    changes: tuple[Change, ...],
    effects: list[Effect],
) -> Map[tuple[Interest, ...]]:
    """Give *interests* with those in resources that are established by now; *effects* get the orders to watch them."""
    interested = tuple(
        [
            (place, controller.observe, controller.customs)
            for place, controller in enumerate(controllers)
            if controller.customs is not None
        ]
    )
    for change in changes if interested else ():
        if change.new is not None and is_established(change.new) and key_of(change.new) not in interests:
            effects.append(OpenWatch(key_of(change.new)))
            interests = interests.set(key_of(change.new), interested)
    return interests
