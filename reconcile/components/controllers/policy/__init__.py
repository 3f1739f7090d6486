"""
Controllers of policies: those that count what a namespace, or a disruption, may take, and look at admission's.

Source:   https://kubernetes.io/docs/concepts/policy/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.policy import admissionpolicies, disruption, resourcequota
from reconcile.components.controllers.runtime import Controller

CONTROLLERS: Final[tuple[Controller, ...]] = (
    disruption.CONTROLLER,
    disruption.STALE_CONDITIONS,
    resourcequota.FIRST_COUNT,
    resourcequota.CONTROLLER,
    admissionpolicies.CONTROLLER,
)
