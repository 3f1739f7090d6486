"""
Shapes: an answer as a client wants to see it: as a Table, or with its metadata alone.

Takes:    Reply, and the body of an answer or the object of a watch's notice.
Gives:    plain JSON.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
Left out: nothing known.
"""

from __future__ import annotations

import json
from typing import Any, Final

from reconcile.api import autoscaling_v1, core_v1, golang, kinds, meta_v1, versions
from reconcile.components.apiserver.reading.watching import INITIAL_EVENTS_END
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.encoding import plain
from reconcile.components.apiserver.rest.negotiation import Accepted
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.components.apiserver.writing import preparing
from reconcile.lib.instant import Instant
from reconcile.model import printing, statuses
from reconcile.model.printing.shape import Shape
from reconcile.model.requests import List

NEW_EVENTS: Final = "events.events.k8s.io"
_INCLUDED: Final = ("", "None", "Metadata", "Object")
_FINISHED: Final = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


def check_shape(accepted: Accepted, http: HttpRequest) -> None:
    """Refuse with 400 what a query says of a Table's rows if it is nothing that may be said."""
    included = http.parameter("includeObject")
    if accepted.shape == "Table" and included not in _INCLUDED:
        said = f"includeObject: Invalid value: {json.dumps(included)}: must be 'Metadata', 'Object', 'None', or empty"
        raise Refusal(statuses.bad_request(f"Unable to convert to Table as requested: {said}"))


def shaped(
    accepted: Accepted,
    http: HttpRequest,
    resource: str,
    body: Any,
    now: Instant,
    *,
    headings: bool = True,
    table: Shape | None = None,
    spoken: str = "",
) -> dict[str, Any]:
    """
    Give *body* in the shape that was asked for.

    Args:
        accepted: the form that was asked for.
        http: the request; its query says what a Table's rows carry.
        resource: the key of what is shown.
        body: an object, a list or a Status; a Status has one shape only.
        now: the instant to which ages count.
        headings: whether a Table says what its columns are; in a watch only the first one does.
        table: what a Table shows where the kind does not say so: of a custom resource.
        spoken: the API version in which a Table's rows carry whole objects, if not their own.

    Raises:
        Refusal: one object was asked for as a list, or a list as one object.
    """
    version = f"{accepted.shape_group}/{accepted.shape_version}"
    head = {"kind": accepted.shape, "apiVersion": version}
    match accepted.shape:
        case _ if isinstance(body, meta_v1.Status):
            return plain(body)
        case "Table":
            made = _table(http, resource, body, now, version, headings=headings, own=table, spoken=spoken)
            return {**head, **made}
        case "PartialObjectMetadata":
            if isinstance(body, List):
                raise _unlike("PartialObjectMetadata", "is a list", resource)
            return _partial(body, version)
        case "PartialObjectMetadataList":
            if not isinstance(body, List):
                raise _unlike("PartialObjectMetadataList", "is not a list", resource)
            items = [_partial(item, version) for item in body.items]
            return {**head, "metadata": _list_metadata(body), "items": items or None}
        case _:
            return plain(body)


def _table(
    http: HttpRequest,
    resource: str,
    body: Any,
    now: Instant,
    version: str,
    *,
    headings: bool,
    own: Shape | None,
    spoken: str,
) -> dict[str, Any]:
    is_scale = isinstance(body, autoscaling_v1.Scale)
    resource = "events" if resource == NEW_EVENTS else resource
    shape = own or (printing.scale_shape() if is_scale else printing.shape_of(resource))
    items = body.items if isinstance(body, List) else (body,)
    included = http.parameter("includeObject")
    metadata = _list_metadata(body) if isinstance(body, List) else {"resourceVersion": _version(body)}
    rows = [
        {"cells": shape.typed(item, now), **_ended(item), "object": _row(item, included, version, spoken)}
        for item in items
    ]
    return {
        "metadata": {key: value for key, value in metadata.items() if value},
        "columnDefinitions": [_definition(column) for column in shape.columns] if headings else None,
        "rows": rows if rows or own or printing.has_printer(resource) else None,
    }


def _definition(column: printing.Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _ended(item: Any) -> dict[str, Any]:
    """Give what is said of a pod that has ended; nothing of anything else."""
    if not (isinstance(item, core_v1.Pod) and item.status is not None and item.status.phase in _FINISHED):
        return {}
    reason = item.status.phase
    return {"conditions": [{"type": "Completed", "status": "True", "reason": reason, "message": _FINISHED[reason]}]}


def _row(item: Any, included: str, version: str, spoken: str) -> dict[str, Any] | None:
    """Give what a row carries of its object."""
    if included == "Object":
        return plain(versions.served(item, spoken) if spoken else item)
    if included == "None" and INITIAL_EVENTS_END not in (item.metadata.annotations or {}):
        return None
    return _partial(item, version)


def _partial(obj: Any, version: str) -> dict[str, Any]:
    metadata = {} if obj.metadata is None else golang.written(preparing.uncounted(obj).metadata)
    return {"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": metadata}


def _list_metadata(found: List) -> dict[str, Any]:
    metadata: dict[str, Any] = {"resourceVersion": found.resource_version}
    if found.continue_:
        metadata["continue"] = found.continue_
    if found.remaining is not None:
        metadata["remainingItemCount"] = found.remaining
    return metadata


def _version(obj: Any) -> str:
    return (obj.metadata and obj.metadata.resource_version) or ""


def _unlike(shape: str, why: str, resource: str) -> Refusal:
    # Upstream names its own type, by the package that it is in.
    found = kinds.resource(resource)
    package = found.group.partition(".")[0] if found.group not in ("", "events.k8s.io") else "core"
    kind = f"*{package}.{found.kind}{'List' if why == 'is a list' else ''}"
    return Refusal(statuses.not_acceptable(said=f"you requested {shape}, but the requested object {why} ({kind})"))
