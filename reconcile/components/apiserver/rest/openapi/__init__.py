"""
OpenAPI: the documents that say which requests there are, and of which form their objects.

Source:   https://kubernetes.io/docs/concepts/overview/kubernetes-api/#api-specification
Left out: descriptions, which are Kubernetes' own text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.api import kinds, meta_v1
from reconcile.api.kinds import Resource
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.registry.served import Served
from reconcile.components.apiserver.rest.encoding import json_bytes
from reconcile.components.apiserver.rest.openapi import custom, gnostic
from reconcile.components.apiserver.rest.openapi.paths import paths_of
from reconcile.components.apiserver.rest.openapi.schemas import META, closure, name_of, reference
from reconcile.components.apiserver.rest.openapi.swagger import swagger_of

_TOKEN: Final = {
    "BearerToken": {"type": "apiKey", "description": "Bearer token", "name": "authorization", "in": "header"}
}
_UNGROUPED: Final = (".well-known/openid-configuration", "openid/v1/jwks", "version")


@attrs.frozen
class Written:
    """A document as it is sent, and the hash by which clients know it again."""

    body: bytes
    hash: str


def index(served: Served, beyond: tuple[str, ...] = ()) -> Written:
    """
    Give the document at /openapi/v3: where each of the others is, with its hash.

    Args:
        served: what definitions establish.
        beyond: the group versions that are served beyond those of the default.
    """
    return _index(Same(served), beyond)


def document(name: str, served: Served, beyond: tuple[str, ...] = ()) -> Written | None:
    """Give the document of `apis/GROUP/VERSION`, `apis/GROUP`, `version` and the like; None if there is none."""
    if name in _names(beyond):
        return _written(name)
    return _custom(name, Same(served)) if name in custom.names(served) else None


def swagger(served: Served, beyond: tuple[str, ...] = (), *, protobuf: bool = False) -> Written:
    """Give the document of version 2, which holds all groups: as JSON, or in protobuf, by the same hash."""
    return (_swagger_in_protobuf if protobuf else _swagger)(Same(served), beyond)


def place_of(name: str, written: Written) -> str:
    """Give where a document is that has this hash."""
    return f"/openapi/v3/{name}?hash={written.hash}"


@lru_cache(maxsize=4)
def _index(same: Same, beyond: tuple[str, ...]) -> Written:
    found = {name: _written(name) for name in _names(beyond)}
    found |= {name: _custom(name, same) for name in custom.names(same.value)}
    paths = {name: {"serverRelativeURL": place_of(name, each)} for name, each in sorted(found.items())}
    return _hashed(json_bytes({"paths": paths}).rstrip())


@lru_cache(maxsize=64)
def _written(name: str) -> Written:
    return _hashed(json_bytes(_document(name)))


@lru_cache(maxsize=64)
def _custom(name: str, same: Same) -> Written:
    return _hashed(json_bytes(custom.document(same.value, name)))


@lru_cache(maxsize=4)
def _swagger(same: Same, beyond: tuple[str, ...]) -> Written:
    documents = [_document(name) for name in _names(beyond)]
    own = [custom.document_for_2(same.value, name) for name in custom.names(same.value)]
    return _hashed(json_bytes(swagger_of(documents, own, f"v{kinds.KUBERNETES_VERSION}")))


@lru_cache(maxsize=4)
def _swagger_in_protobuf(same: Same, beyond: tuple[str, ...]) -> Written:
    written = _swagger(same, beyond)
    return attrs.evolve(written, body=gnostic.document(json.loads(written.body)))


def _hashed(body: bytes) -> Written:
    return Written(body, hashlib.sha512(body).hexdigest().upper())


@lru_cache(maxsize=4)
def _names(beyond: tuple[str, ...]) -> tuple[str, ...]:
    found = {*_UNGROUPED, "api", "apis", *[f"apis/{version}" for version in beyond]}
    for resource in kinds.all_resources():
        found.add(resource.path.lstrip("/"))
        if resource.group:
            found.add(f"apis/{resource.group}")
    return tuple(sorted(found))


@lru_cache(maxsize=64)
def _document(name: str) -> dict[str, Any]:
    known = (*kinds.all_resources(), *kinds.gated_resources())
    served = [resource for resource in known if resource.path.lstrip("/") == name]
    if served:
        return _group_version(served)
    answered = {
        "api": ("getCoreAPIVersions", "core", meta_v1.APIVersions),
        "apis": ("getAPIVersions", "apis", meta_v1.APIGroupList),
        "version": ("getCodeVersion", "version", meta_v1.VersionInfo),
    }.get(name, ("get", name, meta_v1.APIGroup))
    if name in _UNGROUPED and name != "version":
        return _whole({f"/{name}/": {"get": _plain(name)}}, {})
    operation, tag, cls = answered
    schema = {"schema": reference(name_of(cls))}
    media = ("application/json",) if name == "version" else _MEDIA
    responses = {"200": {"description": "OK", "content": dict.fromkeys(media, schema)}, **_UNAUTHORIZED}
    get = {"tags": [tag], "operationId": operation, "responses": responses}
    return _whole({f"/{name}/": {"get": get}}, closure([cls]))


_MEDIA: Final = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
_UNAUTHORIZED: Final[dict[str, Any]] = {"401": {"description": "Unauthorized"}}


def _plain(name: str) -> dict[str, Any]:
    responses = {"200": {"description": "OK", "content": {"application/json": {"schema": {"type": "string"}}}}}
    return {"tags": [name], "operationId": f"get {name}", "responses": {**responses, **_UNAUTHORIZED}}


def _group_version(served: Iterable[Resource]) -> dict[str, Any]:
    every = list(served)
    found = paths_of(every)
    names = sorted(set(_references(found)))
    roots: list[type | str] = [*_classes(names), *[name for name in names if name == META + "Patch"]]
    return _whole(found, closure(roots, [(every[0].group, every[0].version)]))


def _whole(paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    components: dict[str, Any] = {"schemas": schemas} if schemas else {}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": kinds.KUBERNETES_VERSION.rpartition(".")[0]},
        "paths": paths,
        "components": {**components, "securitySchemes": _TOKEN},
    }


def _references(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, entry in value.items():
            if key == "$ref" and isinstance(entry, str):  # a property may be called so as well
                yield str(entry).removeprefix("#/components/schemas/")
            else:
                yield from _references(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _references(entry)


def _classes(names: Iterable[str]) -> list[type]:
    known = _known()
    return [known[name] for name in names if name in known]


@lru_cache(maxsize=1)
def _known() -> dict[str, type]:
    found: dict[str, type] = {}
    for version, kind in kinds.KINDS:
        cls = kinds.class_for(version, kind)
        if cls is not None:
            found[name_of(cls)] = cls
    return found
