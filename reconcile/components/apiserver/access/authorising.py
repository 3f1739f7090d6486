"""
Access: who asks, and whether they may.

Authentication has happened when a request arrives: a `User` comes with it, and one without a name is nobody.
Authorisation asks three authorizers, as kubeadm sets them up: the group system:masters may everything, the Node
authorizer knows what a kubelet may, and the roles of `roles.py` say the rest.

Source:   the API server's authentication union, Node authorizer and bootstrap policy.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import attrs

from reconcile.api import meta_v1
from reconcile.components.apiserver.access import roles
from reconcile.components.apiserver.refusals import Refusal
from reconcile.lib.errors import ReconcileError
from reconcile.model import selectors, statuses
from reconcile.model.requests import Request, User
from reconcile.store import Reads

MASTERS: Final = "system:masters"
NODES: Final = "system:nodes"
UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = User(name="system:anonymous", groups=(UNAUTHENTICATED,))
NODE_PREFIX: Final = "system:node:"
_CONTROLLER_PREFIX: Final = "system:serviceaccount:kube-system:"

# What the Node authorizer lets a kubelet get only if a pod of its node refers to it.
REFERRED: Final = ("secrets", "configmaps", "persistentvolumeclaims")
_BY_REFERENCE: Final = (*REFERRED, "persistentvolumes")
_NODE_LEASES: Final = "kube-node-lease"

# Of which a kubelet may write its own only, or read only what its pods refer to.
_NODES_OWN: Final = (*_BY_REFERENCE, "leases.coordination.k8s.io", "csinodes.storage.k8s.io")


def authenticated(user: User, *, anonymous: bool) -> User:
    """Give who asks; nobody is system:anonymous if that is allowed, and else refused with 401."""
    if user.name:
        return user
    if not anonymous:
        raise Refusal(statuses.unauthorized())
    return ANONYMOUS


@lru_cache(maxsize=65536)
def may(name: str, groups: tuple[str, ...], verb: str, resource: str, subresource: str) -> bool:
    """Tell whether somebody may do this to every object: `authorise` knows what else they may."""
    if MASTERS in groups:
        return True
    target = f"{resource}/{subresource}" if subresource else resource
    if not _node_named(name, groups):
        return _allows(name, UNAUTHENTICATED not in groups, verb, target)
    if resource in ("nodes", "pods"):
        looks = verb in ("get", "list") and not (resource == "pods" and subresource)
    else:
        looks = resource in _NODES_OWN
    return not looks and _node_allows(verb, target)


def authorise(user: User, request: Request, store: Reads) -> None:
    """Refuse with 403 what *user* may not do, having looked at the request and at the store."""
    if may(user.name, user.groups, request.verb, request.resource, request.subresource):
        return
    if request.verb == "watch":
        # Whoever of Kubernetes' own identities may list a resource may watch it.
        authorise(user, attrs.evolve(request, verb="list"), store)
        return
    node = node_of(user)
    if node:
        why = _denied_to_node(node, request, store)
        if why is None:
            return
        raise Refusal(_forbidden(user, request, why))
    if not _locks(user, request):
        raise Refusal(_forbidden(user, request, ""))


def node_of(user: User) -> str:
    """Give the name of the node whose kubelet *user* is; empty if it is none."""
    return _node_named(user.name, user.groups)


@lru_cache(maxsize=16384)
def _node_named(name: str, groups: tuple[str, ...]) -> str:
    return name[len(NODE_PREFIX) :] if name.startswith(NODE_PREFIX) and NODES in groups else ""


def _allows(name: str, known: bool, verb: str, target: str) -> bool:  # noqa: FBT001 -- a cached function's key
    rules = roles.EVERYONE if known else ()
    if name == "system:kube-scheduler":
        rules += roles.SCHEDULER
    elif name == "system:kube-controller-manager":
        rules += roles.CONTROLLER_MANAGER
    elif name == "system:kube-proxy":
        rules += roles.PROXY
    elif name.startswith(_CONTROLLER_PREFIX):
        account = name[len(_CONTROLLER_PREFIX) :]
        rules += roles.PROXY if account == "kube-proxy" else roles.CONTROLLERS.get(account, ())
    return _allow(rules, verb, target)


def _locks(user: User, request: Request) -> bool:
    """Tell whether somebody who leads under a lock asks for the lock of that name."""
    lock = roles.LOCKS.get(user.name)
    if lock is None or request.subresource or request.resource not in roles.LOCK_RESOURCES:
        return False
    return request.verb == "create" or (request.verb in ("get", "update") and request.name == lock)


@lru_cache(maxsize=512)
def _node_allows(verb: str, target: str) -> bool:
    return _allow(roles.NODE, verb, target)


def _allow(rules: tuple[roles.Rule, ...], verb: str, target: str) -> bool:
    _, slash, subresource = target.partition("/")
    anything = f"*/{subresource}" if slash else "*"
    return any(verb in verbs and (target in named or anything in named or "*" in named) for verbs, named in rules)


def _denied_to_node(node: str, request: Request, store: Reads) -> str | None:
    """Say why the kubelet of *node* may not do this; None if it may."""
    resource, verb = request.resource, request.verb
    target = f"{resource}/{request.subresource}" if request.subresource else resource
    if not _node_allows(verb, target):
        return ""
    if resource == "leases.coordination.k8s.io":
        return _denied_lease(node, request)
    if resource in _BY_REFERENCE:
        return _denied_reference(node, request, store)
    if resource == "nodes" and verb in ("get", "list"):
        return _denied_node(node, request)
    if resource == "pods" and not request.subresource:
        return _denied_pod(node, request, store)
    if resource == "csinodes.storage.k8s.io" and verb != "create" and request.name != node:
        return "can only access CSINode with the same name as the requesting node"
    return None


def _denied_node(node: str, request: Request) -> str | None:
    if request.name == node or _selects(request, "metadata.name", node):
        return None
    what = f"'{request.name}'" if request.name else "all nodes"
    return f"node '{node}' cannot read {what}, only its own Node object"


def _denied_pod(node: str, request: Request, store: Reads) -> str | None:
    if request.verb == "list" and not _selects(request, "spec.nodeName", node):
        return "can only list/watch pods with spec.nodeName field selector"
    if request.verb == "get":
        pod = store.get("pods", f"{request.namespace}/{request.name}")
        if pod is None or pod.spec.node_name != node:
            return f"no relationship found between node '{node}' and this object"
    return None


def _selects(request: Request, field: str, value: str) -> bool:
    """Tell whether a list is of objects with this value in this field alone."""
    try:
        terms = selectors.parse_fields(request.field_selector)
    except ReconcileError:
        return False
    return selectors.FieldRequirement(field, "=", value) in terms


def _denied_lease(node: str, request: Request) -> str | None:
    if request.namespace != _NODE_LEASES:
        return f'can only access leases in the "{_NODE_LEASES}" system namespace'
    if request.verb != "create" and request.name != node:
        return "can only access node lease with the same name as the requesting node"
    return None


def _denied_reference(node: str, request: Request, store: Reads) -> str | None:
    none = f"no relationship found between node '{node}' and this object"
    if not request.name:
        return "can only read resources of this type with names"
    for pod in store.table("pods").under("node", node):
        if pod.metadata.namespace == request.namespace and request.name in references(pod.spec, request.resource):
            return None
        if request.resource == "persistentvolumes":
            return None
    return none


def references(spec: object, resource: str) -> frozenset[str]:
    """Give the names of the objects of *resource*, one of REFERRED, that a pod's specification refers to."""
    field = {"secrets": "secret", "configmaps": "config_map", "persistentvolumeclaims": "persistent_volume_claim"}
    found: list[str] = []
    for volume in getattr(spec, "volumes", None) or ():
        source = getattr(volume, field.get(resource, "secret"))
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


def _forbidden(user: User, request: Request, why: str) -> meta_v1.Status:
    plural, _, group = request.resource.partition(".")
    target = f"{plural}/{request.subresource}" if request.subresource else plural
    where = f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    said = f'User "{user.name}" cannot {request.verb} resource "{target}" in API group "{group}" {where}'
    return statuses.forbidden(request.resource, request.name, f"{said}: {why}" if why else said)
