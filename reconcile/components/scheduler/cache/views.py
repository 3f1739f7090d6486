"""
Views: the scheduler's informer caches, each the table as of what it has been told.

Source:   the informers of kube-scheduler and of its plugins.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from reconcile.components.scheduler.cache.devices import FIELDS as OF_DEVICES
from reconcile.components.scheduler.cache.devices import Devices
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.pods.grouping import GROUPS
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
"""Resource -> its field of `Views`. Nodes are taken into the node cache, and are here too if they are to be shown."""


_EMPTY_NODES: Final[Table[str, Any]] = Table(indexes_of("nodes"))
_NO_GROUPS: Final[Table[str, Any]] = Table(indexes_of(GROUPS))
_EMPTY: Final[dict[str, Table[str, Any]]] = {resource: Table(indexes_of(resource)) for resource in FIELDS}


class Views(NamedTuple):
    """
    What is known of each resource, key -> object: a tuple, since it is made anew for each change.

    Args:
        devices: of those that are watched once a pod may want any.
        groups: pod groups, where pods may name one.
    """

    pods: Table[str, Any] = _EMPTY["pods"]
    namespaces: Table[str, Any] = _EMPTY["namespaces"]
    services: Table[str, Any] = _EMPTY["services"]
    replicationcontrollers: Table[str, Any] = _EMPTY["replicationcontrollers"]
    replicasets: Table[str, Any] = _EMPTY["replicasets.apps"]
    statefulsets: Table[str, Any] = _EMPTY["statefulsets.apps"]
    volumes: Table[str, Any] = _EMPTY["persistentvolumes"]
    claims: Table[str, Any] = _EMPTY["persistentvolumeclaims"]
    classes: Table[str, Any] = _EMPTY["storageclasses.storage.k8s.io"]
    csi_nodes: Table[str, Any] = _EMPTY["csinodes.storage.k8s.io"]
    drivers: Table[str, Any] = _EMPTY["csidrivers.storage.k8s.io"]
    capacities: Table[str, Any] = _EMPTY["csistoragecapacities.storage.k8s.io"]
    attachments: Table[str, Any] = _EMPTY["volumeattachments.storage.k8s.io"]
    budgets: Table[str, Any] = _EMPTY["poddisruptionbudgets.policy"]
    devices: Devices = Devices()
    nodes: Table[str, Any] = _EMPTY_NODES
    groups: Table[str, Any] = _NO_GROUPS


def having(views: Views, resource: str, table: Table[str, Any]) -> Views:
    """Give views in which *resource* has *table*."""
    place = _PLACES[resource]
    return _made((*views[:place], table, *views[place + 1 :]))


def having_pods(views: Views, table: Table[str, Any]) -> Views:
    """Give views in which pods have *table*."""
    return _made((table, *views[1:]))


def having_devices(views: Views, resource: str, table: Table[str, Any]) -> Views:
    """Give views in which *resource*, one of those about devices, has *table*."""
    return views._replace(devices=replace(views.devices, **{OF_DEVICES[resource]: table}))


_PLACES: Final = {resource: Views._fields.index(name) for resource, name in (*FIELDS.items(), (GROUPS, "groups"))}
_made: Final[Callable[[tuple[Any, ...]], Views]] = partial(tuple.__new__, Views)
