"""
Preparing: what the server itself writes into an object of one kind before it looks at it.

Source:   PrepareForCreate and PrepareForUpdate of the registry's strategies; StorageObjectInUseProtection.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import apps_v1, certificates_v1, core_v1, meta_v1, storage_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver.refusals import Causes
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.state import Ask
from reconcile.components.apiserver.writing import grouping
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import gates

_TEMPLATE: Final = "deprecated.daemonset.template.generation"
_PROTECTED: Final = "kubernetes.io/vac-protection"

_AUTOSCALERS: Final = "horizontalpodautoscalers.autoscaling"
_TO_ZERO: Final = ("spec.minReplicas", "Invalid value: 0: must be greater than or equal to 1")


def _new_daemon_set(_: Ask, obj: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    """Count the template's first generation, which apps/v1 shows in an annotation."""
    annotations = obj.metadata.annotations if obj.metadata is not None else None
    said = _count(annotations)
    return obj if said >= 1 else _counted(obj, annotations, 1)


def _daemon_set(_: Ask, new: apps_v1.DaemonSet, old: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    before = _count(old.metadata.annotations if old.metadata is not None else None)
    annotations = new.metadata.annotations if new.metadata is not None else None
    same = new.spec is old.spec or (new.spec and new.spec.template) == (old.spec and old.spec.template)
    count = before if same else before + 1
    return new if _count(annotations) == count else _counted(new, annotations, count)


def versioned(obj: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    """Give a DaemonSet as apps/v1 shows it: with the count of its template's generations, though it be none yet."""
    metadata = obj.metadata or meta_v1.ObjectMeta()
    if _TEMPLATE in (metadata.annotations or ()):
        return obj
    shown: apps_v1.DaemonSet = _counted(replace(obj, metadata=metadata), metadata.annotations, 0)
    return shown


def uncounted(obj: Any) -> Any:
    """Give an object as its metadata alone shows it: what counts a DaemonSet's template is not of the metadata."""
    if not isinstance(obj, apps_v1.DaemonSet) or _TEMPLATE not in ((obj.metadata and obj.metadata.annotations) or ()):
        return obj
    metadata: Any = obj.metadata
    return replace(obj, metadata=replace(metadata, annotations=metadata.annotations.remove(_TEMPLATE) or None))


def _count(annotations: Any) -> int:
    text = (annotations or {}).get(_TEMPLATE, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _counted(obj: Any, annotations: Any, count: int) -> Any:
    said = (annotations or Map[str]()).set(_TEMPLATE, str(count))
    return replace(obj, metadata=replace(obj.metadata, annotations=said))


def _new_stateful_set(ask: Ask, obj: apps_v1.StatefulSet) -> apps_v1.StatefulSet:
    return _with_max_unavailable(ask, obj, said=False)


def _stateful_set(ask: Ask, new: apps_v1.StatefulSet, old: apps_v1.StatefulSet) -> apps_v1.StatefulSet:
    before = _rolling(old)
    return _with_max_unavailable(ask, new, said=before is not None and before.max_unavailable is not None)


def _with_max_unavailable(ask: Ask, obj: apps_v1.StatefulSet, *, said: bool) -> apps_v1.StatefulSet:
    """How many may be missing is 1 if nothing is said; while that is a feature that is off, only who said it may."""
    rolling = _rolling(obj)
    if rolling is None:
        return obj
    is_on = gates.is_on(ask.state.feature_gates, gates.MAX_UNAVAILABLE_STATEFUL_SET)
    wanted = (1 if rolling.max_unavailable is None else rolling.max_unavailable) if is_on else None
    if rolling.max_unavailable == wanted or (said and not is_on):
        return obj
    spec: Any = obj.spec
    strategy = replace(spec.update_strategy, rolling_update=replace(rolling, max_unavailable=wanted))
    return replace(obj, spec=replace(spec, update_strategy=strategy))


def against(ask: Ask, causes: Causes) -> Causes:
    """Give what speaks against an object, without what a feature that is on allows."""
    if ask.request.resource != _AUTOSCALERS or not gates.is_on(ask.state.feature_gates, gates.HPA_SCALE_TO_ZERO):
        return causes
    return tuple([cause for cause in causes if (cause.field, cause.message) != _TO_ZERO])


def _rolling(obj: apps_v1.StatefulSet) -> Any:
    strategy = obj.spec.update_strategy if obj.spec is not None else None
    return None if strategy is None else strategy.rolling_update


def _new_signing_request(
    ask: Ask, obj: certificates_v1.CertificateSigningRequest
) -> certificates_v1.CertificateSigningRequest:
    """Write down who asks for the certificate: nobody asks for another."""
    user = ask.user
    spec = replace(obj.spec, username=user.name or None, groups=user.groups or None, uid=None, extra=None)
    return replace(obj, spec=spec)


def _signing_request(_: Ask, new: Any, old: Any) -> Any:
    return replace(new, spec=old.spec)


def _new_attributes_class(_: Ask, obj: storage_v1.VolumeAttributesClass) -> storage_v1.VolumeAttributesClass:
    finalizers = obj.metadata.finalizers if obj.metadata is not None else None
    if _PROTECTED in (finalizers or ()):
        return obj
    return replace(obj, metadata=replace(obj.metadata, finalizers=(*(finalizers or ()), _PROTECTED)))


def as_read(job: Any) -> Any:
    """Give a job as it is read again: one without any labels has its template's then, which nobody has validated."""
    if job.metadata.labels or job.spec is None or job.spec.template.metadata is None:
        return job
    return replace(job, metadata=replace(job.metadata, labels=job.spec.template.metadata.labels))


def _volume_status(ask: Ask, new: Any, old: Any) -> Any:
    """Let a volume say when its phase changed."""
    status, before = new.status, old.status or core_v1.PersistentVolumeStatus()
    since, had = status.last_phase_transition_time, before.last_phase_transition_time
    if status.phase == before.phase:
        since = had if since is None else since
    elif since in (None, had):
        since = Time.at(ask.now)
    return replace(new, status=replace(status, last_phase_transition_time=since))


def _signing_status(ask: Ask, new: Any, old: Any) -> Any:
    """Keep who approved a request or denied it as it is, and let each condition say when it came."""
    now, before = Time.at(ask.now), (old.status.conditions if old.status is not None else None) or ()
    wanted = list(new.status.conditions or ())
    for kind in ("Approved", "Denied"):
        had = [condition for condition in before if condition.type == kind]
        places = [place for place, condition in enumerate(wanted) if condition.type == kind]
        if len(had) == len(places):
            for place, condition in zip(places, had, strict=True):
                wanted[place] = condition
    dated = tuple([dated_condition(condition, before, now) for condition in wanted])
    return replace(new, status=replace(new.status, conditions=dated or None))


def dated_condition(condition: Any, before: tuple[Any, ...], now: Time) -> Any:
    """Give a condition of a signing request with its times: since when it stands, if it stood *before*."""
    since = condition.last_transition_time
    if since is None:
        same = [
            each.last_transition_time
            for each in before
            if (each.type, each.status) == (condition.type, condition.status) and each.last_transition_time is not None
        ]
        since = same[0] if same else now
    return replace(condition, last_update_time=condition.last_update_time or now, last_transition_time=since)


def _allocatable(body: Any) -> Any:
    status = body.status
    return replace(status, allocatable=status.capacity) if status.allocatable is None else status


def _phased(phase: str) -> Callable[[Any], Any]:
    return lambda body: body.status if body.status.phase else replace(body.status, phase=phase)


STATUS_DEFAULTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "nodes": _allocatable,
    "namespaces": _phased("Active"),
    "persistentvolumes": _phased("Pending"),
    "persistentvolumeclaims": _phased("Pending"),
    "services": lambda body: defaulted("services", body).status,
}
"""What the status of an object is, as it was sent, if its author left something out."""

STATUS: Final[Mapping[str, Callable[[Ask, Any, Any], Any]]] = {
    "daemonsets.apps": _daemon_set,
    "jobs.batch": lambda _, new, __: as_read(new),
    "persistentvolumes": _volume_status,
    "certificatesigningrequests.certificates.k8s.io": _signing_status,
    "podgroups.scheduling.k8s.io": grouping.group_status,
}


def _new_slice(ask: Ask, obj: Any) -> Any:
    """Say since when devices are tainted, where that is not said: it is a default that depends on the time."""
    devices = (obj.spec.devices if obj.spec is not None else None) or ()
    if not any(taint.time_added is None for device in devices for taint in device.taints or ()):
        return obj
    since = Time.at(ask.now)
    dated = [
        replace(device, taints=tuple([_dated(taint, since) for taint in device.taints])) if device.taints else device
        for device in devices
    ]
    return replace(obj, spec=replace(obj.spec, devices=tuple(dated)))


def _dated(taint: Any, since: Time) -> Any:
    return replace(taint, time_added=since) if taint.time_added is None else taint


def _slice(ask: Ask, new: Any, _: Any) -> Any:
    return _new_slice(ask, new)


def _with_sources(spec: core_v1.PersistentVolumeClaimSpec) -> core_v1.PersistentVolumeClaimSpec:
    """Give both fields that say what a volume begins with, where one is said."""
    source, reference = spec.data_source, spec.data_source_ref
    if reference is not None and reference.namespace:
        # What lies in other namespaces cannot be had by default.
        reference = None
    if reference is None and source is not None and not _is_source(source):
        source = None
    if source is not None and reference is None:
        reference = core_v1.TypedObjectReference(kind=source.kind, name=source.name, api_group=source.api_group)
    elif reference is not None and source is None:
        source = core_v1.TypedLocalObjectReference(
            kind=reference.kind, name=reference.name, api_group=reference.api_group
        )
    return replace(spec, data_source=source, data_source_ref=reference)


def _is_source(source: core_v1.TypedLocalObjectReference) -> bool:
    known = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))
    return (source.api_group or "", source.kind) in known


def new_claim(_: Ask, claim: core_v1.PersistentVolumeClaim, __: Any = None) -> core_v1.PersistentVolumeClaim:
    """Give a claim with what it begins with in both fields that say so."""
    return claim if claim.spec is None else replace(claim, spec=_with_sources(claim.spec))


def _changed_slice(ask: Ask, new: Any, old: Any) -> Any:
    return new if new.endpoints is old.endpoints or new.endpoints == old.endpoints else _endpoint_slice(ask, new)


def _endpoint_slice(_: Ask, obj: Any) -> Any:
    """Drop the topology of endpoints, which nobody writes in v1."""
    for endpoint in obj.endpoints or ():
        if endpoint.deprecated_topology:
            break
    else:
        return obj
    return replace(obj, endpoints=tuple([replace(each, deprecated_topology=None) for each in obj.endpoints]))


def _new_lease(ask: Ask, obj: Any) -> Any:
    """Drop what only serves coordinated leader election, while that is off."""
    spec = obj.spec
    if spec is None or (spec.strategy is None and spec.preferred_holder is None):
        return obj
    if gates.is_on(ask.state.feature_gates, gates.COORDINATED_LEADER_ELECTION):
        return obj
    return replace(obj, spec=replace(spec, strategy=None, preferred_holder=None))


def _lease(ask: Ask, new: Any, old: Any) -> Any:
    """Drop the same, but for what the Lease says already."""
    spec, before = new.spec, old.spec
    if spec is None or (spec.strategy is None and spec.preferred_holder is None):
        return new
    kept = _new_lease(ask, new)
    if kept is new or before is None:
        return kept
    strategy = spec.strategy if before.strategy is not None else None
    preferred = spec.preferred_holder if before.preferred_holder is not None else None
    return replace(kept, spec=replace(kept.spec, strategy=strategy, preferred_holder=preferred))


def _and(first: Callable[[Ask, Any, Any], Any], then: Callable[[Ask, Any, Any], Any]) -> Callable[[Ask, Any, Any], Any]:
    return lambda ask, new, old: then(ask, first(ask, new, old), old)


NEW: Final[Mapping[str, Callable[[Ask, Any], Any]]] = {
    **dict.fromkeys(sorted(grouping.MAKERS), grouping.ungrouped),
    "statefulsets.apps": lambda ask, obj: _new_stateful_set(ask, grouping.ungrouped(ask, obj)),
    "daemonsets.apps": lambda ask, obj: _new_daemon_set(ask, grouping.ungrouped(ask, obj)),
    "certificatesigningrequests.certificates.k8s.io": _new_signing_request,
    "volumeattributesclasses.storage.k8s.io": _new_attributes_class,
    "resourceslices.resource.k8s.io": _new_slice,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "leases.coordination.k8s.io": _new_lease,
    "workloads.scheduling.k8s.io": grouping.new_workload,
}
CHANGED: Final[Mapping[str, Callable[[Ask, Any, Any], Any]]] = {
    **dict.fromkeys(sorted(grouping.MAKERS), grouping.ungrouped),
    "statefulsets.apps": _and(grouping.ungrouped, _stateful_set),
    "daemonsets.apps": _and(grouping.ungrouped, _daemon_set),
    "certificatesigningrequests.certificates.k8s.io": _signing_request,
    "resourceslices.resource.k8s.io": _slice,
    "leases.coordination.k8s.io": _lease,
    "podgroups.scheduling.k8s.io": grouping.group,
    "workloads.scheduling.k8s.io": grouping.workload,
    "persistentvolumeclaims": new_claim,
    "endpointslices.discovery.k8s.io": _changed_slice,
}
