"""
Discovery: which groups, versions and resources there are.

Two forms: the old documents, one for each group and version, and the aggregated one that a client asks for by an Accept
header.

Source:   https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
Left out: nothing known.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any, Final

from reconcile.api.kinds import Resource
from reconcile.components.apiserver.rest.negotiation import Accepted

_AGGREGATED: Final = ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2")

# The verbs of each subresource, and the kind that it speaks where that is not the resource's own.
_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "approval": ("get", "patch", "update"),
    "attach": ("create", "get"),
    "binding": ("create",),
    "ephemeralcontainers": ("get", "patch", "update"),
    "eviction": ("create",),
    "exec": ("create", "get"),
    "finalize": ("update",),
    "log": ("get",),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
    "resize": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "status": ("get", "patch", "update"),
    "token": ("create",),
}
_KINDS: Final[dict[str, tuple[str, str, str]]] = {
    "attach": ("", "", "PodAttachOptions"),
    "binding": ("", "", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "exec": ("", "", "PodExecOptions"),
    "portforward": ("", "", "PodPortForwardOptions"),
    "scale": ("autoscaling", "v1", "Scale"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}


# The group and version that objects are stored in, where it is not the one that is served.
_STORED: Final[dict[str, tuple[str, str]]] = {
    "horizontalpodautoscalers.autoscaling": ("autoscaling", "v2"),
    "events.events.k8s.io": ("", "v1"),
    "podgroups.scheduling.k8s.io": ("scheduling.k8s.io", "v1alpha2"),
    "workloads.scheduling.k8s.io": ("scheduling.k8s.io", "v1alpha2"),
    "leasecandidates.coordination.k8s.io": ("coordination.k8s.io", "v1beta1"),
    "customresourcedefinitions.apiextensions.k8s.io": ("apiextensions.k8s.io", "v1beta1"),
    "mutatingadmissionpolicies.admissionregistration.k8s.io": ("admissionregistration.k8s.io", "v1beta1"),
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": ("admissionregistration.k8s.io", "v1beta1"),
}


def is_aggregated(accepted: Accepted) -> bool:
    """Tell whether a client asks for the aggregated document."""
    return (accepted.shape, accepted.shape_group, accepted.shape_version) == _AGGREGATED


def document(path: str, resources: Iterable[Resource], *, aggregated: bool, address: str) -> dict[str, Any] | None:
    """
    Give the document at *path*, or None if it is none of discovery's.

    Args:
        path: /api, /apis, /api/v1, /apis/GROUP, /apis/GROUP/VERSION.
        resources: what is served, groups and versions in the order of preference.
        aggregated: in the form that holds everything at once; of /api and /apis only.
        address: where the server says that it is reached.
    """
    groups: dict[str, dict[str, list[Resource]]] = {}
    for resource in resources:
        groups.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
    parts = [part for part in path.split("/") if part]
    if aggregated and parts in (["api"], ["apis"]):
        wanted = {name: versions for name, versions in groups.items() if bool(name) is (parts == ["apis"])}
        return _everything(wanted)
    match parts:
        case ["api"]:
            reached = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
            return {"kind": "APIVersions", "versions": list(groups.get("", ())), "serverAddressByClientCIDRs": reached}
        case ["apis"]:
            listed = [_group(name, versions) for name, versions in groups.items() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
        case ["apis", group] if group in groups:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, groups[group])}
        case ["api", version] if version in groups.get("", ()):
            return _resources("", version, groups[""][version])
        case ["apis", group, version] if version in groups.get(group, ()):
            return _resources(group, version, groups[group][version])
    return None


def _group(name: str, versions: Iterable[str]) -> dict[str, Any]:
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def _resources(group: str, version: str, found: list[Resource]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for resource in sorted(found, key=lambda each: each.plural):
        row = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short_names:
            row["shortNames"] = list(resource.short_names)
        if resource.categories:
            row["categories"] = list(resource.categories)
        if "watch" in resource.verbs:
            row["storageVersionHash"] = _version_hash(resource)
        rows.append(row)
        rows += [_subresource(resource, name) for name in _subresources(resource)]
    document = {"kind": "APIResourceList", "groupVersion": f"{group}/{version}" if group else version}
    return {**document, **({"apiVersion": "v1"} if group else {}), "resources": rows}


def _subresources(resource: Resource) -> list[str]:
    return list(resource.subresources) if resource.is_custom else sorted(resource.subresources)


def _subresource(resource: Resource, name: str) -> dict[str, Any]:
    group, version, kind = _spoken(resource, name)
    row: dict[str, Any] = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
    if group:
        row |= {"group": group, "version": version}
    return {**row, "kind": kind, "verbs": list(_VERBS[name])}


def _spoken(resource: Resource, subresource: str) -> tuple[str, str, str]:
    if subresource == "proxy":
        return "", "", f"{resource.kind}ProxyOptions"
    return _KINDS.get(subresource, ("", "", resource.kind))


def _everything(groups: dict[str, dict[str, list[Resource]]]) -> dict[str, Any]:
    items = []
    for name, versions in groups.items():
        rows = [
            {
                "version": version,
                "resources": [_discovered(resource) for resource in sorted(found, key=lambda each: each.plural)],
                "freshness": "Current",
            }
            for version, found in versions.items()
        ]
        items.append({"metadata": {"name": name} if name else {}, "versions": rows})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _discovered(resource: Resource) -> dict[str, Any]:
    row: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": _kind("", "", resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if resource.subresources:
        row["subresources"] = [
            {
                "subresource": name,
                "responseKind": _kind(*_spoken(resource, name)),
                "verbs": list(_VERBS[name]),
            }
            for name in _subresources(resource)
        ]
    return row


def _kind(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}


def _version_hash(resource: Resource) -> str:
    """Tell versions apart in which objects are stored."""
    group, version = _STORED.get(resource.key, (resource.group, resource.storage_version or resource.version))
    written = f"{group}/{version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(written.encode()).digest()[:8]).decode("ascii")
