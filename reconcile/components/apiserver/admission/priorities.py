"""
Priority: a pod's number, from its class or from the class that is everyone's default.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.api import core_v1
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.quick import quick
from reconcile.model import statuses

CLASSES: Final = "priorityclasses.scheduling.k8s.io"


@quick
@attrs.frozen(weakref_slot=False)
class Priority:
    """What a priority class gives to a pod."""

    name: str | None
    value: int
    preemption: str | None


_NO_PRIORITY: Final = Priority(None, 0, "PreemptLowerPriority")


def priority_of(ask: Ask, spec: core_v1.PodSpec, name: str) -> Priority:
    """Give the priority of a pod: its class's, or that of the class that is everyone's default."""
    wanted = spec.priority_class_name
    if wanted:
        found = ask.store.get(CLASSES, wanted)
        if found is None:
            raise Refusal(statuses.forbidden("pods", name, f"no PriorityClass with name {wanted} was found"))
        priority = Priority(wanted, found.value, found.preemption_policy)
    else:
        table = ask.store.table(CLASSES)
        priority = _default_priority(Same(table)) if len(table) else _NO_PRIORITY
    if spec.priority is not None and spec.priority != priority.value:
        why = (
            f"the integer value of priority ({spec.priority}) must not be provided in pod spec; priority admission"
            f" controller computed {priority.value} from the given PriorityClass name"
        )
        raise Refusal(statuses.forbidden("pods", name, why))
    if spec.preemption_policy is not None and priority.preemption and spec.preemption_policy != priority.preemption:
        why = (
            f"the string value of PreemptionPolicy ({spec.preemption_policy}) must not be provided in pod spec;"
            f" priority admission controller computed {priority.preemption} from the given PriorityClass name"
        )
        raise Refusal(statuses.forbidden("pods", name, why))
    return priority


def check_class(ask: Ask, obj: Any, old: Any) -> None:
    """Refuse a second class that is everyone's default."""
    if not obj.global_default or "Priority" in ask.state.disabled:
        return
    name = obj.metadata.name or ""
    for other in ask.store.table(CLASSES).values():
        if other.global_default and (old is None or other.metadata.name != name):
            why = f"PriorityClass {other.metadata.name} is already marked as default. Only one default can exist"
            raise Refusal(statuses.forbidden(CLASSES, name, why))


@lru_cache(maxsize=64)
def _default_priority(same: Same) -> Priority:
    chosen = None
    for found in same.value.values():
        # Of several defaults the lowest counts.
        if found.global_default and (chosen is None or found.value < chosen.value):
            chosen = found
    if chosen is None:
        return _NO_PRIORITY
    return Priority(chosen.metadata.name, chosen.value, chosen.preemption_policy)
