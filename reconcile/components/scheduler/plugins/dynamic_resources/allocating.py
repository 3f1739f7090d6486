"""
Allocating: devices for all requests of all claims of a pod, on one node.

Request after request is given device after device, and where that leads nowhere the last one is given back: the first
full solution is taken. Pools, slices and devices are tried by name, so which devices a pod gets is no chance.

Takes:    the claims of a pod that have no devices yet, a node, what there is and who has it.
Gives:    for each claim the devices that it gets; None if the node has not enough.
Source:   k8s.io/dynamic-resource-allocation/structured: Allocate, allocateOne, allocateDevice.
Left out: the timeout of the search on a node (DynamicResourcesArgs.filterTimeout).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from reconcile.api.quantity import Quantity
from reconcile.components.scheduler.cache.devices import DeviceID, Devices, Holdings
from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.plugins.dynamic_resources import capacities
from reconcile.components.scheduler.plugins.dynamic_resources.constraints import Constraint
from reconcile.components.scheduler.plugins.dynamic_resources.matching import UnallocatableError, is_closed
from reconcile.components.scheduler.plugins.dynamic_resources.pools import Offer, Pool, gathered
from reconcile.components.scheduler.plugins.dynamic_resources.requests import Option, is_wanted, options_of

MOST_RESULTS: Final = 32
INVALID: Final = "invalid resource pools were encountered"


class Taken(NamedTuple):
    """A device that a request gets; *share* is what it takes of one that others may have as well."""

    option: Option
    offer: Offer
    share: dict[str, Quantity] | None = None


class InvalidPoolsError(Exception):
    """Nothing was found, and a pool whose slices contradict each other could have been why."""


class _TooManyError(Exception):
    """More devices than a claim's status holds."""


def allocated(
    claims: tuple[Any, ...], room: Room, devices: Devices, holdings: Holdings
) -> tuple[tuple[Taken, ...], ...] | None:
    """
    Give the devices that each claim gets on a node; None if they cannot be had there.

    Raises:
        UnallocatableError: something is wrong with a claim or a class.
        InvalidPoolsError: nothing was found, and some pool is invalid.
    """
    pools = gathered(devices.slices, room)
    search = _Search(room, pools, holdings)
    for claim in claims:
        search.add(claim, options_of(claim, devices.classes))
    try:
        done = search.claim(0)
    except _TooManyError:
        done = False
    if not done and any(pool.fault == "invalid" for pool in pools):
        raise InvalidPoolsError
    return tuple([tuple(taken) for taken in search.taken]) if done else None


class _Search:
    """What is tried at this moment."""

    def __init__(self, room: Room, pools: list[Pool], holdings: Holdings) -> None:
        self.taken: list[list[Taken]] = []
        self._room = room
        self._pools = pools
        self._offers = [offer for pool in pools for offer in pool.offers() if not pool.fault]
        self._holdings = holdings
        self._requests: list[tuple[tuple[Option, ...], ...]] = []
        self._constraints: list[list[Constraint]] = []
        self._alls: dict[tuple[int, str], list[Offer]] = {}
        self._wanted: dict[tuple[int, str, DeviceID], bool] = {}
        self._in_use: dict[DeviceID, list[int]] = {}
        self._shares: dict[DeviceID, list[dict[str, Quantity]]] = {}
        self._counters: dict[tuple[str, str], dict[tuple[str, str], int]] = {}

    def add(self, claim: Any, requests: tuple[tuple[Option, ...], ...]) -> None:
        """Take one more claim up."""
        place = len(self._requests)
        least = 0
        for options in requests:
            counts = [self._count(place, option) for option in options]
            least += min(counts)
        key = f"{claim.metadata.namespace}/{claim.metadata.name}"
        if least > MOST_RESULTS:
            said = f"number of requested devices {least} exceeds the claim limit of {MOST_RESULTS}"
            raise UnallocatableError(f"claim {key}: {said}")
        asked = claim.spec.devices
        self._requests.append(requests)
        self._constraints.append(
            [Constraint(each) for each in (asked.constraints if asked is not None else None) or ()]
        )
        self.taken.append([])

    def claim(self, place: int) -> bool:
        """Give the claims from *place* on their devices."""
        return place >= len(self._requests) or self._request(place, 0)

    def _count(self, place: int, option: Option) -> int:
        if not option.all:
            return option.wanted
        for pool in self._pools:
            if pool.fault:
                state = "being updated" if pool.fault == "incomplete" else "invalid"
                said = f"asks for all devices, but resource pool {pool.driver}/{pool.name} is currently {state}"
                raise UnallocatableError(f"claim {option.claim}, request {option.own_name}: {said}")
        found = [offer for offer in self._offers if self._is_wanted(place, option, offer)]
        self._alls[place, option.name] = [
            offer for offer in found if capacities.suffices(offer.device, option.capacity, self._amounts(offer.id))
        ]
        return len(self._alls[place, option.name])

    def _is_wanted(self, place: int, option: Option, offer: Offer) -> bool:
        key = (place, option.name, offer.id)
        found = self._wanted.get(key)
        if found is None:
            found = self._wanted[key] = is_wanted(option, offer, self._room)
        return found

    def _request(self, claim: int, request: int) -> bool:
        requests = self._requests[claim]
        if request >= len(requests):
            try:
                return self.claim(claim + 1)
            except _TooManyError:
                return False  # other devices for this claim may leave room for fewer of the next
        options = requests[request]
        if not options[0].sub_request:
            return self._devices(claim, request, options[0], 0, 0)
        exceeded = True
        for option in options:
            try:
                if self._devices(claim, request, option, 0, 0):
                    return True
            except _TooManyError:
                continue
            exceeded = False
        if exceeded:
            raise _TooManyError
        return False

    def _devices(self, claim: int, request: int, option: Option, number: int, start: int) -> bool:
        """Give a request its device *number* and all that follow, from the offer *start* on."""
        everything = self._alls.get((claim, option.name)) if option.all else None
        wanted = option.wanted if everything is None else len(everything)
        if everything is not None and not everything:
            return False
        if number >= wanted:
            return self._request(claim, request + 1)
        if len(self.taken[claim]) + wanted - number > MOST_RESULTS:
            raise _TooManyError
        if everything is not None:
            return self._tried(claim, request, option, number, everything[number], after=0, must=True)
        for place in range(start, len(self._offers)):
            offer = self._offers[place]
            if not self._is_free(claim, option, offer.id) or not self._is_wanted(claim, option, offer):
                continue
            if self._tried(claim, request, option, number, offer, after=place + 1):
                return True
        return False

    def _tried(
        self, claim: int, request: int, option: Option, number: int, offer: Offer, *, after: int, must: bool = False
    ) -> bool:
        """Take a device and go on; give it back if that leads nowhere."""
        shared = bool(offer.device.allow_multiple_allocations)
        if not self._is_free(claim, option, offer.id) and not (shared and option.admin):
            return False
        if not capacities.suffices(offer.device, option.capacity, self._amounts(offer.id)):
            return False
        counted = bool(offer.device.consumes_counters) and not (shared and self._is_shared(offer.id))
        if counted and not self._counts(offer):
            return False
        if is_closed(offer.device, option.tolerations) or not self._constrained(claim, option, offer, must=must):
            if counted:
                self._uncount(offer)
            return False
        share = capacities.consumed(offer.device, option.capacity) if shared else None
        if share is None:
            self._in_use.setdefault(offer.id, []).append(claim)
        else:
            self._shares.setdefault(offer.id, []).append(share)
        self.taken[claim].append(Taken(option, offer, share))
        done = False
        try:
            done = self._devices(claim, request, option, number + 1, after)
        finally:
            if not done:
                self.taken[claim].pop()
                (self._in_use if share is None else self._shares)[offer.id].pop()
                for constraint in reversed(self._constraints[claim]):
                    constraint.removed(option.request, option.sub_request)
                if counted:
                    self._uncount(offer)
        return done

    def _constrained(self, claim: int, option: Option, offer: Offer, *, must: bool) -> bool:
        added: list[Constraint] = []
        for constraint in self._constraints[claim]:
            if not constraint.added(option.request, option.sub_request, offer):
                for each in reversed(added):
                    each.removed(option.request, option.sub_request)
                if must:
                    device = "/".join(offer.id)
                    said = f"cannot add device {device} because a claim constraint would not be satisfied"
                    raise UnallocatableError(f"claim {option.claim}, request {option.own_name}: {said}")
                return False
            added.append(constraint)
        return True

    # Who has what ----------------------------------------------------------------------------------------------------

    def _is_free(self, claim: int, option: Option, device: DeviceID) -> bool:
        mine = self._in_use.get(device, [])
        if option.admin:
            return claim not in mine
        return not mine and not any(not each.share_id for each in self._holdings.of(device))

    def _is_shared(self, device: DeviceID) -> bool:
        return bool(self._shares.get(device)) or any(each.consumed_capacity for each in self._holdings.of(device))

    def _amounts(self, device: DeviceID) -> dict[str, int]:
        """Give what is taken of a device's capacities, in billionths."""
        found: dict[str, int] = {}
        held = [each.consumed_capacity or {} for each in self._holdings.of(device) if each.share_id]
        for taken in (*held, *self._shares.get(device, ())):
            for name, amount in taken.items():
                found[name] = found.get(name, 0) + amount.nanos
        return found

    # Counters --------------------------------------------------------------------------------------------------------

    def _counts(self, offer: Offer) -> bool:
        """Take a device's counters, if there are enough of them."""
        left = self._left(offer.pool)
        self._move(offer, -1)
        if all(amount >= 0 for amount in left.values()):
            return True
        self._move(offer, 1)
        return False

    def _uncount(self, offer: Offer) -> None:
        self._move(offer, 1)

    def _move(self, offer: Offer, sign: int) -> None:
        left = self._left(offer.pool)
        for used in offer.device.consumes_counters:
            for name, counter in used.counters.items():
                left[used.counter_set, name] += sign * counter.value.nanos

    def _left(self, pool: Pool) -> dict[tuple[str, str], int]:
        """Give what is left of a pool's counters."""
        key = (pool.driver, pool.name)
        found = self._counters.get(key)
        if found is None:
            found = {(group, name): amount for group, rows in pool.counters.items() for name, amount in rows.items()}
            for each in (*pool.slices, *pool.elsewhere):
                for device in each.spec.devices or ():
                    if not device.consumes_counters or not self._holdings.of((*key, device.name)):
                        continue
                    for used in device.consumes_counters:
                        for name, counter in used.counters.items():
                            found[used.counter_set, name] -= counter.value.nanos
            self._counters[key] = found
        return found
