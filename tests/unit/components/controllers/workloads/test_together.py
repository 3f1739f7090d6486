"""Workloads in a whole cluster, where what happens is between several components."""

import pytest

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.client import apply
from reconcile.driver.run import settle
from reconcile.events import Submit
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request

TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "c:1"}]}}
SPEC = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}


@pytest.mark.parametrize("kind", ["DaemonSet", "StatefulSet", "ReplicaSet"])
def test_a_pod_that_somebody_says_has_failed_is_replaced(kind):
    spec = SPEC | ({"serviceName": "x"} if kind == "StatefulSet" else {})
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    manifest = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    cluster = settle(apply(cluster, manifest)[0]).cluster
    (pod,) = cluster.objects("pods", namespace="default")
    request = Request(
        verb="patch",
        resource="pods",
        subresource="status",
        namespace="default",
        name=pod.metadata.name,
        body=Map({"status": Map({"phase": "Failed", "reason": "Evicted"})}),
    )
    after = settle(cluster, (Submit(request=request),)).cluster
    known = {each.metadata.uid: each.status.phase for each in after.objects("pods", namespace="default")}
    assert "Running" in known.values()
    assert known.get(pod.metadata.uid) in (None, "Failed")
