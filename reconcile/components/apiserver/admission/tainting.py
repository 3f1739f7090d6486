"""
TaintNodesByCondition: a new node takes no pods before it has said that it is ready.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1
from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace

_NOT_READY: Final = "node.kubernetes.io/not-ready"


def admit_node(ask: Ask, node: core_v1.Node) -> core_v1.Node:
    """TaintNodesByCondition: a new node takes no pods before it has said that it is ready."""
    if "TaintNodesByCondition" in ask.state.disabled:
        return node
    taints = (node.spec.taints if node.spec is not None else None) or ()
    if any(taint.key == _NOT_READY and taint.effect == "NoSchedule" for taint in taints):
        return node
    taint = core_v1.Taint(key=_NOT_READY, effect="NoSchedule")
    return replace(node, spec=replace(node.spec or core_v1.NodeSpec(), taints=(*taints, taint)))
