"""Certificate requests: approved if a kubelet may have what it asks for, signed once approved, cleaned away in time."""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.accounts.certificates import approving, cleaning, signing
from reconcile.components.controllers.runtime import Controller

CONTROLLERS: Final[tuple[Controller, ...]] = (approving.CONTROLLER, *signing.CONTROLLERS, cleaning.CONTROLLER)

__all__ = ["CONTROLLERS"]
