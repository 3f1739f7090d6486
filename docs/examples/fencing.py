"""
The dangerous window of every election: a leader that is paused for longer than its lease, and then acts.

A worker elects, and whoever leads acts upon a resource each second. It looks whether it leads before it acts, as
everybody does; but between that look and the act any time may go by. A resource that takes whatever comes lets two
leaders act, one after the other, and the older one last. One that is fenced remembers the highest token that it has
seen (how often the lock changed hands) and refuses all that are lower: what a paused leader does then is too late.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import attrs

from reconcile import Cluster
from reconcile.components import election
from reconcile.components.applications import Application, Listen, Log, Place, Received, Send
from reconcile.effects import SetTimer
from reconcile.events import Started, TimerFired
from reconcile.lib.instant import SECOND
from reconcile.properties import Property

PORT = 8000


@attrs.frozen
class Act:
    """What a leader does to the resource, with its token."""

    worker: str
    token: int


@attrs.frozen
class Worker:
    """A worker: where it stands, and its part in the election."""

    place: Place
    election: election.State


def begin(place: Place) -> Worker:
    """Take part in the election of the Lease `workers`."""
    config = election.Config(name="workers", namespace=place.namespace)
    return Worker(place, election.begin(config, f"{place.name}_{place.uid}", place.dice))


def step(state: Worker, event: Any) -> tuple[Worker, tuple[Any, ...]]:
    """Act each second while it leads; all else is the election's."""
    if isinstance(event, TimerFired) and event.key == ("act",):
        if not election.leads(state.election):
            return state, ()
        act = Act(state.place.name, state.election.lock.transitions)
        return state, (Send("resource", PORT, act), SetTimer(("act",), event.now + SECOND, periodic=True))
    after, effects = election.step(state.election, event)
    if election.leads(after) and not election.leads(state.election):
        act = SetTimer(("act",), event.now + SECOND, periodic=True)
        effects = (*effects, act, Log(f"leads with token {after.lock.transitions}"))
    return attrs.evolve(state, election=after), effects


worker = Application(name="worker", begin=begin, step=step)


# What is acted upon ---------------------------------------------------------------------------------------------------


@attrs.frozen
class Resource:
    """What is acted upon, and the acts that it took; *fenced* by FENCED=yes."""

    place: Place
    acts: tuple[Act, ...] = ()

    @property
    def fenced(self) -> bool:
        """Whether it refuses tokens that are lower than one that it has seen."""
        return self.place.environment.get("FENCED") == "yes"


def taken(state: Resource, event: Any) -> tuple[Resource, tuple[Any, ...]]:
    """Take an act, unless its token is too low."""
    match event:
        case Started():
            return state, (Listen(PORT),)
        case Received(_, _, _, Act() as act):
            if state.fenced and state.acts and act.token < state.acts[-1].token:
                return state, (
                    Log(f"refused: {act.worker} has token {act.token}, and {state.acts[-1].token} was seen"),
                )
            # All that the property asks for is the last act and the one before.
            return attrs.evolve(state, acts=(*state.acts[-1:], act)), ()
        case _:
            return state, ()


resource = Application(name="resource", begin=Resource, step=taken)


def _overtaken(cluster: Cluster) -> Iterator[str]:
    """Nobody acts any more once another has acted that leads since then."""
    for _, place, state in cluster.applications("resource"):
        for before, after in pairwise(state.acts):
            if after.token < before.token:
                yield f"{after.worker} acted upon {place.name} after {before.worker}, which leads since"


one_acts = Property("at-most-one-leader-acts", _overtaken)

everything = (worker, resource, one_acts)
