"""
Subresources that are verbs of their own: binding of pods, finalize of namespaces.

Source:   the pod's binding storage; the namespace's finalize storage.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver import admission
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Cause, Refusal, not_supported, required, wrong
from reconcile.components.apiserver.state import Ask, Plan, Planned
from reconcile.components.apiserver.writing import creating, updating
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model import conditions, statuses
from reconcile.model.pods.places import place_of
from reconcile.model.requests import Response, joined
from reconcile.model.text import names
from reconcile.store import Compare, Put, Txn

_STANDARD_FINALIZERS: Final = ("kubernetes", "orphan", "foregroundDeletion")
_BOUND: Final = meta_v1.Status(metadata=meta_v1.ListMeta(), status="Success", code=201)


def bind(ask: Ask) -> Plan:
    """Plan to assign a pod to a node."""
    binding = ask.request.body
    if not isinstance(binding, core_v1.Binding):
        raise Refusal(statuses.bad_request(creating.misplaced(binding, "Binding")))
    target = binding.target
    metadata = binding.metadata or meta_v1.ObjectMeta()
    given = metadata.name
    creating.check_namespace(ask, metadata)
    if not ask.request.name:
        # Such a binding is an object for itself: it has no uid yet.
        metadata = replace(metadata, uid=None)
    elif given != ask.request.name:
        raise Refusal(statuses.bad_request("name in URL does not match name in Binding object"))
    if ask.store.ruled:
        binding = admission.carried(ask, binding)
        target = binding.target
    key, name = ask.key, ask.request.name or given or ""
    if not ask.request.name:
        key = joined(ask.request.namespace, name)
    _check_target(target)
    if not name:
        raise Refusal(statuses.bad_request("Name parameter required."))
    pod = ask.store.get("pods", key)
    if pod is None:
        raise Refusal(statuses.not_found("pods", name))
    updating.check_stored(ask, key, (metadata.uid, metadata.resource_version), pod.metadata)
    _check_assignable(pod, name)
    new = _assigned(ask, pod, binding)
    if ask.request.dry_run:
        return Response(201, _BOUND)
    compare = Compare("pods", key, int(pod.metadata.resource_version))
    return Planned(Txn((compare,), (Put("pods", key, new),)), 201, body=_BOUND)


def _check_target(target: core_v1.ObjectReference) -> None:
    causes: tuple[Cause, ...] = ()
    if target.kind not in (None, "", "Node"):
        causes += (not_supported("target.kind", target.kind, ("Node", "<empty>")),)
    if not target.name:
        causes += (required("target.name"),)
    if causes:
        # Upstream gives this error no status of its own.
        said = [f"{cause.field}: {cause.message}" for cause in causes]
        raise Refusal(statuses.unexpected(said[0] if len(said) == 1 else f"[{', '.join(said)}]"))


def _check_assignable(pod: core_v1.Pod, name: str) -> None:
    metadata, spec = pod.metadata, pod.spec
    assert metadata is not None and spec is not None, "a stored pod has both"  # noqa: PT018
    if metadata.deletion_timestamp is not None:
        raise Refusal(
            statuses.conflict("pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host")
        )
    if spec.node_name:
        why = f'pod {name} is already assigned to node "{spec.node_name}"'
        raise Refusal(statuses.conflict("pods/binding", name, why))
    if spec.scheduling_gates:
        why = f"pod {name} has non-empty .spec.schedulingGates"
        raise Refusal(statuses.conflict("pods/binding", name, why))


def _assigned(ask: Ask, pod: core_v1.Pod, binding: core_v1.Binding) -> core_v1.Pod:
    metadata, spec, status = pod.metadata, pod.spec, pod.status or core_v1.PodStatus()
    given = binding.metadata
    if given is not None and given.annotations and metadata is not None:
        merged = (metadata.annotations or Map[str]()).merge(given.annotations)
        metadata = replace(metadata, annotations=merged)
    if given is not None and given.labels and metadata is not None:
        metadata = replace(metadata, labels=(metadata.labels or Map[str]()).merge(given.labels))
    topology = place_of(ask.store.get("nodes", binding.target.name or ""))
    if topology and metadata is not None:
        metadata = replace(metadata, labels=(metadata.labels or Map[str]()).merge(topology))
    scheduled = core_v1.PodCondition(type="PodScheduled", status="True", last_transition_time=Time.at(ask.now))
    known = conditions.set(status.conditions, scheduled, ask.now)
    if status.nominated_node_name:  # a promise that is kept is none any more
        status = replace(status, nominated_node_name=None)
    return core_v1.Pod(
        metadata=metadata,
        spec=copier(core_v1.PodSpec, "node_name")(spec, binding.target.name),
        status=copier(core_v1.PodStatus, "conditions")(status, known),
    )


def finalize(ask: Ask) -> Plan:
    """Plan to change a namespace's own finalizers; without any, one that is being deleted is gone."""
    body = ask.request.body
    if not isinstance(body, core_v1.Namespace):
        raise Refusal(statuses.bad_request(creating.misplaced(body, "Namespace")))
    return updating.part_updated(ask, creating.named_body(ask, body), found(ask), _FINALIZERS)


def _with_finalizers(body: core_v1.Namespace, old: core_v1.Namespace) -> core_v1.Namespace:
    wanted = body.spec.finalizers if body.spec is not None else None
    return replace(old, spec=replace(old.spec or core_v1.NamespaceSpec(), finalizers=wanted or None))


def _finalizer_causes(new: core_v1.Namespace, _: core_v1.Namespace) -> tuple[Cause, ...]:
    causes = []
    for place, name in enumerate((new.spec.finalizers if new.spec is not None else None) or ()):
        field = f"spec.finalizers[{place}]"
        causes += [wrong(field, name, fault) for fault in names.qualified_faults(name)]
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            said = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(wrong(field, name, said))
    return tuple(causes)


_FINALIZERS: Final = updating.Part(_with_finalizers, _finalizer_causes)
