"""
Replying: the engine's answers and notices as HTTP.

Takes:    Reply, and a Response or a Notice.
Gives:    HttpResponse, or the bytes of one frame of a watch.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from typing import Any, Literal

from reconcile.api import protobuf, versions
from reconcile.components.apiserver.rest.encoding import encoded, json_bytes, listed, plain, protobuf_bytes
from reconcile.components.apiserver.rest.negotiation import NAMES
from reconcile.components.apiserver.rest.taking import Reply
from reconcile.components.apiserver.rest.values import HttpResponse
from reconcile.model.requests import List, Response


def replied(reply: Reply, response: Response) -> HttpResponse:
    """Give the HTTP response that carries an answer."""
    body = response.body
    if isinstance(body, List):
        plainly = listed(body, reply.resource)
    else:
        plainly = plain(versions.unlike(_served(reply, body), reply.resource.api_version))
    return encoded(response.code, plainly, reply.accepted, warnings=(*reply.warnings, *response.warnings))


def streaming(reply: Reply) -> HttpResponse:
    """Give the head of the response that a watch's frames follow."""
    kind = NAMES[reply.accepted.encoding]
    if reply.accepted.encoding != "json":
        kind += ";stream=watch"
    return HttpResponse(code=200, headers=(("Cache-Control", "no-cache, private"), ("Content-Type", kind)))


def frame(reply: Reply, type_: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"], obj: Any) -> bytes:
    """Give one event of a watch, as its stream carries it."""
    value = plain(_served(reply, obj))
    if reply.accepted.encoding == "protobuf":
        found = protobuf_bytes(value)
        if found is not None:
            return protobuf.framed(type_, found)
    return json_bytes({"type": type_, "object": value})


def _served(reply: Reply, obj: Any) -> Any:
    return versions.served(obj, reply.resource.api_version)
