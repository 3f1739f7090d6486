"""
Schemas of the API's classes as OpenAPI v3 has them, under upstream's names, with its extensions.

Source:   https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3; what kube-apiserver serves.
Left out: descriptions, which are Kubernetes' own text, and the enumerations in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from reconcile.api import autoscaling_v1, core_v1, kinds, meta_v1
from reconcile.api.kinds import list_rules
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Base64, Int32, Int64, IntOrString, Json, MicroTime, Time
from reconcile.api.shapes import fields_of, within
from reconcile.api.zeros import is_atomic, zeros_of
from reconcile.lib.mapping import Map

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
RAW: Final = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_EXTENSIONS: Final = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING: Final = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_PACKAGES: Final = {
    "meta_v1": META,
    "apiextensions_v1": _EXTENSIONS,
    "apiregistration_v1": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.",
}
_ELSEWHERE: Final = {"meta_v1.VersionInfo": "io.k8s.apimachinery.pkg.version.Info"}

# What is no class here: its schema.
_SCALARS: Final[dict[str, dict[str, Any]]] = {
    META + "Time": {"type": "string", "format": "date-time"},
    META + "MicroTime": {"type": "string", "format": "date-time"},
    META + "FieldsV1": {"type": "object"},
    META + "Patch": {"type": "object"},
    RAW: {"type": "object"},
    _QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    _INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    _EXTENSIONS + "JSON": {},
    _EXTENSIONS + "JSONSchemaPropsOrArray": {},
    _EXTENSIONS + "JSONSchemaPropsOrBool": {},
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": {},
    _EXTENSIONS + "CustomResourceSubresourceStatus": {"type": "object"},
}
_NAMED: Final = {Time: META + "Time", MicroTime: META + "MicroTime", Quantity: _QUANTITY}
_PLAIN: Final[dict[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    float: {"type": "number", "format": "double"},
    Int32: {"type": "integer", "format": "int32"},
    Int64: {"type": "integer", "format": "int64"},
    Base64: {"type": "string", "format": "byte"},
}
# Free fields, whose class does not show what they are.
_FREE: Final = {
    ("meta_v1.ManagedFieldsEntry", "fieldsV1"): META + "FieldsV1",
    ("apiextensions_v1.CustomResourceSubresources", "status"): _EXTENSIONS + "CustomResourceSubresourceStatus",
    ("apiextensions_v1.JSONSchemaProps", "additionalItems"): _EXTENSIONS + "JSONSchemaPropsOrBool",
    ("apiextensions_v1.JSONSchemaProps", "additionalProperties"): _EXTENSIONS + "JSONSchemaPropsOrBool",
    ("apiextensions_v1.JSONSchemaProps", "items"): _EXTENSIONS + "JSONSchemaPropsOrArray",
}
_DEFAULTS: Final = {("core_v1.ContainerPort", "protocol"): "TCP", ("core_v1.ServicePort", "protocol"): "TCP"}


def name_of(cls: type) -> str:
    """Give upstream's name of an API class: io.k8s.api.apps.v1.Deployment."""
    module = cls.__module__.removeprefix("reconcile.api.")
    own = f"{module}.{cls.__name__}"
    if own in _ELSEWHERE:
        return _ELSEWHERE[own]
    package, _, version = module.rpartition("_")
    return _PACKAGES.get(module, f"io.k8s.api.{package}.{version}.") + cls.__name__


def reference(name: str) -> dict[str, Any]:
    """Give a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def closure(roots: Iterable[type | str], group_versions: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    """
    Give the schemas of *roots*, classes or names of what is no class, and of all that they refer to.

    *group_versions* are those whose options are described: their kinds say so.
    """
    found: dict[str, Any] = {}
    waiting = list(roots)
    while waiting:
        root = waiting.pop()
        name = root if isinstance(root, str) else name_of(root)
        if name in found:
            continue
        if isinstance(root, str):
            found[name] = _SCALARS[root]
            continue
        schema, below = _schema(root)
        found[name] = _with_kinds(root, schema, tuple(group_versions))
        waiting += below
    return dict(sorted(found.items()))


@cache
def _schema(cls: type) -> tuple[dict[str, Any], tuple[type | str, ...]]:
    """Give the schema of a class, and what it refers to."""
    below: list[type | str] = []
    rules, zeros = list_rules(cls), zeros_of(cls)
    own = f"{cls.__module__.removeprefix('reconcile.api.')}.{cls.__name__}"
    properties: dict[str, Any] = {}
    required = []
    for field in fields_of(cls):
        free = _FREE.get((own, field.json))
        if free is None and field.type == Json and own.startswith("apiextensions_v1."):
            free = _EXTENSIONS + "JSON"
        nothing = zeros.get(field.json, _DEFAULTS.get((own, field.json)))
        if free is not None:
            below.append(free)
            schema: dict[str, Any] = {"allOf": [reference(free)]}
        else:
            schema = _field(field.type, below, nothing)
        rule = rules.get(field.json)
        if rule is not None:
            schema |= _extensions(rule, field.type)
        properties[field.json] = schema
        if field.required:
            required.append(field.json)
    found: dict[str, Any] = {"type": "object"}
    if required:
        found["required"] = required
    if properties:
        found["properties"] = properties
    if is_atomic(cls):
        found["x-kubernetes-map-type"] = "atomic"
    return found, tuple(below)


def _field(shape: Any, below: list[type | str], nothing: Any = None) -> dict[str, Any]:
    default = {} if nothing is None else {"default": dict(nothing) if isinstance(nothing, dict) else nothing}
    if shape in _PLAIN:
        return {**_PLAIN[shape], **default}
    if shape in _NAMED or shape == IntOrString:
        name = _NAMED.get(shape, _INT_OR_STRING)
        below.append(name)
        return {**default, "allOf": [reference(name)]} if default else reference(name)
    inner = within(shape, tuple)
    if inner is not None:
        return {"type": "array", "items": _field(inner, below, _zero_of(inner))}
    inner = within(shape, Map)
    if inner is not None and inner != Json:
        return {"type": "object", "additionalProperties": _field(inner, below, _zero_of(inner))}
    if Json in (inner, shape):
        below.append(RAW)
        return {"allOf": [reference(RAW)]}
    below.append(shape)
    return {**default, "allOf": [reference(name_of(shape))]}


def _zero_of(shape: Any) -> Any:
    """Give what an item of a list or map is where nothing is said."""
    if shape in (str, Base64):
        return ""
    return {} if hasattr(shape, "JSON_NAMES") else None


def _extensions(rule: kinds.ListRule, shape: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rule.type:
        kind = "list" if within(shape, tuple) is not None else "map"
        found[f"x-kubernetes-{kind}-type"] = rule.type
    if rule.map_keys:
        found["x-kubernetes-list-map-keys"] = list(rule.map_keys)
    if rule.patch_merge_key:
        found["x-kubernetes-patch-merge-key"] = rule.patch_merge_key
    if rule.patch_strategy:
        found["x-kubernetes-patch-strategy"] = rule.patch_strategy
    return found


def _with_kinds(cls: type, schema: dict[str, Any], group_versions: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    known = _kinds().get(cls, ())
    if cls in (meta_v1.DeleteOptions, meta_v1.WatchEvent):
        known = (*[("", "v1")], *[each for each in group_versions if each != ("", "v1")])
        rows = [{"group": group, "kind": cls.__name__, "version": version} for group, version in known]
    else:
        rows = [{"group": group, "kind": cls.__name__, "version": version} for group, version in known]
    return {**schema, "x-kubernetes-group-version-kind": rows} if rows else schema


@cache
def _kinds() -> dict[type, tuple[tuple[str, str], ...]]:
    found: dict[type, tuple[tuple[str, str], ...]] = {}
    for resource in (*kinds.all_resources(), *kinds.gated_resources()):
        place = (resource.group, resource.version)
        for cls in (resource.object_class, resource.list_class):
            if cls is not None:
                found[cls] = (place,)
    for name in ("APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"):
        found[getattr(meta_v1, name)] = (("", "v1"),)
    found.setdefault(core_v1.Binding, (("", "v1"),))
    found.setdefault(autoscaling_v1.Scale, (("autoscaling", "v1"),))
    return found
