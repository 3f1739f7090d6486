"""
Storage: the persistent volume claims of a StatefulSet's pods, and who owns them.

A claim outlives its pod unless the retention policy says otherwise: then the StatefulSet owns it (it goes with the
set), or the pod does once it is scaled away (it goes with the pod), and the garbage collector does the rest.

Takes:    StatefulSets, pods, claims.
Gives:    the same.
Source:   pkg/controller/statefulset/stateful_set_utils.go; KEP-1847.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_SET: Final = ("apps/v1", "StatefulSet")
_POD: Final = ("v1", "Pod")


def claim_name(stateful: Any, template: Any, ordinal: int) -> str:
    """Give the name of a template's claim for the pod of this ordinal."""
    return f"{template.metadata.name}-{stateful.metadata.name}-{ordinal}"


def wanted(stateful: Any, ordinal: int) -> list[Any]:
    """Give the claims that the pod of this ordinal needs, as they are created."""
    selected = stateful.spec.selector.match_labels or {}
    return [
        replace(
            template,
            metadata=replace(
                template.metadata,
                name=claim_name(stateful, template, ordinal),
                namespace=stateful.metadata.namespace,
                labels=Map({**(template.metadata.labels or {}), **selected}) or None,
            ),
        )
        for template in stateful.spec.volume_claim_templates or ()
    ]


def volumes(stateful: Any, others: Any, ordinal: int) -> Any:
    """Give the pod's volumes: those of its claims, and what else is declared under other names."""
    templates = stateful.spec.volume_claim_templates
    if not templates:
        return others
    names = [template.metadata.name for template in templates]
    mine = [
        core_v1.Volume(
            name=template.metadata.name,
            persistent_volume_claim=core_v1.PersistentVolumeClaimVolumeSource(
                claim_name=claim_name(stateful, template, ordinal)
            ),
        )
        for template in templates
    ]
    return (*mine, *[volume for volume in others or () if volume.name not in names])


def matches(stateful: Any, pod: Any, ordinal: int) -> bool:
    """Tell whether the pod's volumes are those of its claims."""
    if not stateful.spec.volume_claim_templates:
        return True
    there = {volume.name: volume.persistent_volume_claim for volume in pod.spec.volumes or ()}
    for template in stateful.spec.volume_claim_templates:
        source = there.get(template.metadata.name)
        if source is None or source.claim_name != claim_name(stateful, template, ordinal):
            return False
    return True


# Retention ------------------------------------------------------------------------------------------------------------


def _policy(stateful: Any) -> tuple[bool, bool]:
    """Tell whether claims go when the set is deleted, and when it is scaled."""
    policy = stateful.spec.persistent_volume_claim_retention_policy
    if policy is None:
        return False, False
    return policy.when_deleted == "Delete", policy.when_scaled == "Delete"


def _means(reference: Any, kind: tuple[str, str], name: str) -> bool:
    return (reference.api_version, reference.kind) == kind and reference.name == name


def _is_stale(claim: Any, kind: tuple[str, str], owner: Any) -> bool:
    """Tell whether the claim belongs to a former owner of that name."""
    for reference in claim.metadata.owner_references or ():
        if _means(reference, kind, owner.metadata.name):
            return bool(reference.uid != owner.metadata.uid)
    return False


def blocks(stateful: Any, claim: Any, pod: Any) -> bool:
    """Tell whether the claim is about to go with a former pod of that name, so that none can be made yet."""
    return _policy(stateful)[1] and _is_stale(claim, _POD, pod)


def has_other_controller(stateful: Any, claim: Any, pod: Any) -> bool:
    """Tell whether something else controls the claim while the set has a retention policy."""
    if not any(_policy(stateful)):
        return False
    for reference in claim.metadata.owner_references or ():
        for kind, owner in ((_SET, stateful), (_POD, pod)):
            if _means(reference, kind, owner.metadata.name):
                if reference.uid != owner.metadata.uid:
                    return True
                break
        else:
            if reference.controller:
                return True
    return False


def is_owned_rightly(stateful: Any, claim: Any, pod: Any, *, scaled_away: bool) -> bool:
    """Tell whether the claim's owners are those of the retention policy, or it is not to be touched."""
    if _is_stale(claim, _SET, stateful) or _is_stale(claim, _POD, pod):
        return True
    references = claim.metadata.owner_references or ()
    own = [each for each in references if each.uid in (stateful.metadata.uid, pod.metadata.uid)]
    if has_other_controller(stateful, claim, pod):
        return not own
    if any(not each.controller for each in own):
        return False
    uids = {each.uid for each in own}
    of_set, of_pod = _owners(stateful, scaled_away=scaled_away)
    return (stateful.metadata.uid in uids, pod.metadata.uid in uids) == (of_set, of_pod)


def _owners(stateful: Any, *, scaled_away: bool) -> tuple[bool, bool]:
    """Tell whether the set is to own a claim, and whether its pod is."""
    deleted, scaled = _policy(stateful)
    if not scaled:
        return deleted, False
    return deleted and not scaled_away, scaled_away


def rightly_owned(stateful: Any, claim: Any, pod: Any, *, scaled_away: bool) -> Any:
    """Give the claim with the owners that the retention policy wants; with none of ours if another controls it."""
    kept = [
        each
        for each in claim.metadata.owner_references or ()
        if not _means(each, _SET, stateful.metadata.name) and not _means(each, _POD, pod.metadata.name)
    ]
    if not has_other_controller(stateful, claim, pod):
        of_set, of_pod = _owners(stateful, scaled_away=scaled_away)
        kept += [_reference(_SET, stateful)] * of_set + [_reference(_POD, pod)] * of_pod
    return replace(claim, metadata=replace(claim.metadata, owner_references=tuple(kept) or None))


def _reference(kind: tuple[str, str], owner: Any) -> meta_v1.OwnerReference:
    return meta_v1.OwnerReference(
        api_version=kind[0],
        kind=kind[1],
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
