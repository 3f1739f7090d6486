"""
Server: one cluster's requests, from HTTP to REST values and back.

One task steps the cluster; a request lets it play at once until it is answered. A watch's frames wait in a queue of its
own; a client that does not read them is cut off before they fill memory. Whatever goes wrong is said on standard error
and answered with 500: the server goes on.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl, unquote

import attrs
from aiohttp import web

from reconcile.adapters.http.audit import Auditor
from reconcile.adapters.http.journal import Keeps
from reconcile.adapters.http.pace import Pace
from reconcile.adapters.http.seats import Seats, too_many
from reconcile.adapters.http.webhooks import called
from reconcile.components.apiserver import rest
from reconcile.driver.machine import waits_for
from reconcile.driver.serving.fairness import Seat
from reconcile.driver.serving.live import Live, Ticket, unreachable
from reconcile.driver.telling.containerlogs import Logs, further, runs
from reconcile.effects import Answer, Audit, CallWebhook, Notice
from reconcile.lib.errors import ReconcileError
from reconcile.model import statuses
from reconcile.model.requests import Request, Response

_ZIPPED: Final = 128 * 1024  # bytes of an answer from which on it is compressed
_MOST_WAITING: Final = 10_000  # frames that a slow client may leave unread
_AT_ONCE: Final = 32 * 1024  # bytes of frames that are sent together, if they wait
_TICK: Final = 0.05  # seconds between two looks at the clock
_SLICE: Final = 2_000
_PATIENCE: Final = 5.0  # seconds that a request waits for an API server that can be reached
_MOST_PLAYED: Final = 60.0  # seconds that it may take to answer one: upstream's --request-timeout
_READS: Final = ("get", "list", "watch")
_QUIET: Final = ("leases.coordination.k8s.io", "events", "events.events.k8s.io")  # what is written again and again
_LENGTH: Final = 4  # bytes of the length that a frame of protobuf begins with
_UPGRADES: Final = frozenset({"exec", "attach", "portforward", "proxy"})


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
        speed: how its time goes, as Pace takes it.
        journal: where its log is kept, if it is recorded.
        name: for what is said of it.
        services: who answers for the services of webhooks: `namespace/name` -> URL.
        audit: takes one line of the audit log after the other.
    """

    def __init__(
        self,
        live: Live,
        speed: str,
        journal: Keeps | None = None,
        name: str = "",
        *,
        services: Mapping[str, str] | None = None,
        audit: Callable[[str], object] | None = None,
    ) -> None:
        self.live = live
        self.pace = Pace(live, speed)
        self.journal = journal
        self.name = name
        self.services = services or {}
        self._auditor = Auditor(audit)
        self.seats = Seats()
        self.patience = _PATIENCE
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._answers: dict[str, asyncio.Future[Response]] = {}
        self._watches: dict[str, _Watch] = {}
        self._abandoned: dict[str, Ticket] = {}
        self._woken = asyncio.Event()
        self._circle = ""
        self._revision = live.machine.store.revision
        self._owed = 0  # what of the journal has to be kept before anybody is told of that revision

    async def run(self) -> None:
        """Move time until cancelled."""
        self._call_again()
        while True:
            try:
                more = self.pace.move()
                self.tell()
            except Exception:  # noqa: BLE001 -- whatever it is, others are to be served
                self.failed("while time moved")
                await asyncio.sleep(1.0)
                continue
            if more:
                await asyncio.sleep(0)
                continue
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _TICK)
            self._woken.clear()

    async def respond(self, request: web.Request, http: rest.HttpRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            return await self._respond(request, http)
        except ReconcileError as error:
            self._say(f"{http.method} {http.path}: {error}")
            return response_of(rest.refused(statuses.internal(str(error)), http), http)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception as error:  # noqa: BLE001 -- no request may end the server
            self.failed(f"{http.method} {http.path}")
            return response_of(rest.refused(statuses.internal(f"{type(error).__name__}: {error}"), http), http)

    async def kept(self, *, everything: bool = False) -> None:
        """Wait until what was written up to now is there for good, so that it may be told."""
        if self.journal is not None:
            await self.journal.kept(None if everything else self._owed)

    def wake(self) -> None:
        """Let time be looked at soon."""
        self._woken.set()

    def end_watches(self) -> None:
        """End every watch, as a server does that stops."""
        for watch in self._watches.values():
            _put(watch, None)
        self._end_calls()

    def go_on_with(self, live: Live, lines: list[str] | None) -> None:
        """Serve *live* from now on, whose log is *lines*: watches end with 410, so that clients list again."""
        expired = statuses.expired("too old resource version: the cluster was set back to a snapshot")
        for watch in self._watches.values():
            _clear(watch)
            watch.frames.put_nowait(rest.frame(watch.ticket.asked.reply, "ERROR", expired))
            watch.frames.put_nowait(None)
        for future in self._answers.values():
            if not future.done():
                status = statuses.unavailable("the cluster was set back to a snapshot")
                future.set_result(Response(status.code or 503, status))
        self._answers.clear()
        self._watches.clear()
        self._abandoned.clear()
        if self.journal is not None and lines is not None:
            self.journal.replace(lines)
        self._end_calls()
        self.live, self.pace = live, Pace(live, self.pace.speed)
        self._call_again()
        self.wake()

    def tell(self) -> None:
        """Hand out what left the cluster."""
        if self.live.circle != self._circle:
            self._circle = self.live.circle
            if self._circle:
                self._say(f"time stands still: {self._circle}")
        if self.journal is not None and self.live.machine.store.revision != self._revision:
            self._revision, self._owed = self.live.machine.store.revision, self.journal.written
        for effect in self.live.effects():
            if isinstance(effect, Answer):
                self._answer_to(effect)
            elif isinstance(effect, CallWebhook):
                self._call(effect)
            elif isinstance(effect, Audit):
                self._auditor.write(effect)
            elif isinstance(effect, Notice) and effect.tag in self._watches:
                watch = self._watches[effect.tag]
                reply, now = watch.ticket.asked.reply, self.live.now
                _put(watch, rest.frame(reply, effect.type, effect.object, now=now, first=not watch.told))
                watch.told = True
                if effect.type == "ERROR":
                    _put(watch, None)

    async def _respond(self, request: web.Request, http: rest.HttpRequest) -> web.StreamResponse:
        if http.path.rpartition("/")[2] in _UPGRADES or _is_proxied(http.path):
            return response_of(_no_container(http), http)
        self.pace.catch_up()
        seat = await self.seats.take(self.live, http)
        if seat is None:
            return response_of(too_many(), http)
        try:
            return await self._served(request, http, seat)
        finally:
            self.seats.leave(seat)

    async def _served(self, request: web.Request, http: rest.HttpRequest, seat: Seat) -> web.StreamResponse:
        found = self.live.take(http)
        if isinstance(found, rest.HttpResponse):
            self._auditor.answered(self.live, http, found)
            return response_of(found, http)
        if isinstance(found, Logs):
            self.seats.leave(seat)
            return await self._show(request, found)
        self._auditor.took(self.live, found.tag, http)
        asked = found.asked.request
        if _stirs(asked):
            self.pace.stir()
        if not await self._answered(found):
            why = self.live.circle or "no API server that can be reached has answered"
            return response_of(unreachable(why, http), http)
        response = self._answers.pop(found.tag).result()
        try:
            await self.kept()
        except BaseException:
            if self._watches.pop(found.tag, None) is not None:
                self.live.end_watch(found)
            raise
        if asked.verb == "watch" and response.ok:
            self.seats.leave(seat)  # a watch is served once it has begun
            return await self._stream(request, found)
        self._watches.pop(found.tag, None)
        self._auditor.ended(found.tag)
        return response_of(rest.replied(found.asked.reply, response), http)

    async def _answered(self, ticket: Ticket) -> bool:
        """Play until a request is answered; false if nobody can."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answers[ticket.tag] = future
        if ticket.asked.request.verb == "watch":
            self._watches[ticket.tag] = _Watch(ticket)
        try:
            end = time.monotonic() + _MOST_PLAYED
            while not (future.done() or self.pace.holds) and time.monotonic() < end:
                idle = self.live.play(_SLICE)
                self.tell()
                if future.done() or (idle and not self.live.circle):
                    break
                await asyncio.sleep(0)
            self._woken.set()
            if not future.done():
                await asyncio.wait((future,), timeout=_MOST_PLAYED if self.pace.holds else self.patience)
            while self._calls and not future.done():
                await asyncio.wait((future,), timeout=self.patience)
        except asyncio.CancelledError:
            self._abandon(ticket)
            raise
        if not future.done():
            self._abandon(ticket)
        return future.done()

    def _abandon(self, ticket: Ticket) -> None:
        """Let nobody wait for an answer any more, which may come all the same."""
        self._auditor.ended(ticket.tag)
        self._answers.pop(ticket.tag, None)
        if self._watches.pop(ticket.tag, None) is not None:
            self._abandoned[ticket.tag] = ticket
            self.live.end_watch(ticket)

    def _call(self, call: CallWebhook) -> None:
        """Call a webhook, and let its answer happen when it comes; meanwhile no time is leapt over."""

        async def answered() -> None:
            event = await called(call, self.services)
            self._calls.pop(call.call, None)
            self.pace.waits = bool(self._calls)
            if waits_for(self.live.machine, call.call):
                self.live.happen(event)
                self.tell()
            self.wake()

        self._calls[call.call] = asyncio.create_task(answered())
        self.pace.waits = True

    def _call_again(self) -> None:
        """Call what the cluster waits for and nobody has called, as after a fork."""
        for waiting in self.live.cluster.suspended:
            for call, _ in waiting.waits:
                if call.call not in self._calls:
                    self._call(call)

    def _end_calls(self) -> None:
        for task in self._calls.values():
            task.cancel()
        self._calls.clear()
        self.pace.waits = False

    def _answer_to(self, effect: Answer) -> None:
        future = self._answers.get(effect.tag)
        if future is not None and not future.done():
            future.set_result(effect.response)
        elif effect.tag in self._abandoned:
            self.live.end_watch(self._abandoned.pop(effect.tag))

    async def _stream(self, request: web.Request, ticket: Ticket) -> web.StreamResponse:
        watch = self._watches[ticket.tag]
        head = rest.streaming(ticket.asked.reply)
        stream: web.WebSocketResponse | web.StreamResponse
        if _is_websocket(request):
            stream = web.WebSocketResponse()
        else:
            stream = web.StreamResponse(status=head.code, headers=head.headers)
        timeout = ticket.asked.request.timeout_seconds or None
        try:
            await stream.prepare(request)
            with suppress(asyncio.TimeoutError):
                if isinstance(stream, web.WebSocketResponse):
                    await asyncio.wait_for(self._told_by_messages(watch, stream), timeout)
                else:
                    await asyncio.wait_for(self._copy(watch, stream), timeout)
            await (stream.close() if isinstance(stream, web.WebSocketResponse) else stream.write_eof())
        except (ConnectionError, ReconcileError):
            pass  # the client is gone, or the log is, which whoever keeps it says
        finally:
            if self._watches.get(ticket.tag) is watch:
                del self._watches[ticket.tag]
                self.live.end_watch(ticket)
                self.tell()
                self._woken.set()
            self._auditor.ended(ticket.tag)
        return stream

    async def _copy(self, watch: _Watch, stream: web.StreamResponse) -> None:
        frame = await watch.frames.get()
        while frame is not None:
            text = frame
            frame = b""
            while frame is not None and len(text) < _AT_ONCE and not watch.frames.empty():
                frame = watch.frames.get_nowait()
                text += frame or b""
            await self.kept()
            await stream.write(text)
            if frame is not None:
                frame = await watch.frames.get()

    async def _told_by_messages(self, watch: _Watch, socket: web.WebSocketResponse) -> None:
        """Send a watch's frames as messages, until it ends or the client closes; what the client sends is ignored."""
        is_text = watch.ticket.asked.reply.accepted.encoding == "json"

        async def tell() -> None:
            while (frame := await watch.frames.get()) is not None:
                await self.kept()
                # A message needs no length before it, as a stream of protobuf does.
                await (socket.send_str(frame.decode()) if is_text else socket.send_bytes(frame[_LENGTH:]))

        async def ignore() -> None:
            async for _ in socket:
                pass

        both = {asyncio.ensure_future(tell()), asyncio.ensure_future(ignore())}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()

    async def _show(self, request: web.Request, found: Logs) -> web.StreamResponse:
        """Send a container's log; of one that is followed, the end when the container ends."""
        stream = web.StreamResponse(status=200, headers={"Content-Type": "text/plain"})
        with suppress(ConnectionError):
            await stream.prepare(request)
            await stream.write(found.text.encode())
            while found.follow and runs(self.live.machine, found):
                await asyncio.sleep(_TICK)
                if request.transport is None or request.transport.is_closing():
                    break
                found = further(self.live.machine, found)
                await stream.write(found.text.encode())
            if found.follow:
                await stream.write(further(self.live.machine, found).text.encode())
            await stream.write_eof()
        return stream

    def failed(self, what: str) -> None:
        """Say on standard error what has just failed, and how."""
        self._say(f"{what}: {traceback.format_exc().rstrip()}")

    def _say(self, text: str) -> None:
        print(f"{f'cluster {self.name}: ' if self.name else ''}{text}", file=sys.stderr, flush=True)


async def read(request: web.Request, path: str) -> rest.HttpRequest:
    """Read a request, whose *path* is percent-encoded, to its end."""
    _, _, query = request.raw_path.partition("?")
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    if "audit-id" not in request.headers:
        headers.append(("audit-id", str(uuid.uuid4())))
    return rest.HttpRequest(
        method=request.method,
        path=unquote(path),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=tuple(headers),
        source=request.remote or "",
        body=await _body(request),
        certificate=_certificate(request),
    )


async def _body(request: web.Request) -> bytes:
    """Read a body up to one byte more than may be: whoever refuses it need not have all of it."""
    found = bytearray()
    while len(found) <= rest.MOST_BYTES:
        part = await request.content.read(rest.MOST_BYTES + 1 - len(found))
        if not part:
            break
        found += part
    return bytes(found)


def response_of(found: rest.HttpResponse, http: rest.HttpRequest) -> web.Response:
    """Give a response as aiohttp sends it: with an Audit-Id; compressed if it is large and the client takes that."""
    audited = http.header("audit-id") or str(uuid.uuid4())
    headers, body = (("Audit-Id", audited), *found.headers), found.body
    if len(body) >= _ZIPPED and _takes_gzip(http.header("accept-encoding")):
        headers = (*headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
        body = gzip.compress(body, compresslevel=1, mtime=0)
    return web.Response(status=found.code, headers=headers, body=body)


def _takes_gzip(header: str) -> bool:
    return any(part.partition(";")[0].strip() == "gzip" for part in header.split(","))


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


def _no_container(http: rest.HttpRequest) -> rest.HttpResponse:
    said = "containers are simulated here: no program runs in them that could be attached to or reached"
    status = attrs.evolve(statuses.unavailable(said), code=501, reason="NotImplemented")
    return rest.refused(status, http)


def _is_proxied(path: str) -> bool:
    parts = path.split("/")
    return path.startswith("/api/v1/") and "proxy" in parts[4:]


def _stirs(asked: Request) -> bool:
    return asked.verb not in _READS and asked.resource not in _QUIET


def _is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _clear(watch: _Watch) -> None:
    while not watch.frames.empty():
        watch.frames.get_nowait()


def _put(watch: _Watch, frame: bytes | None) -> None:
    """Give a watch its next frame; one whose client is too slow ends with 410, so that the client lists again."""
    if watch.frames.qsize() >= _MOST_WAITING - 1:
        _clear(watch)
        expired = statuses.expired("too old resource version: the client is too slow")
        watch.frames.put_nowait(rest.frame(watch.ticket.asked.reply, "ERROR", expired))
        frame = None
    watch.frames.put_nowait(frame)
