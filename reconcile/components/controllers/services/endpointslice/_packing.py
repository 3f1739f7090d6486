"""
Packing: how the endpoints that are wanted go into slices, with as few writes as can be.

What stays, stays where it is. A slice that must be written anyway takes in new endpoints; if that is not enough, the
fullest slice that can take all the rest does; then new slices are made. Slices are never balanced: a hole is filled
when something else changes.

Takes:    slices as they are, the endpoints wanted.
Gives:    slices to create, update, delete.
Source:   k8s.io/endpointslice/reconciler.go: reconcileByPortMapping, finalize.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import discovery_v1
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace

MOST_ENDPOINTS: Final = 100

Endpoints = tuple[discovery_v1.Endpoint, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Packed:
    """
    What is to be done to the slices of one address type and one set of ports.

    Args:
        creates: the endpoints of each new slice.
        updates: slices with what they are to have.
        deletes: slices that have nothing left.
        kept: slices that stay as they are.
    """

    creates: tuple[Endpoints, ...] = ()
    updates: tuple[discovery_v1.EndpointSlice, ...] = ()
    deletes: tuple[discovery_v1.EndpointSlice, ...] = ()
    kept: tuple[discovery_v1.EndpointSlice, ...] = ()


def pack(
    existing: tuple[discovery_v1.EndpointSlice, ...],
    wanted: dict[Any, discovery_v1.Endpoint],
    stale: tuple[discovery_v1.EndpointSlice, ...] = (),
) -> Packed:
    """
    Give the writes that bring *existing* to hold exactly *wanted*.

    Args:
        existing: slices of one address type and one set of ports.
        wanted: the endpoints to be, by `identity`.
        stale: those of *existing* whose labels must be written anyway.
    """
    rest = dict(wanted)
    kept: list[discovery_v1.EndpointSlice] = []
    changed: list[tuple[discovery_v1.EndpointSlice, list[discovery_v1.Endpoint]]] = []
    deletes: list[discovery_v1.EndpointSlice] = []
    for slice_ in existing:
        stays, same = _staying(slice_, rest)
        if same and slice_ not in stale:
            kept.append(slice_)
        elif stays:
            changed.append((slice_, stays))
        else:
            deletes.append(slice_)
    left = list(rest.values())
    # Fuller ones first, so that few slices are full rather than many half full.
    for _, stays in sorted(changed, key=lambda change: -len(change[1])):
        room = MOST_ENDPOINTS - len(stays)
        stays.extend(left[:room])
        left = left[room:]
    creates = []
    while left:
        filled = _fullest_with_room(kept, len(left)) if len(left) < MOST_ENDPOINTS else None
        if filled is not None:
            kept.remove(filled)
            changed.append((filled, [*(filled.endpoints or ()), *left]))
            break
        creates.append(tuple(left[:MOST_ENDPOINTS]))
        left = left[MOST_ENDPOINTS:]
    updates = [replace(slice_, endpoints=tuple(stays)) for slice_, stays in changed]
    return Packed(tuple(creates), tuple(updates), tuple(deletes), tuple(kept))


def identity(endpoint: discovery_v1.Endpoint) -> Any:
    """Give what makes an endpoint the same one although its conditions change: its pod's uid."""
    target = endpoint.target_ref
    return endpoint.addresses if target is None else target.uid


def _staying(
    slice_: discovery_v1.EndpointSlice, rest: dict[Any, discovery_v1.Endpoint]
) -> tuple[list[discovery_v1.Endpoint], bool]:
    """Take out of *rest* what the slice has; tell whether it has exactly that, unchanged."""
    stays, same = [], True
    for endpoint in slice_.endpoints or ():
        found = rest.pop(identity(endpoint), None)
        if found is None:
            same = False
        elif found is endpoint or found == endpoint:
            stays.append(endpoint)
        else:
            stays.append(found)
            same = False
    return stays, same


def _fullest_with_room(kept: list[discovery_v1.EndpointSlice], count: int) -> discovery_v1.EndpointSlice | None:
    best = None
    for slice_ in kept:
        size = len(slice_.endpoints or ())
        if size + count <= MOST_ENDPOINTS and (best is None or size > len(best.endpoints or ())):
            best = slice_
    return best
