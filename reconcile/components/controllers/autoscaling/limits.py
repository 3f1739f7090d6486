"""
How far a recommendation is followed: its stabilisation over time, the policies of its rate, the bounds.

Takes:    a recommendation, what was recommended and done before, the autoscaler's behavior.
Gives:    Limited: how many replicas there are to be, and the conditions that say why.
Source:   pkg/controller/podautoscaler/horizontal.go: normalizeDesiredReplicas, normalizeDesiredReplicasWithBehaviors.
Left out: nothing known.
"""

from __future__ import annotations

import math
from typing import Any, Final

import attrs

from reconcile.components.controllers.autoscaling.memory import History, Sample
from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace

# kube-controller-manager --horizontal-pod-autoscaler-downscale-stabilization
STABILIZATION: Final[Duration] = 5 * MINUTE

_FACTOR: Final = 2.0
_LEAST_LIMIT: Final = 4.0
_MOST: Final = (1 << 31) - 1
_WITHIN: Final = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FEW: Final = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_MANY: Final = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FAST: Final = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_TOO_FAST_DOWN: Final = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
)
_READY: Final = ("ReadyForNewScale", "recommended size matches current size")
_UP_STABILIZED: Final = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_DOWN_STABILIZED: Final = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Limited:
    """
    What a recommendation has become.

    Args:
        replicas: how many there are to be.
        history: with the recommendation.
        able: reason and message of AbleToScale.
        limited: whether ScalingLimited is true.
        why: its reason and message.
    """

    replicas: int
    history: History
    able: tuple[str, str]
    limited: bool
    why: tuple[str, str]


def limited(  # noqa: PLR0917 -- all that a rule goes by
    spec: Any,
    history: History,
    current: int,
    recommended: int,
    least: int,
    now: Instant,
    stabilization: Duration = STABILIZATION,
) -> Limited:
    """
    Follow a recommendation as far as an autoscaler allows.

    Args:
        spec: the autoscaler's.
        history: what was recommended and done before.
        current: how many replicas its target is to have now.
        recommended: how many its metrics ask for.
        least: the fewest.
        now: the instant.
        stabilization: for how long the highest recommendation counts, where an autoscaler does not say.
    """
    if spec.behavior is None:
        stable, able, history = _stabilized(history, recommended, now, stabilization)
        replicas, why = _bounded(current, stable, least, spec.max_replicas)
    else:
        stable, able, history = _stabilized_by(spec.behavior, history, current, recommended, now, stabilization)
        replicas, why = _rated(spec, history, current, stable, least, now)
    return Limited(
        replicas=replicas,
        history=history,
        able=_READY if stable == recommended else able,
        limited=replicas != stable,
        why=why,
    )


def scaled(spec: Any, history: History, current: int, desired: int, now: Instant) -> History:
    """Note in *history* that a target was scaled; without a behavior nobody asks for that."""
    behavior = spec.behavior
    if behavior is None:
        return history
    up = desired > current
    rules, samples = (behavior.scale_up, history.ups) if up else (behavior.scale_down, history.downs)
    longest = max([policy.period_seconds for policy in rules.policies or ()], default=0)
    sample = Sample(abs(desired - current), now)
    kept = _kept(samples, sample, now - longest * SECOND)
    return replace(history, ups=kept) if up else replace(history, downs=kept)


def _kept(samples: tuple[Sample, ...], new: Sample, cutoff: Instant) -> tuple[Sample, ...]:
    """Give *samples* with the new one in place of the last that is older than *cutoff*, else at the end."""
    for place in range(len(samples) - 1, -1, -1):
        if samples[place].at < cutoff:
            return (*samples[:place], new, *samples[place + 1 :])
    return (*samples, new)


def _stabilized(
    history: History, recommended: int, now: Instant, stabilization: Duration
) -> tuple[int, tuple[str, str], History]:
    cutoff = now - stabilization
    highest = max([recommended, *[each.replicas for each in history.recommended if each.at >= cutoff]])
    kept = _kept(history.recommended, Sample(recommended, now), cutoff)
    return highest, _DOWN_STABILIZED, replace(history, recommended=kept)


def _stabilized_by(  # noqa: PLR0917 -- likewise
    behavior: Any, history: History, current: int, recommended: int, now: Instant, stabilization: Duration
) -> tuple[int, tuple[str, str], History]:
    up_window = behavior.scale_up.stabilization_window_seconds
    down_window = behavior.scale_down.stabilization_window_seconds
    up = now - up_window * SECOND
    down = now - (stabilization if down_window is None else down_window * SECOND)
    lowest = min([recommended, *[each.replicas for each in history.recommended if each.at > up]])
    highest = max([recommended, *[each.replicas for each in history.recommended if each.at > down]])
    stable = min(max(current, lowest), highest)
    kept = _kept(history.recommended, Sample(recommended, now), min(up, down))
    why = _UP_STABILIZED if recommended >= current else _DOWN_STABILIZED
    return stable, why, replace(history, recommended=kept)


def _bounded(current: int, desired: int, least: int, most: int) -> tuple[int, tuple[str, str]]:
    limit = int(max(_FACTOR * current, _LEAST_LIMIT))
    highest, why = (limit, _TOO_FAST) if most > limit else (most, _TOO_MANY)
    if desired < least:
        return least, _TOO_FEW
    return (highest, why) if desired > highest else (desired, _WITHIN)


def _rated(  # noqa: PLR0917 -- as above
    spec: Any, history: History, current: int, desired: int, least: int, now: Instant
) -> tuple[int, tuple[str, str]]:
    if desired > current:
        limit = max(_rate(spec.behavior.scale_up, history, current, now, up=True), current)
        highest, why = (limit, _TOO_FAST) if spec.max_replicas > limit else (spec.max_replicas, _TOO_MANY)
        return (highest, why) if desired > highest else (desired, _WITHIN)
    if desired < current:
        limit = min(_rate(spec.behavior.scale_down, history, current, now, up=False), current)
        lowest, why = (limit, _TOO_FAST_DOWN) if least < limit else (least, _TOO_FEW)
        return (lowest, why) if desired < lowest else (desired, _WITHIN)
    return desired, _WITHIN


def _rate(rules: Any, history: History, current: int, now: Instant, *, up: bool) -> int:
    """Give the number of replicas up to which, or down to which, the policies let a target be scaled now."""
    if rules.select_policy == "Disabled":
        return current
    proposed: list[int] = []
    for policy in rules.policies or ():
        cutoff = now - policy.period_seconds * SECOND
        added, deleted = [
            sum([each.replicas for each in of if each.at > cutoff]) for of in (history.ups, history.downs)
        ]
        start = current - added + deleted
        if policy.type == "Pods":
            proposed.append(start + policy.value if up else start - policy.value)
        elif up:
            # Rounded up, or a small target would never be scaled.
            proposed.append(math.ceil(start * (1 + policy.value / 100)))
        else:
            proposed.append(int(start * (1 - policy.value / 100)))
    # The largest change is the highest number on the way up, and the lowest on the way down.
    highest = (rules.select_policy == "Min") is not up
    if not proposed:
        return -_MOST if highest else _MOST
    return max(proposed) if highest else min(proposed)


def _sum(samples: tuple[Sample, ...], cutoff: Instant) -> int:
    return sum([each.replicas for each in samples if each.at > cutoff])
