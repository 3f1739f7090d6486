"""
Reading: get and list, from the store as it is or as it was.

A list asks an index if a selector allows it; what is left is looked at one by one.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/ (resource versions, chunks).
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from reconcile.components.apiserver.reading import checking, paging
from reconcile.components.apiserver.reading.fields import field_of
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.errors import ReconcileError
from reconcile.lib.table import Table
from reconcile.model import selectors, statuses
from reconcile.model.requests import List, Request, Response, joined

_LABELLED: Final = ("pods", "replicasets.apps", "replicationcontrollers")


def get(ask: Ask) -> Response:
    """Answer a get."""
    if ask.request.resource_version:
        checking.check_version(ask)
    return Response(200, found(ask))


def found(ask: Ask) -> Any:
    """Give the object that a request names, or refuse with 404."""
    obj = ask.store.get(ask.request.resource, ask.key)
    if obj is None:
        raise Refusal(statuses.not_found(ask.request.resource, ask.request.name))
    return obj


def list_(ask: Ask) -> Response:
    """Answer a list."""
    request, store = ask.request, ask.store
    if request.resource_version_match or request.initial_events is not None:
        checking.check_list(request)
    if request.continue_:
        revision, start = paging.continued(request)
        table = paging.table_of(store, request, revision)
        if revision < 0:
            # Of what is there now: the client was told that this would not be what the list's beginning was of.
            revision = store.revision
    else:
        start = ""
        revision, table = _wanted(ask)
    # What is said to be in any version is read from the cache, which gives all of it.
    limit = 0 if request.resource_version == "0" else max(request.limit, 0)
    keys = _keys(ask, table, narrow=not limit)
    if start:
        keys = keys[bisect_left(keys, start) :]
    selects = selecting(request)
    items: list[Any] = []
    token, left = "", None
    for place, key in enumerate(keys, start=1):
        obj = table[key]
        if not selects(obj):
            continue
        items.append(obj)
        if len(items) == limit:
            if place < len(keys):
                token = paging.token_after(revision, key, request.namespace)
                # With a selector nobody knows how many are left without looking.
                left = None if request.label_selector or request.field_selector else len(keys) - place
            break
    return Response(200, _listed(ask, items, revision, token, left))


def _wanted(ask: Ask) -> tuple[int, Table[str, Any]]:
    """Give the revision that a list without a token is of, and the table as of then."""
    request, store = ask.request, ask.store
    version = request.resource_version
    if version not in ("", "0"):
        wanted = checking.version_of(request)
        # A first page with a version but nothing said of it is of exactly that version.
        exact = request.resource_version_match == "Exact" or (request.limit > 0 and not request.resource_version_match)
        if wanted > store.revision:
            raise Refusal(statuses.too_large_version(wanted, store.revision))
        if exact:
            return wanted, paging.table_as_of(store, request.resource, wanted)
    return store.revision, store.table(request.resource)


def _listed(ask: Ask, items: list[Any], revision: int, token: str = "", left: int | None = None) -> List:
    return List(
        resource=ask.request.resource,
        items=tuple(items),
        resource_version=str(revision),
        continue_=token,
        remaining=left,
    )


_Requirements: TypeAlias = tuple[tuple[selectors.Requirement, ...], tuple[selectors.FieldRequirement, ...]]


def _requirements(request: Request) -> _Requirements:
    try:
        labels = selectors.parse_labels(request.label_selector) if request.label_selector else ()
        fields = selectors.parse_fields(request.field_selector) if request.field_selector else ()
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    return labels, fields


def _keys(ask: Ask, table: Table[str, Any], *, narrow: bool = True) -> tuple[str, ...]:
    """
    Give the keys that may fit, in order: those of the narrowest index that a selector or the namespace names.

    A list with a limit has a token if anything is left where it looks, whether it fits or not: it is not *narrow*.
    """
    request = ask.request
    namespace = request.namespace
    labels, fields = _requirements(request)
    for requirement in fields:
        if requirement.operator != "=":
            continue
        if requirement.field == "metadata.name" and (namespace or not ask.resource.namespaced):
            key = joined(namespace, requirement.value)
            return (key,) if key in table else ()
        if requirement.field == "spec.nodeName" and request.resource == "pods" and requirement.value and narrow:
            return table.keys_under("node", requirement.value)
        if requirement.field == "metadata.namespace" and not namespace and ask.resource.namespaced:
            namespace = requirement.value
    if namespace and narrow and request.resource in _LABELLED:
        for wanted in labels:
            if wanted.operator == "=":
                return table.keys_under("label", (namespace, wanted.key, wanted.values[0]))
    return table.keys_under("namespace", namespace) if namespace else table.keys()


def selecting(request: Request) -> Callable[[Any], bool]:
    """Give the test of a request's namespace and selectors; refuse with 400 what is no selector."""
    labels, fields = _requirements(request)
    namespace = request.namespace
    # A term that names no field asks nothing if it wants nothing.
    # Events are selected in the words of the group in which they are asked for.
    spoken = f"{request.resource}.{request.version.partition('/')[0]}" if "/" in request.version else request.resource
    reads = [(field_of(spoken, each.field), each) for each in fields if each.field or each.value]

    def selects(obj: Any) -> bool:
        metadata = obj.metadata
        if namespace and metadata.namespace != namespace:
            return False
        if labels and not selectors.fits(labels, metadata.labels):
            return False
        return all((read(obj) == each.value) is (each.operator == "=") for read, each in reads)

    return selects
