"""
Views: the scheduler's informer caches, each the table as of what it has been told.

Source:   the informers of kube-scheduler and of its plugins.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.components.scheduler.cache.devices import FIELDS as OF_DEVICES
from reconcile.components.scheduler.cache.devices import Devices
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.store.indexes import indexes_of

FIELDS: Final = {
    "pods": "pods",
    "namespaces": "namespaces",
    "services": "services",
    "replicationcontrollers": "replicationcontrollers",
    "replicasets.apps": "replicasets",
    "statefulsets.apps": "statefulsets",
    "persistentvolumes": "volumes",
    "persistentvolumeclaims": "claims",
    "storageclasses.storage.k8s.io": "classes",
    "csinodes.storage.k8s.io": "csi_nodes",
    "csidrivers.storage.k8s.io": "drivers",
    "csistoragecapacities.storage.k8s.io": "capacities",
    "volumeattachments.storage.k8s.io": "attachments",
    "poddisruptionbudgets.policy": "budgets",
}
"""Resource -> its field of `Views`. Nodes are taken into the node cache instead."""


def _empty(resource: str) -> Any:
    return attrs.field(default=Table(indexes_of(resource)))


@quick
@attrs.frozen(weakref_slot=False)
class Views:
    """What is known of each resource: key -> object; *devices*: of those that are watched once a pod may want any."""

    pods: Table[str, Any] = _empty("pods")
    namespaces: Table[str, Any] = _empty("namespaces")
    services: Table[str, Any] = _empty("services")
    replicationcontrollers: Table[str, Any] = _empty("replicationcontrollers")
    replicasets: Table[str, Any] = _empty("replicasets.apps")
    statefulsets: Table[str, Any] = _empty("statefulsets.apps")
    volumes: Table[str, Any] = _empty("persistentvolumes")
    claims: Table[str, Any] = _empty("persistentvolumeclaims")
    classes: Table[str, Any] = _empty("storageclasses.storage.k8s.io")
    csi_nodes: Table[str, Any] = _empty("csinodes.storage.k8s.io")
    drivers: Table[str, Any] = _empty("csidrivers.storage.k8s.io")
    capacities: Table[str, Any] = _empty("csistoragecapacities.storage.k8s.io")
    attachments: Table[str, Any] = _empty("volumeattachments.storage.k8s.io")
    budgets: Table[str, Any] = _empty("poddisruptionbudgets.policy")
    devices: Devices = attrs.field(factory=Devices)


def having(views: Views, resource: str, table: Table[str, Any]) -> Views:
    """Give views in which *resource* has *table*."""
    return _SETTERS[resource](views, table)


def _of_devices(resource: str) -> Callable[[Views, Table[str, Any]], Views]:
    name = OF_DEVICES[resource]
    return lambda views, table: replace(views, devices=replace(views.devices, **{name: table}))


_SETTERS: Final[dict[str, Callable[[Views, Table[str, Any]], Views]]] = {
    **{resource: copier(Views, name) for resource, name in FIELDS.items()},
    **{resource: _of_devices(resource) for resource in OF_DEVICES},
}
