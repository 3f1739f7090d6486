"""
NodeDeclaredFeatures: a pod that needs a feature of kubelets goes where the node's kubelet declares it.

Source:   the scheduler plugin NodeDeclaredFeatures; k8s.io/component-helpers/nodedeclaredfeatures: of the features that
          nodes declare, only these have to do with where a pod is put.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.scheduler.cache.nodes import Nodes, slots_in
from reconcile.components.scheduler.framework.verdicts import Refusal

NAME: Final = "NodeDeclaredFeatures"
UNDECLARED: Final = Refusal(NAME, ("node(s) didn't match Pod's required features",), final=True)


def refused(features: tuple[str, ...], nodes: Nodes, left: int) -> list[tuple[Refusal, int]]:
    """Tell which of the nodes *left* do not declare all that a pod needs."""
    rooms: Any = nodes.fleet.rooms
    members = sum([1 << slot for slot in slots_in(left) if not {*features} <= {*rooms[slot].features}])
    return [(UNDECLARED, members)] if members else []
