"""
Controllers of elections: who leads among those who publish that they are candidates.

They run in kube-apiserver, of which one is elected for it, where CoordinatedLeaderElection is on.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.elections import candidates, electing
from reconcile.components.controllers.runtime import Controller

CONTROLLERS: Final[tuple[Controller, ...]] = (electing.CONTROLLER, candidates.CONTROLLER)
