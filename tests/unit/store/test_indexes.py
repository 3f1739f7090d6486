"""How tables are filed, against a scan of everything that a settled cluster has."""

from reconcile.cluster import Cluster, Topology
from reconcile.driver import settle
from reconcile.driver.client import create
from reconcile.events import Submit
from reconcile.model.requests import key_of


def test_a_namespace_and_a_name_are_spans_of_the_keys():
    cluster = settle(Cluster.boot(Topology(nodes=2), seed=7)).cluster
    spaces = ["default", "default-0", "default0", "kube-system", "kube-node-lease"]
    made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in spaces[1:3]]
    made += [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": space}}
        for space in spaces
        for name in ("a", "0")
    ]
    cluster = settle(cluster, tuple([Submit(create(each)) for each in made])).cluster
    seen = set()
    for resource, table in cluster.store.tables.items():
        assert list(table.keys()) == sorted(map(key_of, table.values())), resource
        for space in spaces:
            found = tuple([obj for obj in table.values() if obj.metadata.namespace == space])
            assert table.under("namespace", space) == found, (resource, space)
            seen |= {(resource, space)} if found else set()
    assert {("configmaps", space) for space in spaces} <= seen
    nodes = cluster.store.table("nodes")
    assert nodes.keys_under("name", "node-1") == ("node-1",)
    assert nodes.under("name", "node") == ()
