"""
OpenAPI of custom resources: which requests a definition's versions have, and of which form their objects are.

Takes:    the definitions that are established.
Gives:    a document of version 3 for each of their group versions; what they add to the document of version 2.
Source:   what apiextensions-apiserver publishes at /openapi/v2 and /openapi/v3.
Left out: descriptions of Kubernetes' own; the document as protobuf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.api import autoscaling_v1, kinds, meta_v1
from reconcile.api.kinds import Resource
from reconcile.components.apiserver.registry.served import Served, Version
from reconcile.components.apiserver.rest.openapi.paths import (
    DELETING,
    FORCING,
    LISTING,
    PRETTY,
    WRITING,
    camel_of,
    kind_of,
    parameter,
    places,
    scope_of,
    space_of,
    tag_of,
    title_of,
)
from reconcile.components.apiserver.rest.openapi.schemas import META, closure, name_of, reference
from reconcile.components.apiserver.rest.openapi.structural import Schema, schema_of, schema_of_2

_MEDIA: Final = ("application/json", "application/yaml")
_PATCHES: Final = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")
_SAID: Final = {"200": "OK", "201": "Created", "202": "Accepted"}
_ARTICLES: Final = dict.fromkeys("AEIOUaeiou", "an")
_STATUS: Final = name_of(meta_v1.Status)


def names(served: Served) -> tuple[str, ...]:
    """Give the names of the documents of version 3: apis/GROUP/VERSION."""
    return tuple(sorted({resource.path.lstrip("/") for resource in served.resources}))


def document(served: Served, name: str) -> dict[str, Any]:
    """Give the document of a group version that `names` has."""
    found = _versions(served, name)
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for version in found:
        paths |= _paths(version)
        schemas |= _schemas(version, schema_of(version.schema, _metadata()))
    roots: list[type | str] = [
        meta_v1.DeleteOptions,
        meta_v1.ListMeta,
        meta_v1.ObjectMeta,
        meta_v1.Status,
        META + "Patch",
    ]
    if any(version.scale is not None for version in found):
        roots.append(autoscaling_v1.Scale)
    own = closure(roots, sorted({(each.group, each.version) for each in kinds.all_resources()}))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted({**schemas, **own}.items()))},
    }


def document_for_2(served: Served, name: str) -> dict[str, Any]:
    """Give the same, with schemas that version 2 can hold."""
    found = document(served, name)
    schemas = dict(found["components"]["schemas"])
    for version in _versions(served, name):
        schemas |= _schemas(version, schema_of_2(version.schema, _metadata()))
    return {**found, "components": {"schemas": schemas}}


def _versions(served: Served, name: str) -> list[Version]:
    return [
        version
        for definition in served.definitions.values()
        for version in definition.versions.values()
        if version.served and version.resource.path.lstrip("/") == name
    ]


# Schemas --------------------------------------------------------------------------------------------------------------


def _model(resource: Resource, kind: str) -> str:
    """Give a schema's name: com.example.v1.Widget."""
    return f"{'.'.join(reversed(resource.group.split('.')))}.{resource.version}.{kind}"


def _list_kind(resource: Resource) -> str:
    return resource.list_kind or f"{resource.kind}List"


def _metadata() -> Schema:
    return {"allOf": [reference(name_of(meta_v1.ObjectMeta))]}


def _schemas(version: Version, schema: Schema) -> dict[str, Any]:
    resource = version.resource
    marks: Schema = {}
    if version.selectable:
        marks["x-kubernetes-selectable-fields"] = [{"fieldPath": path.lstrip(".")} for path in version.selectable]
    kind, items = resource.kind, _list_kind(resource)
    return {
        _model(resource, kind): {**schema, **_kinds(resource, kind), **marks},
        _model(resource, items): {**_list(resource), **_kinds(resource, items), **marks},
    }


def _list(resource: Resource) -> Schema:
    return {
        "description": f"{_list_kind(resource)} is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "items": {"type": "array", "items": reference(_model(resource, resource.kind))},
            "kind": {"type": "string"},
            "metadata": {"allOf": [reference(name_of(meta_v1.ListMeta))]},
        },
    }


def _kinds(resource: Resource, kind: str) -> Schema:
    row = {"group": resource.group, "kind": kind, "version": resource.version}
    return {"x-kubernetes-group-version-kind": [row]}


# Paths ----------------------------------------------------------------------------------------------------------------


def _paths(version: Version) -> dict[str, Any]:
    resource = version.resource
    space = "/namespaces/{namespace}" if resource.namespaced else ""
    many = f"{resource.path}{space}/{resource.plural}"
    one = f"{many}/{{name}}"
    found = {many: _collection(resource), one: _object(resource)}
    if resource.namespaced:
        found[f"{resource.path}/{resource.plural}"] = _everywhere(resource)
    if version.status:
        found[f"{one}/status"] = _subresource(resource, "status", _model(resource, resource.kind))
    if version.scale is not None:
        found[f"{one}/scale"] = _subresource(resource, "scale", name_of(autoscaling_v1.Scale))
    return found


def _collection(resource: Resource) -> dict[str, Any]:
    kind, title = resource.kind, title_of(resource)
    model, items = _model(resource, kind), _model(resource, _list_kind(resource))
    deleting = f"delete{camel_of(resource)}Collection{scope_of(resource)}{kind}"
    return {
        "get": _acting(resource, f"list objects of kind {kind}", f"list{title}", "list", LISTING, items),
        "post": _acting(
            resource, f"create {_noun(kind)}", f"create{title}", "post", WRITING, model, "201", "202", body=model
        ),
        "delete": _acting(resource, f"delete collection of {kind}", deleting, "deletecollection", LISTING, _STATUS),
        "parameters": places(space_of(resource), PRETTY),
    }


def _object(resource: Resource) -> dict[str, Any]:
    kind, title, model = resource.kind, title_of(resource), _model(resource, resource.kind)
    delete = _acting(resource, f"delete {_noun(kind)}", f"delete{title}", "delete", DELETING, _STATUS, "202")
    delete["requestBody"] = {"content": _content(name_of(meta_v1.DeleteOptions))}
    return {**_changing(resource, kind, title, model), "delete": delete, "parameters": _of_object(resource)}


def _subresource(resource: Resource, name: str, model: str) -> dict[str, Any]:
    title = title_of(resource) + name.capitalize()
    return {**_changing(resource, resource.kind, title, model, f" {name} of"), "parameters": _of_object(resource)}


def _changing(resource: Resource, kind: str, title: str, model: str, of: str = "") -> dict[str, Any]:
    """Give what reads, replaces and patches an object, or a part of it that is apart."""
    whose = f"{of} the specified {kind}"
    patch = _acting(resource, f"partially update{whose}", f"patch{title}", "patch", FORCING, model)
    patch["requestBody"] = {
        "content": {media: {"schema": reference(META + "Patch")} for media in _PATCHES},
        "required": True,
    }
    return {
        "get": _acting(resource, f"read{whose}", f"read{title}", "get", _READING, model),
        "put": _acting(resource, f"replace{whose}", f"replace{title}", "put", WRITING, model, "201", body=model),
        "patch": patch,
    }


_READING: Final = (("resourceVersion", "string"),)


def _everywhere(resource: Resource) -> dict[str, Any]:
    name = f"list{camel_of(resource)}{resource.kind}ForAllNamespaces"
    items = _model(resource, _list_kind(resource))
    get = _acting(resource, f"list objects of kind {resource.kind}", name, "list", (), items)
    return {"get": get, "parameters": places((), tuple(sorted((*LISTING, *PRETTY))))}


def _of_object(resource: Resource) -> list[dict[str, Any]]:
    return places(("name", *space_of(resource)), PRETTY)


def _acting(  # noqa: PLR0917 -- in the order in which a document has them
    resource: Resource,
    what: str,
    name: str,
    action: str,
    query: Iterable[tuple[str, str]],
    model: str,
    *codes: str,
    body: str = "",
) -> dict[str, Any]:
    found: dict[str, Any] = {"tags": [tag_of(resource)], "description": what, "operationId": name}
    parameters = [parameter(*row) for row in query]
    if parameters:
        found["parameters"] = parameters
    if body:
        found["requestBody"] = {"content": _content(body), "required": True}
    answers = {code: {"description": _SAID[code], "content": _content(model)} for code in ("200", *codes)}
    return {
        **found,
        "responses": {**answers, "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind_of(resource),
    }


def _content(model: str) -> dict[str, Mapping[str, Any]]:
    return {media: {"schema": reference(model)} for media in _MEDIA}


def _noun(kind: str) -> str:
    """Give a kind with its article; one that looks like a plural has none."""
    if kind.endswith("s") and not kind.endswith("ss"):
        return kind
    return f"{_ARTICLES.get(kind[:1], 'a')} {kind}"
