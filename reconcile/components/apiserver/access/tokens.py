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
from hashlib import blake2b, sha256
from typing import Any, Final

import attrs

from reconcile.lib import rsa
from reconcile.lib.instant import MINUTE, SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.model.requests import User
from reconcile.store import Reads

ISSUER: Final = "https://kubernetes.default.svc"
AUTHENTICATED: Final = "system:authenticated"
ACCOUNTS: Final = "system:serviceaccounts"
ACCOUNT: Final = "system:serviceaccount:"
_EXTRA: Final = "authentication.kubernetes.io/"
_LEEWAY: Final = MINUTE
_PARTS: Final = 3
_GONE: Final = "service account token has been invalidated"
INVALID: Final = "invalid bearer token"


class Untrusted(Exception):  # noqa: N818 -- it is an answer: nobody comes with this token
    """The token is no good; it is said why, in upstream's words."""


def key_of(seed: int) -> str:
    """Give what the key of a cluster is drawn from."""
    return blake2b(f"{seed}/service-account-key".encode(), digest_size=32).hexdigest()


def signed(key: str, claims: Mapping[str, Any]) -> str:
    """Give the token that says *claims*."""
    found = rsa.key_of(key)
    said = ".".join([_encoded(part) for part in ({"alg": "RS256", "kid": _name(found)}, claims)])
    return f"{said}.{_plain(found.sign(said.encode()))}"


def public(key: str) -> dict[str, Any]:
    """Give the JSON Web Key Set by which tokens can be checked that are signed with *key*."""
    found = rsa.key_of(key)
    row = {
        "use": "sig",
        "kty": "RSA",
        "kid": _name(found),
        "alg": "RS256",
        "n": _plain(_bytes(found.modulus)),
        "e": _plain(_bytes(found.exponent)),
    }
    return {"keys": [row]}


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
    if not known or not isinstance(claims, dict) or claims.get("iss") != ISSUER:
        raise Untrusted("")
    if not rsa.key_of(key).signed(said.encode(), signature):
        raise Untrusted("go-jose/go-jose: error in cryptographic primitive")
    return claims


def _name(key: rsa.Key) -> str:
    return _plain(sha256(key.der).digest())


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _encoded(value: Any) -> str:
    return _plain(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _quoted(texts: tuple[str, ...]) -> str:
    return "[" + " ".join([json.dumps(text) for text in texts]) + "]"
