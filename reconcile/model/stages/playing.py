"""
Playing: what is done when an object goes into a stage.

Takes:    a stage, an object, what is known around.
Gives:    steps: something to record, or a request to the API server.
Source:   https://kwok.sigs.k8s.io/docs/user/stages-configuration/
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import convert, meta_v1
from reconcile.api.kinds import Resource, resource_for
from reconcile.api.scalars import freeze
from reconcile.api.yaml_reading import read
from reconcile.lib.errors import ReconcileError
from reconcile.lib.gotemplate import TemplateError, as_go, parsed
from reconcile.model.patches import Unpatchable, merge
from reconcile.model.patches import json as jsonpatch
from reconcile.model.patches.strategic import merged
from reconcile.model.requests import PatchType, Request
from reconcile.model.stages.functions import NAMES, Around, Pool
from reconcile.model.stages.values import Application, Doing, Finalizers, Patch, Seen, Stage

_TYPED: Final = ("pods", "nodes")
"""Resources whose patches are strategic if nothing is said; those of others are merge patches."""

Defined: TypeAlias = Callable[[str, str], Resource | None]
"""Gives the resource that definitions establish for an apiVersion and a kind; None if there is none."""


def undefined(_: str, _kind: str) -> None:
    """Find nothing defined."""


def steps_of(stage: Stage, seen: Seen, around: Around, defined: Defined = undefined) -> tuple[Doing, ...]:
    """
    Give what is done, in its order; a patch that would change nothing is not sent.

    Args:
        stage: which one.
        seen: the object that goes into it.
        around: what templates may ask for.
        defined: finds custom resources of which objects are brought about.

    Raises:
        TemplateError: a template cannot be rendered with this object, or what it renders is no patch or no object.
    """
    found: list[Doing] = []
    data = as_go(seen.data)
    deleted = False
    for step in stage.steps:
        if step.note is not None:
            message = parsed(step.note.message, NAMES).rendered(data, around.functions())
            found.append(Doing(note=attrs.evolve(step.note, message=message)))
        if deleted:
            continue
        if step.finalizers is not None:
            operations = _of_finalizers(seen.metadata.get("finalizers") or [], step.finalizers)
            if operations:
                found.append(Doing(request=_request(stage, seen, operations, "json", "")))
        if step.delete:
            deleted = True
            found.append(Doing(request=_delete(stage, seen)))
        elif step.patch is not None:
            request = _patch(stage, seen, data, step.patch, around)
            if request is not None:
                found.append(Doing(request=request, username=step.patch.username))
        elif step.application is not None:
            found.append(_applied(seen, data, step.application, around, defined))
    return tuple(found)


def patched(seen: Seen, request: Request) -> dict[str, Any]:
    """
    Give the object's plain JSON as a patch of its own leaves it.

    Raises:
        Unpatchable: it cannot be made to it.
    """
    body: Any = _thawed(request.body)
    if request.patch_type == "strategic":
        return merged(seen.data, body, seen.obj.__class__)
    if request.patch_type == "json":
        found: dict[str, Any] = jsonpatch.applied(seen.data, body)
        return found
    changed: dict[str, Any] = merge(seen.data, body)
    return changed


def _rendered(template: str, data: Any, around: Around) -> Any:
    text = parsed(template, NAMES).rendered(data, around.functions())
    try:
        return read(text)
    except ReconcileError as error:
        raise TemplateError(f"what the template renders cannot be read: {error}") from None


def _patch(stage: Stage, seen: Seen, data: Any, patch: Patch, around: Around) -> Request | None:
    content = _rendered(patch.template, data, around)
    kind: PatchType = patch.type or ("strategic" if stage.resource in _TYPED else "merge")  # type: ignore[assignment]
    if kind == "json":
        if not isinstance(content, list):
            raise TemplateError(f"a patch of type json is a list, not {content!r}")
        body: Any = [_beneath(patch.root, each) for each in content]
    else:
        body = {patch.root: content} if patch.root else content
        if not isinstance(body, dict):
            raise TemplateError(f"a patch of type {kind} is a mapping, not {content!r}")
    request = _request(stage, seen, body, kind, patch.subresource)
    try:
        return None if patched(seen, request) == seen.data else request
    except Unpatchable:
        return request  # the API server says what is wrong with it


def _applied(seen: Seen, data: Any, application: Application, around: Around, defined: Defined) -> Doing:
    """Bring an object about: create it, and patch it if it is there; of one with a subresource that is patched."""
    content = _rendered(application.template, data, around)
    if not isinstance(content, dict) or not content.get("apiVersion") or not content.get("kind"):
        raise TemplateError(f"what is applied has an apiVersion and a kind, not {content!r}")
    version, kind = str(content["apiVersion"]), str(content["kind"])
    known = defined(version, kind) or _built_in(version, kind)
    metadata = content.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise TemplateError(f"what is applied needs a name, not {metadata!r}")
    namespace = (metadata.get("namespace") or seen.metadata.get("namespace") or "") if known.namespaced else ""
    if namespace:
        content = {**content, "metadata": {**metadata, "namespace": namespace}}
    is_apply = application.type == "apply"
    patches = Request(
        verb="patch",
        resource=known.key,
        namespace=namespace,
        name=str(metadata["name"]),
        subresource=application.subresource,
        body=freeze(content),
        patch_type=application.type,
        field_manager="kwok" if is_apply else "",
        force=is_apply,
    )
    if application.subresource:
        return Doing(request=patches, username=application.username)
    try:
        body = convert.load(content, unknown="Ignore").object
    except ReconcileError as error:
        raise TemplateError(f"what is applied is no {kind}: {error}") from None
    creates = Request(verb="create", resource=known.key, namespace=namespace, body=body)
    return Doing(request=creates, username=application.username, otherwise=patches)


def _built_in(version: str, kind: str) -> Resource:
    try:
        return resource_for(version, kind)
    except ReconcileError as error:
        raise TemplateError(f"what is applied: {error}") from None


def _beneath(root: str, operation: Any) -> Any:
    if not root or not isinstance(operation, dict):
        return operation
    return {**operation, "path": f"/{root}{operation.get('path', '')}"}


def _request(stage: Stage, seen: Seen, body: Any, kind: PatchType, subresource: str) -> Request:
    return Request(
        verb="patch",
        resource=stage.resource,
        namespace=seen.metadata.get("namespace") or "",
        name=seen.metadata["name"],
        subresource=subresource,
        body=freeze(body),
        patch_type=kind,
    )


def _delete(stage: Stage, seen: Seen) -> Request:
    options = meta_v1.DeleteOptions(grace_period_seconds=0)
    namespace = seen.metadata.get("namespace") or ""
    return Request(
        verb="delete", resource=stage.resource, namespace=namespace, name=seen.metadata["name"], body=options
    )


def _of_finalizers(there: list[str], wanted: Finalizers) -> list[dict[str, Any]]:
    """Give the JSON patch that makes finalizers what is wanted."""
    gone = [place for place, each in enumerate(there) if each in wanted.remove]
    empties = wanted.empty or (bool(wanted.remove) and len(gone) == len(there))
    found: list[dict[str, Any]] = []
    if empties:
        left: list[str] = []
        if there:
            found.append({"op": "remove", "path": "/metadata/finalizers"})
    else:
        left = there
        found += [{"op": "remove", "path": f"/metadata/finalizers/{place}"} for place in reversed(gone)]
    if wanted.add and not left:
        found.append({"op": "add", "path": "/metadata/finalizers", "value": list(wanted.add)})
    elif wanted.add:
        missing = [each for each in wanted.add if each not in left]
        found += [{"op": "add", "path": "/metadata/finalizers/-", "value": each} for each in missing]
    return found


def _thawed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _thawed(entry) for key, entry in value.items()}
    return [_thawed(entry) for entry in value] if isinstance(value, tuple) else value


__all__ = ["Around", "Defined", "Pool", "patched", "steps_of"]
