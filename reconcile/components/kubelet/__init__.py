"""The kubelet: owns the life of the containers on its host."""

from reconcile.components.kubelet.component import State, begin, pod_of, step, watches, with_readers
from reconcile.components.kubelet.container.linking import variables_of
from reconcile.components.kubelet.node.checkpoints import kept
from reconcile.components.kubelet.node.leasing import held, lapsed
from reconcile.components.kubelet.node.nodes import LEASES
from reconcile.components.kubelet.node.nodes import NAMESPACE as LEASE_NAMESPACE

__all__ = [
    "LEASES",
    "LEASE_NAMESPACE",
    "State",
    "begin",
    "held",
    "kept",
    "lapsed",
    "pod_of",
    "step",
    "variables_of",
    "watches",
    "with_readers",
]
