"""
What the runtime keeps: of each controller the keys that wait, run, failed or come back, and what all of them have seen.

Source:   see `runtime`.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime.checks import check
from reconcile.components.controllers.runtime.contract import Controller, Key, Outcome, Views
from reconcile.components.controllers.runtime.customs import Interest
from reconcile.components.controllers.runtime.workqueue import WorkQueue
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.requests import Response
from reconcile.model.watches import Watch

_NO_KEYS: Final[WorkQueue[Key]] = WorkQueue()


@quick
@attrs.frozen(weakref_slot=False)
class Running:
    """
    A key that waits for answers.

    Args:
        key: which.
        serial: tells this reconcile's answers from an earlier one's.
        outcome: what it decided.
        answers: those that are there, by the number of the call, while others are not.
    """

    key: Key
    serial: int
    outcome: Outcome
    answers: Table[int, Response]


@quick
@attrs.frozen(weakref_slot=False)
class Failure:
    """How often in a row a key has failed, and why the last time."""

    times: int
    why: str


@quick
@attrs.frozen(weakref_slot=False)
class Due:
    """When a key comes back, and whether anything waits for that."""

    at: Instant
    periodic: bool


_NO_FAILURES: Final[Table[Key, Failure]] = Table()
_NOTHING_DUE: Final[Table[Key, Due]] = Table()


@quick
@attrs.frozen(weakref_slot=False)
class Work:
    """
    What the runtime keeps for one controller.

    Args:
        queue: the keys to be reconciled.
        memory: the controller's own.
        running: keys whose calls are not all answered, at most one for each of the controller's workers.
        failures: keys that failed since they last succeeded.
        due: keys that come back after a while.
        serial: numbers the reconciles that call.
        synced: every source has been delivered once.
        woken: a `Wake` is on its way.
        retried: when the bucket of what may come back after a failure is full again.
    """

    queue: WorkQueue[Key] = _NO_KEYS
    memory: Any = None
    running: tuple[Running, ...] = ()
    failures: Table[Key, Failure] = _NO_FAILURES
    due: Table[Key, Due] = _NOTHING_DUE
    serial: int = 0
    synced: bool = False
    woken: bool = False
    retried: Instant = 0


@quick
@attrs.frozen(weakref_slot=False)
class State:
    """
    The controllers of one process.

    Args:
        controllers: fixed for its life.
        interests: resource -> (place of a controller that watches it and is awake, its observe, its keys).
        places: a controller's name -> its place.
        dice: what resync periods are drawn from.
        views: the shared informers' caches.
        works: by place.
        asleep: resource -> places of the controllers that sleep until there is an object of it.
    """

    controllers: tuple[Controller, ...]
    interests: Map[tuple[Interest, ...]]
    places: Map[int]
    dice: Dice
    views: Views
    works: tuple[Work, ...]
    asleep: Map[tuple[int, ...]] = Map()


def begin(controllers: tuple[Controller, ...], dice: Dice) -> State:
    """
    Give the state of a process that runs *controllers* and has seen nothing yet.

    Raises:
        ReconcileError: they cannot run together; see `check`.
    """
    check(controllers)
    awake = frozenset([place for place, controller in enumerate(controllers) if not controller.awaits])
    return State(
        controllers=controllers,
        interests=interests_of(controllers, awake),
        places=Map({controller.name: place for place, controller in enumerate(controllers)}),
        dice=dice,
        views=Views.of(tuple([watch.resource for watch in _watches(controllers)])),
        works=tuple([Work(memory=controller.memory(), synced=not controller.sources) for controller in controllers]),
        asleep=asleep_of(controllers, awake),
    )


def watches(state: State) -> tuple[Watch, ...]:
    """Give one watch for each resource that any controller watches."""
    return _watches(state.controllers)


def failing(state: State) -> tuple[tuple[str, Key, Failure], ...]:
    """Give (controller, key, failure) for every key whose last reconcile failed."""
    return tuple(
        [
            (controller.name, key, failure)
            for controller, work in zip(state.controllers, state.works, strict=True)
            for key, failure in work.failures.items()
        ]
    )


def _watches(controllers: tuple[Controller, ...]) -> tuple[Watch, ...]:
    resources = dict.fromkeys(source.resource for controller in controllers for source in controller.sources)
    return tuple([Watch(resource, resource) for resource in resources])


def interests_of(controllers: tuple[Controller, ...], awake: frozenset[int]) -> Map[tuple[Interest, ...]]:
    """Give who is to be told of each resource, of the controllers at the places *awake*."""
    found: dict[str, list[Interest]] = {}
    for place, controller in enumerate(controllers):
        if place not in awake:
            continue
        seen: set[str] = set()
        for source in controller.sources:
            resource = source.resource
            observed = any(each.observed for each in controller.sources if each.resource == resource)
            observe = controller.observe if observed and resource not in seen else None
            seen.add(resource)  # of several sources of one resource, the first one's interest observes
            found.setdefault(resource, []).append((place, observe, source.keys))
    return Map({resource: tuple(interests) for resource, interests in found.items()})


def asleep_of(controllers: tuple[Controller, ...], awake: frozenset[int]) -> Map[tuple[int, ...]]:
    """Give which of the other controllers an object of each resource wakes."""
    found: dict[str, tuple[int, ...]] = {}
    for place, controller in enumerate(controllers):
        for resource in controller.awaits if place not in awake else ():
            found[resource] = (*found.get(resource, ()), place)
    return Map(found)
