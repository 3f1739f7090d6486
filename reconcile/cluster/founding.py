"""
Founding: what is stored when a cluster is powered on.

That are the access rules: Kubernetes' own, those of the user's own controllers, and those of who locks an
Endpoints or a ConfigMap, which Kubernetes' own no longer foresee; and the ServiceAccounts as which controllers call,
which upstream's controller-manager makes when it starts.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.rbac_v1 import PolicyRule
from reconcile.cluster.components import COMPONENTS, controllers_among
from reconcile.cluster.topology import Topology
from reconcile.components import apiserver
from reconcile.components.controllers import STANDARD, around, grouping, identity, rights
from reconcile.model.measured import CUSTOM_METRICS, EXTERNAL, USED
from reconcile.store import Store, limited

_ELECTED: Final = ("kube-controller-manager", "kube-scheduler")


def founding(topology: Topology, controllers: tuple[Any, ...]) -> Store:
    """Give the store of a cluster of *topology*, with these controllers of the user's own, before anything happens."""
    run_always = (*STANDARD, *grouping.added(topology.feature_gates))
    accounts = dict.fromkeys([each.user for each in run_always if each.user is not None])
    outside = around(topology.drivers, topology.cloud, topology.stages, equipment=topology.device_drivers)
    run = (*outside, *controllers_among(controllers))
    grants = [apiserver.Grant("", user, bound=False) for user in accounts]
    grants += [apiserver.Grant(f"controller:{each.name}", identity(each), rights(each)) for each in run]
    if topology.lock != "leases":
        for name in _ELECTED:
            user = COMPONENTS[name].user_on("")
            grants.append(
                apiserver.Grant(f"leader-locking-{topology.lock}:{name}", user, _locking(topology.lock, name))
            )
    switched = tuple(sorted([gate for gate, on in topology.feature_gates.items() if on]))
    managed, groups = topology.managed_fields, _measured(topology)
    store = apiserver.founded(topology.start, tuple(grants), managed=managed, groups=groups, gates=switched)
    return limited(store, topology.etcd_quota) if topology.etcd_quota else store


def _locking(resource: str, name: str) -> tuple[PolicyRule, ...]:
    return (
        PolicyRule(verbs=("create",), api_groups=("",), resources=(resource,)),
        PolicyRule(verbs=("get", "update"), api_groups=("",), resources=(resource,), resource_names=(name,)),
    )


def _measured(topology: Topology) -> tuple[str, ...]:
    """Give the groups of metrics that are served."""
    behaviours = topology.behaviours
    served = ((USED, True), (CUSTOM_METRICS, behaviours.has_metrics), (EXTERNAL, bool(behaviours.external)))
    return tuple([group for group, there in served if topology.metrics and there])
