"""
Creating: an object that was not there.

Source:   the registry's generic store, BeforeCreate; each kind's strategy.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import core_v1, meta_v1, networking_v1, versions
from reconcile.api.scalars import Time
from reconcile.components.apiserver import admission
from reconcile.components.apiserver.access import granting
from reconcile.components.apiserver.refusals import Causes, Refusal, refuse_invalid
from reconcile.components.apiserver.registry import allocation, strategies
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.registry.validation import (
    metadata_causes,
    new_pod_causes,
    object_causes,
    service_addresses_causes,
)
from reconcile.components.apiserver.registry.validation.definitions import naming as definition_naming
from reconcile.components.apiserver.registry.warnings import creation_warnings
from reconcile.components.apiserver.state import Ask, Plan, Planned, drawing
from reconcile.components.apiserver.writing import grouping, managing, preparing
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model import statuses
from reconcile.model.definitions import DEFINITIONS
from reconcile.model.pods.places import place_of
from reconcile.model.requests import Response, joined
from reconcile.store import RIGHTS, Compare, Delete, Put, Txn

_ATTEMPTS: Final = 8
_OWN_PODS: Final = "batch.kubernetes.io/controller-uid"
_LONGEST_BASE: Final = 58
_NO_METADATA: Final = meta_v1.ObjectMeta()


def create(ask: Ask) -> Plan:
    """Plan a create."""
    return created(ask, checked_body(ask, ask.request.body))


def created(ask: Ask, body: Any, managed: managing.Entries = managing.NOT_SAID) -> Plan:
    """Plan to create *body*; *managed* are its managed fields if they are known, as after an apply."""
    request, resource = ask.request, ask.request.resource
    if ask.state.managed_fields:
        if managed is managing.NOT_SAID:
            managed = managing.after_create(ask, defaulted(resource, body))
        body = replace(body, metadata=replace(body.metadata or _NO_METADATA, managed_fields=managed))
    if ask.store.ruled and admission.mutates(ask):
        body = _mutated(ask, body)
    metadata, generated = named(ask, body.metadata or _NO_METADATA)
    name, namespace = metadata.name or "", request.namespace
    if namespace:
        admission.admit_namespace(ask, name)
    if resource == "pods":
        obj, causes = _pod(ask, body, metadata, name)
    else:
        obj, causes = _other(ask, body, metadata)
    compares: tuple[Compare, ...] = ()
    operations: tuple[Put | Delete, ...] = ()
    if resource == "services":
        named_only = obj.spec is not None and obj.spec.type == "ExternalName"
        obj, compares, operations = _with_addresses(ask, obj)
        if not named_only:
            causes = object_causes(resource, obj)
    admission.restrict_node(ask, obj, None)
    causes = (
        _named_apart(ask, obj, generated=generated)
        if request.version or resource == DEFINITIONS
        else metadata_causes(resource, obj.metadata, generated=generated)
    ) + causes
    if causes:
        refuse_invalid(ask.resource.kind, ask.resource.api_version, name, preparing.against(ask, causes))
    judged = admission.judged(ask, obj, None)
    if resource == "jobs.batch":
        obj = preparing.as_read(obj)
    key = f"{namespace}/{name}" if namespace else name
    there = ask.store.get(resource, key)
    if there is not None:
        if obj.metadata.generate_name:
            raise Refusal(statuses.not_generated(resource, name))
        raise Refusal(statuses.already_exists(resource, name, going=there.metadata.deletion_timestamp is not None))
    if judged.operations:
        compares, operations = (*compares, *judged.compares), (*operations, *judged.operations)
    txn = Txn((Compare(resource, key, 0), *compares), (Put(resource, key, obj), *operations))
    warnings = judged.warnings + (creation_warnings(resource, obj) if request.warned else ())
    if request.dry_run:
        return Response(201, obj, warnings)
    return Planned(txn, 201, resource, key, warnings=warnings)


def _named_apart(ask: Ask, obj: Any, *, generated: bool) -> Causes:
    naming = definition_naming(obj) if ask.request.resource == DEFINITIONS else None
    return metadata_causes(kind_named(ask), obj.metadata, generated=generated, naming=naming)


def kind_named(ask: Ask) -> str:
    """Give the resource by whose rules an object is named: events of events.k8s.io have their own."""
    resource = ask.request.resource
    return "events.events.k8s.io" if resource == "events" and ask.request.version else resource


def wiped(ask: Ask, body: Any) -> Any:
    """Give what is to be created without what only the server says of it, as others are shown it."""
    metadata = replace(
        body.metadata or _NO_METADATA,
        namespace=ask.request.namespace or None,
        uid=None,
        creation_timestamp=None,
        deletion_timestamp=None,
        deletion_grace_period_seconds=None,
    )
    return replace(body, metadata=metadata)


def _mutated(ask: Ask, body: Any) -> Any:
    """Give what is to be created with what policies and webhooks make of it."""
    resource = ask.request.resource
    return admission.mutated(ask, defaulted(resource, wiped(ask, body)), None, _PLUGINS.get(resource))


def _admitted_pod(ask: Ask, pod: core_v1.Pod) -> core_v1.Pod:
    if pod.spec is None or pod.metadata is None:
        return pod
    admitted = admission.admit_pod(ask, pod, pod.metadata.name or "")
    metadata = pod.metadata
    if admitted.noted:
        noted = (metadata.annotations or Map[str]()).set(admission.LIMITED, admitted.noted)
        metadata = replace(metadata, annotations=noted)
    return replace(pod, metadata=metadata, spec=admitted.spec)


def named_body(ask: Ask, given: Any) -> Any:
    """Give the body of a write to an object that the request names, if it is that object."""
    body, wanted = checked_body(ask, given), ask.request.name
    metadata = body.metadata
    name = metadata.name if metadata is not None else None
    if not name:
        said = f"the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        raise Refusal(statuses.bad_request(said))
    if name != wanted:
        said = f"the name of the object ({name}) does not match the name on the URL ({wanted})"
        raise Refusal(statuses.bad_request(said))
    return body


def check_place(ask: Ask, body: Any, wanted: str) -> None:
    """Refuse with 400 the body of a write to a subresource that names another object than the request."""
    metadata = body.metadata or meta_v1.ObjectMeta()
    check_namespace(ask, metadata)
    name = metadata.name
    if not name:
        said = f"the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        raise Refusal(statuses.bad_request(said))
    if name != wanted:
        said = f"the name of the object ({name}) does not match the name on the URL ({wanted})"
        raise Refusal(statuses.bad_request(said))


def check_namespace(ask: Ask, given: meta_v1.ObjectMeta) -> None:
    """Refuse with 400 the body of a write that says that it is of another namespace than the request."""
    if given.namespace and given.namespace != ask.request.namespace:
        said = "the namespace of the provided object does not match the namespace sent on the request"
        raise Refusal(statuses.bad_request(said))


def checked_body(ask: Ask, given: Any) -> Any:
    """Give the body of a write, as it is stored, if it is an object of the resource, in the namespace asked for."""
    resource = ask.resource
    fits = isinstance(given, resource.object_class)
    body: Any = given if fits else versions.stored(given)
    if not fits and body.__class__ is not resource.object_class:
        raise Refusal(statuses.bad_request(misplaced(given, resource.kind, resource.group)))
    metadata = body.metadata
    if metadata is not None and metadata.namespace and metadata.namespace != ask.request.namespace:
        if not resource.namespaced:
            return replace(body, metadata=replace(metadata, namespace=None))
        said = "the namespace of the provided object does not match the namespace sent on the request"
        raise Refusal(statuses.bad_request(said))
    if body.api_version is None or body.kind is None:
        body = replace(body, api_version=resource.api_version, kind=resource.kind)
    return body


def named(ask: Ask, given: meta_v1.ObjectMeta) -> tuple[meta_v1.ObjectMeta, bool]:
    """Give a new object's metadata: what its author may say, and what only the server says."""
    request = ask.request
    # A version that is no number counts as none.
    version = given.resource_version or "0"
    if version.isdecimal() and int(version) and not request.dry_run:
        raise Refusal(statuses.unexpected("resourceVersion should not be set on objects to be created"))
    wanted, dice = request.name, drawing(ask, "object")
    name = given.name or wanted
    if wanted and name != wanted:
        said = f"the name of the object ({name}) does not match the name on the URL ({wanted})"
        raise Refusal(statuses.bad_request(said))
    generated = not name and bool(given.generate_name)
    if generated and request.resource in strategies.UNSUFFIXED:
        name = given.generate_name or ""
    elif generated:
        base = (given.generate_name or "")[:_LONGEST_BASE]
        for _ in range(_ATTEMPTS):
            suffix, dice = dice.suffix()
            name = base + suffix
            if ask.store.get(request.resource, joined(request.namespace, name)) is None:
                break
    elif not name and request.resource in strategies.NAMED_BY_SERVER:
        name, dice = dice.uuid()
    metadata = meta_v1.ObjectMeta(
        name=name,
        namespace=request.namespace or None,
        generate_name=given.generate_name,
        uid=dice.next_uuid(),
        # What the store will stamp on it if nobody is faster: then it need not make another.
        resource_version=None if request.dry_run else str(ask.store.revision + 1),
        creation_timestamp=Time.at(ask.now),
        generation=1 if request.resource in strategies.GENERATIONS else given.generation,
        labels=given.labels,
        annotations=given.annotations,
        owner_references=given.owner_references,
        finalizers=given.finalizers,
        managed_fields=given.managed_fields,
    )
    return metadata, generated


def misplaced(given: Any, kind: str, group: str = "") -> str:
    """Say that something is no object of *kind* in API *group*."""
    own, version = getattr(given, "kind", None), getattr(given, "api_version", None)
    if not own or not version:
        return f"the object provided is unrecognized (must be of type {kind})"
    short = version.rpartition("/")[2]
    unknown = f"converting ({short}.{own}) to ({group.partition('.')[0] or 'core'}.{kind}): unknown conversion"
    return f'{own} in version "{short}" cannot be handled as a {kind}: {unknown}'


def _pod(ask: Ask, body: core_v1.Pod, metadata: meta_v1.ObjectMeta, name: str) -> tuple[Any, Any]:
    if body.spec is None:
        return replace(body, metadata=metadata), new_pod_causes(body)
    admitted = admission.admit_pod(ask, body, name)
    if admitted.noted:
        noted = (metadata.annotations or Map[str]()).set(admission.LIMITED, admitted.noted)
        metadata = replace(metadata, annotations=noted)
    if admitted.spec.node_name:
        place = place_of(ask.store.get("nodes", admitted.spec.node_name))
        metadata = replace(metadata, labels=(metadata.labels or Map[str]()).merge(place)) if place else metadata
    if admitted.causes is None:
        admitted = admission.with_keys(admitted, metadata.labels)
    status = admitted.status
    if status.conditions:
        status = replace(
            status,
            conditions=tuple([replace(each, last_transition_time=Time.at(ask.now)) for each in status.conditions]),
        )
    pod = core_v1.Pod(api_version="v1", kind="Pod", metadata=metadata, spec=admitted.spec, status=status)
    return pod, new_pod_causes(pod, admitted.causes)


def _other(ask: Ask, body: Any, metadata: meta_v1.ObjectMeta) -> tuple[Any, Any]:
    resource = ask.request.resource
    if "status" in ask.resource.subresources and resource not in strategies.STATUS_KEPT:
        first = strategies.FIRST_STATUS.get(resource)
        obj = copier(body.__class__, "metadata", "status")(body, metadata, first)
    else:
        obj = copier(body.__class__, "metadata")(body, metadata)
    obj = defaulted(resource, obj)
    admit = _ADMISSIONS.get(resource) or preparing.NEW.get(resource)
    if admit is not None:
        obj = admit(ask, obj)
    return obj, object_causes(resource, obj, ask.request.version)


def _with_addresses(
    ask: Ask, service: core_v1.Service
) -> tuple[core_v1.Service, tuple[Compare, ...], tuple[Put | Delete, ...]]:
    """Give a service with what it gets of the cluster: nobody asks before what else is wrong with it."""
    name = (service.metadata.name if service.metadata is not None else None) or ""
    refuse_invalid(ask.resource.kind, ask.resource.api_version, name, service_addresses_causes(service))
    return allocation.allocated(ask, service, None)


def _with_finalizer(_: Ask, namespace: core_v1.Namespace) -> core_v1.Namespace:
    spec = namespace.spec or core_v1.NamespaceSpec()
    if "kubernetes" in (spec.finalizers or ()):
        return namespace
    return replace(namespace, spec=replace(spec, finalizers=(*(spec.finalizers or ()), "kubernetes")))


def _with_controller_labels(ask: Ask, job: Any) -> Any:
    """Let a job select its pods by its own uid, unless it says that it selects them itself."""
    job = grouping.ungrouped(ask, job)
    spec = job.spec
    if spec is None or spec.manual_selector:
        return job
    uid, name = job.metadata.uid, job.metadata.name
    labels = Map(
        {
            "controller-uid": uid,
            "job-name": name,
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
        }
    )
    inner = spec.template.metadata or _NO_METADATA
    had = inner.labels or Map[str]()
    labels = had.merge({key: value for key, value in labels.items() if key not in had})
    template = replace(spec.template, metadata=replace(inner, labels=labels))
    selector = spec.selector or meta_v1.LabelSelector()
    own = selector.match_labels or Map[str]()
    if _OWN_PODS not in own:
        selector = replace(selector, match_labels=own.set(_OWN_PODS, uid))
    metadata = job.metadata
    if metadata.labels is not None and metadata.labels is inner.labels:
        # A job without labels of its own has its template's, those that it was given just now too.
        metadata = replace(metadata, labels=labels)
    return replace(job, spec=replace(spec, template=template, selector=selector), metadata=metadata)


def _waiting(ask: Ask, volume: core_v1.PersistentVolume) -> core_v1.PersistentVolume:
    status = core_v1.PersistentVolumeStatus(phase="Pending", last_phase_transition_time=Time.at(ask.now))
    protected: core_v1.PersistentVolume = admission.protect(ask, replace(volume, status=status))
    return protected


def _asked_by(ask: Ask, request: Any) -> Any:
    """Let a certificate request say who asks for it, whatever its author wrote."""
    spec = request.spec
    if spec is None:
        return request
    user = ask.user
    asked = replace(
        spec, username=user.name or None, uid=user.uid or None, groups=user.groups or None, extra=user.extra
    )
    return replace(request, spec=asked)


def _ready(ask: Ask, cidr: Any) -> Any:
    if cidr.metadata.name != "kubernetes":
        return cidr
    condition = meta_v1.Condition(
        type="Ready",
        status="True",
        reason="",
        message="Kubernetes default Service CIDR is ready",
        last_transition_time=Time.at(ask.now),
    )
    return replace(cidr, status=networking_v1.ServiceCIDRStatus(conditions=(condition,)))


# What a new object of one kind gets beside its defaults.
_ADMISSIONS: Final[Mapping[str, Callable[[Ask, Any], Any]]] = {
    "nodes": admission.admit_node,
    "namespaces": _with_finalizer,
    "jobs.batch": _with_controller_labels,
    "ingresses.networking.k8s.io": admission.admit_ingress,
    "persistentvolumeclaims": lambda ask, claim: admission.admit_claim(ask, preparing.new_claim(ask, claim)),
    "persistentvolumes": _waiting,
    "volumeattributesclasses.storage.k8s.io": admission.protect,
    "certificatesigningrequests.certificates.k8s.io": _asked_by,
    "podgroups.scheduling.k8s.io": lambda ask, group: admission.protect_group(ask, grouping.new_group(ask, group)),
    "servicecidrs.networking.k8s.io": _ready,
    **dict.fromkeys(sorted(RIGHTS), granting.admit),
}
# What the server's own plugins make of a new object, before others are asked what they make of it.
_PLUGINS: Final[Mapping[str, Callable[[Ask, Any], Any]]] = {
    "pods": _admitted_pod,
    "ingresses.networking.k8s.io": admission.admit_ingress,
    "persistentvolumeclaims": admission.admit_claim,
}
