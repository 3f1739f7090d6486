"""
Controllers of deletion: those that take away what nothing needs any more.

Source:   https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.deletion import garbagecollector, namespace
from reconcile.components.controllers.runtime import Controller
from reconcile.lib.mapping import Map

CONTROLLERS: Final[tuple[Controller, ...]] = (namespace.CONTROLLER, garbagecollector.CONTROLLER)


def switched(given: Map[bool]) -> dict[str, Controller]:
    """Give, by name, those controllers that are otherwise where feature gates are."""
    return {**namespace.switched(given), **garbagecollector.switched(given)}
