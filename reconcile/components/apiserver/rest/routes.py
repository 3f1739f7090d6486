"""
Routes: which methods are taken where a resource is served.

Authorisation comes before: who may not does not learn what is served.

Takes:    a method, and what its path leads to.
Gives:    nothing, or a Refusal: 404 if nothing is served there, 405 if not by this method.
Source:   the API server's route table, as its discovery and its answers show it.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.api import kinds
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.paths import Target
from reconcile.model import statuses

_CHANGED: Final = ("GET", "PUT", "PATCH")
_STREAMED: Final = ("GET", "POST")
_SUBRESOURCES: Final[dict[str, tuple[str, ...]]] = {
    "status": _CHANGED,
    "scale": _CHANGED,
    "approval": _CHANGED,
    "ephemeralcontainers": _CHANGED,
    "resize": _CHANGED,
    "finalize": ("PUT",),
    "binding": ("POST",),
    "eviction": ("POST",),
    "token": ("POST",),
    "log": ("GET",),
    "attach": _STREAMED,
    "exec": _STREAMED,
    "portforward": _STREAMED,
    "proxy": ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
}
_ONE: Final = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_MANY: Final = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}


def check_route(resource: kinds.Resource, method: str, target: Target) -> None:
    """Refuse a request whose path is none of *resource*, or that comes by a method that is not taken there."""
    if target.namespace and not resource.namespaced:
        raise Refusal(statuses.no_such_resource())
    everywhere = resource.namespaced and not target.namespace
    if target.old:
        _check_old(resource, method, target, everywhere=everywhere)
        return
    if target.subresource:
        taken = _SUBRESOURCES.get(target.subresource, ()) if target.subresource in resource.subresources else None
    elif target.name:
        taken = tuple([each for each, verb in _ONE.items() if verb in resource.verbs]) or None
    else:
        taken = tuple([each for each, verb in _MANY.items() if verb in resource.verbs])
    if taken is None and target.subresource and resource.is_custom:
        # The handler of custom resources has a route for each subresource, and finds out later which there are.
        raise Refusal(statuses.not_found(resource.key, target.name))
    if taken is None or (everywhere and target.name):
        raise Refusal(statuses.no_such_resource())
    if method not in taken and target.subresource and resource.is_custom:
        raise Refusal(statuses.not_supported(resource.key, target.verb))
    if method not in taken or (everywhere and method != "GET"):
        raise Refusal(statuses.method_not_allowed())


def _check_old(resource: kinds.Resource, method: str, target: Target, *, everywhere: bool) -> None:
    """Refuse a request in the old form, whose path says that it watches, unless it does."""
    watched = target.old == "watch" and "watch" in resource.verbs
    if not watched or target.subresource or (everywhere and target.name):
        raise Refusal(statuses.no_such_resource())
    if method != "GET":
        raise Refusal(statuses.method_not_allowed())
