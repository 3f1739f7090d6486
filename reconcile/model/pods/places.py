"""Places: the labels that say in which region and zone a node is, which a pod gets when it is bound to one."""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.mapping import Map

TOPOLOGY: Final = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
"""Source: admission plugin PodTopologyLabels."""


def place_of(node: Any) -> dict[str, str]:
    """Give the labels that say where a node is; nothing of a node that is not there."""
    labels = None if node is None else node.metadata.labels
    return {label: labels[label] for label in TOPOLOGY if label in labels} if labels else {}


def without_place(labels: Any) -> Any:
    """Give *labels* without those that say where something is; the very same if there are none."""
    if labels is None or not (TOPOLOGY[0] in labels or TOPOLOGY[1] in labels):
        return labels
    return Map({key: value for key, value in labels.items() if key not in TOPOLOGY}) or None
