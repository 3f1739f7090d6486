"""
Authentication: who sends an HTTP request, by its certificate or its token, and whom it stands in for.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/authentication/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

import attrs

from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.components.apiserver.state import State
from reconcile.model import statuses
from reconcile.model.requests import User

_AUTHENTICATED = "system:authenticated"


def requester(state: State, http: HttpRequest) -> User:
    """Give who asks, before impersonation; refuse with 401 credentials that are none."""
    if http.certificate is not None:
        name, groups = http.certificate
        return User(name=name, groups=(*groups, _AUTHENTICATED))
    credential = http.header("authorization")
    scheme, _, token = credential.partition(" ")
    if not credential or scheme.lower() != "bearer":
        return authorising.authenticated(User(name=""), anonymous=state.anonymous)
    user = state.tokens.get(token.strip())
    if user is None:
        raise Refusal(statuses.unauthorized())
    if _AUTHENTICATED in user.groups:
        return user
    return attrs.evolve(user, groups=(*user.groups, _AUTHENTICATED))
