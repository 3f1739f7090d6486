"""
What the node lifecycle controller remembers, and how what it sees changes that.

A heartbeat counts from the instant at which it is seen here. The times written in it by the kubelet's clock only tell
one heartbeat from the next.

Takes:    changes of nodes, leases and pods.
Gives:    the next memory.
Source:   pkg/controller/nodelifecycle/node_lifecycle_controller.go: tryUpdateNodeHealth, ComputeZoneState,
          handleDisruption.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Views
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.conditions import find
from reconcile.store import Change

LEASES: Final = "leases.coordination.k8s.io"
LEASE_NAMESPACE: Final = "kube-node-lease"
HELD: Final[Instant] = 2**62
"""When a node was heard of last whose Lease holds by rule: it is being heard of."""
NOT_COUNTED: Final = "node.kubernetes.io/exclude-disruption"


@quick
@attrs.frozen(weakref_slot=False)
class Health:
    """
    What is known of one node's heartbeats.

    Args:
        probed: when the last one was seen.
        uid: the node's.
        heartbeat: lastHeartbeatTime of its condition Ready; -1 if it has none.
        renewed: renewTime of its lease; -1 if none was seen.
        registered: the event RegisteredNode is recorded.
        marks: its pods are still to be marked not ready.
        unwell: since when it asks for the taint NoExecute; -1 if it does not.
    """

    probed: Instant
    uid: str
    heartbeat: int = -1
    renewed: int = -1
    registered: bool = False
    marks: bool = False
    unwell: Instant = -1


@quick
@attrs.frozen(weakref_slot=False)
class Zone:
    """
    One failure zone.

    Args:
        ready: how many of its nodes are ready.
        unready: how many are not.
        next: the instant from which the next node may be tainted NoExecute.
    """

    ready: int = 0
    unready: int = 0
    next: Instant = 0


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Periods:
    """
    How long things take, and what is too many: the controller-manager's flags, and their defaults.

    Args:
        monitor: between two looks at a node that is heard of no more (--node-monitor-period).
        grace: without a heartbeat before a node is not heard of any more (--node-monitor-grace-period).
        startup_grace: the same of one that has not said yet how it is (--node-startup-grace-period).
        every: one node in so long may be tainted NoExecute in one zone (--node-eviction-rate); None: none ever.
        every_secondary: the same while too many are not ready (--secondary-node-eviction-rate).
        large: a zone of at most so many nodes is then left alone (--large-cluster-size-threshold).
        unhealthy: which part of a zone, in billionths, is too much (--unhealthy-zone-threshold).
    """

    monitor: Duration = 5 * SECOND
    grace: Duration = 50 * SECOND
    startup_grace: Duration = 60 * SECOND
    every: Duration | None = 10 * SECOND
    every_secondary: Duration | None = 100 * SECOND
    large: int = 50
    unhealthy: int = 550_000_000


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    Everything that the controller remembers.

    Args:
        nodes: by name.
        zones: by region and zone.
        periods: how long things take.
    """

    nodes: Table[str, Health] = attrs.field(factory=Table)
    zones: Table[str, Zone] = attrs.field(factory=Table)
    periods: Periods = Periods()


def observe(memory: Memory, change: Change, _: Views, now: Instant) -> Memory:
    """Note a heartbeat, and how many nodes of a zone are ready."""
    resource = change.resource
    if resource == LEASES:
        return _lease_seen(memory, change.new, now)
    if resource == "nodes":
        return _node_seen(memory, change, now)
    return memory


def observe_by_rule(memory: Memory, change: Change, views: Views, now: Instant) -> Memory:
    """Note the same where no heartbeats are sent: a Lease that has a holder holds until it has none."""
    if change.resource == LEASES:
        return _held_or_not(memory, change.new, now)
    if change.resource != "nodes":
        return memory
    memory = _node_seen(memory, change, now)
    new = change.new
    if new is None or (change.old is not None and change.old.metadata.uid == new.metadata.uid):
        return memory
    return _held_or_not(memory, views.get(LEASES, f"{LEASE_NAMESPACE}/{new.metadata.name}"), now)


def zone_of(node: Any) -> str:
    """Give the node's failure zone, as `region/zone`."""
    labels = node.metadata.labels
    if not labels:
        return "/"
    return f"{labels.get('topology.kubernetes.io/region', '')}/{labels.get('topology.kubernetes.io/zone', '')}"


def ready_status(node: Any) -> str | None:
    """Give the status of the node's condition Ready, or None if it has none."""
    condition = find(node.status.conditions if node.status else None, "Ready")
    return None if condition is None else condition.status


def _lease_seen(memory: Memory, lease: Any, now: Instant) -> Memory:
    if lease is None or lease.metadata.namespace != LEASE_NAMESPACE or lease.spec is None:
        return memory
    renewal = lease.spec.renew_time
    health = memory.nodes.get(lease.metadata.name, None)
    if health is None or renewal is None or renewal.instant <= health.renewed:
        return memory
    beaten = Health(now, health.uid, health.heartbeat, renewal.instant, health.registered, health.marks, health.unwell)
    return Memory(memory.nodes.set(lease.metadata.name, beaten), memory.zones, memory.periods)


def _held_or_not(memory: Memory, lease: Any, now: Instant) -> Memory:
    if lease is None or lease.metadata.namespace != LEASE_NAMESPACE or lease.spec is None:
        return memory
    name, renewal = lease.metadata.name, lease.spec.renew_time
    health = memory.nodes.get(name, None)
    if health is None or renewal is None:
        return memory
    if lease.spec.holder_identity:
        probed = HELD
    elif health.probed == HELD:
        probed = min(renewal.instant, now)
    else:
        return memory  # it counts from when it was first seen
    return replace(memory, nodes=memory.nodes.set(name, replace(health, probed=probed, renewed=renewal.instant)))


def _node_seen(memory: Memory, change: Change, now: Instant) -> Memory:
    old, new = change.old, change.new
    zones = _counted(memory.zones, old, new)
    if new is None:  # reconcile says so in an event, and forgets it
        return memory if zones is memory.zones else replace(memory, zones=zones)
    name, uid = new.metadata.name, new.metadata.uid
    condition = find(new.status.conditions if new.status else None, "Ready")
    written = None if condition is None else condition.last_heartbeat_time
    heartbeat = -1 if condition is None else 0 if written is None else written.instant
    health = memory.nodes.get(name, None)
    if health is None or health.uid != uid:
        nodes = memory.nodes.set(name, Health(now, uid, heartbeat))
    elif health.heartbeat != heartbeat:
        probed = health.probed if health.probed == HELD else now
        nodes = memory.nodes.set(name, replace(health, heartbeat=heartbeat, probed=probed))
    elif zones is memory.zones:
        return memory
    else:
        nodes = memory.nodes
    if zones is not memory.zones and is_all_dark(memory.zones) and not is_all_dark(zones):
        nodes = _heard_anew(nodes, now)
    return Memory(nodes, zones, memory.periods)


def is_all_dark(zones: Table[str, Zone]) -> bool:
    """Tell whether no node of any zone is ready."""
    return all(zone.ready == 0 for zone in zones.values())


def _heard_anew(nodes: Table[str, Health], now: Instant) -> Table[str, Health]:
    """Let every node have its whole time again: while no node was heard of, that was hardly their fault."""
    for name, health in nodes.items():
        if health.probed != HELD:
            nodes = nodes.set(name, replace(health, probed=now))
    return nodes


def _counted(zones: Table[str, Zone], old: Any, new: Any) -> Table[str, Zone]:
    before = None if old is None else _standing(old)
    after = None if new is None else _standing(new)
    if before == after:
        return zones
    for standing, change in ((before, -1), (after, 1)):
        if standing is None:
            continue
        name, ready = standing
        zone = zones.get(name, None) or Zone()
        zone = replace(zone, ready=zone.ready + change) if ready else replace(zone, unready=zone.unready + change)
        zones = zones.set(name, zone) if zone.ready or zone.unready else zones.remove(name)
    return zones


def _standing(node: Any) -> tuple[str, bool] | None:
    """Give the node's zone and whether it is ready; None if it does not count."""
    if NOT_COUNTED in (node.metadata.labels or ()):
        return None
    return zone_of(node), ready_status(node) == "True"
