"""Conditions: what a status says of an object, one entry for each type."""

from __future__ import annotations

from typing import Any, TypeVar

from reconcile.api.scalars import Time
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

C = TypeVar("C")


def find(conditions: tuple[C, ...] | None, type: str) -> C | None:
    """Give the condition of this type, if there is one."""
    for condition in conditions or ():
        if condition.type == type:  # type: ignore[attr-defined]
            return condition
    return None


def is_true(conditions: tuple[Any, ...] | None, type: str) -> bool:
    """Tell whether there is a condition of this type and its status is True."""
    found = find(conditions, type)
    return found is not None and found.status == "True"


def set(conditions: tuple[C, ...] | None, condition: C, now: Instant | None) -> tuple[C, ...]:  # noqa: A001 -- conditions.set reads as what it does
    """
    Give *conditions* with *condition* in place of the one of its type, or at the end.

    Its transition time is that of the old one if the status is the same; else its own, or *now* if it has none.
    If nothing changes the same tuple comes back.
    """
    kept = conditions or ()
    new: Any = condition
    for place, old in enumerate(kept):
        if old.type == new.type:  # type: ignore[attr-defined]
            return _replaced(kept, place, new, now)
    return (*kept, _dated(new, now))


def order_with(conditions: tuple[Any, ...] | None, type: str) -> tuple[Map[str], ...]:
    """Give what `$setElementOrder/conditions` says in a strategic patch of this condition: a new one stands last."""
    types = [condition.type for condition in conditions or ()]
    return tuple([Map({"type": each}) for each in dict.fromkeys([*types, type])])


def remove(conditions: tuple[C, ...] | None, type: str) -> tuple[C, ...]:
    """Give *conditions* without the one of this type; the same tuple if there is none."""
    kept = conditions or ()
    if find(kept, type) is None:
        return kept
    return tuple([condition for condition in kept if condition.type != type])  # type: ignore[attr-defined]


def _replaced(kept: tuple[Any, ...], place: int, new: Any, now: Instant | None) -> tuple[Any, ...]:
    old = kept[place]
    new = replace(new, last_transition_time=old.last_transition_time) if old.status == new.status else _dated(new, now)
    if new == old:
        return kept
    return (*kept[:place], new, *kept[place + 1 :])


def _dated(new: Any, now: Instant | None) -> Any:
    if new.last_transition_time is not None or now is None:
        return new
    return replace(new, last_transition_time=Time.at(now))
