"""
Founding: what is stored when a cluster is powered on.

That are the access rules: Kubernetes' own, those of the user's own controllers, and that of a scheduler that locks an
Endpoints, which Kubernetes' own no longer foresee.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.rbac_v1 import PolicyRule
from reconcile.cluster.components import COMPONENTS
from reconcile.cluster.topology import Topology
from reconcile.components import apiserver
from reconcile.components.controllers import controllers_of, identity, rights
from reconcile.store import Store

_SCHEDULER: Final = "kube-scheduler"
_LOCKS: Final = (
    PolicyRule(verbs=("create",), api_groups=("",), resources=("endpoints",)),
    PolicyRule(verbs=("get", "update"), api_groups=("",), resources=("endpoints",), resource_names=(_SCHEDULER,)),
)


def founding(topology: Topology, controllers: tuple[Any, ...]) -> Store:
    """Give the store of a cluster of *topology*, with these controllers of the user's own, before anything happens."""
    run = (*controllers_of(topology.drivers), *controllers)
    grants = [apiserver.Grant(f"controller:{each.name}", identity(each), rights(each)) for each in run]
    if topology.lock == "endpoints":
        user = COMPONENTS[_SCHEDULER].user_on("")
        grants.append(apiserver.Grant(f"leader-locking-endpoints:{_SCHEDULER}", user, _LOCKS))
    return apiserver.founded(topology.start, tuple(grants), managed=topology.managed_fields)
