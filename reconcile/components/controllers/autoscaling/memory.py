"""
What the controller of autoscalers remembers: looks under way, when the next are due, what was recommended and done.

Takes:    nothing.
Gives:    Memory.
Source:   pkg/controller/podautoscaler/horizontal.go: recommendations, scaleUpEvents, scaleDownEvents, hpaSelectors.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api.autoscaling_v2 import HorizontalPodAutoscalerStatus
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

AUTOSCALERS: Final = "horizontalpodautoscalers.autoscaling"


@quick
@attrs.frozen(weakref_slot=False)
class Sample:
    """A number of replicas, and when it was: what was recommended, or by how many was scaled."""

    replicas: int
    at: Instant


@quick
@attrs.frozen(weakref_slot=False)
class History:
    """What was recommended for one target before it was stabilised, and how it was scaled up and down."""

    recommended: tuple[Sample, ...] = ()
    ups: tuple[Sample, ...] = ()
    downs: tuple[Sample, ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Look:
    """
    One look at an autoscaler, from one call's answer to the next.

    Args:
        stage: what the calls under way are for: scale, metrics, resize, refresh, save.
        autoscaler: as it was when the look began.
        status: what is to be written of it.
        scale: its target's.
        resource: the target's.
        desired: how many replicas there are to be.
        why: the reason for that, in words.
        statuses: of its metrics; None while they were not asked for.
        tries: how often the scale was written in vain.
        moving: something is under way that another look has to see to its end.
        records: events to be recorded with the next outcome.
    """

    stage: str = ""
    autoscaler: Any
    status: HorizontalPodAutoscalerStatus
    scale: Any = None
    resource: str = ""
    desired: int = 0
    why: str = ""
    statuses: tuple[Any, ...] | None = None
    tries: int = 0
    moving: bool = False
    records: tuple[Record, ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Memory:
    """
    Everything that is remembered, by the autoscaler's key.

    Args:
        looks: those under way.
        due: when the next one is.
        histories: of their targets.
        selectors: of their targets, as they were last seen.
    """

    looks: Table[str, Look] = attrs.field(factory=Table)
    due: Table[str, Instant] = attrs.field(factory=Table)
    histories: Table[str, History] = attrs.field(factory=Table)
    selectors: Table[str, str] = attrs.field(factory=Table)


def without(memory: Memory, key: str) -> Memory:
    """Give *memory* without all that it has of one autoscaler."""
    return Memory(
        looks=memory.looks.remove(key) if key in memory.looks else memory.looks,
        due=memory.due.remove(key) if key in memory.due else memory.due,
        histories=memory.histories.remove(key) if key in memory.histories else memory.histories,
        selectors=memory.selectors.remove(key) if key in memory.selectors else memory.selectors,
    )
