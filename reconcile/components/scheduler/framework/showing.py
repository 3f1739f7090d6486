"""
Showing: what plugins of the user's own are shown of what a scheduler knows.

Source:   the scheduler framework's SharedLister.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.scheduler.framework.own import OwnCycle
from reconcile.components.scheduler.framework.profile import Profile
from reconcile.components.scheduler.plugin import NOTHING, Snapshot, Turn, said
from reconcile.components.scheduler.state import State, profile_for
from reconcile.model.requests import Request

BINDER: Final = "DefaultBinder"


def snapshot_of(state: State) -> Snapshot:
    """Give what the scheduler knows now."""
    placed = state.placed
    waiting = [(placed[key], key) for key in state.reserved.permits if key in placed]
    return Snapshot(
        state.views.nodes,
        state.views,
        lambda name: _pods_on(state, name),
        tuple([(each.entry.pod, each.node) for each, _ in waiting if each.entry is not None]),
    )


def opened(state: State, pod: Any, profile: Profile) -> OwnCycle | None:
    """Give the user's plugins as they are asked of *pod*; None if there are none."""
    if not profile.own:
        return None
    pods = {key: state.queue.entries[key].pod for key in state.nominated if key in state.queue.entries}
    return OwnCycle(profile.own, pod, state.nodes, snapshot_of(state), pods)


def bound_by_own(state: State, pod: Any, node: str) -> tuple[str, Request | None]:
    """Give the plugin that binds a pod, and its request; None if that is Kubernetes' own, with its usual one."""
    profile = profile_for(state, pod) or state.settings.profile
    for each in profile.own:
        if each.at("bind") and each.plugin.bind is not None:
            found = each.plugin.bind(Turn(pod, snapshot_of(state)), state.views.nodes.get(node, None))
            request: Request | None = said(each.plugin.name, "bind", found, Request, NOTHING)
            if request is not None:
                return each.plugin.name, request
    return BINDER, None


def _pods_on(state: State, name: str) -> tuple[Any, ...]:
    pods, placed = state.views.pods, state.placed
    keys = [key for key in pods.keys_under("node", name) if key in placed and placed[key].node == name]
    slot = state.nodes.fleet.slots.get(name, None)
    used = None if slot is None else state.nodes.used.get(slot, None)
    found = [pods[key] for key in keys]
    if used is not None and used.pods > len(keys):
        # Some are on their way there, and the watch has not told it yet.
        known = {*keys}
        found += [
            each.entry.pod
            for key, each in placed.items()
            if each.node == name and key not in known and each.entry is not None
        ]
    return tuple(found)
