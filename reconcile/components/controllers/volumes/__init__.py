"""
Controllers of volumes: those that give claims their volumes, and keep both while they are in use.

Source:   https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import Controller
from reconcile.components.controllers.volumes import (
    attachdetach,
    binder,
    classprotection,
    ephemeral,
    expand,
    protection,
)

CONTROLLERS: Final[tuple[Controller, ...]] = (
    binder.CONTROLLER,
    protection.OF_CLAIMS,
    protection.OF_VOLUMES,
    classprotection.CONTROLLER,
    ephemeral.CONTROLLER,
    attachdetach.CONTROLLER,
    expand.CONTROLLER,
)
