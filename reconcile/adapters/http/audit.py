"""
The audit log of a served cluster: one line of JSON for each event, as kube-apiserver writes it.

What API servers write down of requests that reach the engine leaves it as `Audit`; here is added what only HTTP knows:
the address and the program of the client, the query. What is answered without the engine is written down here alone.

Takes:    Audit; HTTP requests and their answers.
Gives:    lines of JSON.
Source:   https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#log-backend
Left out: webhooks that take audit events; rotation of the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, urlencode

from reconcile.api.scalars import thaw
from reconcile.components.apiserver import auditing, rest
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.access.authorising import ANONYMOUS, Decision
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest import authentication, impersonation, options
from reconcile.components.apiserver.rest.paths import NoResource, Target, target_of
from reconcile.driver.serving.exchange import serving
from reconcile.driver.serving.live import Live
from reconcile.effects import Audit
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import Request, Response, User

_REFUSED: Final = 400
# The fields of an event in the order in which kube-apiserver writes them.
_ORDER: Final = (
    "kind",
    "apiVersion",
    "level",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "impersonatedUser",
    "sourceIPs",
    "userAgent",
    "objectRef",
    "responseStatus",
    "requestObject",
    "responseObject",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "annotations",
)


class Auditor:
    """
    Writes the audit log of one cluster.

    Args:
        write: takes one line of text after the other; None: nothing is written.
    """

    def __init__(self, write: Callable[[str], object] | None) -> None:
        self._write = write
        self._taken: dict[str, tuple[rest.HttpRequest, User | None]] = {}

    def took(self, live: Live, tag: str, http: rest.HttpRequest) -> None:
        """Note the HTTP of a request that is under way, and who really asks if that is for somebody else."""
        if self._write is not None:
            self._taken[tag] = (http, _impersonator(live, http))

    def ended(self, tag: str) -> None:
        """Forget a request, of which nothing more is written down."""
        self._taken.pop(tag, None)

    def write(self, effect: Audit) -> None:
        """Write down what an API server wants to be."""
        if self._write is None:
            return
        event = thaw(effect.event)  # an event is JSON
        taken = self._taken.get(effect.tag) if effect.client else None
        self._line(event if taken is None else _with_http(event, *taken))

    def answered(self, live: Live, http: rest.HttpRequest, response: rest.HttpResponse) -> None:
        """Write down a request that was answered without the engine."""
        policy = live.machine.cluster.topology.audit
        if self._write is None or not policy:
            return
        try:
            target = target_of(http.method, http.path, watch=options.is_watch(http))
        except NoResource:
            return
        user, decision = _asks(live, http, target)
        subject = auditing.Subject(
            user=user,
            verb=target.verb,
            path=http.path,
            group=target.group,
            version=target.version,
            resource=target.plural,
            subresource=target.subresource,
            namespace=target.namespace,
            name=target.name,
        )
        how = auditing.audited(policy, subject)
        if how.level == "None":
            return
        notes = {
            "authorization.k8s.io/decision": "allow" if decision.allowed else "forbid",
            "authorization.k8s.io/reason": decision.reason,
        }
        event = auditing.begun(how, "", subject, http.path, live.now)
        if how.writes("RequestReceived"):
            self._line(_with_http(event, http))
        if how.writes("ResponseComplete"):
            done = auditing.ended(how, event, "ResponseComplete", None, Response(response.code), live.now, notes)
            self._line(_with_http({**done, "responseStatus": _status(response)}, http))

    def _line(self, event: dict[str, Any]) -> None:
        assert self._write is not None, "asked only where something is written"
        ordered = {key: event[key] for key in (*_ORDER, *event) if key in event}
        self._write(json.dumps(ordered, separators=(",", ":"), ensure_ascii=False) + "\n")


def _impersonator(live: Live, http: rest.HttpRequest) -> User | None:
    """Give who asks for somebody else; None if nobody does."""
    try:
        if impersonation.wanted_by(http) is None:
            return None
        at_hand = serving(live.machine)
        return authentication.requester(at_hand.state, http, at_hand.store, at_hand.now)
    except (Refusal, ReconcileError):
        return None


def _with_http(event: dict[str, Any], http: rest.HttpRequest, impersonator: User | None = None) -> dict[str, Any]:
    query = urlencode(http.query)
    made = {
        **event,
        "auditID": http.header("audit-id"),
        "requestURI": quote(http.path) + (f"?{query}" if query else ""),
        "sourceIPs": [http.source] if http.source else [],
        "userAgent": http.header("user-agent"),
    }
    if impersonator is not None:
        made |= {"user": auditing.requester_of(impersonator), "impersonatedUser": made["user"]}
    return {key: value for key, value in made.items() if value not in ("", [])}


def _asks(live: Live, http: rest.HttpRequest, target: Target) -> tuple[User, Decision]:
    try:
        at_hand = serving(live.machine)
        user = authentication.requester(at_hand.state, http, at_hand.store, at_hand.now)
        if target.is_resource:
            request = Request(
                verb=target.verb,  # type: ignore[arg-type]  # an unknown method gives an empty verb
                resource=target.key,
                namespace=target.namespace,
                name=target.name,
                subresource=target.subresource,
            )
            return user, authorising.decided(user, request, at_hand.store)
        return user, authorising.decided_path(user, target.verb, http.path, at_hand.store)
    except (Refusal, ReconcileError):
        return ANONYMOUS, Decision(allowed=False)


def _status(response: rest.HttpResponse) -> dict[str, Any]:
    found: dict[str, Any] = {"metadata": {}, "code": response.code}
    if response.code >= _REFUSED:
        with suppress(ValueError):
            body = json.loads(response.body)
            if isinstance(body, dict) and body.get("kind") == "Status":
                shown = {key: body[key] for key in ("status", "message", "reason", "details") if body.get(key)}
                return {"metadata": {}, **shown, "code": response.code}
    return found
