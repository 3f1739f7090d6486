"""Pressure: what a kubelet does about a host that runs short."""

import pytest

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.events import ContainerUses, HostStrained, Reported
from reconcile.lib.mapping import Map
from reconcile.model.hosts import Host

MI = 1 << 20


def host(**fields):
    return Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", **fields)


def strain(lab, signal, available):
    lab.push("kubelet", Reported(lab.now, HostStrained(signal, available)))
    lab.run()


def asks(memory):
    return core_v1.ResourceRequirements(requests=Map.of({"memory": Quantity.parse(memory)}))


def node_conditions(lab):
    return {row.type: row.status for row in lab.objects["nodes", "node-1"].status.conditions}


def failed(lab):
    return [
        name for (kind, name), pod in sorted(lab.objects.items()) if kind == "pods" and pod.status.phase == "Failed"
    ]


def test_who_uses_more_than_it_asks_for_is_evicted_first(lab, container):
    lab = lab({"big:1": "memory 300Mi", "small:1": "memory 50Mi"})
    lab.bind("modest", containers=(container("web", "big:1", resources=asks("1Gi")),), priority=0)
    lab.bind("greedy", containers=(container("web", "small:1"),), priority=10)
    lab.run(10)
    strain(lab, "memory.available", 440 * MI)
    assert failed(lab) == []
    lab.run(5)
    assert failed(lab) == ["default/greedy"]
    status = lab.pod("greedy").status
    said = (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. "
        "Container web was using 50Mi, request is 0, has larger consumption of memory. "
    )
    assert (status.reason, status.message) == ("Evicted", said)
    assert lab.conditions("greedy")["DisruptionTarget"] == ("True", "TerminationByKubelet", said)
    assert ("Warning", "Evicted", said, "greedy") in lab.records
    assert ("Warning", "EvictionThresholdMet", "Attempting to reclaim memory", "node-1") in lab.records


def test_pods_go_one_by_one_by_priority_and_critical_ones_stay(lab):
    lab = lab()
    lab.bind("low", priority=0)
    lab.bind("high", priority=100)
    lab.bind("critical", priority=2_000_000_000)
    lab.run(10)
    strain(lab, "memory.available", 10 * MI)
    lab.run(5)
    assert failed(lab) == ["default/low"]
    lab.run(12)
    assert failed(lab) == ["default/high", "default/low"]
    lab.run(60)
    assert lab.pod("critical").status.phase == "Running"


def test_the_condition_stays_for_its_transition_period(lab):
    lab = lab(host=host(kubelet={"evictionPressureTransitionPeriod": "1m"}))
    lab.run(20)
    strain(lab, "memory.available", 10 * MI)
    lab.run(15)
    assert node_conditions(lab)["MemoryPressure"] == "True"
    assert "NodeHasInsufficientMemory" in lab.reasons("node-1")
    strain(lab, "memory.available", -1)
    lab.run(40)
    assert node_conditions(lab)["MemoryPressure"] == "True"
    lab.run(45)
    assert node_conditions(lab)["MemoryPressure"] == "False"
    assert lab.reasons("node-1")[-1] == "NodeHasSufficientMemory"


def test_a_node_under_pressure_refuses_pods(lab, container):
    lab = lab()
    lab.run(20)
    strain(lab, "memory.available", 10 * MI)
    lab.bind("plain")
    lab.bind("asking", containers=(container("web", resources=asks("1Mi")),))
    lab.run(1)
    status = lab.pod("plain").status
    assert (status.phase, status.reason) == ("Failed", "Evicted")
    assert status.message == "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert lab.pod("asking").status.phase == "Pending"


def test_a_soft_threshold_has_its_grace_and_so_have_pods(lab):
    soft = {
        "evictionHard": "memory.available<50Mi",
        "evictionSoft": "memory.available<200Mi",
        "evictionSoftGracePeriod": "memory.available=30s",
        "evictionMaxPodGracePeriod": "20",
    }
    lab = lab({"web:1": "ignores SIGTERM"}, host=host(kubelet=soft))
    lab.bind()
    lab.run(20)
    strain(lab, "memory.available", 100 * MI)
    lab.run(29)
    assert lab.pod().status.phase == "Running"
    assert node_conditions(lab)["MemoryPressure"] == "True"
    lab.run(20)
    assert lab.alive()
    lab.run(2)
    assert failed(lab) == ["default/web"]


def test_a_full_disk_loses_its_unused_images_first(lab):
    lab = lab(
        {"old:1": "size 2Gi", "web:1": "size 1Gi"},
        host=host(capacity={"cpu": "4", "memory": "8Gi", "pods": "9", "ephemeral-storage": "10Gi"}),
    )
    lab.bind("old", image="old:1")
    lab.bind("web")
    lab.run(20)
    lab.mark("old", grace=1)
    lab.run(130)
    strain(lab, "nodefs.available", 3800 * MI)
    lab.run(20)
    assert "old:1" not in lab.kubelet.images
    assert [order.image for order in lab.orders if type(order).__name__ == "RemoveImage"] == ["old:1"]
    assert lab.pod().status.phase == "Running"
    assert node_conditions(lab)["DiskPressure"] == "True"


def test_images_are_removed_when_they_fill_the_disk(lab):
    small = host(capacity={"cpu": "4", "memory": "8Gi", "pods": "9", "ephemeral-storage": "10Gi"})
    lab = lab({"a:1": "size 3Gi", "b:1": "size 5632Mi"}, host=small)
    lab.bind("a", image="a:1")
    lab.run(20)
    lab.mark("a", grace=1)
    lab.run(10)
    lab.bind("b", image="b:1")
    lab.run(600)
    assert sorted(lab.kubelet.images) == ["b:1"]


@pytest.mark.parametrize(
    ("signal", "condition"), [("pid.available", "PIDPressure"), ("nodefs.inodesFree", "DiskPressure")]
)
def test_other_signals_have_their_conditions(lab, signal, condition):
    lab = lab(host=host(kubelet={"evictionHard": f"{signal}<1000"}))
    lab.run(20)
    strain(lab, signal, 10)
    lab.run(15)
    assert node_conditions(lab)[condition] == "True"
    assert not [timer for key, timer in lab.timers.items() if key[1] == ("pressure",) and not timer[1]]


def test_a_kubelet_that_starts_on_a_strained_host_knows(lab):
    lab = lab(host=host(strain={"memory.available": "10Mi"}))
    lab.run(20)
    assert node_conditions(lab)["MemoryPressure"] == "True"


def filled(lab, **said):
    """A host whose disk three images of ended pods fill, each needed until later than the one before."""
    small = host(capacity={"cpu": "4", "memory": "8Gi", "pods": "9", "ephemeral-storage": "10Gi"}, kubelet=said)
    lab = lab({f"{name}:1": "size 2Gi" for name in "abc"}, host=small)
    for name in "bac":
        lab.bind(name, image=f"{name}:1")
        lab.run(301)
    for name in "bac":
        lab.mark(name, grace=1)
        lab.run(5)
    return lab


def test_the_image_goes_first_that_was_not_needed_for_longest(lab):
    lab = filled(lab, imageMaximumGCAge="10h")
    lab.bind("again", image="b:1")
    lab.run(301)
    lab.mark("again", grace=1)
    lab.run(5)
    strain(lab, "nodefs.available", 6700 * MI)
    lab.run(30)
    assert next(order.image for order in lab.orders if type(order).__name__ == "RemoveImage") == "a:1"


def test_an_image_that_has_just_come_stays(lab):
    small = host(capacity={"cpu": "4", "memory": "8Gi", "pods": "9", "ephemeral-storage": "10Gi"})
    lab = lab({"a:1": "size 3Gi"}, host=small)
    lab.bind("a", image="a:1")
    lab.run(5)
    lab.mark("a", grace=1)
    lab.run(5)
    strain(lab, "nodefs.available", 3500 * MI)
    lab.run(60)
    assert "a:1" in lab.kubelet.images
    lab.run(120)
    assert "a:1" not in lab.kubelet.images


def test_an_image_that_nobody_needed_for_too_long_is_removed(lab):
    lab = filled(lab, imageMaximumGCAge="20m")
    lab.run(600)
    assert sorted(lab.kubelet.images) == ["a:1", "b:1", "c:1"]
    lab.run(900)
    assert sorted(lab.kubelet.images) == []


def test_what_a_container_comes_to_use_counts(lab):
    lab = lab({"big:1": "memory 50Mi"})
    lab.bind("web", image="big:1")
    lab.run(10)
    strain(lab, "memory.available", 440 * MI)
    assert node_conditions(lab)["MemoryPressure"] == "False"
    lab.push("kubelet", Reported(lab.now, ContainerUses("pod-web", "web", 350 * MI, 0)))
    lab.run(15)
    assert node_conditions(lab)["MemoryPressure"] == "True"
    assert "Container web was using 350Mi, request is 0" in lab.pod("web").status.message
    lab.push("kubelet", Reported(lab.now, ContainerUses("pod-web", "web", 400 * MI, 0)))  # it has ended since
    lab.run(1)
    assert failed(lab) == ["default/web"]
