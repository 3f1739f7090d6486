"""
Replying: the engine's answers and notices as HTTP.

Takes:    Reply, and a Response or a Notice.
Gives:    HttpResponse, or the bytes of one frame of a watch.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from typing import Any, Literal

from reconcile.components.apiserver.rest.encoding import encoded, json_bytes, plain
from reconcile.components.apiserver.rest.negotiation import NAMES
from reconcile.components.apiserver.rest.taking import Reply
from reconcile.components.apiserver.rest.values import HttpResponse
from reconcile.model.requests import Response


def replied(reply: Reply, response: Response) -> HttpResponse:
    """Give the HTTP response that carries an answer."""
    return encoded(
        response.code,
        plain(response.body, reply.resource),
        reply.accepted,
        warnings=(*reply.warnings, *response.warnings),
    )


def streaming(reply: Reply) -> HttpResponse:
    """Give the head of the response that a watch's frames follow."""
    return HttpResponse(
        code=200, headers=(("Cache-Control", "no-cache, private"), ("Content-Type", NAMES[reply.accepted.encoding]))
    )


def frame(reply: Reply, type_: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"], obj: Any) -> bytes:  # noqa: ARG001
    """Give one event of a watch, as its stream carries it."""
    return json_bytes({"type": type_, "object": plain(obj)})
