"""
Reading: get and list, from the store as it is or as it was.

A list asks an index if a selector allows it; what is left is looked at one by one.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/ (resource versions, chunks); each kind's fields.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from reconcile.api.kinds import is_built_in
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.errors import ReconcileError
from reconcile.lib.table import Table
from reconcile.model import selectors, statuses
from reconcile.model.requests import List, Request, Response, joined
from reconcile.store import Reads, position_since, table_at

_LARGEST: Final = (1 << 64) - 1
_LONGEST: Final = 64  # leading zeros among them
_LABELLED: Final = ("pods", "replicasets.apps", "replicationcontrollers")

_EXPIRED: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created, modified, or"
    " deleted between the time the first chunk was returned and now may show up in the list."
)


def get(ask: Ask) -> Response:
    """Answer a get."""
    check_version(ask)
    return Response(200, found(ask))


def found(ask: Ask) -> Any:
    """Give the object that a request names, or refuse with 404."""
    obj = ask.store.get(ask.request.resource, ask.key)
    if obj is None:
        raise Refusal(statuses.not_found(ask.request.resource, ask.request.name))
    return obj


def list_(ask: Ask) -> Response:
    """Answer a list."""
    check_version(ask)
    request = ask.request
    revision, start = ask.store.revision, ""
    table = ask.store.table(request.resource)
    if request.continue_:
        if request.resource_version not in ("", "0"):
            raise Refusal(statuses.bad_request("specifying resource version is not allowed when using continue"))
        revision, start = _continued(request.continue_)
        table = _table_at(ask.store, request.resource, revision)
    keys = _keys(ask, table)
    if start:
        keys = keys[bisect_left(keys, start) :]
    selects = selecting(ask.request)
    items: list[Any] = []
    for place, key in enumerate(keys):
        obj = table[key]
        if not selects(obj):
            continue
        if request.limit and len(items) == request.limit:
            token = _token(revision, key)
            # With a selector nobody knows how many are left without looking.
            left = None if request.label_selector or request.field_selector else len(keys) - place
            return Response(200, _listed(ask, items, revision, token, left))
        items.append(obj)
    return Response(200, _listed(ask, items, revision))


def _listed(ask: Ask, items: list[Any], revision: int, token: str = "", left: int | None = None) -> List:
    return List(
        resource=ask.request.resource,
        items=tuple(items),
        resource_version=str(revision),
        continue_=token,
        remaining=left,
    )


def selected(ask: Ask) -> tuple[Any, ...]:
    """Give every object that a request's namespace and selectors name, in key order."""
    table = ask.store.table(ask.request.resource)
    selects = selecting(ask.request)
    return tuple([obj for obj in map(table.__getitem__, _keys(ask, table)) if selects(obj)])


def check_version(ask: Ask) -> None:
    """Refuse a resource version that is no number, or that has not come yet."""
    text = ask.request.resource_version
    if not text:
        return
    fault = ""
    if not (text.isascii() and text.isdecimal()):
        fault = "invalid syntax"
    elif len(text) > _LONGEST or int(text) > _LARGEST:
        fault = "value out of range"
    if fault:
        quoted = json.dumps(text)
        said = f"resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: {fault}"
        raise Refusal(statuses.bad_request(said))
    if int(text) > ask.store.revision:
        raise Refusal(statuses.too_large_version(int(text), ask.store.revision))


_Requirements: TypeAlias = tuple[tuple[selectors.Requirement, ...], tuple[selectors.FieldRequirement, ...]]


def _requirements(request: Request) -> _Requirements:
    try:
        labels = selectors.parse_labels(request.label_selector) if request.label_selector else ()
        fields = selectors.parse_fields(request.field_selector) if request.field_selector else ()
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    return labels, fields


def _keys(ask: Ask, table: Table[str, Any]) -> tuple[str, ...]:
    """Give the keys that may fit, in order: those of the narrowest index that a selector or the namespace names."""
    request = ask.request
    namespace = request.namespace
    labels, fields = _requirements(request)
    for requirement in fields:
        if requirement.operator != "=":
            continue
        if requirement.field == "metadata.name" and (namespace or not ask.resource.namespaced):
            key = joined(namespace, requirement.value)
            return (key,) if key in table else ()
        if requirement.field == "spec.nodeName" and request.resource == "pods" and requirement.value:
            return table.keys_under("node", requirement.value)
        if requirement.field == "metadata.namespace" and not namespace and ask.resource.namespaced:
            namespace = requirement.value
    if namespace and request.resource in _LABELLED:
        for wanted in labels:
            if wanted.operator == "=":
                return table.keys_under("label", (namespace, wanted.key, wanted.values[0]))
    return table.keys_under("namespace", namespace) if namespace else table.keys()


def selecting(request: Request) -> Callable[[Any], bool]:
    """Give the test of a request's namespace and selectors; refuse with 400 what is no selector."""
    labels, fields = _requirements(request)
    namespace = request.namespace
    reads = [(_field_of(request.resource, each.field), each) for each in fields]

    def selects(obj: Any) -> bool:
        metadata = obj.metadata
        if namespace and metadata.namespace != namespace:
            return False
        if labels and not selectors.fits(labels, metadata.labels):
            return False
        return all((read(obj) == each.value) is (each.operator == "=") for read, each in reads)

    return selects


def _field_of(resource: str, field: str) -> Callable[[Any], str]:
    own = _FIELDS.get(resource)
    if own is None and field not in _COMMON_FIELDS and not is_built_in(resource.partition(".")[2]):
        return _custom_field(field)
    path = _COMMON_FIELDS.get(field) or (own or {}).get(field)
    if path is None:
        said = f"field label not supported: {field}"
        if own is None:
            said = f'{json.dumps(field)} is not a known field selector: only "metadata.name", "metadata.namespace"'
        raise Refusal(statuses.bad_request(said))
    parts = path.split(".")

    def read(obj: Any) -> str:
        for part in parts:
            if obj is None:
                return ""
            obj = getattr(obj, part)
        if obj is None:
            return "false" if path in _TRUTHS else ""
        return str(obj).lower() if isinstance(obj, bool) else str(obj)

    return read


def _custom_field(field: str) -> Callable[[Any], str]:
    """Give how a field of a custom object is read: which ones may be asked for, its definition says."""
    parts = field.split(".")

    def read(obj: Any) -> str:
        value = obj.body
        for part in parts:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    return read


_COMMON_FIELDS: Final = {"metadata.name": "metadata.name", "metadata.namespace": "metadata.namespace"}
_TRUTHS: Final = ("spec.unschedulable", "spec.host_network")
_FIELDS: Final[dict[str, dict[str, str]]] = {
    "pods": {
        "spec.nodeName": "spec.node_name",
        "spec.restartPolicy": "spec.restart_policy",
        "spec.schedulerName": "spec.scheduler_name",
        "spec.serviceAccountName": "spec.service_account_name",
        "spec.hostNetwork": "spec.host_network",
        "status.phase": "status.phase",
        "status.podIP": "status.pod_ip",
        "status.nominatedNodeName": "status.nominated_node_name",
    },
    "events": {
        "involvedObject.kind": "involved_object.kind",
        "involvedObject.namespace": "involved_object.namespace",
        "involvedObject.name": "involved_object.name",
        "involvedObject.uid": "involved_object.uid",
        "involvedObject.apiVersion": "involved_object.api_version",
        "involvedObject.resourceVersion": "involved_object.resource_version",
        "involvedObject.fieldPath": "involved_object.field_path",
        "reason": "reason",
        "reportingComponent": "reporting_component",
        "source": "source.component",
        "type": "type",
    },
    "nodes": {"spec.unschedulable": "spec.unschedulable"},
    "namespaces": {"status.phase": "status.phase"},
    "secrets": {"type": "type"},
    "services": {"spec.clusterIP": "spec.cluster_ip", "spec.type": "spec.type"},
    "replicationcontrollers": {"status.replicas": "status.replicas"},
    "replicasets.apps": {"status.replicas": "status.replicas"},
    "jobs.batch": {"status.successful": "status.succeeded"},
    "ipaddresses.networking.k8s.io": {
        "spec.parentRef.name": "spec.parent_ref.name",
        "spec.parentRef.namespace": "spec.parent_ref.namespace",
        "spec.parentRef.resource": "spec.parent_ref.resource",
    },
    "certificatesigningrequests.certificates.k8s.io": {"spec.signerName": "spec.signer_name"},
}


def _token(revision: int, start: str) -> str:
    written = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _continued(token: str) -> tuple[int, str]:
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, start = read["rv"], read["start"]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        raise Refusal(statuses.bad_request("continue key is not valid: encoded in base64 as JSON")) from None
    if type(revision) is not int or revision < 1 or not isinstance(start, str):
        raise Refusal(statuses.bad_request("continue key is not valid: incorrect encoded start resourceVersion"))
    return revision, start


def _table_at(store: Reads, resource: str, revision: int) -> Table[str, Any]:
    """Give the table of *resource* as of *revision*, from the changes that are kept; 410 if they are not."""
    if revision >= store.revision:
        return store.table(resource)
    position = position_since(store, resource, revision)
    if position is None:
        raise Refusal(statuses.expired(_EXPIRED))
    return table_at(store, resource, position)
