"""
NodeRestriction: what the kubelet of one node may not write of the others, nor of its own.

Source:   the admission plugin of this name.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

import base64
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.admission.accounts import MIRROR
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.errors import ReconcileError
from reconcile.model import certificates, statuses

_RESTRICTED: Final = "node-restriction.kubernetes.io"
_KUBELETS_OWN: Final = ("kubelet.kubernetes.io", "node.kubernetes.io")
_KUBELETS_LABELS: Final = frozenset(
    {
        "kubernetes.io/hostname",
        *[f"{prefix}kubernetes.io/{name}" for prefix in ("", "beta.") for name in ("arch", "os")],
        *[
            f"{prefix}.kubernetes.io/{name}"
            for prefix in ("topology", "failure-domain.beta")
            for name in ("region", "zone")
        ],
        "beta.kubernetes.io/instance-type",
    }
)
# What kubeadm would label a node with once it is there: a kubelet registers with it here.
_ROLES: Final = ("node-role.kubernetes.io/control-plane",)
# What a kubelet may write of its own node only.
_RESTRICTED_TO_NODE: Final = frozenset(
    {
        "pods",
        "nodes",
        "leases.coordination.k8s.io",
        "csinodes.storage.k8s.io",
        "serviceaccounts",
        "certificatesigningrequests.certificates.k8s.io",
        "resourceslices.resource.k8s.io",
    }
)
_NODES_SIGNERS: Final = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")


def restrict_node(ask: Ask, obj: Any, old: Any) -> None:
    """NodeRestriction: refuse what the kubelet of one node may not write of the others."""
    request = ask.request
    if request.resource not in _RESTRICTED_TO_NODE:
        return
    node = authorising.node_of(ask.user)
    if not node or "NodeRestriction" in ask.state.disabled:
        return
    name = request.name or (obj.metadata.name if obj is not None and obj.metadata is not None else "") or ""
    why = ""
    if request.resource == "pods":
        why = _pod_denied(ask, node, obj, old)
    elif request.resource == "nodes":
        why = _node_denied(ask, node, name, obj, old)
    elif request.resource == "serviceaccounts":
        why = _token_denied(ask, node, obj) if request.subresource == "token" else ""
    elif request.resource == "leases.coordination.k8s.io" and name != node:
        why = "can only access node lease with the same name as the requesting node"
    elif request.resource == "csinodes.storage.k8s.io" and name != node:
        why = "can only access CSINode with the same name as the requesting node"
    elif request.resource == "certificatesigningrequests.certificates.k8s.io":
        why = _certificate_denied(node, obj) if request.verb == "create" and not request.subresource else ""
    elif request.resource == "resourceslices.resource.k8s.io" and request.verb in ("create", "delete"):
        whole = obj if request.verb == "create" else old
        if whole.spec is not None and whole.spec.node_name != node:
            why = f"can only {request.verb} ResourceSlice with the same NodeName as the requesting node"
    if why:
        raise Refusal(statuses.forbidden(request.resource, name, why))


def _certificate_denied(node: str, csr: Any) -> str:
    if csr.spec is None or csr.spec.signer_name not in _NODES_SIGNERS:
        return ""
    try:
        asked = certificates.parse(base64.b64decode(str(csr.spec.request)).decode())
    except (ReconcileError, ValueError):
        return "unable to parse csr: PEM block type must be CERTIFICATE REQUEST"
    return (
        "" if asked.common_name == f"system:node:{node}" else f"can only create a node CSR with CN=system:node:{node}"
    )


def _pod_denied(ask: Ask, node: str, obj: Any, old: Any) -> str:
    if old is None:
        return _created_pod_denied(ask, node, obj)
    if old.spec.node_name != node:
        done = {"status": "update pod status for", "eviction": "evict"}.get(ask.request.subresource, "delete")
        who = node if done == "evict" else f'"{node}"'
        return f"node {who} can only {done} pods with spec.nodeName set to itself"
    if obj is not None and obj.metadata.labels != old.metadata.labels:
        return f'node "{node}" cannot update labels through pod status'
    return ""


def _created_pod_denied(ask: Ask, node: str, pod: core_v1.Pod) -> str:
    if pod.spec is None:
        return ""  # it is invalid
    metadata, spec = pod.metadata, pod.spec
    assert metadata is not None and spec is not None, "asked only about pods that have both"  # noqa: PT018
    if MIRROR not in (metadata.annotations or ()):
        return f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
    if spec.node_name != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    return _mirror_owner_denied(ask, node, metadata.owner_references or ()) or _references_denied(node, spec)


def _mirror_owner_denied(ask: Ask, node: str, owners: tuple[meta_v1.OwnerReference, ...]) -> str:
    creates = f'node "{node}" can only create pods with'
    if len(owners) > 1:
        return f"{creates} a single owner reference set to itself"
    if not owners or (owners[0].api_version, owners[0].kind, owners[0].name) != ("v1", "Node", node):
        return f"{creates} an owner reference set to itself"
    owner = owners[0]
    if not owner.controller:
        return f"{creates} a controller owner reference set to itself"
    if owner.block_owner_deletion:
        return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    found = ask.store.get("nodes", node)
    if found is None:
        raise Refusal(statuses.not_found("nodes", node))
    if owner.uid != found.metadata.uid:
        return f"node {node} UID mismatch: expected {owner.uid} got {found.metadata.uid}"
    return ""


def _references_denied(node: str, spec: core_v1.PodSpec) -> str:
    """Say what of others' a mirror pod refers to, which it may not."""
    what = "a service account" if spec.service_account_name else ""
    for resource in authorising.REFERRED:
        if not what and authorising.references(spec, resource):
            what = resource
    return what and f'node "{node}" can not create pods that reference {what}'


def _node_denied(ask: Ask, node: str, name: str, obj: Any, old: Any) -> str:
    if name != node:
        return f'node "{node}" is not allowed to modify node "{name}"'
    if obj is None:
        return ""
    if old is None and not ask.state.accounts:
        return ""  # a host has the labels that its node gets afterwards elsewhere
    if old is None:
        denied = [key for key in sorted(obj.metadata.labels or ()) if not _is_kubelets(key) and key not in _ROLES]
        return f'node "{node}" is not allowed to set the following labels: {", ".join(denied)}' if denied else ""
    if obj.spec is not old.spec and (obj.spec.taints or ()) != (old.spec.taints or ()):
        return f'node "{node}" is not allowed to modify taints'
    if obj.metadata is old.metadata:
        return ""
    if (obj.metadata.owner_references or ()) != (old.metadata.owner_references or ()):
        return f'node "{node}" is not allowed to modify ownerReferences'
    before, after = old.metadata.labels or {}, obj.metadata.labels or {}
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    denied = [key for key in changed if not _is_kubelets(key)]
    if denied:
        return f"is not allowed to modify labels: {', '.join(denied)}"
    return ""


def _token_denied(ask: Ask, node: str, asked: Any) -> str:
    """Say why a kubelet gets no token: it may ask for those of its node's pods, each for the pod."""
    bound = asked.spec.bound_object_ref if asked.spec is not None else None
    if bound is None or bound.api_version != "v1" or bound.kind != "Pod" or not bound.name:
        return "node requested token not bound to a pod"
    if not bound.uid:
        return "node requested token with a pod binding without a uid"
    pod = ask.store.get("pods", f"{ask.request.namespace}/{bound.name}")
    if pod is None:
        raise Refusal(statuses.not_found("pods", bound.name))
    if bound.uid != pod.metadata.uid:
        uid = f"the UID in the bound object reference ({bound.uid}) does not match the UID in record"
        return f"{uid}. The object might have been deleted and then recreated"
    if pod.spec.node_name != node:
        return "node requested token bound to a pod scheduled on a different node"
    return _audience_denied(ask.user.name, asked.spec.audiences or (), pod.spec)


def _audience_denied(user: str, audiences: tuple[str, ...], spec: core_v1.PodSpec) -> str:
    if len(audiences) > 1:
        return "node may only request 0 or 1 audiences"
    wanted = audiences[0] if audiences else ""
    for volume in spec.volumes or ():
        for source in (volume.projected.sources if volume.projected is not None else None) or ():
            if source.service_account_token is not None and (source.service_account_token.audience or "") == wanted:
                return ""
    said = f'audience "{wanted}" not found in pod spec volume'
    return f"{said}, {user} is not authorized to request tokens for this audience"


def _is_kubelets(label: str) -> bool:
    """Tell whether a kubelet may change this label of its node: of Kubernetes' own only those that it is to set."""
    domain, slash, _ = label.partition("/")

    def within(*domains: str) -> bool:
        return bool(slash) and any(domain == each or domain.endswith("." + each) for each in domains)

    if within(_RESTRICTED):
        return False
    return not within("kubernetes.io", "k8s.io") or label in _KUBELETS_LABELS or within(*_KUBELETS_OWN)
