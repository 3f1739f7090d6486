"""
Devices before binding: what a pod's claims are given is written into them, claim after claim, and the pod reserved.

A claim that is to be given devices gets its finalizer, then its allocation and the pod's reservation in one write of
its status; one that has them is only reserved. Meanwhile the devices count as taken. Then, if devices have to be made
ready first, it is looked every five seconds whether their drivers say so, for ten minutes at most.

Source:   the scheduler's DynamicResources: Reserve, PreBind (bindClaim), Unreserve, PostFilter.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import resource_v1
from reconcile.api.scalars import Time, freeze
from reconcile.components.scheduler.cache.devices import CLAIMS, Binding, Decided, Step, caught_up, claim_at
from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.cache.storage import Reserved
from reconcile.components.scheduler.plugins.dynamic_resources import readiness
from reconcile.components.scheduler.plugins.dynamic_resources.claims import allocation_of, is_reserved_for
from reconcile.components.scheduler.plugins.dynamic_resources.judging import Wanted
from reconcile.components.scheduler.plugins.dynamic_resources.results import allocation_of as allocation_made
from reconcile.components.scheduler.state import PROFILE, State
from reconcile.effects import Call, Effect, Record
from reconcile.events import Answered
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, Response, Verb

FINALIZER: Final = "resource.kubernetes.io/delete-protection"
MOST_TRIES: Final = 5
_CONFLICT: Final = 409


# Reserving ------------------------------------------------------------------------------------------------------------


def reserve(state: State, key: str, slot: int, wanted: Wanted, now: Instant) -> tuple[State, tuple[Effect, ...]] | None:
    """Note what a pod's claims are given on the node that it goes to, and begin to write it; None if all is done."""
    room = state.nodes.fleet.rooms[slot]
    uid, dice = state.placed[key].uid, state.dice
    steps, dice = _steps(wanted, slot, room, dice)
    if not steps and not any(readiness.needs(claim) for _, claim in wanted.claims):
        return None
    decided = state.reserved.devices
    pending = {step.claim.metadata.uid: step.allocation for step in steps if step.allocation is not None}
    done = tuple([name for name, claim in wanted.claims if is_reserved_for(wanted.pod, claim)])
    binding = Binding(uid=uid, node=room.name, steps=steps, done=done)
    decided = replace(decided, pending=decided.pending.merge(pending), bindings=decided.bindings.set(key, binding))
    return _went_on(with_decided(replace(state, dice=dice), decided), key, now)


def _steps(wanted: Wanted, slot: int, room: Room, dice: Dice) -> tuple[tuple[Step, ...], Dice]:
    found = wanted.on(slot, room)
    assert isinstance(found, tuple), "the node will do"
    given: dict[str, Any] = {}
    for (name, claim), taken in zip(wanted.lacking(room), found, strict=True):
        given[name], dice = allocation_made(claim, taken, room.name, dice)
    steps: list[Step] = []
    for name, claim in wanted.claims:
        if not is_reserved_for(wanted.pod, claim):
            steps.append(_ahead(Step(key=name, claim=claim, allocation=given.get(name))))
    extra = None if wanted.extras is None else wanted.extras.claim_on(room)
    if extra is not None and wanted.extras is not None:
        mappings = wanted.extras.mappings(room)
        steps.append(Step(key="", claim=extra, allocation=given[""], stage="create", extended=mappings))
    return tuple(steps), dice


def _ahead(step: Step) -> Step:
    """Say what is to be written next of a claim that is there."""
    if step.allocation is not None and FINALIZER not in (step.claim.metadata.finalizers or ()):
        return replace(step, stage="finalizer")
    return replace(step, stage="status")


# Writing --------------------------------------------------------------------------------------------------------------


def _went_on(state: State, key: str, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Send the next call for a pod's claims; or note that all are written, and wait for what has to be made ready."""
    decided = state.reserved.devices
    binding = decided.bindings[key]
    pod = pod_of(state, key)
    if binding.steps:
        return state, (_call(key, binding.uid, pod, binding.steps[0], now),)
    claims = known(state, binding)
    if not any(readiness.needs(claim) for claim in claims):
        return _over(state, key), ()
    said = f"waiting for binding conditions for device on node {binding.node}"
    record = Record(pod, "Normal", "BindingConditionsPending", said, component=PROFILE)
    waiting = replace(binding, since=now, due=now if _is_settled(claims) else None)
    return with_decided(state, replace(decided, bindings=decided.bindings.set(key, waiting))), (record,)


def _call(key: str, uid: str, pod: Any, step: Step, now: Instant) -> Call:
    about = step.claim.metadata
    verb: Verb = "update"
    resource, name, subresource, body = CLAIMS, about.name, "", step.claim
    patch_type = None
    match step.stage:
        case "create":
            body = replace(step.claim, metadata=replace(about, uid=None))
            verb, name = "create", ""
        case "finalizer":
            body = replace(step.claim, metadata=replace(about, finalizers=(*(about.finalizers or ()), FINALIZER)))
        case "status":
            subresource, body = "status", _reserved(step, pod, now)
        case "refresh":
            verb, body = "get", None
        case "note":
            verb, resource, name, subresource, body = "patch", "pods", pod.metadata.name, "status", _note(step)
            patch_type = "strategic"
    request = Request(
        verb=verb, resource=resource, namespace=about.namespace, name=name or "", subresource=subresource, body=body
    )
    if patch_type is not None:
        request = replace(request, patch_type=patch_type)
    return Call(request, ("claim", key, uid))


def _reserved(step: Step, pod: Any, now: Instant) -> resource_v1.ResourceClaim:
    claim = step.claim
    status = claim.status or resource_v1.ResourceClaimStatus()
    allocation: Any = step.allocation if step.allocation is not None else status.allocation
    if allocation.allocation_timestamp is None:
        allocation = replace(allocation, allocation_timestamp=Time.at(now))
    consumer = resource_v1.ResourceClaimConsumerReference(resource="pods", name=pod.metadata.name, uid=pod.metadata.uid)
    reserved = (*(status.reserved_for or ()), consumer)
    body: resource_v1.ResourceClaim = replace(
        claim, status=replace(status, allocation=allocation, reserved_for=reserved)
    )
    return body


def _note(step: Step) -> Any:
    rows = [{"containerName": who, "resourceName": what, "requestName": name} for who, what, name in step.extended]
    noted = {"requestMappings": rows, "resourceClaimName": step.claim.metadata.name}
    return freeze({"status": {"extendedResourceClaimStatus": noted}})


def answered(state: State, key: str, event: Answered) -> tuple[State, tuple[Effect, ...], str]:
    """Take the answer to a call for a pod's claims in; give what failed, if that ends the try."""
    decided, now = state.reserved.devices, event.now
    binding = decided.bindings.get(key)
    if binding is None or not binding.steps:
        return state, (), ""
    step, response = binding.steps[0], event.response
    about = f"{step.claim.metadata.namespace}/{step.claim.metadata.name}"
    if not response.ok:
        if response.code == _CONFLICT and step.tries < MOST_TRIES and step.stage in {"finalizer", "status"}:
            return _with_step(state, key, replace(step, stage="refresh", tries=step.tries + 1), now)
        return state, (), f"{_failing(step, about, pod_of(state, key))}: {message_of(response)}"
    if step.stage == "note":
        return _next(state, key, step, now)
    claim = response.body
    about = f"{claim.metadata.namespace}/{claim.metadata.name}"
    if step.stage in {"finalizer", "refresh", "create"}:
        if claim.metadata.deletion_timestamp is not None:
            return state, (), f"claim {about} got deleted in the meantime"
        if step.allocation is not None and allocation_of(claim) is not None:
            return state, (), f"claim {about} got allocated elsewhere in the meantime"
        if step.allocation is None and allocation_of(claim) is None:
            return state, (), f"claim {about} got deallocated elsewhere in the meantime"
        if step.stage == "create":
            uid = step.claim.metadata.uid
            pending = decided.pending.remove(uid).set(claim.metadata.uid, step.allocation)
            state = with_decided(state, replace(decided, pending=pending))
        return _with_step(state, key, _ahead(replace(step, key=about, claim=claim)), now)
    pending = decided.pending.remove(claim.metadata.uid)
    # One that is gone by now is not taken for there: its end was told already.
    is_there = bool(step.extended) or about in state.views.devices.claims
    assumed = decided.assumed.set(about, claim) if is_there else decided.assumed
    state = with_decided(state, replace(decided, pending=pending, assumed=assumed))
    if step.extended:
        return _with_step(state, key, replace(step, claim=claim, stage="note"), now)
    return _next(state, key, step, now)


def _with_step(state: State, key: str, step: Step, now: Instant) -> tuple[State, tuple[Effect, ...], str]:
    decided = state.reserved.devices
    binding = decided.bindings[key]
    bindings = decided.bindings.set(key, replace(binding, steps=(step, *binding.steps[1:])))
    return (*_went_on(with_decided(state, replace(decided, bindings=bindings)), key, now), "")


def _next(state: State, key: str, step: Step, now: Instant) -> tuple[State, tuple[Effect, ...], str]:
    decided = state.reserved.devices
    binding = decided.bindings[key]
    ahead = replace(binding, steps=binding.steps[1:], done=(*binding.done, step.key))
    state = with_decided(state, replace(decided, bindings=decided.bindings.set(key, ahead)))
    return (*_went_on(state, key, now), "")


def _failing(step: Step, about: str, pod: Any) -> str:
    match step.stage:
        case "create":
            return f"create claim for extended resources {about.partition('/')[0]}/"
        case "finalizer":
            return f"add finalizer to claim {about}"
        case "refresh":
            return f"get updated claim {about} after conflict"
        case "note":
            return f"update pod {pod.metadata.namespace}/{pod.metadata.name} ExtendedResourceClaimStatus"
        case "status":
            return f"add {'allocation and ' if step.allocation is not None else ''}reservation to claim {about}"


def message_of(response: Response) -> str:
    """Give what an answer that is a refusal says."""
    message = getattr(response.body, "message", None)
    return message or response.reason or f"the server answered {response.code}"


# Waiting --------------------------------------------------------------------------------------------------------------


def is_under_way(state: State, key: str) -> bool:
    """Tell whether a pod waits for its claims."""
    return key in state.reserved.devices.bindings


def next_look(decided: Decided) -> tuple[Instant | None, bool]:
    """Tell when to see to the pods that wait for devices to be made ready, and whether there is nothing but to wait."""
    waiting = [each for each in decided.bindings.values() if each.since is not None]
    looks = [_tick(each.since or 0, each.due) for each in waiting if each.due is not None]
    if looks:
        return min(looks), False
    ends = [(each.since or 0) + readiness.TIMEOUT for each in waiting]
    return (min(ends) if ends else None), True


def _tick(since: Instant, at: Instant) -> Instant:
    """Give the first look, every five seconds from when it began to wait, that is not before *at*."""
    return since + -(-(at - since) // readiness.TICK) * readiness.TICK


def looked(state: State, now: Instant) -> tuple[State, list[tuple[str, str]]]:
    """Look at the pods that wait for their devices: give those that can be bound, and why others cannot be."""
    found: list[tuple[str, str]] = []
    for key, binding in state.reserved.devices.bindings.items():
        if binding.since is None:
            continue
        late = binding.since + readiness.TIMEOUT <= now
        if not late and (binding.due is None or _tick(binding.since, binding.due) > now):
            continue
        claims = known(state, binding)
        why = next((said for claim in claims if (said := readiness.why_failed(claim))), "")
        if why:
            found.append((key, why))
        elif all(readiness.is_ready(claim) for claim in claims):
            found.append((key, ""))
            state = _over(state, key)
        elif late:
            found.append((key, "device binding timeout: context deadline exceeded"))
        else:
            decided = state.reserved.devices
            waiting = replace(binding, due=None)
            state = with_decided(state, replace(decided, bindings=decided.bindings.set(key, waiting)))
    return state, found


def noticed(state: State, gone: tuple[str, ...], now: Instant) -> State:
    """Take in that claims have changed: some are known by now as they were answered, some devices may be ready."""
    decided = state.reserved.devices
    for key in gone:
        if key in decided.assumed:
            decided = replace(decided, assumed=decided.assumed.remove(key))
    decided = caught_up(decided, state.views.devices)
    for key, binding in decided.bindings.items():
        if binding.since is not None and binding.due is None and _is_settled(known(state, binding)):
            decided = replace(decided, bindings=decided.bindings.set(key, replace(binding, due=now)))
    return state if decided is state.reserved.devices else with_decided(state, decided)


def _is_settled(claims: list[Any]) -> bool:
    return any(readiness.why_failed(claim) for claim in claims) or all(readiness.is_ready(claim) for claim in claims)


def known(state: State, binding: Binding) -> list[Any]:
    """Give the claims of a pod that are written, as the newest that is known."""
    devices, decided = state.views.devices, state.reserved.devices
    found = [claim_at(devices, decided, key) or decided.assumed.get(key) for key in binding.done]
    return [claim for claim in found if claim is not None]


def _over(state: State, key: str) -> State:
    decided = state.reserved.devices
    return with_decided(state, replace(decided, bindings=decided.bindings.remove(key)))


def with_decided(state: State, decided: Decided) -> State:
    """Give the state in which this is decided about devices."""
    reserved: Reserved = replace(state.reserved, devices=decided)
    return replace(state, reserved=reserved)


def pod_of(state: State, key: str) -> Any:
    """Give a pod that is being bound."""
    placed = state.placed[key]
    assert placed.entry is not None, "it is being bound"
    return placed.entry.pod
