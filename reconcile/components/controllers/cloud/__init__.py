"""
Controllers of the cloud: those of the cloud-controller-manager, which a cluster with `Topology(cloud=...)` runs.

Without a cloud there is none of them: a service of type LoadBalancer waits for ever, as on bare machines.

Source:   k8s.io/cloud-provider; https://kubernetes.io/docs/concepts/architecture/cloud-controller/
"""

from __future__ import annotations

from functools import partial

from reconcile.api.rbac_v1 import PolicyRule
from reconcile.components.controllers.cloud import balancing, instances, nodes, routes
from reconcile.components.controllers.runtime import Controller, Source, keys_of_itself, service_account
from reconcile.model.clouds import Cloud

_EVENTS = PolicyRule(verbs=("create", "patch", "update"), api_groups=("",), resources=("events",))


def controllers_of(cloud: Cloud | None) -> tuple[Controller, ...]:
    """Give the controllers that *cloud* brings along; none if there is no cloud."""
    if cloud is None:
        return ()
    service = Controller(
        name=balancing.NAME,
        sources=(Source("services", balancing.keys_of_service), Source("nodes", balancing.keys_of_node)),
        reconcile=partial(balancing.reconcile, cloud),
        memory=balancing.Memory,
        observe=balancing.observe,
        workers=1,
        component=balancing.NAME,
        user=service_account(balancing.NAME),
        rules=(),  # RBAC's own role is bound to it
    )
    node = Controller(
        name=nodes.NAME,
        sources=(Source("nodes", keys_of_itself),),
        reconcile=partial(nodes.reconcile, cloud),
        workers=1,
        user=service_account(nodes.NAME),
        rules=(
            PolicyRule(verbs=("get", "update", "patch"), api_groups=("",), resources=("nodes", "nodes/status")),
            _EVENTS,
        ),
    )
    lifecycle = Controller(
        name=instances.NAME,
        sources=(Source("nodes", instances.keys_of_node),),
        reconcile=instances.reconcile,
        user=service_account(instances.NAME),
        rules=(
            PolicyRule(verbs=("get", "update", "patch", "delete"), api_groups=("",), resources=("nodes",)),
            _EVENTS,
        ),
    )
    route = Controller(
        name=routes.NAME,
        sources=(Source("nodes", routes.keys_of_node),),
        reconcile=routes.reconcile,
        component="route_controller",
        user=service_account(routes.NAME),
        rules=(),
    )
    return (service, node, lifecycle, *((route,) if cloud.routes else ()))


__all__ = ["controllers_of"]
