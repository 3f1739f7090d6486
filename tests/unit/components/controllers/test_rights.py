"""What controllers call for, they may do as the ServiceAccounts that they call as, where RBAC is enforced."""

from functools import cache

import pytest

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.components.apiserver.access import rbac
from reconcile.components.controllers import around
from reconcile.components.controllers.devices import resourceclaim
from reconcile.components.controllers.nodes import nodelifecycle, podgc, tainteviction
from reconcile.components.controllers.policy import admissionpolicies
from reconcile.components.controllers.services import endpoints, endpointslice, endpointslicemirroring, servicecidrs
from reconcile.components.controllers.workloads import cronjob, job, ttlafterfinished
from reconcile.driver.run import settle
from reconcile.model.clouds import Cloud

CLOUD = Cloud(routes=True)
BALANCING, CLOUD_NODE, CLOUD_LIFECYCLE, ROUTE = around((), CLOUD)
_DEVICES = "resource.k8s.io"
_EVENTS = tuple([(verb, "", "events", "") for verb in ("create", "patch", "update")])
_SLICES = tuple([(verb, "discovery.k8s.io", "endpointslices", "") for verb in ("create", "update", "delete")])

CALLS = {
    job.CONTROLLER: (
        ("get", "batch", "jobs", ""),
        ("patch", "batch", "jobs", ""),
        ("update", "batch", "jobs", "status"),
        *[(verb, "", "pods", "") for verb in ("create", "patch", "delete")],
        *_EVENTS,
    ),
    job.ORPHANS: (("patch", "", "pods", ""),),
    cronjob.CONTROLLER: (
        ("get", "batch", "cronjobs", ""),
        ("update", "batch", "cronjobs", "status"),
        *[(verb, "batch", "jobs", "") for verb in ("get", "create", "delete")],
        *_EVENTS,
    ),
    ttlafterfinished.CONTROLLER: (("get", "batch", "jobs", ""), ("delete", "batch", "jobs", "")),
    podgc.CONTROLLER: (("get", "", "nodes", ""), ("patch", "", "pods", "status"), ("delete", "", "pods", "")),
    tainteviction.CONTROLLER: (
        ("get", "", "pods", ""),
        ("patch", "", "pods", "status"),
        ("delete", "", "pods", ""),
        *_EVENTS,
    ),
    nodelifecycle.CONTROLLER: (
        ("update", "", "nodes", ""),
        ("update", "", "nodes", "status"),
        ("update", "", "pods", "status"),
        *_EVENTS,
    ),
    endpoints.CONTROLLER: (*[(verb, "", "endpoints", "") for verb in ("create", "update", "delete")], *_EVENTS),
    endpointslice.CONTROLLER: (*_SLICES, *_EVENTS),
    endpointslicemirroring.CONTROLLER: (*_SLICES, *_EVENTS),
    servicecidrs.CONTROLLER: (
        ("patch", "networking.k8s.io", "servicecidrs", ""),
        ("patch", "networking.k8s.io", "servicecidrs", "status"),
    ),
    resourceclaim.CONTROLLER: (
        ("get", "", "pods", ""),
        ("patch", "", "pods", "status"),
        *[(verb, _DEVICES, "resourceclaims", "") for verb in ("create", "update", "delete")],
        ("update", _DEVICES, "resourceclaims", "status"),
        *_EVENTS,
    ),
    admissionpolicies.CONTROLLER: (("patch", "admissionregistration.k8s.io", "validatingadmissionpolicies", "status"),),
    BALANCING: (("patch", "", "services", "status"), *_EVENTS),
    CLOUD_NODE: (("update", "", "nodes", ""), *_EVENTS),
    CLOUD_LIFECYCLE: (("update", "", "nodes", ""), ("delete", "", "nodes", ""), *_EVENTS),
    ROUTE: (("patch", "", "nodes", "status"),),
}


@cache
def _policy():
    return rbac.policy_of(settle(Cluster.boot(Topology(nodes=1, cloud=CLOUD), seed=1)).cluster.store)


@pytest.mark.parametrize("controller", CALLS, ids=lambda each: each.name)
def test_it_may_do_all_it_does(controller):
    policy = _policy()
    for verb, group, resource, part in CALLS[controller]:
        asked = rbac.Asked(verb=verb, group=group, resource=resource, subresource=part)
        assert rbac.allowed(policy, controller.user.name, controller.user.groups, "default", asked), asked
    secret = rbac.Asked(verb="get", group="", resource="secrets")
    assert not rbac.allowed(policy, controller.user.name, controller.user.groups, "default", secret)
