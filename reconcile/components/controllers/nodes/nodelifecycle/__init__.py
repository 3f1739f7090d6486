"""
Node lifecycle: nodes whose heartbeats stop are marked and tainted, pods that do not tolerate their node's taints are
evicted, and pods whose node is gone are removed.

Takes:    changes of nodes, of their leases, of pods.
Gives:    status and taints of nodes; status and deletion of pods; Kubernetes Events about both.
Source:   pkg/controller/nodelifecycle, pkg/controller/tainteviction, pkg/controller/podgc.
Left out: see docs/limits.md, "Controllers".
"""

from reconcile.components.controllers.nodes.nodelifecycle._controller import BY_RULE, CONTROLLER

__all__ = ["BY_RULE", "CONTROLLER"]
