"""Device drivers: what they publish of their devices, and what they say of those that have to be made ready."""

from __future__ import annotations

from reconcile.api import core_v1, meta_v1, resource_v1
from reconcile.components.controllers.devices import drivers
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.devices import DeviceDriver, DevicePool
from tests.unit.components.controllers.lab import Lab

SLICES = "resourceslices.resource.k8s.io"
CLAIMS = "resourceclaims.resource.k8s.io"


def devices(count, **more):
    return tuple([resource_v1.Device(name=f"gpu-{number:03}", **more) for number in range(count)])


def node(name="node-1", uid="uid-1"):
    return core_v1.Node(metadata=meta_v1.ObjectMeta(name=name, uid=uid))


def lab_of(*pools, **more):
    return Lab(*drivers.controllers_of((DeviceDriver(name="gpu.io", pools=pools, **more),)))


def slices(lab):
    return [lab.get(SLICES, key) for key in lab.keys(SLICES)]


def test_without_drivers_there_is_nothing():
    assert drivers.controllers_of(()) == ()


def test_a_pool_of_a_host_is_published_when_its_node_is_there_and_belongs_to_it():
    lab = lab_of(DevicePool(devices=devices(2), on=("node-1",)))
    lab.run()
    assert slices(lab) == []
    lab.put("nodes", node())
    lab.put("nodes", node("node-2", "uid-2"))
    lab.run()
    (made,) = slices(lab)
    assert made.metadata.generate_name == "node-1-gpu.io-"
    assert [each.uid for each in made.metadata.owner_references] == ["uid-1"]
    assert (made.spec.node_name, made.spec.pool.name, made.spec.pool.generation) == ("node-1", "node-1", 1)
    assert [device.name for device in made.spec.devices] == ["gpu-000", "gpu-001"]


def test_many_devices_take_several_slices():
    lab = lab_of(DevicePool(devices=devices(130), on=("node-1",)))
    lab.put("nodes", node())
    lab.run()
    assert sorted(len(each.spec.devices) for each in slices(lab)) == [2, 128]
    assert {each.spec.pool.resource_slice_count for each in slices(lab)} == {2}


def test_counters_have_a_slice_of_their_own():
    group = resource_v1.CounterSet(name="card", counters=Map())
    lab = lab_of(DevicePool(devices=devices(1), on=("node-1",), counters=(group,)))
    lab.put("nodes", node())
    lab.run()
    assert sorted([bool(each.spec.shared_counters) for each in slices(lab)]) == [False, True]


def test_a_shared_pool_says_which_nodes_can_use_it():
    everywhere = DevicePool(devices=devices(1), name="all")
    some = DevicePool(devices=devices(1), name="some", labels={"rack": "a"})
    lab = lab_of(everywhere, some)
    lab.put("nodes", node())
    lab.run()
    one, other = sorted(slices(lab), key=lambda each: each.spec.pool.name)
    assert one.spec.all_nodes is True
    assert other.spec.node_selector.node_selector_terms[0].match_expressions[0].key == "rack"


def test_a_slice_that_somebody_deletes_or_alters_is_made_again():
    lab = lab_of(DevicePool(devices=devices(1), on=("node-1",)))
    lab.put("nodes", node())
    lab.run()
    (key,) = lab.keys(SLICES)
    lab.remove(SLICES, key)
    lab.run()
    (made,) = slices(lab)
    lab.put(SLICES, replace(made, spec=replace(made.spec, devices=())))
    lab.run()
    (again,) = slices(lab)
    assert (again.spec.pool.generation, len(again.spec.devices)) == (2, 1)


def claim(device="nic"):
    result = resource_v1.DeviceRequestAllocationResult(
        driver="gpu.io",
        pool="p",
        device=device,
        request="r",
        binding_conditions=("Attached",),
        binding_failure_conditions=("Lost",),
    )
    allocation = resource_v1.AllocationResult(devices=resource_v1.DeviceAllocationResult(results=(result,)))
    return resource_v1.ResourceClaim(
        metadata=meta_v1.ObjectMeta(name="c", namespace="default", uid="uid-c"),
        spec=resource_v1.ResourceClaimSpec(),
        status=resource_v1.ResourceClaimStatus(allocation=allocation),
    )


def conditions(lab):
    rows = lab.get(CLAIMS, "default/c").status.devices or ()
    return [(condition.type, condition.status) for row in rows for condition in row.conditions]


def test_devices_are_ready_after_a_while_or_never():
    lab = lab_of(bind=3 * SECOND, unbindable=("broken",))
    lab.put(CLAIMS, claim())
    lab.run(until=2 * SECOND)
    assert conditions(lab) == []
    lab.run()
    assert conditions(lab) == [("Attached", "True")]
    lab = lab_of(bind=3 * SECOND, unbindable=("broken",))
    lab.put(CLAIMS, claim("broken"))
    lab.run()
    assert conditions(lab) == [("Lost", "True")]
