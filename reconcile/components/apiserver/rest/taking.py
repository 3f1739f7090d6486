"""
Taking: from an HTTP request to the engine's own Request, or to the answer at once.

In upstream's order: who asks, for whom, may they, is anything served there, in which form, what does the body say.

Takes:    HttpRequest, and what a server sees of its cluster.
Gives:    Asked, or HttpResponse.
Source:   the API server's handler chain.
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import autoscaling_v1, core_v1, kinds, meta_v1, policy_v1
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served
from reconcile.components.apiserver.rest import authentication, decoding, elsewhere, health, impersonation, options
from reconcile.components.apiserver.rest.encoding import encoded, plain
from reconcile.components.apiserver.rest.negotiation import Accepted, accepted, content_type
from reconcile.components.apiserver.rest.paths import Target, target_of
from reconcile.components.apiserver.rest.values import HttpRequest, HttpResponse
from reconcile.components.apiserver.state import State
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.model import statuses
from reconcile.model.requests import Request, User
from reconcile.store import Reads

_JSON: Final = Accepted("json")
_PATCHES: Final = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
# What a POST or PUT to a subresource carries.
_CARRIED: Final[dict[str, type]] = {
    "binding": core_v1.Binding,
    "eviction": policy_v1.Eviction,
    "scale": autoscaling_v1.Scale,
}


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Serving:
    """What one API server has at hand when a request comes: its configuration, the store, the time, its own address."""

    state: State
    store: Reads
    now: Instant
    address: str = "127.0.0.1:6443"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Reply:
    """
    How the answer to a request is to be written.

    Args:
        accepted: the form that was asked for.
        resource: what the path leads to.
        version: of the resource's group, as the path says.
        http: the request.
        warnings: of what was read.
    """

    accepted: Accepted
    resource: kinds.Resource
    http: HttpRequest
    warnings: tuple[str, ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Asked:
    """An HTTP request as the engine's: what is asked, by whom, and how to write the answer."""

    request: Request
    user: User
    reply: Reply


def take(serving: Serving, http: HttpRequest) -> Asked | HttpResponse:
    """Give what *http* asks, or the answer to it if that needs no verb of a resource."""
    try:
        user = authentication.requester(serving.state, http)
        user = impersonation.impersonated(user, http, serving.store)
        target = target_of(http.method, http.path, watch=options.is_watch(http))
        if not target.is_resource:
            return elsewhere.answer(http, serving.store, serving.now, serving.address)
        return _asked(serving, http, user, target)
    except _Nowhere:
        return health.text("404 page not found\n", 404)
    except Refusal as refusal:
        return refused(refusal.response.body, http)


def refused(status: meta_v1.Status, http: HttpRequest) -> HttpResponse:
    """Give the response to a request that is refused."""
    found = accepted(http.header("accept"), shapes=()) or _JSON
    return encoded(status.code or 500, plain(status), found)


def _asked(serving: Serving, http: HttpRequest, user: User, target: Target) -> Asked:
    probe = Request(
        verb=target.verb,  # type: ignore[arg-type]  # an unknown method gives an empty verb, which nobody may
        resource=target.key,
        namespace=target.namespace,
        name=target.name,
        subresource=target.subresource,
    )
    authorising.authorise(user, probe, serving.store)
    resource = _served(serving.store, target)
    how = accepted(http.header("accept"))
    if how is None:
        raise Refusal(statuses.not_acceptable())
    fields, warnings = _fields(http, target, resource)
    request = attrs.evolve(probe, version=_version(resource), **fields)
    return Asked(request=request, user=user, reply=Reply(accepted=how, resource=resource, http=http, warnings=warnings))


def _served(store: Reads, target: Target) -> kinds.Resource:
    for resource in (*kinds.all_resources(), *served.served(store).resources):
        if (resource.group, resource.version, resource.plural) == (target.group, target.version, target.plural):
            if resource.is_custom and target.namespace and not resource.namespaced:
                break
            return resource
    if not kinds.is_built_in(target.group):
        raise _Nowhere
    raise Refusal(statuses.no_such_resource())


class _Nowhere(Exception):  # noqa: N818 -- it is an answer
    """The path is that of no group of the API: not even a Status answers there."""


def _version(resource: kinds.Resource) -> str:
    """Give the version of the group if it is not the one that objects are stored in."""
    if resource.is_custom:
        return resource.version
    try:
        preferred = kinds.resource(resource.key)
    except ReconcileError:
        return ""
    return "" if preferred.version == resource.version else resource.version


def _fields(http: HttpRequest, target: Target, resource: kinds.Resource) -> tuple[dict[str, Any], tuple[str, ...]]:
    match target.verb:
        case "get" | "list" | "watch":
            return options.reading_options(http), ()
        case "create" | "update":
            written = options.writing_options(http)
            cls = _CARRIED.get(target.subresource, resource.object_class)
            if cls is CustomObject:
                body, warnings = decoding.custom(http, resource, written["field_validation"])
            else:
                body, warnings = decoding.decoded(http, cls, written["field_validation"])
            return {**written, "body": body}, warnings
        case "patch":
            kind = content_type(http.header("content-type")) or ""
            if kind not in _PATCHES:
                raise Refusal(statuses.unsupported_media_type())
            fields = options.writing_options(http)
            return {**fields, "body": decoding.patch_body(http), "patch_type": _PATCHES[kind]}, ()
        case "delete" | "deletecollection":
            found = options.deleting_options(http, decoding.options_body(http))
            return found, ()
        case _:
            raise Refusal(statuses.method_not_allowed())
