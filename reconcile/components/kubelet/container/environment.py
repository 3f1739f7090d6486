"""
Environment: what a container's variables are, from its pod, from ConfigMaps and from Secrets.

Takes:    a container of a pod, and what the API server answered about the objects that it names.
Gives:    name -> value, or why it cannot be told yet; why a mount whose path depends on them cannot be made.
Source:   the kubelet's makeEnvironmentVariables; api/v1/resource's downward API;
          https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from reconcile.api.quantity import NANO, Quantity
from reconcile.components.kubelet.container import linking
from reconcile.components.kubelet.state import LocalPod, State
from reconcile.lib.mapping import Map
from reconcile.model.requests import List, Request, Response

NONE: Final[Map[str]] = Map()

Answers = Mapping[str, Response]
"""What was answered about objects of the pod's namespace, by `configmaps/NAME` and `secrets/NAME`; about services."""

_NOT_FOUND: Final = 404
_OF_SERVICES: Final = ("services/", f"services/{linking.MASTER[1]}")
_SINGULAR: Final = {"configmaps": "configmap", "secrets": "secret"}
_KIND: Final = {"configmaps": "ConfigMap", "secrets": "Secret"}
_REFERENCE: Final = re.compile(r"\$\$|\$\(([^)]*)\)")
_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")
_MILLI: Final = NANO // 1000


def named_by(spec: Any) -> tuple[str, ...]:
    """Name what a container's variables come from: `configmaps/NAME`, `secrets/NAME`, `services/` for all of them."""
    found: list[str] = list(_OF_SERVICES) if wants_links(spec) else []
    for source in spec.env_from or ():
        found += _named(source.config_map_ref, source.secret_ref)
    for row in spec.env or ():
        if row.value_from is not None and not row.value:
            found += _named(row.value_from.config_map_key_ref, row.value_from.secret_key_ref)
    return tuple(dict.fromkeys(found))


def request_of(key: str, namespace: str) -> Request:
    """Give the read of what `named_by` names; the API's own service is of another namespace than most pods."""
    resource, _, name = key.partition("/")
    if not name:
        return Request(verb="list", resource=resource, namespace=namespace)
    space = linking.MASTER[0] if resource == "services" else namespace
    return Request(verb="get", resource=resource, namespace=space, name=name)


def _named(config_map: Any, secret: Any) -> list[str]:
    if config_map is not None:
        return [f"configmaps/{config_map.name or ''}"]
    return [] if secret is None else [f"secrets/{secret.name or ''}"]


def wants_links(spec: Any) -> bool:
    """Tell whether anything refers to a variable that the container does not say: it may be one of a service."""
    said = [row.name for row in spec.env or ()]
    texts = [*(spec.command or ()), *(spec.args or ()), *[row.value for row in spec.env or () if row.value]]
    texts += [mount.sub_path_expr for mount in spec.volume_mounts or () if mount.sub_path_expr]
    return any(
        found[1] is not None and found[1] not in said
        for text in texts
        if "$" in text
        for found in _REFERENCE.finditer(text)
    )


def links_of(pod: Any, answers: Answers) -> tuple[dict[str, str], str]:
    """Give the variables of services, and why they are not known: empty if they are, or if nobody asked for them."""
    found: list[Any] = []
    for key in _OF_SERVICES:
        if key not in answers:
            return {}, ""
        response = answers[key]
        if response.ok:
            found += [response.body] if response.body.__class__ is not List else response.body.items
        elif response.code != _NOT_FOUND:
            return {}, why_missing(key, answers)
    return linking.variables_of(found, pod.metadata.namespace, linked=pod.spec.enable_service_links), ""


def of(state: State, pod: LocalPod, spec: Any, answers: Answers) -> tuple[Map[str], str]:
    """
    Give a container's variables, and why they cannot be told: empty if they can.

    Args:
        state: of the kubelet.
        pod: the container's.
        spec: the container's.
        answers: about all that `named_by` names.
    """
    links, why = links_of(pod.pod, answers)
    if why:
        return NONE, why
    known: dict[str, str] = {}
    for source in spec.env_from or ():
        key = _named(source.config_map_ref, source.secret_ref)
        reference = source.config_map_ref or source.secret_ref
        if not key:
            continue
        data, why = _content(key[0], answers)
        if why and not (reference.optional and answers[key[0]].code == _NOT_FOUND):
            return NONE, why
        known.update({f"{source.prefix or ''}{name}": value for name, value in data.items()})
    for row in spec.env or ():
        if row.value:
            known[row.name] = expanded(row.value, {**links, **known}) if "$" in row.value else row.value
            continue
        value, why = ("", "") if row.value_from is None else _value(state, pod, spec, row.value_from, answers)
        if why:
            return NONE, why
        if value is not None:
            known[row.name] = value
    if links:
        known = {**links, **known}
    return Map(known), why_not_mounted(spec, known)


def has_expressions(spec: Any) -> bool:
    """Tell whether the path of a container's mount depends on its variables."""
    return any(mount.sub_path_expr for mount in spec.volume_mounts or ())


def why_not_mounted(spec: Any, known: Mapping[str, str]) -> str:
    """
    Say why a container's mounts cannot be made, which depend on its variables; empty if they can.

    Source: the kubelet's makeMounts and ExpandContainerVolumeMounts.
    """
    for mount in spec.volume_mounts or ():
        if not mount.sub_path_expr:
            continue
        names = {found[1] for found in _REFERENCE.finditer(mount.sub_path_expr) if found[1] is not None}
        missing = sorted([name for name in names if not known.get(name)])
        if missing:
            return f"missing value for {', '.join(missing)}"
        path = expanded(mount.sub_path_expr, known)
        if path.startswith("/"):
            return f"error SubPath `{path}` must not be an absolute path"
        if ".." in path.split("/"):
            return f"unable to provision SubPath `{path}`: must not contain '..'"
    return ""


def _content(key: str, answers: Answers) -> tuple[dict[str, str], str]:
    """Give what an object holds, as texts, and why that is not known: empty if it is."""
    why = why_missing(key, answers)
    if why:
        return {}, why
    found = answers[key].body
    if key.startswith("secrets/"):
        return {name: decoded(text) for name, text in (found.data or {}).items()}, ""
    return dict(found.data or {}), ""


def why_missing(key: str, answers: Answers) -> str:
    """Say why an object is not known, as the kubelet does; empty if it is."""
    response = answers[key]
    if response.ok:
        return ""
    resource, _, name = key.partition("/")
    if response.code == _NOT_FOUND:
        return f'{_SINGULAR.get(resource, resource)} "{name}" not found'
    return getattr(response.body, "message", None) or f"{response.code} {response.reason}"


def decoded(text: str) -> str:
    """Give what a Secret holds as text; what is no UTF-8 shows as such."""
    return base64.b64decode(text).decode("utf-8", "replace")


def _value(state: State, pod: LocalPod, spec: Any, origin: Any, answers: Answers) -> tuple[str | None, str]:
    """Give a variable's value, None if it is to be left out, and why it cannot be told."""
    if origin.field_ref is not None:
        return field(state, pod, origin.field_ref.field_path)
    if origin.resource_field_ref is not None:
        return amount(state, pod, spec, origin.resource_field_ref)
    reference = origin.config_map_key_ref or origin.secret_key_ref
    if reference is None:
        return None, ""
    (key,) = _named(origin.config_map_key_ref, origin.secret_key_ref)
    data, why = _content(key, answers)
    if why:
        return None, "" if reference.optional and answers[key].code == _NOT_FOUND else why
    if reference.key in data:
        return data[reference.key], ""
    if reference.optional:
        return None, ""
    resource, _, name = key.partition("/")
    namespace = pod.key.partition("/")[0]
    return None, f"couldn't find key {reference.key} in {_KIND[resource]} {namespace}/{name}"


def field(state: State, pod: LocalPod, path: str) -> tuple[str, str]:
    """Give what a field of the pod says, as the downward API has it, and why it cannot be told."""
    shown: Any = pod.pod
    metadata, spec = shown.metadata, shown.spec
    host = state.host
    ip = pod.ip or (host.ip if spec.host_network else "")
    plain = {
        "metadata.name": metadata.name,
        "metadata.namespace": metadata.namespace,
        "metadata.uid": metadata.uid,
        "metadata.labels": _lines(metadata.labels),
        "metadata.annotations": _lines(metadata.annotations),
        "spec.nodeName": spec.node_name,
        "spec.serviceAccountName": spec.service_account_name,
        "status.hostIP": host.ip,
        "status.hostIPs": host.ip,
        "status.podIP": ip,
        "status.podIPs": ip,
    }
    if path in plain:
        return plain[path] or "", ""
    found = _SUBSCRIPT.fullmatch(path)
    if found is None:
        return "", f"unsupported fieldPath: {path}"
    rows = (metadata.labels if found[1] == "labels" else metadata.annotations) or NONE
    return rows.get(found[2], ""), ""


def _lines(rows: Map[str] | None) -> str:
    written = sorted((rows or NONE).items())
    return "\n".join([f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in written])


def amount(state: State, pod: LocalPod, spec: Any, reference: Any) -> tuple[str, str]:
    """Give what a container requests or is limited to, in units of the divisor, rounded up."""
    which, _, name = reference.resource.partition(".")
    chosen = spec
    if reference.container_name:
        rows = [row.spec for row in pod.containers if row.name == reference.container_name]
        if not rows:
            return "", f"container {reference.container_name} not found"
        chosen = rows[0]
    if which not in {"limits", "requests"}:
        return "", f"unsupported container resource : {reference.resource}"
    resources = chosen.resources
    found: Quantity | None = ((resources and getattr(resources, which)) or {}).get(name)
    nanos = found.nanos if found is not None else 0
    if found is None and which == "limits":  # what is not limited may have all that the node gives
        nanos = state.seldom.allocatable.get(name, 0)
    divisor = reference.divisor.nanos if reference.divisor is not None else 0
    unit = _MILLI if name == "cpu" else NANO
    parts, part = -(-nanos // unit), -(-(divisor or NANO) // unit)
    return str(-(-parts // part)), ""


def expanded(text: str, known: Mapping[str, str]) -> str:
    """
    Put values in place of `$(NAME)`; `$$` is a dollar sign, and what is not defined stays.

    Source: k8s.io/kubernetes/third_party/forked/golang/expansion.
    """

    def said(found: re.Match[str]) -> str:
        return "$" if found[1] is None else known.get(found[1], found[0])

    return _REFERENCE.sub(said, text)
