"""
Elsewhere: what is served beside resources: discovery, the version, whether the server is well.

Source:   https://kubernetes.io/docs/reference/using-api/health-checks/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import kinds
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest import discovery, openapi
from reconcile.components.apiserver.rest.encoding import encoded, json_bytes
from reconcile.components.apiserver.rest.negotiation import Accepted, accepted
from reconcile.components.apiserver.rest.values import HttpRequest, HttpResponse
from reconcile.model import statuses

_HEALTH: Final = ("/healthz", "/livez", "/readyz")
_DISCOVERY: Final = ("APIGroupDiscoveryList",)


def answer(http: HttpRequest, address: str) -> HttpResponse:
    """Answer a request whose path leads to no resource."""
    if http.method not in ("GET", "HEAD"):
        raise Refusal(statuses.no_such_resource())
    path = http.path.rstrip("/")
    if path == "/version":
        return _json(VERSION)
    if path in _HEALTH:
        return HttpResponse(code=200, headers=(("Content-Type", "text/plain; charset=utf-8"),), body=b"ok")
    if http.path == "/openapi/v3":
        return _described_api(openapi.index())
    if http.path.startswith("/openapi/v3/"):
        document = openapi.document(http.path.removeprefix("/openapi/v3/"))
        if document is None:
            return HttpResponse(code=404)
        return _described_api(document)
    if path.startswith("/api"):
        how = accepted(http.header("accept"), shapes=_DISCOVERY) or Accepted("json")
        aggregated = discovery.is_aggregated(how)
        found = discovery.document(path, kinds.all_resources(), aggregated=aggregated, address=address)
        if found is not None:
            return _described(found, how, aggregated=aggregated)
    raise Refusal(statuses.no_such_resource())


VERSION: Final[dict[str, Any]] = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": f"v{kinds.KUBERNETES_VERSION}",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "reconcile",
    "platform": "linux/amd64",
}


def _described(found: dict[str, Any], how: Accepted, *, aggregated: bool) -> HttpResponse:
    response = encoded(200, found, how)
    if not aggregated:
        return response
    kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    headers = [(name, kind if name == "Content-Type" else value) for name, value in response.headers]
    return attrs.evolve(response, headers=tuple(headers))


def _json(value: dict[str, Any]) -> HttpResponse:
    return encoded(200, value, Accepted("json", pretty=True))


def _described_api(value: dict[str, Any]) -> HttpResponse:
    return HttpResponse(code=200, headers=(("Content-Type", "application/json"),), body=json_bytes(value))
