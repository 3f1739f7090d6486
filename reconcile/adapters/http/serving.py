"""Serving: from clusters to a port with a certificate, kubeconfigs, and an orderly end."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Final

import attrs
from aiohttp import web

from reconcile.adapters.http.certificates import Authority, Pair
from reconcile.adapters.http.clusters import FIRST, PREFIX, Clusters
from reconcile.adapters.http.control import PREFIX as CONTROL
from reconcile.adapters.http.control import Refused, controlled
from reconcile.adapters.http.journal import Keeps
from reconcile.adapters.http.kubeconfig import kubeconfig
from reconcile.adapters.http.server import Server, read, response_of
from reconcile.components.apiserver import rest
from reconcile.components.apiserver.access.authorising import MASTERS
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest import authentication
from reconcile.driver.serving.exchange import serving
from reconcile.driver.serving.live import Live
from reconcile.lib.errors import ReconcileError
from reconcile.model import statuses

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- where its clients find it
_ADMIN: Final = ("kubernetes-admin", (MASTERS,))


@attrs.frozen
class Identity:
    """Who the server is, and what its admin shows it."""

    authority: Authority
    admin: Pair

    @classmethod
    def made(cls, authority: Authority | None = None) -> Identity:
        """Make an admin's certificate; and an authority, if there is none."""
        authority = Authority() if authority is None else authority
        return cls(authority, authority.for_client(*_ADMIN))


@attrs.frozen
class Address:
    """Where clusters are served: the URL of the first, the authority, the admin's certificate; and all of them."""

    url: str
    authority: bytes
    admin: Pair
    clusters: Clusters

    @property
    def port(self) -> int:
        """Where the server listens."""
        return int(self.url.rpartition(":")[2])

    def url_of(self, name: str) -> str:
        """Give the URL of a cluster."""
        return self.url if name == FIRST else f"{self.url}{PREFIX}{name}"

    def kubeconfig(self, name: str = FIRST) -> str:
        """Give the text of the kubeconfig of a cluster's admin."""
        return kubeconfig(self.url_of(name), self.authority, self.admin)


@asynccontextmanager
async def served(
    live: Live,
    *,
    speed: str = "max",
    host: str = "127.0.0.1",
    port: int = 0,
    journal: Keeps | None = None,
    identity: Identity | None = None,
    services: Mapping[str, str] | None = None,
    audit: Callable[[str], object] | None = None,
) -> AsyncIterator[Address]:
    """
    Serve *live* while the context lasts; with an authority of its own, unless *identity* has one. *services* say who
    answers for webhooks' services, *audit* takes the lines of the audit log.

    Raises:
        OSError: the port cannot be had.
        ReconcileError: *speed* is none.
    """
    identity = Identity.made() if identity is None else identity
    clusters = Clusters(Server(live, speed, journal, services=services, audit=audit))
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", _answering(clusters))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=_context(identity.authority, host))
        await site.start()
        url = f"https://{_reached(host)}:{_port(runner)}"
        yield Address(url, identity.authority.certificate, identity.admin, clusters)
    finally:
        await clusters.close()
        await runner.cleanup()


def _answering(clusters: Clusters) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        raw = request.raw_path.partition("?")[0]
        try:
            server, path = clusters.routed(raw)
        except ReconcileError as error:
            missing = attrs.evolve(statuses.no_such_resource(), message=str(error))
            http = await read(request, raw)
            return response_of(rest.refused(missing, http), http)
        http = await read(request, path)
        if len(http.body) > rest.MOST_BYTES:
            said = statuses.bad_request(f"the body is larger than {rest.MOST_BYTES} bytes")
            large = attrs.evolve(said, code=413, reason="RequestEntityTooLarge")
            return response_of(rest.refused(large, http), http)
        if path == CONTROL or path.startswith(f"{CONTROL}/"):
            done = _control(clusters, server, http)
            try:
                await server.kept(everything=True)
            except ReconcileError as error:
                return response_of(rest.refused(statuses.internal(str(error)), http), http)
            return done
        return await server.respond(request, http)

    return answer


def _control(clusters: Clusters, server: Server, http: rest.HttpRequest) -> web.Response:
    """Do what an admin asks of a cluster beside Kubernetes' API."""
    try:
        _check_admin(server, http)
        done = controlled(clusters, server, http.method, http.path.removeprefix(CONTROL), http.body)
    except Refusal as refusal:
        return response_of(rest.refused(refusal.response.body, http), http)
    except Refused as refused:
        status = attrs.evolve(statuses.bad_request(str(refused)), code=refused.code, reason=refused.reason)
        return response_of(rest.refused(status, http), http)
    except ReconcileError as error:
        return response_of(rest.refused(statuses.bad_request(str(error)), http), http)
    except Exception as error:  # noqa: BLE001 -- no request may end the server
        server.failed(f"{http.method} {http.path}")
        return response_of(rest.refused(statuses.internal(f"{type(error).__name__}: {error}"), http), http)
    if isinstance(done, str):
        return web.Response(text=done, content_type="application/x-ndjson")
    return web.json_response(done)


def _check_admin(server: Server, http: rest.HttpRequest) -> None:
    """Refuse whoever is not of system:masters; a certificate counts even where no API server runs."""
    if http.certificate is not None:
        name, groups = http.certificate
    else:
        try:
            asked = serving(server.live.machine)
            user = authentication.requester(asked.state, http, asked.store, asked.now)
        except ReconcileError as error:
            raise Refusal(statuses.unavailable(str(error))) from None
        name, groups = user.name, user.groups
    if MASTERS not in groups:
        status = statuses.forbidden("", "", "")
        said = f'User "{name}" cannot {http.method.lower()} path "{http.path}": it is for the group {MASTERS}'
        raise Refusal(attrs.evolve(status, message=f"forbidden: {said}"))


def _context(authority: Authority, host: str) -> ssl.SSLContext:
    """Give the server's side of TLS: whoever shows a certificate must show one of the authority's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.certificate.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    pair = authority.for_server(sorted({*_LOOPBACK, host} - {""}))
    with tempfile.TemporaryDirectory() as folder:
        # OpenSSL reads a key from a file only.
        path = Path(folder) / "server.pem"
        path.touch(mode=0o600)
        path.write_bytes(pair.certificate + pair.key)
        context.load_cert_chain(path)
    return context


def _reached(host: str) -> str:
    """Give the host of the URL under which a server that listens at *host* is found from here."""
    found = _EVERYWHERE.get(host, host)
    try:
        return f"[{IPv6Address(found)}]"
    except ValueError:
        return found


def _port(runner: web.AppRunner) -> int:
    address: Any = runner.addresses[0]
    return int(address[1])
