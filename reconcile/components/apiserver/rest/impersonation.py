"""
Impersonation: asking as somebody else, if one may.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.model import statuses
from reconcile.model.requests import User
from reconcile.store import Reads

_PREFIX: Final = "impersonate-"


def impersonated(user: User, http: HttpRequest, store: Reads) -> User:  # noqa: ARG001 -- RBAC asks the store
    """Give whom *user* wants to be taken for: itself if it names nobody; refuse with 403 what it may not."""
    name, groups = http.header("impersonate-user"), http.all_headers("impersonate-group")
    if not any(key.startswith(_PREFIX) for key, _ in http.headers):
        return user
    if not name:
        raise Refusal(statuses.unexpected("requested [{UID }] without impersonating a user"))
    if authorising.MASTERS not in user.groups:
        said = f'User "{user.name}" cannot impersonate resource "users" in API group "" at the cluster scope'
        raise Refusal(statuses.forbidden("users", name, said))
    if not groups and name != "system:anonymous":
        groups = ("system:authenticated",)
    return User(name=name, groups=groups)
