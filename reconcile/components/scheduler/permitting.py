"""
Permitting: what plugins of the user's own have to say once a pod has its node, and whom changes may help.

A pod that has its node is asked for at `reserve`, then at `permit`: it goes on to be bound, is refused, or waits. Those
who wait are asked for again whenever something has happened, and refused when their time is over.

Source:   the scheduler framework's RunReservePluginsReserve, RunPermitPlugins, WaitOnPermit, RunPreBindPlugins,
          RunPostBindPlugins; its EventsToRegister.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.scheduler.cache.storage import Permit
from reconcile.components.scheduler.framework.cycle import looked_at, reserved, with_devices
from reconcile.components.scheduler.framework.messages import unschedulable
from reconcile.components.scheduler.framework.own import OwnCycle
from reconcile.components.scheduler.framework.showing import opened, snapshot_of
from reconcile.components.scheduler.framework.statuses import status_written, told
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugin import Own, Turn, said
from reconcile.components.scheduler.queue.queue import Entry, put, roused
from reconcile.components.scheduler.state import Placed, State, profile_for
from reconcile.components.scheduler.watching import held, left
from reconcile.effects import Call, CancelTimer, Effect, SetTimer
from reconcile.events import Watched
from reconcile.lib.instant import Instant, duration_text
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request

PERMITS: Final = ("permits",)


def asked(state: State, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Ask for every pod that has a node and is not on its way to be bound yet, until nothing more comes of it."""
    effects: tuple[Effect, ...] = ()
    moved = True
    while moved:
        moved = False
        for key in list(state.reserved.permits.keys()):
            if key not in state.reserved.permits:
                continue
            state, more, went = _asked(state, key, now)
            effects, moved = (*effects, *more), moved or went
    return _timed(state, effects)


def bound(state: State, pod: Any, node: str) -> tuple[Effect, ...]:
    """Give what is asked of the API server now that a pod is bound."""
    profile = profile_for(state, pod)
    effects: list[Effect] = []
    for each in profile.own if profile is not None else ():
        if each.at("postBind") and each.plugin.post_bind is not None:
            turn = Turn(pod, snapshot_of(state))
            found = each.plugin.post_bind(turn, state.views.nodes.get(node, None))
            effects += [
                Call(said(each.plugin.name, "post_bind", request, Request))
                for request in said(each.plugin.name, "post_bind", found, tuple, list)
            ]
    return tuple(effects)


def stirred(state: State, event: Watched) -> State:
    """Wake the pods that a change may help, as the plugins that refused them say; look at those that are held."""
    owns = [each for profile in (state.settings.profile, *state.settings.others) for each in profile.own]
    for change in event.changes:
        names = {each.plugin.name: each for each in owns if _minds(each, event.watch)}
        keys: list[str] = []
        for group in list(state.queue.groups.keys()):
            asking = [names[plugin] for plugin in group[3] if plugin in names]
            for key in state.queue.waiting.keys_under("group", group) if asking else ():
                pod = state.queue.entries[key].pod
                if any(_helps(each, event.watch, pod, change.old, change.new) for each in asking):
                    keys.append(key)
        state = replace(state, queue=roused(state.queue, keys, event.now))
    if any(each.at("preEnqueue") for each in owns):
        state = _released(state)
    return state


def _released(state: State) -> State:
    queue = state.queue
    for key, entry in list(queue.entries.items()):
        if entry.place == "gated" and not held(state, entry.pod):
            queue = put(queue, key, replace(entry, place="active"))
    return replace(state, queue=queue)


def _minds(own: Own, watch: str) -> bool:
    events = own.plugin.events
    return events is None or any(each.resource == watch for each in events)


def _helps(own: Own, watch: str, pod: Any, old: Any, new: Any) -> bool:
    events = own.plugin.events
    return events is None or any(each.resource == watch and each.helps(pod, old, new) for each in events)


def _asked(state: State, key: str, now: Instant) -> tuple[State, tuple[Effect, ...], bool]:
    """Ask for one pod; the last tells whether it does not wait any more."""
    permit = state.reserved.permits[key]
    placed = state.placed.get(key, None)
    entry = None if placed is None else placed.entry
    if placed is None or entry is None or placed.uid != permit.uid:
        return _without(state, key), (), True
    profile = profile_for(state, entry.pod) or state.settings.profile
    own = opened(state, entry.pod, profile)
    assert own is not None, "there are plugins that let it wait"
    for plugin, until in permit.until:
        if until <= now:
            waited = duration_text(until - permit.since)
            said = f"rejected due to timeout after waiting {waited} at plugin {plugin}"
            return (*_turned_down(state, key, placed, Refusal(plugin, (said,), final=False), now), True)
    refusal = own.kept("reserve", placed.node) if permit.new else None
    if refusal is not None:
        return (*_turned_down(state, key, placed, refusal, now), True)
    found = own.permitted(placed.node)
    if isinstance(found, Refusal):
        return (*_turned_down(state, key, placed, found, now), True)
    if not found:
        return (*_gone_on(state, key, placed, entry, own, now=now), True)
    known = dict(permit.until)
    ends = tuple([(name, known.get(name, permit.since + wait.longest)) for name, wait in found])
    kept = Permit(permit.uid, permit.since, ends, new=False)
    permits = state.reserved.permits.set(key, kept)
    status = entry.pod.status
    known_there = status is not None and status.nominated_node_name == placed.node
    told_where = () if known_there or not permit.new else (status_written(key, {"nominatedNodeName": placed.node}),)
    return replace(state, reserved=replace(state.reserved, permits=permits)), told_where, False


def _gone_on(
    state: State, key: str, placed: Placed, entry: Entry, own: OwnCycle, *, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """Have a pod bound that may be, or see to its volumes first."""
    refusal = own.kept("preBind", placed.node)
    if refusal is not None:
        return _turned_down(state, key, placed, refusal, now)
    state = _without(state, key)
    devices = None
    if state.clock.opened:
        entry, devices = with_devices(entry, state, now)
    _, _, _, around = looked_at(state, entry, devices)
    slot = state.nodes.fleet.slots[placed.node]
    if devices is not None:
        # Others may have taken them meanwhile.
        found = devices.on(slot, state.nodes.fleet.rooms[slot])
        if isinstance(found, Refusal):
            return _turned_down(state, key, placed, found, now)
    return reserved(state, key, entry, slot, around, now=now)


def _turned_down(
    state: State, key: str, placed: Placed, refusal: Refusal, now: Instant
) -> tuple[State, tuple[Effect, ...]]:
    """Take a pod off the node that it was to have, and let it wait."""
    entry = placed.entry
    assert entry is not None, "it is not bound yet"
    state = left(_without(state, key), key, placed, now)
    entry = replace(
        entry, place="waiting", since=now, unschedulable=entry.unschedulable + 1, errors=0, plugins=(refusal.plugin,)
    )
    state = replace(state, queue=put(state.queue, key, entry))
    return state, told(key, entry.pod, "Unschedulable", unschedulable([(refusal, 1)], 1, ""), now)


def _without(state: State, key: str) -> State:
    return replace(state, reserved=replace(state.reserved, permits=state.reserved.permits.remove(key)))


def _timed(state: State, effects: tuple[Effect, ...]) -> tuple[State, tuple[Effect, ...]]:
    ends = [until for permit in state.reserved.permits.values() for _, until in permit.until]
    at = min(ends) if ends else None
    if at == state.clock.permits_at:
        return state, effects
    timer = CancelTimer(PERMITS) if at is None else SetTimer(PERMITS, at)
    return replace(state, clock=replace(state.clock, permits_at=at)), (*effects, timer)
