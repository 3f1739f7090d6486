"""
Cloud nodes: a node that its kubelet has tainted as not initialised is told what the cloud knows of its machine.

Takes:    changes of nodes.
Gives:    a node's provider id, labels and taints; Kubernetes Events about it.
Source:   k8s.io/cloud-provider/controllers/node.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.effects import Record
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.clouds import UNINITIALIZED, Cloud
from reconcile.model.requests import Request

NAME: Final = "cloud-node-controller"

TYPES: Final = ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type")
ZONES: Final = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
REGIONS: Final = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")
_NONE: Final[Map[str]] = Map()


def reconcile(cloud: Cloud, ask: Ask) -> Outcome:
    """Initialise one node, or keep its labels' new names in step with the old ones."""
    node = ask.views.get("nodes", ask.key)
    if node is None:
        return Outcome()
    if ask.answers:
        answer = ask.answers[0][1]
        if not answer.ok:
            return Outcome() if is_done(answer) else Outcome(error=text_of(answer))
        if not _is_tainted(ask.answers[0][0].body) and _is_tainted(node):
            return Outcome(records=(Record(node, "Normal", "Synced", "Node synced successfully"),))
        return Outcome()
    changed = _initialised(cloud, node) if _is_tainted(node) else _in_step(node)
    if changed is node:
        return Outcome()
    return Outcome(calls=(Request(verb="update", resource="nodes", name=ask.key, body=changed),), again=True)


def _is_tainted(node: Any) -> bool:
    return any(taint.key == UNINITIALIZED for taint in node.spec.taints or ())


def _initialised(cloud: Cloud, node: Any) -> Any:
    name = node.metadata.name
    rows = (
        (TYPES, cloud.instance_type),
        (ZONES, cloud.zones.get(name, "")),
        (REGIONS, cloud.region),
    )
    labels = {key: value for keys, value in rows if value for key in keys}
    taints = tuple([taint for taint in node.spec.taints if taint.key != UNINITIALIZED])
    provider = node.spec.provider_id or f"{cloud.name}://{name}"
    spec = replace(node.spec, taints=taints or None, provider_id=provider)
    metadata = node.metadata
    if labels:
        metadata = replace(metadata, labels=(metadata.labels or _NONE).merge(labels))
    return replace(node, spec=spec, metadata=metadata)


def _in_step(node: Any) -> Any:
    """Give the node with the labels whose old names say something as those say it."""
    labels = node.metadata.labels or _NONE
    wanted = {
        new: labels[old] for old, new in (ZONES, REGIONS, TYPES) if old in labels and labels.get(new) != labels[old]
    }
    if not wanted:
        return node
    return replace(node, metadata=replace(node.metadata, labels=labels.merge(wanted)))
