"""
Storage: claims and volumes as the scheduler sees them, with what it has decided itself and not been told yet.

Source:   component-helpers storage/volume; the scheduler's assume caches of claims and volumes.
Left out: in-tree volumes are not translated to those of CSI drivers: a node's limit does not count them.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.scheduler.cache.devices import NOTHING_DECIDED, Decided
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.cache.wishes import Term, term_of
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
BIND_COMPLETED: Final = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER: Final = "pv.kubernetes.io/bound-by-controller"
DELAYED: Final = "WaitForFirstConsumer"
NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"

_CLASS_ANNOTATION: Final = "volume.beta.kubernetes.io/storage-class"


@quick
@attrs.frozen(weakref_slot=False)
class Permit:
    """
    A pod that has a node and waits to be permitted.

    Args:
        uid: the pod's.
        since: when it began to wait.
        until: plugin -> when it is refused if that does not let it go on before, in order.
        new: whether nobody has been asked for it yet.
    """

    uid: str
    since: Instant
    until: tuple[tuple[str, Instant], ...] = ()
    new: bool = True


@quick
@attrs.frozen(weakref_slot=False)
class Reserved:
    """
    What is decided for pods that are to be bound, but not yet.

    Args:
        volumes: volume -> the claim that it is to be bound to.
        claims: claim -> the node that a volume is to be made for.
        devices: of ResourceClaims.
        permits: pods that wait to be permitted -> until when, for each plugin that lets them wait.
        waiting: pods that wait for their volumes -> what each waits for (`Waiting`).
    """

    volumes: Table[str, str] = attrs.field(factory=Table)
    claims: Table[str, str] = attrs.field(factory=Table)
    devices: Decided = NOTHING_DECIDED
    permits: Table[str, Permit] = attrs.field(factory=Table)
    waiting: Table[str, Any] = attrs.field(factory=Table)


def class_of(obj: Any) -> str:
    """Give the name of a claim's, or a volume's, storage class; empty for none."""
    annotations = obj.metadata.annotations or {}
    if _CLASS_ANNOTATION in annotations:
        return str(annotations[_CLASS_ANNOTATION])
    return obj.spec.storage_class_name or ""


def size_asked(claim: Any) -> Any:
    """Give how much storage a claim asks for; None if it does not say."""
    resources = claim.spec.resources
    requests = resources.requests if resources is not None else None
    return None if requests is None else requests.get("storage")


def fully_bound(claim: Any) -> bool:
    """Tell whether a claim has its volume, and both sides know it."""
    return bool(claim.spec.volume_name) and BIND_COMPLETED in (claim.metadata.annotations or {})


def is_delayed(claim: Any, views: Views) -> bool:
    """Tell whether a claim's volume waits for the claim's first pod to be scheduled."""
    found = views.classes.get(class_of(claim), None)
    return found is not None and found.volume_binding_mode == DELAYED


def selected_node(key: str, claim: Any, reserved: Reserved) -> str | None:
    """Give the node for which a claim's volume is to be made."""
    if key in reserved.claims:
        return reserved.claims[key]
    annotation = (claim.metadata.annotations or {}).get(SELECTED_NODE)
    return None if annotation is None else str(annotation)


def reaches(volume: Any) -> tuple[Term, ...] | None:
    """Give the terms of which a node must fulfil one to reach the volume; None if every node does."""
    affinity = volume.spec.node_affinity
    if affinity is None or affinity.required is None:
        return None
    return tuple([term_of(term) for term in affinity.required.node_selector_terms])


def is_bound_to(volume: Any, claim: Any) -> bool:
    """Tell whether a volume is meant for this claim."""
    reference = volume.spec.claim_ref
    if reference is None:
        return False
    if (reference.name, reference.namespace) != (claim.metadata.name, claim.metadata.namespace):
        return False
    return not reference.uid or bool(reference.uid == claim.metadata.uid)
