"""Pods that ask for devices: when they have a turn, what is written before they are bound, and what if that fails."""

import attrs
import pytest

from reconcile.api import core_v1, meta_v1, resource_v1
from reconcile.api.scalars import Time
from reconcile.components.scheduler.questions import place_of
from reconcile.effects import Call, OpenWatch, SetTimer
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map

CLAIMS = "resourceclaims.resource.k8s.io"
SLICES = "resourceslices.resource.k8s.io"
CLASSES = "deviceclasses.resource.k8s.io"
FINALIZER = "resource.kubernetes.io/delete-protection"
CLASS = resource_v1.DeviceClass(metadata=meta_v1.ObjectMeta(name="gpu"), spec=resource_v1.DeviceClassSpec())
NO_ROOM = (
    "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, "
    "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
)


def request(name="r", **asked):
    return resource_v1.DeviceRequest(
        name=name,
        exactly=resource_v1.ExactDeviceRequest(device_class_name="gpu", allocation_mode="ExactCount", **asked),
    )


def claim(name="c", *requests, version="1", **metadata):
    about = meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", resource_version=version, **metadata)
    devices = resource_v1.DeviceClaim(requests=requests or (request(),))
    return resource_v1.ResourceClaim(metadata=about, spec=resource_v1.ResourceClaimSpec(devices=devices))


def published(node, *devices, name="", **more):
    pool = resource_v1.ResourcePool(name=node, generation=1, resource_slice_count=1)
    rows = tuple([each if isinstance(each, resource_v1.Device) else resource_v1.Device(name=each) for each in devices])
    spec = resource_v1.ResourceSliceSpec(driver="gpu.io", node_name=node, pool=pool, devices=rows, **more)
    return resource_v1.ResourceSlice(metadata=meta_v1.ObjectMeta(name=name or f"slice-{node}"), spec=spec)


def pod(kit, name="web", of="c", **more):
    return kit.pod(name, resource_claims=(core_v1.PodResourceClaim(name="g", resource_claim_name=of),), **more)


def begun(kit, *, claims=(), slices=(), classes=(CLASS,), first=None):
    """Give a play in which devices are watched."""
    play = kit.play(kit.node("n1"), kit.node("n2"))
    assert [each.resource for each in play.tell("pods", first or pod(kit)) if isinstance(each, OpenWatch)] == [
        CLAIMS,
        SLICES,
        CLASSES,
    ]
    play.tell(CLASSES, *classes)
    play.tell(SLICES, *slices)
    play.tell(CLAIMS, *claims)
    return play


def written(play, call, version):
    """Answer a write of a claim with what it made."""
    body = attrs.evolve(call.request.body, metadata=attrs.evolve(call.request.body.metadata, resource_version=version))
    play.answer(call, 200, body)
    return body


def test_nothing_is_watched_before_somebody_wants_devices(kit):
    play = kit.play(kit.node("n1"))
    assert not [each for each in play.tell("pods", kit.pod("web")) if isinstance(each, OpenWatch)]


def test_a_claim_gets_its_finalizer_then_its_devices_and_then_the_pod_is_bound(kit):
    play = begun(kit, claims=[claim()], slices=[published("n2", "gpu-0")])
    (first,) = play.turn_to_wait()
    assert (first.request.verb, first.request.resource, first.request.subresource) == ("update", CLAIMS, "")
    assert first.request.body.metadata.finalizers == (FINALIZER,)
    written(play, first, "2")
    (second,) = play.effects
    status = second.request.body.status
    assert second.request.subresource == "status"
    assert [(each.driver, each.pool, each.device) for each in status.allocation.devices.results] == [
        ("gpu.io", "n2", "gpu-0")
    ]
    assert status.allocation.allocation_timestamp == Time(0)
    assert [each.name for each in status.reserved_for] == ["web"]
    written(play, second, "3")
    (bound,) = play.effects
    assert (bound.request.subresource, bound.request.body.target.name) == ("binding", "n2")


def test_devices_count_as_taken_while_they_are_written_and_until_the_watch_shows_them(kit):
    play = begun(kit, claims=[claim(), claim("d")], slices=[published("n2", "gpu-0")])
    (first,) = play.turn_to_wait()
    play.tell("pods", pod(kit, "other", "d"))
    assert play.refused() == NO_ROOM
    written(play, first, "2")
    done = written(play, play.effects[0], "3")
    play.tell("pods", pod(kit, "third", "d"))
    assert play.refused() == NO_ROOM
    play.tell(CLAIMS, done)
    play.tell("pods", pod(kit, "fourth", "d"))
    assert play.refused() == NO_ROOM


def test_a_claim_that_is_being_allocated_is_waited_for(kit):
    play = begun(kit, claims=[claim()], slices=[published("n2", "gpu-0")])
    play.turn()
    play.tell("pods", pod(kit, "other"))
    assert play.refused() == (
        "0/2 nodes are available: resource claim default/c is in the process of being allocated. "
        "no new claims to deallocate, preemption: 0/2 nodes are available: "
        "2 Preemption is not helpful for scheduling."
    )


def test_a_pod_whose_claim_is_not_there_has_no_turn_before_it_is(kit):
    play = begun(kit, slices=[published("n1", "gpu-0")])
    assert place_of(play.state, "default/web") == "gated"
    assert play.turn() == ()
    play.tell(CLAIMS, claim())
    assert place_of(play.state, "default/web") == "active"


def test_a_pod_of_a_template_waits_for_the_claim_that_is_made_for_it(kit):
    entry = core_v1.PodResourceClaim(name="g", resource_claim_template_name="t")
    wanted = kit.pod("web", resource_claims=(entry,))
    owner = meta_v1.OwnerReference(api_version="v1", kind="Pod", name="web", uid="uid-web", controller=True)
    play = begun(kit, claims=[claim(owner_references=(owner,))], slices=[published("n1", "gpu-0")], first=wanted)
    assert place_of(play.state, "default/web") == "gated"
    status = core_v1.PodResourceClaimStatus(name="g", resource_claim_name="c")
    play.tell("pods", attrs.evolve(wanted, status=attrs.evolve(wanted.status, resource_claim_statuses=(status,))))
    assert place_of(play.state, "default/web") == "active"


@pytest.mark.parametrize("code", [404, 500])
def test_what_cannot_be_written_sends_the_pod_back_and_its_devices_are_free(kit, code):
    play = begun(kit, claims=[claim(), claim("d")], slices=[published("n2", "gpu-0")])
    (first,) = play.turn_to_wait()
    play.answer(first, code, meta_v1.Status(message="no"))
    (record,) = kit.records(play.effects)
    assert record.message == 'running PreBind plugin "DynamicResources": add finalizer to claim default/c: no'
    play.tell("pods", pod(kit, "other", "d"))
    assert play.turn_to_wait()[0].request.name == "d"


def test_a_conflict_is_tried_again_with_the_claim_as_it_is_now(kit):
    play = begun(kit, claims=[claim(finalizers=(FINALIZER,))], slices=[published("n2", "gpu-0")])
    (first,) = play.turn_to_wait()
    play.answer(first, 409, meta_v1.Status(message="conflict"))
    (look,) = play.effects
    assert (look.request.verb, look.request.name) == ("get", "c")
    play.answer(look, 200, claim(version="9", finalizers=(FINALIZER,)))
    (again,) = play.effects
    assert (again.request.subresource, again.request.body.metadata.resource_version) == ("status", "9")


def given(wanted, device, node, *, users=(), timestamp=0, **more):
    result = resource_v1.DeviceRequestAllocationResult(driver="gpu.io", pool=node, device=device, request="r", **more)
    only = core_v1.NodeSelectorRequirement(key="metadata.name", operator="In", values=(node,))
    allocation = resource_v1.AllocationResult(
        allocation_timestamp=Time(timestamp),
        devices=resource_v1.DeviceAllocationResult(results=(result,)),
        node_selector=core_v1.NodeSelector(node_selector_terms=(core_v1.NodeSelectorTerm(match_fields=(only,)),)),
    )
    reserved = tuple(
        [resource_v1.ResourceClaimConsumerReference(name=each, resource="pods", uid=f"uid-{each}") for each in users]
    )
    status = resource_v1.ResourceClaimStatus(allocation=allocation, reserved_for=reserved or None)
    return attrs.evolve(wanted, status=status)


def test_a_claim_that_has_its_devices_binds_the_pod_to_their_node(kit):
    shared = given(claim(finalizers=(FINALIZER,)), "gpu-0", "n2", users=("first",))
    play = begun(kit, claims=[shared], slices=[published("n1", "gpu-0"), published("n2", "gpu-0")])
    (call,) = play.turn_to_wait()
    assert [each.name for each in call.request.body.status.reserved_for] == ["first", "web"]
    written(play, call, "2")
    assert play.effects[0].request.body.target.name == "n2"


def test_devices_that_nobody_uses_where_the_pod_cannot_go_are_taken_back(kit):
    unused = given(claim(finalizers=(FINALIZER,)), "gpu-0", "n2")
    small = pod(kit, node_selector=Map({"kubernetes.io/hostname": "n1"}))
    play = begun(kit, claims=[unused], slices=[published("n1", "gpu-0"), published("n2", "gpu-0")], first=small)
    effects = play.turn()
    freed = next(each for each in effects if isinstance(each, Call) and each.request.resource == CLAIMS)
    assert freed.request.body.status.allocation is None
    (record,) = kit.records(effects)
    assert "1 resourceclaim not available on the node. deallocation of ResourceClaim completed" in record.message
    play.tell(CLAIMS, attrs.evolve(freed.request.body, metadata=attrs.evolve(unused.metadata, resource_version="5")))
    assert place_of(play.state, "default/web") in {"active", "backoff"}


def test_a_new_slice_wakes_who_waits_for_devices(kit):
    play = begun(kit, claims=[claim()])
    assert play.refused() == NO_ROOM
    play.tell(SLICES, published("n1", "gpu-0"))
    assert place_of(play.state, "default/web") in {"active", "backoff"}


def test_a_class_that_is_not_there_is_said(kit):
    play = begun(kit, claims=[claim()], classes=())
    assert play.refused().startswith(
        "0/2 nodes are available: request r: device class gpu does not exist. no new claims"
    )
    play.tell(CLASSES, CLASS)
    assert place_of(play.state, "default/web") in {"active", "backoff"}


def test_a_selector_that_fails_is_an_error_and_comes_back_by_itself(kit):
    selector = resource_v1.DeviceSelector(cel=resource_v1.CELDeviceSelector(expression="device.attributes['x'].y == 1"))
    play = begun(kit, claims=[claim("c", request(selectors=(selector,)))], slices=[published("n1", "gpu-0")])
    said = 'running "DynamicResources" filter plugin: claim default/c: selector #0: CEL runtime error: no such key: y'
    assert play.refused() == said
    assert place_of(play.state, "default/web") == "failed"


def test_devices_that_have_to_be_made_ready_are_waited_for(kit):
    device = resource_v1.Device(name="nic", binding_conditions=("Attached",), binding_failure_conditions=("Lost",))
    play = begun(kit, claims=[claim(finalizers=(FINALIZER,))], slices=[published("n1", device)])
    (call,) = play.turn_to_wait()
    body = written(play, call, "2")
    (record,) = kit.records(play.effects)
    assert (record.reason, record.message) == (
        "BindingConditionsPending",
        "waiting for binding conditions for device on node n1",
    )
    assert SetTimer(("devices",), 600 * SECOND, periodic=True) in play.effects
    play.wait(7)
    ready = with_condition(body, "Attached")
    assert play.tell(CLAIMS, ready) == (SetTimer(("devices",), 10 * SECOND),)
    play.wait(3)
    (bound,) = kit.calls(play.fire(("devices",)), "binding")
    assert bound.request.body.target.name == "n1"


def test_a_device_that_cannot_be_made_ready_sends_the_pod_back_and_is_given_back(kit):
    device = resource_v1.Device(name="nic", binding_conditions=("Attached",), binding_failure_conditions=("Lost",))
    play = begun(kit, claims=[claim(finalizers=(FINALIZER,))], slices=[published("n1", device)])
    body = written(play, play.turn_to_wait()[0], "2")
    lost = with_condition(body, "Lost")
    play.tell(CLAIMS, lost)
    play.wait(5)
    effects = play.fire(("devices",))
    back = next(each.request for each in effects if isinstance(each, Call) and each.request.resource == CLAIMS)
    assert (back.verb, back.patch_type) == ("patch", "strategic")
    (record,) = kit.records(effects)
    assert 'device binding failed: claim=c, reason=R, message="m"' in record.message


def with_condition(body, name):
    condition = meta_v1.Condition(type=name, status="True", reason="R", message="m", last_transition_time=Time(0))
    row = resource_v1.AllocatedDeviceStatus(driver="gpu.io", pool="n1", device="nic", conditions=(condition,))
    version = str(int(body.metadata.resource_version) + 1)
    return attrs.evolve(
        body,
        metadata=attrs.evolve(body.metadata, resource_version=version),
        status=attrs.evolve(body.status, devices=(row,)),
    )


EXTENDED = attrs.evolve(CLASS, spec=resource_v1.DeviceClassSpec(extended_resource_name="example.com/gpu"))


def test_an_extended_resource_is_had_as_a_device_where_the_node_has_none_itself(kit):
    wanted = kit.pod("web", kit.container(more={"example.com/gpu": "2"}.items()))
    play = begun(kit, slices=[published("n2", "gpu-0", "gpu-1")], classes=[EXTENDED], first=wanted)
    (made,) = play.turn_to_wait()
    spec = made.request.body.spec.devices.requests[0]
    assert (made.request.verb, made.request.body.metadata.generate_name) == ("create", "web-extended-resources-")
    assert (spec.name, spec.exactly.count) == ("container-0-request-0", 2)
    body = attrs.evolve(made.request.body, metadata=attrs.evolve(claim("web-x").metadata, finalizers=(FINALIZER,)))
    play.answer(made, 201, body)
    written(play, play.effects[0], "2")
    (note,) = play.effects
    assert note.request.resource == "pods"
    assert note.request.body["status"]["extendedResourceClaimStatus"]["resourceClaimName"] == "web-x"
    play.answer(note, 200, wanted)
    assert play.effects[0].request.body.target.name == "n2"


def test_a_node_that_has_the_resource_itself_gives_it(kit):
    wanted = kit.pod("web", kit.container(more={"example.com/gpu": "1"}.items()))
    play = begun(kit, classes=[EXTENDED], first=wanted)
    play.tell("nodes", kit.node("n1", more={"example.com/gpu": "1"}.items()))
    assert play.placed() == "n1"


def test_the_alternative_that_is_wanted_first_scores_best(kit):
    both = resource_v1.DeviceRequest(
        name="r",
        first_available=(
            resource_v1.DeviceSubRequest(name="two", device_class_name="gpu", allocation_mode="ExactCount", count=2),
            resource_v1.DeviceSubRequest(name="one", device_class_name="gpu", allocation_mode="ExactCount", count=1),
        ),
    )
    wanted = claim("c", both, finalizers=(FINALIZER,))
    play = begun(kit, claims=[wanted], slices=[published("n1", "a"), published("n2", "a", "b")])
    (call,) = play.turn_to_wait()
    assert {each.request for each in call.request.body.status.allocation.devices.results} == {"r/two"}
