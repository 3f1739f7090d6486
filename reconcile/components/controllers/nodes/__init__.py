"""
Controllers of nodes: those that judge nodes, and the pods on them.

Source:   https://kubernetes.io/docs/concepts/architecture/nodes/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.nodes import nodelifecycle, podgc, tainteviction
from reconcile.components.controllers.runtime import Controller

CONTROLLERS: Final[tuple[Controller, ...]] = (
    nodelifecycle.CONTROLLER,
    tainteviction.CONTROLLER,
    podgc.CONTROLLER,
)
