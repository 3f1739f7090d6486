"""The container runtime of one simulated host: its containers do what their images' behaviours say."""

from reconcile.components.world.controlplane import drains, options
from reconcile.components.world.programs import applications, applications_in, component_of, found, has_address
from reconcile.components.world.runtime import (
    State,
    begin,
    containers,
    doing,
    ended,
    images,
    killed,
    process_of,
    rebooted,
    running,
    step,
    wrote,
)
from reconcile.components.world.sandboxes import lost

__all__ = [
    "State",
    "applications",
    "applications_in",
    "begin",
    "component_of",
    "containers",
    "doing",
    "drains",
    "ended",
    "found",
    "has_address",
    "images",
    "killed",
    "lost",
    "options",
    "process_of",
    "rebooted",
    "running",
    "step",
    "wrote",
]
