"""Serving: from a cluster to a port with a certificate, a kubeconfig, and an orderly end."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import attrs
from aiohttp import web

from reconcile.adapters.http.certificates import Authority
from reconcile.adapters.http.kubeconfig import kubeconfig
from reconcile.adapters.http.pace import Pace
from reconcile.adapters.http.server import Server
from reconcile.driver.live import Live

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_ADMIN: Final = ("kubernetes-admin", ("system:masters",))


@attrs.frozen
class Address:
    """Where a cluster is served: its URL, and the kubeconfig of its admin."""

    url: str
    kubeconfig: str


@asynccontextmanager
async def served(live: Live, *, speed: str = "max", host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Address]:
    """
    Serve *live* while the context lasts.

    Raises:
        OSError: the port cannot be had.
        ReconcileError: *speed* is none.
    """
    authority = Authority()
    server = Server(live, Pace(live, speed))
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", _answering(server))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    ticking = asyncio.create_task(server.run())
    try:
        site = web.TCPSite(runner, host, port, ssl_context=_context(authority, host))
        await site.start()
        url = f"https://{host}:{_port(runner)}"
        yield Address(url, kubeconfig(url, authority.certificate, authority.for_client(*_ADMIN)))
    finally:
        server.end_watches()
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await runner.cleanup()


def _answering(server: Server) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await server.respond(request, request.raw_path.partition("?")[0])

    return answer


def _context(authority: Authority, host: str) -> ssl.SSLContext:
    """Give the server's side of TLS: whoever shows a certificate must show one of the authority's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.certificate.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    pair = authority.for_server(sorted({*_LOOPBACK, host}))
    with tempfile.TemporaryDirectory() as folder:
        # OpenSSL reads a key from a file only.
        path = Path(folder) / "server.pem"
        path.touch(mode=0o600)
        path.write_bytes(pair.certificate + pair.key)
        context.load_cert_chain(path)
    return context


def _port(runner: web.AppRunner) -> int:
    address = runner.addresses[0]
    return int(address[1])
