"""
Choosing: which stage an object goes into, and when.

Takes:    stages, an object, dice, an instant.
Gives:    a Stage, a Duration.
Source:   https://kwok.sigs.k8s.io/docs/user/stages-configuration/
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconcile.api.scalars import MicroTime, Time
from reconcile.lib.cel import Span
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant, parse_duration
from reconcile.lib.jq import JqError, compiled
from reconcile.model.cel import CelError, evaluate
from reconcile.model.stages.values import Delay, Expression, Requirement, Seen, Stage

_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")


def matching(stages: tuple[Stage, ...], seen: Seen) -> tuple[Stage, ...]:
    """Give the stages that an object may go into."""
    return tuple([stage for stage in stages if _matches(stage, seen)])


def chosen(stages: tuple[Stage, ...], seen: Seen, dice: Dice) -> tuple[Stage | None, Dice]:
    """
    Choose the stage that an object goes into, by their weights; None if there is none.

    If weights are all 0, one of them is as likely as another; one whose weight cannot be found is chosen only if that
    is so of all.
    """
    found = matching(stages, seen)
    if len(found) < 2:  # noqa: PLR2004 -- nothing to choose
        return (found[0] if found else None), dice
    weights = [_weight(stage, seen) for stage in found]
    known = [stage for stage, weight in zip(found, weights, strict=True) if weight is not None]
    total = sum(weight for weight in weights if weight is not None and weight > 0)
    if total == 0:
        return dice.pick(known or found)
    drawn, dice = dice.below(total)
    for stage, weight in zip(found, weights, strict=True):
        if weight is None or weight <= 0:
            continue
        drawn -= weight
        if drawn < 0:
            return stage, dice
    raise AssertionError("one of them has it")


def delay_of(stage: Stage, seen: Seen, now: Instant, dice: Dice) -> tuple[Duration, Dice]:
    """Draw how long an object takes to go into a stage; a second duration that is no longer counts alone."""
    delay = stage.delay
    if delay is None:
        return 0, dice
    least = _duration(delay.duration, delay.duration_from, seen, now)
    if least is None:
        return 0, dice
    most = _most(delay, seen, now)
    if most is None:
        return max(least, 0), dice
    if most <= least:
        return max(most, 0), dice
    more, dice = dice.below(most - least)
    return max(least + more, 0), dice


def _most(delay: Delay, seen: Seen, now: Instant) -> Duration | None:
    if delay.jitter is None and delay.jitter_from is None:
        return None
    return _duration(delay.jitter, delay.jitter_from, seen, now)


def _matches(stage: Stage, seen: Seen) -> bool:
    metadata = seen.metadata
    for wanted, name in ((stage.labels, "labels"), (stage.annotations, "annotations")):
        there: Mapping[str, str] = metadata.get(name) or {}
        if any(there.get(key) != value for key, value in wanted.items()):
            return False
    return all(_fulfils(requirement, seen) for requirement in stage.requirements)


def _fulfils(requirement: Requirement, seen: Seen) -> bool:
    if requirement.expression.language == "cel":
        try:
            return evaluate(requirement.expression.text, {"self": seen.data}) is True
        except CelError:
            return False
    found = _found(requirement.expression, seen)
    values, operator = found or [], requirement.operator
    if operator in ("In", "NotIn"):
        return any(_word(value) in requirement.values for value in values) is (operator == "In")
    return any(value is not None for value in values) is (operator == "Exists")


def _word(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int)) else None


def _found(expression: Expression, seen: Seen) -> list[Any] | None:
    """Give what an expression of jq finds; None if it comes to an error, which counts as nothing found."""
    try:
        return compiled(expression.text)(seen.data)
    except JqError:
        return None


def _first(expression: Expression, seen: Seen) -> Any:
    if expression.language == "cel":
        try:
            return evaluate(expression.text, {"self": seen.data})
        except CelError:
            return None
    return next(iter(_found(expression, seen) or ()), None)


def _weight(stage: Stage, seen: Seen) -> int | None:
    """Give a stage's weight; None if the object says one that is no number."""
    if stage.weight_from is None:
        return stage.weight
    value = _first(stage.weight_from, seen)
    if isinstance(value, str):
        match = _INTEGER.fullmatch(value)
        if match is None:
            return None
        digits = re.sub(r"^([-+]?)0([0-7]+)$", r"\g<1>0o\2", value)
        return int(digits, 0)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value)
    return stage.weight


def _read(text: str, now: Instant) -> Duration | None:
    """Read a duration, or the instant up to which it lasts; None if it is neither."""
    for kind in (MicroTime, Time):
        try:
            return kind.parse(text).instant - now
        except ReconcileError:
            continue
    try:
        return parse_duration(text)
    except ReconcileError:
        return None


def _duration(said: Duration | None, source: Expression | None, seen: Seen, now: Instant) -> Duration | None:
    """Give a duration, which the object may say: as one, or as the instant up to which it lasts."""
    value = None if source is None else _first(source, seen)
    if value == "":
        return None
    if isinstance(value, str):
        found = _read(value, now)
        return said if found is None else found
    return value.length if isinstance(value, Span) else said
