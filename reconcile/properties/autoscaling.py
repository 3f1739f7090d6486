"""
What a HorizontalPodAutoscaler promises: it stays within its bounds, and scales no faster than its policies say.

Takes:    passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior;
          what was scaled when is told by the status, whose lastScaleTime moves with each time.
Left out: an autoscaler that has not observed its last change yet, or whose target somebody else scales meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.properties.property import Passage, Promise
from reconcile.store import Change

_AUTOSCALERS: Final = "horizontalpodautoscalers.autoscaling"
_PERCENT: Final = 100
_MARGIN: Final = 2 * SECOND  # a status says its times in seconds, and comes a little after the scale


@attrs.frozen
class _Scaled:
    """That a target was scaled: by how many replicas, less than 0 if down, and when."""

    by: int
    at: Instant


def _begin(_: Cluster) -> Map[tuple[_Scaled, ...]]:
    return Map()


def _within_bounds(_: None, passage: Passage) -> tuple[None, list[str]]:
    said: list[str] = []
    for change in passage.changes:
        new = change.new
        if change.resource != _AUTOSCALERS or new is None or not _scales(change):
            continue
        wanted, least = new.status.desired_replicas, 1 if new.spec.min_replicas is None else new.spec.min_replicas
        if not least <= wanted <= new.spec.max_replicas:
            said.append(f"{change.key} wants {wanted} replicas, not {least} to {new.spec.max_replicas}")
    return None, said


def _within_rate(known: Map[tuple[_Scaled, ...]], passage: Passage) -> tuple[Map[tuple[_Scaled, ...]], list[str]]:
    """Keep how each target was scaled, by its autoscaler's uid."""
    said: list[str] = []
    for change in passage.changes:
        if change.resource != _AUTOSCALERS or change.new is None or not _scales(change):
            continue
        uid, status, now = change.new.metadata.uid, change.new.status, passage.after.now
        current, wanted, before = status.current_replicas or 0, status.desired_replicas, known.get(uid, ())
        if change.new.spec.behavior is not None and current:
            said += _too_fast(change, before, current, wanted, now)
        known = known.set(uid, (*before, _Scaled(wanted - current, now)))
    return known, said


def _scales(change: Change) -> bool:
    """Tell whether a change says that its target was scaled, by the rules that stand there now."""
    old, new = change.old, change.new
    if old is None or new is None or new.status is None or new.status.last_scale_time is None:
        return False
    if new.status.observed_generation != new.metadata.generation:
        return False
    before = old.status.last_scale_time if old.status is not None else None
    return bool(before != new.status.last_scale_time)


def _too_fast(change: Change, before: tuple[_Scaled, ...], current: int, wanted: int, now: Instant) -> Iterator[str]:
    up, spec = wanted > current, change.new.spec
    rules = spec.behavior.scale_up if up else spec.behavior.scale_down
    least = 1 if spec.min_replicas is None else spec.min_replicas
    if rules is None or not least <= current <= spec.max_replicas:
        return  # what is out of bounds is brought back into them at once
    if rules.select_policy == "Disabled":
        yield f"{change.key} scales from {current} to {wanted}, which is disabled"
        return
    limits = [_limit(policy, before, current, now, up=up) for policy in rules.policies or ()]
    if not limits:
        return
    widest = max if (rules.select_policy == "Min") is not up else min
    limit = widest(limits)
    if (wanted > max(limit, current)) if up else (wanted < min(limit, current)):
        yield f"{change.key} scales from {current} to {wanted}, its policies let it go to {limit}"


def _limit(policy: Any, before: tuple[_Scaled, ...], current: int, now: Instant, *, up: bool) -> int:
    """Give how far one policy lets a target go from what it was when the period of the policy began."""
    since = now - policy.period_seconds * SECOND + _MARGIN
    start = current - sum([each.by for each in before if each.at > since])
    if policy.type == "Pods":
        return int(start + policy.value if up else start - policy.value)
    share: float = start * policy.value / _PERCENT
    return math.ceil(start + share) if up else math.floor(start - share)


AUTOSCALING: Final[tuple[Promise, ...]] = (
    Promise("an autoscaler stays within its bounds", (_AUTOSCALERS,), _within_bounds),
    Promise("an autoscaler keeps its policies' rate", (_AUTOSCALERS,), _within_rate, _begin),
)
"""What autoscalers promise."""
