"""What a kubelet's configuration changes: what its Node has, pulls, back-offs, how often it reports."""

import pytest

from reconcile.api import core_v1
from reconcile.api.quantity import Quantity
from reconcile.components.kubelet.node.nodes import allocatable_of, capacity_of
from reconcile.events import HostStrained, Reported
from reconcile.lib.mapping import Map
from reconcile.model.hosts import Host


def host(capacity=None, reserved=None, numa=1, **kubelet):
    capacity = capacity or {"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    more = {"reserved": reserved} if reserved else {}
    return Host(
        name="node-1", ip="10.0.0.1", pod_cidr="10.244.1.0/24", capacity=capacity, kubelet=kubelet, numa=numa, **more
    )


def texts(rows):
    return {name: str(amount) for name, amount in rows.items()}


def test_pods_may_not_use_what_is_reserved_and_what_hard_thresholds_keep_free():
    usual = texts(allocatable_of(host()))
    assert usual == {"cpu": "4", "memory": "16284Mi", "pods": "110", "ephemeral-storage": "96636764000"}
    found = allocatable_of(
        host(systemReserved="cpu=100m,memory=1Gi", kubeReserved="cpu=400m", evictionHard="memory.available<1Gi")
    )
    assert texts(found) == {"cpu": "3500m", "memory": "14Gi", "pods": "110", "ephemeral-storage": "100Gi"}


def test_what_a_host_says_that_it_lacks_counts_for_all_that_its_kubelet_keeps():
    found = texts(allocatable_of(host(reserved={"memory": "2Gi"}, kubeReserved="memory=1Gi,cpu=1")))
    assert (found["memory"], found["cpu"]) == ("14Gi", "3")


def test_how_many_pods_a_node_takes():
    assert capacity_of(host(maxPods="20"))["pods"] == Quantity.parse("20")
    assert capacity_of(host(podsPerCore="5"))["pods"] == Quantity.parse("20")
    assert capacity_of(host(maxPods="10", podsPerCore="5"))["pods"] == Quantity.parse("10")
    assert capacity_of(host({"cpu": "3500m"}, podsPerCore="5"))["pods"] == Quantity.parse("15")


def pull(lab, *names):
    for name in names:
        lab.bind(name, image=f"{name}:1")
    lab.run(0.001)
    return [order.image for order in lab.orders if type(order).__name__ == "PullImage"]


IMAGES = {"a:1": {"pull": "4s"}, "b:1": {"pull": "2s"}, "c:1": {"pull": "1s"}}


def test_images_are_pulled_one_after_the_other_or_several_at_a_time(lab):
    assert pull(lab(IMAGES), "a", "b", "c") == ["a:1"]
    assert pull(lab(IMAGES, host=host(serializeImagePulls="false")), "a", "b", "c") == ["a:1", "b:1", "c:1"]
    two = lab(IMAGES, host=host(maxParallelImagePulls="2"))
    assert pull(two, "a", "b", "c") == ["a:1", "b:1"]
    two.run(30)
    took = [said.partition(" in ")[2].partition(". ")[0] for said in two.said("Pulled")]
    assert took == ["2s (2s including waiting)", "1s (3s including waiting)", "4s (4s including waiting)"]
    assert two.kubelet.pulls == ()


def test_a_pull_whose_pod_has_gone_makes_room_for_no_other_until_it_has_ended(lab):
    two = lab({**IMAGES, "d:1": {"pull": "1s"}}, host=host(maxParallelImagePulls="2"))
    pull(two, "a", "b", "c", "d")
    for name in ("b", "c"):
        two.remove("pods", two.pod(name))
    two.run(1)
    assert [order.image for order in two.orders if type(order).__name__ == "PullImage"] == ["a:1", "b:1"]
    two.run(30)
    assert [order.image for order in two.orders if type(order).__name__ == "PullImage"] == ["a:1", "b:1", "d:1"]
    assert two.pod("d").status.phase == "Running"


def waits(lab):
    lab.bind()
    lab.run(120)
    return [said.split()[1] for said in (row.message for row in seen(lab)) if said]


def seen(lab):
    rows = [request.body.new for request in lab.written()]
    return [row.state.waiting for status in rows for row in status.container_statuses if row.state.waiting]


def test_the_back_off_of_a_container_has_its_end(lab):
    image = {"web:1": "exit 1 after 1s"}
    assert waits(lab(image))[:3] == ["10s", "20s", "40s"]
    short = host(**{"crashLoopBackOff.maxContainerRestartPeriod": "15s"})
    assert waits(lab(image, host=short))[:3] == ["10s", "15s", "15s"]
    fast = host(featureGates="ReduceDefaultCrashLoopBackOffDecay=true")
    assert waits(lab(image, host=fast))[:3] == ["1s", "2s", "4s"]


def test_a_lease_and_a_node_are_renewed_as_often_as_is_said(lab):
    slow = lab(host=host(nodeLeaseDurationSeconds="80", nodeStatusUpdateFrequency="30s"))
    slow.run(100)
    leases = [request for request in slow.calls if request.resource.startswith("leases")]
    assert [request.verb for request in leases] == ["create", *["update"] * 5]
    assert leases[-1].body.spec.lease_duration_seconds == 80
    reports = [request for request in slow.calls if (request.resource, request.verb) == ("nodes", "patch")]
    assert len(reports) == 3


def test_a_node_registers_with_the_taints_that_are_said(lab):
    tainted = lab(host=host(registerWithTaints="gpu=yes:NoSchedule"))
    tainted.run(1)
    (taint,) = tainted.objects["nodes", "node-1"].spec.taints
    assert (taint.key, taint.value, taint.effect) == ("gpu", "yes", "NoSchedule")


@pytest.mark.parametrize(("reclaim", "gone"), [("", 1), ("memory.available=500Mi", 2)])
def test_more_is_reclaimed_than_was_missing(lab, reclaim, gone):
    said = {"evictionHard": "memory.available<100Mi", "evictionMinimumReclaim": reclaim}
    lab = lab({"big:1": "memory 300Mi", "small:1": "memory 50Mi"}, host=host(**said))
    lab.bind("big", image="big:1")
    lab.bind("small", image="small:1")
    lab.run(5)
    event = Reported(lab.now, HostStrained("memory.available", 440 << 20))
    lab.push("kubelet", event)
    lab.run(60)
    assert len(lab.said("Evicted")) == gone


@pytest.mark.parametrize(("gates", "phases"), [("", 2), ("PodReadyToStartContainersCondition=true", 3)])
def test_a_sandbox_that_is_ready_may_be_told_at_once(lab, gates, phases):
    lab = lab({"web:1": {"pull": "5s"}}, host=host(featureGates=gates))
    lab.bind()
    lab.run(3)
    told = [row.status for row in lab.pod().status.conditions if row.type == "PodReadyToStartContainers"]
    assert told == ["True" if gates else "False"]
    lab.run(30)
    assert len(lab.written()) == phases
    assert lab.conditions()["PodReadyToStartContainers"][0] == "True"


def test_what_a_pod_as_a_whole_has_is_told_unless_that_is_switched_off(lab):
    asked = core_v1.ResourceRequirements(requests=Map({"cpu": Quantity.parse("100m")}))
    found = []
    for gates in ("", "InPlacePodLevelResourcesVerticalScaling=false"):
        here = lab({"web:1": {}}, host=host(featureGates=gates))
        here.bind(containers=(core_v1.Container(name="web", image="web:1", resources=asked),))
        here.run(10)
        found.append(here.pod().status)
    usual, off = found
    assert (str(usual.allocated_resources["cpu"]), str(usual.resources.requests["cpu"])) == ("100m", "100m")
    assert (off.allocated_resources, off.resources) == (None, None)
    assert off.container_statuses[0].allocated_resources == usual.container_statuses[0].allocated_resources
