"""
Registering: the node says which CSI drivers it has: in its CSINode, with their limits and topology, and on the Node.

Takes:    answers to its calls, the timer `drivers`.
Gives:    Call, SetTimer.
Source:   pkg/volume/csi/nodeinfomanager: InstallCSIDriver.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

import json
from typing import Any, Final

from reconcile.api import meta_v1, storage_v1
from reconcile.components.kubelet.state import State
from reconcile.effects import Call, Effect, SetTimer
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, Response

CSI_NODES: Final = "csinodes.storage.k8s.io"
NODE_ID: Final = "csi.volume.kubernetes.io/nodeid"
"""On a Node: by which name each driver knows it."""
AGAIN: Final[Duration] = SECOND


def begin(state: State, out: list[Effect]) -> None:
    """Write the CSINode, and the drivers' names for the Node on it; a node without drivers writes nothing."""
    node: Any = state.node.seen
    if not state.seldom.drivers or node is None:
        return
    name = state.host.name
    ids = json.dumps({driver.name: name for driver in state.seldom.drivers}, separators=(",", ":"), sort_keys=True)
    if (node.metadata.annotations or {}).get(NODE_ID) != ids:
        body = Map({"metadata": Map({"annotations": Map({NODE_ID: ids})})})
        out.append(Call(Request(verb="patch", resource="nodes", name=name, body=body), ("relabelled",)))
    out.append(Call(Request(verb="create", resource=CSI_NODES, body=_csi_node(state)), ("drivers", "create")))


def answered(state: State, verb: str, response: Response, now: Instant, out: list[Effect]) -> None:
    """Go on with a CSINode that was there before: it is brought up to date, or goes if it was another Node's."""
    name = state.host.name
    if verb == "create" and response.reason == "AlreadyExists":
        out.append(Call(Request(verb="get", resource=CSI_NODES, name=name), ("drivers", "get")))
    elif verb == "get" and response.ok:
        found: Any = response.body
        wanted: Any = _csi_node(state)
        if found.metadata.owner_references != wanted.metadata.owner_references:
            options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=found.metadata.uid))
            request = Request(verb="delete", resource=CSI_NODES, name=name, body=options)
            out.append(Call(request, ("drivers", "delete")))
        elif found.spec != wanted.spec:
            body = replace(found, spec=wanted.spec)
            out.append(Call(Request(verb="update", resource=CSI_NODES, name=name, body=body), ("drivers", "update")))
    elif not response.ok or verb == "delete":
        out.append(SetTimer(("drivers",), now + AGAIN))


def _csi_node(state: State) -> storage_v1.CSINode:
    node: Any = state.node.seen
    name = state.host.name
    labels = node.metadata.labels or {}
    drivers = [
        storage_v1.CSINodeDriver(
            name=driver.name,
            node_id=name,
            topology_keys=tuple(sorted([key for key in driver.reaches if key in labels])) or None,
            allocatable=storage_v1.VolumeNodeResources(count=driver.limit) if driver.limit else None,
        )
        for driver in state.seldom.drivers
    ]
    owner = meta_v1.OwnerReference(api_version="v1", kind="Node", name=name, uid=node.metadata.uid)
    return storage_v1.CSINode(
        metadata=meta_v1.ObjectMeta(name=name, owner_references=(owner,)),
        spec=storage_v1.CSINodeSpec(drivers=tuple(drivers)),
    )
