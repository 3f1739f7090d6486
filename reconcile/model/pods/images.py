"""
Images: what the name of a container image says.

Source:   the grammar of github.com/distribution/reference; pkg/util/parsers.
Left out: nothing known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_DOCKER_HUB: Final = "docker.io"
_LONGEST_NAME: Final = 255
_COMPONENT: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_DIGEST: Final = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE: Final = re.compile(
    rf"((?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)(?::([a-zA-Z0-9_][a-zA-Z0-9_.-]{{0,127}}))?(?:@({_DIGEST}))?"
)
_IDENTIFIER: Final = re.compile(r"[a-f0-9]{64}")
_HASHES: Final = {"sha256": 64, "sha384": 96, "sha512": 128}


@lru_cache(maxsize=4096)
def name_fault(image: str) -> str:
    """Say why an image's name cannot be read, in the words of the grammar's own parser; empty if it can."""
    if _IDENTIFIER.fullmatch(image):
        return f"invalid repository name ({image}), cannot specify 64-byte hexadecimal strings"
    domain, rest = _split(image)
    path = rest.partition("@")[0].partition(":")[0]
    if path.lower() != path:
        return f"invalid reference format: repository name ({path}) must be lowercase"
    found = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if found is None:
        return "invalid reference format"
    if len(found[1]) > _LONGEST_NAME:
        return f"repository name must not be more than {_LONGEST_NAME} characters"
    return "" if found[3] is None or _is_digest(found[3]) else "invalid reference format"


@lru_cache(maxsize=4096)
def tag(image: str) -> str:
    """Give an image's tag: `latest` if it names neither one nor a digest; empty if there is none, or it is no name."""
    if _IDENTIFIER.fullmatch(image):
        return ""
    domain, rest = _split(image)
    found = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if found is None or len(found[1]) > _LONGEST_NAME:
        return ""
    if found[3] is None:
        return found[2] or "latest"
    return (found[2] or "") if _is_digest(found[3]) else ""


@lru_cache(maxsize=1024)
def repository_of(image: str) -> str:
    """Give an image's repository, with its registry: `docker.io/library/web` of `web:2`."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    repository = head + slash + tail.partition(":")[0]
    if "." not in repository.partition("/")[0] and ":" not in repository.partition("/")[0]:
        repository = f"docker.io/{repository if '/' in repository else f'library/{repository}'}"
    return repository


@lru_cache(maxsize=1024)
def full_name(image: str) -> str:
    """Give an image's full name, with registry and tag, as errors print it."""
    tail = image.rpartition("/")[2]
    return repository_of(image) + (tail[len(tail.partition(":")[0]) :] if ":" in tail else ":latest")


def _split(image: str) -> tuple[str, str]:
    """Give the registry that an image comes from, and its name there."""
    first, slash, rest = image.partition("/")
    if not slash:
        return _DOCKER_HUB, f"library/{image}"
    if first == "localhost" or any(letter in ".:" for letter in first) or first.lower() != first:
        return first, rest
    return _DOCKER_HUB, image


def _is_digest(text: str) -> bool:
    algorithm, _, digits = text.partition(":")
    return len(digits) == _HASHES.get(algorithm) and digits == digits.lower()
