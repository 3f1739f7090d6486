"""
Replying: the engine's answers and notices as HTTP.

Takes:    Reply, and a Response or a Notice.
Gives:    HttpResponse, or the bytes of one frame of a watch.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal

from reconcile.api import protobuf, versions
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.encoding import encoded, json_bytes, listed, plain, protobuf_bytes, warned
from reconcile.components.apiserver.rest.negotiation import NAMES
from reconcile.components.apiserver.rest.shapes import shaped
from reconcile.components.apiserver.rest.taking import Reply, refused
from reconcile.components.apiserver.rest.values import HttpResponse
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import List, Response


def replied(reply: Reply, response: Response) -> HttpResponse:
    """Give the HTTP response that carries an answer; of one that did not come, 503 and why, as of a proxy."""
    if not response.code:
        return refused(statuses.unreachable(response.body.message), reply.http)
    body = response.body
    try:
        if reply.accepted.shape:
            key, spoken = reply.resource.key, reply.resource.api_version
            value = shaped(reply.accepted, reply.http, key, body, reply.now, table=reply.table, spoken=spoken)
        elif isinstance(body, List):
            value = listed(body, reply.resource)
        else:
            value = plain(versions.unlike(_served(reply, body), reply.resource.api_version))
    except Refusal as refusal:
        return refused(refusal.response.body, reply.http)
    made = encoded(response.code, value, reply.accepted, warnings=(*reply.warnings, *response.warnings))
    return replace(made, headers=(*made.headers, *reply.flow)) if reply.flow else made


def streaming(reply: Reply) -> HttpResponse:
    """Give the head of the response that a watch's frames follow."""
    kind = NAMES[reply.accepted.encoding]
    if reply.accepted.encoding != "json":
        kind += ";stream=watch"
    plain_headers = (("Cache-Control", "no-cache, private"), ("Content-Type", kind))
    return HttpResponse(code=200, headers=(*plain_headers, *warned(reply.warnings), *reply.flow))


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
    how = reply.accepted
    if not how.shape:
        return _as_it_is(type_, Same(obj), reply.resource.api_version, binary=how.encoding == "protobuf")
    at = reply.now if now is None else now
    value = plain(_served(reply, obj))
    # What cannot be shaped as asked is told as it is.
    with suppress(Refusal):
        key, spoken = reply.resource.key, reply.resource.api_version
        value = shaped(how, reply.http, key, obj, at, headings=first, table=reply.table, spoken=spoken)
    return _framed(type_, value, binary=how.encoding == "protobuf")


@lru_cache(maxsize=128)
def _as_it_is(type_: str, same: Same, version: str, *, binary: bool) -> bytes:
    """Give a frame that tells an object; what many watch is written once."""
    return _framed(type_, plain(versions.served(same.value, version)), binary=binary)


def _framed(type_: str, value: dict[str, Any], *, binary: bool) -> bytes:
    if binary:
        found = protobuf_bytes(value)
        if found is not None:
            return protobuf.framed(type_, found)
    return json_bytes({"type": type_, "object": value})


def _served(reply: Reply, obj: Any) -> Any:
    return versions.served(obj, reply.resource.api_version)
