"""
Hosting: an application's process, between what the engine says and what the application hears.

What it wants to watch it has to be allowed to list and to watch; what it is not is tried again, as a reflector does.

Takes:    Started, Watched, Answered, TimerFired, Turned, Received, Returned, Failed, Found, Terminating.
Gives:    Call, SetTimer, CancelTimer, Wake, Record, OpenWatch, Exit, Send, Reply, Listen, Keep, Read, Log.
Source:   client-go's Reflector: list, watch, back-off from 0.8 to 30 seconds.
Left out: see docs/limits.md, "Applications".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.applications.application import Application, Place
from reconcile.components.applications.vocabulary import (
    Interest,
    Keep,
    Listen,
    Log,
    Read,
    Reply,
    Send,
    Terminating,
)
from reconcile.effects import Call, CancelTimer, Exit, OpenWatch, Record, SetTimer, Wake
from reconcile.events import Answered, Started, TimerFired, Watched
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, split_key
from reconcile.model.watches import Watch
from reconcile.store import Change

_OWN: Final = "own"  # what goes before an application's own tags and keys, so that none is taken for the engine's
_INTEREST: Final = "interest"
_FIRST, _LAST = 800 * MILLISECOND, 30 * SECOND
_ORDERS: Final = (Send, Reply, Listen, Keep, Read, Log, Exit, Wake)
_HIGHEST_PORT: Final = 65535


@attrs.frozen(kw_only=True)
class State:
    """
    An application that runs.

    Args:
        application: what it is.
        place: where it runs.
        own: its own state.
        interests: what it watches, or tries to.
        waits: how long each that it may not watch is waited for next.
    """

    application: Application
    place: Place
    own: Any
    interests: tuple[Interest, ...] = ()
    waits: Map[Duration] = Map()


def begin(application: Application, place: Place) -> State:
    """Give an application's process that has just been started."""
    return State(application=application, place=place, own=application.begin(place))


def step(state: State, event: Any) -> tuple[State, tuple[Any, ...]]:
    """Take *event* in."""
    match event:
        case Started():
            return _on_started(state, event)
        case Answered(now, (first, *_), response) if first == _INTEREST:
            return _on_asked(state, event.tag, response, now)
        case TimerFired(_, (first, resource)) if first == _INTEREST:
            return state, (_list(_interest(state, resource)),)
        case Answered(now, tag, response):
            return _stepped(state, Answered(now, tag[1], response))
        case TimerFired(now, key):
            return _stepped(state, TimerFired(now, key[1]))
        case Watched():
            return _on_watched(state, event)
        case _:
            return _stepped(state, event)


def watches(state: State) -> tuple[Watch, ...]:  # noqa: ARG001 -- every component is asked the same
    """Declare nothing: what it watches it asks for when it runs, as its ServiceAccount."""
    return ()


def own(state: Any) -> Any:
    """Give an application's own state, that of one whose process is frozen too; None of what is none."""
    inner = getattr(state, "state", state)
    return inner.own if isinstance(inner, State) else None


def follower(state: Any) -> Place | None:
    """Give where an application runs that follows its files, though its process may be frozen; None of others."""
    inner = getattr(state, "state", state)
    return inner.place if isinstance(inner, State) and inner.application.follows else None


def answers(state: State, asked: str, now: Instant) -> bool:
    """Tell whether a probe that asks this succeeds."""
    ask = state.application.answers
    return ask is None or bool(ask(state.own, asked, now))


def terminated(state: State, now: Instant) -> Terminating | None:
    """Give what the application hears of a SIGTERM; None if that ends it at once."""
    return Terminating(now) if state.application.graceful else None


def _on_started(state: State, event: Started) -> tuple[State, tuple[Any, ...]]:
    interests = tuple(state.application.watches(state.own))
    for each in interests:
        if not isinstance(each, Interest):
            raise ReconcileError(f"application {state.application.name!r}: watches: {each!r} is no Interest")
    state, effects = _stepped(replace(state, interests=interests), event)
    return state, (*effects, *map(_list, interests))


def _list(interest: Interest) -> Call:
    request = Request(verb="list", resource=interest.resource, namespace=interest.namespace, limit=1)
    return Call(request, (_INTEREST, interest.resource, "list"))


def _on_asked(state: State, tag: tuple[Any, ...], response: Any, now: Instant) -> tuple[State, tuple[Any, ...]]:
    _, resource, verb = tag
    interest = _interest(state, resource)
    if not response.ok:
        wait = state.waits.get(resource, _FIRST)
        state = replace(state, waits=state.waits.set(resource, min(2 * wait, _LAST)))
        why = getattr(response.body, "message", None) or f"{response.code} {response.reason}"
        said = f"Failed to watch {resource}: failed to {verb} {resource}: {why}"
        return state, (Log(said), SetTimer((_INTEREST, resource), now + wait, periodic=True))
    if verb == "watch":
        return state, (OpenWatch(resource),)
    request = Request(verb="watch", resource=resource, namespace=interest.namespace)
    return state, (Call(request, (_INTEREST, resource, "watch")),)


def _interest(state: State, resource: str) -> Interest:
    return next(each for each in state.interests if each.resource == resource)


def _on_watched(state: State, event: Watched) -> tuple[State, tuple[Any, ...]]:
    namespace = _interest(state, event.watch).namespace
    if not namespace:
        return _stepped(state, event)
    changes = tuple([change for change in event.changes if _is_in(change, namespace)])
    if event.changes and not changes:
        return state, ()  # of other namespaces
    return _stepped(state, replace(event, changes=changes))


def _is_in(change: Change, namespace: str) -> bool:
    return split_key(change.key)[0] == namespace


_PAIR: Final = 2


def _stepped(state: State, event: Any) -> tuple[State, tuple[Any, ...]]:
    said: Any = state.application.step(state.own, event)
    if not (isinstance(said, tuple) and len(said) == _PAIR and isinstance(said[1], tuple | list)):
        name = state.application.name
        raise ReconcileError(f"application {name!r}: its step gave {said!r}, which is no (state, effects)")
    after, effects = said
    if after is not state.own:
        state = replace(state, own=after)
    return state, tuple([_ordered(state, effect) for effect in effects])


def _ordered(state: State, effect: Any) -> Any:
    """Give an application's effect as the engine takes it; ReconcileError if it is none that it may give."""
    match effect:
        case Call(request, tag):
            return Call(request, None if tag is None else (_OWN, tag))  # as nobody but its own ServiceAccount
        case SetTimer(key, at, periodic):
            return SetTimer((_OWN, key), at, periodic)
        case CancelTimer(key):
            return CancelTimer((_OWN, key))
        case Record():
            return replace(effect, component=effect.component or state.application.name)
        case Listen(port) | Send(_, port) if not 0 < port <= _HIGHEST_PORT:
            raise ReconcileError(f"application {state.application.name!r}: {effect!r}: there is no such port")
        case _ if isinstance(effect, _ORDERS):
            return effect
        case _:
            pass
    raise ReconcileError(f"application {state.application.name!r} gave {effect!r}, which it cannot order")
