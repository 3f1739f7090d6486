"""
Subresources that are verbs of their own: binding and eviction of pods, scale, finalize of namespaces.

Source:   the pod's binding and eviction storage; the scale storage of the workloads; the namespace's finalize storage.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import autoscaling_v1, core_v1, meta_v1, policy_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Refusal, refuse_invalid, required, wrong
from reconcile.components.apiserver.state import Ask, Plan, Planned
from reconcile.components.apiserver.writing import deleting, patching, updating
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model import conditions, names, selectors, statuses
from reconcile.model.places import TOPOLOGY
from reconcile.model.requests import Response, joined
from reconcile.store import Compare, Delete, Put, Txn

_EVICTED: Final = core_v1.PodCondition(
    type="DisruptionTarget", status="True", reason="EvictionByEvictionAPI", message="Eviction API: evicting"
)
_BOUND: Final = meta_v1.Status(metadata=meta_v1.ListMeta(), status="Success", code=201)


def bind(ask: Ask) -> Plan:
    """Plan to assign a pod to a node."""
    binding = ask.request.body
    if not isinstance(binding, core_v1.Binding):
        raise Refusal(statuses.bad_request("the object provided is unrecognized (must be of type Binding)"))
    target = binding.target
    given = binding.metadata.name if binding.metadata is not None else None
    if ask.request.name and given and given != ask.request.name:
        raise Refusal(statuses.bad_request("name in URL does not match name in Binding object"))
    key, name = ask.key, ask.request.name or given or ""
    if not ask.request.name:
        key = joined(ask.request.namespace, name)
    if target.kind not in (None, "", "Node") or not target.name:
        _refuse_binding(name, target)
    pod = ask.store.get("pods", key)
    if pod is None:
        raise Refusal(statuses.not_found("pods", name))
    if binding.metadata is not None:
        updating.check_uid(ask, binding.metadata.uid, pod.metadata.uid)
    _check_assignable(pod, name)
    new = _assigned(ask, pod, binding)
    if ask.request.dry_run:
        return Response(201, _BOUND)
    compare = Compare("pods", key, int(pod.metadata.resource_version))
    return Planned(Txn((compare,), (Put("pods", key, new),)), 201, body=_BOUND)


def _refuse_binding(name: str, target: core_v1.ObjectReference) -> None:
    cause = (
        required("target.name") if not target.name else wrong("target.kind", target.kind, 'must be empty, or "Node"')
    )
    refuse_invalid("Binding", "v1", name, (cause,))


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
    node = ask.store.get("nodes", binding.target.name or "")
    topology = [
        (label, node.metadata.labels[label])
        for label in TOPOLOGY
        if node is not None and label in (node.metadata.labels or ())
    ]
    if topology and metadata is not None:
        metadata = replace(metadata, labels=(metadata.labels or Map[str]()).merge(topology))
    scheduled = core_v1.PodCondition(type="PodScheduled", status="True", last_transition_time=Time.at(ask.now))
    known = conditions.set(status.conditions, scheduled, ask.now)
    return core_v1.Pod(
        metadata=metadata,
        spec=copier(core_v1.PodSpec, "node_name")(spec, binding.target.name),
        status=copier(core_v1.PodStatus, "conditions")(status, known),
    )


def evict(ask: Ask) -> Plan:
    """Plan the eviction of a pod: its graceful deletion."""
    eviction = ask.request.body
    if not isinstance(eviction, policy_v1.Eviction):
        raise Refusal(statuses.bad_request("the object provided is unrecognized (must be of type Eviction)"))
    name = eviction.metadata.name if eviction.metadata is not None else None
    if name and name != ask.request.name:
        raise Refusal(statuses.bad_request("name in URL does not match name in Eviction object: " + name))
    options = deleting.checked_options(eviction.delete_options or meta_v1.DeleteOptions())
    pod = found(ask)
    # First the pod says why it goes, then it goes: two writes.
    told = _disrupted(ask, pod)
    plan = deleting.deleted(ask, told, options)
    done = meta_v1.Status(metadata=meta_v1.ListMeta(), status="Success", code=201)
    if isinstance(plan, Response) and not plan.ok:
        return plan
    writes: list[tuple[Put | Delete, ...]] = [(Put("pods", ask.key, told),)] if told is not pod else []
    writes += [txn.operations for txn in (plan.txn, *plan.then)] if isinstance(plan, Planned) else []
    if not writes or ask.request.dry_run or options.dry_run:
        return Response(201, done)
    compare = Compare("pods", ask.key, int(pod.metadata.resource_version))
    return Planned(Txn((compare,), writes[0]), 201, body=done, then=tuple([Txn((), more) for more in writes[1:]]))


def _disrupted(ask: Ask, pod: core_v1.Pod) -> core_v1.Pod:
    """Give an evicted pod with the condition that says so."""
    status = pod.status or core_v1.PodStatus()
    kept = conditions.set(status.conditions, _EVICTED, ask.now)
    return pod if kept is status.conditions else replace(pod, status=replace(status, conditions=kept))


def scale(ask: Ask) -> Plan:
    """Answer with an object's scale."""
    return Response(200, scale_of(found(ask)))


def update_scale(ask: Ask) -> Plan:
    """Plan to change how many of it there are to be."""
    return _scaled(ask, ask.request.body, found(ask))


def patch_scale(ask: Ask) -> Plan:
    """Plan to patch an object's scale."""
    old = found(ask)
    made, warnings = patching.patched(ask.request.body, scale_of(old))
    return patching.warned(_scaled(ask, made, old), warnings)


def scale_of(obj: Any) -> autoscaling_v1.Scale:
    """Give an object's Scale: how many there are to be, how many there are, and what selects them."""
    metadata, spec, status = obj.metadata, obj.spec, obj.status
    selector = spec.selector
    if selector is None:
        text = ""
    elif isinstance(selector, Map):
        text = ",".join([f"{key}={value}" for key, value in selector.items()])
    else:
        text = selectors.text_of(selectors.requirements_of(selector))
    return autoscaling_v1.Scale(
        metadata=meta_v1.ObjectMeta(
            name=metadata.name,
            namespace=metadata.namespace,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            creation_timestamp=metadata.creation_timestamp,
        ),
        spec=autoscaling_v1.ScaleSpec(replicas=spec.replicas or None),
        status=autoscaling_v1.ScaleStatus(replicas=(status.replicas if status is not None else 0) or 0, selector=text),
    )


def _scaled(ask: Ask, body: Any, old: Any) -> Plan:
    if not isinstance(body, autoscaling_v1.Scale):
        raise Refusal(statuses.bad_request("the object provided is unrecognized (must be of type Scale)"))
    given = body.metadata or meta_v1.ObjectMeta()
    metadata, name = old.metadata, old.metadata.name
    if given.name and given.name != name:
        said = f"the name of the object ({given.name}) does not match the name on the URL ({name})"
        raise Refusal(statuses.bad_request(said))
    updating.check_uid(ask, given.uid, metadata.uid)
    if given.resource_version not in updating.ANY_VERSION and given.resource_version != metadata.resource_version:
        raise Refusal(statuses.conflict(ask.request.resource, name))
    replicas = (body.spec.replicas if body.spec is not None else None) or 0
    if replicas < 0:
        cause = wrong("spec.replicas", replicas, "must be greater than or equal to 0")
        refuse_invalid("Scale", "autoscaling/v1", name, (cause,))
    new = replace(old, spec=replace(old.spec, replicas=replicas))
    if new is not old:
        new = replace(new, metadata=replace(metadata, generation=(metadata.generation or 0) + 1))
    plan = updating.stored(ask, new, old)
    if isinstance(plan, Response):
        return Response(plan.code, scale_of(plan.body))
    return replace(plan, scale=True) if plan.key else replace(plan, body=scale_of(plan.body))


def finalize(ask: Ask) -> Plan:
    """Plan to change a namespace's own finalizers; without any, one that is being deleted is gone."""
    body = ask.request.body
    if not isinstance(body, core_v1.Namespace):
        raise Refusal(statuses.bad_request("the object provided is unrecognized (must be of type Namespace)"))
    old = found(ask)
    given = body.metadata or meta_v1.ObjectMeta()
    updating.check_uid(ask, given.uid, old.metadata.uid)
    if given.resource_version not in updating.ANY_VERSION and given.resource_version != old.metadata.resource_version:
        raise Refusal(statuses.conflict("namespaces", old.metadata.name))
    finalizers = (body.spec.finalizers if body.spec is not None else None) or None
    for place, name in enumerate(finalizers or ()):
        faults = names.qualified_faults(name)
        refuse_invalid(
            "Namespace",
            "v1",
            old.metadata.name,
            tuple([wrong(f"spec.finalizers[{place}]", name, fault) for fault in faults]),
        )
    new = replace(old, spec=replace(old.spec or core_v1.NamespaceSpec(), finalizers=finalizers))
    return updating.stored(ask, new, old)
