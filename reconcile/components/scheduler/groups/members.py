"""
Members: which pods name which group, as far as the scheduler is concerned with them, and whom a gang holds back.

A pod belongs if it is on a node, or is this scheduler's to place. A gang has as many members as it has pods that
belong, wherever in the queue they are; before it has enough of them none of its pods has a turn.

Source:   the scheduler's cache, podgroupstate.go; the plugin GangScheduling: PreEnqueue, EventsToRegister.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from reconcile.api.golang import quoted
from reconcile.components.scheduler.queue.queue import put, roused
from reconcile.components.scheduler.state import State, profile_for
from reconcile.events import Watched
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model.pods.grouping import GROUPS, group_of
from reconcile.model.requests import key_of
from reconcile.store import Change

_FINISHED: Final = ("Succeeded", "Failed")

Kept = Callable[[State, Any], bool]
"""Tells whether anything keeps a pod from having a turn."""


def regrouped(was: State, state: State, event: Watched, kept: Kept) -> State:
    """
    Note who belongs to which group after a change, and let those go on whom it helps.

    Args:
        was: the scheduler's state before the change.
        state: the state in which it is taken in already.
        event: what tells of it.
        kept: tells whether anything keeps a pod from having a turn.
    """
    if event.watch == "pods":
        others = [change.key for change in event.changes if change.key not in was.placed]
        return _released(_noted(state, event.changes), event.changes, event.now, kept, frozenset(others))
    if event.watch == GROUPS:
        for change in event.changes:
            if change.new is not None and (change.old is None or change.new.spec is not change.old.spec):
                state = _let_go(state, change.key, event.now, kept, stirs=True)
    return state


def _noted(state: State, changes: Iterable[Change]) -> State:
    known = members = state.memory.members
    for change in changes:
        group = "" if change.new is None or not _belongs(state, change.new) else group_of(change.new)
        if group:
            members = members.set(change.key, group)
        elif change.key in members:
            members = members.remove(change.key)
    return state if members is known else replace(state, memory=replace(state.memory, members=members))


def _belongs(state: State, pod: Any) -> bool:
    if pod.status is not None and pod.status.phase in _FINISHED:
        return False
    return bool(pod.spec.node_name) or profile_for(state, pod) is not None


def is_held(state: State, pod: Any) -> bool:
    """Tell whether a pod waits for its group to be there, or for enough pods of its gang."""
    return bool(why_held(state, pod))


def why_held(state: State, pod: Any) -> str:
    """Say what a pod waits for before it has a turn, the group or more of its gang; empty if for neither."""
    name = group_of(pod)
    if not name or not state.settings.gangs:
        return ""
    group = state.views.groups.get(name, None)
    if group is None:
        # In upstream's words.
        return f"waiting for pods's pod group {quoted(name.rpartition('/')[2])} to appear in scheduling queue"
    gang, members = group.spec.scheduling_policy.gang, state.memory.members
    if gang is None or members.count("group", name) + (key_of(pod) not in members) >= gang.min_count:
        return ""
    return "waiting for minCount pods from a gang to appear in scheduling queue"


def _released(state: State, changes: Iterable[Change], now: Instant, kept: Kept, others: frozenset[str]) -> State:
    """Let those go on whose gang has become large enough, or of which *others* have placed more."""
    grown: dict[str, bool] = {}
    for change in changes:
        pod, old = change.new, change.old
        group = state.memory.members.get(change.key, "")
        if not group:
            continue
        bound = bool(pod.spec.node_name) and (old is None or not old.spec.node_name)
        if old is None or bound:
            grown[group] = grown.get(group, False) or (bound and change.key in others)
    for group, stirs in grown.items():
        state = _let_go(state, group, now, kept, stirs=stirs)
    return state


def _let_go(state: State, group: str, now: Instant, kept: Kept, *, stirs: bool) -> State:
    """Let the pods of a group go on that it held back; if something *stirs* it, those too that found no node."""
    queue = state.queue
    waiting: list[str] = []
    for key in state.memory.members.keys_under("group", group):
        entry = queue.entries.get(key, None)
        if entry is None:
            continue
        if entry.place == "gated" and not kept(state, entry.pod):
            queue = put(queue, key, replace(entry, place="active"))
        elif entry.place == "waiting":
            waiting.append(key)
    if stirs and waiting:
        queue = roused(queue, waiting, now)
    return state if queue is state.queue else replace(state, queue=queue)
