"""
Controllers of deletion: those that take away what nothing needs any more.

Source:   https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.deletion import garbagecollector, namespace
from reconcile.components.controllers.runtime import Controller

CONTROLLERS: Final[tuple[Controller, ...]] = (namespace.CONTROLLER, garbagecollector.CONTROLLER)
