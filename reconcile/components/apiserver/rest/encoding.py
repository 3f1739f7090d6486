"""
Encoding: answers as bytes.

Source:   the server's serializers: compact JSON with one newline at the end.
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from reconcile.api import golang, gotypes, kinds, meta_v1, protobuf, versions, yaml_text
from reconcile.api.shapes import CustomObject
from reconcile.api.zeros import name_of
from reconcile.components.apiserver.rest.negotiation import NAMES, Accepted
from reconcile.components.apiserver.rest.values import HttpResponse, Pairs
from reconcile.model.requests import List

_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def plain(body: Any, resource: kinds.Resource | None = None) -> dict[str, Any]:
    """
    Give an object, a list or a Status as plain JSON, kind and apiVersion first as upstream writes them.

    *resource* is what a list is of, if it is custom.
    """
    if isinstance(body, List):
        return listed(body, resource)
    if isinstance(body, CustomObject):
        written: dict[str, Any] = _sorted(golang.written(body))
        return written
    found = golang.written(body)
    if isinstance(body, meta_v1.Status):
        return {"kind": "Status", "apiVersion": "v1", **found}
    kind, version = found.pop("kind", None), found.pop("apiVersion", None)
    return {"kind": kind, "apiVersion": version, **found} if kind else found


def listed(found: List, asked: kinds.Resource | None = None) -> dict[str, Any]:
    """
    Give a list as plain JSON, as the resource that was *asked* for has it.

    Its items do not say what they are, unless they are custom.
    """
    if asked is not None and asked.is_custom:
        return _custom_list(found, asked)
    resource = kinds.resource(found.resource) if asked is None else asked
    metadata: dict[str, Any] = {"resourceVersion": found.resource_version}
    if found.continue_:
        metadata["continue"] = found.continue_
    if found.remaining is not None:
        metadata["remainingItemCount"] = found.remaining
    items = [golang.written(versions.served(item, resource.api_version)) for item in found.items]
    for item in items:
        item.pop("kind", None)
        item.pop("apiVersion", None)
    return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def _custom_list(found: List, resource: kinds.Resource) -> dict[str, Any]:
    # Upstream keeps such lists as maps, whose keys are sorted.
    metadata: dict[str, Any] = {"continue": found.continue_}
    if found.remaining is not None:
        metadata["remainingItemCount"] = found.remaining
    metadata["resourceVersion"] = found.resource_version
    items = [_sorted(golang.written(item)) for item in found.items]
    kind = resource.list_kind or f"{resource.kind}List"
    return {"apiVersion": resource.api_version, "items": items, "kind": kind, "metadata": metadata}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


def json_bytes(value: Any, *, pretty: bool = False) -> bytes:
    """Write plain JSON as Go's encoder does: no spaces, `<`, `>` and `&` escaped, a newline at the end."""
    if pretty:
        text = json.dumps(value, ensure_ascii=False, indent=2)
        return text.translate(_ESCAPES).encode("utf-8", "replace")
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return (text.translate(_ESCAPES) + "\n").encode("utf-8", "replace")


def warned(warnings: tuple[str, ...]) -> Pairs:
    """Give the headers that carry warnings, each once."""
    return tuple([("Warning", f"299 - {_warned(text)}") for text in dict.fromkeys(warnings)])


def encoded(code: int, value: dict[str, Any], accepted: Accepted, *, warnings: tuple[str, ...] = ()) -> HttpResponse:
    """Give the response that carries *value*, plain JSON, in the form that was asked for."""
    headers: Pairs = (
        ("Cache-Control", "no-cache, private"),
        ("Content-Type", NAMES[accepted.encoding]),
        *warned(warnings),
    )
    return HttpResponse(code=code, headers=headers, body=written(value, accepted))


def written(value: dict[str, Any], accepted: Accepted) -> bytes:
    """Write plain JSON in the form that was asked for."""
    if accepted.encoding == "protobuf":
        found = protobuf_bytes(value)
        if found is not None:
            return found
    if accepted.encoding == "yaml":
        return yaml_text.written(value).encode("utf-8", "replace")
    return json_bytes(value, pretty=bool(accepted.pretty))


def protobuf_bytes(value: dict[str, Any]) -> bytes | None:
    """Write an object, a list or a Status in protobuf; None if its kind has no such form."""
    version, kind = value.get("apiVersion", ""), value.get("kind", "")
    name = _message_of(version, kind)
    return None if name is None else protobuf.enveloped(name, value, version, kind)


@cache
def _message_of(version: str, kind: str) -> str | None:
    """Give the name of the struct that a kind is; what every group has is defined once."""
    cls = kinds.class_for(version, kind) or kinds.class_for(version, kind.removesuffix("List"))
    if cls is not None:
        name = name_of(cls)
        found = name if name.endswith(f".{kind}") else f"{name.rpartition('.')[0]}.{kind}"
        if gotypes.knows(found):
            return found
    shared = f"meta_v1.{kind}"
    return shared if gotypes.knows(shared) else None


def _warned(text: str) -> str:
    """Quote a warning as a header carries it: what cannot be printed is left out."""
    shown = "".join([char for char in text if char.isprintable()])
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
