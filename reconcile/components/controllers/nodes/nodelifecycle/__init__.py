"""
Node lifecycle: nodes whose heartbeats stop are marked and tainted, and pods that do not tolerate their node's taints
are evicted.

Takes:    changes of nodes, of their leases, of pods.
Gives:    status and taints of nodes; status and deletion of pods; Kubernetes Events about both.
Source:   pkg/controller/nodelifecycle, pkg/controller/tainteviction.
Left out: see docs/limits.md, "Controllers".
"""

from reconcile.components.controllers.nodes.nodelifecycle._controller import BY_RULE, CONTROLLER
from reconcile.components.controllers.nodes.nodelifecycle._memory import ready_status
from reconcile.components.controllers.nodes.nodelifecycle._taints import OUT_OF_SERVICE, has_taint

__all__ = ["BY_RULE", "CONTROLLER", "OUT_OF_SERVICE", "has_taint", "ready_status"]
