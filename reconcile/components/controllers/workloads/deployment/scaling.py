"""
Scaling: how a Deployment shares its replicas among its ReplicaSets. Each decision takes a fleet and gives one.

Takes:    Deployment, Fleet.
Gives:    Fleet; a ReplicaSet that stays as it is stays the same object.
Source:   pkg/controller/deployment: rolling.go, recreate.go, sync.go (scale).
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any

from reconcile.components.controllers.workloads.deployment import notes
from reconcile.components.controllers.workloads.deployment.bounds import desired, is_rolling, least, max_surge
from reconcile.components.controllers.workloads.deployment.fleet import (
    Fleet,
    active,
    available,
    declared,
    keeping,
    newest_first,
    resized,
    scaled,
    standing,
)


def is_scaling(deployment: Any, fleet: Fleet) -> bool:
    """Tell whether the Deployment declares another size than when it last wrote to a ReplicaSet."""
    wanted = desired(deployment)
    for one in fleet.all:
        if one.spec.replicas != 0 and notes.number(one, notes.DESIRED_REPLICAS) not in (None, wanted):
            return True
    return False


def new_size(deployment: Any, fleet: Fleet) -> int:
    """Give the size to which the new ReplicaSet, which may not exist yet, can grow at once."""
    wanted = desired(deployment)
    size = 0 if fleet.new is None else desired(fleet.new)
    if not is_rolling(deployment):
        return wanted
    room = wanted + max_surge(deployment) - standing(fleet.all)
    return size if room <= 0 else size + min(room, wanted - size)


def rolled(deployment: Any, fleet: Fleet) -> Fleet:
    """Go one step of a rolling update: let the new one grow if there is room, else let old ones shrink."""
    grown = _new_rolled(deployment, fleet)
    return grown if grown is not fleet else _olds_rolled(deployment, fleet)


def _new_rolled(deployment: Any, fleet: Fleet) -> Fleet:
    wanted, new = desired(deployment), fleet.new
    size = desired(new)
    if size == wanted:
        return fleet
    to = wanted if size > wanted else new_size(deployment, fleet)
    return fleet if to == size else Fleet(scaled(deployment, new, to), fleet.olds)


def _olds_rolled(deployment: Any, fleet: Fleet) -> Fleet:
    old_size = declared(fleet.olds)
    if not old_size:
        return fleet
    needed = least(deployment)
    most = old_size + available(fleet.new) - needed  # what is declared of the new one, but not available, is waited for
    if most <= 0:
        return fleet
    cleaned = _unhealthy_cleaned(deployment, fleet.olds, most)
    spare = sum([keeping(one) for one in (*fleet.olds, fleet.new)]) - needed
    olds = _shrunk(deployment, cleaned, spare)
    return fleet if olds is fleet.olds else Fleet(fleet.new, olds)


def _unhealthy_cleaned(deployment: Any, olds: tuple[Any, ...], most: int) -> tuple[Any, ...]:
    """Take away up to *most* old pods that are not available: nobody misses them."""
    kept: list[Any] = []
    for one in olds:
        gone = max(min(most, desired(one) - available(one)), 0)
        most -= gone
        kept.append(scaled(deployment, one, desired(one) - gone) if gone else one)
    return olds if all(map(_same, kept, olds)) else tuple(kept)


def _shrunk(deployment: Any, olds: tuple[Any, ...], spare: int) -> tuple[Any, ...]:
    """Take away up to *spare* old pods that are available, of the oldest first."""
    kept: list[Any] = []
    for one in olds:
        gone = max(min(spare, desired(one)), 0)
        spare -= gone
        kept.append(scaled(deployment, one, desired(one) - gone) if gone else one)
    return olds if all(map(_same, kept, olds)) else tuple(kept)


def emptied(deployment: Any, fleet: Fleet) -> Fleet:
    """Let every old one go: what a Deployment that recreates does first."""
    olds = tuple([scaled(deployment, one, 0) for one in fleet.olds])
    return fleet if all(map(_same, olds, fleet.olds)) else Fleet(fleet.new, olds)


def grown(deployment: Any, fleet: Fleet) -> Fleet:
    """Let the new one have all: what a Deployment that recreates does last."""
    new = scaled(deployment, fleet.new, desired(deployment))
    return fleet if new is fleet.new else Fleet(new, fleet.olds)


def shared(deployment: Any, fleet: Fleet) -> Fleet:
    """Bring the fleet to another size: its one active member, or in proportion if a rollout is under way."""
    wanted = desired(deployment)
    one = _only(fleet)
    if one is not None:
        return _with(fleet, {one.metadata.name: resized(deployment, one, wanted)})
    if _is_saturated(deployment, fleet.new):
        return emptied(deployment, fleet)
    if not is_rolling(deployment):
        return fleet
    members = active(fleet.all)
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    more = allowed - declared(members)
    sizes = _proportional(deployment, _by_size(members, newer_first=more > 0), more)
    return _with(fleet, {one.metadata.name: resized(deployment, one, size) for one, size in sizes})


def _only(fleet: Fleet) -> Any:
    """Give the one active ReplicaSet; if none is, the new one, or the newest; None if there are several or none."""
    members = active(fleet.all)
    if len(members) > 1:
        return None
    if members:
        return members[0]
    if fleet.new is not None:
        return fleet.new
    return newest_first(fleet.olds)[0] if fleet.olds else None


def _is_saturated(deployment: Any, one: Any) -> bool:
    if one is None:
        return False
    wanted = desired(deployment)
    known = notes.number(one, notes.DESIRED_REPLICAS)
    return desired(one) == wanted and known == wanted and available(one) == wanted


def _by_size(members: tuple[Any, ...], *, newer_first: bool) -> list[Any]:
    """Sort the largest first; of the same size the newest or the oldest, whichever is to be changed most."""
    by_age = newest_first(members)
    if not newer_first:
        by_age.reverse()
    return sorted(by_age, key=desired, reverse=True)


def _proportional(deployment: Any, members: list[Any], more: int) -> list[tuple[Any, int]]:
    """Share *more* pods (fewer, if it is negative) in proportion to sizes; the first member takes what is left over."""
    sizes: list[int] = []
    added = 0
    for one in members:
        share = _share(deployment, one, more, added) if more else 0
        added += share
        sizes.append(desired(one) + share)
    if more and sizes:
        sizes[0] = max(sizes[0] + more - added, 0)
    return list(zip(members, sizes, strict=True))


def _share(deployment: Any, one: Any, more: int, added: int) -> int:
    if more == added:
        return 0
    fraction = _fraction(deployment, one)
    return min(fraction, more - added) if more > 0 else max(fraction, more - added)


def _fraction(deployment: Any, one: Any) -> int:
    """Give by how much a ReplicaSet is to grow to keep its part of the whole; halves are rounded away from 0."""
    size, wanted = desired(one), desired(deployment)
    if not wanted:
        return -size
    before = notes.number(one, notes.MAX_REPLICAS) or 0
    if before <= 0:
        before = (deployment.status.replicas or 0) if deployment.status else 0
    if before <= 0:
        return 0
    return (2 * size * (wanted + max_surge(deployment)) + before) // (2 * before) - size


def _with(fleet: Fleet, changed: dict[str, Any]) -> Fleet:
    new = fleet.new if fleet.new is None else changed.get(fleet.new.metadata.name, fleet.new)
    olds = tuple([changed.get(one.metadata.name, one) for one in fleet.olds])
    return Fleet(new, olds)


def _same(one: Any, other: Any) -> bool:
    return one is other
