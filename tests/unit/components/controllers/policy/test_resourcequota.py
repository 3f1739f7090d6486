"""What the quotas of a namespace count, and when it is counted."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1, resource_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Time
from reconcile.components.controllers.policy.resourcequota import CONTROLLER, FIRST_COUNT, FULL_COUNT
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import pod, service


def quota(hard, name="q", **spec):
    limits = Map({key: Quantity.parse(value) for key, value in hard.items()})
    return core_v1.ResourceQuota(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default"), spec=core_v1.ResourceQuotaSpec(hard=limits, **spec)
    )


def counting(hard, *objects, **spec):
    lab = Lab(FIRST_COUNT, CONTROLLER)
    for resource, obj in objects:
        lab.put(resource, obj)
    lab.put("resourcequotas", quota(hard, **spec))
    lab.run()
    return lab


def used(lab, name="q"):
    return {key: each.text for key, each in lab.get("resourcequotas", f"default/{name}").status.used.items()}


def test_a_quota_says_what_is_used():
    lab = counting({"pods": "5", "count/configmaps": "1", "cpu": "1"}, ("pods", pod("a")), ("pods", pod("b")))
    assert used(lab) == {"pods": "2", "count/configmaps": "0", "cpu": "0"}
    status = lab.get("resourcequotas", "default/q").status
    assert status.hard == lab.get("resourcequotas", "default/q").spec.hard
    assert len(lab.writes()) == 1
    lab.remove("pods", "default/a")
    lab.run()
    assert used(lab)["pods"] == "1"


def test_what_nobody_can_count_is_not_said():
    assert used(counting({"pods": "5", "unheard.of": "1"})) == {"pods": "0"}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_what_has_ended_does_not_count_but_as_an_object(phase):
    lab = counting({"pods": "5", "count/pods": "5"}, ("pods", pod("a")))
    lab.put("pods", replace(lab.get("pods", "default/a"), status=core_v1.PodStatus(phase=phase)))
    lab.run()
    assert used(lab) == {"pods": "0", "count/pods": "1"}


def test_a_pod_that_should_be_gone_is_seen_with_the_full_count():
    dying = pod("a", deleted=Time.at(START))
    dying = replace(dying, metadata=replace(dying.metadata, deletion_grace_period_seconds=30))
    lab = counting({"pods": "5"}, ("pods", dying))
    assert used(lab) == {"pods": "1"}
    lab.run(FULL_COUNT - SECOND)
    assert used(lab) == {"pods": "1"}
    lab.run(FULL_COUNT)
    assert used(lab) == {"pods": "0"}


def test_scopes():
    short = pod("short")
    short = replace(short, spec=replace(short.spec, active_deadline_seconds=5))
    lab = counting({"pods": "5"}, ("pods", pod("a")), ("pods", short), scopes=("Terminating",))
    lab.put("resourcequotas", quota({"pods": "5"}, "lasting", scopes=("NotTerminating", "BestEffort")))
    wanted = core_v1.ScopedResourceSelectorRequirement(scope_name="PriorityClass", operator="In", values=("high",))
    selector = core_v1.ScopeSelector(match_expressions=(wanted,))
    lab.put("resourcequotas", quota({"pods": "5"}, "high", scope_selector=selector))
    lab.run()
    assert [used(lab, name)["pods"] for name in ("q", "lasting", "high")] == ["1", "1", "0"]
    lasting = lab.get("pods", "default/a")
    lab.put("pods", replace(lasting, spec=replace(lasting.spec, active_deadline_seconds=5)))
    lab.run()
    assert [used(lab, name)["pods"] for name in ("q", "lasting")] == ["2", "0"]


def test_a_service_of_another_type_counts_otherwise():
    lab = counting({"services.nodeports": "5"}, ("services", service(type="NodePort")))
    assert used(lab) == {"services.nodeports": "1"}
    kept = lab.get("services", "default/web")
    lab.put("services", replace(kept, spec=replace(kept.spec, type="ClusterIP")))
    lab.run()
    assert used(lab) == {"services.nodeports": "0"}


def test_devices_count_by_their_class_as_many_as_a_claim_can_get():
    exact = resource_v1.ExactDeviceRequest(device_class_name="gpu", allocation_mode="ExactCount", count=2)
    every = resource_v1.ExactDeviceRequest(device_class_name="nic", allocation_mode="All")
    either = tuple(
        [
            resource_v1.DeviceSubRequest(name=name, device_class_name="gpu", allocation_mode="ExactCount", count=count)
            for name, count in (("a", 1), ("b", 3))
        ]
    )
    claim = resource_v1.ResourceClaim(
        metadata=meta_v1.ObjectMeta(name="c", namespace="default"),
        spec=resource_v1.ResourceClaimSpec(
            devices=resource_v1.DeviceClaim(
                requests=(
                    resource_v1.DeviceRequest(name="x", exactly=exact),
                    resource_v1.DeviceRequest(name="y", exactly=every),
                    resource_v1.DeviceRequest(name="z", first_available=either),
                )
            )
        ),
    )
    names = ["gpu.deviceclass.resource.k8s.io/devices", "nic.deviceclass.resource.k8s.io/devices"]
    names += ["count/resourceclaims.resource.k8s.io"]
    lab = counting(dict.fromkeys(names, "99"), ("resourceclaims.resource.k8s.io", claim))
    assert used(lab) == dict(zip(names, ["5", "32", "1"], strict=True))


def test_what_refuses_everything_is_counted_before_the_rest():
    lab = Lab(FIRST_COUNT, CONTROLLER)
    lab.put("pods", pod("a"))
    for number in range(9):
        lab.put("resourcequotas", quota({"pods": "5"}, f"q{number}"))
    lab.run()
    lab.requests.clear()
    lab.remove("pods", "default/a")
    lab.put("resourcequotas", quota({"pods": "5"}, "new"))
    lab.run()
    assert "update resourcequotas status new" in lab.writes()[:2]


def test_another_limit_is_counted_at_once_and_a_refusal_comes_back():
    lab = counting({"pods": "5"}, ("pods", pod("a")))
    lab.refusals = [Response(409, statuses.conflict("resourcequotas", "q"))]
    found = lab.get("resourcequotas", "default/q")
    lab.put("resourcequotas", replace(found, spec=quota({"pods": "9", "secrets": "1"}).spec))
    lab.run()
    assert used(lab) == {"pods": "1", "secrets": "0"}


def test_a_quota_that_goes_is_not_counted_any_more():
    lab = counting({"pods": "5"}, ("pods", pod("a")))
    lab.remove("resourcequotas", "default/q")
    lab.requests.clear()
    lab.run(3 * FULL_COUNT)
    assert lab.requests == []
