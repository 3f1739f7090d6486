"""
Webhooks over HTTPS, and extenders over HTTP or HTTPS: what a served cluster asks of servers that really run.

A service has no address that could be reached, since its pods are simulated: it stands for the URL that it is given.

Takes:    CallWebhook.
Gives:    WebhookAnswered, with errors as Go says them.
Source:   the API server's webhook client; the scheduler's HTTPExtender.
Left out: what webhooks are shown (--admission-control-config-file).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.parse import urlsplit

from reconcile.api.convert import loads_json
from reconcile.api.scalars import freeze, thaw
from reconcile.components.apiserver import DEADLINE
from reconcile.effects import CallWebhook
from reconcile.events import WebhookAnswered
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND

_PORT: Final = 443
_PORTS: Final = {"http": 80}
_MOST: Final = 3 * 1024 * 1024  # bytes of an answer
_ALERT: Final = "_ALERT_"  # in OpenSSL's words for what the other side says
_UNKNOWN: Final = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


class _NoPairError(OSError):
    """A caller's own certificate and key are none, or do not belong together."""


async def called(call: CallWebhook, services: Mapping[str, str]) -> WebhookAnswered:
    """
    Call a webhook, and give what came of it.

    Args:
        call: whom, and what to ask.
        services: `namespace/name` of a service -> the URL of who answers for it.
    """
    url, name = call.url, None
    if call.service:
        stands_for = services.get(call.service)
        if stands_for is None:
            return WebhookAnswered(call.call, code=0)
        namespace, _, service = call.service.partition("/")
        url, name = stands_for.rstrip("/") + call.path, f"{service}.{namespace}.svc"
    seconds = call.timeout / SECOND
    try:
        async with asyncio.timeout(max(seconds, 0.001)):
            if call.who == "webhook":
                url = f"{url}?timeout={int(seconds)}s"
            return await asyncio.to_thread(_posted, call, url, name, seconds)
    except TimeoutError:
        return WebhookAnswered(call.call, error=DEADLINE)
    except (OSError, HTTPException) as error:
        return WebhookAnswered(call.call, error=_said(error, url, call.server_name or name))


def _posted(call: CallWebhook, url: str, name: str | None, seconds: float) -> WebhookAnswered:
    """Post what is asked, in a thread of its own; nothing may take longer than so many seconds."""
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or _PORTS.get(place.scheme, _PORT)
    body = canonical(thaw(call.review)).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json, */*", "Connection": "close"}
    path = f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"
    with ExitStack() as open_still:
        stream = open_still.enter_context(socket.create_connection((host, port), timeout=seconds))
        if call.who == "webhook" or place.scheme == "https":
            context = _trusting() if call.insecure else _context(call.ca_bundle)
            if call.certificate:
                _show(context, call.certificate, call.key)
            known_as = call.server_name or name or host
            stream = open_still.enter_context(context.wrap_socket(stream, server_hostname=known_as))
        connection = HTTPConnection(name or host, port)
        connection.sock = stream
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        found = response.read(_MOST)
        response.close()
        return WebhookAnswered(call.call, _read(found), response.status)


def _read(body: bytes) -> Any:
    """Give an answer as JSON; its text if it is none."""
    text = body.decode("utf-8", "replace")
    try:
        return freeze(loads_json(text))
    except (ReconcileError, ValueError):
        return text


def _context(bundle: str) -> ssl.SSLContext:
    """Give the client's side of TLS: it trusts the bundle alone, or what the machine trusts if that is empty."""
    if not bundle.strip():
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=b64decode(bundle).decode())
    except (NoBase64, UnicodeDecodeError, ssl.SSLError):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which trusts nobody
        context.check_hostname, context.verify_mode = True, ssl.CERT_REQUIRED
        return context


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Have the client show a certificate: Python takes it from a file alone, which nobody else may read."""
    with NamedTemporaryFile() as file:
        file.write(b64decode(certificate) + b"\n" + b64decode(key))
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError:
            raise _NoPairError from None


def _trusting() -> ssl.SSLContext:
    """Give the client's side of TLS that looks at no certificate, as of an extender without one to know it by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _said(error: BaseException, url: str, name: str | None) -> str:
    """Say why a call failed, as Go says it."""
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or _PORT
    match error:
        case _NoPairError():
            return "tls: private key does not match public key, or one of them is none"
        case ssl.SSLCertVerificationError():
            return _unverified(error, name or host)
        case ssl.SSLEOFError() | ConnectionResetError() | BrokenPipeError() | RemoteDisconnected():
            return "EOF"
        case ssl.SSLError(reason=str(why)) if _ALERT in why:
            return f"remote error: tls: {why.partition(_ALERT)[2].lower().replace('_', ' ')}"
        case ssl.SSLError():
            return "tls: first record does not look like a TLS handshake"
        case socket.gaierror():
            return f"dial tcp: lookup {host}: no such host"
        case ConnectionRefusedError():
            return f"dial tcp {host}:{port}: connect: connection refused"
        case OSError(strerror=str(why)):
            return f"dial tcp {host}:{port}: connect: {why.lower()}"
        case _:
            return str(error) or type(error).__name__


def _unverified(error: Exception, host: str) -> str:
    text = getattr(error, "verify_message", "") or str(error)
    if "ostname mismatch" in text or "IP address mismatch" in text:
        return f"tls: failed to verify certificate: x509: certificate is not valid for {host}"
    if "expired" in text:
        return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
    return _UNKNOWN
