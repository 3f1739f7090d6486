"""
Claims of pods that are not bound: what was reserved is taken back, devices are freed, and who lacks a claim waits.

Source:   the scheduler's DynamicResources: PreEnqueue, PostFilter, Unreserve; its queueing hints.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.api.scalars import freeze
from reconcile.components.scheduler.cache.devices import CLAIMS, claim_at
from reconcile.components.scheduler.framework.devices import FINALIZER, known, pod_of, with_decided
from reconcile.components.scheduler.plugins.dynamic_resources import judging
from reconcile.components.scheduler.plugins.dynamic_resources.claims import allocation_of, claims_of, is_reserved_for
from reconcile.components.scheduler.plugins.dynamic_resources.extended import ANNOTATION
from reconcile.components.scheduler.plugins.dynamic_resources.judging import Wanted
from reconcile.components.scheduler.queue.queue import Entry
from reconcile.components.scheduler.state import State
from reconcile.effects import Call, Effect
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request
from reconcile.store import Change


def released(state: State, key: str, uid: str) -> State:
    """Forget what was decided for the claims of a pod that goes; nothing happens if nothing was."""
    decided = state.reserved.devices
    for name, claim in decided.assumed.items():
        if any(each.uid == uid for each in claim.metadata.owner_references or ()):
            decided = replace(decided, assumed=decided.assumed.remove(name))
    binding = decided.bindings.get(key)
    if binding is None:
        return state if decided is state.reserved.devices else with_decided(state, decided)
    pending = decided.pending
    for step in binding.steps:
        pending = pending.remove(step.claim.metadata.uid)
    return with_decided(state, replace(decided, pending=pending, bindings=decided.bindings.remove(key)))


def given_back(state: State, key: str) -> tuple[Effect, ...]:
    """Take a pod's reservations back that were written, as it cannot be bound; a claim that was made for it goes."""
    binding = state.reserved.devices.bindings.get(key)
    if binding is None:
        return ()
    pod = pod_of(state, key)
    effects: list[Effect] = []
    made = {step.key: step.claim for step in binding.steps if step.extended and step.key}
    for claim in (*known(state, binding), *made.values()):
        about = claim.metadata
        if (
            any(each.uid == pod.metadata.uid and each.controller for each in about.owner_references or ())
            and (about.annotations or {}).get(ANNOTATION) == "true"
        ):
            effects += _deleted(claim)
        elif is_reserved_for(pod, claim):
            consumers = [{"$patch": "delete", "uid": pod.metadata.uid}]
            body = freeze({"metadata": {"uid": about.uid}, "status": {"reservedFor": consumers}})
            effects.append(_patch(claim, body))
    return tuple(effects)


def freed(state: State, wanted: Wanted) -> tuple[str, tuple[Effect, ...]]:
    """Take the devices back of a claim that keeps a pod from being scheduled; say what was done."""
    for key in wanted.unavailable:
        claim = claim_at(state.views.devices, state.reserved.devices, key)
        consumers = claim.status.reserved_for or ()
        if consumers and not (len(consumers) == 1 and consumers[0].uid == wanted.pod.metadata.uid):
            continue
        status = replace(claim.status, reserved_for=None, allocation=None, devices=None)
        return judging.FREED, (_update(replace(claim, status=status), "status"),)
    if wanted.extras is not None and wanted.extras.stale is not None:
        return judging.DELETED, _deleted(wanted.extras.stale)
    return judging.STUCK, ()


def _deleted(claim: Any) -> tuple[Effect, ...]:
    about = claim.metadata
    kept = tuple([each for each in about.finalizers or () if each != FINALIZER])
    body = replace(claim, metadata=replace(about, finalizers=kept or None))
    request = Request(verb="delete", resource=CLAIMS, namespace=about.namespace, name=about.name)
    return _update(body), Call(request)


def _update(claim: Any, subresource: str = "") -> Call:
    about = claim.metadata
    return Call(
        Request(
            verb="update",
            resource=CLAIMS,
            namespace=about.namespace,
            name=about.name,
            subresource=subresource,
            body=claim,
        )
    )


def _patch(claim: Any, body: Any) -> Call:
    about = claim.metadata
    return Call(
        Request(
            verb="patch",
            resource=CLAIMS,
            namespace=about.namespace,
            name=about.name,
            subresource="status",
            body=body,
            patch_type="strategic",
        )
    )


# Holding --------------------------------------------------------------------------------------------------------------


def is_held(state: State, pod: Any) -> bool:
    """Tell whether a pod has to wait for its claims to be there before it has a turn."""
    return bool(pod.spec.resource_claims and claims_of(pod, state.views.devices, state.reserved.devices)[1])


def with_held(state: State, key: str, *, held: bool) -> State:
    """Note whether a pod waits for its claims to be there."""
    decided = state.reserved.devices
    if (key in decided.held) is held:
        return state
    rest = (*decided.held, key) if held else tuple([each for each in decided.held if each != key])
    return with_decided(state, replace(decided, held=rest))


def helps(change: Change, entry: Entry, state: State) -> bool:
    """Tell whether a change of a claim may help a pod that was refused for its devices."""
    new, old = change.new, change.old
    claims, why = claims_of(entry.pod, state.views.devices, state.reserved.devices)
    if why:
        return False
    if old is not None and allocation_of(old) is not None and allocation_of(new) is None:
        return True
    if not any(claim.metadata.uid == new.metadata.uid for _, claim in claims):
        return False
    return old is None or old.status != new.status
