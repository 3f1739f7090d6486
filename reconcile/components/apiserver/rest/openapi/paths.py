"""
Paths of a group version as OpenAPI v3 has them: which requests there are, what each takes and answers.

Source:   what kube-apiserver serves at /openapi/v3.
Left out: descriptions, which are Kubernetes' own text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.api import autoscaling_v1, meta_v1
from reconcile.api.kinds import Resource, class_for
from reconcile.components.apiserver.rest.openapi.schemas import META, name_of, reference

_MEDIA: Final = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
_STREAMS: Final = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
_PATCHES: Final = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
LISTING: Final = (
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    ("fieldSelector", "string"),
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("shardSelector", "string"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
)
WRITING: Final = (("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"))
FORCING: Final = (*WRITING, ("force", "boolean"))
DELETING: Final = (
    ("dryRun", "string"),
    ("gracePeriodSeconds", "integer"),
    ("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
)
_COLLECTION: Final = tuple(
    sorted({*DELETING, *[row for row in LISTING if row[0] not in ("allowWatchBookmarks", "watch")]})
)
_OPTIONS: Final = {"content": {"*/*": {"schema": reference(META + "DeleteOptions")}}}
PRETTY: Final = (("pretty", "string"),)
_CONNECTING: Final = ("attach", "exec", "portforward", "proxy")
# The kind that a subresource speaks: (group, version, kind).
_SPOKEN: Final = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "binding": ("", "v1", "Binding"),
}


def paths_of(resources: Iterable[Resource]) -> dict[str, Any]:
    """Give the paths of the resources of one group version."""
    found: dict[str, Any] = {}
    every = list(resources)
    if not every:
        return found
    head, tag = every[0].path, tag_of(every[0])
    found[f"{head}/"] = {
        "get": _operation(
            "get available resources", tag, f"get{camel_of(every[0])}APIResources", _responses(meta_v1.APIResourceList)
        )
    }
    for resource in every:
        found.update(_paths(resource))
    return dict(sorted(found.items()))


def _paths(resource: Resource) -> Iterable[tuple[str, dict[str, Any]]]:
    head, plural = resource.path, resource.plural
    space = "/namespaces/{namespace}" if resource.namespaced else ""
    many, one = f"{head}{space}/{plural}", f"{head}{space}/{plural}/{{name}}"
    verbs = resource.verbs
    yield many, _collection(resource)
    if any(verb in verbs for verb in ("get", "update", "patch", "delete")):
        yield one, _object(resource)
    if resource.namespaced and "list" in verbs:
        yield f"{head}/{plural}", _everywhere(resource)
    if "watch" in verbs:
        if resource.namespaced:
            yield f"{head}/watch/{plural}", _watching(resource, "ListForAllNamespaces", "watchlist", ())
        within = ("namespace",) if resource.namespaced else ()
        yield f"{head}/watch{space}/{plural}", _watching(resource, "List", "watchlist", within)
        yield f"{head}/watch{space}/{plural}/{{name}}", _watching(resource, "", "watch", ("name", *within))
    for subresource in resource.subresources:
        yield f"{one}/{subresource}", _subresource(resource, subresource)
        if subresource == "proxy":
            yield f"{one}/proxy/{{path}}", _connecting(resource, "proxy", ("path",))


def _collection(resource: Resource) -> dict[str, Any]:
    item: dict[str, Any] = {}
    title = title_of(resource)
    if "list" in resource.verbs:
        item["get"] = _acting(resource, "list", f"list{title}", "list", LISTING, _answered(resource.list_class))
    if "create" in resource.verbs:
        answers = _responses(resource.object_class, "200", "201", "202")
        item["post"] = _acting(resource, "create", f"create{title}", "post", WRITING, answers, resource.object_class)
    if "deletecollection" in resource.verbs:
        query = tuple(sorted({*DELETING, *[row for row in LISTING if row[0] not in ("allowWatchBookmarks", "watch")]}))
        name = f"delete{camel_of(resource)}Collection{scope_of(resource)}{resource.kind}"
        item["delete"] = _acting(
            resource, "delete collection of", name, "deletecollection", query, _responses(meta_v1.Status)
        )
        item["delete"]["requestBody"] = {"content": {"*/*": {"schema": reference(name_of(meta_v1.DeleteOptions))}}}
    return {**item, "parameters": places(("namespace",) if resource.namespaced else (), PRETTY)}


def _object(resource: Resource) -> dict[str, Any]:
    item: dict[str, Any] = {}
    title, cls = title_of(resource), resource.object_class
    if "get" in resource.verbs:
        item["get"] = _acting(resource, "read the specified", f"read{title}", "get", (), _responses(cls))
    if "update" in resource.verbs:
        item["put"] = _acting(
            resource, "replace the specified", f"replace{title}", "put", WRITING, _responses(cls, "200", "201"), cls
        )
    if "delete" in resource.verbs:
        answers = _responses(meta_v1.Status, "200", "202")
        delete = _acting(resource, "delete a", f"delete{title}", "delete", DELETING, answers)
        item["delete"] = {**delete, "requestBody": _OPTIONS}
    if "patch" in resource.verbs:
        item["patch"] = _patching(resource, f"patch{title}", cls, kind_of(resource))
    return {**item, "parameters": places(("name", *space_of(resource)), PRETTY)}


def _subresource(resource: Resource, name: str) -> dict[str, Any]:
    if name in _CONNECTING:
        return _connecting(resource, name, ())
    group, version, kind = _SPOKEN.get(name, (resource.group, resource.version, resource.kind))
    cls = autoscaling_v1.Scale if name == "scale" else class_for(f"{group}/{version}" if group else version, kind)
    assert cls is not None, "every subresource speaks a kind of the API"
    about = {"group": group, "version": version, "kind": kind}
    title = title_of(resource) + name[0].upper() + name[1:]
    item: dict[str, Any] = {}
    if name in ("binding", "eviction", "token"):
        item["post"] = _acting(
            resource, "create", f"create{title}", "post", (), _responses(cls, "200", "201", "202"), cls
        )
        item["post"]["x-kubernetes-group-version-kind"] = about
    elif name == "log":
        item["get"] = _acting(resource, "read log of the specified", f"read{title}", "get", (), _responses(None))
    else:
        if name != "finalize":
            item["get"] = _acting(resource, f"read {name} of the specified", f"read{title}", "get", (), _responses(cls))
        item["put"] = _acting(
            resource,
            f"replace {name} of the specified",
            f"replace{title}",
            "put",
            WRITING,
            _responses(cls, "200", "201"),
            cls,
        )
        if name != "finalize":
            item["patch"] = _patching(resource, f"patch{title}", cls, about)
        for operation in item.values():
            operation["x-kubernetes-group-version-kind"] = about
    return {**item, "parameters": places(("name", *space_of(resource)), PRETTY)}


def _connecting(resource: Resource, name: str, within: tuple[str, ...]) -> dict[str, Any]:
    methods = ("get", "put", "post", "delete", "options", "head", "patch") if name == "proxy" else ("get", "post")
    title = title_of(resource) + name[0].upper() + name[1:] + ("WithPath" if within else "")
    item: dict[str, Any] = {
        method: _operation(
            f"connect {method.upper()} requests to {name} of {resource.kind}",
            tag_of(resource),
            f"connect{method.capitalize()}{title}",
            {"200": {"description": "OK", "content": {"*/*": {"schema": {"type": "string"}}}}, **_UNAUTHORIZED},
        )
        for method in methods
    }
    return {**item, "parameters": places(("name", *space_of(resource), *within), ())}


def _everywhere(resource: Resource) -> dict[str, Any]:
    name = f"list{camel_of(resource)}{resource.kind}ForAllNamespaces"
    answers = _answered(resource.list_class)
    get = _acting(resource, "list or watch objects of kind", name, "list", (), answers)
    return {"get": get, "parameters": places((), tuple(sorted((*LISTING, *PRETTY))))}


def _watching(resource: Resource, ending: str, action: str, within: tuple[str, ...]) -> dict[str, Any]:
    scope = "" if ending == "ListForAllNamespaces" else scope_of(resource)
    name = f"watch{camel_of(resource)}{scope}{resource.kind}{ending}"
    get = _acting(resource, "watch changes to", name, action, (), _answered(meta_v1.WatchEvent))
    return {"get": get, "parameters": places(within, tuple(sorted((*LISTING, *PRETTY))))}


def _patching(resource: Resource, name: str, cls: type, about: dict[str, str]) -> dict[str, Any]:
    found = _acting(resource, "partially update the specified", name, "patch", FORCING, _responses(cls, "200", "201"))
    content = {media: {"schema": reference(META + "Patch")} for media in _PATCHES}
    return {**found, "requestBody": {"content": content, "required": True}, "x-kubernetes-group-version-kind": about}


def _acting(  # noqa: PLR0917 -- in the order in which a document has them
    resource: Resource,
    what: str,
    name: str,
    action: str,
    query: tuple[tuple[str, str], ...],
    responses: dict[str, Any],
    body: type | None = None,
) -> dict[str, Any]:
    found = _operation(f"{what} {resource.kind}", tag_of(resource), name, responses)
    if query:
        found["parameters"] = [parameter(*row) for row in query]
    if body is not None:
        found["requestBody"] = {"content": {"*/*": {"schema": reference(name_of(body))}}, "required": True}
    return {**found, "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind_of(resource)}


def _operation(what: str, tag: str, name: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"tags": [tag], "description": what, "operationId": name, "responses": responses}


_UNAUTHORIZED: Final[dict[str, Any]] = {"401": {"description": "Unauthorized"}}
_SAID: Final = {"200": "OK", "201": "Created", "202": "Accepted"}


def _responses(cls: type | None, *codes: str) -> dict[str, Any]:
    schema = {"type": "string"} if cls is None else reference(name_of(cls))
    content = {media: {"schema": schema} for media in _MEDIA}
    return {code: {"description": _SAID[code], "content": content} for code in codes or ("200",)} | _UNAUTHORIZED


def _answered(cls: type | None) -> dict[str, Any]:
    """Give what a list or a watch is answered with."""
    assert cls is not None, "what can be listed has a class of lists"
    content = {media: {"schema": reference(name_of(cls))} for media in sorted((*_MEDIA, *_STREAMS))}
    return {"200": {"description": "OK", "content": content}, **_UNAUTHORIZED}


def parameter(name: str, kind: str) -> dict[str, Any]:
    """Give a parameter of the query."""
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def places(names: tuple[str, ...], query: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    """Give the parameters that all operations of a path have: *names* in the path, *query* in the query."""
    rows = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
        for name in names
    ]
    rows += [parameter(*row) for row in query]
    return sorted(rows, key=lambda row: str(row["name"]))


def space_of(resource: Resource) -> tuple[str, ...]:
    """Give the parameter that is the namespace, if there is one."""
    return ("namespace",) if resource.namespaced else ()


def kind_of(resource: Resource) -> dict[str, str]:
    """Give a resource's group, version and kind."""
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def scope_of(resource: Resource) -> str:
    """Give what names of operations say of a resource in a namespace."""
    return "Namespaced" if resource.namespaced else ""


def title_of(resource: Resource) -> str:
    """Give what names of operations end with: AppsV1NamespacedDeployment."""
    return f"{camel_of(resource)}{scope_of(resource)}{resource.kind}"


def camel_of(resource: Resource) -> str:
    """Give the group and version as names of operations begin: AppsV1, CoreV1, RbacAuthorizationV1."""
    name = resource.group.removesuffix(".k8s.io") if resource.group else "core"
    words = "".join(word[0].upper() + word[1:] for word in name.split("."))
    return words + resource.version.capitalize()


def tag_of(resource: Resource) -> str:
    """Give the tag of a group version's operations: apps_v1."""
    name = resource.group.removesuffix(".k8s.io") if resource.group else "core"
    words = [word if place == 0 else word[0].upper() + word[1:] for place, word in enumerate(name.split("."))]
    return f"{''.join(words)}_{resource.version}"
