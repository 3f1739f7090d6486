"""
Serving: one request, from who asks to what is to be committed and answered.

Takes:    a Request, who asks, the store as it is, the instant, the request's own dice.
Gives:    a Response; or Planned: a transaction, and how to answer once it is committed; or Asking: webhooks to call.
Source:   the API server's request path: authentication, authorisation, admission, the registry's generic store.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from reconcile.api import kinds
from reconcile.components.apiserver import presence
from reconcile.components.apiserver.access import authorising, granting
from reconcile.components.apiserver.access.rbac import CLUSTER_ROLES, policy_of
from reconcile.components.apiserver.calling import Suspending
from reconcile.components.apiserver.fairness.classifying import marking
from reconcile.components.apiserver.fairness.suggested import SCHEMAS
from reconcile.components.apiserver.reading import custom as reading_custom
from reconcile.components.apiserver.reading import objects, watching
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served, strategies
from reconcile.components.apiserver.state import CONVERTED, Ask, Asking, Notes, Plan, Planned, State
from reconcile.components.apiserver.writing import (
    approving,
    creating,
    custom,
    custom_scale,
    definitions,
    deleting,
    evicting,
    patching,
    pod_parts,
    reviewing,
    scaling,
    subresources,
    tokening,
    updating,
)
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.definitions import DEFINITIONS
from reconcile.model.requests import Request, Response, User
from reconcile.store import Change, Reads, stamped

Way = Callable[[Ask], Plan]

_READS: Final = ("get", "list", "watch")
# Seconds that a request may take; what writes is given up earlier. Source: --request-timeout; the handlers.
_LONGEST: Final = 60
_LONGEST_WRITE: Final = 34


def plan(  # noqa: PLR0917 -- the contract's order
    state: State, request: Request, user: User, store: Reads, now: Instant, dice: Dice, notes: Notes | None = None
) -> Plan | Asking:
    """
    Say what a request comes to: an answer, what to commit first, or what to ask of webhooks first.

    A plan holds for this store; if its transaction is refused, plan again against the store as it is then. When
    webhooks have answered, plan again with the answers in *notes*, and with the same instant and dice.
    """
    try:
        asking = user if user.name else authorising.authenticated(user, anonymous=state.anonymous)
        asked, verb, subresource = request.resource, request.verb, request.subresource
        policy = store.rights or policy_of(store)
        if not authorising.may(policy, asking.name, asking.groups, verb, asked, subresource):
            authorising.authorise(asking, request, store)
        name, namespace = request.name, request.namespace
        route = _route(asked, verb, subresource, not name, not namespace)
        resource, way = _other_route(state, store, request) if route is None else route
        key = f"{namespace}/{name}" if namespace else name
        plan = way(Ask(state, request, asking, store, now, dice, resource, key, notes))
    except Refusal as refusal:
        plan = refusal.response
    except Suspending as suspending:
        calls = tuple([(each.key, each.call) for each in suspending.wanted])
        return Asking(calls, _LONGEST if request.verb in _READS else _LONGEST_WRITE)
    if notes is not None and notes.warnings:
        return replace(plan, warnings=plan.warnings + tuple(notes.warnings))
    return plan


def answer(planned: Planned, store: Reads, changes: tuple[Change, ...]) -> Response:
    """Answer a request whose transaction is committed to *store* and made these changes."""
    key, obj = planned.key, planned.body
    if key:
        for change in changes:
            if change.key == key and change.resource == planned.resource:
                obj = change.new
                break
        else:
            obj = store.get(planned.resource, key)
        if planned.version == CONVERTED and obj is not None:
            obj = stamped(planned.body, int(obj.metadata.resource_version))
        elif planned.version:
            obj = reading_custom.answered(obj, planned.version, served.definition(store, planned.resource))
        if planned.scale:
            obj = _scale_of(planned, obj, store)
    elif planned.gone:
        obj = stamped(obj, store.revision)
    return Response(planned.code, obj, planned.warnings)


def _scale_of(planned: Planned, obj: Any, store: Reads) -> Any:
    definition = served.definition(store, planned.resource)
    paths = None if definition is None else definition.version(planned.version).scale
    return scaling.scale_of(obj) if paths is None else custom_scale.scale_at(obj, paths)


_WAYS: Final[Mapping[tuple[str, str], Way]] = {
    ("create", ""): creating.create,
    ("get", ""): objects.get,
    ("list", ""): objects.list_,
    ("watch", ""): watching.watch,
    ("update", ""): updating.update,
    ("patch", ""): patching.patch,
    ("delete", ""): deleting.delete,
    ("deletecollection", ""): deleting.delete_collection,
    ("get", "status"): objects.get,
    ("update", "status"): updating.update_status,
    ("patch", "status"): patching.patch_status,
    ("create", "binding"): subresources.bind,
    ("create", "eviction"): evicting.evict,
    ("get", "scale"): scaling.scale,
    ("update", "scale"): scaling.update_scale,
    ("patch", "scale"): scaling.patch_scale,
    ("update", "finalize"): subresources.finalize,
    ("get", "ephemeralcontainers"): objects.get,
    ("update", "ephemeralcontainers"): pod_parts.update,
    ("patch", "ephemeralcontainers"): pod_parts.patch,
    ("get", "resize"): objects.get,
    ("update", "resize"): pod_parts.update,
    ("patch", "resize"): pod_parts.patch,
    ("get", "approval"): objects.get,
    ("update", "approval"): approving.update,
    ("patch", "approval"): approving.patch,
    ("create", "token"): tokening.create,
}
# A definition is looked at once it is written.
_DEFINITION_WAYS: Final[Mapping[tuple[str, str], Way]] = {
    ("create", ""): definitions.create,
    ("update", ""): definitions.update,
    ("patch", ""): definitions.patch,
    ("delete", ""): definitions.delete,
    ("deletecollection", ""): definitions.delete_collection,
    ("update", "status"): definitions.update_status,
    ("patch", "status"): definitions.patch_status,
    ("update", definitions.ESTABLISH): definitions.establish,
}
_CUSTOM_WAYS: Final[Mapping[tuple[str, str], Way]] = {
    ("create", ""): custom.create,
    ("get", ""): reading_custom.get,
    ("list", ""): reading_custom.list_,
    ("watch", ""): reading_custom.watch,
    ("update", ""): custom.update,
    ("patch", ""): custom.patch,
    ("delete", ""): custom.delete,
    ("deletecollection", ""): custom.delete_collection,
    ("get", "status"): reading_custom.get,
    ("update", "status"): custom.update_status,
    ("patch", "status"): custom.patch,
    ("get", "scale"): custom_scale.scale,
    ("update", "scale"): custom_scale.update_scale,
    ("patch", "scale"): custom_scale.patch_scale,
}
_EVERYWHERE: Final = ("list", "watch")
_UNNAMED: Final = ("create", "list", "watch", "deletecollection")


@lru_cache(maxsize=4096)
def _route(
    key: str,
    verb: str,
    subresource: str,
    unnamed: bool,  # noqa: FBT001 -- a cached function's key
    unplaced: bool,  # noqa: FBT001 -- a cached function's key
) -> tuple[kinds.Resource, Way] | None:
    """
    Give the resource and what carries the verb out; refuse a request whose path would be none.

    None if the resource is not served by default: a definition in the store may still establish it, or a feature gate.
    """
    try:
        resource = kinds.resource(key)
    except ReconcileError:
        return None
    return None if resource.gate else _way(resource, verb, subresource, unnamed=unnamed, unplaced=unplaced)


def _way(resource: kinds.Resource, verb: str, subresource: str, *, unnamed: bool, unplaced: bool) -> tuple[Any, Way]:
    key = resource.key
    if subresource == presence.PRESENT and key == presence.LEASES:
        return resource, presence.renew
    if key == DEFINITIONS and (verb, subresource) in _DEFINITION_WAYS:
        way: Way | None = _DEFINITION_WAYS[verb, subresource]
        if subresource == definitions.ESTABLISH:
            return resource, definitions.establish
    else:
        way = _WAYS.get((verb, subresource))
    if subresource:
        known = [name for _, name in _WAYS]
        if subresource not in resource.subresources or subresource not in known:
            raise Refusal(statuses.no_such_resource())
        if subresource == "scale" and key not in strategies.SCALABLE:
            raise Refusal(statuses.no_such_resource())
    elif verb not in resource.verbs:
        way = None
    if way is None:
        raise Refusal(statuses.method_not_allowed())
    _check_path(resource, verb, subresource, unnamed=unnamed, unplaced=unplaced)
    if key == "bindings":
        way = subresources.bind
    elif key in reviewing.WAYS:
        way = reviewing.WAYS[key]
    elif key == CLUSTER_ROLES:
        way = granting.aggregating(way)
    elif key == SCHEMAS and verb == "create":
        way = marking(way)
    return resource, way


def _other_route(state: State, store: Reads, request: Request) -> tuple[kinds.Resource, Way]:
    """Give the resource that a request is about, which is not served by default, and what carries its verb out."""
    beyond = served.beyond(state.beyond)
    if beyond and (request.resource, request.version) in {
        (each.key, name) for each in beyond for name in ("", each.version)
    }:
        unnamed, unplaced = not request.name, not request.namespace
        resource = kinds.resource(request.resource)
        return _way(resource, request.verb, request.subresource, unnamed=unnamed, unplaced=unplaced)
    return _custom_route(store, request)


def _custom_route(store: Reads, request: Request) -> tuple[kinds.Resource, Way]:
    """Give the custom resource that a request is about, and what carries its verb out."""
    definition = served.definition(store, request.resource)
    version = None if definition is None else definition.versions.get(request.version or definition.storage)
    if version is None or (request.version and not version.served):
        raise Refusal(statuses.no_such_resource())
    resource, subresource, verb = version.resource, request.subresource, request.verb
    if subresource and subresource not in resource.subresources:
        raise Refusal(statuses.not_found(request.resource, request.name))
    way = _CUSTOM_WAYS.get((verb, subresource))
    if way is None:
        raise Refusal(statuses.method_not_allowed())
    _check_path(resource, verb, subresource, unnamed=not request.name, unplaced=not request.namespace)
    return resource, way


def _check_path(resource: kinds.Resource, verb: str, subresource: str, *, unnamed: bool, unplaced: bool) -> None:
    """Refuse a request without a name or a namespace that it needs, or with a namespace that there cannot be."""
    if unnamed and (subresource or verb not in _UNNAMED):
        raise Refusal(statuses.bad_request("name must be provided"))
    if resource.namespaced and unplaced and verb not in _EVERYWHERE:
        raise Refusal(statuses.bad_request("an empty namespace may not be set during creation"))
    if not (resource.namespaced or unplaced):
        raise Refusal(statuses.no_such_resource())
