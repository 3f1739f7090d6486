"""
Placement: on which nodes a DaemonSet's pods are to be, and how a pod is tied to its node.

A DaemonSet chooses nodes by itself, not by asking the scheduler: by the template's node name, node selector and node
affinity, and by the taints that its pods do not tolerate. The scheduler then binds each pod to the one node that its
affinity names.

Takes:    DaemonSets, nodes, pods.
Gives:    yes or no; pod specs.
Source:   pkg/controller/daemon: NodeShouldRunDaemonPod; pkg/controller/daemon/util.
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.lib.replacing import replace
from reconcile.model.pods import placing

_NAME: Final = "metadata.name"
# key, effect: a node's troubles do not take its daemons away, nor keep them off.
_TOLERATED: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_NO_NETWORK: Final = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def belongs(daemon: Any, node: Any) -> tuple[bool, bool]:
    """Tell whether a pod of *daemon* is to be on *node*, and whether one that is there may stay."""
    spec = daemon.spec.template.spec
    name = node.metadata.name
    if spec.node_name and spec.node_name != name:
        return False, False
    if not placing.attracts(spec, node):
        return False, False
    taints = node.spec.taints if node.spec is not None else None
    if not taints:
        return True, True
    tolerations = tolerations_of(spec)
    if placing.tolerates_all(tolerations, taints, ("NoSchedule", "NoExecute")):
        return True, True
    return False, placing.tolerates_all(tolerations, taints, ("NoExecute",))


@lru_cache(maxsize=256)
def _added(*, host_network: bool) -> tuple[core_v1.Toleration, ...]:
    rows = (*_TOLERATED, _NO_NETWORK) if host_network else _TOLERATED
    return tuple([core_v1.Toleration(key=key, operator="Exists", effect=effect) for key, effect in rows])


def tolerations_of(spec: Any) -> tuple[core_v1.Toleration, ...]:
    """Give a template's tolerations and those that every daemon has; one of the same meaning takes its place."""
    found = list(spec.tolerations or ())
    for one in _added(host_network=bool(spec.host_network)):
        same = [place for place, other in enumerate(found) if _is_same(one, other)]
        for place in same:
            found[place] = one
        if not same:
            found.append(one)
    return tuple(found)


def _is_same(one: Any, other: Any) -> bool:
    return (one.key, one.effect, one.operator, one.value or "") == (
        other.key,
        other.effect,
        other.operator,
        other.value or "",
    )


def tied(affinity: Any, node: str) -> core_v1.Affinity:
    """Give *affinity* with nothing required of nodes but that the node is this one."""
    named = core_v1.NodeSelectorRequirement(key=_NAME, operator="In", values=(node,))
    selector = core_v1.NodeSelector(node_selector_terms=(core_v1.NodeSelectorTerm(match_fields=(named,)),))
    affinity = affinity or core_v1.Affinity()
    of_node = affinity.node_affinity or core_v1.NodeAffinity()
    of_node = replace(of_node, required_during_scheduling_ignored_during_execution=selector)
    tied_: core_v1.Affinity = replace(affinity, node_affinity=of_node)
    return tied_


def node_of(pod: Any) -> str:
    """Give the name of the node that a pod is on, or is tied to; empty if none is told."""
    if pod.spec.node_name:
        return str(pod.spec.node_name)
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = None if affinity is None else affinity.required_during_scheduling_ignored_during_execution
    for term in required.node_selector_terms if required is not None else ():
        for field in term.match_fields or ():
            if field.key == _NAME and field.operator == "In":
                return str(field.values[0]) if len(field.values or ()) == 1 else ""
    return ""
