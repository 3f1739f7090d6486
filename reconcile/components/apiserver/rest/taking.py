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

from reconcile.api import authentication_v1, autoscaling_v1, core_v1, kinds, meta_v1, policy_v1, versions
from reconcile.api.shapes import CustomObject
from reconcile.api.unmarshalling import quoted
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.fairness.classifying import Classified, classified
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served
from reconcile.components.apiserver.rest import (
    authentication,
    connecting,
    decoding,
    elsewhere,
    health,
    impersonation,
    options,
    routes,
    shapes,
)
from reconcile.components.apiserver.rest.encoding import encoded, plain
from reconcile.components.apiserver.rest.negotiation import (
    CUSTOM_TYPES,
    MEDIA_TYPES,
    SHAPES,
    STREAMS,
    Accepted,
    accepted,
    content_type,
    is_pretty,
    routed,
)
from reconcile.components.apiserver.rest.paths import NoResource, Target, target_of
from reconcile.components.apiserver.rest.values import HttpRequest, HttpResponse
from reconcile.components.apiserver.state import State
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model import measured, owners, statuses
from reconcile.model.printing.custom import SCALE, shape_with
from reconcile.model.printing.shape import Shape
from reconcile.model.requests import Request, User
from reconcile.store import Reads

_JSON: Final = Accepted("json")
"""The resource whose objects are those of another."""

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
    "token": authentication_v1.TokenRequest,
}
_OF_METRICS: Final = (measured.CUSTOM_METRICS, measured.EXTERNAL)
_SELECTED: Final = ("list", "watch", "deletecollection")


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
        now: the instant at which it came, by the server's clock.
        warnings: of what was read.
        flow: headers that say where the request belongs among those that are to be served.
    """

    accepted: Accepted
    resource: kinds.Resource
    http: HttpRequest
    now: Instant = 0
    warnings: tuple[str, ...] = ()
    table: Shape | None = None
    flow: tuple[tuple[str, str], ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Asked:
    """An HTTP request as the engine's: what is asked, by whom, and how to write the answer."""

    request: Request
    user: User
    reply: Reply


def take(serving: Serving, http: HttpRequest) -> Asked | HttpResponse:
    """Give what *http* asks, or the answer to it if that needs no verb of a resource."""
    found = _taken(serving, http)
    return attrs.evolve(found, body=b"") if http.method == "HEAD" and isinstance(found, HttpResponse) else found


def _taken(serving: Serving, http: HttpRequest) -> Asked | HttpResponse:
    try:
        target = target_of(http.method, http.path, watch=options.is_watch(http))
        user = user_of(serving, http, target)
    except NoResource:
        return no_resource(http)
    except Refusal as refusal:
        return refused(refusal.response.body, http)
    belongs = classified(serving.store, user, target)
    found = _authorised(serving, http, user, target)
    if belongs is None:
        return found
    if isinstance(found, HttpResponse):
        return attrs.evolve(found, headers=(*found.headers, *belongs.headers))
    return attrs.evolve(found, reply=attrs.evolve(found.reply, flow=belongs.headers))


def belongs_to(serving: Serving, http: HttpRequest) -> Classified | None:
    """Say where a request belongs among those that are to be served; None if nobody knows who asks, or nothing says."""
    try:
        target = target_of(http.method, http.path, watch=options.is_watch(http))
        return classified(serving.store, user_of(serving, http, target), target)
    except (Refusal, NoResource):
        return None


def _authorised(serving: Serving, http: HttpRequest, user: User, target: Target) -> Asked | HttpResponse:
    warnings: tuple[str, ...] = ()
    try:
        if not target.is_resource or not elsewhere.has_group(target.path, serving.store):
            authorising.authorise_path(user, target.verb, http.path, serving.store)
            state = serving.state
            at = serving.now, serving.address
            return elsewhere.answer(http, serving.store, *at, state.signing_key, state.version, state.beyond)
        probe = _probe(target, http)
        authorising.authorise(user, probe, serving.store)
        if target.group in _OF_METRICS:
            return _metric(http, user, target, probe)
        resource = _served(serving.state, serving.store, target)
        routes.check_route(resource, http.method, target)
        warnings = _deprecation(target) or _own_deprecation(serving.store, resource)
        return _asked(serving, http, user, target, probe, resource)
    except _Nowhere:
        return health.text("404 page not found\n", 404)
    except Refusal as refusal:
        return refused(refusal.response.body, http, warnings)


def refused(status: meta_v1.Status, http: HttpRequest, warnings: tuple[str, ...] = ()) -> HttpResponse:
    """Give the response to a request that is refused."""
    found = accepted(http.header("accept"), shapes=()) or _JSON
    how = attrs.evolve(found, pretty=is_pretty(found, http))
    return encoded(status.code or 500, plain(status), how, warnings=warnings)


def no_resource(http: HttpRequest) -> HttpResponse:
    """Give the response to a request whose path ends behind the verb that it names."""
    path = http.path
    why = f"unable to determine kind and namespace from url, {path}"
    return health.text(f"Internal Server Error: {quoted(path)}: failed to create RequestInfo: {why}\n", 500)


def user_of(serving: Serving, http: HttpRequest, target: Target) -> User:
    """Give whom the request is to be taken for, if the one who sent it may be; refuse with 401 or 403."""
    user = authentication.requester(serving.state, http, serving.store, serving.now)
    wanted = impersonation.wanted_by(http)
    if wanted is None:
        return user

    def does(user: User, prefix: str) -> None:
        if target.is_resource:
            probe = _probe(target, http)
            verb: Any = f"{prefix}{probe.verb}"
            authorising.authorise(user, attrs.evolve(probe, verb=verb), serving.store)
        else:
            authorising.authorise_path(user, f"{prefix}{target.verb}", http.path, serving.store)

    return impersonation.impersonated(user, wanted, does, serving.store)


def _probe(target: Target, http: HttpRequest) -> Request:
    """Give as much of a request as says whether somebody may ask it."""
    return Request(
        verb=target.verb,  # type: ignore[arg-type]  # an unknown method gives an empty verb, which nobody may
        resource=target.key,
        namespace=target.namespace,
        name=target.name,
        subresource=target.subresource,
        field_selector=http.parameter("fieldSelector") if target.verb in _SELECTED else "",
    )


def _asked(  # noqa: PLR0917 -- what is known of a request
    serving: Serving, http: HttpRequest, user: User, target: Target, probe: Request, resource: kinds.Resource
) -> Asked:
    if target.subresource in connecting.SUBRESOURCES:
        raise connecting.refusal(user, probe, target, http, serving.store)
    how = _negotiated(http, target, resource)
    shapes.check_shape(how, http)
    fields, warnings = _fields(http, target, resource)
    # A namespace is authorised as if it were in itself; it is in none.
    namespace = target.namespace if resource.namespaced else ""
    if resource.key == shapes.NEW_EVENTS:
        # They are stored with those of the core group.
        probe = attrs.evolve(probe, resource="events")
    request = attrs.evolve(probe, namespace=namespace, version=_version(resource), warned=True, **fields)
    warnings = (*_deprecation(target), *warnings)
    table = _table_of(serving.store, target, resource) if how.shape == "Table" else None
    reply = Reply(accepted=how, resource=resource, http=http, now=serving.now, warnings=warnings, table=table)
    return Asked(request=request, user=user, reply=reply)


def _metric(http: HttpRequest, user: User, target: Target, probe: Request) -> Asked:
    """Give what is asked of a metric: what is said of things under its name, or of the world outside."""
    if target.version != measured.VERSIONS[target.group] or target.verb not in ("get", "list"):
        raise Refusal(statuses.no_such_resource())
    resource = measured.resource_of(target.group, target.plural, target.verb)
    how = _negotiated(http, target, resource)
    request = attrs.evolve(
        probe,
        label_selector=http.parameter("labelSelector"),
        field_selector=http.parameter("metricLabelSelector"),
    )
    return Asked(request=request, user=user, reply=Reply(accepted=how, resource=resource, http=http))


def _table_of(store: Reads, target: Target, resource: kinds.Resource) -> Shape | None:
    """Say what a Table shows of a custom resource's objects; None of others."""
    definition = served.definition(store, resource.key)
    if resource.group == measured.USED:
        return shape_with(())
    if definition is not None and target.subresource == "scale":
        return shape_with(SCALE)
    return None if definition is None else shape_with(definition.version(resource.version).columns)


def _negotiated(http: HttpRequest, target: Target, resource: kinds.Resource) -> Accepted:
    """Say how to answer; refuse what the client wants if that cannot be served."""
    is_custom = resource.object_class is CustomObject
    if not is_custom and (refusal := routed(http, target.verb)):
        raise Refusal(statuses.not_routed(*refusal))
    watches = target.verb == "watch"
    served = CUSTOM_TYPES if is_custom else tuple(MEDIA_TYPES)
    shapes = SHAPES if _has_tables(target, resource) else SHAPES[1:]
    how = accepted(http.header("accept"), shapes=shapes, served=served, stream=watches)
    if how is None:
        streams = STREAMS[:1] if is_custom else STREAMS
        raise Refusal(statuses.not_acceptable(streams if watches else tuple(MEDIA_TYPES)))
    return attrs.evolve(how, pretty=is_pretty(how, http))


def _has_tables(target: Target, resource: kinds.Resource) -> bool:
    """Tell whether what is asked for can be shown as a Table."""
    return not (target.subresource in _NO_TABLES or resource.group in _REVIEWS or resource.key == "bindings")


_NO_TABLES: Final = ("approval", "binding", "ephemeralcontainers", "eviction", "finalize", "resize", "token")
_REVIEWS: Final = ("authentication.k8s.io", "authorization.k8s.io")
"""Groups of which nothing is kept."""


def _deprecation(target: Target) -> tuple[str, ...]:
    """Give the warning that whoever asks for a resource gets, whatever comes of it."""
    said = _DEPRECATED.get((target.group, target.version, target.plural))
    return (said,) if said is not None else ()


def _own_deprecation(store: Reads, resource: kinds.Resource) -> tuple[str, ...]:
    """Give the warning of a custom resource's version, for who is refused before the engine could give it."""
    definition = served.definition(store, resource.key) if resource.is_custom else None
    said = definition.version(resource.version).warning if definition is not None else ""
    return (said,) if said else ()


_DEPRECATED: Final = {
    ("", "v1", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("", "v1", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
    ("coordination.k8s.io", "v1beta1", "leasecandidates"): (
        "coordination.k8s.io/v1beta1 LeaseCandidate is deprecated in v1.36+, unavailable in v1.39+"
    ),
    ("coordination.k8s.io", "v1alpha2", "leasecandidates"): (
        "coordination.k8s.io/v1alpha2 LeaseCandidate is deprecated in v1.35+, unavailable in v1.38+"
    ),
}


def _served(state: State, store: Reads, target: Target) -> kinds.Resource:
    for resource in served.everything(state.beyond, store):
        if (resource.group, resource.version, resource.plural) == (target.group, target.version, target.plural):
            if resource.is_custom and target.namespace and not resource.namespaced:
                break
            return resource
    if not kinds.is_built_in(target.group):
        raise _Nowhere
    raise Refusal(statuses.no_such_resource())


class _Nowhere(Exception):  # noqa: N818 -- it is an answer
    """The path is that of no group of the API: not even a Status answers there."""


def _once_owned(obj: Any) -> tuple[Any, tuple[str, ...]]:
    """Give an object without owner references that it has twice, and the warning of it."""
    metadata = getattr(obj, "metadata", None)
    given = getattr(metadata, "owner_references", None) or ()
    once, twice = owners.without_repeats(given)
    if not twice:
        return obj, ()
    said = f"{_TWICE}{', '.join(twice)}"
    return replace(obj, metadata=replace(metadata, owner_references=once)), (said,)


_TWICE: Final = (
    ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject"
    " such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
)


def _version(resource: kinds.Resource) -> str:
    """Give the version of the group if it is not the one that objects are stored in; the group too if that is not."""
    if resource.key == shapes.NEW_EVENTS:
        return resource.api_version
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
            asked = options.reading_options(http, listing=target.verb != "get", watching=target.verb == "watch")
            if target.old and target.name:
                asked |= {"field_selector": options.named(target.name, asked["field_selector"]), "name": ""}
            return asked, ()
        case "create" | "update":
            decoding.input_encoding(http)
            decoding.whole_body(http)
            written = options.writing_options(http, f"{target.verb.title()}Options")
            cls = _CARRIED.get(target.subresource, resource.object_class)
            found = decoding.decoded(http, cls, written["field_validation"], resource)
            obj, twice = _once_owned(versions.stored(found.object))
            return {**written, "body": obj}, (*found.warnings, *twice)
        case "patch":
            kind = _PATCHES.get(content_type(http.header("content-type")) or "")
            if kind is None:
                raise Refusal(statuses.unsupported_media_type(tuple(_PATCHES)))
            decoding.whole_body(http)
            fields = options.writing_options(http, "PatchOptions", applies=kind == "apply")
            return {**fields, "body": decoding.patch_body(http), "patch_type": kind}, ()
        case "delete" | "deletecollection":
            many = target.verb == "deletecollection"
            return options.deleting_options(http, decoding.options_body(http), many=many), ()
        case _:
            raise Refusal(statuses.method_not_allowed())
