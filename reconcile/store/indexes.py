"""
How each resource is filed, so that no decision has to scan a cluster.

Every resource has the indexes of `COMMON`; `INDEXES` adds those of one resource. A partition is an index whose every
value has a watch channel of its own, as a watch with that field selector has.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, Final

from reconcile.lib.mapping import Map
from reconcile.lib.table import Index
from reconcile.model.pods import volumes
from reconcile.model.pods.places import without_place

_TOPOLOGY_MODES: Final = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")
_FINISHED: Final = ("Succeeded", "Failed")


def _namespace(obj: Any) -> tuple[Hashable, ...]:
    return (obj.metadata.namespace,) if obj.metadata.namespace else ()


def _owners(obj: Any) -> tuple[Hashable, ...]:
    references = obj.metadata.owner_references
    return tuple([reference.uid for reference in references]) if references else ()


def _orphans(obj: Any) -> tuple[Hashable, ...]:
    for reference in obj.metadata.owner_references or ():
        if reference.controller:
            return ()
    return (obj.metadata.namespace,)


def _labels(obj: Any) -> tuple[Hashable, ...]:
    namespace = obj.metadata.namespace
    return tuple([(namespace, key, value) for key, value in (obj.metadata.labels or {}).items()])


def _node(pod: Any) -> tuple[Hashable, ...]:
    return (pod.spec.node_name,) if pod.spec.node_name else ()


def _name(obj: Any) -> tuple[Hashable, ...]:
    return (obj.metadata.name,)


def _standing(pod: Any) -> tuple[Hashable, ...]:
    """
    File a pod under (owner uid, word) for each word that is true of it.

    `active`: neither finished nor being deleted; `ready`: active, with condition Ready true; `terminating`: being
    deleted, not finished.
    """
    metadata, status = pod.metadata, pod.status
    references = metadata.owner_references
    if not references or (status is not None and status.phase in _FINISHED):
        return ()
    if metadata.deletion_timestamp is not None:
        words: tuple[str, ...] = ("terminating",)
    else:
        words = ("active", "ready") if is_ready(pod) else ("active",)
    return tuple([(reference.uid, word) for reference in references for word in words])


def _labelled(pod: Any) -> tuple[Hashable, ...]:
    """
    File an active pod under (owner uid, its labels' pairs): how many of an owner's pods carry exactly these.

    Those of its node's zone, which it got when it was bound, are left out: no owner's template knows them.
    """
    metadata = pod.metadata
    references = metadata.owner_references
    if not references or metadata.deletion_timestamp is not None or (pod.status and pod.status.phase in _FINISHED):
        return ()
    labels = tuple((without_place(metadata.labels) or {}).items())
    return tuple([(reference.uid, labels) for reference in references])


def is_ready(pod: Any) -> bool:
    """Tell whether the pod's condition Ready is true."""
    status = pod.status
    if status is not None and status.conditions is not None:
        for condition in status.conditions:
            if condition.type == "Ready":
                return bool(condition.status == "True")
    return False


def _claims(pod: Any) -> tuple[Hashable, ...]:
    """
    File a pod under the key of each claim that its volumes are made of.

    And under ("devices", key) of each ResourceClaim, and each template of one, that it names.
    """
    spec = pod.spec
    if spec is None or not (spec.volumes or spec.resource_claims):
        return ()
    namespace = pod.metadata.namespace
    found: list[Hashable] = [f"{namespace}/{name}" for name in volumes.claims_of(pod)] if spec.volumes else []
    return tuple(found + [("devices", f"{namespace}/{name}") for name in devices_of(spec)])


def devices_of(spec: Any) -> list[str]:
    """Give the names of the ResourceClaims, and of the templates of such, that a pod's specification has."""
    claims = spec.resource_claims or ()
    return [each.resource_claim_name or each.resource_claim_template_name or "" for each in claims]


def _claimed(volume: Any) -> tuple[Hashable, ...]:
    """File a volume under the key of the claim that it is bound to or set aside for."""
    key = volumes.claim_named_by(volume) if volume.spec is not None else ""
    return (key,) if key else ()


def _offered(volume: Any) -> tuple[Hashable, ...]:
    """File a volume that any claim may have under its class."""
    spec, status = volume.spec, volume.status
    free = spec is not None and spec.claim_ref is None and status is not None and status.phase == "Available"
    return (volumes.class_of(volume),) if free and volume.metadata.deletion_timestamp is None else ()


def _volume(claim: Any) -> tuple[Hashable, ...]:
    return (claim.spec.volume_name,) if claim.spec is not None and claim.spec.volume_name else ()


def _unbound(claim: Any) -> tuple[Hashable, ...]:
    """File a claim that was never bound under its class."""
    bound = claim.spec is None or volumes.BIND_COMPLETED in volumes.annotations_of(claim)
    return () if bound else (volumes.class_of(claim),)


def _attached_volume(attachment: Any) -> tuple[Hashable, ...]:
    name = attachment.spec.source.persistent_volume_name
    return (name,) if name else ()


def _attached_node(attachment: Any) -> tuple[Hashable, ...]:
    return _attached_volume(attachment) and (attachment.spec.node_name,)


def _allocated(claim: Any) -> tuple[Hashable, ...]:
    """File a ResourceClaim under (driver, pool, device) of each device that it has."""
    allocation = claim.status.allocation if claim.status is not None else None
    results = (allocation.devices.results if allocation is not None and allocation.devices is not None else None) or ()
    return tuple(dict.fromkeys([(each.driver, each.pool, each.device) for each in results]))


def _offering(slice_: Any) -> tuple[Hashable, ...]:
    """File a ResourceSlice under the node whose devices it has; under nothing's name if others may use it as well."""
    spec = slice_.spec
    return ("" if spec.shared_counters else spec.node_name or "",)


def _pool(slice_: Any) -> tuple[Hashable, ...]:
    return ((slice_.spec.driver, slice_.spec.pool.name),)


def _extended(class_: Any) -> tuple[Hashable, ...]:
    """File a DeviceClass under the extended resources that its devices may be asked for as."""
    name = class_.spec.extended_resource_name
    implicit = f"deviceclass.resource.kubernetes.io/{class_.metadata.name}"
    return (name, implicit) if name else (implicit,)


def _selector(service: Any) -> tuple[Hashable, ...]:
    """File a service under (namespace, key, value) of its selector's first pair, which each of its pods carries."""
    selector = service.spec.selector if service.spec else None
    for key, value in (selector or {}).items():
        return ((service.metadata.namespace, key, value),)
    return ()


def _asks(service: Any) -> tuple[Hashable, ...]:
    """File a service under `hints` if it says anything of hints by zone."""
    annotations = service.metadata.annotations
    if not annotations:
        return ()
    return ("hints",) if any(name in annotations for name in _TOPOLOGY_MODES) else ()


def _node_ports(service: Any) -> tuple[Hashable, ...]:
    spec = service.spec
    if spec is None:
        return ()
    ports = [port.node_port for port in spec.ports or () if port.node_port]
    if spec.health_check_node_port:
        ports.append(spec.health_check_node_port)
    return tuple(ports)


def _selecting(owner: Any) -> tuple[Hashable, ...]:
    """File a workload as a service is filed; under its namespace alone if its selector has no pairs."""
    namespace = owner.metadata.namespace
    selector = owner.spec.selector if owner.spec else None
    pairs = selector if isinstance(selector, Map) else selector and selector.match_labels
    for key, value in (pairs or {}).items():
        return ((namespace, key, value),)
    return ((namespace,),)


def _service(slice_: Any) -> tuple[Hashable, ...]:
    name = (slice_.metadata.labels or {}).get("kubernetes.io/service-name")
    return ((slice_.metadata.namespace, name),) if name else ()


def _in_namespace(namespace: Any) -> tuple[str, str]:
    """Say which keys of a table are those of a namespace: its name and a slash begin them, and 0 follows the slash."""
    return f"{namespace}/", f"{namespace}0"


def _of_name(name: Any) -> tuple[str, str]:
    """Say which keys of a table are that of one object: it alone, as nothing comes before NUL."""
    return name, f"{name}\0"


def _key(obj: Any) -> tuple[Hashable, ...]:
    return (f"{obj.metadata.namespace}/{obj.metadata.name}",)


def _same_owners(old: Any, new: Any) -> bool:
    return old.metadata.owner_references is new.metadata.owner_references


def _same_labels(old: Any, new: Any) -> bool:
    return old.metadata.labels is new.metadata.labels


def _same_annotations(old: Any, new: Any) -> bool:
    return old.metadata.annotations is new.metadata.annotations


def _same_spec(old: Any, new: Any) -> bool:
    return old.spec is new.spec


def _same_standing(old: Any, new: Any) -> bool:
    return _same_life(old, new) and (old.status is new.status or is_ready(old) is is_ready(new))


def _same_labelled(old: Any, new: Any) -> bool:
    return old.metadata.labels is new.metadata.labels and _same_life(old, new)


def _same_life(old: Any, new: Any) -> bool:
    before, after = old.status, new.status
    if before is not after and (before is None or after is None or before.phase != after.phase):
        return False
    before, after = old.metadata, new.metadata
    return before.owner_references is after.owner_references and before.deletion_timestamp is after.deletion_timestamp


_NAMESPACE: Final[Index[Any]] = Index("namespace", _namespace, span=_in_namespace)
_NAME: Final[Index[Any]] = Index("name", _name, span=_of_name)
_NAMED: Final[Index[Any]] = Index("name", _name)  # in whichever namespace
_KEY: Final[Index[Any]] = Index("key", _key, span=_of_name)
_NODE: Final[Index[Any]] = Index("node", _node, _same_spec)

COMMON: Final[tuple[Index[Any], ...]] = (_NAMESPACE, Index("owner", _owners, _same_owners))

_OWNED: Final[tuple[Index[Any], ...]] = (
    Index("orphan", _orphans, _same_owners),
    Index("label", _labels, _same_labels),
)


def _of_job(workload: Any) -> tuple[str, ...]:
    """Give the Job that a Workload speaks of."""
    reference = workload.spec.controller_ref
    if reference is None or (reference.api_group, reference.kind) != ("batch", "Job"):
        return ()
    return (f"{workload.metadata.namespace}/{reference.name}",)


def _of_workload(group: Any) -> tuple[str, ...]:
    """Give the Workload of whose template a group is."""
    reference = group.spec.pod_group_template_ref
    if reference is None or reference.workload is None:
        return ()
    return (f"{group.metadata.namespace}/{reference.workload.workload_name}",)


INDEXES: Final[dict[str, tuple[Index[Any], ...]]] = {
    "pods": (
        *COMMON,
        _NODE,
        Index("claim", _claims, _same_spec),
        *_OWNED,
        Index("standing", _standing, _same_standing),
        Index("labelled", _labelled, _same_labelled),
    ),
    "workloads.scheduling.k8s.io": (*COMMON, Index("job", _of_job, _same_spec)),
    "podgroups.scheduling.k8s.io": (*COMMON, Index("workload", _of_workload, _same_spec)),
    "deployments.apps": (*COMMON, Index("selector", _selecting, _same_spec)),
    "replicasets.apps": (*COMMON, *_OWNED, Index("selector", _selecting, _same_spec)),
    "replicationcontrollers": (
        *COMMON,
        Index("label", _labels, _same_labels),
        Index("selector", _selecting, _same_spec),
    ),
    "jobs.batch": (*COMMON, Index("selector", _selecting, _same_spec)),
    "statefulsets.apps": (*COMMON, Index("selector", _selecting, _same_spec)),
    "daemonsets.apps": (*COMMON, Index("selector", _selecting, _same_spec)),
    "controllerrevisions.apps": (*COMMON, Index("orphan", _orphans, _same_owners)),
    "persistentvolumes": (*COMMON, Index("claim", _claimed, _same_spec), Index("offered", _offered)),
    "persistentvolumeclaims": (*COMMON, Index("volume", _volume, _same_spec), Index("unbound", _unbound)),
    "volumeattachments.storage.k8s.io": (
        *COMMON,
        Index("volume", _attached_volume, _same_spec),
        Index("node", _attached_node, _same_spec),
    ),
    "nodes": (*COMMON, _NAME),
    "leasecandidates.coordination.k8s.io": (*COMMON, _NAMED),
    "configmaps": (*COMMON, _KEY),
    "secrets": (*COMMON, _KEY),
    "services": (
        *COMMON,
        Index("selector", _selector, _same_spec),
        Index("node-port", _node_ports, _same_spec),
        Index("asks", _asks, _same_annotations),
    ),
    "resourceclaims.resource.k8s.io": (*COMMON, Index("device", _allocated)),
    "resourceslices.resource.k8s.io": (
        *COMMON,
        Index("node", _offering, _same_spec),
        Index("pool", _pool, _same_spec),
    ),
    "deviceclasses.resource.k8s.io": (*COMMON, Index("extended", _extended, _same_spec)),
    "endpointslices.discovery.k8s.io": (*COMMON, Index("service", _service, _same_labels)),
}

# resource -> the index whose values have watch channels of their own
PARTITIONS: Final[dict[str, Index[Any]]] = {
    "pods": _NODE,
    "nodes": _NAME,
    "leases.coordination.k8s.io": _NAMESPACE,
    "leasecandidates.coordination.k8s.io": _NAMED,
    "configmaps": _KEY,
    "secrets": _KEY,
}


def indexes_of(resource: str) -> tuple[Index[Any], ...]:
    """Give the indexes by which the table of *resource* is kept."""
    return INDEXES.get(resource, COMMON)


def channels_of(resource: str, old: Any, new: Any) -> tuple[str, ...]:
    """Name the watch channels that a change from *old* to *new* goes to: the resource's own, and its partitions'."""
    index = PARTITIONS.get(resource)
    if index is None:
        return (resource,)
    before = () if old is None else index.values(old)
    after = () if new is None else index.values(new)
    return _channels_named(resource, before, after)


@lru_cache(maxsize=16384)
def _channels_named(resource: str, before: tuple[Hashable, ...], after: tuple[Hashable, ...]) -> tuple[str, ...]:
    return (resource, *[channel(resource, value) for value in sorted({*before, *after}, key=str)])


def channel(resource: str, partition: Hashable = None) -> str:
    """Name the watch channel of *resource*, or of one of its partitions: `pods`, `pods=node-1`."""
    return resource if partition is None else f"{resource}={partition}"


def partitions(resource: str) -> str | None:
    """Name the index by which *resource* is partitioned, if it is."""
    index = PARTITIONS.get(resource)
    return None if index is None else index.name
