"""
Converting: custom objects from one version of their resource to another, by its conversion webhook where it has one.

Without a webhook apiVersion changes, and what the version does not know is left out. A webhook is asked of all objects
that one request needs, in one review.

Takes:    an Ask, stored objects, the apiVersion that is wanted.
Gives:    the objects in it; Suspending, until the webhook has answered.
Source:   https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion;
          apiextensions-apiserver/pkg/apiserver/conversion.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconcile.api import convert, meta_v1
from reconcile.api.faults import InvalidObject
from reconcile.api.scalars import freeze, thaw
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver import calling
from reconcile.components.apiserver.calling import CallFailed
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served, structural
from reconcile.components.apiserver.registry.served import Definition
from reconcile.components.apiserver.registry.validation.metadata import annotations_causes, labels_causes
from reconcile.components.apiserver.state import Ask
from reconcile.effects import CallWebhook
from reconcile.events import WebhookAnswered
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Request
from reconcile.store import Reads

KNOWN: Final = ("v1", "v1beta1")
SECONDS: Final = 30
"""How long a conversion webhook is waited for."""

_GROUP: Final = "apiextensions.k8s.io"


class Unconverted(Exception):  # noqa: N818 -- it is what a webhook comes to
    """An object cannot be converted; the text says why."""


def converted(ask: Ask, obj: CustomObject, api_version: str) -> CustomObject:
    """Give an object in another version of its resource: itself if it is of this one."""
    return obj if obj.api_version == api_version else all_converted(ask, (obj,), api_version)[0]


def all_converted(ask: Ask, objects: Sequence[Any], api_version: str) -> list[Any]:
    """Give objects in another version of their resource, those that are of this one as they are."""
    definition = served.definition(ask.store, ask.request.resource)
    assert definition is not None, "it was found when the request was routed"
    foreign = [obj for obj in objects if obj.api_version != api_version]
    if not foreign:
        return list(objects)
    if not definition.is_converted:
        return [as_version(definition, obj, api_version) for obj in objects]
    try:
        wanted = asked_of(definition, foreign, api_version, ask.dice)
        (answer,) = calling.answers(ask, (wanted,))
        made = iter(taken(ask.store, wanted, answer, foreign, api_version))
    except Unconverted as error:
        raise Refusal(statuses.unexpected(str(error))) from None
    return [obj if obj.api_version == api_version else next(made) for obj in objects]


def as_version(definition: Definition, obj: Any, api_version: str) -> Any:
    """Give an object with another apiVersion, without what that does not know: itself if it has this one."""
    if obj.api_version == api_version:
        return obj
    version = definition.versions.get(api_version.rpartition("/")[2])
    return replace(obj if version is None else pruned(obj, version.schema), api_version=api_version)


def pruned(obj: CustomObject, schema: Mapping[str, Any]) -> CustomObject:
    """Give an object without the fields that a schema lacks: itself if it has none."""
    body = convert.dump(CustomObject(api_version=None, kind=None, metadata=None, body=obj.body))
    known, unknown = structural.kept(body, schema, root=True)
    if not unknown:
        return obj
    frozen = freeze(known)
    assert isinstance(frozen, Map), "an object is frozen to a map"
    return replace(obj, body=frozen)


def told(store: Reads, request: Request, obj: Any) -> tuple[Any, str]:
    """
    Give an object as a watch tells it that was asked for by *request*, and the version that its webhook has to convert
    it to first; empty if nobody has to.
    """
    definition = served.definition(store, request.resource)
    if definition is None or request.version not in definition.versions:
        return obj, ""
    wanted = definition.version(request.version).resource.api_version
    if obj.api_version == wanted:
        return obj, ""
    return (obj, wanted) if definition.is_converted else (as_version(definition, obj, wanted), "")


def asked_for(store: Reads, request: Request, objects: Sequence[Any], api_version: str, dice: Dice) -> calling.Wanted:
    """Say what is to be asked of the webhook that converts what a watch tells; raise Unconverted if nothing can be."""
    definition = served.definition(store, request.resource)
    if definition is None or not definition.is_converted:
        raise Unconverted(f"the definition of {request.resource} has changed")
    return asked_of(definition, objects, api_version, dice)


def asked_again(store: Reads, request: Request, call: CallWebhook) -> calling.Wanted:
    """Give what a watch has asked of its webhook; raise Unconverted if there is none any more."""
    definition = served.definition(store, request.resource)
    if definition is None or not definition.is_converted:
        raise Unconverted(f"the definition of {request.resource} has changed")
    return calling.Wanted("", call, webhook_of(definition).client_config)


def asked_of(definition: Definition, objects: Sequence[Any], api_version: str, dice: Dice) -> calling.Wanted:
    """Say what is to be asked of a definition's webhook."""
    config = webhook_of(definition).client_config
    review = review_of(definition, objects, api_version)
    return calling.wanted(dice, f"conversion/{definition.key}", config, SECONDS, review)


def webhook_of(definition: Definition) -> Any:
    """Give the webhook that converts between a resource's versions."""
    assert definition.conversion is not None, "it is converted by one"
    webhook = definition.conversion.webhook
    if webhook is None or webhook.client_config is None:
        raise Unconverted("no conversion webhook is configured")
    return webhook


def review_of(definition: Definition, objects: Sequence[Any], api_version: str) -> dict[str, Any]:
    """Give the ConversionReview that asks for objects in another version, without the uid that its call gives it."""
    versions = webhook_of(definition).conversion_review_versions or ()
    version = next((each for each in versions if each in KNOWN), None)
    if version is None:
        raise Unconverted("no supported conversion review versions")
    request = {"desiredAPIVersion": api_version, "objects": [convert.dump(obj) for obj in objects]}
    return {"kind": "ConversionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def taken(
    store: Reads, wanted: calling.Wanted, answer: WebhookAnswered, objects: Sequence[Any], api_version: str
) -> list[Any]:
    """Give the objects that a webhook answered with; raise Unconverted for what is no answer to *objects*."""
    first, version = objects[0], wanted.call.review["apiVersion"]
    said = f"conversion webhook for {first.api_version}, Kind={first.kind}"
    try:
        content = calling.content(store, wanted, answer, f"{version}, Kind=ConversionReview")
        found = _objects(content, wanted.call.call, checked=version == f"{_GROUP}/v1")
    except CallFailed as failure:
        raise Unconverted(f"{said} failed: {failure}") from None
    if len(found) != len(objects):
        raise Unconverted(f"{said} returned {len(found)} objects, expected {len(objects)}")
    one = len(objects) == 1
    made = []
    for place, (old, given) in enumerate(zip(objects, found, strict=True)):
        where = f"{said} returned invalid {'' if one else 'converted '}object at index {place}"
        other = f"{said} returned invalid object" if one else where
        wrong_metadata = f"{said} returned invalid metadata{'' if one else f' in object at index {place}'}"
        made.append(_made(old, given, api_version, (where, other, wrong_metadata)))
    return made


def _objects(content: Mapping[str, Any], uid: str, *, checked: bool) -> list[Any]:
    response = content.get("response")
    if not isinstance(response, Mapping):
        raise CallFailed("no response provided")
    if checked and response.get("uid", "") != uid:
        raise CallFailed(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    result = response.get("result")
    result = result if isinstance(result, Mapping) else {}
    if result.get("status") != "Success":
        why = f"response.result.status was '{result.get('status') or ''}', not 'Success'"
        raise CallFailed(result.get("message") or why)
    return list(response.get("convertedObjects") or ())


def _made(old: CustomObject, given: Any, api_version: str, words: tuple[str, str, str]) -> CustomObject:
    """
    Give what a webhook made of an object, with the metadata that the object had but for labels and annotations.

    *words* begin what is said of one of another version, of another object, of one with wrong metadata.
    """
    where, other, wrong_metadata = words
    plain = thaw(given) if isinstance(given, Mapping) else {}  # type: ignore[arg-type]  # it came as JSON
    if plain.get("apiVersion") != api_version:
        got = plain.get("apiVersion") or ""
        raise Unconverted(f"{where}: invalid groupVersion (expected {api_version}, received {got})")
    if plain.get("kind") != old.kind:
        raise Unconverted(f"{where}: invalid kind (expected {old.kind}, received {plain.get('kind') or ''})")
    metadata = plain.get("metadata")
    kept = old.metadata
    assert kept is not None, "a stored object has metadata"
    said = metadata if isinstance(metadata, dict) else {}
    for what, key, has in (
        ("name", "name", kept.name),
        ("namespace", "namespace", kept.namespace),
        ("UID", "uid", kept.uid),
    ):
        if (said.get(key) or "") != (has or ""):
            raise Unconverted(f"{other}: must have the same {what}: {has or ''} != {said.get(key) or ''}")
    if not isinstance(metadata, dict):
        raise Unconverted(f"{wrong_metadata}: missing metadata in converted object")
    try:
        read = convert.load({**plain, "metadata": None}, cls=CustomObject).object
        texts = {key: said.get(key) for key in ("labels", "annotations")}
        notes = convert.load(texts, cls=meta_v1.ObjectMeta).object
    except InvalidObject as error:
        raise Unconverted(f"{wrong_metadata}: {error}") from None
    labels, annotations = notes.labels or None, notes.annotations or None
    causes = () if labels == kept.labels else labels_causes("metadata.labels", labels or Map())
    causes += () if annotations == kept.annotations else annotations_causes("metadata.annotation", annotations or Map())
    if causes:
        faults = [f"{cause.field}: {cause.message}" for cause in causes]
        raise Unconverted(f"{wrong_metadata}: {faults[0] if len(faults) == 1 else '[' + ', '.join(faults) + ']'}")
    return replace(read, metadata=replace(kept, labels=labels, annotations=annotations))
