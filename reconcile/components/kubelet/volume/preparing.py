"""
Preparing: a pod with ResourceClaims waits until the drivers of its devices have prepared them on this node.

The claims are read by name. What is wrong with them, or with a driver, is said in an event, and tried again a minute
later. A claim that is prepared serves every pod of the node that it is reserved for; when the last of them has ended it
is unprepared, and only then is that pod over.

Takes:    answers to its reads, the timers `prepare` and `unprepare`.
Gives:    Call, SetTimer, CancelTimer, Record.
Source:   the kubelet's DRA manager: PrepareResources, UnprepareResources; kuberuntime, which calls it for a sandbox.
Left out: see docs/limits.md, "Devices".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.convert import dump
from reconcile.api.scalars import Time, freeze
from reconcile.components.kubelet.awaited import Claiming
from reconcile.components.kubelet.disk import Claimed
from reconcile.components.kubelet.state import LocalPod, State, with_seldom
from reconcile.effects import Call, CancelTimer, Effect, Record, SetTimer
from reconcile.lib.instant import MINUTE, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.devices import PLUGIN, DeviceDriver
from reconcile.model.owners import is_controlled_by
from reconcile.model.pods.claims import resource_claims_of
from reconcile.model.requests import Request, Response, User

CLAIMS: Final = "resourceclaims.resource.k8s.io"
AGAIN: Final[Duration] = MINUTE
"""How long after a failure the kubelet looks at the pod again."""
_GROUPS: Final = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
_AS_PLUGIN: Final = User(name=f"system:serviceaccount:kube-system:{PLUGIN}", groups=_GROUPS)


def wants(pod: LocalPod) -> bool:
    """Tell whether a pod has claims."""
    api: Any = pod.api or pod.pod
    status = api.status
    return bool(api.spec.resource_claims) or (status is not None and status.extended_resource_claim_status is not None)


def awaits(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Tell whether a pod waits for its devices; at first, ask for its claims."""
    known = state.seldom.claiming.get(pod.uid)
    if known is None:
        state = _begun(state, pod, now, out)
        known = state.seldom.claiming.get(pod.uid)
    if known is None or known.done:
        return state, False
    return state, True


def answered(
    state: State, pod: LocalPod, answer: dict[str, Response], now: Instant, out: list[Effect]
) -> tuple[State, bool]:
    """Take the answer about one claim in; tell whether the pod has its devices."""
    known = state.seldom.claiming.get(pod.uid)
    if known is None or known.done or not set(known.asked).issuperset(answer) or pod.life != "running":
        return state, False
    known = replace(known, found=known.found.merge(answer))
    state = _keep(state, pod, known)
    return _judged(state, pod, known, now, out) if len(known.found) == len(known.asked) else (state, False)


def due(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Go on when drivers have had their time, or begin again after a failure; tell whether the pod has its devices."""
    known = state.seldom.claiming.get(pod.uid)
    if known is None or known.done or pod.life != "running":
        return state, False
    if known.due is None:
        return _begun(state, pod, now, out), False
    return _prepared(state, pod, known, now, out)


def _begun(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Ask for the claims of a pod."""
    names, why = _names(pod)
    if why:
        return _failed(state, pod, why, now, out)
    if not names:
        return state
    namespace = pod.key.partition("/")[0]
    for name in names:
        request = Request(verb="get", resource=CLAIMS, namespace=namespace, name=name)
        out.append(Call(request, ("claim", pod.uid, name)))
    return _keep(state, pod, Claiming(asked=names))


def _names(pod: LocalPod) -> tuple[tuple[str, ...], str]:
    api: Any = pod.api or pod.pod
    status = api.status
    known = {each.name for each in (status and status.resource_claim_statuses) or ()}
    for entry in api.spec.resource_claims or ():
        if entry.resource_claim_name is None and entry.name not in known:
            return (), f'pod "{pod.key}": ResourceClaim not created yet'
    return resource_claims_of(api), ""


def _judged(state: State, pod: LocalPod, known: Claiming, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    claims = []
    for name in known.asked:
        response = known.found[name]
        why = _why_not(state, pod, name, response)
        if why:
            return _failed(state, pod, why, now, out), False
        claims.append(response.body)
    takes = 0
    for claim in claims:
        state = _with_user(state, claim, pod.uid)
        held = state.seldom.claims[claim.metadata.uid]
        if not held.prepared:
            takes = max([takes, *[driver.prepare for driver in _drivers(state, claim)]])
    if takes:
        out.append(SetTimer(("prepare", pod.uid), now + takes))
        return _keep(state, pod, replace(known, due=now + takes)), False
    return _prepared(state, pod, known, now, out)


def _why_not(state: State, pod: LocalPod, name: str, response: Response) -> str:
    """Say why a claim cannot be prepared."""
    if not response.ok:
        return f"fetch ResourceClaim {name}: {getattr(response.body, 'message', None) or response.reason}"
    claim: Any = response.body
    api: Any = pod.api or pod.pod
    metadata, about = claim.metadata, f"{claim.metadata.namespace}/{name}"
    templates = {each.name for each in api.spec.resource_claims or () if each.resource_claim_name is None}
    status = api.status
    made = {
        each.resource_claim_name for each in (status and status.resource_claim_statuses) or () if each.name in templates
    }
    if name in made and not is_controlled_by(claim, api):
        return f"ResourceClaim {about} was not created for Pod {pod.key} (Pod is not owner)"
    reserved = (claim.status.reserved_for if claim.status is not None else None) or ()
    if not any(each.uid == api.metadata.uid for each in reserved):
        said = f"pod {api.metadata.name} ({api.metadata.uid}) is not allowed to use ResourceClaim"
        return f"{said} {name} ({metadata.uid})"
    if claim.status.allocation is None:
        return f"ResourceClaim {name}: not allocated"
    known = {driver.name for driver in state.seldom.device_drivers}
    for driver in _names_of_drivers(claim):
        if driver not in known:
            return f"DRA driver {driver} is not registered"
    held = state.seldom.claims.get(metadata.uid)
    if held is None and any(each.key == about for each in state.seldom.claims.values()):
        old = next(uid for uid, each in state.seldom.claims.items() if each.key == about)
        said = f"old ResourceClaim with same name {name} and different UID {old} still exists"
        return f"{said} (previous pod force-deleted?!)"
    return ""


def _prepared(state: State, pod: LocalPod, known: Claiming, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Take in that the drivers have had their time: they have prepared the claims, or failed once more."""
    for name in known.asked:
        claim: Any = known.found[name].body
        held = state.seldom.claims[claim.metadata.uid]
        if held.prepared:
            continue
        for driver in _drivers(state, claim):
            if held.failures < driver.failures:
                state = _hold(state, claim.metadata.uid, replace(held, failures=held.failures + 1))
                why = f"NodePrepareResources failed for ResourceClaim {name}: the driver refuses to prepare its devices"
                return _failed(state, pod, why, now, out), False
        state = _hold(state, claim.metadata.uid, replace(held, prepared=True))
        out += _reported(state, claim, now)
    return _keep(state, pod, replace(known, done=True, due=None)), True


def _reported(state: State, claim: Any, now: Instant) -> list[Effect]:
    """Let the drivers say in the claim's status that their devices are ready."""
    speaking = {driver.name for driver in state.seldom.device_drivers if driver.reports}
    devices = claim.status.allocation.devices
    rows = [
        {
            "driver": each.driver,
            "pool": each.pool,
            "device": each.device,
            **({"shareID": each.share_id} if each.share_id else {}),
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "Prepared",
                    "message": "the device is prepared",
                    "lastTransitionTime": Time.at(now).text,
                }
            ],
        }
        for each in (devices.results if devices is not None else None) or ()
        if each.driver in speaking
    ]
    if not rows:
        return []
    kept = [dump(each) for each in claim.status.devices or () if each.driver not in speaking]
    about = claim.metadata
    request = Request(
        verb="patch",
        resource=CLAIMS,
        namespace=about.namespace,
        name=about.name,
        subresource="status",
        body=freeze({"status": {"devices": [*kept, *rows]}}),
    )
    return [Call(request, ("reported", about.uid), _AS_PLUGIN)]


def _failed(state: State, pod: LocalPod, why: str, now: Instant, out: list[Effect]) -> State:
    said = f"Failed to prepare dynamic resources: prepare dynamic resources: {why}"
    out.append(Record(pod.pod, "Warning", "FailedPrepareDynamicResources", said))
    out.append(SetTimer(("prepare", pod.uid), now + AGAIN))
    return _keep(state, pod, Claiming())


# The end --------------------------------------------------------------------------------------------------------------


def ended(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Let go of a pod's claims, now that nothing runs of it; tell whether it has to wait until they are unprepared."""
    known = state.seldom.claiming.get(pod.uid)
    if known is None:
        if not any(pod.uid in held.users for held in state.seldom.claims.values()):
            return state, False
        known = Claiming()  # an earlier life of this kubelet had them
    if known.ends is not None:
        if now < known.ends:
            return state, True
        return _forgotten(state, pod), False
    out.append(CancelTimer(("prepare", pod.uid)))
    takes = 0
    for held in state.seldom.claims.values():
        if held.users == (pod.uid,):
            takes = max([takes, *[each.unprepare for each in state.seldom.device_drivers if each.name in held.drivers]])
    if not takes:
        return _forgotten(state, pod), False
    out.append(SetTimer(("unprepare", pod.uid), now + takes))
    return _keep(state, pod, replace(known, ends=now + takes)), True


def _forgotten(state: State, pod: LocalPod) -> State:
    claims = state.seldom.claims
    for uid, held in claims.items():
        if pod.uid in held.users:
            users = tuple([each for each in held.users if each != pod.uid])
            claims = claims.set(uid, replace(held, users=users)) if users else claims.remove(uid)
    return with_seldom(state, claims=claims, claiming=state.seldom.claiming.remove(pod.uid))


# ----------------------------------------------------------------------------------------------------------------------


def _with_user(state: State, claim: Any, uid: str) -> State:
    about = claim.metadata
    held = state.seldom.claims.get(about.uid)
    if held is None:
        key = f"{about.namespace}/{about.name}"
        held = Claimed(key=key, drivers=_names_of_drivers(claim), devices=_devices(claim))
    return state if uid in held.users else _hold(state, about.uid, replace(held, users=(*held.users, uid)))


def _hold(state: State, uid: str, held: Claimed) -> State:
    return with_seldom(state, claims=state.seldom.claims.set(uid, held))


def _drivers(state: State, claim: Any) -> list[DeviceDriver]:
    names = _names_of_drivers(claim)
    return [driver for driver in state.seldom.device_drivers if driver.name in names]


def _names_of_drivers(claim: Any) -> tuple[str, ...]:
    devices = claim.status.allocation.devices
    return tuple(dict.fromkeys([each.driver for each in (devices.results if devices is not None else None) or ()]))


def _devices(claim: Any) -> tuple[tuple[str, str, str, str], ...]:
    devices = claim.status.allocation.devices
    rows = (devices.results if devices is not None else None) or ()
    return tuple([(row.request.partition("/")[0], row.driver, row.pool, row.device) for row in rows])


def shown(state: State, pod: LocalPod) -> LocalPod:
    """Give the pod with what its status says of the devices that its containers have."""
    spec: Any = pod.pod.spec
    if not spec.resource_claims:
        return pod
    api: Any = pod.api or pod.pod
    names = {row.name: row.resource_claim_name for row in spec.resource_claims}
    status = api.status
    names.update({row.name: row.resource_claim_name for row in (status and status.resource_claim_statuses) or ()})
    held = {each.key: each for each in state.seldom.claims.values()}
    namespace = pod.key.partition("/")[0]
    found: dict[str, tuple[core_v1.ResourceStatus, ...]] = {}
    for container in spec.containers:
        rows: list[core_v1.ResourceStatus] = []
        for asked in (container.resources.claims if container.resources is not None else None) or ():
            claim = held.get(f"{namespace}/{names.get(asked.name)}")
            devices = () if claim is None else _healths(state, claim, asked.request or "")
            if devices:
                name = f"claim:{asked.name}/{asked.request}" if asked.request else f"claim:{asked.name}"
                rows.append(core_v1.ResourceStatus(name=name, resources=devices))
        if rows:
            found[container.name] = tuple(rows)
    return replace(pod, allotted=replace(pod.allotted, devices=Map(found)))


def _healths(state: State, claim: Claimed, request: str) -> tuple[core_v1.ResourceHealth, ...]:
    """Say how the devices of a claim are that were given for a request, or for any."""
    drivers = {driver.name: driver for driver in state.seldom.device_drivers}
    rows: dict[str, core_v1.ResourceHealth] = {}
    for asked, driver, pool, device in claim.devices:
        if request and asked != request.partition("/")[0]:
            continue
        health, message = drivers[driver].health_of(pool, device) if driver in drivers else ("Unknown", "")
        id = f"{driver}/{pool}/{device}"
        rows[id] = core_v1.ResourceHealth(resource_id=id, health=health, message=message or None)
    return tuple(rows.values())


def _keep(state: State, pod: LocalPod, known: Claiming) -> State:
    return with_seldom(state, claiming=state.seldom.claiming.set(pod.uid, known))
