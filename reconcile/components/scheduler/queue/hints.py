"""
Queueing hints: which waiting pods a change may help.

Each filter that refused nodes at a pod's last try is asked whether the change could turn its refusal; one
yes is enough.

Source:   the scheduler framework's EventsToRegister and its QueueingHintFn of each filter.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.components.scheduler.cache.demand import Demand, overlaps
from reconcile.components.scheduler.cache.guises import Guise, is_sought, means, selects
from reconcile.components.scheduler.cache.nodes import NOTHING_USED, Nodes, Room
from reconcile.components.scheduler.cache.traits import Mounts, Traits
from reconcile.components.scheduler.framework.filtering import refused_by_node, refused_by_use
from reconcile.components.scheduler.framework.profile import FILTERS
from reconcile.components.scheduler.plugins.interpod_affinity import attractions, repulsions, sought_by
from reconcile.components.scheduler.plugins.node_affinity import admitted
from reconcile.components.scheduler.plugins.node_resources_fit import fits_empty
from reconcile.components.scheduler.plugins.node_unschedulable import CORDONED
from reconcile.components.scheduler.plugins.pod_topology_spread import hard
from reconcile.components.scheduler.plugins.taint_toleration import tolerates
from reconcile.components.scheduler.queue.queue import Group, Queue
from reconcile.lib.table import Table

_VOLUMES: Final = ("VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone")
# Resource -> the plugins that a new object of it, or a changed one, may turn.
_ADDED: Final = {
    "persistentvolumeclaims": _VOLUMES,
    "persistentvolumes": ("VolumeBinding", "VolumeZone"),
    "storageclasses.storage.k8s.io": ("VolumeBinding", "VolumeZone"),
    "csinodes.storage.k8s.io": ("VolumeBinding", "NodeVolumeLimits"),
    "csidrivers.storage.k8s.io": ("VolumeBinding",),
    "csistoragecapacities.storage.k8s.io": ("VolumeBinding",),
}
_REMOVED: Final = {"volumeattachments.storage.k8s.io": ("NodeVolumeLimits",)}


def helped_by_node(queue: Queue, old: Room | None, new: Room) -> list[Group]:
    """Give the groups that a node's coming (*old* is None), or its change, may help."""
    return [group for group in queue.groups.keys() if _node_helps(group, old, new)]  # noqa: SIM118 -- in key order


def helped_by_loss(queue: Queue, old: Room) -> list[Group]:
    """Give the groups that a node's going may help: those whose least domain may be gone with it."""
    return [
        group
        for group in queue.groups.keys()  # noqa: SIM118 -- in key order
        if "PodTopologySpread" in group[3] and _spreads_over(group[2], old)
    ]


def helped_by_leaving(
    queue: Queue, nodes: Nodes, name: str, demand: Demand, traits: Traits, *, namespaces: Table[str, Any]
) -> list[Group]:
    """Give the groups that a pod's leaving may help: *nodes* is as of after, *demand* what it took on node *name*."""
    slot = nodes.fleet.slots.get(name, None)
    room = None if slot is None else nodes.fleet.rooms.get(slot, None)
    if slot is None or room is None:
        return []
    used = nodes.used.get(slot, NOTHING_USED)
    found = []
    for group in queue.groups.keys():  # noqa: SIM118 -- in key order
        wanted, _, asks, plugins = group
        freed = "NodeResourcesFit" in plugins and refused_by_use(wanted, room, used) is None
        ports = "NodePorts" in plugins and any(overlaps(one, other) for one in wanted.ports for other in demand.ports)
        if freed or ports or _pod_matters(plugins, asks, traits, namespaces, leaves=True):
            found.append(group)
    return found


def helped_by_pod(queue: Queue, traits: Traits, namespaces: Table[str, Any]) -> list[Group]:
    """Give the groups that a pod's coming to a node may help."""
    return [
        group
        for group in queue.groups.keys()  # noqa: SIM118 -- in key order
        if _pod_matters(group[3], group[2], traits, namespaces, leaves=False)
    ]


def helped_by_guise(queue: Queue, old: Guise, new: Guise, namespaces: Table[str, Any]) -> list[Group]:
    """Give the groups that it may help that a pod on a node looks different now."""
    found = []
    for group in queue.groups.keys():  # noqa: SIM118 -- in key order
        _, _, asks, plugins = group
        if _pod_matters(plugins, asks, Traits(old), namespaces, leaves=True) or _pod_matters(
            plugins, asks, Traits(new), namespaces, leaves=False
        ):
            found.append(group)
    return found


def helped_by_object(queue: Queue, resource: str, new: Any) -> list[Group]:
    """Give the groups that a change of something else than a pod or a node may help."""
    turned = _REMOVED.get(resource, ()) if new is None else _ADDED.get(resource, ())
    if not turned:
        return []
    name = None
    if resource == "persistentvolumeclaims":
        name = f"{new.metadata.namespace}/{new.metadata.name}"
    return [
        group
        for group in queue.groups.keys()  # noqa: SIM118 -- in key order
        if any(plugin in turned for plugin in group[3]) and (name is None or name in group[2].mounts.claims)
    ]


def helped_by_devices(queue: Queue) -> list[Group]:
    """Give the groups that were refused for their devices."""
    return [
        group
        for group in queue.groups.keys()  # noqa: SIM118 -- in key order
        if "DynamicResources" in group[3] or (group[0].others and "NodeResourcesFit" in group[3])
    ]


def _node_helps(group: Group, old: Room | None, new: Room) -> bool:
    demand, wishes, traits, plugins = group
    if not plugins:
        return True
    for plugin in plugins:
        match plugin:
            case "NodeUnschedulable":
                helps = refused_by_node(wishes, new) != CORDONED and (old is None or old.unschedulable)
            case "TaintToleration":
                helps = tolerates(wishes, new) and (old is None or not tolerates(wishes, old))
            case "NodeAffinity":
                helps = admitted(wishes, new) and (old is None or not admitted(wishes, old))
            case "NodePorts" | "VolumeRestrictions":
                helps = old is None
            case "NodeResourcesFit":
                helps = fits_empty(demand, new) and (old is None or _grew(demand, old, new))
            case "PodTopologySpread":
                helps = _spreading_changed(traits, old, new)
            case "InterPodAffinity":
                helps = _neighbourhood_changed(traits, old, new)
            case "VolumeBinding" | "VolumeZone":
                helps = old is None or old.labels != new.labels
            case "DynamicResources":
                helps = old is None or old.labels != new.labels or old.others != new.others
            case "NodeDeclaredFeatures":
                helps = old is None or old.features != new.features
            case _:
                # Whom plugins of the user's own refused is for them to say: see `permitting`.
                helps = old is None and plugin in FILTERS
        if helps:
            return True
    return False


def _grew(demand: Demand, old: Room, new: Room) -> bool:
    """Tell whether the node has got more of something that is asked for."""
    if new.pods > old.pods:
        return True
    asked = (
        demand.cpu and new.cpu > old.cpu,
        demand.memory and new.memory > old.memory,
        demand.storage and new.storage > old.storage,
    )
    return any(asked) or any(new.others.get(name, 0) > old.others.get(name, 0) for name, _ in demand.others)


def _spreads_over(traits: Traits, room: Room) -> bool:
    """Tell whether a node has every topology that a pod is spread over."""
    return all(each.key in room.labels for each in hard(traits.spread))


def _spreading_changed(traits: Traits, old: Room | None, new: Room) -> bool:
    if old is None:
        return _spreads_over(traits, new)
    before, after = _spreads_over(traits, old), _spreads_over(traits, new)
    if not before and not after:
        return False
    moved = any(old.labels.get(each.key) != new.labels.get(each.key) for each in hard(traits.spread))
    return moved or before != after or old.taints != new.taints


def _neighbourhood_changed(traits: Traits, old: Room | None, new: Room) -> bool:
    if old is None:
        return all(term.key in new.labels for term in attractions(traits.guise))
    keys = [term.key for term in (*attractions(traits.guise), *repulsions(traits.guise))]
    # Whoever has anti-affinity against the pod may have it in any topology.
    return any(old.labels.get(key) != new.labels.get(key) for key in keys) or old.labels != new.labels


def _pod_matters(
    plugins: tuple[str, ...], asks: Traits, other: Traits, namespaces: Table[str, Any], *, leaves: bool
) -> bool:
    """Tell whether a pod's coming, or going, may turn what one of these plugins said."""
    return any(_BY_POD[plugin](asks, other, namespaces, leaves) for plugin in plugins if plugin in _BY_POD)


def _spread_minds(asks: Traits, other: Traits, _: Table[str, Any], leaves: bool) -> bool:  # noqa: FBT001, ARG001
    guise = other.guise
    return guise.namespace == asks.guise.namespace and any(
        selects(each.selector, guise.labels) for each in hard(asks.spread)
    )


def _affinity_minds(asks: Traits, other: Traits, namespaces: Table[str, Any], leaves: bool) -> bool:  # noqa: FBT001
    if not leaves:
        terms = attractions(asks.guise)
        return bool(terms) and is_sought(sought_by(terms, namespaces), other.guise)
    return any(is_sought(sought_by((term,), namespaces), other.guise) for term in repulsions(asks.guise)) or any(
        means(term, asks.guise, namespaces) for term in repulsions(other.guise)
    )


def _restrictions_mind(asks: Traits, other: Traits, _: Table[str, Any], leaves: bool) -> bool:  # noqa: FBT001
    return leaves and (
        any(claim in other.mounts.claims for claim in asks.mounts.claims) or _shares_disk(asks.mounts, other.mounts)
    )


def _limits_mind(_: Traits, other: Traits, __: Table[str, Any], leaves: bool) -> bool:  # noqa: FBT001
    return leaves and bool(other.mounts.claims)


def _shares_disk(one: Mounts, other: Mounts) -> bool:
    return any(disk == taken for disk, _ in one.disks for taken, _ in other.disks)


_Minds = Callable[[Traits, Traits, "Table[str, Any]", bool], bool]
_BY_POD: Final[dict[str, _Minds]] = {
    "PodTopologySpread": _spread_minds,
    "InterPodAffinity": _affinity_minds,
    "VolumeRestrictions": _restrictions_mind,
    "NodeVolumeLimits": _limits_mind,
}
