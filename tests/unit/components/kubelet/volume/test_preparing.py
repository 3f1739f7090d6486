"""Devices: a pod with ResourceClaims starts when their drivers have prepared them, and says what is wrong."""

from __future__ import annotations

import attrs
import pytest

from reconcile.api import core_v1, meta_v1, resource_v1
from reconcile.lib.instant import SECOND
from reconcile.model.devices import DeviceDriver, DevicePool

WEB = {"web:1": "preloaded, start 1s"}
CLAIMS = "resourceclaims.resource.k8s.io"
ENTRY = core_v1.PodResourceClaim(name="g", resource_claim_name="c")


def claim(*users, driver="gpu.io", uid="uid-c"):
    result = resource_v1.DeviceRequestAllocationResult(driver=driver, pool="node-1", device="gpu-0", request="r")
    reserved = [resource_v1.ResourceClaimConsumerReference(name=each, resource="pods", uid=each) for each in users]
    return resource_v1.ResourceClaim(
        metadata=meta_v1.ObjectMeta(name="c", namespace="default", uid=uid),
        spec=resource_v1.ResourceClaimSpec(),
        status=resource_v1.ResourceClaimStatus(
            allocation=resource_v1.AllocationResult(devices=resource_v1.DeviceAllocationResult(results=(result,))),
            reserved_for=tuple(reserved) or None,
        ),
    )


def driver(**more):
    return DeviceDriver(name="gpu.io", pools=(DevicePool(devices=(), on=("node-1",)),), **more)


def phase(made, name="web"):
    return made.pod(name).status.phase


def test_a_pod_waits_until_its_devices_are_prepared(lab):
    made = lab(WEB, device_drivers=(driver(prepare=3 * SECOND),))
    made.put(CLAIMS, claim("pod-web"))
    made.bind(resource_claims=(ENTRY,))
    made.run(2)
    assert made.status().state.waiting.reason == "ContainerCreating"
    made.run(3)
    assert phase(made) == "Running"
    assert not made.said("FailedPrepareDynamicResources")


@pytest.mark.parametrize(
    ("given", "drivers", "why"),
    [
        (None, (driver(),), 'fetch ResourceClaim c: resourceclaims.resource.k8s.io "c" not found'),
        (claim(), (driver(),), "pod web (pod-web) is not allowed to use ResourceClaim c (uid-c)"),
        (claim("pod-web"), (), "DRA driver gpu.io is not registered"),
    ],
)
def test_what_is_wrong_is_said_and_tried_again(lab, given, drivers, why):
    made = lab(WEB, device_drivers=drivers)
    if given is not None:
        made.put(CLAIMS, given)
    made.bind(resource_claims=(ENTRY,))
    made.run(5)
    (said,) = made.said("FailedPrepareDynamicResources")
    assert said.startswith("Failed to prepare dynamic resources: prepare dynamic resources: ")
    assert said.endswith(why) or given is None
    made.run(60)
    assert len(made.said("FailedPrepareDynamicResources")) == 2
    assert phase(made) == "Pending"


def test_a_driver_fails_as_often_as_it_is_told_to(lab):
    made = lab(WEB, device_drivers=(driver(failures=2),))
    made.put(CLAIMS, claim("pod-web"))
    made.bind(resource_claims=(ENTRY,))
    made.run(600)
    assert len(made.said("FailedPrepareDynamicResources")) == 2
    assert phase(made) == "Running"


def test_a_claim_that_two_pods_share_is_prepared_once_and_unprepared_with_the_last(lab):
    made = lab(WEB, device_drivers=(driver(prepare=3 * SECOND, unprepare=5 * SECOND),))
    made.put(CLAIMS, claim("pod-web", "pod-other"))
    made.bind(resource_claims=(ENTRY,))
    made.run(10)
    made.bind("other", resource_claims=(ENTRY,))
    made.run(2)
    assert phase(made, "other") == "Running"  # at once
    made.mark("web", grace=1)
    made.run(3)
    assert made.pod("web") is None
    made.mark("other", grace=1)
    made.run(3)
    assert made.pod("other") is not None
    made.run(5)
    assert made.pod("other") is None


def test_an_old_claim_of_the_name_has_to_be_gone_first(lab):
    made = lab(WEB, device_drivers=(driver(),))
    made.put(CLAIMS, claim("pod-web"))
    made.bind(resource_claims=(ENTRY,))
    made.run(5)
    made.put(CLAIMS, attrs.evolve(claim("pod-other", uid="uid-new")))
    made.bind("other", resource_claims=(ENTRY,))
    made.run(5)
    assert made.said("FailedPrepareDynamicResources")[0].endswith(
        "old ResourceClaim with same name c and different UID uid-c still exists (previous pod force-deleted?!)"
    )


def test_a_driver_may_report_that_its_devices_are_ready(lab):
    made = lab(WEB, device_drivers=(driver(reports=True),))
    made.put(CLAIMS, claim("pod-web"))
    made.calls.clear()
    made.bind(resource_claims=(ENTRY,))
    made.run(5)
    (request,) = [each for each in made.calls if each.resource == CLAIMS and each.verb == "patch"]
    assert request.subresource == "status"
    assert request.body["status"]["devices"][0]["conditions"][0]["type"] == "Ready"


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ({}, ("Unknown", None)),
        ({"*": "Healthy"}, ("Healthy", None)),
        ({"node-1/gpu-0": "Unhealthy: too hot", "gpu-0": "Healthy"}, ("Unhealthy", "too hot")),
    ],
)
def test_a_container_says_how_its_devices_are(lab, container, health, said):
    made = lab(WEB, device_drivers=(driver(health=health, prepare=2 * SECOND),))
    made.put(CLAIMS, claim("pod-web"))
    asks = core_v1.ResourceRequirements(claims=(core_v1.ResourceClaim(name="g", request="r"),))
    other = core_v1.ResourceRequirements(claims=(core_v1.ResourceClaim(name="g", request="other"),))
    containers = (container("web", resources=asks), container("side"), container("more", resources=other))
    made.bind(resource_claims=(ENTRY,), containers=containers)
    made.run(1)
    assert made.status().allocated_resources_status is None, "it has none yet"
    made.run(9)
    for _ in range(2):
        (row,) = made.status().allocated_resources_status
        assert row.name == "claim:g/r"
        (device,) = row.resources
        assert (device.resource_id, device.health, device.message) == ("gpu.io/node-1/gpu-0", *said)
        assert made.status(container=1).allocated_resources_status is None
        assert made.status(container=2).allocated_resources_status is None
        made.start()
        made.run(5)
