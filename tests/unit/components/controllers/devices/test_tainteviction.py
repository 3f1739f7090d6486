"""Device taint eviction: who has a device that is tainted has to go, at once or after a while."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1, resource_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.devices import tainteviction
from reconcile.lib.instant import SECOND
from tests.unit.components.controllers.lab import START, Lab

CLAIMS = "resourceclaims.resource.k8s.io"
SLICES = "resourceslices.resource.k8s.io"


def published(effect=None, generation=1):
    taint = None if effect is None else resource_v1.DeviceTaint(effect=effect, key="broken", time_added=Time(START))
    device = resource_v1.Device(name="gpu-0", taints=None if taint is None else (taint,))
    pool = resource_v1.ResourcePool(name="n1", generation=generation, resource_slice_count=1)
    spec = resource_v1.ResourceSliceSpec(driver="gpu.io", node_name="n1", pool=pool, devices=(device,))
    return resource_v1.ResourceSlice(metadata=meta_v1.ObjectMeta(name="s"), spec=spec)


def claim(*tolerations, user="web"):
    result = resource_v1.DeviceRequestAllocationResult(
        driver="gpu.io", pool="n1", device="gpu-0", request="r", tolerations=tolerations or None
    )
    reserved = resource_v1.ResourceClaimConsumerReference(name=user, resource="pods", uid=f"uid-{user}")
    return resource_v1.ResourceClaim(
        metadata=meta_v1.ObjectMeta(name="c", namespace="default", uid="uid-c"),
        spec=resource_v1.ResourceClaimSpec(),
        status=resource_v1.ResourceClaimStatus(
            allocation=resource_v1.AllocationResult(devices=resource_v1.DeviceAllocationResult(results=(result,))),
            reserved_for=(reserved,),
        ),
    )


def pod(node="n1"):
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name="web", namespace="default", uid="uid-web"),
        spec=core_v1.PodSpec(
            containers=(core_v1.Container(name="c", image="i"),),
            node_name=node,
            resource_claims=(core_v1.PodResourceClaim(name="g", resource_claim_name="c"),),
        ),
        status=core_v1.PodStatus(phase="Running"),
    )


def toleration(seconds=None):
    return resource_v1.DeviceToleration(key="broken", operator="Exists", effect="NoExecute", toleration_seconds=seconds)


def lab_of(*tolerations, effect=None):
    lab = Lab(tainteviction.CONTROLLER)
    lab.put(SLICES, published(effect))
    lab.put(CLAIMS, claim(*tolerations))
    lab.put("pods", pod())
    lab.run()
    return lab


def is_gone(lab):
    found = lab.get("pods", "default/web")
    return found is None or found.metadata.deletion_timestamp is not None


@pytest.mark.parametrize("effect", [None, "NoSchedule", "None"])
def test_other_effects_evict_nobody(effect):
    assert not is_gone(lab_of(effect=effect))


def test_a_taint_evicts_whoever_has_the_device():
    lab = lab_of()
    lab.put(SLICES, published("NoExecute"))
    lab.run()
    assert is_gone(lab)
    assert ("DeviceTaintManagerEviction", "Marking for deletion") in lab.said()
    assert any("pods/status" in write or "status" in write for write in lab.writes())


def test_one_who_tolerates_it_stays_for_a_while_or_for_ever():
    assert not is_gone(lab_of(toleration(), effect="NoExecute"))
    lab = Lab(tainteviction.CONTROLLER)
    lab.put(SLICES, published("NoExecute"))
    lab.put(CLAIMS, claim(toleration(30)))
    lab.put("pods", pod())
    lab.run(until=29 * SECOND)
    assert not is_gone(lab)
    lab.run()
    assert is_gone(lab)


def test_a_taint_that_goes_in_time_calls_it_off():
    lab = Lab(tainteviction.CONTROLLER)
    lab.put(SLICES, published("NoExecute"))
    lab.put(CLAIMS, claim(toleration(30)))
    lab.put("pods", pod())
    lab.run(until=5 * SECOND)
    lab.put(SLICES, published())
    lab.run()
    assert not is_gone(lab)
    assert lab.said() == [("DeviceTaintManagerEviction", "Cancelling deletion")]


def test_a_pod_that_the_claim_is_not_reserved_for_is_left_alone():
    lab = Lab(tainteviction.CONTROLLER)
    lab.put(SLICES, published("NoExecute"))
    lab.put(CLAIMS, claim(user="other"))
    lab.put("pods", pod())
    lab.run()
    assert not is_gone(lab)
