"""
Device taint eviction: pods with a device that is tainted NoExecute, which their claim does not tolerate, are deleted.

Takes:    changes of ResourceSlices, ResourceClaims and pods.
Gives:    a look at the pod, its condition DisruptionTarget, its deletion; Kubernetes Events about it.
Source:   pkg/controller/devicetainteviction.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import meta_v1
from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.marking import marked_for_disruption
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.owners import is_controlled_by
from reconcile.model.pods.claims import resource_claims_of
from reconcile.model.requests import Request, split_key
from reconcile.store import Change

NAME: Final = "device-taint-eviction"
CLAIMS: Final = "resourceclaims.resource.k8s.io"
SLICES: Final = "resourceslices.resource.k8s.io"
_NO_EXECUTE: Final = "NoExecute"
_REASON: Final = "DeletionByDeviceTaintManager"
_MESSAGE: Final = "Device Taint manager: deleting due to NoExecute taint"


@quick
@attrs.frozen(weakref_slot=False)
class Eviction:
    """A pod that is to go: its uid, when, and whether it is on its way out."""

    uid: str
    due: Instant
    begun: bool = False


Memory: TypeAlias = Table[Key, Eviction]
"""By the pod's key."""


def keys_of_pod(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a pod with claims that has come to a node, or is gone."""
    old, new = change.old, change.new
    if not (new or old).spec.resource_claims:
        return ()
    if old is not None and new is not None and old.spec.node_name == new.spec.node_name:
        return ()
    return (change.key,)


def keys_of_claim(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the pods that have a claim, or had it before."""
    return tuple(dict.fromkeys([*_users(change.old), *_users(change.new)]))


def keys_of_slice(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the pods that have a device of a slice which is tainted, or was before."""
    claims = views.table(CLAIMS)
    found: list[Key] = []
    for each in (change.old, change.new):
        for device in (each.spec.devices if each is not None else None) or ():
            if any(taint.effect == _NO_EXECUTE for taint in device.taints or ()):
                device_id = (each.spec.driver, each.spec.pool.name, device.name)
                found += [key for claim in claims.under("device", device_id) for key in _users(claim)]
    return tuple(dict.fromkeys(found))


def reconcile(ask: Ask) -> Outcome:
    """Evict one pod if a device of its is tainted, now or when the time that it tolerates that is over."""
    if ask.answers:
        return _answered(ask)
    pod = ask.views.get("pods", ask.key)
    planned: Eviction | None = ask.memory.get(ask.key, None)
    if planned is not None and (pod is None or planned.uid != pod.metadata.uid or planned.begun):
        return Outcome(memory=ask.memory.remove(ask.key)) if not planned.begun or pod is None else Outcome()
    due = None if pod is None or not pod.spec.node_name else _due(pod, ask.views)
    if pod is None or due is None:
        if planned is None:
            return Outcome()
        record = Record(pod, "Normal", "DeviceTaintManagerEviction", "Cancelling deletion")
        return Outcome(memory=ask.memory.remove(ask.key), records=(record,))
    planned = Eviction(pod.metadata.uid, due)
    memory = ask.memory.set(ask.key, planned)
    if due > ask.now:
        return Outcome(memory=memory, after=due - ask.now)
    namespace, name = split_key(ask.key)
    look = Request(verb="get", resource="pods", namespace=namespace, name=name)
    return Outcome(calls=(look,), memory=memory, again=True)


def _answered(ask: Ask) -> Outcome:
    """Go on after the look with the pod's condition, and after that with its deletion."""
    request, answer = ask.answers[0]
    planned: Eviction | None = ask.memory.get(ask.key, None)
    if planned is None:
        return Outcome()
    if not answer.ok:
        return Outcome() if answer.code == NOT_FOUND else Outcome(error=text_of(answer))
    begun = ask.memory.set(ask.key, attrs.evolve(planned, begun=True))
    if request.verb == "delete":
        return Outcome(memory=begun)
    records: tuple[Record, ...] = ()
    if request.verb == "get":
        pod: Any = answer.body
        if pod.metadata.uid != planned.uid or pod.metadata.deletion_timestamp is not None:
            return Outcome(memory=begun)
        records = (Record(pod, "Normal", "DeviceTaintManagerEviction", "Marking for deletion"),)
        marked = marked_for_disruption(pod, _REASON, _MESSAGE, ask.now)
        if marked is not None:
            return Outcome(calls=(marked,), records=records, again=True)
    namespace, name = split_key(ask.key)
    options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=planned.uid))
    gone = Request(verb="delete", resource="pods", namespace=namespace, name=name, body=options)
    return Outcome(calls=(gone,), records=records, again=True)


def _due(pod: Any, views: Views) -> Instant | None:
    """Tell when a pod has to go because of its devices; None if it may stay."""
    namespace, found = pod.metadata.namespace, []
    made = {each.name for each in pod.spec.resource_claims or () if each.resource_claim_name is None}
    statuses = (pod.status.resource_claim_statuses if pod.status is not None else None) or ()
    own = {each.resource_claim_name for each in statuses if each.name in made}
    for name in resource_claims_of(pod):
        claim = views.get(CLAIMS, f"{namespace}/{name}")
        if claim is None or claim.status is None or (name in own and not is_controlled_by(claim, pod)):
            continue
        if any(each.uid == pod.metadata.uid for each in claim.status.reserved_for or ()):
            found += _ends(claim, views)
    return min(found, default=None)


def _ends(claim: Any, views: Views) -> list[Instant]:
    """Give, for each taint of a claim's devices that it does not tolerate for ever, when it does no more."""
    allocation = claim.status.allocation
    devices = allocation.devices if allocation is not None else None
    found: list[Instant] = []
    for result in (devices.results if devices is not None else None) or ():
        for taint in _taints(result, views):
            since = taint.time_added.instant if taint.time_added is not None else 0
            lasts = [
                each.toleration_seconds
                for each in result.tolerations or ()
                if each.effect == _NO_EXECUTE and _tolerates(each, taint)
            ]
            if None not in lasts:
                least = min([max(seconds, 0) for seconds in lasts if seconds is not None], default=0)
                found.append(since + least * SECOND)
    return found


def _taints(result: Any, views: Views) -> list[Any]:
    """Give the taints NoExecute of a device, as its pool's newest slices say."""
    slices = views.table(SLICES).under("pool", (result.driver, result.pool))
    newest = max([each.spec.pool.generation for each in slices], default=0)
    return [
        taint
        for each in slices
        if each.spec.pool.generation == newest
        for device in each.spec.devices or ()
        if device.name == result.device
        for taint in device.taints or ()
        if taint.effect == _NO_EXECUTE
    ]


def _tolerates(toleration: Any, taint: Any) -> bool:
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator in (None, "", "Equal"):
        return (toleration.value or "") == (taint.value or "")
    return bool(toleration.operator == "Exists")


def _users(claim: Any) -> list[Key]:
    rows = (claim.status.reserved_for if claim is not None and claim.status is not None else None) or ()
    return [f"{claim.metadata.namespace}/{each.name}" for each in rows if each.resource == "pods"]


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("pods", keys_of_pod), Source(CLAIMS, keys_of_claim), Source(SLICES, keys_of_slice)),
    reconcile=reconcile,
    memory=Table,
    component="device_taint_eviction",
    user=service_account("device-taint-eviction-controller"),
    awaits=(SLICES,),
)
