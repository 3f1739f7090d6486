"""
One scheduling cycle: a pod has its turn, gets the best node and is sent to be bound, or waits.

Source:   the scheduler's ScheduleOne: schedulingCycle, bindingCycle, handleSchedulingFailure.
Left out: preemption, permit and reserve plugins; see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.api.convert import dump
from reconcile.api.scalars import freeze
from reconcile.components.scheduler.filters import Refusal
from reconcile.components.scheduler.messages import ELSEWHERE, unschedulable
from reconcile.components.scheduler.nodes import Nodes, with_pod
from reconcile.components.scheduler.queue import Entry, Queue, popped, put
from reconcile.components.scheduler.ranking import (
    Layout,
    Ranking,
    best,
    drawn,
    laid_out,
    laid_out_anew,
    ranked,
    ranked_anew,
    refusals,
)
from reconcile.components.scheduler.state import PROFILE, Memory, Placed, State
from reconcile.components.scheduler.wishes import pinned
from reconcile.effects import Call, Effect, Record
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.model import conditions
from reconcile.model.requests import Request, split_key

# So many rankings, and so many layouts, are kept; the one longest unused goes first.
KEPT: Final = 64


def scheduled(state: State, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Give the pod whose turn it is its node, and have it bound there; or let it wait, and say why."""
    turn = popped(state.queue)
    if turn is None:
        return state, ()
    key, entry, queue = turn
    nodes, wishes = state.nodes, entry.wishes
    names = pinned(wishes)
    if names is None:
        memory, ranking, layout = _recalled(state.memory, entry, nodes)
    else:
        memory = state.memory
        ranking, layout = _looked_at(entry, nodes, names)
    choice = best(ranking, layout, wishes, nodes)
    if choice is None:
        found = refusals(ranking, layout)
        if names is not None:
            found = _with_elsewhere(found, nodes)
        entry, effects = _refused(key, entry, found, len(nodes.fleet.rooms), now)
        return replace(state, queue=put(queue, key, entry), memory=memory), effects
    slot, dice = drawn(choice, state.dice)
    name = nodes.fleet.names[slot]
    metadata = entry.pod.metadata
    placed = state.placed.set(key, Placed(name, metadata.uid, entry.demand, assumed=True, entry=entry))
    nodes = with_pod(nodes, name, entry.demand)
    assume = copier(State, "dice", "queue", "nodes", "placed", "memory")
    state = assume(state, dice, queue, nodes, placed, memory)
    return state, (_binding(key, metadata, name),)


def failed(key: str, entry: Entry, why: str, queue: Queue, now: Instant) -> tuple[Queue, tuple[Effect, ...]]:
    """Put a pod that could not be bound back into the queue, and say why."""
    message = f'binding rejected: running Bind plugin "DefaultBinder": {why}'
    effects = _told(key, entry.pod, "SchedulerError", message, now)
    if entry.pod.metadata.deletion_timestamp is not None:
        return queue, effects
    entry = Entry(
        entry.pod, entry.demand, entry.wishes, "failed", now, entry.unschedulable, entry.errors + 1, entry.plugins
    )
    return put(queue, key, entry), effects


def _recalled(memory: Memory, entry: Entry, nodes: Nodes) -> tuple[Memory, Ranking, Layout]:
    """Give the ranking and the layout for a pod like this one, up to date."""
    demand, wishes = entry.demand, entry.wishes
    turn = memory.turn + 1
    _, old = memory.rankings.get(demand, _UNUSED)
    ranking = ranked(old, demand, nodes)
    rankings = _kept(memory.rankings, demand, ranking, turn, fresh=old is None)
    used, known = memory.layouts.get(wishes, _UNUSED)
    layout = laid_out(known, wishes, nodes)
    layouts = memory.layouts
    if layout is not known or turn - used >= KEPT:
        # When exactly one that is as it was has been used does not matter.
        layouts = _kept(layouts, wishes, layout, turn, fresh=known is None)
    return copier(Memory, "rankings", "layouts", "turn")(memory, rankings, layouts, turn), ranking, layout


def _kept(table: Table[Any, Any], key: Any, value: Any, turn: int, *, fresh: bool) -> Table[Any, Any]:
    table = table.set(key, (turn, value))
    return table.remove(min(table.items(), key=_last_use)[0]) if fresh and len(table) > KEPT else table


def _last_use(item: tuple[Any, tuple[int, Any]]) -> int:
    return item[1][0]


def _looked_at(entry: Entry, nodes: Nodes, names: tuple[str, ...]) -> tuple[Ranking, Layout]:
    """Sort just these nodes for a pod that can go to no others."""
    fleet = nodes.fleet
    slots = [fleet.slots[name] for name in names if name in fleet.slots and fleet.slots[name] in fleet.rooms]
    return ranked_anew(entry.demand, nodes, slots), laid_out_anew(entry.wishes, nodes, slots)


def _with_elsewhere(found: list[tuple[Refusal, int]], nodes: Nodes) -> list[tuple[Refusal, int]]:
    elsewhere = len(nodes.fleet.rooms) - sum([count for _, count in found])
    return [*found, (ELSEWHERE, elsewhere)]


def _refused(
    key: str, entry: Entry, found: list[tuple[Refusal, int]], nodes: int, now: Instant
) -> tuple[Entry, tuple[Effect, ...]]:
    pod = entry.pod
    message = unschedulable(found, nodes, may_preempt=pod.spec.preemption_policy != "Never")
    plugins = tuple(sorted({refusal.plugin for refusal, _ in found}))
    entry = Entry(pod, entry.demand, entry.wishes, "waiting", now, entry.unschedulable + 1, 0, plugins)
    return entry, _told(key, pod, "Unschedulable", message, now)


def _told(key: str, pod: Any, reason: str, message: str, now: Instant) -> tuple[Effect, ...]:
    """Record why the pod is not scheduled, and write it into its condition if that does not say so already."""
    record = Record(pod, "Warning", "FailedScheduling", message, component=PROFILE)
    condition = core_v1.PodCondition(
        type="PodScheduled",
        status="False",
        reason=reason,
        message=message,
        observed_generation=pod.metadata.generation,
    )
    old = (pod.status.conditions if pod.status is not None else None) or ()
    new = conditions.set(old, condition, now)
    if new is old:
        return (record,)
    body = freeze({"status": {"conditions": [dump(each) for each in new]}})
    namespace, name = split_key(key)
    request = Request(verb="patch", resource="pods", namespace=namespace, name=name, subresource="status", body=body)
    return (record, Call(request))


def _binding(key: str, metadata: meta_v1.ObjectMeta, node: str) -> Call:
    namespace, name = metadata.namespace or "", metadata.name or ""
    body = core_v1.Binding(
        metadata=meta_v1.ObjectMeta(namespace=namespace, name=name, uid=metadata.uid),
        target=core_v1.ObjectReference(kind="Node", name=node),
    )
    request = Request(verb="create", resource="pods", namespace=namespace, name=name, subresource="binding", body=body)
    return Call(request, ("bind", key, metadata.uid))


_UNUSED: Final = (0, None)
