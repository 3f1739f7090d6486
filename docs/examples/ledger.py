"""
A small replicated store: a ledger of writes that is on most of its replicas before a write is acknowledged.

One replica leads, as the sidecar beside it says (`docs/examples/elector.py`). The token that comes with that is its
epoch. Before it takes writes it asks the others to follow no older epoch, and takes over the newest ledger of most of
them; then it writes to its own volume and theirs, and acknowledges what most have. A replica refuses who has an older
epoch than it has seen: so a leader that does not know yet that it is none can do no harm.

How many replicas there are is in the ledger too: the leader follows the StatefulSet, one more or one less at a time.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import attrs

from docs.examples.elector import Lead, elector
from reconcile import Cluster
from reconcile.components.applications import (
    Application,
    Failed,
    Interest,
    Keep,
    Listen,
    Log,
    Place,
    Received,
    Reply,
    Returned,
    Send,
)
from reconcile.effects import SetTimer
from reconcile.events import Started, TimerFired, Watched
from reconcile.lib.instant import MILLISECOND, SECOND, Instant
from reconcile.properties import Property

PORT = 7000
AGAIN = 500 * MILLISECOND


@attrs.frozen
class Entry:
    """A line of the ledger: what a client wrote, or, of no client, how many replicas there are from then on."""

    epoch: int
    client: str
    number: int


@attrs.frozen
class Follow:
    """From who begins to lead: follow no older epoch."""

    epoch: int


@attrs.frozen
class Copy:
    """From who leads: this is the ledger."""

    epoch: int
    ledger: tuple[Entry, ...]


@attrs.frozen
class Following:
    """To who leads: a replica's ledger, which it has written; *epoch* is the newest that it has seen."""

    epoch: int
    replica: int
    ledger: tuple[Entry, ...]


@attrs.frozen
class Write:
    """From a client, and back to it when it is done."""

    client: str
    number: int


# A replica ------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Replica:
    """
    One replica.

    Args:
        place: where it runs.
        hasty: it acknowledges before others have what it wrote: a mistake, to see that it is found.
        loaded: it has read its ledger, which takes a while.
        epoch: the newest that it has seen; *ledger*: its lines. Both are on its volume.
        leads: in which epoch it leads, if it does, and *until* when.
        ledgers: what each replica has, as it told this leader.
        serves: most have told, so it takes writes.
        waiting: the clients that wait for their writes: number of the line -> connection.
        wanted: how many replicas the StatefulSet has.
    """

    place: Place
    hasty: bool = False
    loaded: bool = False
    epoch: int = -1
    ledger: tuple[Entry, ...] = ()
    leads: int | None = None
    until: Instant = 0
    ledgers: tuple[Following, ...] = ()
    serves: bool = False
    waiting: tuple[tuple[int, Any], ...] = ()
    wanted: int = 0

    @property
    def number(self) -> int:
        """Which replica it is: the ordinal of its pod."""
        return int(self.place.name.rpartition("-")[2])

    @property
    def replicas(self) -> int:
        """How many there are, as the ledger says."""
        said = [line.number for line in self.ledger if not line.client]
        return said[-1] if said else int(self.place.environment["REPLICAS"])


def begin(place: Place, *, hasty: bool = False) -> Replica:
    """Begin with what is on the volume."""
    kept = place.volumes["/data"]
    return Replica(place, hasty=hasty, epoch=kept.get("epoch", -1), ledger=kept.get("ledger", ()))


def step(state: Replica, event: Any) -> tuple[Replica, tuple[Any, ...]]:
    """Take *event* in."""
    match event:
        case Started(now):
            return state, (SetTimer(("load",), now + SECOND),)
        case TimerFired(_, ("load",)):
            return attrs.evolve(state, loaded=True), (Listen(PORT), Log(f"{len(state.ledger)} lines, up"))
        case TimerFired(now, ("again",)):
            return copied(state, now)
        case Received(_, _, _, Lead() as lead):
            return told_to_lead(state, lead, event.now)
        case Received(_, _, _, Follow() | Copy() as body, connection):
            return followed(state, body, connection)
        case Received(now, _, _, Write() as write, connection):
            return written(state, write, connection, now)
        case Returned(now, _, Following() as following):
            return heard(state, following, now)
        case Watched():
            sets = [change.new for change in event.changes if change.key == f"{state.place.namespace}/ledger"]
            return (attrs.evolve(state, wanted=sets[-1].spec.replicas), ()) if sets and sets[-1] else (state, ())
        case _:
            return state, ()


def told_to_lead(state: Replica, lead: Lead, now: Instant) -> tuple[Replica, tuple[Any, ...]]:
    """Lead for some more time; at first, ask the others what they have."""
    if state.leads == lead.token:
        return attrs.evolve(state, until=lead.until), ()
    if lead.token < state.epoch:
        return state, ()
    state = attrs.evolve(state, leads=lead.token, until=lead.until, epoch=lead.token, serves=False, waiting=())
    state = attrs.evolve(state, ledgers=(Following(lead.token, state.number, state.ledger),))
    ask = to_others(state, Follow(lead.token))
    again = SetTimer(("again",), now + AGAIN, periodic=True)
    return state, (Keep("/data", "epoch", lead.token), Log(f"leads in epoch {lead.token}"), *ask, again)


def followed(state: Replica, body: Follow | Copy, connection: Any) -> tuple[Replica, tuple[Any, ...]]:
    """Follow who leads in the newest epoch; say what is written here."""
    effects: tuple[Any, ...] = ()
    if body.epoch >= state.epoch:
        if body.epoch > state.epoch:
            state = attrs.evolve(state, epoch=body.epoch, leads=None, serves=False, waiting=())
            effects = (Keep("/data", "epoch", body.epoch),)
        if isinstance(body, Copy) and version(body.ledger) > version(state.ledger):
            state = attrs.evolve(state, ledger=body.ledger)
            effects = (*effects, Keep("/data", "ledger", body.ledger))
    return state, (*effects, Reply(connection, Following(state.epoch, state.number, state.ledger)))


def heard(state: Replica, following: Following, now: Instant) -> tuple[Replica, tuple[Any, ...]]:
    """Take in what a replica has: once most have told, serve; acknowledge what most have."""
    if following.epoch > state.epoch:
        return attrs.evolve(state, leads=None, serves=False, waiting=()), (Log("another leads"),)
    if state.leads != following.epoch:
        return state, ()
    others = [each for each in state.ledgers if each.replica != following.replica]
    state = attrs.evolve(state, ledgers=(*others, following))
    if not state.serves:
        if 2 * len(state.ledgers) <= state.replicas:
            return state, ()
        newest = max([each.ledger for each in state.ledgers], key=version)
        state = attrs.evolve(state, serves=True, ledger=newest)
        # A line of its own epoch: what is older counts as written once most have this one.
        return appended(state, Entry(state.epoch, "", state.replicas), now)
    return acknowledged(state)


def written(state: Replica, write: Write, connection: Any, now: Instant) -> tuple[Replica, tuple[Any, ...]]:
    """Take a write, if it leads; one that is there already only waits."""
    if not state.serves or state.until <= now:
        return state, ()
    lines = [(line.client, line.number) for line in state.ledger]
    places = [place for place, line in enumerate(lines) if line == (write.client, write.number)]
    place = places[0] if places else len(state.ledger)
    state = attrs.evolve(state, waiting=(*state.waiting, (place, (connection, write))))
    if places:
        return acknowledged(state)
    return appended(state, Entry(state.epoch, write.client, write.number), now)


def appended(state: Replica, line: Entry, now: Instant) -> tuple[Replica, tuple[Any, ...]]:
    """Write a line, here and to the others."""
    ledger = (*state.ledger, line)
    others = tuple([each for each in state.ledgers if each.replica != state.number])
    own = Following(state.epoch, state.number, ledger)
    state = attrs.evolve(state, ledger=ledger, ledgers=(*others, own))
    kept = Keep("/data", "ledger", ledger)
    state, copies = copied(state, now)
    state, acks = acknowledged(state)
    return state, (kept, *copies, *acks)


def acknowledged(state: Replica) -> tuple[Replica, tuple[Any, ...]]:
    """Tell the clients whose lines most replicas have, as lines of this epoch or before one."""
    done = 0
    for length in range(len(state.ledger), 0, -1):
        have = [each for each in state.ledgers if each.ledger[:length] == state.ledger[:length]]
        if state.ledger[length - 1].epoch == state.epoch and (2 * len(have) > state.replicas or state.hasty):
            done = length
            break
    ready = [waiting for place, waiting in state.waiting if place < done]
    left = tuple([(place, waiting) for place, waiting in state.waiting if place >= done])
    state = attrs.evolve(state, waiting=left)
    replies = tuple([Reply(connection, write) for connection, write in ready])
    if done == len(state.ledger) and state.serves and state.wanted and state.wanted != state.replicas:
        more = state.replicas + (1 if state.wanted > state.replicas else -1)
        ledger = (*state.ledger, Entry(state.epoch, "", more))
        own = Following(state.epoch, state.number, ledger)
        others = tuple([each for each in state.ledgers if each.replica != state.number and each.replica < more])
        state = attrs.evolve(state, ledger=ledger, ledgers=(*others, own))
        copies = to_others(state, Copy(state.epoch, ledger))
        return state, (*replies, Keep("/data", "ledger", ledger), Log(f"{more} replicas"), *copies)
    return state, replies


def copied(state: Replica, now: Instant) -> tuple[Replica, tuple[Any, ...]]:
    """Send the ledger to the others, or ask them, and again until it leads no more."""
    if state.leads is None:
        return state, ()
    body = Copy(state.epoch, state.ledger) if state.serves else Follow(state.epoch)
    return state, (*to_others(state, body), SetTimer(("again",), now + AGAIN, periodic=True))


def to_others(state: Replica, body: Any) -> tuple[Send, ...]:
    """Send something to all other replicas."""
    others = [number for number in range(max(state.replicas, state.wanted)) if number != state.number]
    return tuple([Send(f"ledger-{number}.ledgers", PORT, body, ("copy", number)) for number in others])


def version(ledger: tuple[Entry, ...]) -> tuple[int, int]:
    """Tell how new a ledger is: by the epoch of its last line, then by its length."""
    return (ledger[-1].epoch if ledger else -1), len(ledger)


def is_ready(state: Replica, asked: str, now: Instant) -> bool:  # noqa: ARG001 -- every probe asks the same
    """Answer its readiness probe."""
    return state.loaded


def interests(state: Replica) -> tuple[Interest, ...]:
    """It follows how many replicas there are to be."""
    return (Interest("statefulsets.apps", state.place.namespace),)


ledger = Application(name="ledger", begin=begin, step=step, watches=interests, answers=is_ready)
hasty = attrs.evolve(ledger, begin=partial(begin, hasty=True))
"""A mistake: it acknowledges what it alone has."""


# A client -------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Client:
    """Writes one number after the other, each again and again until it is acknowledged."""

    place: Place
    number: int = 1
    acknowledged: int = 0


def client_step(state: Client, event: Any) -> tuple[Client, tuple[Any, ...]]:
    """Take *event* in."""
    match event:
        case Started(now) | TimerFired(now):
            write = Write(state.place.name, state.number)
            return state, (
                Send(state.place.environment["LEDGER"], PORT, write, ("write",)),
                SetTimer(("write",), now + SECOND, periodic=True),
            )
        case Returned(_, _, Write(_, number)) if number == state.number:
            said = Log(f"{number} is written")
            return attrs.evolve(state, number=number + 1, acknowledged=number), (said,)
        case Failed(_, _, why):
            return state, (Log(why),)
        case _:
            return state, ()


client = Application(name="ledger-client", begin=Client, step=client_step)


# What holds -----------------------------------------------------------------------------------------------------------


def _lost(cluster: Cluster) -> Iterator[str]:
    """Whoever leads, and takes writes, has every write that was acknowledged."""
    serving = [state for _, _, state in cluster.applications("ledger") if state.serves]
    if not serving:
        return
    leader = max(serving, key=lambda state: state.epoch)
    has = {(line.client, line.number) for line in leader.ledger}
    for _, place, state in cluster.applications("ledger-client"):
        missing = [number for number in range(1, state.acknowledged + 1) if (place.name, number) not in has]
        if missing:
            yield f"{leader.place.name} leads and has not {missing[0]} of {place.name}, which was acknowledged"


kept = Property("acknowledged-writes-are-kept", _lost)

applications = (ledger, elector, client)
everything = (*applications, kept)
with_a_mistake = (hasty, elector, client, kept)
