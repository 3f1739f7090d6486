"""
Web tokens: JSON Web Tokens that are signed by RSA with SHA-256, and the key that a cluster signs its own with.

The key is a function of the cluster's seed, so that a replay gives the same tokens: they protect nothing outside of the
cluster they were made for.

Takes:    a key, what is to be said.
Gives:    texts.
Source:   RFC 7515, RFC 7519.
Left out: nothing known.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any, Final

from reconcile.lib import rsa

LEGACY_ISSUER: Final = "kubernetes/serviceaccount"
"""Who issues the tokens that stand in Secrets and have no end."""


def key_of(seed: int) -> str:
    """Give what the key of the cluster of *seed* is drawn from."""
    return blake2b(f"{seed}/service-account-key".encode(), digest_size=32).hexdigest()


def signed(key: str, claims: Mapping[str, Any]) -> str:
    """Give the token that says *claims*, signed with the key that is drawn from *key*."""
    found = rsa.key_of(key)
    said = ".".join([encoded(_json(part)) for part in ({"alg": "RS256", "kid": _name(found)}, claims)])
    return f"{said}.{encoded(found.sign(said.encode()))}"


def public(key: str) -> dict[str, Any]:
    """Give the JSON Web Key Set by which tokens can be checked that are signed with *key*."""
    found = rsa.key_of(key)
    row = {
        "use": "sig",
        "kty": "RSA",
        "kid": _name(found),
        "alg": "RS256",
        "n": encoded(_bytes(found.modulus)),
        "e": encoded(_bytes(found.exponent)),
    }
    return {"keys": [row]}


def detached(name: str, secret: str, content: str) -> str:
    """Give the signature of *content* with the *secret* that is called *name*, without what is signed."""
    header = encoded(_json({"alg": "HS256", "kid": name}))
    said = f"{header}.{encoded(content.encode())}"
    return f"{header}..{encoded(hmac.new(secret.encode(), said.encode(), sha256).digest())}"


def encoded(data: bytes) -> str:
    """Write bytes in base64 for URLs, without its padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _name(key: rsa.Key) -> str:
    return encoded(sha256(key.der).digest())


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
