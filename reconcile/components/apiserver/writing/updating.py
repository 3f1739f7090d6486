"""
Updating: an object that was there, its specification or its status.

What is the same object as what is stored is not looked at: a controller that changes the status of what it has in its
cache gives back the cache's own metadata and specification.

Source:   the registry's generic store, BeforeUpdate, ShouldDeleteDuringUpdate; each kind's strategy.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter, is_
from typing import Any, Final

import attrs

from reconcile.api import core_v1, golang, meta_v1
from reconcile.components.apiserver import admission
from reconcile.components.apiserver.access import granting
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Causes, Refusal, refuse_invalid, wrong
from reconcile.components.apiserver.registry import allocation, strategies
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.registry.validation import (
    metadata_change_causes,
    server_causes,
    service_addresses_causes,
    status_causes,
    update_causes,
)
from reconcile.components.apiserver.registry.warnings import change_warnings
from reconcile.components.apiserver.state import Ask, Plan, Planned
from reconcile.components.apiserver.writing import creating, grouping, managing, preparing
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.model import statuses
from reconcile.model.requests import Response
from reconcile.store import RIGHTS, Compare, Delete, Put, Txn

# A write that names one of these versions is for the object as it is.
ANY_VERSION: Final = (None, "", "0")


def update(ask: Ask) -> Plan:
    """Plan an update of an object, all but its status."""
    body = creating.named_body(ask, ask.request.body)
    old = ask.store.get(ask.request.resource, ask.key)
    if old is None:
        return _created(ask, body)
    return updated(ask, body, old)


def update_status(ask: Ask) -> Plan:
    """Plan an update of an object's status."""
    body = creating.named_body(ask, ask.request.body)
    return status_updated(ask, body, found(ask))


def updated(ask: Ask, body: Any, old: Any, managed: managing.Entries = managing.NOT_SAID) -> Plan:
    """Plan to make *body* of *old*, all but the status; *managed* are its managed fields if they are known."""
    resource = ask.request.resource
    metadata = old.metadata if body.metadata is old.metadata else update_metadata(ask, body, old)
    if "status" in ask.resource.subresources:
        new = replace(body, metadata=metadata, status=old.status)
    else:
        new = replace(body, metadata=metadata)
    new = _with_old_parts(defaulted(resource, new), old)
    if ask.state.managed_fields:
        if managed is managing.NOT_SAID:
            managed = managing.after_update(ask, new, old, body.metadata.managed_fields)
        new = _with_managed(new, managed)
    if ask.store.ruled and admission.mutates(ask):
        new = _mutated(ask, new, old)
    new = _admitted(ask, new, old)
    if resource == "services" and new.spec is not old.spec:
        # Addresses are asked for before what else is wrong.
        causes = service_addresses_causes(new, old)
        refuse_invalid(ask.resource.kind, ask.resource.api_version, old.metadata.name, causes)
    causes = () if new.metadata is old.metadata else _metadata_causes(ask, new.metadata, old.metadata)
    annotated = resource in _ANNOTATED and new.metadata.annotations is not old.metadata.annotations
    if annotated or not _same_content(new, old):
        causes += update_causes(resource, new, old, ask.request.version)
    if causes:
        causes = preparing.against(ask, causes)
        refuse_invalid(ask.resource.kind, ask.resource.api_version, old.metadata.name, causes)
    if resource in strategies.GENERATIONS and _is_new_generation(resource, new, old):
        generation = (old.metadata.generation or 0) + 1
        new = replace(new, metadata=replace(new.metadata, generation=generation))
    compares: tuple[Compare, ...] = ()
    operations: tuple[Put | Delete, ...] = ()
    if resource == "services" and new.spec is not old.spec:
        new, compares, operations = allocation.allocated(ask, new, old)
    plan = stored(ask, new, old, compares, operations)
    if ask.request.warned:
        return replace(plan, warnings=plan.warnings + change_warnings(resource, new, old))
    return plan


def _mutated(ask: Ask, new: Any, old: Any) -> Any:
    """Give an update with what policies and webhooks make of it: not of the status, if that is apart."""
    after = admission.mutated(ask, new, old)
    if after is not new and "status" in ask.resource.subresources:
        after = replace(after, status=old.status)
    return after if after is new else _with_old_parts(after, old)


def _mutated_status(ask: Ask, new: Any, old: Any) -> Any:
    """Give an update of a status with what policies and webhooks make of it: nothing else of the object."""
    after = admission.mutated(ask, new, old)
    if after is new:
        return new
    metadata = _status_metadata(ask.request.resource, after.metadata, old.metadata)
    return copier(old.__class__, "metadata", "status")(old, metadata, after.status)


def _admitted(ask: Ask, new: Any, old: Any) -> Any:
    """Give what admission and the kind's own strategy make of an update."""
    resource = ask.request.resource
    if resource == "pods":
        new = _repaired_pod(new, old)
    elif resource == "services":
        new = allocation.carried(new, old)
    elif resource in RIGHTS:
        granting.admit(ask, new, old)
    if resource == "namespaces" and new.spec is not old.spec:
        new = replace(new, spec=old.spec)
    prepare = preparing.CHANGED.get(resource)
    if prepare is not None:
        made = prepare(ask, new, old)
        new = _with_old_parts(made, old) if made is not new and resource in _COMPLETED else made
    admission.restrict_node(ask, new, old)
    return new


def status_updated(ask: Ask, body: Any, old: Any, managed: managing.Entries = managing.NOT_SAID) -> Plan:
    """Plan to give *old* the status of *body*; *managed* are its managed fields if they are known."""
    resource = ask.request.resource
    metadata = old.metadata
    asked = ask.request.warned  # by a client: what runs within the cluster knows what it writes
    if asked and resource in strategies.LABELED_BY_TEMPLATE:
        body = defaulted(resource, body)
    if body.metadata is not metadata:
        metadata = _status_metadata(resource, update_metadata(ask, body, old), metadata)
    status = body.status
    if status is None and old.status is not None:
        status = strategies.NO_STATUS.get(resource) or old.status.__class__()
    if resource == "pods" and (asked or not status.qos_class):
        status = _pod_status(status, old.status, asked=asked)
    default = preparing.STATUS_DEFAULTS.get(resource) if asked else None
    if default is not None and status is not None:
        status = default(body if status is body.status else replace(body, status=status))
    if status is old.status and metadata is old.metadata:
        new = old
    else:
        new = copier(old.__class__, "metadata", "status")(old, metadata, status)
    return _with_status(ask, new, old, managed, body.metadata.managed_fields)


def _pod_status(status: core_v1.PodStatus, old: core_v1.PodStatus, *, asked: bool) -> core_v1.PodStatus:
    """Give a pod's status with what a write does not take away; *asked* by a client."""
    if not status.qos_class:
        # It is found once and for all when the pod is created.
        status = replace(status, qos_class=old.qos_class)
    if not asked or status == old:
        return status
    if not status.observed_generation and old.observed_generation:
        status = replace(status, observed_generation=old.observed_generation)
    seen: dict[str, list[int | None]] = {}
    for had in old.conditions or ():
        seen.setdefault(had.type, []).append(had.observed_generation)
    kept = []
    for condition in status.conditions or ():
        had_seen = seen.get(condition.type)
        before = had_seen.pop(0) if had_seen else None
        unsaid = before and not condition.observed_generation
        kept.append(replace(condition, observed_generation=before) if unsaid else condition)
    return replace(status, conditions=tuple(kept)) if kept else status


def status_told(ask: Ask, status: Any, old: Any) -> Plan:
    """Plan to give *old* this status, which one of the cluster's own programs has made of its own."""
    new = old if status is old.status else copier(old.__class__, "status")(old, status)
    return _with_status(ask, new, old, managing.NOT_SAID, old.metadata.managed_fields)


def _with_status(ask: Ask, new: Any, old: Any, managed: managing.Entries, said: Any) -> Plan:
    """Plan to write *new*, which differs from *old* in its status; *said* are the managed fields of its body."""
    resource, asked = ask.request.resource, ask.request.warned
    if ask.state.managed_fields:
        if managed is managing.NOT_SAID:
            managed = managing.after_update(ask, new, old, said)
        new = _with_managed(new, managed)
    metadata = new.metadata
    prepare = preparing.STATUS.get(resource) if asked else None
    if prepare is not None and new is not old and new.status is not None:
        new = prepare(ask, new, old)
    if ask.store.ruled and admission.mutates(ask):
        new = _mutated_status(ask, new, old)
        metadata = new.metadata
    admission.restrict_node(ask, new, old)
    causes = () if metadata is old.metadata else _metadata_causes(ask, metadata, old.metadata)
    if asked and new is not old:
        causes += status_causes(resource, new, old)
    refuse_invalid(ask.resource.kind, ask.resource.api_version, old.metadata.name, causes)
    return stored(ask, new, old)


@quick
@attrs.frozen(weakref_slot=False)
class Part:
    """
    What a subresource writes of an object.

    Args:
        made: gives what becomes of the object, of the body of the write and the object.
        causes: says why that cannot be, of the new object and the old.
        generation: whether a changed specification is a new generation.
    """

    made: Callable[[Any, Any], Any]
    causes: Callable[[Any, Any], Causes]
    generation: bool = False


def part_updated(ask: Ask, body: Any, old: Any, part: Part, managed: managing.Entries = managing.NOT_SAID) -> Plan:
    """Plan to make of *old* what *part* takes of *body*; *managed* are its managed fields if they are known."""
    resource = ask.request.resource
    body = defaulted(resource, body)
    metadata = given = replace(update_metadata(ask, body, old), managed_fields=old.metadata.managed_fields)
    if resource in strategies.METADATA_KEPT_BY_PARTS:
        metadata = old.metadata
    new = _with_old_parts(defaulted(resource, part.made(body, replace(old, metadata=metadata))), old)
    if new.metadata == old.metadata:
        new = old if _same_content(new, old) else replace(new, metadata=old.metadata)
    if ask.state.managed_fields:
        said = replace(body, metadata=given)
        if managed is managing.NOT_SAID:
            managed = managing.after_update(ask, said, old, None)
        new = _with_managed(new, managed)
    admission.restrict_node(ask, new, old)
    causes = () if new.metadata is old.metadata else _metadata_causes(ask, new.metadata, old.metadata)
    causes += part.causes(new, old)
    refuse_invalid(ask.resource.kind, ask.resource.api_version, old.metadata.name, causes)
    if part.generation and _is_new_generation(resource, new, old):
        generation = (old.metadata.generation or 0) + 1
        new = replace(new, metadata=replace(new.metadata, generation=generation))
    return stored(ask, new, old)


def _with_managed(new: Any, managed: managing.Entries) -> Any:
    """Give *new* with these managed fields: itself if it has them."""
    if new.metadata.managed_fields == managed:
        return new
    return replace(new, metadata=replace(new.metadata, managed_fields=managed))


def stored(  # noqa: PLR0917 -- what a write is made of
    ask: Ask,
    new: Any,
    old: Any,
    compares: tuple[Compare, ...] = (),
    operations: tuple[Put | Delete, ...] = (),
    shown: tuple[Any, Any] | None = None,
) -> Plan:
    """
    Plan to write *new* in place of *old*, or to delete it if that is what its finalizers have waited for.

    Admission judges these two, or what is *shown* to it: both as they are in the request's version.
    """
    request, before = ask.request, old.metadata
    resource, key = request.resource, ask.key
    judged = admission.judged(ask, new, old) if shown is None else admission.judged(ask, *shown)
    if request.dry_run:
        return Response(200, new, judged.warnings)
    if judged.operations:
        compares, operations = (*compares, *judged.compares), (*operations, *judged.operations)
    freed = before.deletion_timestamp is not None and _is_free(new, old)
    if new is old and not freed:
        return Response(200, old, judged.warnings)
    compare = Compare(resource, key, int(before.resource_version))
    if freed:
        gone = allocation.released(old) if resource == "services" else ()
        return Planned(Txn((compare,), (Delete(resource, key), *gone)), 200, body=new)
    txn = Txn((compare, *compares), (Put(resource, key, new), *operations))
    return Planned(txn, 200, resource, key, warnings=judged.warnings)


def _created(ask: Ask, body: Any) -> Plan:
    resource, request = ask.request.resource, ask.request
    if resource not in strategies.CREATED_BY_UPDATE or (body.metadata and body.metadata.resource_version):
        raise Refusal(statuses.not_found(resource, request.name))
    return creating.create(ask)


def update_metadata(ask: Ask, body: Any, old: Any) -> meta_v1.ObjectMeta:
    """Give the metadata that an update makes: the client's part of the body's, the server's part of what is stored."""
    given: meta_v1.ObjectMeta = body.metadata
    kept: meta_v1.ObjectMeta = old.metadata
    resource, name = ask.request.resource, kept.name or ""
    patches = ask.request.verb == "patch"
    if not patches:
        check_uid(ask, given.uid, kept.uid)
    if given.resource_version not in ANY_VERSION:
        if given.resource_version != kept.resource_version:
            raise Refusal(_of_another(resource, name, given.resource_version or ""))
    elif resource in strategies.CONDITIONAL or ask.resource.is_custom:
        cause = wrong("metadata.resourceVersion", 0, "must be specified for an update")
        # Whoever finds this out knows the resource, not its kind.
        refuse_invalid(ask.resource.plural, ask.resource.api_version, name, (cause,))
    # Only an update is made on condition of its uid; that a patch changes it is a fault of the object.
    if (patches and given.uid not in (kept.uid, None, "")) or (
        ask.request.warned and given.deletion_timestamp is not None and kept.deletion_timestamp is None
    ):
        causes = server_causes(resource, given, kept)
        refuse_invalid(ask.resource.kind, ask.resource.api_version, name, causes)
    same = (
        given.labels == kept.labels
        and given.annotations == kept.annotations
        and (given.finalizers or ()) == (kept.finalizers or ())
        and (given.owner_references or ()) == (kept.owner_references or ())
        and given.managed_fields == kept.managed_fields
    )
    if same:
        return kept
    return replace(
        kept,
        labels=_kept(given.labels, kept.labels),
        annotations=_kept(given.annotations, kept.annotations),
        finalizers=_kept(given.finalizers, kept.finalizers),
        owner_references=_kept(given.owner_references, kept.owner_references),
        managed_fields=given.managed_fields,
    )


def _of_another(resource: str, name: str, version: str) -> meta_v1.Status:
    if not version.isdecimal():
        return statuses.unexpected(f"strconv.ParseUint: parsing {golang.quoted(version)}: invalid syntax")
    return statuses.conflict(resource, name)


def check_uid(ask: Ask, wanted: str | None, uid: str | None) -> None:
    """Refuse with 409 a write that is meant for an object of another uid."""
    if wanted and wanted != uid:
        why = f"UID in precondition: {wanted}, UID in object meta: {uid}"
        raise _failed(ask, ask.request.resource, ask.key, why)


def check_stored(ask: Ask, key: str, wanted: tuple[str | None, str | None], stored: meta_v1.ObjectMeta) -> None:
    """Refuse with 409 a write that is meant for an object under *key* of another uid or resource version."""
    uid, version = wanted
    resource = ask.request.resource if ask.request.name else "pods"
    if uid and uid != stored.uid:
        raise _failed(ask, resource, key, f"UID in precondition: {uid}, UID in object meta: {stored.uid}")
    if version and version != stored.resource_version:
        why = f"ResourceVersion in precondition: {version}, ResourceVersion in object meta: {stored.resource_version}"
        raise _failed(ask, resource, key, why)


def _failed(ask: Ask, resource: str, key: str, why: str) -> Refusal:
    # What is only tried has a key without etcd's prefix.
    prefix = "" if ask.request.dry_run else "/registry"
    where = f"{prefix}/{strategies.STORED_AS.get(resource, resource.partition('.')[0])}/{key}"
    said = f"Key: {where}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: {why}"
    return Refusal(
        statuses.conflict(resource, key.rpartition("/")[2], f"StorageError: invalid object, Code: 4, {said}")
    )


def _kept(new: Any, old: Any) -> Any:
    return old if new == old else new or None


def _status_metadata(resource: str, new: meta_v1.ObjectMeta, old: meta_v1.ObjectMeta) -> meta_v1.ObjectMeta:
    if new is old:
        return old
    if resource == "pods":
        return replace(new, owner_references=old.owner_references)
    if resource in strategies.METADATA_KEPT_BY_STATUS:
        return replace(old, managed_fields=new.managed_fields)
    return replace(new, labels=old.labels) if resource in strategies.LABELS_KEPT_BY_STATUS else new


def _metadata_causes(ask: Ask, new: meta_v1.ObjectMeta, old: meta_v1.ObjectMeta) -> Causes:
    resource = creating.kind_named(ask) if ask.request.version else ask.request.resource
    return metadata_change_causes(resource, new, old)


def _with_old_parts(new: Any, old: Any) -> Any:
    """Give *new* with those parts of *old* that are equal: what is the same stays the same object."""
    changes = {}
    for name in _parts(new.__class__):
        value, before = getattr(new, name), getattr(old, name)
        if value is not before and value == before:
            changes[name] = before
    return replace(new, **changes) if changes else new


@cache
def _parts(cls: type[Any]) -> tuple[str, ...]:
    return tuple([name for name in cls.__slots__ if name not in ("metadata", "__weakref__")])


def _same_content(new: Any, old: Any, *beside: str) -> bool:
    """Tell whether every part is the same object in both, beside metadata and what is named."""
    content = _content(new.__class__, *beside)
    return all(map(is_, content(new), content(old)))


@cache
def _content(cls: Any, *beside: str) -> attrgetter[tuple[Any, ...]]:
    return attrgetter(*[name for name in _parts(cls) if name not in beside])


def _repaired_pod(new: core_v1.Pod, old: core_v1.Pod) -> core_v1.Pod:
    """Give a pod what admission gave it when it was created, where the update left it out."""
    spec, before = new.spec, old.spec
    if spec is before or spec is None or before is None:
        return new
    return replace(
        new,
        spec=replace(
            spec,
            tolerations=_with_tolerations(spec.tolerations, before.tolerations),
            priority=before.priority if spec.priority is None else spec.priority,
            preemption_policy=spec.preemption_policy or before.preemption_policy,
        ),
    )


def _with_tolerations(given: Any, before: Any) -> Any:
    """Give tolerations with those that every pod has, which admission adds on every write."""
    if given is before:
        return given
    missing = [
        had
        for had in before or ()
        if had.key in _TOLERATED
        and had.effect == "NoExecute"
        and not any(each.key in (had.key, "", None) and each.effect in ("NoExecute", "", None) for each in given or ())
    ]
    return (*(given or ()), *missing) if missing else given


# What may be as it was only once the server has made of it what it makes.
_COMPLETED: Final = frozenset(
    {
        "leases.coordination.k8s.io",
        "persistentvolumeclaims",
        "endpointslices.discovery.k8s.io",
        "podgroups.scheduling.k8s.io",
        "workloads.scheduling.k8s.io",
        *grouping.MAKERS,
    }
)
# Whose annotations say what is in no field, and are judged with the specification.
_ANNOTATED: Final = frozenset({"pods", "services", "secrets", "persistentvolumes", "persistentvolumeclaims"})
_TOLERATED: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _is_new_generation(resource: str, new: Any, old: Any) -> bool:
    if not _same_content(new, old, "status"):
        return True
    metadata, before = new.metadata, old.metadata
    if resource in strategies.ANNOTATIONS_COUNT and metadata.annotations != before.annotations:
        return True
    return resource == "endpointslices.discovery.k8s.io" and bool(metadata.labels != before.labels)


def _is_free(new: Any, old: Any) -> bool:
    """Tell whether an object that is being deleted has nothing left that it waits for."""
    if new.metadata.finalizers or old.metadata.deletion_grace_period_seconds:
        return False
    return not (isinstance(new, core_v1.Namespace) and new.spec is not None and new.spec.finalizers)
