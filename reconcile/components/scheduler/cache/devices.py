"""
Devices as the scheduler sees them: ResourceSlices, DeviceClasses and ResourceClaims, and what it has decided itself.

Source:   the scheduler's DRA manager: its assume cache of claims, and the allocations in flight.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.store.indexes import indexes_of

CLAIMS: Final = "resourceclaims.resource.k8s.io"
SLICES: Final = "resourceslices.resource.k8s.io"
CLASSES: Final = "deviceclasses.resource.k8s.io"

DeviceID: TypeAlias = tuple[str, str, str]
"""Driver, pool, device."""


def _empty(resource: str) -> Any:
    return attrs.field(default=Table(indexes_of(resource)))


@quick
@attrs.frozen(weakref_slot=False)
class Devices:
    """What is known of devices: key -> object. Nothing is asked for before a pod comes that may want any."""

    claims: Table[str, Any] = _empty(CLAIMS)
    slices: Table[str, Any] = _empty(SLICES)
    classes: Table[str, Any] = _empty(CLASSES)


FIELDS: Final = {CLAIMS: "claims", SLICES: "slices", CLASSES: "classes"}
"""Resource -> its field of `Devices`."""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Step:
    """
    What is to be done with one claim before its pod is bound.

    Args:
        key: the claim's.
        claim: as it was last seen, or answered.
        allocation: what is to be written into it; None if it has its devices, and is only to be reserved.
        stage: what the call that is under way does: makes it, gives it its finalizer, writes its status, reads it
            again after a conflict, or says in the pod's status which it is.
        tries: how often a conflict came back.
        extended: of a claim that stands for the pod's extended resources, (container, resource, request) of each.
    """

    key: str
    claim: Any
    allocation: Any = None
    stage: Literal["create", "finalizer", "status", "refresh", "note"] = "status"
    tries: int = 0
    extended: tuple[tuple[str, str, str], ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Binding:
    """
    A pod whose claims are written before it is bound.

    Args:
        uid: the pod's.
        node: where it goes.
        steps: what is still to be done; of the first a call is under way.
        done: keys of the claims that are done.
        since: when it began to wait for its devices to be ready to be bound; None while it writes.
        due: when it is to be seen whether they are, as it looks so; None while it does not.
    """

    uid: str
    node: str
    steps: tuple[Step, ...]
    done: tuple[str, ...] = ()
    since: Instant | None = None
    due: Instant | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Decided:
    """
    What is decided about devices, and was not told by a watch yet.

    Args:
        pending: uid of a claim -> its allocation, while that is not written.
        assumed: key of a claim -> the claim as it was answered to a write that the watch has not shown.
        bindings: pods -> what is done for them.
        held: pods that wait for their claims to be there.
    """

    pending: Map[Any] = Map()
    assumed: Map[Any] = Map()
    bindings: Map[Binding] = Map()
    held: tuple[str, ...] = ()


NOTHING_DECIDED: Final = Decided()


def version_of(claim: Any) -> int:
    """Give the version of an object as a number."""
    return int(claim.metadata.resource_version or 0)


def claim_at(devices: Devices, decided: Decided, key: str) -> Any:
    """Give a claim, as the newest that is known; None if there is none."""
    found = devices.claims.get(key, None)
    assumed = decided.assumed.get(key)
    if assumed is None or found is None:
        return found if assumed is None else assumed
    same = assumed.metadata.uid == found.metadata.uid
    return assumed if same and version_of(assumed) > version_of(found) else found


def caught_up(decided: Decided, devices: Devices) -> Decided:
    """Forget the claims that the watch has shown by now as they were answered, or later, or that are gone."""
    kept = Map({key: claim for key, claim in decided.assumed.items() if claim_at(devices, decided, key) is claim})
    return decided if len(kept) == len(decided.assumed) else replace(decided, assumed=kept)


def held_by(claim: Any) -> tuple[Any, ...]:
    """Give what a claim has of devices: the results of its allocation, but for those with the access of an admin."""
    status = claim.status
    allocation = status.allocation if status is not None else None
    return results_of(allocation)


def results_of(allocation: Any) -> tuple[Any, ...]:
    """Give what an allocation takes of devices."""
    if allocation is None or allocation.devices is None:
        return ()
    return tuple([each for each in allocation.devices.results or () if not each.admin_access])


class Holdings:
    """Who has which device, asked device by device."""

    def __init__(self, devices: Devices, decided: Decided) -> None:
        self._claims = devices.claims
        self._newer = dict(decided.assumed)
        self._own: dict[DeviceID, list[Any]] = {}
        fresh = [held_by(claim_at(devices, decided, key)) for key in self._newer]
        for found in (*fresh, *map(results_of, decided.pending.values())):
            for each in found:
                self._own.setdefault((each.driver, each.pool, each.device), []).append(each)
        self._known: dict[DeviceID, tuple[Any, ...]] = {}

    def of(self, device: DeviceID) -> tuple[Any, ...]:
        """Give the results of allocations that have this device."""
        found = self._known.get(device)
        if found is None:
            rows = list(self._own.get(device, ()))
            for key in self._claims.keys_under("device", device):
                if key not in self._newer:
                    rows += [each for each in held_by(self._claims[key]) if _id(each) == device]
            found = self._known[device] = tuple(rows)
        return found


def _id(result: Any) -> DeviceID:
    return result.driver, result.pool, result.device
