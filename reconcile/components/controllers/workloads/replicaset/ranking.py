"""
Ranking: which pods go first when there are too many.

Source:   pkg/controller/controller_utils.go, ActivePodsWithRanks; pkg/controller/replicaset, getPodsToDelete.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cmp_to_key
from typing import Any, Final

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.model import conditions

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"

# Anything else counts as running.
_PHASES: Final = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST: Final = re.compile(r"0|-?[1-9][0-9]*")
_LARGEST_COST: Final = 2**31


@quick
@attrs.frozen(weakref_slot=False)
class Rank:
    """
    What is compared of a pod, in this order.

    Args:
        first: unassigned before assigned; Pending, Unknown, Running; not ready before ready; lower deletion cost; more
            related pods on its node.
        ready_at: for ready pods: those ready for less time go first, by powers of two.
        restarts: of ordinary containers and of sidecars: more go first.
        created_at: younger ones go first, by powers of two.
        uid: decides where the powers of two do not.
    """

    first: tuple[bool, int, bool, int, int]
    ready_at: Instant | None
    restarts: tuple[int, int]
    created_at: Instant | None
    uid: str


def to_delete(pods: tuple[Any, ...], related: tuple[Any, ...], count: int, now: Instant) -> tuple[Any, ...]:
    """
    Give the *count* pods that go first.

    Args:
        pods: active ones of one owner.
        related: active ones of all owners with the same controller: those on the same node make a pod go sooner.
        count: all pods if it is as many.
        now: against which ages are measured.
    """
    if count >= len(pods):
        return pods
    on_node = Counter([pod.spec.node_name for pod in related])
    ranks = [rank(pod, on_node[pod.spec.node_name]) for pod in pods]

    def order(one: int, other: int) -> int:
        return compare(ranks[one], ranks[other], now)

    # Upstream leaves it to chance which of equal ones goes; here it is the last by name.
    places = sorted(range(len(pods) - 1, -1, -1), key=cmp_to_key(order))
    return tuple([pods[place] for place in places[:count]])


def rank(pod: Any, on_node: int) -> Rank:
    """Give what is compared of *pod*, which shares its node with *on_node* related pods, itself among them."""
    status, metadata = pod.status, pod.metadata
    ready = conditions.find(status.conditions, "Ready") if status else None
    is_ready = ready is not None and ready.status == "True"
    created = metadata.creation_timestamp
    return Rank(
        (
            bool(pod.spec.node_name),
            _PHASES.get(status.phase if status else "Pending", 2),
            is_ready,
            deletion_cost(pod),
            -on_node,
        ),
        ready.last_transition_time.instant if is_ready and ready and ready.last_transition_time else None,
        _restarts(pod),
        created.instant if created else None,
        metadata.uid or "",
    )


def compare(one: Rank, other: Rank, now: Instant) -> int:
    """Give a number below 0 if *one* goes before *other*, above 0 if after."""
    if one.first != other.first:
        return -1 if one.first < other.first else 1
    if one.ready_at is not None and other.ready_at is not None and one.ready_at != other.ready_at:
        return _younger(one.ready_at, other.ready_at, now) or _by_uid(one, other)
    for mine, theirs in zip(one.restarts, other.restarts, strict=True):
        if mine != theirs:
            return theirs - mine
    if one.created_at != other.created_at:
        if one.created_at is None or other.created_at is None:
            return -1 if one.created_at is None else 1
        return _younger(one.created_at, other.created_at, now) or _by_uid(one, other)
    return 0


def deletion_cost(pod: Any) -> int:
    """Give the pod's deletion cost; one that is no 32-bit integer counts as 0."""
    text = (pod.metadata.annotations or {}).get(DELETION_COST)
    if text is None or not _COST.fullmatch(text):
        return 0
    cost = int(text) if len(text) <= len(str(-_LARGEST_COST)) else _LARGEST_COST
    return cost if -_LARGEST_COST <= cost < _LARGEST_COST else 0


def _younger(one: Instant, other: Instant, now: Instant) -> int:
    return _power(now - one) - _power(now - other)


def _power(age: int) -> int:
    return age.bit_length() - 1 if age > 0 else -1


def _by_uid(one: Rank, other: Rank) -> int:
    return (one.uid > other.uid) - (one.uid < other.uid)


def _restarts(pod: Any) -> tuple[int, int]:
    """Give the most restarts of any ordinary container, and of any sidecar."""
    status = pod.status
    if status is None:
        return 0, 0
    ordinary = max([one.restart_count or 0 for one in status.container_statuses or ()], default=0)
    if not status.init_container_statuses:
        return ordinary, 0
    sidecars = {one.name for one in pod.spec.init_containers or () if one.restart_policy == "Always"}
    counts = [one.restart_count or 0 for one in status.init_container_statuses if one.name in sidecars]
    return ordinary, max(counts, default=0)
