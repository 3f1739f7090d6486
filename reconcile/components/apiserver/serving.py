"""
Serving: one request, from who asks to what is to be committed and answered.

Takes:    a Request, who asks, the store as it is, the instant, the request's own dice.
Gives:    a Response, or Planned: a transaction, and how to answer once it is committed.
Source:   the API server's request path: authentication, authorisation, admission, the registry's generic store.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from reconcile.api import kinds
from reconcile.components.apiserver.access import authorising, granting
from reconcile.components.apiserver.access.rbac import CLUSTER_ROLES, policy_of
from reconcile.components.apiserver.reading import objects, watching
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import strategies
from reconcile.components.apiserver.state import Ask, Plan, Planned, State
from reconcile.components.apiserver.writing import (
    approving,
    creating,
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
from reconcile.model import statuses
from reconcile.model.requests import Request, Response, User
from reconcile.store import Change, Reads, stamped

Way = Callable[[Ask], Plan]


def plan(state: State, request: Request, user: User, store: Reads, now: Instant, dice: Dice) -> Plan:  # noqa: PLR0917 -- the contract's order
    """
    Say what a request comes to: an answer, or what to commit first.

    A plan holds for this store; if its transaction is refused, plan again against the store as it is then.
    """
    try:
        asking = user if user.name else authorising.authenticated(user, anonymous=state.anonymous)
        asked, verb, subresource = request.resource, request.verb, request.subresource
        policy = store.rights or policy_of(store)
        if not authorising.may(policy, asking.name, asking.groups, verb, asked, subresource):
            authorising.authorise(asking, request, store)
        name, namespace = request.name, request.namespace
        resource, way = _route(asked, verb, subresource, not name, not namespace)
        key = f"{namespace}/{name}" if namespace else name
        return way(Ask(state, request, asking, store, now, dice, resource, key))
    except Refusal as refusal:
        return refusal.response


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
        if planned.scale:
            obj = scaling.scale_of(obj)
    elif planned.gone:
        obj = stamped(obj, store.revision)
    return Response(planned.code, obj, planned.warnings)


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
_EVERYWHERE: Final = ("list", "watch")
_UNNAMED: Final = ("create", "list", "watch", "deletecollection")


@lru_cache(maxsize=4096)
def _route(
    key: str,
    verb: str,
    subresource: str,
    unnamed: bool,  # noqa: FBT001 -- a cached function's key
    unplaced: bool,  # noqa: FBT001 -- a cached function's key
) -> tuple[kinds.Resource, Way]:
    """Give the resource and what carries the verb out; refuse a request whose path would be none."""
    try:
        resource = kinds.resource(key)
    except ReconcileError:
        raise Refusal(statuses.no_such_resource()) from None
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
    if unnamed and (subresource or verb not in _UNNAMED):
        raise Refusal(statuses.bad_request("name must be provided"))
    if resource.namespaced and unplaced and verb not in _EVERYWHERE:
        raise Refusal(statuses.bad_request("an empty namespace may not be set during creation"))
    if not (resource.namespaced or unplaced):
        raise Refusal(statuses.no_such_resource())
    if key == "bindings":
        way = subresources.bind
    elif key in reviewing.WAYS:
        way = reviewing.WAYS[key]
    elif key == CLUSTER_ROLES:
        way = granting.aggregating(way)
    return resource, way
