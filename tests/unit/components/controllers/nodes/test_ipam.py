"""Node IPAM: nodes get parts of the cluster's range, which are free again when they go."""

from __future__ import annotations

from reconcile import Cluster, Topology, settle
from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.nodes import ipam
from reconcile.components.controllers.nodes.ipam import Range
from reconcile.driver import client
from reconcile.lib.instant import SECOND
from tests.unit.components.controllers.lab import Lab


def node(name, cidr=None):
    metadata = meta_v1.ObjectMeta(name=name, uid=f"uid-{name}")
    spec = core_v1.NodeSpec(pod_cidr=cidr, pod_cidrs=(cidr,) if cidr else None)
    return core_v1.Node(metadata=metadata, spec=spec, status=core_v1.NodeStatus())


def lab_of(cluster="10.244.0.0/16", bits=24, services=""):
    return Lab(ipam.controller_of(Range(cluster, bits, services)))


def given(lab, name):
    return lab.get("nodes", name).spec.pod_cidrs


def test_nodes_get_one_part_after_the_other():
    lab = lab_of()
    for name in ("a", "b"):
        lab.put("nodes", node(name))
        lab.run()
    assert (given(lab, "a"), given(lab, "b")) == (("10.244.0.0/24",), ("10.244.1.0/24",))
    assert lab.get("nodes", "a").spec.pod_cidr == "10.244.0.0/24"


def test_what_a_node_has_already_is_not_given_again():
    lab = lab_of()
    lab.put("nodes", node("old", "10.244.0.0/23"))
    lab.run()
    lab.put("nodes", node("new"))
    lab.run()
    assert given(lab, "new") == ("10.244.2.0/24",)


def test_the_part_of_a_node_that_goes_is_given_again_when_all_others_have_been():
    lab = lab_of("10.244.0.0/22", 24)
    for name in "abc":
        lab.put("nodes", node(name))
        lab.run()
    lab.remove("nodes", "a")
    for name in "de":
        lab.put("nodes", node(name))
        lab.run()
    assert (given(lab, "d"), given(lab, "e")) == (("10.244.3.0/24",), ("10.244.0.0/24",))


def test_a_node_for_which_nothing_is_left_is_told_and_waits():
    lab = lab_of("10.244.0.0/24", 24)
    lab.put("nodes", node("a"))
    lab.run()
    lab.put("nodes", node("b"))
    lab.run(until=SECOND)
    assert given(lab, "b") is None
    assert ("CIDRNotAvailable", "Node b status is now: CIDRNotAvailable") in lab.said()
    lab.remove("nodes", "a")
    lab.run()
    assert given(lab, "b") == ("10.244.0.0/24",)


def test_what_is_the_services_is_never_given():
    lab = lab_of("10.0.0.0/22", 24, services="10.0.0.0/23")
    lab.put("nodes", node("a"))
    lab.run()
    assert given(lab, "a") == ("10.0.2.0/24",)


def test_pods_of_a_cluster_have_addresses_of_what_their_node_was_given():
    topology = Topology(nodes=2, cluster_cidr="10.200.0.0/16", node_cidr_mask_size=26)
    cluster = settle(Cluster.boot(topology, seed=1)).cluster
    assert sorted(each.spec.pod_cidr for each in cluster.objects("nodes")) == ["10.200.0.0/26", "10.200.0.64/26"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    cluster, _ = client.apply(cluster, {**pod, "spec": {"containers": [{"name": "c", "image": "c"}]}})
    cluster = settle(cluster).cluster
    found = cluster.get("pods", "p", namespace="default")
    assert (found.status.phase, found.status.pod_ip.rpartition(".")[0]) == ("Running", "10.200.0")


def test_a_pod_waits_on_a_node_that_was_given_nothing():
    topology = Topology(nodes=1, cluster_cidr="10.200.0.0/24", without=("node-ipam-controller",))
    cluster = settle(Cluster.boot(topology, seed=1)).cluster
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    cluster, _ = client.apply(cluster, {**pod, "spec": {"containers": [{"name": "c", "image": "c"}]}})
    cluster = settle(cluster).cluster
    assert cluster.get("pods", "p", namespace="default").status.phase == "Pending"
    assert "NetworkNotReady" in [event.reason for event in cluster.objects("events", namespace="default")]
