"""
Deleting: at once, gracefully, or when the last finalizer is gone.

Source:   the registry's generic store and BeforeDelete; the pod's and the namespace's own storage.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver import admission
from reconcile.components.apiserver.reading.objects import found, list_
from reconcile.components.apiserver.refusals import Cause, Refusal, not_supported, refuse_invalid, wrong
from reconcile.components.apiserver.registry import allocation, strategies
from reconcile.components.apiserver.state import Ask, Plan, Planned
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.model import statuses
from reconcile.model.requests import Response, key_of
from reconcile.store import Compare, Delete, Put, Txn

ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
_POLICIES: Final = ("Foreground", "Background", "Orphan")
_LAST: Final = 253_402_300_799 * SECOND  # the last second of the year 9999: no later one can be written
_NO_OPTIONS: Final = meta_v1.DeleteOptions()
_ORPHANS_JOBS: Final = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set"
    " propagationPolicy=Orphan to suppress this warning"
)


@quick
@attrs.frozen(weakref_slot=False)
class _Outcome:
    """
    What is to be done to one object, and what it is then.

    Args:
        obj: as it is then; as it was last, if it is *gone*.
        writes: one after another, each at a revision of its own; none if it is as it should be.
        gone: whether it is deleted.
    """

    obj: Any
    writes: tuple[tuple[Put | Delete, ...], ...]
    gone: bool


def delete(ask: Ask) -> Plan:
    """Plan the deletion of the object that the request names."""
    options = _options(ask)
    return _warning(ask, options, lambda: deleted(ask, found(ask), options))


def _warning(ask: Ask, options: meta_v1.DeleteOptions, planned: Callable[[], Plan]) -> Plan:
    """Give a plan with the warnings of its options, whatever comes of it."""
    said = _warnings(ask.request.resource, options)
    if not said:
        return planned()
    try:
        plan = planned()
    except Refusal as refusal:
        refusal.response = replace(refusal.response, warnings=(*said, *refusal.response.warnings))
        raise
    return replace(plan, warnings=(*said, *plan.warnings))


def deleted(ask: Ask, old: Any, options: meta_v1.DeleteOptions) -> Plan:
    """Plan the deletion of *old*."""
    request = ask.request
    resource = request.resource
    admission.check_mortal(ask)
    admission.restrict_node(ask, None, old)
    judged = admission.judged(ask, None, old)
    outcome = _outcome(ask, old, options)
    code = 202 if not outcome.gone and options.orphan_dependents is False else 200
    warnings = judged.warnings
    if not outcome.writes or request.dry_run or options.dry_run:
        return Response(code, _answered(resource, old, outcome), warnings)
    compare = Compare(resource, ask.key, int(old.metadata.resource_version))
    txn = Txn((compare,), outcome.writes[0])
    if not outcome.gone:
        return Planned(txn, code, resource, ask.key, warnings=warnings)
    then = tuple([Txn((), more) for more in outcome.writes[1:]])
    body = _answered(resource, old, outcome)
    return Planned(txn, code, body=body, warnings=warnings, then=then, gone=body is outcome.obj)


def _answered(resource: str, old: Any, outcome: _Outcome) -> Any:
    """Give what a delete answers with: the object, or for most kinds that are gone a Status."""
    if not outcome.gone or resource in strategies.RETURNED_WHEN_DELETED:
        return outcome.obj
    return statuses.success(resource, old.metadata.name, old.metadata.uid)


def delete_collection(ask: Ask) -> Plan:
    """Plan the deletion of every object that a list would give, each by itself; one that is refused ends it."""
    options = _options(ask)
    return _warning(ask, options, lambda: _collected(ask, options))


def _collected(ask: Ask, options: meta_v1.DeleteOptions) -> Plan:
    listed = list_(ask)
    compares: list[Compare] = []
    writes: list[tuple[Put | Delete, ...]] = []
    answer = listed
    for old in listed.body.items:
        try:
            admission.judged(ask, None, old)
            outcome = _outcome(ask, old, options)
        except Refusal as refusal:
            answer = refusal.response
            break
        if outcome.writes:
            compares.append(Compare(ask.request.resource, key_of(old), int(old.metadata.resource_version)))
            writes += outcome.writes
    if not writes or ask.request.dry_run or options.dry_run:
        return answer
    then = tuple([Txn((), more) for more in writes[1:]])
    return Planned(Txn(tuple(compares), writes[0]), answer.code, body=answer.body, then=then)


def removal(ask: Ask, old: Any) -> tuple[tuple[Compare, ...], tuple[Put | Delete, ...], bool]:
    """Give what it takes to delete *old* in a larger transaction, and whether it is gone then."""
    outcome = _outcome(ask, old, _NO_OPTIONS)
    compare = Compare(ask.request.resource, key_of(old), int(old.metadata.resource_version))
    operations = tuple([each for writes in outcome.writes for each in writes])
    return (compare,) if operations else (), operations, outcome.gone


def _options(ask: Ask) -> meta_v1.DeleteOptions:
    return _NO_OPTIONS if ask.request.body is None else checked_options(ask.request.body)


def checked_options(options: Any) -> meta_v1.DeleteOptions:
    """Give the options of a delete if they are some; refuse with 422 what contradicts itself."""
    if not isinstance(options, meta_v1.DeleteOptions):
        raise Refusal(statuses.bad_request("expected DeleteOptions"))
    causes: tuple[Cause, ...] = ()
    policy = options.propagation_policy
    if policy is not None and options.orphan_dependents is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        causes += (wrong("propagationPolicy", policy, why),)
    if policy is not None and policy not in _POLICIES:
        causes += (not_supported("propagationPolicy", policy, (*_POLICIES, "nil")),)
    dry_run = options.dry_run
    if dry_run and set(dry_run) != {"All"}:
        causes += (not_supported("dryRun", dry_run, ("All",)),)
    refuse_invalid("DeleteOptions", "meta.k8s.io/v1", "", causes)
    return options


def _outcome(ask: Ask, old: Any, options: meta_v1.DeleteOptions) -> _Outcome:
    resource, metadata = ask.request.resource, old.metadata
    check_preconditions(ask, metadata, options.preconditions)
    key = key_of(old)
    if resource == "namespaces":
        return _namespace_outcome(ask, old, options)
    grace = options.grace_period_seconds
    if grace is not None and grace < 0:
        grace = 1
    if isinstance(old, core_v1.Pod):
        graceful = _graceful(ask, old, grace)
        if graceful is None:
            return _Outcome(old, (), gone=False)
        new, seconds = graceful
    else:
        new, seconds = old, 0
    graced = new is not old
    new = _with_finalizers(resource, new, options)
    if new.metadata.finalizers:
        new = replace(new, metadata=_marked(ask, new.metadata)) if seconds == 0 else new
        return _Outcome(new, () if new is old else ((Put(resource, key, new),),), gone=False)
    put = (Put(resource, key, new),)
    if seconds > 0:
        return _Outcome(new, (put,), gone=False)
    beside = allocation.released(old) if isinstance(old, core_v1.Service) else ()
    gone = (Delete(resource, key), *beside)
    if graced:
        # What knows a grace and is given none is marked, and then it goes: whoever watches sees both.
        return _Outcome(new, (put, gone), gone=True)
    return _Outcome(old, (gone,), gone=True)


def _graceful(ask: Ask, pod: core_v1.Pod, grace: int | None) -> tuple[core_v1.Pod, int] | None:
    """Give the pod as it is while it terminates, and its seconds; None if it terminates soon enough already."""
    metadata, spec = pod.metadata, pod.spec
    assert metadata is not None and spec is not None, "a stored pod has both"  # noqa: PT018
    begun = metadata.deletion_timestamp
    if begun is not None:
        had = metadata.deletion_grace_period_seconds
        if had is None:
            return pod, 0
        if had == 0:
            return pod, 0
        if grace is None or grace >= had:
            return None
        instant = begun.instant + (grace - had) * SECOND
        if instant < ask.now:
            # What is left of it is over: the shortest that still is a grace.
            instant, grace = ask.now, 1 if grace else 0
        ends = _ending(instant)
        ending = copier(meta_v1.ObjectMeta, "deletion_timestamp", "deletion_grace_period_seconds")
        return copier(core_v1.Pod, "metadata")(pod, ending(metadata, ends, grace)), grace
    if grace is None:
        grace = spec.termination_grace_period_seconds or 0
    phase = pod.status.phase if pod.status is not None else None
    if not spec.node_name or phase in ("Succeeded", "Failed"):
        grace = 0
    grace = 1 if grace < 0 else grace
    generation = metadata.generation + 1 if metadata.generation else metadata.generation
    dying = copier(meta_v1.ObjectMeta, "deletion_timestamp", "deletion_grace_period_seconds", "generation")
    ends = _ending(ask.now + grace * SECOND)
    return copier(core_v1.Pod, "metadata")(pod, dying(metadata, ends, grace, generation)), grace


def _ending(instant: Instant) -> Time:
    return Time.at(max(0, min(instant, _LAST)))


def _marked(ask: Ask, metadata: meta_v1.ObjectMeta) -> meta_v1.ObjectMeta:
    """Give the metadata of an object that is deleted as soon as its finalizers let it go."""
    now = Time.at(ask.now)
    generation = metadata.generation
    if metadata.deletion_grace_period_seconds is None and generation:
        generation += 1
    at = metadata.deletion_timestamp
    return replace(
        metadata,
        deletion_timestamp=now if at is None or at > now else at,
        deletion_grace_period_seconds=0,
        generation=generation,
    )


def _with_finalizers(resource: str, obj: Any, options: meta_v1.DeleteOptions) -> Any:
    """Give *obj* with the garbage collector's finalizers that the options ask for."""
    finalizers: tuple[str, ...] = obj.metadata.finalizers or ()
    wanted = _collection(resource, finalizers, options)
    kept = tuple([name for name in finalizers if name not in (ORPHAN, FOREGROUND)])
    kept += (wanted,) if wanted else ()
    if set(kept) == set(finalizers):
        return obj
    return replace(obj, metadata=replace(obj.metadata, finalizers=kept or None))


def _collection(resource: str, finalizers: tuple[str, ...], options: meta_v1.DeleteOptions) -> str:
    """Say by which finalizer the garbage collector is told what to do with dependents; empty for the background."""
    if resource in strategies.UNCOLLECTED:
        return ""
    if options.orphan_dependents is not None:
        return ORPHAN if options.orphan_dependents else ""
    if options.propagation_policy is not None:
        return {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(options.propagation_policy, "")
    for name in finalizers:
        if name in (ORPHAN, FOREGROUND):
            return name
    return ORPHAN if resource in strategies.ORPHANING else ""


def _namespace_outcome(ask: Ask, old: core_v1.Namespace, options: meta_v1.DeleteOptions) -> _Outcome:
    metadata = old.metadata
    assert metadata is not None, "a stored namespace has metadata"
    new: Any = old
    if metadata.deletion_timestamp is None:
        new = _with_finalizers("namespaces", old, options)
        status = replace(old.status or core_v1.NamespaceStatus(), phase="Terminating")
        dying = replace(new.metadata, deletion_timestamp=Time.at(ask.now))
        new = replace(new, metadata=dying, status=status)
    waits = (old.spec is not None and old.spec.finalizers) or new.metadata.finalizers
    if waits:
        return _Outcome(new, () if new is old else ((Put("namespaces", metadata.name or "", new),),), gone=False)
    return _Outcome(new, ((Delete("namespaces", metadata.name or ""),),), gone=True)


def check_preconditions(ask: Ask, metadata: Any, preconditions: meta_v1.Preconditions | None) -> None:
    """Refuse with 409 to delete what is not the object that the client means."""
    if preconditions is None:
        return
    if ask.request.resource == "namespaces":
        _check_namespace(metadata, preconditions)
        return
    # Upstream names the kind here.
    kind, group = ask.resource.kind, ask.resource.group
    what = f"{kind}.{group}" if group else kind
    if preconditions.uid is not None and preconditions.uid != metadata.uid:
        why = (
            f"the UID in the precondition ({preconditions.uid}) does not match the UID in record ({metadata.uid})."
            " The object might have been deleted and then recreated"
        )
        raise Refusal(statuses.conflict(what, metadata.name, why))
    wanted = preconditions.resource_version
    if wanted is not None and wanted != metadata.resource_version:
        why = (
            f"the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record"
            f" ({metadata.resource_version}). The object might have been modified"
        )
        raise Refusal(statuses.conflict(what, metadata.name, why))


def _check_namespace(metadata: Any, preconditions: meta_v1.Preconditions) -> None:
    # A namespace's own storage has other words for the same.
    for field, wanted, found_ in (
        ("UID", preconditions.uid, metadata.uid),
        ("ResourceVersion", preconditions.resource_version, metadata.resource_version),
    ):
        if wanted is not None and wanted != found_:
            why = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {found_}"
            raise Refusal(statuses.conflict("namespaces", metadata.name, why))


def _warnings(resource: str, options: meta_v1.DeleteOptions) -> tuple[str, ...]:
    said = options.propagation_policy is not None or options.orphan_dependents is not None
    return (_ORPHANS_JOBS,) if resource == "jobs.batch" and not said else ()
