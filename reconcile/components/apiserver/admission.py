"""
Admission: what the API server's plugins add to a request and whom they stop.

NamespaceLifecycle, Priority, DefaultTolerationSeconds, ServiceAccount (the name), NodeRestriction and
TaintNodesByCondition.

Source:   the admission plugins of these names.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Causes, Refusal
from reconcile.components.apiserver.registry.defaults import pod_spec_defaulted
from reconcile.components.apiserver.registry.validation import pod_spec_causes
from reconcile.components.apiserver.state import Ask
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.qos import qos_class

MIRROR: Final = "kubernetes.io/config.mirror"
IMMORTAL: Final = ("default", "kube-system", "kube-public")
CLASSES: Final = "priorityclasses.scheduling.k8s.io"
_NOT_READY: Final = "node.kubernetes.io/not-ready"
_UNREACHABLE: Final = "node.kubernetes.io/unreachable"
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


@quick
@attrs.frozen(weakref_slot=False)
class Priority:
    """What a priority class gives to a pod."""

    name: str | None
    value: int
    preemption: str


@quick
@attrs.frozen(weakref_slot=False)
class Admitted:
    """A pod's specification with defaults and admission's additions, its first status, and what is wrong with it."""

    spec: core_v1.PodSpec
    status: core_v1.PodStatus
    causes: Causes


# What a kubelet may write of its own node only.
_RESTRICTED_TO_NODE: Final = frozenset({"pods", "nodes", "leases.coordination.k8s.io", "csinodes.storage.k8s.io"})

_NO_PRIORITY: Final = Priority(None, 0, "PreemptLowerPriority")


def admit_namespace(ask: Ask, name: str) -> None:
    """NamespaceLifecycle: refuse to create in a namespace that is not there, or that is going."""
    namespace = ask.store.get("namespaces", ask.request.namespace)
    if namespace is None:
        raise Refusal(statuses.not_found("namespaces", ask.request.namespace))
    if namespace.metadata.deletion_timestamp is not None:
        where = ask.request.namespace
        why = f"unable to create new content in namespace {where} because it is being terminated"
        status = statuses.forbidden(ask.request.resource, name, why)
        said = f"namespace {where} is being terminated"
        cause = meta_v1.StatusCause(reason="NamespaceTerminating", message=said, field="metadata.namespace")
        raise Refusal(replace(status, details=replace(status.details, causes=(cause,))))


def admit_pod(ask: Ask, pod: core_v1.Pod, name: str) -> Admitted:
    """Give what a new pod's specification becomes; remembered by the specification's object."""
    assert pod.spec is not None, "a pod without a specification is refused before"
    mirror = pod.metadata is not None and MIRROR in (pod.metadata.annotations or ())
    state = ask.state
    seconds = (state.not_ready_seconds, state.unreachable_seconds)
    if "DefaultTolerationSeconds" in state.disabled:
        seconds = (-1, -1)
    priority = None if "Priority" in state.disabled else priority_of(ask, pod.spec, name)
    return _admitted(Same(pod.spec), priority, seconds, mirror)


def priority_of(ask: Ask, spec: core_v1.PodSpec, name: str) -> Priority:
    """Give the priority of a pod: its class's, or that of the class that is everyone's default."""
    wanted = spec.priority_class_name
    if wanted:
        found = ask.store.get(CLASSES, wanted)
        if found is None:
            raise Refusal(statuses.forbidden("pods", name, f"no PriorityClass with name {wanted} was found"))
        priority = Priority(wanted, found.value, found.preemption_policy or "PreemptLowerPriority")
    else:
        table = ask.store.table(CLASSES)
        priority = _default_priority(Same(table)) if len(table) else _NO_PRIORITY
    if spec.priority is not None and spec.priority != priority.value:
        why = (
            f"the integer value of priority ({spec.priority}) must not be provided in pod spec; priority admission"
            f" controller computed {priority.value} from the given PriorityClass name"
        )
        raise Refusal(statuses.forbidden("pods", name, why))
    return priority


def admit_priority_class(ask: Ask, obj: Any) -> Any:
    """Priority: give the class; refuse a second one that is everyone's default."""
    if not obj.global_default or "Priority" in ask.state.disabled:
        return obj
    name = obj.metadata.name or ""
    for other in ask.store.table(CLASSES).values():
        if other.global_default and other.metadata.name != name:
            why = f"PriorityClass {other.metadata.name} is already marked as default. Only one default can exist"
            raise Refusal(statuses.forbidden(CLASSES, name, why))
    return obj


@lru_cache(maxsize=64)
def _default_priority(same: Same) -> Priority:
    chosen = None
    for found in same.value.values():
        # Of several defaults the lowest counts.
        if found.global_default and (chosen is None or found.value < chosen.value):
            chosen = found
    if chosen is None:
        return _NO_PRIORITY
    return Priority(chosen.metadata.name, chosen.value, chosen.preemption_policy or "PreemptLowerPriority")


@lru_cache(maxsize=4096)
def _admitted(same: Same, priority: Priority | None, seconds: tuple[int, int], mirror: bool) -> Admitted:  # noqa: FBT001 -- a cached function's key
    spec = pod_spec_defaulted(same.value)
    if priority is not None:
        spec = replace(
            spec,
            priority=priority.value,
            priority_class_name=priority.name or spec.priority_class_name,
            preemption_policy=spec.preemption_policy or priority.preemption,
        )
    if not mirror:
        account = spec.service_account_name or "default"
        spec = replace(spec, service_account_name=account, service_account=account)
    spec = replace(spec, tolerations=_tolerations(spec.tolerations or (), seconds) or None)
    waits: tuple[core_v1.PodCondition, ...] = ()
    if spec.scheduling_gates:
        said = "Scheduling is blocked due to non-empty scheduling gates"
        waits = (core_v1.PodCondition(type="PodScheduled", status="False", reason="SchedulingGated", message=said),)
    status = core_v1.PodStatus(phase="Pending", qos_class=qos_class(spec), conditions=waits or None)
    return Admitted(spec, status, pod_spec_causes("spec", spec))


def _tolerations(given: tuple[core_v1.Toleration, ...], seconds: tuple[int, int]) -> tuple[core_v1.Toleration, ...]:
    added = list(given)
    for key, length in zip((_NOT_READY, _UNREACHABLE), seconds, strict=True):
        tolerates = any((each.key == key or not each.key) and each.effect in ("NoExecute", "", None) for each in given)
        if length >= 0 and not tolerates:
            added.append(core_v1.Toleration(key=key, operator="Exists", effect="NoExecute", toleration_seconds=length))
    return given if len(added) == len(given) else tuple(added)


def admit_node(ask: Ask, node: core_v1.Node) -> core_v1.Node:
    """TaintNodesByCondition: a new node takes no pods before it has said that it is ready."""
    if "TaintNodesByCondition" in ask.state.disabled:
        return node
    taints = (node.spec.taints if node.spec is not None else None) or ()
    if any(taint.key == _NOT_READY and taint.effect == "NoSchedule" for taint in taints):
        return node
    taint = core_v1.Taint(key=_NOT_READY, effect="NoSchedule")
    return replace(node, spec=replace(node.spec or core_v1.NodeSpec(), taints=(*taints, taint)))


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
        why = _node_denied(node, name, obj, old)
    elif request.resource == "leases.coordination.k8s.io" and name != node:
        why = "can only access node lease with the same name as the requesting node"
    elif request.resource == "csinodes.storage.k8s.io" and name != node:
        why = "can only access CSINode with the same name as the requesting node"
    if why:
        raise Refusal(statuses.forbidden(request.resource, name, why))


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


def _node_denied(node: str, name: str, obj: Any, old: Any) -> str:
    if name != node:
        return f'node "{node}" is not allowed to modify node "{name}"'
    if obj is None or old is None:
        return ""
    if obj.spec is not old.spec and (obj.spec.taints or ()) != (old.spec.taints or ()):
        return f'node "{node}" is not allowed to modify taints'
    if obj.metadata is old.metadata:
        return ""
    before, after = old.metadata.labels or {}, obj.metadata.labels or {}
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    denied = [key for key in changed if not _is_kubelets(key)]
    if denied:
        return f"is not allowed to modify labels: {', '.join(denied)}"
    return ""


def _is_kubelets(label: str) -> bool:
    """Tell whether a kubelet may change this label of its node: of Kubernetes' own only those that it is to set."""
    domain, slash, _ = label.partition("/")

    def within(*domains: str) -> bool:
        return bool(slash) and any(domain == each or domain.endswith("." + each) for each in domains)

    if within(_RESTRICTED):
        return False
    return not within("kubernetes.io", "k8s.io") or label in _KUBELETS_LABELS or within(*_KUBELETS_OWN)
