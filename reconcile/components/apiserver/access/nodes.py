"""
Nodes: what a kubelet may, beside what roles say.

Source:   the API server's Node authorizer, and the rules of the role system:node that it goes by.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Final

from reconcile.lib.errors import ReconcileError
from reconcile.model import selectors
from reconcile.model.pods.claims import resource_claims_of
from reconcile.model.pods.volumes import claims_of
from reconcile.model.requests import Request, User
from reconcile.store import Reads

NODES: Final = "system:nodes"
NODE_PREFIX: Final = "system:node:"

# Each rule: verbs, resources; a resource is its key and, after a slash, its subresource. Who may list may watch.
Rule = tuple[tuple[str, ...], tuple[str, ...]]

_READ: Final = ("get", "list")
_EVENTS: Final[Rule] = (("create", "update", "patch"), ("events", "events.events.k8s.io"))
_REVIEWS: Final[Rule] = (
    ("create",),
    (
        "tokenreviews.authentication.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
        "localsubjectaccessreviews.authorization.k8s.io",
    ),
)

_RULES: Final[tuple[Rule, ...]] = (
    _EVENTS,
    _REVIEWS,
    (_READ, ("services", "pods", "nodes", "secrets", "configmaps")),
    (("create", "update", "patch"), ("nodes",)),
    (("update", "patch"), ("nodes/status", "pods/status")),
    (("create", "delete"), ("pods",)),
    (("create",), ("pods/eviction", "serviceaccounts/token")),
    (("get",), ("persistentvolumeclaims", "persistentvolumes", "endpoints", "volumeattachments.storage.k8s.io")),
    (("get", "update", "patch"), ("persistentvolumeclaims/status",)),
    (("get", "create", "update", "patch", "delete"), ("leases.coordination.k8s.io", "csinodes.storage.k8s.io")),
    (_READ, ("csidrivers.storage.k8s.io", "runtimeclasses.node.k8s.io")),
    (("get", "list", "create"), ("certificatesigningrequests.certificates.k8s.io",)),
    (("get", "list", "create", "update", "patch", "delete", "deletecollection"), ("resourceslices.resource.k8s.io",)),
    (("get",), ("resourceclaims.resource.k8s.io",)),
)

# What the Node authorizer lets a kubelet get only if a pod of its node refers to it.
REFERRED: Final = ("secrets", "configmaps", "persistentvolumeclaims")
_BY_REFERENCE: Final = (*REFERRED, "persistentvolumes")
_NODE_LEASES: Final = "kube-node-lease"
_CLAIMS: Final = "persistentvolumeclaims"
_ONE_BY_ONE: Final = ("get", "create", "update", "patch", "delete")

# Of which a kubelet may write its own only, or read only what its pods refer to.
_NODES_OWN: Final = (
    *_BY_REFERENCE,
    "leases.coordination.k8s.io",
    "csinodes.storage.k8s.io",
    "serviceaccounts",
    "resourceclaims.resource.k8s.io",
    "volumeattachments.storage.k8s.io",
)


def node_of(user: User) -> str:
    """Give the name of the node whose kubelet *user* is; empty if it is none."""
    return node_named(user.name, user.groups)


@lru_cache(maxsize=16384)
def node_named(name: str, groups: tuple[str, ...]) -> str:
    """Give the name of the node whose kubelet somebody is, by name and groups; empty if it is none."""
    return name[len(NODE_PREFIX) :] if name.startswith(NODE_PREFIX) and NODES in groups else ""


@lru_cache(maxsize=512)
def _allows(verb: str, target: str) -> bool:
    return any(verb in verbs and target in named for verbs, named in _RULES)


def may_all(verb: str, resource: str, subresource: str) -> bool:
    """Tell whether every kubelet may do this to every object: `denied` knows what else it may."""
    verb = _as_list(verb)
    if resource in ("nodes", "pods"):
        looks = verb in ("get", "list") and not (resource == "pods" and subresource)
    else:
        looks = resource in _NODES_OWN
    return not looks and _allows(verb, f"{resource}/{subresource}" if subresource else resource)


def denied(node: str, request: Request, store: Reads) -> str | None:
    """Say why the kubelet of *node* may not do this, empty for no reason in particular; None if it may."""
    resource, verb, subresource = request.resource, _as_list(request.verb), request.subresource
    match resource:
        case "secrets" | "configmaps":
            return _denied_read(node, request, store)
        case "persistentvolumeclaims" if subresource == "status":
            return None if verb in ("update", "patch") else "can only get/update/patch this type"
        case "persistentvolumeclaims" | "persistentvolumes" | "resourceclaims.resource.k8s.io":
            return _denied_get(node, request, store)
        case "volumeattachments.storage.k8s.io":
            return _denied_get(node, request, store)
        case "serviceaccounts":
            return _denied_account(node, request, store)
        case "leases.coordination.k8s.io":
            return _denied_lease(node, request)
        case "csinodes.storage.k8s.io":
            return _denied_csi_node(node, request)
        case "nodes" if not subresource and verb in ("get", "list"):
            return _denied_node(node, request)
        case "pods" if not subresource and verb in ("get", "list"):
            return _denied_pod(node, request, verb, store)
        case _:
            return None if _allows(verb, f"{resource}/{subresource}" if subresource else resource) else ""


def _as_list(verb: str) -> str:
    return "list" if verb == "watch" else verb


def _denied_node(node: str, request: Request) -> str | None:
    if request.name == node or _selects(request, "metadata.name", node):
        return None
    what = f"'{request.name}'" if request.name else "all nodes"
    return f"node '{node}' cannot read {what}, only its own Node object"


def _denied_pod(node: str, request: Request, verb: str, store: Reads) -> str | None:
    if verb == "list" and _selects(request, "spec.nodeName", node):
        return None
    if verb == "list" and not request.name:
        return "can only list/watch pods with spec.nodeName field selector"
    pod = store.get("pods", f"{request.namespace}/{request.name}")
    return _unrelated(node) if pod is None or pod.spec.node_name != node else None


def _selects(request: Request, field: str, value: str) -> bool:
    """Tell whether a list is of objects with this value in this field alone."""
    try:
        terms = selectors.parse_fields(request.field_selector)
    except ReconcileError:
        return False
    return selectors.FieldRequirement(field, "=", value) in terms


def _denied_lease(node: str, request: Request) -> str | None:
    if request.verb not in _ONE_BY_ONE:
        return "can only get, create, update, patch, or delete a node lease"
    if request.namespace != _NODE_LEASES:
        return f'can only access leases in the "{_NODE_LEASES}" system namespace'
    if request.verb != "create" and request.name != node:
        return "can only access node lease with the same name as the requesting node"
    return None


def _denied_csi_node(node: str, request: Request) -> str | None:
    if request.verb not in _ONE_BY_ONE:
        return "can only get, create, update, patch, or delete a CSINode"
    if request.subresource:
        return "cannot authorize CSINode subresources"
    if request.verb != "create" and request.name != node:
        return "can only access CSINode with the same name as the requesting node"
    return None


def _denied_read(node: str, request: Request, store: Reads) -> str | None:
    if request.verb not in ("get", "list", "watch"):
        return "can only read resources of this type"
    if request.subresource:
        return "cannot read subresource"
    if not request.namespace:
        return "can only read namespaced object of this type"
    return _denied_reference(node, request, store)


def _denied_get(node: str, request: Request, store: Reads) -> str | None:
    if request.verb != "get":
        return "can only get individual resources of this type"
    if request.subresource:
        return "cannot get subresource"
    return _denied_reference(node, request, store)


def _denied_account(node: str, request: Request, store: Reads) -> str | None:
    if request.verb == "get" and not request.subresource:
        return _denied_read(node, request, store)
    if request.verb != "create" or not request.name:
        return "can only create tokens for individual service accounts"
    if request.subresource != "token":
        return "can only create token subresource of serviceaccount"
    return _denied_reference(node, request, store)


def _unrelated(node: str) -> str:
    return f"no relationship found between node '{node}' and this object"


def _denied_reference(node: str, request: Request, store: Reads) -> str | None:
    """Say that no pod of the node refers to the object; None if one does."""
    resource, name = request.resource, request.name or _named_by_selector(request)
    if not name:
        return "No Object name found"
    pods = store.table("pods").under("node", node)
    if resource == "persistentvolumes":
        found = store.get(resource, name)
        claim = found.spec.claim_ref if found is not None else None
        within, name, resource = (claim.namespace, claim.name, _CLAIMS) if claim is not None else ("", "", _CLAIMS)
    elif resource == "volumeattachments.storage.k8s.io":
        found = store.get(resource, name)
        return None if found is not None and found.spec.node_name == node else _unrelated(node)
    else:
        within = request.namespace
    named: Collection[str | None]
    for pod in pods:
        if pod.metadata.namespace != within:
            continue
        if resource == "serviceaccounts":
            named = {pod.spec.service_account_name}
        elif resource == "resourceclaims.resource.k8s.io":
            named = resource_claims_of(pod)
        else:
            named = references(pod.spec, resource)
            if resource == _CLAIMS and name not in named:
                named = claims_of(pod)  # those of ephemeral volumes are named after the pod
        if name in named:
            return None
    return _unrelated(node)


def _named_by_selector(request: Request) -> str:
    try:
        terms = selectors.parse_fields(request.field_selector)
    except ReconcileError:
        return ""
    return next((term.value for term in terms if term.field == "metadata.name" and term.operator == "="), "")


def references(spec: object, resource: str) -> frozenset[str]:
    """Give the names of the objects of *resource*, one of REFERRED, that a pod's specification refers to."""
    field = {"secrets": "secret", "configmaps": "config_map", "persistentvolumeclaims": "persistent_volume_claim"}
    found: list[str] = []
    for volume in getattr(spec, "volumes", None) or ():
        source = getattr(volume, field.get(resource, "secret"))
        if source is None and resource == "secrets" and volume.csi is not None:
            source = volume.csi.node_publish_secret_ref
        found += [_named(source)] if source else []
        for projection in (volume.projected.sources if volume.projected else None) or ():
            source = getattr(projection, field.get(resource, "secret"), None)
            found += [_named(source)] if source else []
    if resource == "secrets":
        found += [reference.name or "" for reference in getattr(spec, "image_pull_secrets", None) or ()]
    for container in (*getattr(spec, "containers", ()), *(getattr(spec, "init_containers", None) or ())):
        for variable in container.env or ():
            origin = variable.value_from
            reference = origin and (origin.secret_key_ref if resource == "secrets" else origin.config_map_key_ref)
            found += [reference.name or ""] if reference else []
        for source in container.env_from or ():
            reference = source.secret_ref if resource == "secrets" else source.config_map_ref
            found += [reference.name or ""] if reference else []
    return frozenset(found)


def _named(source: object) -> str:
    for name in ("secret_name", "claim_name", "name"):
        if getattr(source, name, None):
            return str(getattr(source, name))
    return ""
