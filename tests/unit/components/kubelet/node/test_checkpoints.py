"""Checkpoints: a kubelet that is started again goes by what the one before it had decided."""

import pytest

from reconcile.api import core_v1, meta_v1, resource_v1
from reconcile.api.scalars import Quantity
from reconcile.components import kubelet
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.devices import DeviceDriver, DevicePool
from reconcile.model.hosts import Host


def asks(cpu, memory="64Mi", *, limits=False):
    amounts = Map.of({"cpu": Quantity.parse(cpu), "memory": Quantity.parse(memory)})
    return core_v1.ResourceRequirements(requests=amounts, limits=amounts if limits else None)


def resize(lab, name, resources):
    pod = lab.pod(name)
    (container,) = pod.spec.containers
    spec = replace(pod.spec, containers=(replace(container, resources=resources),))
    metadata = replace(pod.metadata, generation=pod.metadata.generation + 1)
    lab.put("pods", replace(pod, metadata=metadata, spec=spec))


def has(lab, name="web"):
    status = lab.status(name)
    return status.allocated_resources["cpu"].text, status.resources.requests["cpu"].text


def test_a_kubelet_whose_pods_have_no_resources_keeps_nothing(lab):
    made = lab()
    made.bind()
    made.run(10)
    assert kubelet.kept(made.kubelet) is None


@pytest.mark.parametrize("again", ["start", "reboot"])
def test_what_is_deferred_stays_so(lab, container, again):
    made = lab()
    made.bind("web", containers=(container("web", resources=asks("1")),))
    made.bind("other", containers=(container("web", resources=asks("2")),))
    made.run(10)
    resize(made, "web", asks("3"))
    made.run(5)
    getattr(made, again)()
    made.run(60)
    assert has(made) == ("1", "1")
    assert made.conditions()["PodResizePending"][1] == "Deferred"
    assert len(made.said("ResizeDeferred")) == 1, "that it waits is no news"
    assert made.kubelet.used["cpu"] == 3_000_000_000
    made.mark("other", grace=1)
    made.run(10)
    assert has(made) == ("3", "3")
    assert len(made.said("ResizeStarted")) == len(made.said("ResizeCompleted")) == 1


def test_what_was_asked_for_meanwhile_is_tried_half_a_minute_later(lab, container):
    made = lab()
    made.bind(containers=(container("web", resources=asks("1")),))
    made.run(10)
    made.push = lambda *_: None
    resize(made, "web", asks("2"))
    del made.push
    made.start()
    made.run(29)
    assert has(made) == ("1", "1")
    made.run(2)
    assert has(made) == ("2", "2")
    assert made.reasons()[-2:] == ["ResizeStarted", "ResizeCompleted"]


def test_what_was_allocated_and_not_given_is_given(lab, container):
    made = lab({"web:*": "memory 100Mi"})
    made.bind(containers=(container("web", resources=asks("1", "200Mi", limits=True)),))
    made.run(10)
    resize(made, "web", asks("1", "50Mi", limits=True))
    made.run(1)
    said = made.conditions()["PodResizeInProgress"]
    assert said[:2] == ("True", "Error")
    made.start()
    made.run(30)
    assert made.conditions()["PodResizeInProgress"] == said
    assert made.status().resources.limits["memory"].text == "200Mi"
    assert len(made.said("ResizeError")) == 1
    resize(made, "web", asks("1", "150Mi", limits=True))
    made.run(1)
    assert made.status().resources.limits["memory"].text == "150Mi"


def test_a_resize_that_is_taken_back_meanwhile_is_over(lab, container):
    made = lab()
    made.bind(containers=(container("web", resources=asks("1")),))
    made.run(10)
    resize(made, "web", asks("9"))
    made.run(5)
    made.push = lambda *_: None
    resize(made, "web", asks("1"))
    del made.push
    made.start()
    made.run(5)
    assert "PodResizePending" not in made.conditions()


def test_who_has_cpus_for_himself_keeps_them(lab, container):
    capacity = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    settings = {"cpuManagerPolicy": "static", "evictionHard": ""}
    network = {"ip": "10.0.0.1", "pod_cidr": "10.244.1.0/24"}
    host = Host(name="node-1", **network, capacity=capacity, numa=2, kubelet=settings)
    made = lab(host=host)
    for name in ("first", "second"):
        made.bind(name, containers=(container("web", resources=asks("1", limits=True)),))
        made.run(10)
    made.mark("first", grace=1)
    made.run(10)
    before = made.kubelet.seldom.aligned
    assert list(before) == ["pod-second"]
    made.start()
    made.run(5)
    assert made.kubelet.seldom.aligned == before
    made.reboot()
    made.remove("pods", made.pod("second"))
    made.run(5)
    assert not made.kubelet.seldom.aligned


def test_devices_are_unprepared_by_the_next_life(lab):
    result = resource_v1.DeviceRequestAllocationResult(driver="gpu.io", pool="node-1", device="gpu-0", request="r")
    claim = resource_v1.ResourceClaim(
        metadata=meta_v1.ObjectMeta(name="c", namespace="default", uid="uid-c"),
        spec=resource_v1.ResourceClaimSpec(),
        status=resource_v1.ResourceClaimStatus(
            allocation=resource_v1.AllocationResult(devices=resource_v1.DeviceAllocationResult(results=(result,))),
            reserved_for=(resource_v1.ResourceClaimConsumerReference(name="web", resource="pods", uid="pod-web"),),
        ),
    )
    pool = DevicePool(devices=(), on=("node-1",))
    made = lab({"web:1": "stop 0s"}, device_drivers=(DeviceDriver(name="gpu.io", pools=(pool,), unprepare=9 * SECOND),))
    made.put("resourceclaims.resource.k8s.io", claim)
    made.bind(resource_claims=(core_v1.PodResourceClaim(name="g", resource_claim_name="c"),))
    made.run(10)
    made.start()
    made.run(10)
    assert made.kubelet.seldom.claims["uid-c"].users == ("pod-web",)
    made.mark(grace=1)
    made.run(5)
    assert made.pod() is not None, "it waits for its devices"
    made.run(10)
    assert made.pod() is None
    assert not made.kubelet.seldom.claims
