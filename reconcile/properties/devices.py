"""
What allocation promises: a device is one claim's at a time, but for who only looks on and for who has a share.

Takes:    passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/: admin access, consumable
          capacity.
Left out: devices that share counters. Who allocates is the scheduler, which remembers what it is just giving: two that
          both believe to lead can give one device twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.properties.property import Passage, Promise

_CLAIMS: Final = "resourceclaims.resource.k8s.io"


def _given_once(_: None, passage: Passage) -> tuple[None, list[str]]:
    said: list[str] = []
    for change in passage.changes:
        new = change.new
        if change.resource != _CLAIMS or new is None:
            continue
        before = set() if change.old is None else set(_devices_of(change.old))
        given = [device for device in _devices_of(new) if device not in before]
        if not given:
            continue
        for key, other in passage.after.store.table(_CLAIMS).items():
            if other.metadata.uid != new.metadata.uid:
                both = sorted({*given} & {*_devices_of(other)})
                said += [f"{'/'.join(device)} is given to {change.key}, and is {key}'s" for device in both]
    return None, said


def _devices_of(claim: Any) -> Iterator[tuple[str, str, str]]:
    """Give (driver, pool, device) of what is a claim's alone."""
    allocation = claim.status.allocation if claim.status is not None else None
    if allocation is None or allocation.devices is None:
        return
    for each in allocation.devices.results or ():
        if not each.admin_access and not each.share_id:
            yield each.driver, each.pool, each.device


DEVICES: Final = Promise("a device is one claim's at a time", (_CLAIMS,), _given_once)
