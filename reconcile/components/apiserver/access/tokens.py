"""
Tokens: what a ServiceAccount proves itself with: what it says, its signature, and who comes with it.

A token is a JSON Web Token, signed with the cluster's own key by RS256, which anybody can check with what
/openid/v1/jwks says. The key is a function of the cluster's seed, so that a replay gives the same tokens.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/; RFC 7515, RFC 7517, RFC 7519.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.lib import rsa
from reconcile.lib.instant import MINUTE, SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.model import webtokens
from reconcile.model.requests import User
from reconcile.store import Reads

ISSUER: Final = "https://kubernetes.default.svc"
AUTHENTICATED: Final = "system:authenticated"
ACCOUNTS: Final = "system:serviceaccounts"
ACCOUNT: Final = "system:serviceaccount:"
_OF_SECRETS: Final = "kubernetes.io/serviceaccount/"
_INVALID_SINCE: Final = "kubernetes.io/legacy-token-invalid-since"
_EXTRA: Final = "authentication.kubernetes.io/"
_LEEWAY: Final = MINUTE
_PARTS: Final = 3
_GONE: Final = "service account token has been invalidated"
INVALID: Final = "invalid bearer token"


class Untrusted(Exception):  # noqa: N818 -- it is an answer: nobody comes with this token
    """The token is no good; it is said why, in upstream's words."""


def groups_of(namespace: str) -> tuple[str, str]:
    """Give the groups that every account of *namespace* is in."""
    return (ACCOUNTS, f"{ACCOUNTS}:{namespace}")


def static(known: Map[User], token: str) -> User | None:
    """Give who a token stands for that the server was configured with; None if it is none of those."""
    user = known.get(token)
    if user is None or AUTHENTICATED in user.groups:
        return user
    return attrs.evolve(user, groups=(*user.groups, AUTHENTICATED))


def bearer(
    key: str, token: str, store: Reads, now: Instant, audiences: tuple[str, ...]
) -> tuple[User, tuple[str, ...]]:
    """
    Give who comes with a token, and for which of *audiences* it is.

    Raises:
        Untrusted: it was not signed with the key, its time is over, or what it is bound to is not there any more.
    """
    claims = _claims(key, token)
    if claims["iss"] == webtokens.LEGACY_ISSUER:
        return _user_of_secret(claims, token, store), audiences
    seconds = now / SECOND
    if seconds - _LEEWAY / SECOND > claims.get("exp", 0):
        raise Untrusted("service account token has expired")
    if seconds + _LEEWAY / SECOND < claims.get("nbf", 0):
        raise Untrusted("service account token is not valid yet")
    given = tuple(claims.get("aud", ()))
    shared = tuple([each for each in given if each in audiences])
    if not shared:
        said = f"token audiences {_quoted(given)} is invalid for the target audiences {_quoted(audiences)}"
        raise Untrusted(said)
    return _user(claims, store), shared


def _user(claims: Mapping[str, Any], store: Reads) -> User:
    bound = claims["kubernetes.io"]
    namespace, account = bound["namespace"], bound["serviceaccount"]
    found = store.get("serviceaccounts", f"{namespace}/{account['name']}")
    if found is None:
        raise Untrusted(f'serviceaccounts "{account["name"]}" not found')
    if found.metadata.uid != account["uid"]:
        raise Untrusted(f"service account UID ({found.metadata.uid}) does not match claim ({account['uid']})")
    for kind, resource in (("secret", "secrets"), ("pod", "pods"), ("node", "nodes")):
        if kind in bound and not (kind == "node" and "pod" in bound):
            _check_bound(kind, bound[kind], store.get(resource, _key(resource, namespace, bound[kind]["name"])))
    extra = {f"{_EXTRA}credential-id": (f"JTI={claims['jti']}",)}
    for kind in ("pod", "node"):
        if kind in bound:
            extra[f"{_EXTRA}{kind}-name"] = (bound[kind]["name"],)
            extra[f"{_EXTRA}{kind}-uid"] = (bound[kind].get("uid", ""),)
    name = f"{ACCOUNT}{namespace}:{account['name']}"
    groups = (*groups_of(namespace), AUTHENTICATED)
    return User(name=name, uid=account["uid"], groups=groups, extra=Map(extra))


def _user_of_secret(claims: Mapping[str, Any], token: str, store: Reads) -> User:
    """Give whose token it is that a Secret holds: as long as that does, and its account is the same."""
    namespace, name = claims[f"{_OF_SECRETS}namespace"], claims[f"{_OF_SECRETS}service-account.name"]
    secret = store.get("secrets", f"{namespace}/{claims[f'{_OF_SECRETS}secret.name']}")
    if secret is None or secret.metadata.deletion_timestamp is not None:
        raise Untrusted("Token has been invalidated")
    held = (secret.data or Map[Any]()).get("token")
    if held is None or base64.b64decode(str(held)).decode("utf-8", "replace") != token:
        raise Untrusted("Token does not match server's copy")
    account, uid = store.get("serviceaccounts", f"{namespace}/{name}"), claims[f"{_OF_SECRETS}service-account.uid"]
    if account is None:
        raise Untrusted(f'serviceaccounts "{name}" not found')
    if account.metadata.deletion_timestamp is not None:
        raise Untrusted(f"ServiceAccount {namespace}/{name} has been deleted")
    if account.metadata.uid != uid:
        raise Untrusted(f"ServiceAccount UID ({account.metadata.uid}) does not match claim ({uid})")
    if (secret.metadata.labels or {}).get(_INVALID_SINCE):
        raise Untrusted(
            f"the token in secret {namespace}/{secret.metadata.name} for service account {namespace}/{name} has been"
            " marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove"
            f" the '{_INVALID_SINCE}' label from the secret to temporarily allow use of this token"
        )
    return User(name=f"{ACCOUNT}{namespace}:{name}", uid=uid, groups=(*groups_of(namespace), AUTHENTICATED))


def _key(resource: str, namespace: str, name: str) -> str:
    return name if resource == "nodes" else f"{namespace}/{name}"


def _check_bound(kind: str, claim: Mapping[str, str], found: Any) -> None:
    if found is None:
        raise Untrusted(_GONE)
    if found.metadata.uid != claim["uid"]:
        to = "service account secret" if kind == "secret" else f"service account {kind}"
        raise Untrusted(f"{kind} UID ({found.metadata.uid}) does not match {to} ref claim ({claim['uid']})")


def _claims(key: str, token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) != _PARTS or not key:
        raise Untrusted("")
    said = f"{parts[0]}.{parts[1]}"
    try:
        head, claims, signature = json.loads(_decoded(parts[0])), json.loads(_decoded(parts[1])), _decoded(parts[2])
    except (ValueError, binascii.Error):
        raise Untrusted("") from None
    known = isinstance(head, dict) and head.get("alg") == "RS256"
    if not known or not isinstance(claims, dict) or claims.get("iss") not in (ISSUER, webtokens.LEGACY_ISSUER):
        raise Untrusted("")
    if not rsa.key_of(key).signed(said.encode(), signature):
        raise Untrusted("go-jose/go-jose: error in cryptographic primitive")
    return claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _quoted(texts: tuple[str, ...]) -> str:
    return "[" + " ".join([json.dumps(text) for text in texts]) + "]"
