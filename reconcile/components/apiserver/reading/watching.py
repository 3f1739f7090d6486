"""
Watching: a client's own watch, from its request to its end.

A component's watches are the engine's; this serves those of clients outside. What a selector or a namespace leaves out
is not there for the client: an object that begins to fit was ADDED, one that ceases to was DELETED.

Takes:    Watched, TimerFired.
Gives:    Notice, SetTimer.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes; the watch cache.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, assert_never

import attrs

from reconcile.api import kinds, meta_v1, zeros
from reconcile.components.apiserver.reading.checking import check_watch, version_of
from reconcile.components.apiserver.reading.objects import selecting
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.effects import Notice, SetTimer
from reconcile.events import TimerFired, Watched
from reconcile.lib.instant import MINUTE, SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Request, Response
from reconcile.model.watches import Watch
from reconcile.store import Change, position_since, stamped

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""The annotation of the bookmark with which a watch says that it has told what is there."""

_EVERY: Final = MINUTE
_BEFORE_THE_END: Final = 2 * SECOND
_BOOKMARK: Final = ("bookmark",)
_UNSAID: Final = ("", "0")


@attrs.frozen(kw_only=True)
class Watching:
    """
    One watch of a client: who it is, how it called the watch, and what it asked for.

    Args:
        client: whose it is.
        tag: that of the request that began it.
        request: what it asked for.
        seen: the revision up to which it has told everything; before its first events, of the store when it began.
        begun: whether the first events are told.
        ends: when it ends; None if it may last.
        asked: when it was asked for.
    """

    client: str
    tag: str
    request: Request
    seen: int = 0
    begun: bool = False
    ends: Instant | None = None
    asked: Instant = 0


def watch(ask: Ask) -> Response:
    """Answer the request for a watch: 200 if it can begin where it wants to, 410 if that is forgotten."""
    request = ask.request
    if request.resource_version_match or request.initial_events is not None:
        check_watch(request)
    selecting(request)
    if request.resource_version:
        wanted = version_of(request)
        if not lists(request) and wanted and position_since(ask.store, request.resource, wanted) is None:
            raise Refusal(statuses.expired(f"too old resource version: {wanted} ({ask.store.compacted})"))
        if wanted > ask.store.revision and lists(request):
            raise Refusal(statuses.too_large_version(wanted, ask.store.revision))
    return Response(200)


def lists(request: Request) -> bool:
    """Tell whether a watch begins with what is there: if it says so, or says nothing and names no version."""
    if request.initial_events is not None:
        return request.initial_events
    return request.resource_version in _UNSAID


def watches(state: Watching) -> tuple[Watch, ...]:
    """Give the one watch that a client's watch is."""
    return (Watch("watch", state.request.resource),)


def step(state: Watching, event: Watched | TimerFired) -> tuple[Watching, tuple[Notice | SetTimer, ...]]:
    """Tell the client of every change that concerns what it watches, and now and then how far that is."""
    match event:
        case Watched():
            return _on_watched(state, event)
        case TimerFired():
            return _on_timer_fired(state, event)
        case _:
            assert_never(event)


def _on_watched(state: Watching, event: Watched) -> tuple[Watching, tuple[Notice | SetTimer, ...]]:
    request, changes = state.request, event.changes
    version = request.resource_version
    if version not in _UNSAID and not lists(request):
        # It may be yet to come.
        changes = tuple([change for change in changes if change.revision > int(version)])
    selects = selecting(request)
    told = [_told(change, selects) for change in changes]
    effects: list[Notice | SetTimer] = [_notice(state, *each) for each in told if each is not None]
    if not request.bookmarks:
        return state, tuple(effects)
    seen = max(state.seen, changes[-1].revision) if changes else state.seen
    after = replace(state, seen=seen, begun=True)
    if not state.begun:
        if lists(request):
            effects.append(_notice(state, "BOOKMARK", _bookmark(request, seen, ends=True)))
        effects += _timer(after, event.now, first=lists(request))
    return after, tuple(effects)


def _on_timer_fired(state: Watching, event: TimerFired) -> tuple[Watching, tuple[Notice | SetTimer, ...]]:
    bookmark = _notice(state, "BOOKMARK", _bookmark(state.request, state.seen))
    return state, (bookmark, *_timer(state, event.now))


def _timer(state: Watching, now: Instant, *, first: bool = False) -> list[SetTimer]:
    """Say when the next bookmark is due: in a minute, or shortly before the end; at once after the first events."""
    at = now + (SECOND if first else _EVERY)
    if state.ends is not None and not first:
        at = min(at, state.ends - _BEFORE_THE_END)
    return [SetTimer(_BOOKMARK, at, periodic=True)] if at > now else []


def _notice(state: Watching, type_: Any, obj: Any) -> Notice:
    return Notice(state.client, state.tag, type_, obj)


def _bookmark(request: Request, revision: int, *, ends: bool = False) -> Any:
    """Give the object of a bookmark: nothing but a version, and the note that what is there is told."""
    resource = kinds.resource(request.resource)
    notes = Map({INITIAL_EVENTS_END: "true"}) if ends else None
    metadata = meta_v1.ObjectMeta(resource_version=str(revision), annotations=notes)
    return replace(
        zeros.hollow(resource.object_class), api_version=resource.api_version, kind=resource.kind, metadata=metadata
    )


def _told(change: Change, selects: Callable[[Any], bool]) -> tuple[Any, Any] | None:
    was = change.old is not None and selects(change.old)
    now = change.new is not None and selects(change.new)
    if now:
        return ("MODIFIED" if was else "ADDED"), change.new
    if was:
        # As the client last saw it, at the revision that took it away.
        return "DELETED", stamped(change.old, change.revision)
    return None
