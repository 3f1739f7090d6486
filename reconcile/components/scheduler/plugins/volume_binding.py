"""
VolumeBinding: a pod goes where its volumes are, or where they can be had.

A claim that is bound ties the pod to the nodes that reach its volume. One that waits for its first pod is matched with
volumes that there are, the smallest that is enough, or is to be provisioned; both may depend on the node. What is
decided is written before the pod is bound: `bindings`.

Source:   the scheduler plugin VolumeBinding; component-helpers FindMatchingVolume.
Left out: in-tree volumes that would be translated to a CSI driver's; scores (StorageCapacityScoring is off in 1.36).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from reconcile.components.scheduler.cache.census import OpenCensus
from reconcile.components.scheduler.cache.nodes import Nodes, slots_in
from reconcile.components.scheduler.cache.selection import suited
from reconcile.components.scheduler.cache.storage import (
    NO_PROVISIONER,
    Reserved,
    class_of,
    fully_bound,
    is_bound_to,
    is_delayed,
    reaches,
    selected_node,
    size_asked,
)
from reconcile.components.scheduler.cache.traits import Mounts
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.model import selectors

NAME: Final = "VolumeBinding"
CONFLICT: Final = "node(s) didn't match PersistentVolume's node affinity"
UNAVAILABLE: Final = "node(s) didn't find available persistent volumes to bind"
NO_SPACE: Final = "node(s) did not have enough free storage"
NO_VOLUME: Final = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
IMMEDIATE: Final = "pod has unbound immediate PersistentVolumeClaims"


class Plan(NamedTuple):
    """
    What is to be written before a pod can be bound to a node.

    Args:
        static: (volume, claim) pairs that are to be bound to each other.
        provisions: claims that a volume is to be made for.
        claims: every claim that the pod waits for.
    """

    static: tuple[tuple[str, str], ...] = ()
    provisions: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


def barred(pod: Any, mounts: Mounts, views: Views) -> str | None:
    """Say what is wrong with the pod's claims, wherever it goes; None if nothing is."""
    for key in mounts.claims:
        claim = views.claims.get(key, None)
        name = key.partition("/")[2]
        if claim is None:
            if key in mounts.ephemeral:
                return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
            return f'persistentvolumeclaim "{name}" not found'
        if claim.status is not None and claim.status.phase == "Lost":
            lost = claim.spec.volume_name or ""
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{lost}"'
        if claim.metadata.deletion_timestamp is not None:
            return f'persistentvolumeclaim "{name}" is being deleted'
        if key in mounts.ephemeral and not _made_for(pod, claim):
            owner = f"{pod.metadata.namespace}/{pod.metadata.name}"
            return f"PVC {key} was not created for pod {owner} (pod is not owner)"
    if any(not fully_bound(claim) and not _waits(claim, views) for claim in _claims(mounts, views)):
        return IMMEDIATE
    return None


def refused(
    mounts: Mounts, nodes: Nodes, left: int, views: Views, *, census: OpenCensus, reserved: Reserved
) -> list[tuple[Refusal, int]]:
    """Tell which of the nodes *left* are refused, by all the reasons that each has."""
    conflict, lost = _bound(mounts, nodes, views, census)
    if lost:
        conflict_bits, lost_bits = left & conflict, left & ~conflict
    else:
        conflict_bits, lost_bits = left & conflict, 0
    reasons: dict[tuple[str, ...], int] = {}
    for why, members in _unbound(mounts, nodes, left, views, census=census, reserved=reserved):
        for group, words in (
            (members & conflict_bits, (CONFLICT, *why)),
            (members & lost_bits, (*why, NO_VOLUME)),
            (members & ~conflict_bits & ~lost_bits, why),
        ):
            if group and words:
                reasons[words] = reasons.get(words, 0) | group
    return [(Refusal(NAME, words, final=True), members) for words, members in sorted(reasons.items())]


def planned(
    mounts: Mounts, nodes: Nodes, slot: int, views: Views, *, census: OpenCensus, reserved: Reserved
) -> Plan | None:
    """Say what is to be done for the pod's volumes if it goes to this node; None if all is done."""
    if all(fully_bound(claim) for claim in _claims(mounts, views)):
        return None
    delayed = _delayed(mounts, views)
    name = nodes.fleet.names[slot]
    chosen, rest, provisions = _sorted_out(delayed, name, views, reserved)
    if chosen is None:
        return Plan(claims=mounts.claims)
    reach = _reachable(views, census, nodes)
    static, unmatched = _matched(rest, views, reserved, lambda key: bool(reach(key) >> slot & 1))
    return Plan(tuple(static), (*provisions, *[key for key, _ in unmatched]), mounts.claims)


def _made_for(pod: Any, claim: Any) -> bool:
    return any(each.controller and each.uid == pod.metadata.uid for each in claim.metadata.owner_references or ())


def _claims(mounts: Mounts, views: Views) -> list[Any]:
    return [views.claims[key] for key in mounts.claims]


def _waits(claim: Any, views: Views) -> bool:
    return not claim.spec.volume_name and is_delayed(claim, views)


def _delayed(mounts: Mounts, views: Views) -> list[tuple[str, Any]]:
    return [(key, views.claims[key]) for key in mounts.claims if not fully_bound(views.claims[key])]


def _bound(mounts: Mounts, nodes: Nodes, views: Views, census: OpenCensus) -> tuple[int, bool]:
    """Give the nodes that do not reach a bound volume, and whether one of the volumes is gone."""
    conflict = 0
    for claim in _claims(mounts, views):
        if not fully_bound(claim):
            continue
        volume = views.volumes.get(claim.spec.volume_name, None)
        if volume is None:
            return conflict, True
        terms = reaches(volume)
        if terms is not None:
            conflict |= nodes.fleet.known & ~suited(terms, nodes, census)
    return conflict, False


def _unbound(
    mounts: Mounts, nodes: Nodes, left: int, views: Views, *, census: OpenCensus, reserved: Reserved
) -> list[tuple[tuple[str, ...], int]]:
    """Sort the nodes by why claims that wait cannot be had there; () for where they can."""
    delayed = _delayed(mounts, views)
    if not delayed:
        return [((), left)]
    wanted = {node for node in [selected_node(key, claim, reserved) for key, claim in delayed] if node is not None}
    found: dict[tuple[str, ...], int] = {}
    if wanted:
        slots = nodes.fleet.slots
        there = left & (1 << slots[min(wanted)]) if len(wanted) == 1 and min(wanted) in slots else 0
        found[(UNAVAILABLE,)] = left & ~there
        left = there
    for names, members in _alike(delayed, nodes, left, views, census=census, reserved=reserved):
        _, unmatched = _matched(
            [each for each in delayed if selected_node(*each, reserved) is None], views, reserved, names.__contains__
        )
        chosen = [each for each in delayed if selected_node(*each, reserved) is not None]
        for why, group in _provisioned([*chosen, *unmatched], nodes, members, views, census):
            found[why] = found.get(why, 0) | group
    return [(why, members) for why, members in sorted(found.items()) if members]


def _sorted_out(
    delayed: list[tuple[str, Any]], node: str, views: Views, reserved: Reserved
) -> tuple[bool | None, list[tuple[str, Any]], list[str]]:
    rest: list[tuple[str, Any]] = []
    provisions: list[str] = []
    for key, claim in delayed:
        if claim.spec.volume_name or not is_delayed(claim, views):
            continue
        selected = selected_node(key, claim, reserved)
        if selected is None:
            rest.append((key, claim))
        elif selected != node:
            return None, [], []
        else:
            provisions.append(key)
    return True, rest, provisions


def _reachable(views: Views, census: OpenCensus, nodes: Nodes) -> Callable[[str], int]:
    def reach(name: str) -> int:
        terms = reaches(views.volumes[name])
        return nodes.fleet.known if terms is None else suited(terms, nodes, census)

    return reach


def _alike(
    delayed: list[tuple[str, Any]], nodes: Nodes, left: int, views: Views, *, census: OpenCensus, reserved: Reserved
) -> list[tuple[frozenset[str], int]]:
    """Sort nodes by which of the volumes that may be matched they reach."""
    reach = _reachable(views, census, nodes)
    candidates = [
        name
        for name, volume in views.volumes.items()
        if any(_suits(volume, name, key, claim, reserved) for key, claim in delayed)
    ]
    names: dict[int, list[str]] = {}
    for name in candidates:
        for slot in slots_in(reach(name) & left):
            names.setdefault(slot, []).append(name)
    parts: dict[frozenset[str], int] = {}
    somewhere = 0
    for slot, reached in names.items():
        somewhere |= 1 << slot
        parts[frozenset(reached)] = parts.get(frozenset(reached), 0) | 1 << slot
    nowhere = left & ~somewhere
    return [*parts.items(), *([(frozenset[str](), nowhere)] if nowhere else [])]


def _matched(
    delayed: list[tuple[str, Any]], views: Views, reserved: Reserved, reached: Callable[[str], bool]
) -> tuple[list[tuple[str, str]], list[tuple[str, Any]]]:
    """Match claims, the smallest first, with the smallest volumes that are enough; give the rest as well."""
    matched: list[tuple[str, str]] = []
    unmatched: list[tuple[str, Any]] = []
    taken: list[str] = []
    for key, claim in sorted(delayed, key=_size):
        best: tuple[Any, str] | None = None
        for name, volume in views.volumes.items():
            if name in taken or not _suits(volume, name, key, claim, reserved):
                continue
            if is_bound_to(volume, claim) or reserved.volumes.get(name, None) == key:
                best = (None, name) if reached(name) else None
                break
            size = (volume.spec.capacity or {}).get("storage")
            if reached(name) and (best is None or best[0] > size):
                best = (size, name)
        if best is None:
            unmatched.append((key, claim))
        else:
            taken.append(best[1])
            matched.append((best[1], key))
    return matched, unmatched


def _suits(volume: Any, name: str, key: str, claim: Any, reserved: Reserved) -> bool:
    """Tell whether a volume is one that a claim may have, wherever it is reached from."""
    spec, asked = volume.spec, size_asked(claim)
    own = is_bound_to(volume, claim)
    if (spec.claim_ref is not None and not own) or reserved.volumes.get(name, key) != key:
        return False
    size = (spec.capacity or {}).get("storage")
    if asked is not None and (size is None or size < asked):
        return False
    if (spec.volume_mode or "Filesystem") != (claim.spec.volume_mode or "Filesystem"):
        return False
    if (spec.volume_attributes_class_name or "") != (claim.spec.volume_attributes_class_name or ""):
        return False
    if volume.metadata.deletion_timestamp is not None or class_of(volume) != class_of(claim):
        return False
    if own:
        return True
    if volume.status is None or volume.status.phase != "Available":
        return False
    if claim.spec.selector is not None and not selectors.matches(claim.spec.selector, volume.metadata.labels):
        return False
    return all(mode in (spec.access_modes or ()) for mode in claim.spec.access_modes or ())


def _size(each: tuple[str, Any]) -> Any:
    size = size_asked(each[1])
    return size.nanos if size is not None else 0


def _provisioned(
    wanted: list[tuple[str, Any]], nodes: Nodes, members: int, views: Views, census: OpenCensus
) -> list[tuple[tuple[str, ...], int]]:
    """Sort nodes by why volumes cannot be made for them; () for where they can."""
    found: list[tuple[tuple[str, ...], int]] = []
    for _, claim in wanted:
        name = class_of(claim)
        kind = views.classes.get(name, None)
        if kind is None or not kind.provisioner or kind.provisioner == NO_PROVISIONER:
            return [*found, ((UNAVAILABLE,), members)]
        allowed = members & _allowed(kind, nodes, census)
        spacious = allowed & _spacious(claim, name, kind, nodes, views)
        found += [((UNAVAILABLE,), members & ~allowed), ((NO_SPACE,), allowed & ~spacious)]
        members = spacious
    return [*found, ((), members)]


def _allowed(kind: Any, nodes: Nodes, census: OpenCensus) -> int:
    terms = kind.allowed_topologies
    if not terms:
        return nodes.fleet.known
    found = 0
    for term in terms:
        left = nodes.fleet.known if term.match_label_expressions else 0
        for each in term.match_label_expressions or ():
            among = 0
            for value in each.values:
                among |= census.topology(each.key).domains.get(value, 0)
            left &= among
        found |= left
    return found


def _spacious(claim: Any, name: str, kind: Any, nodes: Nodes, views: Views) -> int:
    """Give the nodes for which the driver has said that it has enough room, where it says so at all."""
    asked, driver = size_asked(claim), views.drivers.get(kind.provisioner, None)
    if asked is None or driver is None or not driver.spec.storage_capacity:
        return nodes.fleet.known
    found = 0
    for each in views.capacities.values():
        limit = each.maximum_volume_size if each.maximum_volume_size is not None else each.capacity
        if each.storage_class_name != name or limit is None or limit < asked or each.node_topology is None:
            continue
        for slot in slots_in(nodes.fleet.known & ~found):
            if selectors.matches(each.node_topology, nodes.fleet.rooms[slot].labels):
                found |= 1 << slot
    return found
