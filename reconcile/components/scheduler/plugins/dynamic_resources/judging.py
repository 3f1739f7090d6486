"""
Judging: which nodes are refused for a pod's claims, what the others are worth, and what is taken there.

Source:   the scheduler plugin DynamicResources: PreFilter, Filter, PostFilter, Score.
Left out: resources of nodes that devices bring along (DRANodeAllocatableResources is off by default).
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.scheduler.cache.census import OpenCensus
from reconcile.components.scheduler.cache.devices import Decided, Devices, Holdings
from reconcile.components.scheduler.cache.nodes import Nodes, Room, slots_in
from reconcile.components.scheduler.cache.selection import suited
from reconcile.components.scheduler.cache.wishes import term_of
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.dynamic_resources import extended
from reconcile.components.scheduler.plugins.dynamic_resources.allocating import (
    INVALID,
    InvalidPoolsError,
    Taken,
    allocated,
)
from reconcile.components.scheduler.plugins.dynamic_resources.claims import allocation_of, claims_of, why_barred
from reconcile.components.scheduler.plugins.dynamic_resources.matching import UnallocatableError
from reconcile.components.scheduler.plugins.dynamic_resources.readiness import has_failed
from reconcile.lib.instant import Instant

NAME: Final = "DynamicResources"
UNAVAILABLE: Final = Refusal(NAME, ("resourceclaim not available on the node",), final=True)
UNALLOCATABLE: Final = Refusal(NAME, ("cannot allocate all claims",), final=True)
AMBIGUOUS: Final = Refusal(NAME, (INVALID,), final=True)
FREED: Final = "deallocation of ResourceClaim completed"
DELETED: Final = "deletion of ResourceClaim completed"
STUCK: Final = "still not schedulable"
_MOST_ALTERNATIVES: Final = 8
_BEST: Final = 100


class Wanted:
    """
    What a pod wants of devices in one turn, and what was found for nodes so far.

    Attributes:
        pod: the pod.
        claims: key and claim of each that it names.
        extras: what of its extended resources may be had as devices; None if nothing.
        barred: why no node is looked at; empty if some are.
    """

    def __init__(self, pod: Any, devices: Devices, decided: Decided, now: Instant) -> None:
        self.pod = pod
        self.devices = devices
        self.now = now
        self.claims, self.barred = claims_of(pod, devices, decided)
        self.extras = None if self.barred else extended.extras_of(pod, devices, decided)
        if not self.barred:
            self.barred = why_barred(self.claims, devices, decided)
        self.holdings = Holdings(devices, decided)
        self.unavailable: list[str] = []
        self._found: dict[int, tuple[tuple[Taken, ...], ...] | Refusal] = {}

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to do for the pod's devices."""
        return not self.claims and self.extras is None and not self.barred

    def lacking(self, room: Room) -> tuple[tuple[str, Any], ...]:
        """Give the claims that are to be given devices if the pod goes to a node; one to be made has no key."""
        rows = tuple([each for each in self.claims if allocation_of(each[1]) is None])
        extra = None if self.extras is None else self.extras.claim_on(room)
        return rows if extra is None else (*rows, ("", extra))

    def on(self, slot: int, room: Room) -> tuple[tuple[Taken, ...], ...] | Refusal:
        """Give the devices that each claim that lacks some gets on a node; or why it will not do."""
        found = self._found.get(slot)
        if found is None:
            found = self._found[slot] = self._allocated(room)
        return found

    def _allocated(self, room: Room) -> tuple[tuple[Taken, ...], ...] | Refusal:
        why = None if self.extras is None else self.extras.refusal(room)
        if why is not None:
            return why
        lacking = tuple([claim for _, claim in self.lacking(room)])
        if not lacking:
            return ()
        try:
            found = allocated(lacking, room, self.devices, self.holdings)
        except InvalidPoolsError:
            return AMBIGUOUS
        return UNALLOCATABLE if found is None else found


def refused(wanted: Wanted, nodes: Nodes, left: int, census: OpenCensus) -> list[tuple[Refusal, int]]:
    """
    Tell which of the nodes *left* are refused.

    Raises:
        UnallocatableError: something is wrong with a claim or a class.
    """
    found: dict[Refusal, int] = {}
    unavailable = 0
    for key, claim in wanted.claims:
        if allocation_of(claim) is None:
            continue
        conflict = left & ~_reach(claim, nodes, census)
        if has_failed(claim, wanted.now):
            conflict = left
        if conflict and key not in wanted.unavailable:
            wanted.unavailable.append(key)
        if conflict:
            unavailable |= conflict
    for slot in slots_in(left):
        bit = 1 << slot
        why = wanted.on(slot, nodes.fleet.rooms[slot])
        if isinstance(why, Refusal):
            found[why] = found.get(why, 0) | bit
        elif unavailable & bit:
            found[UNAVAILABLE] = found.get(UNAVAILABLE, 0) | bit
    return sorted(found.items())


def refusal_on(wanted: Wanted, nodes: Nodes, slot: int, census: OpenCensus) -> Refusal | None:
    """Tell why one node will not do; None if it will."""
    try:
        found = refused(wanted, nodes, 1 << slot, census)
    except UnallocatableError as error:
        return Refusal(NAME, (str(error),), final=True)
    return found[0][0] if found else None


def scored(wanted: Wanted, nodes: Nodes, fit: int) -> list[tuple[int, int]] | None:
    """Score nodes by how near to the first the alternatives are that can be had there: 0 to 100 and sets of nodes."""
    if not any(_has_alternatives(claim) for _, claim in wanted.claims):
        return None
    points = {slot: _points(wanted, slot, nodes.fleet.rooms[slot]) for slot in slots_in(fit)}
    most = max(points.values())
    found: dict[int, int] = {}
    for slot, each in points.items():
        score = each * _BEST // most if most else 0
        found[score] = found.get(score, 0) | 1 << slot
    return sorted(found.items())


def _has_alternatives(claim: Any) -> bool:
    asked = claim.spec.devices
    return any(request.first_available for request in (asked.requests if asked is not None else None) or ())


def _points(wanted: Wanted, slot: int, room: Room) -> int:
    found = wanted.on(slot, room)
    assert not isinstance(found, Refusal), "the node will do"
    names = {taken.option.name for rows in found for taken in rows}
    for _, claim in wanted.claims:
        allocation = allocation_of(claim)
        if allocation is not None and allocation.devices is not None:
            names |= {each.request for each in allocation.devices.results or ()}
    return sum(
        [
            _MOST_ALTERNATIVES - place
            for _, claim in wanted.claims
            for request in claim.spec.devices.requests or ()
            for place, each in enumerate(request.first_available or ())
            if f"{request.name}/{each.name}" in names
        ]
    )


def _reach(claim: Any, nodes: Nodes, census: OpenCensus) -> int:
    """Give the nodes on which a claim's devices can be used."""
    selector = allocation_of(claim).node_selector
    if selector is None:
        return nodes.fleet.known
    return suited(tuple([term_of(term) for term in selector.node_selector_terms]), nodes, census)
