"""
The turn of a group: its pods are tried one after the other, each as if those before it were placed.

Then all for which there was a node are placed, or none.

Whoever of a group comes to its turn takes all others along that wait in the queue. A gang is placed if that makes as
many of it placed as it says at least; any other group if one pod of it finds a node. Pods that find none wait on. What
makes room for one of them is told to go at once, whatever comes of the rest.

Takes:    a pod that has been taken out of the queue and names a group.
Gives:    what a single turn gives, for each pod; Call (podgroups/status) with the condition PodGroupScheduled.
Source:   the scheduler's schedule_one_podgroup.go; the plugin GangScheduling: Permit.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.api import meta_v1
from reconcile.api.convert import dump
from reconcile.api.golang import quoted
from reconcile.api.scalars import Time, freeze
from reconcile.components.scheduler.cache.nodes import with_pod
from reconcile.components.scheduler.framework.cycle import decided, failed
from reconcile.components.scheduler.framework.panel import Panel
from reconcile.components.scheduler.framework.statuses import skipped, told
from reconcile.components.scheduler.groups.members import is_held
from reconcile.components.scheduler.queue.queue import Entry, Queue, popped, put, without
from reconcile.components.scheduler.state import PROFILE, Nominee, Placed, State
from reconcile.effects import Call, Effect, Record
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.pods.grouping import GROUPS, group_of
from reconcile.model.requests import Request, split_key

SCHEDULED: Final = "PodGroupScheduled"
_PLACED: Final = "Scheduled"
NOT_PLACED: Final = "pod group is unschedulable"
_WAITING: Final = (
    f"{NOT_PLACED}, waiting for minCount pods from a gang to be scheduled, one or more plugins asked to wait and no "
    "plugin rejected pod"
)
_PREEMPTING: Final = f"{NOT_PLACED}, pod group is waiting for preemption to complete"

Panels = Callable[[Any], Panel]


@attrs.frozen(weakref_slot=False)
class Try:
    """
    What came of one pod of a group.

    Args:
        key: the pod's.
        entry: what it had in the queue.
        left: what it has there if it was not placed.
        node: where it is placed, or is to be once others have gone; empty if nowhere.
        nominee: what it is promised; None if nothing has to go for it.
        effects: what is to be done about the pod itself.
        others: what is to be done about those who go for it.
    """

    key: str
    entry: Entry
    left: Entry | None
    node: str
    nominee: Nominee | None
    effects: tuple[Effect, ...]
    others: tuple[Effect, ...]


def grouped(state: State, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Let the pod whose turn it is have it, with its group if it names one."""
    turn = popped(state.queue)
    return (state, ()) if turn is None else turned(state, turn, now)


def turned(
    state: State, turn: tuple[str, Entry, Queue], now: Instant, panels: Panels | None = None
) -> tuple[State, tuple[Effect, ...]]:
    """
    Let a pod that has been taken out of the queue have its turn, with its group if it names one.

    Args:
        state: the scheduler's, with the queue as it was.
        turn: the pod's key and entry, and the queue without it.
        now: the instant.
        panels: gives the extenders for a pod; None if there are none.

    Raises:
        UnansweredError: one of the extenders has not answered yet.
    """
    key, entry, queue = turn
    group = group_of(entry.pod)
    if not group:
        return decided(state, turn, now, None if panels is None else panels(entry.pod))
    members = _taken(state, key, entry, group)
    if is_held(state, entry.pod):
        # The gang has become too small, or its group is gone: its pods wait as those do that have just come.
        for each, had in members:
            queue = put(queue, each, replace(had, place="gated"))
        return replace(state, queue=queue), ()
    for each, _ in members:
        queue = without(queue, each)
    begun = replace(state, queue=queue)
    said = _of_two_schedulers(members)
    if said:
        return _failed_all(begun, members, said, now)
    told_off = tuple([skipped(had.pod) for _, had in members if had.pod.metadata.deletion_timestamp is not None])
    members = [(each, had) for each, had in members if had.pod.metadata.deletion_timestamp is None]
    if not members:
        return begun, told_off
    after, effects = _tried(begun, group, members, now, panels)
    return after, (*told_off, *effects)


def _taken(state: State, key: str, entry: Entry, group: str) -> list[tuple[str, Entry]]:
    """Give the pods of a group that have their turn now, in the order in which they are tried."""
    found = [(key, entry)]
    for each in state.memory.members.keys_under("group", group):
        other = state.queue.entries.get(each, None)
        if other is not None and each != key and other.place != "gated":
            found.append((each, other))
    return sorted(found, key=_order)


def _order(member: tuple[str, Entry]) -> tuple[int, int, str]:
    key, entry = member
    created = entry.pod.metadata.creation_timestamp
    return -entry.traits.priority, 0 if created is None else created.instant, key


def _of_two_schedulers(members: list[tuple[str, Entry]]) -> str:
    """Say that the pods of a group are to be placed by different profiles, if they are."""
    names = [entry.pod.spec.scheduler_name or PROFILE for _, entry in members]
    for name in names:
        if name != names[0]:
            return (
                "all pods in a single pod group should have the same .spec.schedulerName set, got: "
                f"{quoted(name)} and {quoted(names[0])}"
            )
    return ""


def _failed_all(
    state: State, members: list[tuple[str, Entry]], why: str, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    effects: tuple[Effect, ...] = ()
    for key, entry in members:
        state, more = failed(state, key, entry, why, now)
        effects = (*effects, *more)
    return state, effects


def _tried(
    state: State, group: str, members: list[tuple[str, Entry]], now: Instant, panels: Panels | None
) -> tuple[State, tuple[Effect, ...]]:
    """Try the pods of a group one after the other, and make of it what comes of it."""
    after, tries = state, list[Try]()
    least, placed = _least(state, group), _placed(state, group)
    places = preempts = waits = False
    for key, entry in members:
        after, found = _try(after, key, entry, now, None if panels is None else panels(entry.pod))
        tries.append(found)
        if found.left is not None and found.left.place == "failed":
            return _failed(state, group, members, tries, now)
        if not found.node:
            continue
        placed += 1
        preempts = preempts or found.nominee is not None
        if placed >= least:
            places, waits = not preempts, preempts
    if places:
        effects = tuple([effect for found in tries for effect in (*found.effects, *found.others)])
        return after, (*effects, *_told(state, group, _PLACED, "", now))
    base = replace(state, dice=after.dice, clock=after.clock)
    base, effects = _back(base, tries, now, waits=waits)
    why = _PREEMPTING if waits else NOT_PLACED
    return base, (*effects, *_told(state, group, "Unschedulable", why, now))


def _least(state: State, group: str) -> int:
    """Give how many pods of a group have to be placed for any to be."""
    found = state.views.groups.get(group, None) if state.settings.gangs else None
    gang = None if found is None else found.spec.scheduling_policy.gang
    return 0 if gang is None else int(gang.min_count)


def _placed(state: State, group: str) -> int:
    return sum(key in state.placed for key in state.memory.members.keys_under("group", group))


def _try(state: State, key: str, entry: Entry, now: Instant, panel: Panel | None) -> tuple[State, Try]:
    """Try one pod as if those before it were placed; the state is one in which it is placed too, if it can be."""
    before = state.nominated.get(key, None) if state.nominated else None
    state, effects = decided(state, (key, entry, state.queue), now, panel)
    left = state.queue.entries.get(key, None)
    if left is None:
        return state, Try(key, entry, None, state.placed[key].node, None, effects, ())
    own = tuple([effect for effect in effects if _is_about(effect, key, entry.pod)])
    others = tuple([effect for effect in effects if not _is_about(effect, key, entry.pod)])
    nominee = state.nominated.get(key, None) if state.nominated else None
    if nominee is None or nominee is before:
        return state, Try(key, entry, left, "", None, own, others)
    assumed = Placed(nominee.node, nominee.uid, entry.demand, entry.traits, assumed=True, entry=entry)
    state = replace(
        state,
        placed=state.placed.set(key, assumed),
        nodes=with_pod(state.nodes, nominee.node, entry.demand, entry.traits),
        nominated=state.nominated.remove(key),
        queue=without(state.queue, key),
    )
    return state, Try(key, entry, left, nominee.node, nominee, own, others)


def _is_about(effect: Effect, key: str, pod: Any) -> bool:
    if isinstance(effect, Record):
        return effect.about is pod
    if not isinstance(effect, Call):
        return False
    request = effect.request
    return (request.resource, request.namespace, request.name) == ("pods", *split_key(key))


def _back(state: State, tries: list[Try], now: Instant, *, waits: bool) -> tuple[State, tuple[Effect, ...]]:
    """Put the pods of a group back into the queue; if it *waits* for others to go, each with the node it is to have."""
    effects: tuple[Effect, ...] = ()
    for found in tries:
        key, entry, pod = found.key, found.entry, found.entry.pod
        left = found.left or replace(entry, place="waiting", since=now, errors=entry.errors + 1, plugins=())
        state = replace(state, queue=put(state.queue, key, left))
        more = found.effects
        if not found.node:
            pass
        elif waits:
            promised = found.nominee or Nominee(found.node, pod.metadata.uid, entry.demand, entry.traits)
            state = replace(state, nominated=state.nominated.set(key, promised))
            if found.nominee is None:
                more = told(key, pod, "Unschedulable", _PREEMPTING, now, node=found.node)
        else:
            if state.nominated and key in state.nominated:
                state = replace(state, nominated=state.nominated.remove(key))
            promised_before = pod.status is not None and pod.status.nominated_node_name
            more = told(key, pod, "Unschedulable", _WAITING, now, node="" if promised_before else None)
        effects = (*effects, *more, *(() if found.left is None else found.others))
    return state, effects


def _failed(
    state: State, group: str, members: list[tuple[str, Entry]], tries: list[Try], now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """Put a group back of which one pod could not even be tried: that one with its own error, the others with it."""
    last = tries[-1]
    (record,) = [effect for effect in last.effects if isinstance(effect, Record)]
    why = f"failed to schedule other pod from a pod group: {record.message}"
    effects: tuple[Effect, ...] = ()
    for key, entry in members:
        if key == last.key:
            assert last.left is not None, "it failed"
            state, more = replace(state, queue=put(state.queue, key, last.left)), last.effects
        else:
            state, more = failed(state, key, entry, why, now)
        effects = (*effects, *more)
    return state, (*effects, *_told(state, group, "SchedulerError", why, now))


def _told(state: State, key: str, reason: str, message: str, now: Instant) -> tuple[Effect, ...]:
    """Write into a group's status how it stands, unless it says so already, or says that it was placed."""
    group = state.views.groups.get(key, None)
    if group is None:
        return ()
    had = (group.status.conditions if group.status is not None else None) or ()
    status = "True" if reason == _PLACED else "False"
    if status != "True" and conditions.is_true(had, SCHEDULED):
        return ()
    condition: Any = meta_v1.Condition(
        type=SCHEDULED,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=Time.at(now),
        observed_generation=group.metadata.generation,
    )
    new = conditions.set(had, condition, now)
    if new is had:
        return ()
    namespace, name = split_key(key)
    body = freeze({"status": {"conditions": [dump(each) for each in new]}})
    request = Request(verb="patch", resource=GROUPS, namespace=namespace, name=name, subresource="status", body=body)
    return (Call(request),)
