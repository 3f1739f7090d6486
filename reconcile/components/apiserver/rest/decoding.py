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
from reconcile.api.scalars import freeze
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry.structural.metadata import metadata_of
from reconcile.components.apiserver.rest.negotiation import MEDIA_TYPES, content_type
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model import statuses

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


def custom(http: HttpRequest, resource: kinds.Resource, validation: str) -> tuple[CustomObject, tuple[str, ...]]:
    """Give the custom object that a request carries, and what to warn about; its schema is asked when it is written."""
    data = plain_body(http)
    if not isinstance(data, dict):
        said = f"json: cannot unmarshal {_json_type(data)} into Go value of type map[string]interface {{}}"
        raise Refusal(statuses.bad_request(said))
    kind = data.get("kind") or resource.kind
    metadata, unknown = metadata_of(data.get("metadata"), kind, resource.version)
    warnings = tuple(f'unknown field "{path}"' for path in unknown) if validation != "Ignore" else ()
    if warnings and validation == "Strict":
        said = f'{kind} in version "{resource.version}" cannot be handled as a {kind}: strict decoding error: '
        raise Refusal(statuses.bad_request(said + ", ".join(warnings)))
    try:
        body = freeze({key: value for key, value in data.items() if key not in ("apiVersion", "kind", "metadata")})
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    assert isinstance(body, Map), "an object is frozen to a map"
    version = data.get("apiVersion") or resource.api_version
    return CustomObject(api_version=version, kind=kind, metadata=metadata, body=body), warnings


def options_body(http: HttpRequest) -> meta_v1.DeleteOptions | None:
    """Give the DeleteOptions that a delete carries, if it does."""
    if not http.body.strip():
        return None
    found, _ = decoded(http, meta_v1.DeleteOptions, "Ignore")
    return found if isinstance(found, meta_v1.DeleteOptions) else None


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
