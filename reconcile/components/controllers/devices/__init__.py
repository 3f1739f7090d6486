"""
Controllers of devices: those of dynamic resources.

Source:   https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.devices import resourceclaim, tainteviction
from reconcile.components.controllers.runtime import Controller

CONTROLLERS: Final[tuple[Controller, ...]] = (resourceclaim.CONTROLLER, tainteviction.CONTROLLER)
