"""
Seeing: what a StatefulSet's look goes by, gathered from the caches once.

Takes:    views, a StatefulSet.
Gives:    `Seen`.
Source:   pkg/controller/statefulset/stateful_set.go: getPodsForStatefulSet.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Key, Views
from reconcile.components.controllers.workloads import claims, history
from reconcile.components.controllers.workloads.statefulset import identity
from reconcile.components.controllers.workloads.statefulset.storage import claim_name
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.owners import controller_of
from reconcile.model.requests import joined
from reconcile.store import Change

CLAIMANT: Final = claims.Claimant(
    resource="statefulsets.apps", kind="StatefulSet", api_version="apps/v1", selects=claims.selects_by_label_selector
)
CLAIMS: Final = "persistentvolumeclaims"


@quick
@attrs.frozen(weakref_slot=False)
class Seen:
    """
    What there was when the look began.

    Args:
        stateful: the StatefulSet.
        pods: those that are its own, in key order.
        claimed: pods that it has to adopt and to release.
        revisions: its own and those that it has to adopt, oldest first.
        volumes: the persistent volume claims of its pods, by name.
        max_unavailable: whether maxUnavailable counts.
    """

    stateful: Any
    pods: tuple[Any, ...]
    claimed: claims.Claims
    revisions: tuple[Any, ...]
    volumes: Map[Any]
    max_unavailable: bool


def seen(stateful: Any, views: Views, *, max_unavailable: bool) -> Seen:
    """Gather what the look at *stateful* goes by."""
    table, namespace = views.table("pods"), stateful.metadata.namespace
    uid, going = stateful.metadata.uid, stateful.metadata.deletion_timestamp is not None
    mine: list[Any] = []
    release: list[Any] = []
    for pod in table.under("owner", uid):
        reference = controller_of(pod)
        if reference is not None and reference.uid == uid:
            (mine if _is_member(stateful, pod) else release).append(pod)
    adopt = [pod for pod in table.under("orphan", namespace) if not pod.metadata.deletion_timestamp]
    adopt = [] if going else [pod for pod in adopt if _is_member(stateful, pod)]
    kept = views.table(history.REVISIONS)
    known = {one.metadata.name: one for one in (*kept.under("owner", uid), *kept.under("orphan", namespace))}
    revisions = history.owned_by(CLAIMANT, stateful, known.values())
    found = claims.Claims(tuple(adopt), () if going else tuple(release))
    pods = tuple(mine)
    return Seen(stateful, pods, found, tuple(revisions), _volumes(stateful, (*pods, *adopt), views), max_unavailable)


def _is_member(stateful: Any, pod: Any) -> bool:
    return identity.parent_of(pod) == stateful.metadata.name and CLAIMANT.selects(stateful, pod.metadata.labels)


def _volumes(stateful: Any, pods: tuple[Any, ...], views: Views) -> Map[Any]:
    """Give the claims of the pods that are there, and of those that are to be, by name."""
    templates = stateful.spec.volume_claim_templates
    if not templates:
        return Map()
    ordinals = {ordinal for pod in pods if (ordinal := identity.ordinal_of(pod)) >= 0} | {*identity.ordinals(stateful)}
    names = [claim_name(stateful, template, ordinal) for ordinal in sorted(ordinals) for template in templates]
    table, namespace = views.table(CLAIMS), stateful.metadata.namespace
    found = [(name, table.get(joined(namespace, name))) for name in names]
    return Map([(name, claim) for name, claim in found if claim is not None])


def pod_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the StatefulSets that a pod's change concerns."""
    return claims.owner_keys(CLAIMANT, change, views)
