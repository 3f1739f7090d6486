"""
Elsewhere: what is served beside resources: discovery, OpenAPI, the version, whether the server is well, metrics.

Source:   the handlers that kube-apiserver has beside its resources.
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import kinds
from reconcile.components.apiserver.access import tokens
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry.served import everything, served
from reconcile.components.apiserver.rest import discovery, health, metrics, openapi
from reconcile.components.apiserver.rest.encoding import encoded, json_bytes
from reconcile.components.apiserver.rest.negotiation import Accepted, accepted, first_of
from reconcile.components.apiserver.rest.values import HttpRequest, HttpResponse
from reconcile.lib.instant import Instant
from reconcile.model import statuses, webtokens
from reconcile.store import Reads

_GROUP: Final = 2  # parts of the path of a group's document
_DISCOVERY: Final = ("APIGroupDiscoveryList",)
_READING: Final = ("GET", "HEAD")
_CONFIGURATION: Final = "/.well-known/openid-configuration"
_KEYS: Final = "/openid/v1/jwks"
_PAGES: Final = ("/flagz", "/statusz")
_JSON: Final = "application/json"
# The old name and the new one, which is answered.
_SWAGGER: Final = tuple([f"application/com.github.proto-openapi.spec.v2{mark}v1.0+protobuf" for mark in "@."])


def answer(  # noqa: PLR0917 -- all that it may say
    http: HttpRequest,
    store: Reads,
    now: Instant,
    address: str,
    key: str = "",
    version: str = "",
    beyond: tuple[str, ...] = (),
) -> HttpResponse:
    """
    Answer a request whose path leads to no resource.

    Args:
        http: the request.
        store: what metrics are counted of.
        now: the server's time.
        address: where it says that it is reached.
        key: what the key of its tokens is drawn from; empty if it gives none.
        version: its own, if it is another than Kubernetes' here.
        beyond: the group versions that it serves beyond those of the default.
    """
    path = http.path.rstrip("/")
    if path == "/version":
        return _version(http, version)
    found = health.answer(http)
    if found is not None:
        return found
    if path == "/metrics":
        return metrics.answer(store, now)
    if path == _CONFIGURATION or (path == _KEYS and key):
        return _issuing(path, address, key)
    if path in _PAGES:
        raise Refusal(statuses.not_acceptable(("application/json", "application/yaml", "text/plain")))
    found = _described_api(http, store, beyond) if http.path.startswith("/openapi/") else None
    found = found or (_discovered(http, everything(beyond, store), address) if http.path.startswith("/api") else None)
    if not path:
        return _json({"paths": _paths(everything(beyond, store))})
    if found is None and path.startswith(("/api/", "/apis/")) and has_group(path, store):
        raise Refusal(statuses.no_such_resource())
    return found or health.text("404 page not found\n", 404)


def has_group(path: str, store: Reads) -> bool:
    """Tell whether a path leads to no API group, or to one that is served."""
    prefix, _, rest = path.strip("/").partition("/")
    group = rest.partition("/")[0]
    if prefix != "apis" or not group or kinds.is_built_in(group):
        return True
    return any(resource.group == group for resource in served(store).resources)


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


def _version(http: HttpRequest, version: str) -> HttpResponse:
    if http.method not in _READING:
        raise Refusal(statuses.method_not_allowed())
    clauses = [clause.partition(";")[0].strip() for clause in (http.header("accept") or "*/*").split(",")]
    if not any(kind in ("*/*", "application/json") for kind in clauses):
        raise Refusal(statuses.no_representation(("application/json",)))
    return _json(version_of(version) if version else VERSION)


def version_of(tag: str) -> dict[str, Any]:
    """Give what a server of the version *tag*, such as `v1.35.4`, says of it."""
    major, _, rest = tag.removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    named = {"major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor, "gitVersion": tag}
    if minor.isdecimal():
        named |= {"minCompatibilityMajor": major, "minCompatibilityMinor": str(int(minor) - 1)}
    return VERSION | named


def _discovered(http: HttpRequest, resources: tuple[kinds.Resource, ...], address: str) -> HttpResponse | None:
    how = accepted(http.header("accept"), shapes=_DISCOVERY) or Accepted("json")
    aggregated = discovery.is_aggregated(how)
    found = discovery.document(http.path.rstrip("/"), resources, aggregated=aggregated, address=address)
    if found is None:
        return None
    if http.method != "GET" and not _takes_any(http.path):
        raise Refusal(statuses.method_not_allowed())
    response = encoded(200, found, how)
    if not aggregated:
        return response
    kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    headers = [(name, kind if name == "Content-Type" else value) for name, value in response.headers]
    return attrs.evolve(response, headers=tuple(headers))


def _takes_any(path: str) -> bool:
    """Tell whether a document is given whatever the method: those of all groups and of one group are."""
    parts = path.strip("/").split("/")
    return parts[0] == "apis" and len(parts) <= _GROUP


def _described_api(http: HttpRequest, store: Reads, beyond: tuple[str, ...]) -> HttpResponse | None:
    if http.path == "/openapi/v2":
        return _swagger(http, store, beyond)
    if http.path == "/openapi/v3":
        return _known_again(http, openapi.index(served(store), beyond), kind="text/plain; charset=utf-8")
    if not http.path.startswith("/openapi/v3/"):
        return None
    name = http.path.removeprefix("/openapi/v3/")
    document = openapi.document(name, served(store), beyond)
    if document is None:
        return HttpResponse(code=404)
    asked = dict(http.query).get("hash", "")
    if asked and asked != document.hash:
        return HttpResponse(code=301, headers=(("Location", openapi.place_of(name, document)), ("Vary", "Accept")))
    return _known_again(http, document, lasts=bool(asked))


def _swagger(http: HttpRequest, store: Reads, beyond: tuple[str, ...]) -> HttpResponse:
    kind = first_of(http.header("accept"), (_JSON, *_SWAGGER))
    if kind is None:
        return HttpResponse(code=406, headers=(("Vary", "Accept"),))
    written = openapi.swagger(served(store), beyond, protobuf=kind != _JSON)
    return _known_again(http, written, kind=_JSON if kind == _JSON else _SWAGGER[-1])


def _known_again(
    http: HttpRequest, written: openapi.Written, *, kind: str = "application/json", lasts: bool = False
) -> HttpResponse:
    """Give a document, or say that the client has it already."""
    tag = f'"{written.hash}"'
    # What is asked for by its hash never changes.
    caching = (("Cache-Control", "public, immutable"),) if lasts else ()
    headers = (*caching, ("Etag", tag), ("Vary", "Accept"))
    known = [each.strip().removeprefix("W/") for each in http.header("if-none-match").split(",")]
    if tag in known or "*" in known:
        return HttpResponse(code=304, headers=headers)
    return HttpResponse(code=200, headers=(*headers, ("Content-Type", kind)), body=written.body)


def _issuing(path: str, address: str, key: str) -> HttpResponse:
    """Say who issues tokens, or with which keys they can be checked."""
    found, kind = (_issuer(address), "json") if path == _CONFIGURATION else (webtokens.public(key), "jwk-set+json")
    headers = (("Cache-Control", "public, max-age=3600"), ("Content-Type", f"application/{kind}"))
    return HttpResponse(code=200, headers=headers, body=json_bytes(found).rstrip())


def _issuer(address: str) -> dict[str, Any]:
    return {
        "issuer": tokens.ISSUER,
        "jwks_uri": f"https://{address}{_KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _paths(resources: tuple[kinds.Resource, ...]) -> list[str]:
    versions = {resource.path for resource in resources}
    groups = {f"/apis/{resource.group}" for resource in resources if resource.group}
    checks = {f"/{name}/{check}" for name, each in health.CHECKS.items() for check in each}
    other = ("/api", "/apis", "/apis/", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz")
    return sorted({*versions, *groups, *checks, *other, "/version", _CONFIGURATION, _KEYS})


def _json(value: dict[str, Any]) -> HttpResponse:
    return HttpResponse(code=200, headers=(("Content-Type", "application/json"),), body=json_bytes(value))
