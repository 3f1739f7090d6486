"""
PV and PVC protection: a claim that pods use, and a volume that is bound, stay until they are free, though deleted.

A finalizer holds them. It is put on by the API server when they are created, and here where it is missing.

Takes:    changes of PersistentVolumeClaims, PersistentVolumes and Pods.
Gives:    updates of claims and volumes.
Source:   pkg/controller/volume/pvcprotection, pvprotection.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.lib.replacing import replace
from reconcile.model.pods.volumes import (
    CLAIM_PROTECTION,
    CLAIMS,
    VOLUME_PROTECTION,
    VOLUMES,
    claim_of,
    claims_of,
    has_ended,
    is_of,
)
from reconcile.model.requests import Request
from reconcile.store import Change

CLAIMS_NAME: Final = "persistentvolumeclaim-protection"
VOLUMES_NAME: Final = "persistentvolume-protection"


def _keys(finalizer: str, change: Change) -> tuple[Key, ...]:
    """Give what was changed if its finalizer may go, or is missing."""
    new = change.new
    if new is None or (new.metadata.deletion_timestamp is None) == (finalizer in (new.metadata.finalizers or ())):
        return ()
    return (change.key,)


def keys_of_claim(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the claim if its finalizer may go, or is missing."""
    return _keys(CLAIM_PROTECTION, change)


def keys_of_volume(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the volume if its finalizer may go, or is missing."""
    return _keys(VOLUME_PROTECTION, change)


def keys_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the claims that are being deleted and that a pod, being done or gone, may have kept."""
    pod = change.new or change.old
    if not pod.spec.volumes:
        return ()
    if change.new is not None and pod.spec.node_name and not has_ended(pod):
        return ()
    found = [f"{pod.metadata.namespace}/{name}" for name in claims_of(pod)]
    return tuple([key for key in found if _is_going(views.get(CLAIMS, key))])


def _is_going(claim: Any) -> bool:
    return claim is not None and claim.metadata.deletion_timestamp is not None


def reconcile_claim(ask: Ask) -> Outcome:
    """Let a claim that is deleted go once no pod uses it; its pods are asked of the API server, not of the cache."""
    claim = ask.views.get(CLAIMS, ask.key)
    pods: tuple[Any, ...] | None = None
    for request, response in ask.answers:
        if request.verb != "list":
            return Outcome() if is_done(response) else Outcome(error=text_of(response))
        if not response.ok:
            return Outcome(error=text_of(response))
        pods = response.body.items
    if claim is None:
        return Outcome()
    if claim.metadata.deletion_timestamp is None:
        return _with(CLAIMS, claim, CLAIM_PROTECTION)
    if CLAIM_PROTECTION not in (claim.metadata.finalizers or ()):
        return Outcome()
    known = ask.views.table("pods").under("claim", ask.key) if pods is None else pods
    if any(uses(pod, claim) for pod in known):
        return Outcome()
    if pods is None:
        return Outcome(calls=(Request(verb="list", resource="pods", namespace=claim.metadata.namespace),), again=True)
    return _without(CLAIMS, claim, CLAIM_PROTECTION)


def uses(pod: Any, claim: Any) -> bool:
    """Tell whether a pod keeps a claim: it is on a node and names it; an ephemeral one until it is told to end now."""
    if not pod.spec.node_name:
        return False
    name, metadata = claim.metadata.name, pod.metadata
    shut = metadata.deletion_timestamp is not None and metadata.deletion_grace_period_seconds == 0
    for volume in pod.spec.volumes or ():
        if claim_of(pod, volume) == name and (volume.ephemeral is None or (not shut and is_of(pod, claim))):
            return True
    return False


def reconcile_volume(ask: Ask) -> Outcome:
    """Let a volume that is deleted go unless it is bound."""
    for _, response in ask.answers:
        return Outcome() if is_done(response) else Outcome(error=text_of(response))
    volume = ask.views.get(VOLUMES, ask.key)
    if volume is None:
        return Outcome()
    if volume.metadata.deletion_timestamp is None:
        return _with(VOLUMES, volume, VOLUME_PROTECTION)
    if volume.status is not None and volume.status.phase == "Bound":
        return Outcome()
    return _without(VOLUMES, volume, VOLUME_PROTECTION)


def _with(resource: str, obj: Any, finalizer: str) -> Outcome:
    had = obj.metadata.finalizers or ()
    return Outcome() if finalizer in had else _update(resource, obj, (*had, finalizer))


def _without(resource: str, obj: Any, finalizer: str) -> Outcome:
    had = obj.metadata.finalizers or ()
    if finalizer not in had:
        return Outcome()
    return _update(resource, obj, tuple([each for each in had if each != finalizer]))


def _update(resource: str, obj: Any, finalizers: tuple[str, ...]) -> Outcome:
    metadata = replace(obj.metadata, finalizers=finalizers or None)
    request = Request(
        verb="update",
        resource=resource,
        namespace=metadata.namespace or "",
        name=metadata.name,
        body=replace(obj, metadata=metadata),
    )
    return Outcome(calls=(request,), again=True)


OF_CLAIMS: Final = Controller(
    name=CLAIMS_NAME,
    sources=(Source(CLAIMS, keys_of_claim), Source("pods", keys_of_pod)),
    reconcile=reconcile_claim,
    user=service_account("pvc-protection-controller"),
    awaits=(CLAIMS,),
)
OF_VOLUMES: Final = Controller(
    name=VOLUMES_NAME,
    sources=(Source(VOLUMES, keys_of_volume),),
    reconcile=reconcile_volume,
    workers=1,
    user=service_account("pv-protection-controller"),
    awaits=(VOLUMES,),
)
