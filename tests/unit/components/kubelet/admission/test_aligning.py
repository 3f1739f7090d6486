"""Which pods a host with several NUMA nodes takes, by its topology manager's policy."""

import pytest

from reconcile.api import core_v1
from reconcile.api.quantity import Quantity
from reconcile.lib.mapping import Map
from reconcile.model.hosts import Host

REFUSED = ("TopologyAffinityError", "Pod was rejected: Resources cannot be allocated with Topology locality")
CAPACITY = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}


def machine(policy="single-numa-node", numa=2, **more):
    said = {"cpuManagerPolicy": "static", "topologyManagerPolicy": policy, "evictionHard": "", **more}
    return Host(name="node-1", ip="10.0.0.1", pod_cidr="10.244.1.0/24", capacity=CAPACITY, kubelet=said, numa=numa)


def guaranteed(name, cpu, memory="1Gi"):
    rows = Map.of({"cpu": Quantity.parse(cpu), "memory": Quantity.parse(memory)})
    resources = core_v1.ResourceRequirements(requests=rows, limits=rows)
    return core_v1.Container(name=name, image="web:1", image_pull_policy="IfNotPresent", resources=resources)


def outcome(lab, name, *containers):
    lab.bind(name, containers=containers)
    lab.run(5)
    status = lab.pod(name).status
    return (status.reason, status.message) if status.phase == "Failed" else status.phase


@pytest.mark.parametrize("policy", ["none", "best-effort"])
def test_other_policies_take_whatever_there_is_room_for(lab, policy):
    lab = lab(host=machine(policy))
    assert [outcome(lab, name, guaranteed("c", "3")) for name in "ab"] == ["Running", "Running"]
    assert outcome(lab, "c", guaranteed("c", "2")) == "Running"


@pytest.mark.parametrize("policy", ["restricted", "single-numa-node"])
def test_cpus_that_would_lie_on_two_nodes_are_refused(lab, policy):
    lab = lab(host=machine(policy))
    assert [outcome(lab, name, guaranteed("c", "3")) for name in "ab"] == ["Running", "Running"]
    assert outcome(lab, "c", guaranteed("c", "2")) == REFUSED
    assert lab.said("TopologyAffinityError") == ["Resources cannot be allocated with Topology locality"]
    assert outcome(lab, "d", guaranteed("c", "1")) == "Running"
    lab.mark("a", grace=1)
    lab.run(5)
    assert outcome(lab, "e", guaranteed("c", "2")) == "Running"


def test_restricted_takes_what_fits_on_no_single_node(lab):
    assert outcome(lab(host=machine("restricted")), "a", guaranteed("c", "6")) == "Running"
    assert outcome(lab(host=machine()), "a", guaranteed("c", "6")) == REFUSED
    assert outcome(lab(host=machine(numa=1)), "a", guaranteed("c", "6")) == "Running"


def test_containers_are_aligned_one_by_one_or_the_pod_as_a_whole(lab):
    pair = guaranteed("a", "3"), guaranteed("b", "3")
    assert outcome(lab(host=machine()), "a", *pair) == "Running"
    assert outcome(lab(host=machine(topologyManagerScope="pod")), "a", *pair) == REFUSED


def test_cpus_and_memory_lie_on_the_same_node(lab):
    lab = lab(host=machine(memoryManagerPolicy="Static"))
    assert outcome(lab, "a", guaranteed("c", "1", "7Gi")) == "Running"
    assert outcome(lab, "b", guaranteed("c", "4", "1Gi")) == "Running"
    # There is memory on the one node alone, and cpus on the other.
    assert outcome(lab, "c", guaranteed("c", "1", "7Gi")) == REFUSED
    assert outcome(lab, "d", guaranteed("c", "1", "1Gi")) == "Running"


def test_parts_of_cpus_and_pods_that_are_not_guaranteed_are_not_aligned(lab):
    lab = lab(host=machine())
    assert [outcome(lab, name, guaranteed("c", "3")) for name in "ab"] == ["Running", "Running"]
    assert outcome(lab, "c", guaranteed("c", "1500m")) == "Running"
    loose = core_v1.Container(name="c", image="web:1", image_pull_policy="IfNotPresent")
    assert outcome(lab, "d", loose) == "Running"


def test_what_is_reserved_is_nobodys(lab):
    few = lab(host=machine("none", kubeReserved="cpu=500m"))
    assert outcome(few, "a", guaranteed("c", "7")) == "Running"
    short = lab(host=machine(systemReserved="cpu=2"))
    assert outcome(short, "a", guaranteed("c", "3")) == "Running"
    assert outcome(short, "b", guaranteed("c", "2")) == "Running"
    assert outcome(short, "c", guaranteed("c", "2")) == REFUSED
    assert outcome(lab(host=machine("none")), "a", guaranteed("c", "8")) == "Running"


def test_cpus_that_are_not_there_are_an_error(lab):
    lab = lab(host=machine("none", kubeReserved="cpu=500m"))
    assert outcome(lab, "a", guaranteed("c", "5"), guaranteed("d", "2")) == "Running"
    why = "Allocate failed due to not enough cpus available to satisfy request: requested=1, available=0, "
    said = f"Pod was rejected: {why}which is unexpected"
    assert outcome(lab, "b", guaranteed("c", "1")) == ("UnexpectedAdmissionError", said)
