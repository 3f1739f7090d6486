"""The container runtime of one simulated host: its containers do what their images' behaviours say."""

from reconcile.components.world.runtime import (
    State,
    begin,
    containers,
    doing,
    ended,
    images,
    killed,
    logs,
    process_of,
    rebooted,
    running,
    step,
)

__all__ = [
    "State",
    "begin",
    "containers",
    "doing",
    "ended",
    "images",
    "killed",
    "logs",
    "process_of",
    "rebooted",
    "running",
    "step",
]
