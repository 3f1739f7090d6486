"""
Controllers of services: those that say where a service's pods are, and where its addresses come from.

Source:   https://kubernetes.io/docs/concepts/services-networking/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import Controller
from reconcile.components.controllers.services import (
    apiservices,
    endpoints,
    endpointslice,
    endpointslicemirroring,
    servicecidrs,
)

CONTROLLERS: Final[tuple[Controller, ...]] = (
    endpoints.CONTROLLER,
    endpointslice.CONTROLLER,
    endpointslicemirroring.CONTROLLER,
    servicecidrs.CONTROLLER,
    apiservices.CONTROLLER,
)
