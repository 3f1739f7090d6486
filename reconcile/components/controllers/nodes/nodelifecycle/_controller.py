"""
The node lifecycle controller: one node, or one pod, at a time.

There is no scan every five seconds: a heartbeat is only noted, and each node's key comes back when its heartbeats, as
far as then known, would be late. A key with a slash is a pod's, one without a node's.

Takes:    Ask.
Gives:    Outcome.
Source:   pkg/controller/nodelifecycle/node_lifecycle_controller.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.nodes.nodelifecycle._memory import (
    HELD,
    LEASE_NAMESPACE,
    LEASES,
    Health,
    Memory,
    Periods,
    Zone,
    is_all_dark,
    observe,
    observe_by_rule,
    ready_status,
    zone_of,
)
from reconcile.components.controllers.nodes.nodelifecycle._pods import (
    marked_unready,
    reconcile_pod,
    unready_record,
)
from reconcile.components.controllers.nodes.taints import (
    NOT_READY,
    UNREACHABLE,
    executing_taint,
    with_taints,
)
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.effects import Record
from reconcile.lib.instant import MILLISECOND, SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "nodelifecycle"

# A heartbeat comes every 10 s; when one more than that is missing, something is under way.
BEAT: Final[Duration] = 10 * SECOND
LATE: Final[Duration] = 20 * SECOND

# So long after it is not well at the soonest: by then it is known how many others are not.
TAINTING_PASS: Final[Duration] = 100 * MILLISECOND
_BILLION: Final = 1_000_000_000
FEWEST_UNHEALTHY: Final = 3

# Of these the kubelet is the only source; NetworkUnavailable is the control plane's own.
_HEARTBEAT_CONDITIONS: Final = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_LABELS: Final = (
    ("kubernetes.io/os", "beta.kubernetes.io/os"),
    ("kubernetes.io/arch", "beta.kubernetes.io/arch"),
)


def keys_of_node(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the node, if more changed than its heartbeat."""
    old, new = change.old, change.new
    if old is None or new is None:
        return (change.key,)
    same_taints = old.spec.taints is new.spec.taints or old.spec.taints == new.spec.taints
    if same_taints and old.spec.unschedulable == new.spec.unschedulable and _statuses(old) == _statuses(new):
        return () if old.metadata.labels == new.metadata.labels else (change.key,)
    return (change.key,)


def keys_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """
    Give the pod if it came to a node that is not ready. What else becomes of a pod concerns nobody: its kubelet may be
    back before the node's status says so, and would take back whatever was written of it.
    """
    old, new = change.old, change.new
    if new is None or (old is not None and (old.spec is new.spec or old.spec.node_name == new.spec.node_name)):
        return ()
    name = new.spec.node_name
    node = views.get("nodes", name) if name else None
    return (change.key,) if node is not None and ready_status(node) != "True" else ()


def no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    """Give none: a renewed lease is noted, and that is all."""
    return ()


def keys_of_lease(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the node whose Lease holds by rule from now on, or does so no more."""
    old, new = change.old, change.new
    if new is None or new.metadata.namespace != LEASE_NAMESPACE or _is_held(old) == _is_held(new):
        return ()
    return (new.metadata.name,)


def _is_held(lease: Any) -> bool | None:
    return None if lease is None else bool(lease.spec is not None and lease.spec.holder_identity)


def reconcile(ask: Ask) -> Outcome:
    """Bring one node or one pod in line with the heartbeats."""
    if "/" in ask.key:
        return reconcile_pod(ask)
    node = ask.views.get("nodes", ask.key)
    health = ask.memory.nodes.get(ask.key, None)
    if node is None or health is None:
        return Outcome() if health is None else _unregistered(ask, health)
    if ask.answers:
        return _answered(ask, node, health)
    if not health.registered:
        known = _knowing(ask.memory, ask.key, replace(health, registered=True))
        message = f"Node {ask.key} event: Registered Node {ask.key} in Controller"
        record = Record(_about(ask.key, health.uid), "Normal", "RegisteredNode", message)
        return Outcome(memory=known, records=(record,), again=True)
    verdict = _verdict(ask, node, health)
    if verdict is not None:
        marks = health.marks or ready_status(node) == "True"
        known = _knowing(ask.memory, ask.key, replace(health, marks=marks))
        return Outcome(calls=(verdict,), memory=known, again=True)
    if health.marks and ready_status(node) != "True":
        return _mark_pods(ask, node, health, ())
    return _tainted(ask, node, health)


def _statuses(node: Any) -> tuple[tuple[str, str], ...]:
    status = node.status
    return tuple([(said.type, said.status) for said in (status.conditions if status else None) or ()])


def _unregistered(ask: Ask, health: Health) -> Outcome:
    memory = replace(ask.memory, nodes=ask.memory.nodes.remove(ask.key))
    message = f"Node {ask.key} event: Removing Node {ask.key} from Controller"
    record = Record(_about(ask.key, health.uid), "Normal", "RemovingNode", message)
    return Outcome(memory=memory, records=(record,), again=True)


def _verdict(ask: Ask, node: Any, health: Health) -> Request | None:
    """Give the call that says that the node is heard of no more; None if it is, or if that is said already."""
    if ask.now - health.probed < _grace(ask.memory.periods, node):
        return None
    status = node.status or core_v1.NodeStatus()
    said = [_unknown(condition, ask.now) for condition in status.conditions or ()]
    present = [condition.type for condition in said]
    created = node.metadata.creation_timestamp
    said += [
        core_v1.NodeCondition(
            type=name,
            status="Unknown",
            reason="NodeStatusNeverUpdated",
            message="Kubelet never posted node status.",
            last_heartbeat_time=created,
            last_transition_time=Time.at(ask.now),
        )
        for name in _HEARTBEAT_CONDITIONS
        if name not in present
    ]
    if tuple(said) == status.conditions:
        return None
    body = replace(node, status=replace(status, conditions=tuple(said)))
    return Request(verb="update", resource="nodes", name=ask.key, subresource="status", body=body)


def _unknown(condition: core_v1.NodeCondition, now: Instant) -> core_v1.NodeCondition:
    if condition.type not in _HEARTBEAT_CONDITIONS or condition.status == "Unknown":
        return condition
    return replace(
        condition,
        status="Unknown",
        reason="NodeStatusUnknown",
        message="Kubelet stopped posting node status.",
        last_transition_time=Time.at(now),
    )


def _answered(ask: Ask, node: Any, health: Health) -> Outcome:
    """Go on after the verdict was written, or after the pods were marked."""
    request, answer = ask.answers[0]
    if request.resource == "nodes":
        if not answer.ok:
            return Outcome() if is_done(answer) else Outcome(error=text_of(answer))
        if not health.marks:
            return _tainted(ask, node, health)
        message = f"Node {ask.key} status is now: NodeNotReady"
        record = Record(_about(ask.key, health.uid), "Normal", "NodeNotReady", message)
        return _mark_pods(ask, node, health, (record,))
    records = tuple([unready_record(answer.body) for _, answer in ask.answers if answer.ok])
    refused = [text_of(answer) for _, answer in ask.answers if not is_done(answer)]
    if refused:
        return Outcome(records=records, error=refused[0])
    return _marked(ask, node, health, records)


def _mark_pods(ask: Ask, node: Any, health: Health, records: tuple[Record, ...]) -> Outcome:
    """Take back the readiness of the pods of a node that is heard of no more."""
    calls = [marked_unready(pod, ask.now) for pod in ask.views.table("pods").under("node", ask.key)]
    present = tuple([call for call in calls if call is not None])
    if present:
        return Outcome(calls=present, records=records, again=True)
    return _marked(ask, node, health, records)


def _marked(ask: Ask, node: Any, health: Health, records: tuple[Record, ...]) -> Outcome:
    health = replace(health, marks=False)
    outcome = _tainted(replace(ask, memory=_knowing(ask.memory, ask.key, health)), node, health)
    return replace(outcome, records=records)


def _tainted(ask: Ask, node: Any, health: Health) -> Outcome:
    """Give the node the taints that its conditions ask for; NoExecute not to too many nodes at once."""
    memory: Memory = ask.memory
    after, periodic = _next_look(ask, node, health)
    present = executing_taint(node)
    wanted = _execute_wanted(node, present)
    if wanted is not None and is_all_dark(memory.zones):
        # No node is heard of: rather this side is cut off than all of them. Nothing is evicted.
        wanted, after, periodic = None, memory.periods.monitor, True
    elif wanted is not None and present is None:
        if health.unwell < 0:
            health = replace(health, unwell=ask.now)
            memory = _knowing(memory, ask.key, health)
        zone = memory.zones.get(zone_of(node), None) or Zone()
        pace, pass_at = _pace(memory.periods, zone), health.unwell + TAINTING_PASS
        if ask.now < pass_at:
            wanted, after, periodic = None, pass_at - ask.now, False
        elif pace is None:
            wanted, after, periodic = None, memory.periods.monitor, True
        elif ask.now < zone.next:
            wanted, after, periodic = None, zone.next - ask.now, False
        else:
            zones = memory.zones.set(zone_of(node), replace(zone, next=ask.now + pace))
            memory = replace(memory, zones=zones)
    elif wanted is None and health.unwell >= 0:
        memory = _knowing(memory, ask.key, replace(health, unwell=-1))
    taints = with_taints(node, wanted, ask.now)
    labels = _labels(node)
    calls: tuple[Request, ...] = ()
    if taints != (node.spec.taints or ()) or labels is not node.metadata.labels:
        spec = replace(node.spec, taints=taints or None)
        body = replace(node, spec=spec, metadata=replace(node.metadata, labels=labels))
        calls = (Request(verb="update", resource="nodes", name=ask.key, body=body),)
    return Outcome(calls=calls, memory=memory, after=after, after_is_periodic=periodic)


def _execute_wanted(node: Any, present: str | None) -> str | None:
    """Give the key of the taint NoExecute that the node's condition Ready asks for; without one nothing changes."""
    match ready_status(node):
        case None:
            return present
        case "True":
            return None
        case "False":
            return NOT_READY
        case _:
            return UNREACHABLE


def _pace(periods: Periods, zone: Zone) -> Duration | None:
    """Tell how often a node of the zone may be tainted NoExecute; None for not at all while too many are not ready."""
    size = zone.ready + zone.unready
    is_unhealthy = zone.unready >= FEWEST_UNHEALTHY and zone.unready * _BILLION >= periods.unhealthy * size
    if not zone.ready or not is_unhealthy:
        return periods.every
    return periods.every_secondary if size > periods.large else None


def _next_look(ask: Ask, node: Any, health: Health) -> tuple[Duration | None, bool]:
    """Tell when the node is to be looked at again, and whether that is a mere re-check; None for not by itself."""
    if health.probed == HELD:
        return None, True
    silent = ask.now - health.probed
    periods = ask.memory.periods
    grace = _grace(periods, node)
    if silent >= grace:
        # Where no node is heard of any more, its taint NoExecute goes with the next look.
        return (grace if executing_taint(node) is None else periods.monitor), True
    late = LATE if grace > LATE else max((grace + BEAT) // 2, BEAT)
    if silent >= late:
        return grace - silent, False
    return min(late, grace) - silent, True


def _grace(periods: Periods, node: Any) -> Duration:
    return periods.startup_grace if ready_status(node) is None else periods.grace


def _labels(node: Any) -> Any:
    """Give the node's labels with the old names of its system and architecture as the new ones say."""
    labels = node.metadata.labels
    for name, old_name in _LABELS:
        if labels and name in labels and labels.get(old_name) != labels[name]:
            labels = labels.set(old_name, labels[name])
    return labels


def _knowing(memory: Memory, name: str, health: Health) -> Memory:
    return replace(memory, nodes=memory.nodes.set(name, health))


def _about(name: str, uid: str) -> core_v1.Node:
    return core_v1.Node(metadata=meta_v1.ObjectMeta(name=name, uid=uid))


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source("nodes", keys_of_node),
        Source(LEASES, no_keys),
        Source("pods", keys_of_pod, observed=False),
    ),
    reconcile=reconcile,
    memory=Memory,
    observe=observe,
    workers=8,
    component="node-controller",
    user=service_account("node-controller"),
)

BY_RULE: Final = replace(
    CONTROLLER,
    sources=(
        Source("nodes", keys_of_node),
        Source(LEASES, keys_of_lease),
        Source("pods", keys_of_pod, observed=False),
    ),
    observe=observe_by_rule,
)
"""The same controller in a cluster without heartbeats."""


def controller(periods: Periods, *, heartbeats: bool = True) -> Controller:
    """Give the controller by which things take so long."""
    return replace(CONTROLLER if heartbeats else BY_RULE, memory=partial(Memory, periods=periods))
