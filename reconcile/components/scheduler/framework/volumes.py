"""
Volumes before binding: what is decided for a pod's claims is written, and the pod is bound when it has come true.

Volumes that are there are bound to claims by naming the claim in the volume (`claimRef`); for those that are to be made
the claim is told the node (`volume.kubernetes.io/selected-node`). Then the pod waits until the controllers say that its
claims are bound, for as long as the profile says: ten minutes, if it does not.

Source:   the scheduler's VolumeBinding: Reserve, PreBind, Unreserve; it looks once a second whether all is bound.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import core_v1
from reconcile.components.scheduler.cache.storage import (
    BOUND_BY_CONTROLLER,
    SELECTED_NODE,
    fully_bound,
    is_bound_to,
    reaches,
)
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.plugins.node_affinity import fulfils
from reconcile.components.scheduler.plugins.volume_binding import Plan
from reconcile.components.scheduler.state import State, Waiting
from reconcile.effects import Call, Effect
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, split_key

# How often it looks whether all is bound.
TICK: Final[Duration] = SECOND


def reserve(
    state: State, key: str, node: str, plan: Plan, timeout: Duration, *, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """Note what is decided for a pod's volumes, and write it."""
    reserved, views, uid = state.reserved, state.views, state.placed[key].uid
    effects: list[Effect] = []
    for volume, claim in plan.static:
        reserved = replace(reserved, volumes=reserved.volumes.set(volume, claim))
        effects.append(_bind(key, uid, views.volumes[volume], views.claims[claim]))
    for claim in plan.provisions:
        reserved = replace(reserved, claims=reserved.claims.set(claim, node))
        effects.append(_select(key, uid, views.claims[claim], node))
    waiting = Waiting(uid, node, plan, len(effects), now, timeout)
    return replace(state, reserved=replace(reserved, waiting=reserved.waiting.set(key, waiting))), tuple(effects)


def unreserve(state: State, key: str) -> State:
    """Forget what was decided for a pod's volumes; nothing happens if it does not wait for any."""
    waiting = state.reserved.waiting.get(key, None)
    if waiting is None:
        return state
    volumes, claims = state.reserved.volumes, state.reserved.claims
    for volume, _ in waiting.plan.static:
        if volume in volumes:
            volumes = volumes.remove(volume)
    for claim in waiting.plan.provisions:
        if claim in claims:
            claims = claims.remove(claim)
    return replace(
        state,
        reserved=replace(state.reserved, volumes=volumes, claims=claims, waiting=state.reserved.waiting.remove(key)),
    )


def standing(waiting: Waiting, state: State) -> str | bool:
    """Tell whether all that a pod waits for has come true; a text says why it cannot any more."""
    if waiting.unwritten:
        return False
    views, room = state.views, _room(state, waiting.node)
    if room is None:
        return f'failed to get node "{waiting.node}": node "{waiting.node}" not found'
    for key in waiting.plan.claims:
        claim = views.claims.get(key, None)
        if claim is None:
            return f'failed to check provisioning pvc: could not find v1.PersistentVolumeClaim "{key}"'
        if key in waiting.plan.provisions:
            selected = (claim.metadata.annotations or {}).get(SELECTED_NODE)
            if selected != waiting.node and _lags(waiting, key, claim):
                return False
            if selected != waiting.node:
                return f'provisioning failed for PVC "{claim.metadata.name}"'
        if not fully_bound(claim):
            return False
        volume = views.volumes.get(claim.spec.volume_name, None)
        if volume is None:
            return False
        terms = reaches(volume)
        if terms is not None and not any(fulfils(term, room) for term in terms):
            name = volume.metadata.name
            return f'pv "{name}" node affinity doesn\'t match node "{waiting.node}": no matching NodeSelectorTerms'
    return True


def noted(state: State, key: str, now: Instant) -> State:
    """Note whether it is worth a look at the next tick what has become of a pod's volumes."""
    waiting = state.reserved.waiting[key]
    if standing(waiting, state) is False:
        due = None
    elif waiting.due is not None:
        return state
    else:
        due = waiting.since + max(-(-(now - waiting.since) // TICK), 1) * TICK
    if due == waiting.due:
        return state
    return with_waiting(state, key, replace(waiting, due=due))


def with_waiting(state: State, key: str, waiting: Waiting) -> State:
    """Give a state in which a pod waits so for its volumes."""
    reserved = state.reserved
    return replace(state, reserved=replace(reserved, waiting=reserved.waiting.set(key, waiting)))


def concerned(state: State, keys: tuple[str, ...], views: Views) -> list[str]:
    """Give the pods that wait for one of these claims or volumes."""
    found = []
    for key, waiting in state.reserved.waiting.items():
        names = {*waiting.plan.claims, *[volume for volume, _ in waiting.plan.static]}
        names |= {views.claims[claim].spec.volume_name or "" for claim in waiting.plan.claims if claim in views.claims}
        if any(name in names for name in keys):
            found.append(key)
    return found


def _lags(waiting: Waiting, key: str, claim: Any) -> bool:
    """Tell whether the watch has not told yet what was written into a claim."""
    for written, version in waiting.versions:
        if written == key:
            return int(claim.metadata.resource_version or 0) < version
    return True


def written(waiting: Waiting, body: Any) -> Waiting:
    """Note that a write has been done, and which version of the object it made."""
    metadata = body.metadata if isinstance(body, core_v1.PersistentVolumeClaim) else None
    versions = waiting.versions
    if metadata is not None and metadata.resource_version:
        versions = (*versions, (f"{metadata.namespace}/{metadata.name}", int(metadata.resource_version)))
    return replace(waiting, unwritten=waiting.unwritten - 1, versions=versions)


def _room(state: State, node: str) -> Any:
    slot = state.nodes.fleet.slots.get(node, None)
    return None if slot is None else state.nodes.fleet.rooms.get(slot, None)


def _bind(key: str, uid: str, volume: Any, claim: Any) -> Call:
    metadata = claim.metadata
    reference = core_v1.ObjectReference(
        kind="PersistentVolumeClaim",
        api_version="v1",
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )
    annotations = volume.metadata.annotations or Map()
    if not is_bound_to(volume, claim):
        annotations = annotations.set(BOUND_BY_CONTROLLER, "yes")
    body = attrs.evolve(
        volume,
        metadata=attrs.evolve(volume.metadata, annotations=annotations or None),
        spec=attrs.evolve(volume.spec, claim_ref=reference),
    )
    request = Request(verb="update", resource="persistentvolumes", name=volume.metadata.name, body=body)
    return Call(request, ("volume", key, uid))


def _select(key: str, uid: str, claim: Any, node: str) -> Call:
    annotations = (claim.metadata.annotations or Map()).set(SELECTED_NODE, node)
    body = attrs.evolve(claim, metadata=attrs.evolve(claim.metadata, annotations=annotations))
    namespace, name = split_key(f"{claim.metadata.namespace}/{claim.metadata.name}")
    request = Request(verb="update", resource="persistentvolumeclaims", namespace=namespace, name=name, body=body)
    return Call(request, ("volume", key, uid))
