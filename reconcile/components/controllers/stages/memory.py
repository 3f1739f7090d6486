"""What a controller that plays stages remembers."""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.stages import Doing, Pool


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Plan:
    """
    Which stage an object goes into.

    Args:
        object: as it was when that was decided.
        stage: the place of the stage among its resource's; -1: into none, or that is done.
        due: when.
        playing: what is still to be asked of the API server; None before it is played.
    """

    object: Any
    stage: int = -1
    due: Instant = 0
    playing: tuple[Doing, ...] | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Memory:
    """
    What is remembered.

    Args:
        plans: by the key of the object.
        pool: the addresses of pods.
        start: when it first heard of anything.
        returning: by the name of a stage whether it leads to itself, as heartbeats do.
    """

    plans: Table[str, Plan] = attrs.field(factory=Table)
    pool: Pool = attrs.field(factory=Pool)
    start: Instant = 0
    returning: Map[bool] = Map()
