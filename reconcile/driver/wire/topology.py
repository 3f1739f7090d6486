"""
Topology as plain JSON, and back.

Only what differs from a default topology is written; behaviours have a form of their own (schemas/behaviours.json).
"""

from __future__ import annotations

from typing import Any

from reconcile.cluster.topology import Topology
from reconcile.driver.wire.codec import from_json, to_json


def topology_to_json(topology: Topology) -> dict[str, Any]:
    """
    Give *topology* as plain JSON.

    Raises:
        InvalidObject: something in it has no form in JSON; its path and the value are shown.
    """
    return to_json(topology)


def topology_from_json(content: Any) -> Topology:
    """
    Give the topology that plain JSON says.

    Raises:
        ReconcileError: it is none; path, expectation and value are shown.
    """
    topology: Topology = from_json(content, Topology)
    return topology
