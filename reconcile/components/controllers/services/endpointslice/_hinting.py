"""
Hints by zone: a service whose annotation asks for it has its endpoints shared among the zones, as processors are.

An endpoint is hinted for its own zone, unless that has too many; where no sharing keeps every endpoint from more than a
fifth above its part, or too little is known of nodes and endpoints, there are no hints, and an event says why.

Takes:    the slices of one address type, as they are to be; what is known of nodes.
Gives:    the same slices with hints; events.
Source:   k8s.io/endpointslice/topologycache: topologycache.go, utils.go, sliceinfo.go.
Left out: where zones are alike the first by name is taken, upstream leaves it to chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api import discovery_v1
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.conditions import is_true

ZONE: Final = "topology.kubernetes.io/zone"
_MODES: Final = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode")
_EXCLUDED: Final = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_OVERLOAD: Final = 0.2  # so much more than its part may come to an endpoint
_HALF: Final = 0.5

_NO_NODES: Final = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
_FEW: Final = "Insufficient number of endpoints"
_OVER: Final = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
_NO_ZONE: Final = "One or more endpoints do not have a zone specified"

Ratios: TypeAlias = tuple[tuple[str, float], ...]
"""Each zone's part of the processors of all nodes, by name; () if that is not known, or there is one zone only."""

Slices: TypeAlias = list[discovery_v1.EndpointSlice]
Told: TypeAlias = tuple[Literal["Normal", "Warning"], str, str]
"""An event: its type, reason and message."""


@quick
@attrs.frozen(weakref_slot=False)
class Hinted:
    """
    The hints that a service was given.

    Args:
        counts: (address type, (zone, how many endpoints are hinted for it)).
        told: that it has them, and since then nothing else.
    """

    counts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    told: bool = False

    def without(self, address_type: str) -> Hinted:
        """Give it without the hints of one address type."""
        return Hinted(tuple([pair for pair in self.counts if pair[0] != address_type]))

    def having(self, address_type: str, counts: dict[str, int]) -> Hinted:
        """Give it with these counts for an address type."""
        others = [pair for pair in self.counts if pair[0] != address_type]
        return Hinted(tuple(sorted([*others, (address_type, tuple(sorted(counts.items())))])), told=True)


@quick
@attrs.frozen(weakref_slot=False)
class _Part:
    """How many endpoints a zone is to have: at least, at most, and best."""

    least: int
    most: int
    best: float


def asks(service: Any) -> bool:
    """Tell whether a service is to have hints by zone."""
    annotations = service.metadata.annotations
    if not annotations:
        return False
    mode = next((annotations[name] for name in _MODES if name in annotations), "")
    return mode in ("Auto", "auto")


def ratios(nodes: Table[str, Any]) -> Ratios:
    """Give each zone's part of the processors; of the control plane's nodes, and those that are not ready, none."""
    zones: dict[str, int] = {}
    for node in nodes.values():
        labels, status = node.metadata.labels or {}, node.status
        if any(name in labels for name in _EXCLUDED) or status is None or not is_true(status.conditions, "Ready"):
            continue
        zone, cpu = labels.get(ZONE), (status.allocatable or {}).get("cpu")
        if not zone or cpu is None or not cpu.nanos:
            return ()
        zones[zone] = zones.get(zone, 0) + -(-cpu.nanos // 1_000_000)
    total = sum(zones.values())
    return tuple([(zone, zones[zone] / total) for zone in sorted(zones)]) if len(zones) > 1 else ()


def matters(old: Any, new: Any) -> bool:
    """Tell whether a node's change can alter what its zone has: it comes or goes, is ready or not, or moves."""
    if old is None or new is None:
        return True
    labels, others = old.metadata.labels, new.metadata.labels
    if labels is not others and (labels or {}).get(ZONE) != (others or {}).get(ZONE):
        return True
    before, after = old.status and old.status.conditions, new.status and new.status.conditions
    return before is not after and is_true(before, "Ready") is not is_true(after, "Ready")


def overloaded(hinted: Hinted, zones: Ratios) -> bool:
    """Tell whether in some zone too few endpoints are hinted for it, as its nodes are now."""
    for _, counts in hinted.counts:
        if counts and not zones:
            return True
        total, found = sum([count for _, count in counts]), dict(counts)
        if counts and any(zone not in found or found[zone] < _least(total, ratio) for zone, ratio in zones):
            return True
    return False


def hint(
    address_type: str, writes: tuple[Slices, Slices], kept: Slices, zones: Ratios, hinted: Hinted
) -> tuple[Slices, Slices, Hinted, Told | None]:
    """
    Give the slices of one address type their hints.

    Args:
        address_type: theirs.
        writes: those to be created, and those to be updated.
        kept: those that would stay as they are.
        zones: as `ratios` gives them.
        hinted: the service's hints so far.

    Returns:
        What is to be created and updated, with hints; the service's hints; what is to be told.
    """
    creates, updates = writes
    ready = sum([_is_ready(endpoint) for slice_ in (*creates, *updates, *kept) for endpoint in slice_.endpoints or ()])
    parts = _parts(ready, zones)
    if isinstance(parts, str):
        return _refused(address_type, (creates, updates), kept, hinted, parts)
    counts: dict[str, int] = {}
    invalid = []
    for slice_ in kept:
        found = _valid(slice_, counts, parts)
        if found is None:
            invalid.append(slice_)
        else:
            for zone, count in found.items():
                counts[zone] = counts.get(zone, 0) + count
    slices = [*creates, *updates, *invalid]
    endpoints = [list(slice_.endpoints or ()) for slice_ in slices]
    if any(_is_ready(endpoint) and not endpoint.zone for row in endpoints for endpoint in row):
        return _refused(address_type, (creates, updates), kept, hinted, _NO_ZONE)
    for row in endpoints:
        for place, endpoint in enumerate(row):
            if _is_ready(endpoint):
                counts[endpoint.zone or ""] = counts.get(endpoint.zone or "", 0) + 1
                row[place] = _for_zone(endpoint, endpoint.zone or "")
    _redistribute(endpoints, counts, *_givers_and_takers(parts, counts))
    done = [replace(slice_, endpoints=tuple(row)) for slice_, row in zip(slices, endpoints, strict=True)]
    said = f"Topology Aware Hints has been enabled, addressType: {address_type}"
    told: Told | None = None if hinted.told else ("Normal", "TopologyAwareHintsEnabled", said)
    return done[: len(creates)], done[len(creates) :], hinted.having(address_type, counts), told


def unhinted(service: Any, address_types: Sequence[str], hinted: Hinted) -> list[Told]:
    """Give what is told of a service that had hints and asks for none any more."""
    if not hinted.told or asks(service):
        return []
    said = f"Topology Aware Hints has been disabled, addressType: {address_types[0]}"
    return [("Warning", "TopologyAwareHintsDisabled", said)]


def bare(slice_: discovery_v1.EndpointSlice) -> discovery_v1.EndpointSlice:
    """Give a slice without hints."""
    if all(endpoint.hints is None for endpoint in slice_.endpoints or ()):
        return slice_
    return replace(slice_, endpoints=tuple([replace(endpoint, hints=None) for endpoint in slice_.endpoints or ()]))


def _refused(
    address_type: str, writes: tuple[Slices, Slices], kept: Slices, hinted: Hinted, why: str
) -> tuple[Slices, Slices, Hinted, Told | None]:
    """Take all hints away."""
    creates, updates = [[bare(slice_) for slice_ in slices] for slices in writes]
    stripped = [(slice_, bare(slice_)) for slice_ in kept]
    updates += [after for before, after in stripped if after is not before]
    told: Told = ("Warning", "TopologyAwareHintsDisabled", f"{why}, addressType: {address_type}")
    return creates, updates, hinted.without(address_type), told


def _parts(count: int, zones: Ratios) -> dict[str, _Part] | str:
    """Give what each zone is to have of so many endpoints, or say why that cannot be."""
    if not zones:
        return _NO_NODES
    if len(zones) > count:
        return f"{_FEW} ({count} endpoints, {len(zones)} zones)"
    least = {zone: _least(count, ratio) for zone, ratio in zones}
    spare = count - sum(least.values())
    if spare < 0:
        return f"{_OVER} ({count} endpoints, {len(zones)} zones)"
    return {zone: _Part(least[zone], least[zone] + spare, max(ratio * count, least[zone])) for zone, ratio in zones}


def _least(count: int, ratio: float) -> int:
    return math.ceil(ratio * count * (1 / (1 + _OVERLOAD)))


def _valid(
    slice_: discovery_v1.EndpointSlice, counts: dict[str, int], parts: dict[str, _Part]
) -> dict[str, int] | None:
    """Give for how many endpoints of a slice that stays each zone is hinted; None if its hints will not do."""
    found: dict[str, int] = {}
    for endpoint in slice_.endpoints or ():
        if not _is_ready(endpoint):
            continue
        if endpoint.hints is None or not endpoint.hints.for_zones:
            return None
        for each in endpoint.hints.for_zones:
            if each.name not in parts:
                return None
            found[each.name] = found.get(each.name, 0) + 1
    if any(count + counts.get(zone, 0) > parts[zone].most for zone, count in found.items()):
        return None
    return found


def _givers_and_takers(parts: dict[str, _Part], counts: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Give how many endpoints each zone gives to others, and how many each takes from others."""
    more = {zone: counts.get(zone, 0) - part.best for zone, part in parts.items()}
    surplus = {zone: by for zone, by in more.items() if by > 0}
    lack = {zone: -by for zone, by in more.items() if by < 0}
    gives: dict[str, int] = {}
    takes: dict[str, int] = {}
    while surplus and lack:
        giver, taker = max(surplus, key=surplus.__getitem__), max(lack, key=lack.__getitem__)
        most, least = max(surplus[giver], lack[taker]), min(surplus[giver], lack[taker])
        if most < 1 or least < _HALF:
            break
        gives[giver] = gives.get(giver, 0) + 1
        takes[taker] = takes.get(taker, 0) + 1
        surplus[giver] -= 1
        lack[taker] -= 1
    return gives, takes


def _redistribute(
    endpoints: list[list[discovery_v1.Endpoint]], counts: dict[str, int], gives: dict[str, int], takes: dict[str, int]
) -> None:
    """Hint endpoints of zones that give for zones that take, in *endpoints* and *counts*."""
    for row in endpoints:
        for place, endpoint in enumerate(row):
            zone = endpoint.zone or ""
            if not takes or not _is_ready(endpoint) or not gives.get(zone):
                continue
            taker = next(iter(sorted(takes)))
            row[place] = _for_zone(endpoint, taker)
            gives[zone] -= 1
            takes[taker] -= 1
            if not takes[taker]:
                del takes[taker]
            counts[zone] -= 1
            counts[taker] = counts.get(taker, 0) + 1


def _for_zone(endpoint: discovery_v1.Endpoint, zone: str) -> discovery_v1.Endpoint:
    return replace(endpoint, hints=discovery_v1.EndpointHints(for_zones=(discovery_v1.ForZone(name=zone),)))


def _is_ready(endpoint: discovery_v1.Endpoint) -> bool:
    return endpoint.conditions is not None and endpoint.conditions.ready is True
