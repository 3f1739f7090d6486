"""
Telling: why a scheduler decided as it did, in the log or on the pod itself, where a cluster asks for that.

A turn is explained from the state in which it began, so what is told is what was decided by.

Takes:    the scheduler's state before and after a turn.
Gives:    Explain; Call (pods) with the annotations of kube-scheduler-simulator.
Source:   kube-scheduler-simulator, its storereflector: the results of a turn are written on the pod when it is over,
          and added to those of earlier ones. It does so with the rights of its user, as a scheduler may not.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from reconcile.api.scalars import freeze
from reconcile.components.scheduler.explaining import Explanation, annotations_of, explained, plain_of
from reconcile.components.scheduler.explaining.annotations import PREFIX
from reconcile.components.scheduler.explaining.explanation import profile_of
from reconcile.components.scheduler.state import State
from reconcile.effects import Call, Effect, Explain, Record
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request, User, split_key

HISTORY: Final = f"{PREFIX}result-history"
WRITER: Final = User(name="kube-scheduler-simulator", groups=("system:masters", "system:authenticated"))


def told_of(was: State, state: State, key: str, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """
    Tell why a pod's turn ended as it did.

    Args:
        was: the state in which the turn began.
        state: the state after it.
        key: the pod's.
        effects: what came of the turn.
    """
    entry = was.queue.entries.get(key, None)
    if entry is None or state.clock.asking is not None:
        return ()
    placed = state.placed.get(key, None)
    node = placed.node if placed is not None and placed.uid == entry.pod.metadata.uid else ""
    found = _as_decided(explained(was, entry.pod), node, effects)
    wanted = state.settings.explanations
    told: tuple[Effect, ...] = ()
    if "log" in wanted:
        plain: Any = freeze({**plain_of(found), "node": node})
        told = (Explain(key, plain),)
    if "pods" in wanted:
        told = (*told, _written(key, entry.pod, annotations_of(found, node, profile_of(was, entry.pod))))
    return told


def _as_decided(found: Explanation, node: str, effects: tuple[Effect, ...]) -> Explanation:
    """Give an explanation with what those had to say that only a turn asks: extenders, and others of the user's own."""
    if node or found.result != "bound":
        return found
    said = [each.message for each in effects if isinstance(each, Record) and each.reason == "FailedScheduling"]
    return attrs.evolve(found, result="unschedulable", best=(), message=said[0] if said else "")


def _written(key: str, pod: Any, annotations: dict[str, str]) -> Call:
    namespace, name = split_key(key)
    history = _earlier((pod.metadata.annotations or Map[str]()).get(HISTORY, "[]"))
    if history is not None:
        text = json.dumps([*history, annotations], separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        annotations = {**annotations, HISTORY: text}
    body: Any = freeze({"metadata": {"annotations": annotations}})
    return Call(Request(verb="patch", resource="pods", namespace=namespace, name=name, body=body), user=WRITER)


def _earlier(text: str) -> list[Any] | None:
    """Give the results of earlier turns; None if somebody has written there what is no list."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None
