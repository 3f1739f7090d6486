"""
Watching: a client's own watch, from its request to its end.

A component's watches are the engine's; this serves those of clients outside. What a selector or a namespace leaves out
is not there for the client: an object that begins to fit was ADDED, one that ceases to was DELETED.

Takes:    Watched.
Gives:    Notice.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
Left out: bookmarks, timeoutSeconds and streaming lists; see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from reconcile.components.apiserver.reading.objects import check_version, selecting
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.effects import Notice
from reconcile.events import Watched
from reconcile.model import statuses
from reconcile.model.requests import Request, Response
from reconcile.model.watches import Watch
from reconcile.store import Change, position_since, stamped


@attrs.frozen(kw_only=True)
class Watching:
    """One watch of a client: who it is, how it called the watch, and what it asked for."""

    client: str
    tag: str
    request: Request


def watch(ask: Ask) -> Response:
    """Answer the request for a watch: 200 if it can begin where it wants to, 410 if that is forgotten."""
    check_version(ask)
    selecting(ask.request)
    wanted = ask.request.resource_version
    if wanted not in ("", "0") and position_since(ask.store, ask.request.resource, int(wanted)) is None:
        raise Refusal(statuses.expired(f"too old resource version: {wanted} ({ask.store.compacted})"))
    return Response(200)


def watches(state: Watching) -> tuple[Watch, ...]:
    """Give the one watch that a client's watch is."""
    return (Watch("watch", state.request.resource),)


def step(state: Watching, event: Watched) -> tuple[Watching, tuple[Notice, ...]]:
    """Tell the client of every change that concerns what it watches."""
    selects = selecting(state.request)
    told = [_told(change, selects) for change in event.changes]
    return state, tuple([Notice(state.client, state.tag, *each) for each in told if each is not None])


def _told(change: Change, selects: Callable[[Any], bool]) -> tuple[Any, Any] | None:
    was = change.old is not None and selects(change.old)
    now = change.new is not None and selects(change.new)
    if now:
        return ("MODIFIED" if was else "ADDED"), change.new
    if was:
        # As the client last saw it, at the revision that took it away.
        return "DELETED", stamped(change.old, change.revision)
    return None
