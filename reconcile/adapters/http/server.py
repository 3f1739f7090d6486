"""
Server: connections to REST values and back.

One task steps the cluster; a request lets it play at once until it is answered. A watch's frames wait in a queue of its
own; a client that does not read them is cut off before they fill memory.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import uuid
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl, unquote

import attrs
from aiohttp import web

from reconcile.adapters.http.pace import Pace
from reconcile.components.apiserver import rest
from reconcile.driver.live import Live, Ticket
from reconcile.effects import Answer, Notice
from reconcile.model import statuses
from reconcile.model.requests import Response

_ZIPPED: Final = 128 * 1024  # bytes of an answer from which on it is compressed
_MOST_WAITING: Final = 10_000  # frames that a slow client may leave unread
_TICK: Final = 0.05  # seconds between two looks at the clock
_SLICE: Final = 2_000


@attrs.define
class _Watch:
    """A watch that is open: its frames that were not sent yet (None ends it), and whether it was told any."""

    ticket: Ticket
    frames: asyncio.Queue[bytes | None] = attrs.field(factory=lambda: asyncio.Queue(_MOST_WAITING))
    told: bool = False


class Server:
    """
    Serves one cluster.

    Args:
        live: the cluster.
        pace: moves its time.
    """

    def __init__(self, live: Live, pace: Pace) -> None:
        self._live = live
        self._pace = pace
        self._answers: dict[str, asyncio.Future[Response]] = {}
        self._watches: dict[str, _Watch] = {}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Move time until cancelled."""
        while True:
            if self._pace.move():
                self._tell()
                await asyncio.sleep(0)
                continue
            self._tell()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _TICK)
            self._woken.clear()

    async def respond(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer one request, whose *path* is percent-encoded."""
        http = await _read(request, path)
        found = self._live.take(http)
        if isinstance(found, rest.HttpResponse):
            return _response(found, http)
        response = await self._answer(found)
        if found.asked.request.verb == "watch" and response.ok:
            return await self._stream(request, found)
        return _response(rest.replied(found.asked.reply, response), http)

    def end_watches(self) -> None:
        """End every watch, as a server does that stops."""
        for watch in self._watches.values():
            _put(watch, None)

    async def _answer(self, ticket: Ticket) -> Response:
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answers[ticket.tag] = future
        if ticket.asked.request.verb == "watch":
            self._watches[ticket.tag] = _Watch(ticket)
        while not future.done():
            idle = self._live.play(_SLICE)
            self._tell()
            if future.done() or idle:
                break
            await asyncio.sleep(0)
        self._woken.set()
        response = await future
        if not response.ok:
            self._watches.pop(ticket.tag, None)
        return response

    def _tell(self) -> None:
        """Hand out what left the cluster."""
        for effect in self._live.effects():
            if isinstance(effect, Answer):
                future = self._answers.pop(effect.tag, None)
                if future is not None and not future.done():
                    future.set_result(effect.response)
            elif isinstance(effect, Notice) and effect.tag in self._watches:
                watch = self._watches[effect.tag]
                reply, now = watch.ticket.asked.reply, self._live.now
                _put(watch, rest.frame(reply, effect.type, effect.object, now=now, first=not watch.told))
                watch.told = True
                if effect.type == "ERROR":
                    _put(watch, None)

    async def _stream(self, request: web.Request, ticket: Ticket) -> web.StreamResponse:
        watch = self._watches[ticket.tag]
        head = rest.streaming(ticket.asked.reply)
        stream = web.StreamResponse(status=head.code, headers=head.headers)
        timeout = ticket.asked.request.timeout_seconds or None
        try:
            await stream.prepare(request)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(_copy(watch, stream), timeout)
            await stream.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._watches.pop(ticket.tag, None)
            self._live.end_watch(ticket)
            self._woken.set()
        return stream


async def _copy(watch: _Watch, stream: web.StreamResponse) -> None:
    while (frame := await watch.frames.get()) is not None:
        await stream.write(frame)


def _put(watch: _Watch, frame: bytes | None) -> None:
    """Give a watch its next frame; one whose client is too slow ends with 410, so that the client lists again."""
    if watch.frames.full():
        while not watch.frames.empty():
            watch.frames.get_nowait()
        expired = statuses.expired("too old resource version: the client is too slow")
        watch.frames.put_nowait(rest.frame(watch.ticket.asked.reply, "ERROR", expired))
        frame = None
    watch.frames.put_nowait(frame)


async def _read(request: web.Request, path: str) -> rest.HttpRequest:
    _, _, query = request.raw_path.partition("?")
    return rest.HttpRequest(
        method=request.method,
        path=unquote(path),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=tuple([(name.lower(), value) for name, value in request.headers.items()]),
        body=await _body(request),
        certificate=_certificate(request),
    )


def _certificate(request: web.Request) -> tuple[str, tuple[str, ...]] | None:
    """Give the common name and the organizations of the client's certificate, which TLS has verified."""
    transport = request.transport
    found = transport.get_extra_info("ssl_object") if transport is not None else None
    shown = found.getpeercert() if isinstance(found, (ssl.SSLObject, ssl.SSLSocket)) else None
    if not shown:
        return None
    pairs: list[tuple[str, str]] = [pair for part in shown.get("subject", ()) for pair in part]  # type: ignore[misc]
    names = [value for key, value in pairs if key == "commonName"]
    return (names[-1], tuple([value for key, value in pairs if key == "organizationName"])) if names else None


async def _body(request: web.Request) -> bytes:
    """Read a body up to one byte more than may be: whoever refuses it need not have all of it."""
    found = bytearray()
    while len(found) <= rest.MOST_BYTES:
        part = await request.content.read(rest.MOST_BYTES + 1 - len(found))
        if not part:
            break
        found += part
    return bytes(found)


def _response(found: rest.HttpResponse, http: rest.HttpRequest) -> web.Response:
    audited = http.header("audit-id") or str(uuid.uuid4())
    headers, body = (("Audit-Id", audited), *found.headers), found.body
    if len(body) >= _ZIPPED and _takes_gzip(http.header("accept-encoding")):
        headers = (*headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
        body = gzip.compress(body, compresslevel=1, mtime=0)
    return web.Response(status=found.code, headers=headers, body=body)


def _takes_gzip(header: str) -> bool:
    return any(part.partition(";")[0].strip() == "gzip" for part in header.split(","))
