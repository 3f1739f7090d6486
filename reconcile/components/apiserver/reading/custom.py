"""
Custom resources: reading their objects, in the version that is asked for.

What is stored in one version is read in another as its definition's conversion says.

Source:   apiextensions-apiserver: the custom resource handler.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from reconcile.api import convert, golang
from reconcile.api.scalars import freeze
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.reading import objects, watching
from reconcile.components.apiserver.reading.converting import all_converted, as_version, converted
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served, structural
from reconcile.components.apiserver.registry.served import Definition, Version
from reconcile.components.apiserver.state import Ask
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import selectors, statuses
from reconcile.model.requests import List, Response


def get(ask: Ask) -> Response:
    """Answer a get."""
    response = objects.get(ask)
    return Response(response.code, in_version(ask, response.body), _warnings(ask))


def list_(ask: Ask) -> Response:
    """Answer a list."""
    check_fields(ask)
    response = objects.list_(ask)
    found: List = response.body
    return Response(response.code, replace(found, items=all_in_version(ask, found.items)), _warnings(ask))


def watch(ask: Ask) -> Response:
    """Answer the request for a watch."""
    check_fields(ask)
    response = watching.watch(ask)
    return Response(response.code, response.body, _warnings(ask)) if response.ok else response


def _warnings(ask: Ask) -> tuple[str, ...]:
    warning = asked_version(ask).warning
    return (warning,) if warning else ()


def check_fields(ask: Ask) -> None:
    """Refuse a selector of a field that the version does not let objects be selected by."""
    selector = ask.request.field_selector
    if not selector:
        return
    known = {path.removeprefix(".") for path in asked_version(ask).selectable}
    for requirement in selectors.parse_fields(selector):
        if requirement.field not in known and requirement.field not in ("metadata.name", "metadata.namespace"):
            raise Refusal(statuses.bad_request(f"field label not supported: {requirement.field}"))


def asked_version(ask: Ask) -> Version:
    """Give the version of a custom resource that a request is about."""
    definition = served.definition(ask.store, ask.request.resource)
    assert definition is not None, "it was found when the request was routed"
    return definition.version(ask.request.version)


def in_version(ask: Ask, obj: Any) -> Any:
    """Give a stored object in the version that is asked for."""
    return all_in_version(ask, (obj,))[0] if isinstance(obj, CustomObject) else obj


def all_in_version(ask: Ask, objects: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give stored objects in the version that is asked for."""
    definition = served.definition(ask.store, ask.request.resource)
    assert definition is not None, "it was found when the request was routed"
    wanted = definition.version(ask.request.version).resource.api_version
    read = [_read(Same(obj), Same(definition)) for obj in objects]
    made = all_converted(ask, read, wanted)
    if not definition.is_converted:
        return tuple(made)
    schema = definition.version(ask.request.version).schema
    return tuple([new if new is old else _through(new, schema) for new, old in zip(made, read, strict=True)])


def answered(obj: Any, version: str, definition: Definition | None) -> Any:
    """Give what a write in *version* is answered with: the object as it was stored, in that version."""
    if not isinstance(obj, CustomObject) or not version or definition is None:
        return obj
    return as_version(definition, obj, f"{(obj.api_version or '').partition('/')[0]}/{version}")


def plain(obj: CustomObject) -> dict[str, Any]:
    """Give an object as plain JSON data."""
    return golang.written(obj)


def stored_form(ask: Ask, definition: Definition, obj: CustomObject) -> CustomObject:
    """Give an object as it is stored: converted, and read through the schema of the storage version."""
    version = definition.versions[definition.storage]
    wanted = version.resource.api_version
    if obj.api_version == wanted:
        return obj
    return _through(converted(ask, obj, wanted), version.schema)


@lru_cache(maxsize=4096)
def _read(same: Same, definition: Same) -> CustomObject:
    """Give a stored object with the defaults that its version has by now; itself if it lacks none."""
    return _through(same.value, definition.value.versions[definition.value.storage].schema)


def _through(obj: CustomObject, schema: Any) -> CustomObject:
    body = convert.dump(CustomObject(api_version=None, kind=None, metadata=None, body=obj.body))
    read = structural.defaulted(structural.without_nulls(body, schema), schema)
    kept, _ = structural.kept(read, schema, root=True)
    if kept == body:
        return obj
    frozen = freeze(kept)
    assert isinstance(frozen, Map), "an object is frozen to a map"
    return replace(obj, body=frozen)
