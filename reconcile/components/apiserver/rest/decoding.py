"""
Decoding: a request's bytes as the object, the options or the patch that they are.

An object is read as Go reads it: what is absent is the zero of its type, and is judged by validation, not here. Good
JSON takes the short way; only what trips there is read a second time, as Go does and with its words.

Source:   the server's serializers and its field validation
          (https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation).
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from reconcile.api import (
    apiextensions_v1,
    convert,
    gosyntax,
    internals,
    kinds,
    meta_v1,
    policy_v1,
    protobuf,
    unmarshalling,
)
from reconcile.api.faults import Unknown
from reconcile.api.shapes import CustomObject
from reconcile.api.unmarshalling import quoted
from reconcile.api.zeros import name_of
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest import former, yamls
from reconcile.components.apiserver.rest.negotiation import MEDIA_TYPES, Encoding, content_type
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.lib.errors import ReconcileError
from reconcile.lib.quick import quick
from reconcile.model import statuses

MOST_BYTES: Final = 3 * 1024 * 1024
"""The largest body that is read: etcd's limit with upstream's factor."""

_SUMMARY: Final = 30  # bytes of a body that an error shows
_SCHEME: Final = 'in scheme "pkg/runtime/scheme.go:111"'
_META: Final = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_UNKNOWN: Final[dict[str, Unknown]] = {"Strict": "Strict", "Warn": "Warn", "Ignore": "Ignore"}
_BAD: Final = (ReconcileError, RecursionError)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Decoded:
    """
    An object that a request carries.

    Args:
        object: it.
        warnings: what is strictly wrong with it, if that is warned of.
        api_version: what it says itself to be of.
    """

    object: Any
    warnings: tuple[str, ...] = ()
    api_version: str = ""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class _Said:
    """What a body says itself to be, and what of it was not read yet."""

    group: str
    version: str
    kind: str
    data: Any = None
    raw: bytes = b""
    repeated: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def decoded(http: HttpRequest, cls: type[Any], validation: str, resource: kinds.Resource | None = None) -> Decoded:
    """
    Give the object of *cls* that a request carries, and what to warn about.

    Args:
        http: the request.
        cls: what its path takes.
        validation: fieldValidation: Strict, Warn or Ignore; empty for Warn.
        resource: what the path leads to; of a custom one the object says its kind.
    """
    form = input_encoding(http)
    body = whole_body(http)
    if form == "json":
        found = _quickly(body, cls)
        if found is not None:
            return found
    home = _Home.of(cls, resource)
    said = _said(body, form, home)
    cls = _class_said(said, cls, home)
    if (said.api_version, said.kind) == _OLD_EVICTION:
        said = attrs.evolve(said, version=home.version)
    obj, strict = _read(said, cls, form, home)
    if strict and validation == "Strict":
        raise _unreadable(said, home, f"strict decoding error: {', '.join(strict)}")
    warned = validation != "Ignore"
    return Decoded(object=obj, warnings=_warnings(strict) if warned else (), api_version=said.api_version)


def options_body(http: HttpRequest) -> meta_v1.DeleteOptions | None:
    """Give the DeleteOptions that a delete carries, if it does."""
    if not whole_body(http):
        return None
    form = input_encoding(http)
    home = _Home("meta.k8s.io", "v1", "DeleteOptions")
    said = _said(http.body, form, home, bare=True)
    known = (*kinds.all_resources(), *kinds.gated_resources())
    groups = {resource.api_version for resource in known} | {"meta.k8s.io/v1", "v1"}
    if said.kind != "DeleteOptions" or said.api_version not in groups:
        named = f"no kind {quoted(said.kind)} is registered for version {quoted(said.api_version)} {_SCHEME}"
        raise Refusal(statuses.bad_request(named))
    try:
        data = _plain_of(said, meta_v1.DeleteOptions, form)[0]
        return convert.load(_unnamed(data), cls=meta_v1.DeleteOptions, unknown="Ignore", absent="zero").object
    except _BAD as error:
        raise Refusal(statuses.bad_request(str(error))) from None


def patch_body(http: HttpRequest) -> str:
    """Give a patch's text: what it says is read once it is known that there is something to patch."""
    return gosyntax.text_of(whole_body(http))


def whole_body(http: HttpRequest) -> bytes:
    """Give a request's body; refuse with 413 one that is too large."""
    if len(http.body) > MOST_BYTES:
        raise Refusal(statuses.too_large_request(f"limit is {MOST_BYTES}"))
    return http.body


def input_encoding(http: HttpRequest) -> Encoding:
    """Give the form of a request's body; refuse with 415 what is none."""
    header = http.header("content-type")
    kind = content_type(header) if header else "application/json"
    found = MEDIA_TYPES.get(kind or "")
    if found is None:
        raise Refusal(statuses.unsupported_media_type())
    return found


@quick
@attrs.frozen(weakref_slot=False)
class _Home:
    """What a path takes: the group, the version and the kind that a body is of if it does not say."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @classmethod
    def of(cls, wanted: type, resource: kinds.Resource | None) -> _Home:
        """Say it of a class; a custom resource says it for its objects."""
        default = getattr(attrs.fields_dict(wanted).get("api_version"), "default", None)
        kind = wanted.__name__
        if not isinstance(default, str):
            default = resource.api_version if resource is not None else ""
            kind = resource.kind if resource is not None else kind
        group, _, version = default.rpartition("/")
        return cls(group, version, kind)


def _quickly(body: bytes, cls: type[Any]) -> Decoded | None:
    """Read good JSON at full speed; None if anything about it is to be looked at."""
    if cls is apiextensions_v1.CustomResourceDefinition:
        return None  # whose schemas hold themselves where our class has free JSON
    try:
        data = convert.loads_json(body)
        if data.__class__ is not dict or not data.get("apiVersion") or not data.get("kind"):
            return None
        version = data["apiVersion"]
        if kinds.class_for(version, data["kind"]) is not cls:
            return None
        return Decoded(object=convert.load(data, cls=cls, absent="zero").object, api_version=version)
    except (*_BAD, TypeError, AttributeError):
        return None


def _said(body: bytes, form: Encoding, home: _Home, *, bare: bool = False) -> _Said:
    """Find out what a body says itself to be; what it leaves out its *home* says."""
    repeated: tuple[str, ...] = ()
    data, raw = None, b""
    try:
        if form == "protobuf":
            named, kind, raw = protobuf.opened(body)
        else:
            text = body
            if form == "yaml":
                found = yamls.read(gosyntax.text_of(body))
                # Upstream's way from YAML to JSON is over maps, whose keys it sorts.
                text, repeated = json.dumps(found.data, sort_keys=True).encode(), found.repeated
            data, named, kind = _identity(text)
        group, version = _parted(named)
    except _BAD as error:
        if bare:
            raise Refusal(statuses.bad_request(str(error))) from None
        said = f"the object provided is unrecognized (must be of type {home.kind}): {error} ({_summary(body)})"
        raise Refusal(statuses.bad_request(said)) from None
    if not version and group in ("", home.group):
        group, version = home.group, home.version
    return _Said(group=group, version=version, kind=kind or home.kind, data=data, raw=raw, repeated=repeated)


def _identity(text: bytes) -> tuple[Any, str, str]:
    """Give JSON with its pairs, its apiVersion and its kind; as upstream's look for these two no case is minded."""
    failed = "couldn't get version/kind; json parse error: "
    try:
        data = gosyntax.pairs_of(text)
    except gosyntax.SyntaxFault as error:
        raise gosyntax.SyntaxFault(f"{failed}{error}") from None
    if data is not None and not isinstance(data, gosyntax.Pairs):
        sort = unmarshalling.sort_of(data)
        raise gosyntax.SyntaxFault(f"{failed}json: cannot unmarshal {sort} into Go value of type {_META}")
    found = {"apiversion": "", "kind": ""}
    for key, value in data or ():
        folded = key.lower()
        if folded not in found or value is None:
            continue
        if value.__class__ is not str:
            name = "apiVersion" if folded == "apiversion" else folded
            sort = unmarshalling.sort_of(value)
            raise gosyntax.SyntaxFault(
                f"{failed}json: cannot unmarshal {sort} into Go struct field .{name} of type string"
            )
        found[folded] = value
    return data, found["apiversion"], found["kind"]


def _parted(api_version: str) -> tuple[str, str]:
    if api_version in ("", "/"):
        return "", ""
    if api_version.count("/") > 1:
        raise gosyntax.SyntaxFault(f"unexpected GroupVersion string: {api_version}")
    group, _, version = api_version.rpartition("/")
    return group, version


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    more = " ..." if len(body) > _SUMMARY else ""
    shown = body[:_SUMMARY]
    return (gosyntax.text_of(shown) if body[:1] == b"{" else shown.hex()) + more


def _class_said(said: _Said, cls: type[Any], home: _Home) -> type[Any]:
    """Give the class of what a body says itself to be; refuse what cannot become what the path takes."""
    if cls is CustomObject:
        # Whether it is of the path's version is looked at with its schema: what that does not know is warned of.
        return cls
    found = kinds.class_for(said.api_version, said.kind)
    if found is cls or (cls is policy_v1.Eviction and (said.api_version, said.kind) == _OLD_EVICTION):
        return cls
    if found is None and former.is_former(said.api_version, said.kind):
        if said.kind == home.kind:
            raise _of_another_version(said, home)
        raise _unreadable(said, home, _unconverted(said, cls))
    if found is None:
        named = f"no kind {quoted(said.kind)} is registered for version {quoted(said.api_version)} {_SCHEME}"
        raise _unreadable(said, home, named)
    same = said.group == home.group or {said.group, home.group} == {"", "events.k8s.io"}
    if same and said.kind == home.kind and said.api_version != home.api_version:
        raise _of_another_version(said, home)
    _read(said, found, "json" if said.data is not None else "protobuf", home)
    raise _unreadable(said, home, _unconverted(said, cls))


def _unconverted(said: _Said, cls: type[Any]) -> str:
    return f"converting ({said.version}.{said.kind}) to ({internals.named(cls)}): unknown conversion"


_OLD_EVICTION: Final = ("policy/v1beta1", "Eviction")
"""What is taken in an older version too, which says the same."""


def _read(said: _Said, cls: type[Any], form: Encoding, home: _Home) -> tuple[Any, tuple[str, ...]]:
    """Read what was said as an object of *cls*; give it, and what is strictly wrong with it."""
    try:
        data, strict = _plain_of(said, cls, form)
        return convert.load(data, cls=cls, unknown="Ignore", absent="zero").object, strict
    except _BAD as error:
        raise _unreadable(said, home, str(error) or "exceeded max depth") from None


def _plain_of(said: _Said, cls: type[Any], form: Encoding) -> tuple[dict[str, Any], tuple[str, ...]]:
    strict: tuple[str, ...] = ()
    if form == "protobuf":
        data = protobuf.read(name_of(cls), said.raw)
    elif cls is CustomObject:
        data, strict = _custom_body(said.data or gosyntax.Pairs())
    else:
        read = unmarshalling.unmarshalled(said.data, name_of(cls))
        data, strict = dict(read.data or {}), read.strict
    if said.repeated:
        lines = "".join([f"\n  {line}" for line in said.repeated])
        strict = (f"yaml: unmarshal errors:{lines}", *strict)
    if "kind" in getattr(cls, "JSON_NAMES", ("kind",)):
        data = {**data, "apiVersion": said.api_version, "kind": said.kind}
    return data, strict


def _custom_body(pairs: gosyntax.Pairs) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read what a custom resource's object holds: of its metadata alone the shape is known before its schema is."""
    read = unmarshalling.free(pairs)
    metadata = unmarshalling.unmarshalled(dict(pairs).get("metadata"), "meta_v1.ObjectMeta")
    unknown = [text for text in metadata.strict if text.startswith("unknown")]
    below = [text.replace('field "', 'field "metadata.', 1) for text in unknown]
    return {**read.data, "metadata": metadata.data}, (*read.strict, *below)


def _unnamed(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in ("apiVersion", "kind")}


def _of_another_version(said: _Said, home: _Home) -> Refusal:
    expected = f"does not match the expected API version ({home.api_version})"
    return Refusal(statuses.bad_request(f"the API version in the data ({said.api_version}) {expected}"))


def _unreadable(said: _Said, home: _Home, why: str) -> Refusal:
    shown = f"{said.kind} in version {quoted(said.version)} cannot be handled as a {home.kind}: {why}"
    return Refusal(statuses.bad_request(shown))


def _warnings(strict: tuple[str, ...]) -> tuple[str, ...]:
    """Give a warning for each thing that is strictly wrong; a fault of YAML names several, a line each."""
    found: list[str] = []
    for text in strict:
        head, *lines = text.split("\n")
        found += [line.strip() for line in lines] if head.startswith("yaml: ") else [text]
    return tuple(found)
