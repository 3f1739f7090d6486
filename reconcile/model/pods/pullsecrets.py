"""
Pull secrets: what a Secret says of registries, and which of it counts for an image.

Source:   Secrets of the types kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg; the kubelet's
          credentialprovider (keyring.go): the more of an image's name an entry names, the earlier it is tried.
Left out: nothing known.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from reconcile.model.pods.images import repository_of

_CONFIG: Final = ".dockerconfigjson"
_LEGACY: Final = ".dockercfg"
_HUB: Final = ("docker.io", "index.docker.io")

Login = tuple[str, str]
"""A user and a password."""


def logins_of(secret: Any, image: str) -> tuple[Login, ...]:
    """Give the logins of a Secret that count for an image, those first that name most of it."""
    data = secret.data or {}
    return _logins(data.get(_CONFIG) or "", data.get(_LEGACY) or "", repository_of(image))


@lru_cache(maxsize=1024)
def _logins(config: str, legacy: str, repository: str) -> tuple[Login, ...]:
    entries = _read(config).get("auths") if config else _read(legacy)
    rows = [(str(place), row) for place, row in _mapping(entries).items() if _counts(str(place), repository)]
    rows.sort(key=lambda row: _bare(row[0]), reverse=True)
    found = [login for _, row in rows if (login := _login(_mapping(row))) is not None]
    return tuple(dict.fromkeys(found))


def digest(login: Login) -> str:
    """Give by what a login is known again, which does not tell it."""
    return blake2b("\0".join(login).encode(), digest_size=16).hexdigest()


def _read(text: str) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(base64.b64decode(text)))
    except (ValueError, binascii.Error):
        return {}


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _login(row: Mapping[str, Any]) -> Login | None:
    joined = row.get("auth")
    if isinstance(joined, str) and joined:
        try:
            name, colon, word = base64.b64decode(joined).decode("utf-8", "replace").partition(":")
        except (ValueError, binascii.Error):
            return None
        return (name, word) if colon else None
    user, password = row.get("username"), row.get("password")
    return (user, password) if isinstance(user, str) and isinstance(password, str) and user else None


def _bare(place: str) -> str:
    """Give an entry's registry and path, without the protocol, and the version that Docker writes after it."""
    rest = place.removeprefix("https://").removeprefix("http://").rstrip("/")
    for version in ("/v1", "/v2"):
        rest = rest.removesuffix(version)
    return rest


def _counts(place: str, repository: str) -> bool:
    host, _, path = _bare(place).partition("/")
    where, _, name = repository.partition("/")
    if host in _HUB and where in _HUB:
        return name.startswith(path)
    return all(_fits(host, where)) and name.startswith(path)


def _fits(pattern: str, host: str) -> Iterator[bool]:
    """Compare two registries part by part: a star stands for what is within one part."""
    (names, colon, port), (have, _, given) = pattern.partition(":"), host.partition(":")
    yield (port if colon else "") == given
    parts, others = names.split("."), have.split(".")
    yield len(parts) == len(others)
    for part, other in zip(parts, others, strict=False):
        yield fnmatchcase(other, part)
