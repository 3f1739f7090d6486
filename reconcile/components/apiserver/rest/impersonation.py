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
from reconcile.model.requests import Request, User
from reconcile.store import Reads

_PREFIX: Final = "impersonate-"
_ACCOUNT: Final = "system:serviceaccount:"


def impersonated(user: User, http: HttpRequest, store: Reads) -> User:
    """Give whom *user* wants to be taken for: itself if it names nobody; refuse with 403 what it may not."""
    name, groups = http.header("impersonate-user"), http.all_headers("impersonate-group")
    if not any(key.startswith(_PREFIX) for key, _ in http.headers):
        return user
    if not name:
        raise Refusal(statuses.unexpected("requested [{UID }] without impersonating a user"))
    account = name.removeprefix(_ACCOUNT) if name.startswith(_ACCOUNT) else ""
    if account.count(":") == 1:
        namespace, _, short = account.partition(":")
        _may_take(user, "serviceaccounts", short, store, namespace)
    else:
        _may_take(user, "users", name, store)
    for group in groups:
        _may_take(user, "groups", group, store)
    if not groups and name != "system:anonymous":
        groups = ("system:authenticated",)
    return User(name=name, groups=groups)


def _may_take(user: User, resource: str, name: str, store: Reads, namespace: str = "") -> None:
    asked = Request(verb="impersonate", resource=resource, namespace=namespace, name=name)  # type: ignore[arg-type]  # of RBAC alone
    authorising.authorise(user, asked, store)
