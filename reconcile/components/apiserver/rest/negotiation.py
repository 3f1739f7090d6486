"""
Negotiation: in which form a client sends, and in which it wants to be answered.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources; RFC 9110.
Left out: CBOR, which is off by default in 1.36.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import attrs

from reconcile.lib.quick import quick

Encoding = Literal["json", "yaml", "protobuf"]

MEDIA_TYPES: Final[dict[str, Encoding]] = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/vnd.kubernetes.protobuf": "protobuf",
}
STREAMED: Final = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
"""What a watch can be served as besides, by its own media type."""

NAMES: Final[dict[Encoding, str]] = {encoding: name for name, encoding in MEDIA_TYPES.items()}
_SHAPED: Final = (("meta.k8s.io", "v1"), ("meta.k8s.io", "v1beta1"), ("apidiscovery.k8s.io", "v2"))
_SHAPES: Final = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


@quick
@attrs.frozen(weakref_slot=False)
class Accepted:
    """
    How to answer.

    Args:
        encoding: how bytes are made of it.
        shape: what is made of the object first: `Table`, `PartialObjectMetadata`, `PartialObjectMetadataList`; empty
            for the object itself.
        shape_group: the group that the shape is of: `meta.k8s.io`.
        shape_version: the version that it is wanted in.
        pretty: whether JSON is indented; None if the client did not say.
    """

    encoding: Encoding
    shape: str = ""
    shape_group: str = ""
    shape_version: str = ""
    pretty: bool | None = None


@lru_cache(maxsize=256)
def accepted(header: str, *, shapes: tuple[str, ...] = _SHAPES) -> Accepted | None:
    """Give the first clause of an Accept header, by quality, that can be served; None if there is none."""
    if not header.strip():
        return Accepted("json")
    for name, parameters in _clauses(header):
        encoding = _encoding_of(name)
        if encoding is None:
            continue
        shape = parameters.get("as", "")
        group, version = parameters.get("g", ""), parameters.get("v", "")
        if shape and (shape not in shapes or (group, version) not in _SHAPED):
            continue
        pretty = parameters["pretty"] in ("1", "true") if "pretty" in parameters else None
        return Accepted(encoding, shape, group if shape else "", version if shape else "", pretty)
    return None


@lru_cache(maxsize=256)
def accepts_some(header: str) -> bool:
    """
    Tell whether an Accept header names a media type that is served, or any at all.

    This is the first look at it, before its parameters and their quality count; `application/*` names none.
    """
    named = [clause.partition(";")[0].strip() for clause in header.split(",")]
    return not header.strip() or any(name == "*/*" or name in MEDIA_TYPES for name in named)


@lru_cache(maxsize=256)
def content_type(header: str) -> str | None:
    """Give the media type of a Content-Type header, in lower case; None if the header is malformed."""
    name, *parameters = header.split(";")
    name = name.strip().lower()
    main, slash, sub = name.partition("/")
    if not (main and slash and sub) or any(not part.strip() for part in parameters):
        return None
    return name


def _encoding_of(name: str) -> Encoding | None:
    if name in ("*/*", "application/*"):
        return "json"
    return MEDIA_TYPES.get(name)


def _clauses(header: str) -> list[tuple[str, dict[str, str]]]:
    """Give an Accept header's clauses, the most wanted first; of equal ones the first."""
    found: list[tuple[float, str, dict[str, str]]] = []
    for clause in header.split(","):
        name, *rest = [part.strip() for part in clause.split(";")]
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in (p.partition("=") for p in rest)}
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 0.0
        if name and quality > 0:
            found.append((quality, name.lower(), parameters))
    found.sort(key=lambda row: -row[0])
    return [(name, parameters) for _, name, parameters in found]
