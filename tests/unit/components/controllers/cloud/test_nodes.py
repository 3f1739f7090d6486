"""What a simulated cloud says of its machines, and what becomes of nodes without one."""

from __future__ import annotations

from reconcile.api import core_v1
from reconcile.components.controllers.cloud import controllers_of
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.model.clouds import SHUTDOWN, UNINITIALIZED, Cloud
from reconcile.model.conditions import find
from tests.unit.components.controllers.lab import Lab
from tests.unit.components.controllers.parts import node

NEW = core_v1.Taint(key=UNINITIALIZED, value="true", effect="NoSchedule")
CLOUD = Cloud(region="r1", zones={"node-1": "a"}, instance_type="m1", routes=True)
NODE, LIFECYCLE, ROUTE = controllers_of(CLOUD)[1:]


def lab_of(controller, found, **instances):
    lab = Lab(controller)
    lab.instances = instances
    lab.put("nodes", found)
    lab.settle()
    return lab


def turned(lab, ready):
    lab.put("nodes", replace(lab.get("nodes", "node-1"), status=node("x", ready=ready).status))
    lab.settle()


def test_without_a_cloud_there_is_no_controller():
    assert controllers_of(None) == ()


def test_a_new_node_is_initialised():
    lab = lab_of(NODE, node("node-1", taints=(NEW,)))
    found = lab.get("nodes", "node-1")
    assert found.spec.provider_id == "example://node-1"
    assert found.spec.taints is None
    assert found.metadata.labels["topology.kubernetes.io/zone"] == "a"
    assert found.metadata.labels["failure-domain.beta.kubernetes.io/region"] == "r1"
    assert found.metadata.labels["node.kubernetes.io/instance-type"] == "m1"
    assert lab.said() == [("Synced", "Node synced successfully")]


def test_new_names_of_labels_follow_the_old_ones():
    lab = lab_of(NODE, node("node-1", labels={"failure-domain.beta.kubernetes.io/zone": "b"}))
    assert lab.get("nodes", "node-1").metadata.labels["topology.kubernetes.io/zone"] == "b"
    assert lab_of(NODE, node("node-1")).requests == []


def test_a_machine_that_is_shut_down_is_on_its_node():
    lab = lab_of(LIFECYCLE, node("node-1"), **{"node-1": "stopped"})
    assert lab.requests == []
    turned(lab, "Unknown")
    assert [taint.key for taint in lab.get("nodes", "node-1").spec.taints] == [SHUTDOWN]
    turned(lab, "True")
    assert lab.get("nodes", "node-1").spec.taints is None


def test_a_machine_that_is_gone_takes_its_node_along():
    lab = lab_of(LIFECYCLE, node("node-1", ready="Unknown"), **{"node-1": "running"})
    lab.run(10 * SECOND)
    assert lab.get("nodes", "node-1") is not None
    assert lab.timers.busy == 0
    lab.instances = {}
    lab.run(15 * SECOND)
    assert lab.get("nodes", "node-1") is None
    said = "Deleting node node-1 because it does not exist in the cloud provider"
    assert lab.said() == [("DeletingNode", said)]


def test_a_node_with_a_route_says_so():
    lab = lab_of(ROUTE, node("node-1"))
    assert lab.requests == []
    found = lab.get("nodes", "node-1")
    lab.put("nodes", replace(found, spec=replace(found.spec, pod_cidr="10.0.0.0/24", pod_cidrs=("10.0.0.0/24",))))
    lab.settle()
    said = find(lab.get("nodes", "node-1").status.conditions, "NetworkUnavailable")
    assert (said.status, said.reason, said.message) == ("False", "RouteCreated", "RouteController created a route")
    assert len(lab.requests) == 1
