"""What the controllers of workloads call for, they may do as the ServiceAccounts that they call as."""

import pytest

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.components.apiserver.access import rbac
from reconcile.components.controllers.workloads import daemonset, statefulset
from reconcile.driver.run import settle

CALLS = {
    statefulset.CONTROLLER: (
        ("get", "apps", "statefulsets", ""),
        ("update", "apps", "statefulsets", "status"),
        *[(verb, "", "pods", "") for verb in ("create", "update", "patch", "delete")],
        *[(verb, "", "persistentvolumeclaims", "") for verb in ("create", "update")],
        *[(verb, "apps", "controllerrevisions", "") for verb in ("get", "create", "update", "patch", "delete")],
    ),
    daemonset.CONTROLLER: (
        ("get", "apps", "daemonsets", ""),
        ("update", "apps", "daemonsets", "status"),
        *[(verb, "", "pods", "") for verb in ("create", "patch", "delete")],
        *[(verb, "apps", "controllerrevisions", "") for verb in ("get", "create", "update", "patch", "delete")],
    ),
}


@pytest.mark.parametrize("controller", CALLS, ids=lambda each: each.name)
def test_it_may_do_all_it_does(controller):
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    policy = rbac.policy_of(cluster.store)
    for verb, group, resource, part in CALLS[controller]:
        asked = rbac.Asked(verb=verb, group=group, resource=resource, subresource=part)
        assert rbac.allowed(policy, controller.user.name, controller.user.groups, "default", asked), asked
    secret = rbac.Asked(verb="get", group="", resource="secrets")
    assert not rbac.allowed(policy, controller.user.name, controller.user.groups, "default", secret)
