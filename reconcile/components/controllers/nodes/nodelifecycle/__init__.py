"""
Node lifecycle: nodes whose heartbeats stop are marked and tainted, and their pods are said to be not ready.

Takes:    changes of nodes, of their leases, of pods.
Gives:    status and taints of nodes; status of pods; Kubernetes Events about both.
Source:   pkg/controller/nodelifecycle.
Left out: see docs/limits.md, "Controllers".
"""

from reconcile.components.controllers.nodes.nodelifecycle._controller import BY_RULE, CONTROLLER, controller
from reconcile.components.controllers.nodes.nodelifecycle._memory import Periods, ready_status

__all__ = ["BY_RULE", "CONTROLLER", "Periods", "controller", "ready_status"]
