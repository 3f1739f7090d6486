"""What StatefulSets and DaemonSets promise, each shown to be missed when it is broken on purpose."""

import attrs
import pytest

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver import client
from reconcile.driver.run import settle
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver
from reconcile.properties.identities import identified, ordinal_of, unbalanced
from reconcile.store import Delete, Put, Txn, commit

TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "c:1"}]}}
SPEC = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "db"},
    "spec": {**SPEC, "replicas": 3, "serviceName": "db", "volumeClaimTemplates": [CLAIM]},
}
CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "csi.example.com",
}
DAEMON = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": SPEC}


@pytest.fixture(scope="module")
def cluster():
    topology = Topology(nodes=2, drivers=(Driver(name="csi.example.com"),))
    booted = settle(Cluster.boot(topology, seed=1)).cluster
    for manifest in (CLASS, SET, {**DAEMON, "metadata": {"name": "agent"}}):
        booted, response = client.apply(booted, manifest)
        assert response.ok, response
    return settle(booted).cluster


def written(cluster, *operations):
    return attrs.evolve(cluster, store=commit(cluster.store, Txn((), operations)).store)


def daemons(cluster):
    return [pod for pod in cluster.store.table("pods").values() if pod.metadata.name.startswith("agent-")]


def test_they_are_kept(cluster):
    assert [*identified(cluster), *unbalanced(cluster)] == []


def test_two_pods_with_one_claim(cluster):
    one, other = (cluster.store.get("pods", f"default/db-{number}") for number in (0, 1))
    shared = replace(other, spec=replace(other.spec, volumes=one.spec.volumes))
    said = [*identified(written(cluster, Put("pods", "default/db-1", shared)))]
    assert said[0] == "pods default/db-0 and db-1 share the claim data-db-0"


def test_an_ordinal_that_is_left_out(cluster):
    said = [*unbalanced(written(cluster, Delete("pods", "default/db-1")))]
    assert said == ["statefulset default/db has the pods [0, 2]: one before the last is missing"]


def test_an_ordinal_too_many(cluster):
    found = cluster.store.get("statefulsets.apps", "default/db")
    small = replace(found, spec=replace(found.spec, replicas=2))
    said = [*unbalanced(written(cluster, Put("statefulsets.apps", "default/db", small)))]
    assert said == ["statefulset default/db has the pod 2, which is none of 2 from 0"]


def test_two_daemons_on_a_node(cluster):
    one, other = daemons(cluster)
    moved = replace(other, spec=replace(other.spec, node_name=one.spec.node_name))
    said = [*unbalanced(written(cluster, Put("pods", f"default/{other.metadata.name}", moved)))]
    assert said == [f"daemonset default/agent has 2 pods on node {one.spec.node_name}"]


def test_a_daemon_where_none_is_taken(cluster):
    found = cluster.store.get("daemonsets.apps", "default/agent")
    spec = replace(found.spec.template.spec, node_name="node-1")
    other = replace(found, spec=replace(found.spec, template=replace(found.spec.template, spec=spec)))
    said = [*unbalanced(written(cluster, Put("daemonsets.apps", "default/agent", other)))]
    assert said == ["daemonset default/agent has a pod on node node-2, which does not take it"]


@pytest.mark.parametrize(
    ("name", "ordinal"),
    [("db-0", 0), ("db-12", 12), ("db-01", None), ("db-", None), ("db-x", None), ("web-0", None), ("db", None)],
)
def test_ordinals(name, ordinal):
    assert ordinal_of("db", name) == ordinal
