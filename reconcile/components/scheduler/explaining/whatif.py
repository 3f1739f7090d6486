"""
What if: whether pods would fit, how many more of one would, and who could not move if nodes were drained.

Each question plays turns on a copy of what a scheduler knows, and nothing is written. Of equally good nodes the first
by name is taken, where a scheduler draws, and all nodes are looked at, however many there are. Nobody is preempted.

Takes:    a scheduler's state (`cluster_seen`), pods, names of nodes.
Gives:    where pods would go.
Source:   kubectl drain (which pods it evicts); the scheduler.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from reconcile.components.scheduler.cache.nodes import slots_in
from reconcile.components.scheduler.explaining.explanation import entry_for, explained
from reconcile.components.scheduler.framework.cycle import looked_at, with_defaults, with_devices
from reconcile.components.scheduler.framework.ranking import best
from reconcile.components.scheduler.framework.search import key_of, searched, weighed_up
from reconcile.components.scheduler.state import State, profile_for
from reconcile.components.scheduler.steps import step
from reconcile.events import Watched
from reconcile.lib.replacing import replace
from reconcile.store import Change

_MIRROR: Final = "kubernetes.io/config.mirror"


@attrs.frozen(kw_only=True)
class Move:
    """
    Where a pod would go.

    Args:
        pod: its key.
        node: the node; empty if it would find none.
        message: why not.
    """

    pod: str
    node: str = ""
    message: str = ""


def placed(state: State, pods: Iterable[Any], *, strict: bool = False) -> tuple[tuple[Move, ...], State]:
    """
    Tell where these pods would go, one after the other, and give what a scheduler would know then.

    Args:
        state: what a scheduler knows.
        pods: the pods.
        strict: whether one for which there is no profile goes nowhere; else the first profile is for it.
    """
    moves: list[Move] = []
    for pod in pods:
        if strict and profile_for(state, pod) is None:
            moves.append(Move(pod=key_of(pod), message=nobody(pod)))
            continue
        state, node = _with_turn(state, pod)
        message = "" if node else explained(state, pod).message
        moves.append(Move(pod=key_of(pod), node=node, message=message))
    return tuple(moves), state


def nobody(pod: Any) -> str:
    """Say that no scheduler has a profile for a pod."""
    return f'no scheduler of this cluster has a profile for schedulerName "{pod.spec.scheduler_name}"'


def room_for(state: State, pod: Any, *, most: int = 100_000, strict: bool = False) -> tuple[dict[str, int], str]:
    """
    Tell how many more pods like this would fit: node -> how many, and why not one more.

    Args:
        state: what a scheduler knows.
        pod: any such pod; it need not be there.
        most: stop at so many; then no reason is given.
        strict: as for `placed`.
    """
    if strict and profile_for(state, pod) is None:
        return {}, nobody(pod)
    found: dict[str, int] = {}
    for number in range(most):
        name = f"{pod.metadata.name}-{number}"
        metadata = attrs.evolve(pod.metadata, name=name, uid=f"{pod.metadata.uid or ''}-{number}")
        copy = attrs.evolve(pod, metadata=metadata)
        state, node = _with_turn(state, copy)
        if not node:
            return found, explained(state, copy).message
        found[node] = found.get(node, 0) + 1
    return found, ""


def drained(state: State, nodes: Iterable[str], *, strict: bool = False) -> tuple[Move, ...]:
    """Tell where the pods of these nodes would go if all were drained at once; *strict* as for `placed`."""
    leaving = sorted({*nodes})
    pods = state.views.pods
    moving = [pods[key] for name in leaving for key in pods.keys_under("node", name) if _moves(pods[key])]
    for pod in moving:
        state = _told(state, "pods", key_of(pod), pod, None)
    for name in leaving:
        slot = state.nodes.fleet.slots.get(name, None)
        if slot is not None and slot in state.nodes.fleet.rooms:
            state = _told(state, "nodes", name, None, None)
    again = [attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=None)) for pod in moving]
    return placed(state, sorted(again, key=_rank), strict=strict)[0]


def _with_turn(state: State, pod: Any) -> tuple[State, str]:
    """Give a pod its turn, and a state in which it is where it would go; an empty name if nowhere."""
    entry, wanted = with_devices(entry_for(state, pod), state)
    memory, ranking, layout, around = looked_at(state, entry, wanted)
    entry = with_defaults(entry, around)
    search = searched(entry, ranking, layout, around, state.nominated)
    if not search.fit or (pod.spec.scheduling_gates and around.profile.gates):
        return state, ""
    fit = search.fit
    groups = weighed_up(entry, fit, around)[1] if fit & (fit - 1) else []
    choice = best(ranking, layout, entry.wishes, around.nodes, fit, groups=groups, profile=around.profile)
    node = min([around.nodes.fleet.names[slot] for slot in slots_in(choice)])
    memory = replace(memory, census=around.census.closed(memory.census))
    there = attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=node))
    return _told(replace(state, memory=memory), "pods", key_of(pod), None, there), node


def _told(state: State, resource: str, key: str, old: Any, new: Any) -> State:
    view = state.views.pods
    if resource == "pods":
        view = view.remove(key) if new is None else view.set(key, new)
    state, _ = step(state, Watched(0, resource, (Change(0, resource, key, old, new),), view))
    return state


def _moves(pod: Any) -> bool:
    """Tell whether a drain evicts the pod: not if it is finished, a node's own, or a DaemonSet's."""
    if pod.status is not None and pod.status.phase in {"Succeeded", "Failed"}:
        return False
    if _MIRROR in (pod.metadata.annotations or {}):
        return False
    owners = pod.metadata.owner_references or ()
    return not any(owner.controller and owner.kind in {"DaemonSet", "Node"} for owner in owners)


def _rank(pod: Any) -> tuple[int, str]:
    return -(pod.spec.priority or 0), key_of(pod)
