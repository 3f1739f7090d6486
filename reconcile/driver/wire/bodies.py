"""
API objects within the vocabulary: the bodies of requests and responses, lists, what an event record is about.

An API object is written as Kubernetes writes it. Its class is found again by its apiVersion and kind, or, where it
lacks them, by its place (an item of a list, a request's body). If neither tells, it is wrapped:
{"is": "core_v1.ObjectReference", "value": {...}}.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/ for what is sent where.
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, Final

import attrs

from reconcile.api import kinds, meta_v1
from reconcile.api.convert import CustomObject, dump, load
from reconcile.api.faults import Fault, InvalidObject
from reconcile.api.scalars import freeze, thaw
from reconcile.lib.errors import ReconcileError
from reconcile.model.patches.ofstatus import StatusPatch
from reconcile.model.requests import List, Request

# Of the subresources whose object is of another kind than the resource's.
_OF_SUBRESOURCE: Final = {
    "binding": ("v1", "Binding"),
    "eviction": ("policy/v1", "Eviction"),
    "scale": ("autoscaling/v1", "Scale"),
    "token": ("authentication.k8s.io/v1", "TokenRequest"),
}
_REFUSED: Final = 400


def wrong(path: str, expectation: str, value: Any) -> InvalidObject:
    """Make the error that says where, what was expected, and what was found."""
    return InvalidObject((Fault(path, expectation, value),))


def below(path: str, key: str) -> str:
    """Give the path of *key* in what stands at *path*."""
    return f"{path}.{key}" if path else key


def free_to_json(value: Any, path: str) -> Any:
    """
    Write a tag or a timer's key: texts, numbers, truths, None, and tuples of them.

    Raises:
        InvalidObject: something in it has no form in JSON that it could be read from again.
    """
    try:
        return thaw(freeze(value))
    except ReconcileError as error:
        raise wrong(path, f"expected what JSON can hold ({error})", repr(value)) from None


def free_from_json(value: Any, path: str) -> Any:
    """Read a tag or a timer's key: arrays are tuples."""
    try:
        return freeze(value)
    except ReconcileError as error:
        raise wrong(path, f"expected JSON ({error})", repr(value)) from None


# API objects ----------------------------------------------------------------------------------------------------------


def object_to_json(obj: Any, expected: type | None, path: str) -> Any:
    """Write an API object, or a part of one, that is of class *expected* unless it says otherwise; None is null."""
    if obj is None:
        return None
    cls = obj.__class__
    if not cls.__module__.startswith("reconcile.api.") or not attrs.has(cls):
        raise wrong(path, "expected an API object", repr(obj))
    content = dump(obj)
    if _class_of(content, expected) is cls:
        return content
    if not _may_say(cls, content.get("apiVersion"), content.get("kind")):
        raise wrong(path, f"expected the apiVersion and kind of {cls.__name__}", content)
    return {"is": f"{cls.__module__.removeprefix('reconcile.api.')}.{cls.__name__}", "value": content}


def object_from_json(content: Any, expected: type | None, path: str) -> Any:
    """Read what `object_to_json` wrote."""
    if content is None:
        return None
    if not isinstance(content, dict):
        raise wrong(path, "expected an object", content)
    if "is" in content:
        if content.keys() != {"is", "value"}:
            raise wrong(path, "expected is and value, and nothing else", content)
        return _loaded(content["value"], _class_called(content["is"], below(path, "is")), below(path, "value"))
    return _loaded(content, _class_of(content, expected), path)


def _class_of(content: Any, expected: type | None) -> type | None:
    """Give the class that unwrapped *content* is read as."""
    if "is" in content:
        return None
    version, kind = content.get("apiVersion"), content.get("kind")
    if not version or not kind:
        return expected
    if not isinstance(version, str) or not isinstance(kind, str):
        return None
    group = version.rpartition("/")[0]
    return kinds.class_for(version, kind) or (CustomObject if group and not kinds.is_built_in(group) else expected)


def _may_say(cls: type, version: str | None, kind: str | None) -> bool:
    """Tell whether an object of *cls* with these can be read again; a reference says what it refers to."""
    own = getattr(attrs.fields_dict(cls).get("kind"), "default", None)
    if kind is None or not isinstance(own, str):
        return True
    return kind == own and (version is None or kinds.class_for(version, kind) is cls)


def _class_called(name: Any, path: str) -> type:
    module, _, called = str(name).rpartition(".")
    try:
        found = getattr(import_module(f"reconcile.api.{module}"), called) if module.isidentifier() else None
    except (ImportError, AttributeError):
        found = None
    if not isinstance(found, type) or not attrs.has(found):
        raise wrong(path, "expected the class of an API object, such as core_v1.Taint", name)
    return found


def _loaded(content: Any, cls: type | None, path: str) -> Any:
    try:
        return load(content, cls=cls).object
    except InvalidObject as error:
        raise InvalidObject(
            tuple([attrs.evolve(fault, path=below(path, fault.path) if fault.path else path) for fault in error.faults])
        ) from None


# Requests and responses -----------------------------------------------------------------------------------------------


def body_to_json(body: Any, request: Request, path: str) -> Any:
    """Write a request's body: an API object, or a patch as it is; one of a status as what it is made of."""
    if isinstance(body, StatusPatch):
        parts = (("old", body.old), ("new", body.new))
        return {"uid": body.uid, **{name: object_to_json(part, None, below(path, name)) for name, part in parts}}
    if request.verb == "patch":
        return free_to_json(body, path)
    return object_to_json(body, _sent_class(request.verb, request.resource, request.subresource), path)


def body_from_json(body: Any, verb: str, resource: str, subresource: str, path: str) -> Any:
    """Read a request's body."""
    if verb == "patch":
        if isinstance(body, dict) and body.keys() == _OF_STATUS:
            parts = [object_from_json(body[name], None, below(path, name)) for name in ("old", "new")]
            return StatusPatch(body["uid"], *parts)
        return free_from_json(body, path)
    return object_from_json(body, _sent_class(verb, resource, subresource), path)


_OF_STATUS: Final = frozenset({"uid", "old", "new"})


def answer_to_json(body: Any, code: int, path: str) -> Any:
    """Write a response's body: an API object or a list."""
    if isinstance(body, List):
        return list_to_json(body, path)
    return object_to_json(body, _answered_class(code), path)


def answer_from_json(body: Any, code: int, path: str) -> Any:
    """Read a response's body."""
    if isinstance(body, dict) and ("items" in body and _listed_resource(body) is not None):
        return list_from_json(body, path)
    return object_from_json(body, _answered_class(code), path)


def list_to_json(found: List, path: str) -> dict[str, Any]:
    """Write a list as Kubernetes does (PodList); one of a resource that Kubernetes does not define names it."""
    known = _known(found.resource)
    head = (
        {"apiVersion": known.api_version, "kind": f"{known.kind}List"}
        if known
        else {"apiVersion": "v1", "kind": "List"}
    )
    metadata: dict[str, Any] = {"resourceVersion": found.resource_version}
    if found.continue_:
        metadata["continue"] = found.continue_
    if found.remaining is not None:
        metadata["remainingItemCount"] = found.remaining
    expected = known.object_class if known else CustomObject
    items = [
        object_to_json(item, expected, f"{below(path, 'items')}[{place}]") for place, item in enumerate(found.items)
    ]
    return {**head, **({} if known else {"resource": found.resource}), "metadata": metadata, "items": items}


def list_from_json(content: Any, path: str) -> List:
    """Read what `list_to_json` wrote."""
    resource = _listed_resource(content) if isinstance(content, dict) else None
    if resource is None:
        raise wrong(path, "expected a list such as PodList", content)
    unknown = sorted(content.keys() - {"apiVersion", "kind", "resource", "metadata", "items"})
    if unknown:
        raise InvalidObject((Fault(below(path, unknown[0]), "a known field", content[unknown[0]], "unknown"),))
    items, metadata = content.get("items"), content.get("metadata")
    if not isinstance(items, list):
        raise wrong(below(path, "items"), "expected a list", items)
    head = _loaded(metadata, meta_v1.ListMeta, below(path, "metadata"))
    known = _known(resource)
    expected = known.object_class if known else CustomObject
    return List(
        resource=resource,
        items=tuple(
            [object_from_json(item, expected, f"{below(path, 'items')}[{place}]") for place, item in enumerate(items)]
        ),
        resource_version=head.resource_version or "",
        continue_=head.continue_ or "",
        remaining=head.remaining_item_count,
    )


def expected_of(resource: str) -> type | None:
    """Give the class of a resource's objects; None if Kubernetes does not define it."""
    known = _known(resource)
    return known.object_class if known else None


def _listed_resource(content: dict[str, Any]) -> str | None:
    version, kind = content.get("apiVersion"), content.get("kind")
    if (version, kind) == ("v1", "List") and isinstance(content.get("resource"), str):
        return str(content["resource"])
    if not isinstance(version, str) or not isinstance(kind, str) or not kind.endswith("List"):
        return None
    try:
        return kinds.resource_for(version, kind.removesuffix("List")).key
    except ReconcileError:
        return None


def _sent_class(verb: str, resource: str, subresource: str) -> type | None:
    if verb in ("delete", "deletecollection"):
        return kinds.class_for("v1", "DeleteOptions")
    if subresource in _OF_SUBRESOURCE:
        return kinds.class_for(*_OF_SUBRESOURCE[subresource])
    return expected_of(resource)


def _answered_class(code: int) -> type | None:
    return kinds.class_for("v1", "Status") if code >= _REFUSED or not code else None


@lru_cache(maxsize=1024)
def _known(resource: str) -> kinds.Resource | None:
    try:
        return kinds.resource(resource)
    except ReconcileError:
        return None
