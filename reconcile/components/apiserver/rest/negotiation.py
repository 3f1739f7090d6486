"""
Negotiation: in which form a client sends, and in which it wants to be answered.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources; RFC 9110.
Left out: CBOR, which is off by default in 1.36.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import attrs

from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.lib.quick import quick

Encoding = Literal["json", "yaml", "protobuf"]

MEDIA_TYPES: Final[dict[str, Encoding]] = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/vnd.kubernetes.protobuf": "protobuf",
}
STREAMS: Final = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
CUSTOM_TYPES: Final = ("application/json", "application/yaml")
"""What custom resources are served in."""

NAMES: Final[dict[Encoding, str]] = {encoding: name for name, encoding in MEDIA_TYPES.items()}
_SHAPED: Final = (("meta.k8s.io", "v1"), ("meta.k8s.io", "v1beta1"), ("apidiscovery.k8s.io", "v2"))
_HUMAN: Final = ("curl", "Wget", "Mozilla/5.0")
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
SHAPES: Final = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
"""What an object can be turned into; not everything can be shown as a Table."""


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
def accepted(
    header: str,
    *,
    shapes: tuple[str, ...] = SHAPES,
    served: tuple[str, ...] = tuple(MEDIA_TYPES),
    stream: bool = False,
) -> Accepted | None:
    """
    Give the first clause of an Accept header, by quality, that can be served; None if there is none.

    Args:
        header: the header.
        shapes: what an object can be turned into.
        served: the media types that there are.
        stream: whether a watch is to be served.
    """
    if not header:
        return Accepted("json")
    for name, parameters in _clauses(header):
        for media in served:
            if name not in (media, "application/*", "*/*"):
                continue
            found = _chosen(MEDIA_TYPES[media], parameters, shapes)
            if found is not None:
                return None if stream and found.encoding == "yaml" else found
    return None


def _chosen(encoding: Encoding, parameters: dict[str, str], shapes: tuple[str, ...]) -> Accepted | None:
    """Give how a clause wants to be answered; None if a parameter of it cannot be satisfied."""
    shape, group, version = (parameters.get(name, "") for name in ("as", "g", "v"))
    if shape or group or version:
        tables = shape != "Table" or encoding != "protobuf"
        if shape not in shapes or (group, version) not in _SHAPED or not tables:
            return None
    if parameters.get("stream") and (parameters["stream"] != "watch" or encoding == "yaml"):
        return None
    if parameters.get("sv"):
        return None
    return Accepted(encoding, shape, group, version, parameters["pretty"] == "1" if "pretty" in parameters else None)


def first_of(header: str, served: tuple[str, ...]) -> str | None:
    """Give the first of the media types *served* that a header's clauses ask for, by quality; None if none does."""
    for name, _ in _clauses(header or "*/*"):
        for media in served:
            if name in (media, "application/*", "*/*"):
                return media
    return None


def is_pretty(found: Accepted, http: HttpRequest) -> bool:
    """Tell whether JSON is to be indented: the client says so, or a human reads."""
    if found.pretty:
        return True
    said = http.parameter("pretty")
    if said:
        return said in _TRUE
    return http.header("user-agent").startswith(_HUMAN)


def routed(http: HttpRequest, verb: str) -> tuple[int, str] | None:
    """
    Say why the router finds no way, from what a request's headers name: a code and a message; None if it finds one.

    A router of upstream comes before negotiation: it knows no ranges but `*/*`, and no parameters.
    """
    if verb == "patch":
        kind = http.header("content-type").split(";")[0].strip()
        if kind not in _PATCHES:
            return 415, "415: Unsupported Media Type"
    produced = (*MEDIA_TYPES, *(STREAMS if verb in ("list", "watch") else ()))
    wanted = [clause.split(";")[0].strip() for clause in http.header("accept").split(",")]
    if wanted == [""] or "*/*" in wanted or any(name in wanted for name in produced):
        return None
    if http.method in ("POST", "PUT", "PATCH") and not http.body:
        return 415, f"415: Unsupported Media Type\n\nAvailable representations: {', '.join(produced)}"
    return 406, f"406: Not Acceptable\n\nAvailable representations: {', '.join(produced)}"


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
