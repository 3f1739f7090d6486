"""
Patched: what a patch makes of an object, before it is written as an update.

A merge patch that the engine makes is plain data; what a client sent is text, and read here: whether there is an
object to patch is known before.

Source:   the API server's patch handler; https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from reconcile.api import convert, golang, gosyntax, gotext, internals, kinds, meta_v1, unmarshalling, versions
from reconcile.api.scalars import MicroTime, Quantity, Time, freeze, thaw
from reconcile.api.shapes import CustomObject, fields_of
from reconcile.api.unstructured import refusal
from reconcile.api.zeros import name_of
from reconcile.components.apiserver.refusals import Refusal, wrong
from reconcile.components.apiserver.state import Ask
from reconcile.lib.errors import ReconcileError
from reconcile.lib.replacing import replace
from reconcile.model import patches, statuses
from reconcile.model.patches import Unpatchable, json, ofstatus, strategic

_IDENTITY: Final = ("apiVersion", "kind")
_OPERATION: Final = {"op": str, "path": str, "from": str, "value": object}
_OF_CUSTOM: Final = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
_BYTES: Final = "error decoding from json: "
META: Final = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_SCHEME: Final = 'in scheme "pkg/runtime/scheme.go:111"'

Made = tuple[Any, tuple[str, ...]]


def patched(ask: Ask, old: Any) -> Made:
    """
    Give *old* with the request's patch made to it, and what to warn of.

    Raises:
        Refusal: the patch is none, cannot be made, or makes what is no object of its kind.
    """
    if not ask.request.version:
        return _made(ask, old)
    # A patch is of the version in which the client speaks.
    made, warnings = _made(ask, versions.served(old, versions.spoken(ask.request.resource, ask.request.version)))
    return versions.stored(made), warnings


def patched_body(ask: Ask, data: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """
    Give a custom object's plain data with the request's patch made to it, and what to warn of.

    Raises:
        Refusal: the patch is none, cannot be made, or is strategic.
    """
    body, kind = ask.request.body, ask.request.patch_type
    try:
        if kind == "merge":
            patch, strict = _merge_patch(ask, body)
            made = patches.merge(data, patch)
        elif kind == "json":
            operations, strict = _operations(ask, body)
            made = json.applied(data, operations)
        else:
            raise not_strategic()
    except Unpatchable as reason:
        raise Refusal(_status(reason)) from None
    return made, _heeded(ask, strict, lambda: gotext.written(made))


def not_strategic() -> Refusal:
    """Give the refusal of a strategic merge patch of a custom object: nobody knows how its lists merge."""
    said = f"the body of the request was in an unknown format - accepted media types include: {_OF_CUSTOM}"
    return Refusal(replace(statuses.unsupported_media_type(), message=said))


def _made(ask: Ask, old: Any) -> Made:
    body, kind = ask.request.body, ask.request.patch_type
    if kind == "merge" and isinstance(body, Mapping):
        return _merged(ask, body, old)
    try:
        return _WAYS[kind](ask, body, old)
    except Unpatchable as reason:
        raise Refusal(_status(reason)) from None


def _status(reason: Unpatchable) -> Any:
    match reason.sort:
        case "malformed":
            return statuses.bad_request(str(reason))
        case "inapplicable":
            return statuses.unprocessable()
        case "too large":
            return statuses.too_large_request(str(reason))
        case "unexpected":
            return statuses.unexpected(str(reason))


# ---------------------------------------------------------------- JSON, and JSON merge


def _operations(ask: Ask, body: Any) -> tuple[list[Any], list[str]]:
    operations, strict = _read(ask, body, "error decoding patch: " if _heeds_unknown(ask) else "")
    strict = [f"json patch {said}" for said in strict]
    if _heeds_unknown(ask):
        strict += [f"json patch {said}" for said in _checked_operations(operations)]
    elif not _are_operations(operations):
        raise Unpatchable(_not_of_type(operations, "jsonpatch.Patch"), "malformed")
    return operations or [], strict


def _by_operations(ask: Ask, body: Any, old: Any) -> Made:
    operations, strict = _operations(ask, body)
    written = golang.written(old)
    return _decoded(ask, _sorted_where_changed(json.applied(written, operations), written), old, strict)


def _merge_patch(ask: Ask, body: Any) -> tuple[dict[str, Any], list[str]]:
    try:
        patch, strict = _read(ask, body, "error decoding patch: ")
    except Unpatchable:
        if _heeds_unknown(ask):
            raise
        patch, strict = None, []
    if not _heeds_unknown(ask) and isinstance(patch, list):
        # Such a patch takes the place of the object, which it cannot be.
        said = f"json: cannot unmarshal array into Go value of type {META}"
        why = f"couldn't get version/kind; json parse error: {said}"
        raise _refused_patch(gotext.written(_sorted_deep(patch)), why)
    if patch is None or (not _heeds_unknown(ask) and not isinstance(patch, dict)):
        raise Unpatchable("Invalid JSON Patch", "malformed")
    if not isinstance(patch, dict):
        said = _not_of_type(patch, "map[string]interface {}")
        raise Unpatchable(f"error decoding patch: {said}", "malformed")
    return patch, strict


def _sorted_deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_deep(value[key]) for key in sorted(value)}
    return [_sorted_deep(each) for each in value] if isinstance(value, list) else value


def _by_merging(ask: Ask, body: Any, old: Any) -> Made:
    patch, strict = _merge_patch(ask, body)
    return _merged(ask, patch, old, strict)


def _merged(ask: Ask, patch: Mapping[str, Any], old: Any, strict: list[str] | None = None) -> Made:
    try:
        plain = thaw(freeze(patch))
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    fields = {field.json: field for field in fields_of(old.__class__)}
    # A field that the patch does not name keeps its very object; what an object cannot do without is there to be read.
    wanted = [field for name, field in fields.items() if name in plain or field.required or name in _IDENTITY]
    written = {field.json: _written(getattr(old, field.name)) for field in wanted}
    merged = patches.merge({name: value for name, value in written.items() if value is not None}, plain)
    made = _object(merged, old, lambda: _merged_text(old, plain))
    said = _heeded(ask, [*(strict or ()), *made.warnings], lambda: _merged_text(old, plain))
    kept = {field.name: getattr(old, field.name) for name, field in fields.items() if name not in plain}
    return replace(made.object, **kept), said


def _merged_text(old: Any, patch: Mapping[str, Any]) -> str:
    whole = golang.written(old)
    return gotext.written(_sorted_where_changed(patches.merge(whole, patch), whole))


def _decoded(ask: Ask, data: Any, old: Any, strict: list[str]) -> Made:
    """Give the object that patched data is."""
    made = _object(data, old, lambda: gotext.written(data))
    return made.object, _heeded(ask, [*strict, *made.warnings], lambda: gotext.written(data))


def _object(data: Any, old: Any, text: Callable[[], str]) -> convert.Loaded[Any]:
    """Read patched data as Go reads JSON: it is decoded as what it says itself to be."""
    cls = old.__class__
    if isinstance(data, dict) and (data.get("apiVersion"), data.get("kind")) != (old.api_version, old.kind):
        version, kind = data.get("apiVersion") or old.api_version, data.get("kind") or old.kind
        if cls is not CustomObject:
            why = _of_another_type(str(version), str(kind), old)
            if why:
                raise _refused_patch(text(), why)
        data = {**data, "apiVersion": version, "kind": kind}
    try:
        return convert.load(data, cls=cls, unknown="Warn", absent="zero")
    except ReconcileError as error:
        raise _refused_patch(text(), _in_go(data, cls) or str(error)) from None


def _of_another_type(version: str, kind: str, old: Any) -> str:
    """Say why what says itself to be of *version* and *kind* is no object such as *old*; empty if it is."""
    if version.count("/") > 1:
        return f"unexpected GroupVersion string: {version}"
    found = kinds.class_for(version, kind)
    if found is None and kind.endswith("List"):
        found = kinds.class_for(version, kind.removesuffix("List")) and meta_v1.Status
    if found is None:
        return f'no kind "{kind}" is registered for version "{version}" {_SCHEME}'
    if found is old.__class__:
        return ""
    return f"converting ({version.rpartition('/')[2]}.{kind}) to ({internals.named(old.__class__)}): unknown conversion"


def _in_go(data: Any, cls: type) -> str:
    """Say in Go's words why data is no object of *cls*; empty if Go has none."""
    try:
        unmarshalling.unmarshalled(gosyntax.pairs_of(gotext.written(data).encode()), name_of(cls))
    except ReconcileError as error:
        return str(error)
    return ""


# ---------------------------------------------------------------- strategic merge


def _strategically(ask: Ask, body: Any, old: Any) -> Made:
    patch, strict = _read(ask, body, "")
    if not isinstance(patch, dict):
        if patch is not None:
            raise Unpatchable(_not_of_type(patch, "map[string]interface {}"), "malformed")
        patch = {}
    cls = old.__class__
    data = strategic.merged(golang.written(old), patch, cls)
    said = refusal(cls, data)
    if said:
        raise _refused_patch(gotext.shown(patch), said)
    # What it says itself to be is not looked at.
    data = {**data, "apiVersion": old.api_version, "kind": old.kind}
    try:
        made = convert.load(data, cls=cls, unknown="Warn", absent="zero")
    except ReconcileError as error:
        why = _in_go(data, cls) or str(error)
        if why.startswith("illegal base64"):
            why = f"{_BYTES}{why}"
        raise _refused_patch(gotext.shown(patch), why) from None
    return made.object, _heeded(ask, [*strict, *sorted(made.warnings)], lambda: gotext.shown(patch))


_WAYS: Final[Mapping[str, Callable[[Ask, Any, Any], Made]]] = {
    "json": _by_operations,
    "merge": _by_merging,
    "strategic": _strategically,
}

# ---------------------------------------------------------------- reading, and what is unknown


def _read(ask: Ask, body: Any, prefix: str) -> tuple[Any, list[str]]:
    """Give a patch as plain data, and which fields it has twice if the client wants to hear of them."""
    if isinstance(body, ofstatus.StatusPatch):
        return ofstatus.written(body), []
    if not isinstance(body, str):
        return thaw(freeze(body)), []
    try:
        read = unmarshalling.free(gosyntax.pairs_of(body.encode()))
    except ReconcileError as error:
        raise Unpatchable(f"{prefix}{error}", "malformed") from None
    return read.data, list(read.strict) if _heeds_unknown(ask) else []


def _heeds_unknown(ask: Ask) -> bool:
    return ask.request.field_validation != "Ignore"


def _heeded(ask: Ask, strict: list[str], text: Callable[[], str]) -> tuple[str, ...]:
    """Give what to warn of; refuse it if the client wants that."""
    if not strict or not _heeds_unknown(ask):
        return ()
    if ask.request.field_validation == "Strict":
        raise _refused_patch(text(), f"strict decoding error: {', '.join(strict)}")
    return tuple(strict)


def _refused_patch(text: str, why: str) -> Refusal:
    return Refusal(statuses.invalid("", "", "", (wrong("patch", text, why),)))


def _are_operations(given: Any) -> bool:
    return given is None or (isinstance(given, list) and all(isinstance(each, dict) or each is None for each in given))


def _checked_operations(given: Any) -> list[str]:
    """Refuse what is no list of operations; give what is unknown in them."""
    if given is not None and not isinstance(given, list):
        said = _not_of_type(given, "[]handlers.jsonPatchOp")
        raise Unpatchable(f"error decoding patch: {said}", "malformed")
    unknown = []
    for place, operation in enumerate(given or ()):
        if not isinstance(operation, dict | None):
            said = _not_of_type(operation, "handlers.jsonPatchOp")
            raise Unpatchable(f"error decoding patch: {said}", "malformed")
        for name, value in (operation or {}).items():
            wanted = _OPERATION.get(name)
            if wanted is None:
                unknown.append(f'unknown field "[{place}].{name}"')
            elif value is not None and not isinstance(value, wanted):
                where = f"into Go struct field jsonPatchOp.{name} of type string"
                said = f"json: cannot unmarshal {unmarshalling.sort_of(value)} {where}"
                raise Unpatchable(f"error decoding patch: {said}", "malformed")
    return unknown


def _not_of_type(value: Any, wanted: str) -> str:
    return f"json: cannot unmarshal {unmarshalling.sort_of(value)} into Go value of type {wanted}"


def _sorted_where_changed(new: Any, old: Any) -> Any:
    """Give *new* with sorted keys in each object that is another than in *old*: so upstream writes what it opened."""
    if new is old:
        return new
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        return {key: _sorted_where_changed(new[key], before.get(key, new[key])) for key in sorted(new)}
    if isinstance(new, list) and isinstance(old, list):
        return [_sorted_where_changed(*pair) for pair in zip(new, [*old, *new[len(old) :]], strict=False)]
    return new


def _written(value: Any) -> Any:
    if isinstance(value, Time | MicroTime | Quantity):
        return str(value)
    if attrs.has(value.__class__):
        return convert.dump(value)
    if isinstance(value, tuple):
        return [_written(entry) for entry in value]
    return _thawed(value)


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_thawed(entry) for entry in value]
    return value
