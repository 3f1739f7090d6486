"""The container runtime of one simulated host: its containers do what their images' behaviours say."""

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

__all__ = [
    "State",
    "begin",
    "containers",
    "doing",
    "ended",
    "images",
    "killed",
    "process_of",
    "rebooted",
    "running",
    "step",
    "wrote",
]
