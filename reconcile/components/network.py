"""
The network between API servers and those who call them: the balancer in front, and the connections that there are.

A process has one connection, over which its requests and watches go; it stays where it is until it breaks. The balancer
gives a new one to a server that it takes to be ready, by health checks.

The engine says who reaches whom; what is decided here is where a connection goes, what becomes of one that falls
silent, and when somebody tries again.

Takes:    TimerFired; from the engine, what health checks find.
Gives:    Check, TakeOver, Elapsed, Lost, Resume, CatchUp, Note, Show: that something is due.
Source:   HAProxy's balance, inter, rise, fall; keepalived; client-go's with_retry.go, and the back-off of its
          reflector; golang.org/x/net/http2, whose connections are given up after 30 s of silence and 15 s of waiting
          for a ping (apimachinery's net/http.go).
Left out: see docs/limits.md, "API servers and their balancer".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias
from zlib import crc32

import attrs

from reconcile.events import TimerFired
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.balancers import Balancer
from reconcile.model.programs import ELECTOR

Why: TypeAlias = Literal["refused", "closed", "reset", "lost", "late", "handshake"]
"""Why a call has no answer: nobody listens; the balancer finds no server, and closes; the connection was reset, or is
taken to be lost after a long silence; none came about, or one to a server that says nothing."""

CHECK: Final = ("check",)
TAKE_OVER: Final = ("take over",)

LONGEST_SILENCE: Final = 45 * SECOND
"""How long a connection may be silent before it is taken to be lost."""

LONGEST_SILENCE_OF_KUBELETS: Final = 20 * SECOND
"""As long as two heartbeats in a row take that go unanswered: then a kubelet closes its connections."""

LONGEST_DIAL: Final = 30 * SECOND
"""How long a connection may take to come about."""

LONGEST_HANDSHAKE: Final = 10 * SECOND
"""How long a connection that has come about may say nothing, before TLS is agreed on."""

_FIRST_PAUSE: Final = 800_000_000
_LONGEST_PAUSE: Final = 30 * SECOND
_FORGIVEN_AFTER: Final = 2 * MINUTE
_RETRIED: Final[dict[str, tuple[Why, ...]]] = {
    "get": ("closed", "reset", "lost"),
    "list": ("closed", "reset", "lost"),
    "watch": ("closed", "late", "handshake"),
}
_RETRIES: Final = 10
_EVENT_RETRIES: Final = 12
_EVENT_QUEUE: Final = 1000


@quick
@attrs.frozen(weakref_slot=False)
class Line:
    """
    A connection.

    Args:
        server: the API server's process.
        life: of that process.
        balanced: whether it goes through the balancer.
        silent: whether nothing comes through.
    """

    server: str
    life: int
    balanced: bool
    silent: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Health:
    """What the balancer takes a server to be, and how many checks in a row have said otherwise."""

    up: bool = False
    doubts: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Pause:
    """A process's reflectors wait before they try again, until *until*; *tries* is how often they have in a row."""

    until: Instant
    tries: int


@quick
@attrs.frozen(weakref_slot=False)
class Waiting:
    """
    A request or an answer that does not move.

    Args:
        item: what it is.
        on: what it waits for: that its connection speaks again, that one comes about, that its API server reaches etcd
            again, or the instant at which it goes on.
        why: of a wait for an instant: what it comes to then; empty: it goes on. Of a wait for etcd: `silent`: the
            member says nothing, `asked`: and it was asked before that. Of one for a connection: `handshake`.
    """

    item: Any
    on: Literal["line", "dial", "etcd", "time"]
    why: str = ""


@quick
@attrs.frozen(weakref_slot=False)
class Again:
    """A request that was sent again, and how often."""

    item: Any
    tries: int


@quick
@attrs.frozen(weakref_slot=False)
class Lagging:
    """
    A watch cache that is behind.

    Args:
        behind: by how long.
        shown: the store that it shows.
        coming: the stores that it comes to show, and when.
    """

    behind: Duration
    shown: Any
    coming: tuple[tuple[Instant, Any], ...] = ()


@attrs.frozen(kw_only=True)
class State:
    """
    The network.

    Args:
        balancer: what stands in front.
        masters: the hosts on which API servers are to run, in order.
        dice: its chance.
        lines: each process's connection, and that of each client's watch, by process.
        health: what the balancer takes each server to be, by host.
        given: how many connections it has given.
        holder: the host that has the floating address; empty of another balancer.
        waiting: what does not move, by number.
        again: the requests that were sent again.
        pauses: the processes whose reflectors wait, or have waited lately.
        stale: what watch caches that are held back show, by API server; of one that is behind, a `Lagging`.
        since: of watches that are to list again: what that must not be older than, by (process, watch).
    """

    balancer: Balancer
    masters: tuple[str, ...]
    dice: Dice
    lines: Table[str, Line] = attrs.field(factory=Table)
    health: Map[Health] = attrs.field(factory=Map)
    given: int = 0
    holder: str = ""
    waiting: Table[int, Waiting] = attrs.field(factory=Table)
    again: tuple[Again, ...] = ()
    pauses: Map[Pause] = attrs.field(factory=Map)
    stale: Map[Any] = attrs.field(factory=Map)
    since: Table[tuple[str, str], int] = attrs.field(factory=Table)


@quick
@attrs.frozen(weakref_slot=False)
class Check:
    """The next health check is due."""


@quick
@attrs.frozen(weakref_slot=False)
class TakeOver:
    """The holder of the floating address has been silent for so long that another takes it."""


@quick
@attrs.frozen(weakref_slot=False)
class Elapsed:
    """What waits under this number has waited long enough."""

    number: int


@quick
@attrs.frozen(weakref_slot=False)
class Lost:
    """The connection of this process was silent for too long."""

    client: str


@quick
@attrs.frozen(weakref_slot=False)
class Resume:
    """The reflectors of this process try again."""

    client: str


@quick
@attrs.frozen(weakref_slot=False)
class CatchUp:
    """The watch cache of this API server, which was paused, has taken in what waited for it."""

    server: str


@quick
@attrs.frozen(weakref_slot=False)
class Note:
    """What is stored is to be noted, for caches that are behind."""


@quick
@attrs.frozen(weakref_slot=False)
class Show:
    """The watch cache of this API server, which is behind, shows more."""

    server: str


Due: TypeAlias = Check | TakeOver | Elapsed | Lost | Resume | CatchUp | Note | Show


def begin(balancer: Balancer, masters: tuple[str, ...], dice: Dice) -> State:
    """Give a network in which nobody is connected, and the balancer takes every server to be down."""
    floats = balancer.kind == "floating-address"
    health = Map({host: Health() for host in masters})
    return State(balancer=balancer, masters=masters, dice=dice, health=health, holder=masters[0] if floats else "")


def step(state: State, event: TimerFired) -> tuple[State, tuple[Due, ...]]:
    """Say what is due."""
    what, *rest = event.key
    match what:
        case "check":
            return state, (Check(),)
        case "take over":
            return state, (TakeOver(),)
        case "wait":
            return state, (Elapsed(rest[0]),)
        case "line":
            return state, (Lost(rest[0]),)
        case "cache":
            return state, (CatchUp(rest[0]),)
        case "note":
            return state, (Note(),)
        case "show":
            return state, (Show(rest[0]),)
        case _:
            return state, (Resume(rest[0]),)


# Where a connection goes ----------------------------------------------------------------------------------------------


def is_straight(state: State, kind: str, host: str) -> bool:
    """Tell whether a process of this kind calls the API server of its own host, of which it may be a part."""
    return (kind in state.balancer.straight and host in state.masters) or kind == ELECTOR


def given(state: State, caller: str) -> tuple[State, tuple[str, ...]]:
    """Give the hosts that the balancer tries for a new connection of *caller*, in order; none if none is up."""
    if state.holder:
        return state, (state.holder,)
    up = [host for host in state.masters if state.health[host].up]
    if not up:
        return state, ()
    kind, state = state.balancer.kind, replace(state, given=state.given + 1)
    if kind == "least-connections":
        held = dict.fromkeys(up, 0)
        for line in state.lines.values():
            host = line.server.rpartition("/")[2]
            if line.balanced and host in held:
                held[host] += 1
        return state, tuple(sorted(up, key=lambda host: held[host]))
    first = crc32(caller.encode()) if kind == "source-hash" else state.given - 1
    return state, _from(up, first % len(up))


def _from(hosts: Sequence[str], first: int) -> tuple[str, ...]:
    return (*hosts[first:], *hosts[:first])


# Health ---------------------------------------------------------------------------------------------------------------


def doubted(state: State, ready: tuple[str, ...]) -> bool:
    """Tell whether the balancer has still to find out that the servers on these hosts, and no others, are ready."""
    if any(health.up != (host in ready) or health.doubts for host, health in state.health.items()):
        return True
    return bool(state.holder) and _best(state) != state.holder


def checked(state: State, ready: tuple[str, ...]) -> State:
    """Take in that a health check has found the servers on these hosts, and no others, to be ready."""
    health = {}
    for host, known in state.health.items():
        doubts = known.doubts + 1 if known.up != (host in ready) else 0
        turned = doubts >= (state.balancer.fall if known.up else state.balancer.rise)
        health[host] = Health(not known.up) if turned else Health(known.up, doubts)
    state = replace(state, health=Map(health))
    return replace(state, holder=_best(state)) if state.holder else state


def _best(state: State) -> str:
    """Give who of those that are up has the highest priority for the floating address: the first; else its holder."""
    return next((host for host in state.masters if state.health[host].up), state.holder)


def taken_over(state: State, reached: tuple[str, ...]) -> State:
    """Give the floating address to another host of those that are *reached*, one that is up if there is one."""
    others = [host for host in reached if host != state.holder]
    up = [host for host in others if state.health[host].up]
    fallen = state.health.set(state.holder, Health())
    return replace(state, holder=(up or others or [state.holder])[0], health=fallen)


def backed(state: State, hosts: tuple[str, ...]) -> State:
    """Let the balancer have other servers; it takes one that it did not know to be down."""
    health = Map({host: state.health.get(host, Health()) for host in hosts})
    holder = (state.holder if state.holder in hosts else hosts[0]) if state.holder else ""
    return replace(state, masters=hosts, health=health, holder=holder)


# Trying again ---------------------------------------------------------------------------------------------------------


def tried_again(state: State, item: Any, verb: str, why: str, *, recorded: bool) -> tuple[State, Duration]:
    """
    Say in how long a request that has failed is sent again; 0: it is not, whoever asked is told.

    GETs are, where a connection has broken, up to ten times a second apart; and an event record (*recorded*), for whose
    answer nobody waits, up to twelve times ten seconds apart, whatever has happened.
    """
    known = next((each for each in state.again if each.item == item), None)
    tries = 1 if known is None else known.tries + 1
    rest = tuple([each for each in state.again if each is not known])
    longest = _EVENT_RETRIES if recorded else _RETRIES
    if tries > longest or not (recorded or why in _RETRIED.get(verb, ())):
        return replace(state, again=rest), 0
    return replace(state, again=(*rest, Again(item, tries))), (10 if recorded else 1) * SECOND


def drops(state: State, item: Any) -> bool:
    """Tell whether an event record that has failed is dropped: as many of its process's wait as their queue holds."""
    waiting = [each.item for each in state.again if each.item.process == item.process and each.item.tag is None]
    return len(waiting) >= _EVENT_QUEUE and item not in waiting


def tries_of(state: State, item: Any) -> int:
    """Count how often a request was sent again."""
    return next((each.tries for each in state.again if each.item == item), 0)


def through(state: State, item: Any) -> State:
    """Take in that a request has come to an API server."""
    return replace(state, again=tuple([each for each in state.again if each.item != item]))


def paused(state: State, client: str, now: Instant) -> tuple[State, Instant]:
    """Let a process's reflectors wait, longer each time in a row; give until when."""
    known = state.pauses.get(client)
    tries = known.tries if known is not None and now - known.until < _FORGIVEN_AFTER else 0
    pause = min(_FIRST_PAUSE << min(tries, 6), _LONGEST_PAUSE)
    jitter, dice = state.dice.below(pause)
    until = now + pause + jitter
    return replace(state, dice=dice, pauses=state.pauses.set(client, Pause(until, tries + 1))), until


def pauses(state: State, client: str, now: Instant) -> bool:
    """Tell whether a process's reflectors wait."""
    known = state.pauses.get(client)
    return known is not None and known.until > now


def said(why: str, address: str, method: str, path: str) -> str:
    """Say in Go's words why a call has no answer."""
    words = {
        "refused": f"dial tcp {address}:6443: connect: connection refused",
        "closed": "EOF",
        "reset": "read: connection reset by peer",
        "lost": "http2: client connection lost",
        "late": f"dial tcp {address}:6443: i/o timeout",
        "handshake": "net/http: TLS handshake timeout",
    }
    return f'{method.capitalize()} "https://{address}:6443{path}": {words[why]}'
