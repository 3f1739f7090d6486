"""
Reviews: what a webhook of admission is told of a write, and what its answer says.

Takes:    an Ask, an object and what it was; an AdmissionReview as JSON.
Gives:    an AdmissionReview as JSON; Verdict.
Source:   apiserver/pkg/admission/plugin/webhook/request; https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
Left out: nothing known.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.api import golang, meta_v1, versions
from reconcile.api.scalars import thaw
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.admission import matching
from reconcile.components.apiserver.admission.matching import Place
from reconcile.components.apiserver.calling import CallFailed
from reconcile.components.apiserver.reading.converting import converted
from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace

KNOWN: Final = ("v1", "v1beta1")
_GROUP: Final = "admission.k8s.io"
_OPTIONS: Final[Mapping[str, str]] = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
_INVALID: Final = "received invalid webhook response: "


@attrs.frozen(kw_only=True)
class Verdict:
    """
    What a webhook says of a write.

    Args:
        allowed: whether it may be.
        status: why not, as the webhook says it; None if it says nothing.
        patch: a JSON patch as plain data; None if there is none.
        warnings: for the client.
        annotations: for the audit.
    """

    allowed: bool
    status: Mapping[str, Any] | None = None
    patch: Any = None
    warnings: tuple[str, ...] = ()
    annotations: Mapping[str, str] = attrs.field(factory=dict)


def review(ask: Ask, version: str, place: Place, new: Any, old: Any) -> dict[str, Any]:
    """Give the AdmissionReview of a write in one of its own versions, without the uid that its call gives it."""
    own, request, user = matching.own_place(ask), ask.request, ask.user
    operation = matching.operation_of(new, old)
    metadata = (new if new is not None else old).metadata
    name = request.name or (metadata.name if metadata is not None else "") or ""
    namespace = name if request.resource == "namespaces" else request.namespace
    info: dict[str, Any] = {"username": user.name} if user.name else {}
    info |= {"uid": user.uid} if user.uid else {}
    info |= {"groups": list(user.groups)} if user.groups else {}
    info |= {"extra": {key: list(each) for key, each in user.extra.items()}} if user.extra else {}
    asked = {
        "kind": _named(place.kind, "kind"),
        "resource": _named((place.group, place.version, place.plural), "resource"),
        "subResource": request.subresource,
        "requestKind": _named(own.kind, "kind"),
        "requestResource": _named((own.group, own.version, own.plural), "resource"),
        "requestSubResource": request.subresource,
        "name": name,
        "namespace": namespace,
        "operation": operation,
        "userInfo": info,
        "object": shown(ask, new, place, fresh=old is None),
        "oldObject": shown(ask, old, place),
        "dryRun": bool(request.dry_run),
        "options": _options(ask, operation),
    }
    kept = {key: value for key, value in asked.items() if value != ""}
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": kept}


def shown(ask: Ask, obj: Any, place: Place, *, fresh: bool = False) -> Any:
    """Give an object as JSON, as it is in *place*; *fresh* if it has no version of the store yet."""
    if obj is None:
        return None
    if fresh and obj.metadata is not None and obj.metadata.resource_version:
        obj = replace(obj, metadata=replace(obj.metadata, resource_version=None))
    if isinstance(obj, CustomObject):
        obj = converted(ask, obj, place.api_version)
    else:
        obj = versions.served(obj, place.api_version)
    plain = golang.written(obj)
    return _scale(plain) if ask.request.subresource == "scale" and plain.get("kind") != "Scale" else plain


def _scale(plain: dict[str, Any]) -> dict[str, Any]:
    """Give the Scale of what is scaled, which is what is written."""
    given = plain["metadata"]
    metadata = {key: given[key] for key in ("name", "namespace", "uid", "resourceVersion") if key in given}
    replicas = plain.get("spec", {}).get("replicas", 0)
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas}}


def _named(what: tuple[str, str, str], last: str) -> dict[str, str]:
    return {"group": what[0], "version": what[1], last: what[2]}


def _options(ask: Ask, operation: str) -> dict[str, Any]:
    request = ask.request
    options: dict[str, Any] = {"kind": _OPTIONS[operation], "apiVersion": "meta.k8s.io/v1"}
    if operation == "DELETE":
        if isinstance(request.body, meta_v1.DeleteOptions):
            said = golang.written(request.body)
            return {**options, **{key: said[key] for key in said if key not in ("kind", "apiVersion")}}
        return options
    options |= {"dryRun": ["All"]} if request.dry_run else {}
    options |= {"fieldManager": request.field_manager} if request.field_manager else {}
    options |= {"fieldValidation": request.field_validation} if request.field_validation else {}
    return options


def verdict(uid: str, version: str, content: Mapping[str, Any], *, mutating: bool) -> Verdict:
    """Read an AdmissionReview that a webhook answered with; raise CallFailed if it cannot be one."""
    response = content.get("response")
    if not isinstance(response, Mapping):
        raise CallFailed(f"{_INVALID}webhook response was absent")
    if version == "v1" and response.get("uid", "") != uid:
        raise CallFailed(f'{_INVALID}expected response.uid="{uid}", got "{response.get("uid", "")}"')
    status = response.get("status")
    return Verdict(
        allowed=response.get("allowed") is True,
        status=status if isinstance(status, Mapping) else None,
        patch=_patch(response, version, mutating=mutating),
        warnings=tuple([str(each) for each in response.get("warnings") or ()]),
        annotations={str(key): str(value) for key, value in (response.get("auditAnnotations") or {}).items()},
    )


def _patch(response: Mapping[str, Any], version: str, *, mutating: bool) -> Any:
    patch, kind = response.get("patch"), response.get("patchType")
    if not mutating:
        if version == "v1" and patch:
            raise CallFailed(f"{_INVALID}validating webhook may not return response.patch")
        if version == "v1" and kind is not None:
            raise CallFailed(f"{_INVALID}validating webhook may not return response.patchType")
        return None
    if version == "v1":
        if patch and kind is None:
            raise CallFailed(f"{_INVALID}webhook returned response.patch but not response.patchType")
        if not patch and kind is not None:
            raise CallFailed(f"{_INVALID}webhook returned response.patchType but not response.patch")
        if kind == "":
            raise CallFailed(f'{_INVALID}webhook returned invalid response.patchType of ""')
    if not patch or response.get("allowed") is not True:
        return None
    try:
        operations = json.loads(b64decode(patch, validate=True))
    except (NoBase64, TypeError, ValueError) as error:
        raise CallFailed(f"received undecodable patch in webhook response: {error}") from None
    if not isinstance(operations, list):
        raise CallFailed("received undecodable patch in webhook response: it is no list of operations")
    if operations and version == "v1" and kind != "JSONPatch":
        raise CallFailed(f'unsupported patch type "{kind}"')
    return operations or None


def denied(name: str, status: Mapping[str, Any] | None) -> meta_v1.Status:
    """Give the refusal of a write that a webhook does not allow, in its own words."""
    said = f'admission webhook "{name}" denied the request'
    given = thaw(status) if status is not None else {}  # type: ignore[arg-type]  # it came as JSON
    message, reason = given.get("message") or "", given.get("reason") or ""
    code = given.get("code")
    why = f"{said}: {message or reason}" if message or reason else f"{said} without explanation"
    return meta_v1.Status(
        metadata=meta_v1.ListMeta(),
        status="Failure",
        message=why,
        reason=reason or None,
        details=_details(given.get("details")),
        code=code if isinstance(code, int) and code >= 400 else 400,  # noqa: PLR2004 -- HTTP's own border
    )


def _details(given: Any) -> meta_v1.StatusDetails | None:
    if not isinstance(given, Mapping):
        return None
    causes = [
        meta_v1.StatusCause(field=each.get("field"), message=each.get("message"), reason=each.get("reason"))
        for each in given.get("causes") or ()
        if isinstance(each, Mapping)
    ]
    return meta_v1.StatusDetails(
        name=given.get("name"),
        group=given.get("group"),
        kind=given.get("kind"),
        uid=given.get("uid"),
        causes=tuple(causes) or None,
        retry_after_seconds=given.get("retryAfterSeconds"),
    )
