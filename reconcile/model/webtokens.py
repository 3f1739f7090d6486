"""
Web tokens: JSON Web Tokens that are signed by HMAC-SHA256, and the key that a cluster signs its own with.

The key is a function of the cluster's seed, so that a replay gives the same tokens: they protect nothing outside of the
cluster they were made for.

Takes:    a key, what is to be said.
Gives:    texts.
Source:   RFC 7515, RFC 7519.
Left out: RS256, with which others could check tokens who cannot make them; see docs/limits.md, "API server".
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any, Final

LEGACY_ISSUER: Final = "kubernetes/serviceaccount"
"""Who issues the tokens that stand in Secrets and have no end."""


def key_of(seed: int) -> str:
    """Give the key, in hexadecimal digits, of the cluster of *seed*."""
    return blake2b(f"{seed}/service-account-key".encode(), digest_size=32).hexdigest()


def signed(key: str, claims: Mapping[str, Any]) -> str:
    """Give the token that says *claims*, signed with the hexadecimal *key*."""
    name = blake2b(key.encode(), digest_size=8).hexdigest()
    said = ".".join([encoded(_json(part)) for part in ({"alg": "HS256", "kid": name}, claims)])
    return f"{said}.{signature(bytes.fromhex(key), said)}"


def detached(name: str, secret: str, content: str) -> str:
    """Give the signature of *content* with the *secret* that is called *name*, without what is signed."""
    header = encoded(_json({"alg": "HS256", "kid": name}))
    return f"{header}..{signature(secret.encode(), f'{header}.{encoded(content.encode())}')}"


def signature(key: bytes, said: str) -> str:
    """Give the signature of *said*."""
    return encoded(hmac.new(key, said.encode(), sha256).digest())


def encoded(data: bytes) -> str:
    """Write bytes in base64 for URLs, without its padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
