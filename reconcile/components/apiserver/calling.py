"""
Calling: webhooks, of admission and of conversion, that a request has to ask before it can go on.

A request that needs an answer that is not there is suspended: what it asks leaves as `CallWebhook`. When the answers
have come it is planned anew, with them at hand. What is asked is known by its content, so nothing is asked twice, and
what another write has changed meanwhile is asked again.

Takes:    an Ask with the answers so far; whom to ask what.
Gives:    what was answered; Suspending.
Source:   the API server's webhook client (apiserver/pkg/util/webhook) and client-go's REST client, for the words.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from reconcile.api.scalars import freeze
from reconcile.components.apiserver.state import Ask
from reconcile.effects import CallWebhook
from reconcile.events import WebhookAnswered
from reconcile.lib.dice import Dice
from reconcile.lib.digest import digest
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.store import Reads

DEADLINE: Final = "context deadline exceeded"
"""What a call comes to that nobody answered in time."""

_PORT: Final = 443
_OK: Final = range(200, 207)
_SERVER: Final = 500
_LONGEST: Final = 2048  # of an answer's text that is repeated


class CallFailed(Exception):  # noqa: N818 -- a webhook that fails is no error of this program's
    """A webhook was not reached, or its answer is none; the text says why, as Go does."""


@attrs.frozen
class Wanted:
    """
    What is to be asked of a webhook.

    Args:
        key: what it is, by its content.
        call: how it leaves.
        config: where the webhook is, as its configuration says.
    """

    key: str
    call: CallWebhook
    config: Any


class Suspending(Exception):  # noqa: N818 -- it is no error
    """A request cannot go on before these are answered."""

    def __init__(self, wanted: tuple[Wanted, ...]) -> None:
        super().__init__()
        self.wanted = wanted


def wanted(dice: Dice, name: str, config: Any, seconds: int, review: Mapping[str, Any]) -> Wanted:
    """
    Say what is to be asked.

    Args:
        dice: what the review's uid is drawn from.
        name: of the webhook, and of what configures it.
        config: its clientConfig.
        seconds: how long to wait.
        review: what to ask, as plain JSON; its `request` is given a uid.
    """
    key = digest([name, review])
    uid = Dice(dice.seed, f"{dice.stream}/{dice.count}/webhook/{key}").next_uuid()
    asked = freeze({**review, "request": {"uid": uid, **review["request"]}})
    assert isinstance(asked, Map), "it is an object"
    service, bundle = config.service, config.ca_bundle or ""
    if service is None:
        return Wanted(key, CallWebhook(uid, asked, seconds * SECOND, config.url or "", ca_bundle=bundle), config)
    call = CallWebhook(
        uid,
        asked,
        seconds * SECOND,
        service=f"{service.namespace}/{service.name}",
        port=service.port or _PORT,
        path=_path(service.path),
        ca_bundle=bundle,
    )
    return Wanted(key, call, config)


def answers(ask: Ask, asked: Sequence[Wanted]) -> list[WebhookAnswered]:
    """Give what was answered, in the order of what was asked; raise Suspending if some of it was not yet."""
    if not ask.state.webhooks:
        return [WebhookAnswered(each.call.call, code=0) for each in asked]
    known = ask.notes.answers if ask.notes is not None else {}
    missing = tuple([each for each in asked if each.key not in known])
    if missing:
        raise Suspending(missing)
    return [known[each.key] for each in asked]


def content(store: Reads, asked: Wanted, answer: WebhookAnswered, kind: str) -> Mapping[str, Any]:
    """Give the review that a webhook answered with, of *kind* (`admission.k8s.io/v1, Kind=AdmissionReview`)."""
    where = _url(asked.call)
    if answer.error or not answer.code:
        said = answer.error or _unreached(store, asked)
        raise CallFailed(f'Post "{where}?timeout={asked.call.timeout // SECOND}s": {said}')
    body = answer.body
    if answer.code not in _OK:
        raise CallFailed(_status(answer.code, body))
    if body in (None, ""):
        said = f"0-length response with status code: {answer.code} and content type: application/json"
        raise CallFailed(said)
    if not isinstance(body, Mapping):
        first = str(body).lstrip()[:1] if isinstance(body, str) else ""
        why = f"invalid character '{first}' looking for beginning of value" if first else "it is no JSON object"
        raise CallFailed(f"couldn't get version/kind; json parse error: {why}")
    group_version, _, own = kind.partition(", Kind=")
    if not body.get("kind"):
        raise CallFailed("Object 'Kind' is missing in the answer")
    if (body.get("apiVersion"), body.get("kind")) != (group_version, own):
        said = f"{body.get('apiVersion') or '/'}, Kind={body.get('kind')}"
        raise CallFailed(f"expected webhook response of {kind}, got {said}")
    return body


def _status(code: int, body: Any) -> str:
    """Say what an answer with an error's code comes to."""
    if isinstance(body, Mapping) and body.get("kind") == "Status" and body.get("message"):
        return str(body["message"])
    text = (body if isinstance(body, str) else "unknown").strip()[:_LONGEST]
    if code in (403, 415) or (code == 406 and text):  # noqa: PLR2004 -- HTTP's own
        return text
    said = _SAID.get(code)
    if said is None and code >= _SERVER:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'an error on the server ("{quoted}") has prevented the request from succeeding'
    return said or f"the server responded with the status code {code} but did not return more information"


_SAID: Final[Mapping[int, str]] = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}


def _url(call: CallWebhook) -> str:
    if not call.service:
        return call.url
    namespace, _, name = call.service.partition("/")
    return f"https://{name}.{namespace}.svc:{call.port}{call.path}"


def _unreached(store: Reads, asked: Wanted) -> str:
    """Say in what way the webhook's server was not reached."""
    config, call = asked.config, asked.call
    service = config.service
    if service is None:
        return _refused(*_address(config.url or ""))
    found = store.get("services", call.service)
    if found is None:
        return f'service "{service.name}" not found'
    ports = [each for each in found.spec.ports or () if each.port == call.port]
    if not ports:
        return f'no service port {call.port} found for service "{service.name}"'
    if found.spec.cluster_ip in (None, "", "None"):
        return f'no endpoints available for service "{service.name}"'
    return _refused(found.spec.cluster_ip, ports[0].port)


def _address(url: str) -> tuple[str, int]:
    """Give the host and the port of a URL."""
    place = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    host, colon, port = place.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdigit() else (place.strip("[]"), _PORT)


def _path(path: str | None) -> str:
    return "/" + (path or "").lstrip("/")


def _refused(host: str, port: int) -> str:
    if host.replace(".", "").isdigit() or ":" in host:
        return f"dial tcp {host}:{port}: connect: connection refused"
    return f"dial tcp: lookup {host}: no such host"
