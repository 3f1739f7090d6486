"""
A sidecar that elects: of all pods that it stands in, one leads; its label says so, and its neighbour is told.

The lock is a Lease of the name in LEASE (or an Endpoints' annotation, with LOCK=endpoints). Who wins takes the label
`role: leader` from others and gives it to its own pod, so that a Service's selector follows. With each renewal it tells
the container beside it, at the port in TELL, until when it may lead, and its token: how often the lock changed hands.
"""

from typing import Any

import attrs

from reconcile import patch
from reconcile.components import election
from reconcile.components.applications import Application, Place, Send, Terminating
from reconcile.effects import Call
from reconcile.events import Answered, Started
from reconcile.lib.instant import Instant
from reconcile.model.requests import Request


@attrs.frozen
class Lead:
    """To the neighbour: it leads with this token until then, by the clock of its host."""

    token: int
    until: Instant


@attrs.frozen
class State:
    """A sidecar: where it stands, and its part in the election."""

    place: Place
    election: election.State


def begin(place: Place) -> State:
    """Take part, under a name that no other pod has, not even the next one of this name."""
    config = election.Config(
        name=place.environment["LEASE"],
        namespace=place.namespace,
        lock=place.environment.get("LOCK", "leases"),  # type: ignore[arg-type]
        release_on_cancel=True,
    )
    return State(place, election.begin(config, f"{place.name}_{place.uid}", place.dice))


def step(state: State, event: Any) -> tuple[State, tuple[Any, ...]]:
    """Let the election hear *event*; act upon what it says."""
    if isinstance(event, Answered) and event.tag[0] == "leaders":
        return state, tuple([labelled(pod.metadata, "replica") for pod in event.response.body.items])
    if isinstance(event, Terminating):  # it lets go of the lock, so that nobody has to wait until it runs out
        after, effects = election.release(state.election, event.now)
        return attrs.evolve(state, election=after), effects
    after, effects = election.step(state.election, event)
    more: list[Any] = [labelled(state.place, "replica")] if isinstance(event, Started) else []
    if election.leads(after) and not election.leads(state.election):
        more += [leaders(state.place), labelled(state.place, "leader")]
    if election.leads(after) and not election.overdue(after, event.now) and after.lock != state.election.lock:
        # It counts from when the renewal was sent: others count from when they saw it, which was not before.
        until = after.asked_at + after.config.renew_deadline
        lead = Lead(after.lock.transitions, until)
        more.append(Send("localhost", int(state.place.environment["TELL"]), lead, ("told",)))
    return attrs.evolve(state, election=after), (*effects, *more)


def labelled(pod: Any, role: str) -> Call:
    """Give a pod its role."""
    return Call(patch("pods", pod.name, {"metadata": {"labels": {"role": role}}}, namespace=pod.namespace))


def leaders(place: Place) -> Call:
    """Ask which other pods are called leaders."""
    selector = f"role=leader,app={place.labels['app']}"
    asked = Request(verb="list", resource="pods", namespace=place.namespace, label_selector=selector)
    return Call(attrs.evolve(asked, field_selector=f"metadata.name!={place.name}"), ("leaders",))


elector = Application(name="elector", begin=begin, step=step, graceful=True)
