"""
Authentication: who sends an HTTP request, by its certificate or its token.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/authentication/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from reconcile.components.apiserver.access import authorising, tokens
from reconcile.components.apiserver.access.tokens import AUTHENTICATED, Untrusted
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.components.apiserver.state import State
from reconcile.lib.instant import Instant
from reconcile.model import statuses
from reconcile.model.requests import User
from reconcile.store import Reads


def requester(state: State, http: HttpRequest, store: Reads, now: Instant) -> User:
    """Give who asks, before impersonation; refuse with 401 credentials that are none."""
    if http.certificate is not None:
        name, groups = http.certificate
        return User(name=name, groups=(*groups, AUTHENTICATED))
    credential = http.header("authorization")
    scheme, _, token = credential.partition(" ")
    if not credential or scheme.lower() != "bearer" or not token.strip():
        return authorising.authenticated(User(name=""), anonymous=state.anonymous)
    user = tokens.static(state.tokens, token.strip())
    if user is not None:
        return user
    try:
        return tokens.bearer(state.signing_key, token.strip(), store, now, (tokens.ISSUER,))[0]
    except Untrusted:
        raise Refusal(statuses.unauthorized()) from None
