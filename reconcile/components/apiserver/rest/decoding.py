"""
Decoding: a request's bytes as the object, the options or the patch that they are.

An object is read as Go reads it: what is absent is the zero of its type, and is judged by validation, not here.

Source:   the server's serializers and its field validation
          (https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation).
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

import json
from typing import Any, Final

from reconcile.api import convert, kinds, meta_v1
from reconcile.api.faults import Unknown
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.negotiation import MEDIA_TYPES, content_type
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.lib.errors import ReconcileError
from reconcile.model import statuses

_TYPE_META: Final = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
_UNKNOWN: Final[dict[str, Unknown]] = {"Strict": "Strict", "Warn": "Warn", "Ignore": "Ignore"}


def decoded(http: HttpRequest, cls: type[Any], validation: str) -> tuple[Any, tuple[str, ...]]:
    """
    Give the object of *cls* that a request carries, and what to warn about.

    Args:
        http: the request.
        cls: what its path takes.
        validation: fieldValidation: Strict, Warn or Ignore; empty for Warn.
    """
    data = plain_body(http)
    if not isinstance(data, dict):
        kind = getattr(cls, "__name__", "object")
        said = f"json: cannot unmarshal {_json_type(data)} into Go value of type {kind}"
        raise Refusal(statuses.bad_request(said))
    version, kind = data.get("apiVersion"), data.get("kind")
    if version and kind and kinds.class_for(str(version), str(kind)) is not None:
        cls = kinds.class_for(str(version), str(kind)) or cls
    data = {key: value for key, value in data.items() if key not in ("apiVersion", "kind")} if not kind else data
    try:
        loaded = convert.load(data, cls=cls, unknown=_UNKNOWN.get(validation, "Warn"), absent="zero")
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    return loaded.object, loaded.warnings


def options_body(http: HttpRequest) -> meta_v1.DeleteOptions | None:
    """Give the DeleteOptions that a delete carries, if it does."""
    if not http.body:
        return None
    data = plain_body(http)
    if not isinstance(data, dict):
        said = f"json: cannot unmarshal {_json_type(data)} into Go value of type {_TYPE_META}"
        raise Refusal(statuses.bad_request(f"couldn't get version/kind; json parse error: {said}"))
    kind, version = data.pop("kind", None) or "DeleteOptions", data.pop("apiVersion", None) or "v1"
    if kind != "DeleteOptions":
        # Upstream names the file of its own in which the kinds are kept.
        said = f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        raise Refusal(statuses.bad_request(said))
    try:
        found: meta_v1.DeleteOptions = convert.load(
            data, cls=meta_v1.DeleteOptions, unknown="Ignore", absent="zero"
        ).object
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    return found


def patch_body(http: HttpRequest) -> Any:
    """Give a patch as plain JSON data."""
    try:
        return convert.loads_json(http.body)
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None


def plain_body(http: HttpRequest) -> Any:
    """Give a request's body as plain JSON data; refuse with 415 what is none."""
    kind = content_type(http.header("content-type") or "application/json")
    if kind is None or MEDIA_TYPES.get(kind) != "json":
        raise Refusal(statuses.unsupported_media_type())
    try:
        return convert.loads_json(http.body)
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None


def _json_type(value: Any) -> str:
    names = {"str": "string", "bool": "bool", "int": "number", "float": "number", "list": "array", "NoneType": "null"}
    return names.get(type(value).__name__, json.dumps(value))
