"""
EndpointSlices: for each service with a selector, slices of at most 100 endpoints with the addresses of its pods.

Takes:    changes of services, pods, endpoint slices.
Gives:    create, update, delete of endpoint slices.
Source:   pkg/controller/endpointslice; k8s.io/endpointslice: reconciler.go, utils.go, endpointslice_tracker.go.
Left out: see docs/limits.md, "Controllers".
"""

from reconcile.components.controllers.services.endpointslice._controller import (
    CONTROLLER,
    MANAGED_BY,
    RESOURCE,
    SERVICE_NAME,
)
from reconcile.components.controllers.services.endpointslice._packing import Packed, pack

__all__ = ["CONTROLLER", "MANAGED_BY", "RESOURCE", "SERVICE_NAME", "Packed", "pack"]
