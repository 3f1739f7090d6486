"""
Replying: the engine's answers and notices as HTTP.

Takes:    Reply, and a Response or a Notice.
Gives:    HttpResponse, or the bytes of one frame of a watch.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from typing import Any, Literal

from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.encoding import encoded, json_bytes, plain
from reconcile.components.apiserver.rest.negotiation import NAMES
from reconcile.components.apiserver.rest.shapes import shaped
from reconcile.components.apiserver.rest.taking import Reply, refused
from reconcile.components.apiserver.rest.values import HttpResponse
from reconcile.lib.instant import Instant
from reconcile.model.requests import Response


def replied(reply: Reply, response: Response) -> HttpResponse:
    """Give the HTTP response that carries an answer."""
    try:
        value = shaped(reply.accepted, reply.http, reply.resource.key, response.body, reply.now)
    except Refusal as refusal:
        return refused(refusal.response.body, reply.http)
    return encoded(response.code, value, reply.accepted, warnings=(*reply.warnings, *response.warnings))


def streaming(reply: Reply) -> HttpResponse:
    """Give the head of the response that a watch's frames follow."""
    return HttpResponse(
        code=200, headers=(("Cache-Control", "no-cache, private"), ("Content-Type", NAMES[reply.accepted.encoding]))
    )


def frame(
    reply: Reply,
    type_: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"],
    obj: Any,
    *,
    now: Instant | None = None,
    first: bool = True,
) -> bytes:
    """
    Give one event of a watch, as its stream carries it.

    Args:
        reply: how the watch is answered.
        type_: of the event.
        obj: what it tells.
        now: the instant to which ages count; None for when the watch was asked for.
        first: whether it is the watch's first event: of a watch that shows tables, only that one has headings.
    """
    at = reply.now if now is None else now
    try:
        value = shaped(reply.accepted, reply.http, reply.resource.key, obj, at, headings=first)
    except Refusal:
        # What cannot be shaped as asked is told as it is.
        value = plain(obj)
    return json_bytes({"type": type_, "object": value})
