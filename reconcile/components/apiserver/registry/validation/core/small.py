"""Validation of the small kinds of the core group: ConfigMaps, Secrets, Namespaces, Events."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, required, too_long, wrong
from reconcile.components.apiserver.registry.validation.metadata import finalizer_causes
from reconcile.components.apiserver.registry.validation.values import IMMUTABLE, named, qualified, subdomain
from reconcile.lib.mapping import Map
from reconcile.model.text import names

_LARGEST: Final = 1024 * 1024
_ONCE: Final = "field is immutable when `immutable` is set"
_ACCOUNT: Final = "kubernetes.io/service-account.name"
_LONGEST: Final = 128
_LONGEST_NOTE: Final = 1024
_UNMATCHED: Final = "does not match event.namespace"


def config_map_causes(obj: core_v1.ConfigMap) -> Causes:
    """Say what is wrong with a ConfigMap."""
    found: list[Cause] = []
    size = 0
    binary = obj.binary_data or Map[str]()
    for key, value in (obj.data or Map[str]()).items():
        found += named(f"data[{key}]", key, names.key_faults(key))
        if key in binary:
            found.append(wrong(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += len(value) if value.isascii() else len(value.encode())
    for key, value in binary.items():
        found += named(f"binaryData[{key}]", key, names.key_faults(key))
        size += len(b64decode(value))
    return (*found, too_long("[]", _LARGEST)) if size > _LARGEST else tuple(found)


def secret_causes(obj: core_v1.Secret) -> Causes:
    """Say what is wrong with a Secret."""
    kept = obj.data or Map[str]()
    found: list[Cause] = []
    for key in kept:
        found += named(f"data[{key}]", key, names.key_faults(key))
    if sum(map(len, kept.values())) > _LARGEST and sum(len(b64decode(value)) for value in kept.values()) > _LARGEST:
        found.append(too_long("data", _LARGEST))
    return (*found, *_typed_causes(obj, kept))


def _typed_causes(obj: core_v1.Secret, kept: Map[str]) -> list[Cause]:
    match obj.type:
        case "kubernetes.io/service-account-token":
            annotations = (obj.metadata.annotations if obj.metadata is not None else None) or Map[str]()
            return [] if annotations.get(_ACCOUNT) else [required(f"metadata.annotations[{_ACCOUNT}]")]
        case "kubernetes.io/dockercfg":
            return _json_causes(".dockercfg", kept)
        case "kubernetes.io/dockerconfigjson":
            return _json_causes(".dockerconfigjson", kept)
        case "kubernetes.io/basic-auth":
            either = "username" in kept or "password" in kept
            return [] if either else [required("data[username]"), required("data[password]")]
        case "kubernetes.io/ssh-auth":
            return [] if kept.get("ssh-privatekey") else [required("data[ssh-privatekey]")]
        case "kubernetes.io/tls":
            return [required(f"data[{key}]") for key in ("tls.crt", "tls.key") if key not in kept]
        case _:
            return []


def _json_causes(key: str, kept: Map[str]) -> list[Cause]:
    if key not in kept:
        return [required(f"data[{key}]")]
    fault = _json_fault(b64decode(kept[key]).decode("utf-8", "replace"))
    return [wrong(f"data[{key}]", "<secret contents redacted>", fault)] if fault else []


def _json_fault(text: str) -> str:
    """Say what keeps *text* from being a JSON object, as Go says it."""
    stripped = text.lstrip(" \t\r\n")
    if not stripped:
        return "unexpected end of JSON input"
    try:
        found = json.loads(stripped)
    except ValueError as fault:
        place = getattr(fault, "pos", 0)
        letter = stripped[place : place + 1]
        if not letter:
            return "unexpected end of JSON input"
        return f"invalid character '{letter}' {_where(str(fault))}"
    kinds = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    if found is None or isinstance(found, dict):
        return ""
    return f"json: cannot unmarshal {kinds[type(found)]} into Go value of type map[string]interface {{}}"


def _where(fault: str) -> str:
    """Say where Go stands in a JSON text when it finds what Python does not expect either."""
    for beginning, where in (
        ("Expecting property name", "looking for beginning of object key string"),
        ("Expecting ':'", "after object key"),
        ("Expecting ','", "after object key:value pair"),
        ("Extra data", "after top-level value"),
    ):
        if fault.startswith(beginning):
            return where
    return "looking for beginning of value"


def content_change_causes(new: core_v1.ConfigMap | core_v1.Secret, old: core_v1.ConfigMap | core_v1.Secret) -> Causes:
    """Say what of a Secret, or of a ConfigMap or Secret that is immutable, may not change."""
    found: list[Cause] = []
    if isinstance(new, core_v1.Secret) and isinstance(old, core_v1.Secret) and new.type != old.type:
        found.append(wrong("type", new.type, IMMUTABLE))
    if old.immutable:
        if not new.immutable:
            found.append(forbidden("immutable", _ONCE))
        if (new.data or Map()) != (old.data or Map()):
            found.append(forbidden("data", _ONCE))
        binary = [getattr(obj, "binary_data", None) or Map() for obj in (new, old)]
        if binary[0] != binary[1]:
            found.append(forbidden("binaryData", _ONCE))
    return tuple(found)


def namespace_causes(obj: core_v1.Namespace) -> Causes:
    """Say what is wrong with a namespace."""
    finalizers = (obj.spec.finalizers if obj.spec is not None else None) or ()
    return tuple([cause for name in finalizers for cause in finalizer_causes("spec.finalizers", name)])


def event_causes(obj: core_v1.Event, reporter: str = "reportingComponent") -> Causes:
    """Say what is wrong with an event of the core group; *reporter* is what the field of its reporter is called."""
    namespace = obj.metadata.namespace or ""
    about = obj.involved_object.namespace or ""
    found: list[Cause] = []
    if obj.event_time is None:
        # What has no namespace has its events in the default one.
        if (about or namespace) != namespace or (not about and namespace not in ("", "default")):
            found.append(wrong("involvedObject.namespace", about, _UNMATCHED))
    else:
        if not about and namespace not in ("default", "kube-system"):
            found.append(wrong("involvedObject.namespace", about, _UNMATCHED))
        found += _reported_causes(obj, reporter)
    return (*found, *subdomain("namespace", namespace))


def _reported_causes(obj: core_v1.Event, reporter: str) -> list[Cause]:
    who = obj.reporting_component or ""
    found = [] if who else [required(reporter)]
    found += qualified(reporter, who)
    for name, text in (
        ("reportingInstance", obj.reporting_instance),
        ("action", obj.action),
        ("reason", obj.reason),
    ):
        if not text:
            found.append(required(name))
        elif len(text.encode()) > _LONGEST:
            found.append(wrong(name, "", f"can have at most {_LONGEST} characters"))
    if len((obj.message or "").encode()) > _LONGEST_NOTE:
        found.append(wrong("message", "", f"can have at most {_LONGEST_NOTE} characters"))
    return found
