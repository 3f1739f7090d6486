"""
What is not watched from the start: custom resources, once a definition was established, and what is seldom needed.

Takes:    changes of CustomResourceDefinitions, and of what somebody needs more for.
Gives:    the interests of the process's controllers, OpenWatch.
Source:   the garbage collector's monitors, which follow discovery.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from reconcile.components.controllers.runtime.contract import Controller, Keys, Observe
from reconcile.effects import Effect, OpenWatch
from reconcile.lib.mapping import Map
from reconcile.model.definitions import DEFINITIONS, is_established, key_of
from reconcile.store import Change

Interest: TypeAlias = tuple[int, Observe | None, Keys]
"""The place of a controller, its observe, and one of its keys."""


OPENING: Final = frozenset({DEFINITIONS, "persistentvolumes"})
"""Of what changes may make more to be watched; a constant, since each delivery asks."""


def with_more(
    controllers: tuple[Controller, ...],
    interests: Map[tuple[Interest, ...]],
    resource: str,
    changes: tuple[Change, ...],
    effects: list[Effect],
) -> Map[tuple[Interest, ...]]:
    """Give *interests* with those that changes of *resource* add; *effects* get the orders to watch."""
    if resource == DEFINITIONS:
        interests = _with_customs(controllers, interests, changes, effects)
    for place, controller in enumerate(controllers):
        for later in controller.later:
            source = later.source
            if later.resource != resource or source.resource in interests:
                continue
            if any(change.new is not None and later.needs(change.new) for change in changes):
                effects.append(OpenWatch(source.resource))
                interests = interests.set(source.resource, ((place, None, source.keys),))
    return interests


def _with_customs(
    controllers: tuple[Controller, ...],
    interests: Map[tuple[Interest, ...]],
    changes: tuple[Change, ...],
    effects: list[Effect],
) -> Map[tuple[Interest, ...]]:
    """Give *interests* with those in resources that are established by now."""
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
