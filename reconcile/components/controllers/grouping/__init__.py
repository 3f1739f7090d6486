"""
Controllers of pods that are scheduled in groups: they run only where feature gates let pods name a group.

Source:   https://kubernetes.io/docs/concepts/workloads/workload-api/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.grouping import protection
from reconcile.components.controllers.runtime import Controller
from reconcile.lib.mapping import Map
from reconcile.model import gates

CONTROLLERS: Final[tuple[Controller, ...]] = (protection.CONTROLLER,)


def added(given: Map[bool]) -> tuple[Controller, ...]:
    """Give those controllers that run besides where feature gates are as *given*."""
    return CONTROLLERS if gates.is_on(given, gates.GENERIC_WORKLOAD) else ()
