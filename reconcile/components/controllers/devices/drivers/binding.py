"""
Binding: devices that have to be made ready before their pod is bound are, after a while; some never are.

Source:   KEP-5007, device binding conditions: what a driver does about `bindingConditions`.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import meta_v1, resource_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.progress import Progress, with_memory
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model.devices import DeviceDriver
from reconcile.model.requests import Request
from reconcile.store import Change

CLAIMS: Final = "resourceclaims.resource.k8s.io"


def keys_of_claim(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a claim with devices that have to be made ready."""
    return (change.key,) if change.new is not None and _waiting(change.new) else ()


def reconcile(drivers: tuple[DeviceDriver, ...], ask: Ask) -> Outcome:
    """Say of a claim's devices that they are ready, or that they cannot be."""
    for _, response in ask.answers:
        return Outcome() if is_done(response) else Outcome(error=text_of(response))
    progress: Progress = ask.memory
    claim = ask.views.get(CLAIMS, ask.key)
    named = {driver.name: driver for driver in drivers}
    results = [] if claim is None else [each for each in _waiting(claim) if each.driver in named]
    if claim is None or not results:
        return Outcome()
    devices = claim.status.devices or ()
    longest = 0
    for result in results:
        driver = named[result.driver]
        work = ("bind", claim.metadata.uid, result.driver, result.pool, result.device)
        progress, wait = progress.waited(work, driver.bind, ask.now)
        longest = max(longest, wait)
        if not wait:
            failed = result.device in driver.unbindable and bool(result.binding_failure_conditions)
            devices = _with_conditions(devices, result, ask.now, failed=failed)
    if devices == (claim.status.devices or ()):
        return with_memory(Outcome(after=longest), progress)
    body = replace(claim, status=replace(claim.status, devices=devices))
    about = claim.metadata
    request = Request(
        verb="update", resource=CLAIMS, namespace=about.namespace, name=about.name, subresource="status", body=body
    )
    return with_memory(Outcome(calls=(request,), again=True), progress)


def _waiting(claim: Any) -> list[Any]:
    """Give the devices of a claim of which nothing is said yet about their conditions."""
    allocation = claim.status.allocation if claim.status is not None else None
    results = (allocation.devices.results if allocation is not None and allocation.devices is not None else None) or ()
    known = {(each.driver, each.pool, each.device) for each in (claim.status.devices if results else None) or ()}
    return [each for each in results if each.binding_conditions and (each.driver, each.pool, each.device) not in known]


def _with_conditions(devices: tuple[Any, ...], result: Any, now: Instant, *, failed: bool) -> tuple[Any, ...]:
    names = result.binding_failure_conditions if failed else result.binding_conditions
    conditions = tuple(
        [
            meta_v1.Condition(
                type=name,
                status="True",
                reason="DeviceFailed" if failed else "DeviceReady",
                message="the device cannot be made ready" if failed else "the device is ready",
                last_transition_time=Time.at(now),
            )
            for name in names
        ]
    )
    row = resource_v1.AllocatedDeviceStatus(
        driver=result.driver, pool=result.pool, device=result.device, share_id=result.share_id, conditions=conditions
    )
    return (*devices, row)
