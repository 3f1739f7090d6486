"""The search for devices: what a node can give to claims."""

import pytest

from reconcile.api import resource_v1
from reconcile.api.convert import load as loaded
from reconcile.components.scheduler.cache.devices import NOTHING_DECIDED, Decided, Devices, Holdings
from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.plugins.dynamic_resources.allocating import InvalidPoolsError, allocated
from reconcile.components.scheduler.plugins.dynamic_resources.matching import UnallocatableError
from reconcile.components.scheduler.plugins.dynamic_resources.results import allocation_of
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.store.indexes import indexes_of

CLASS = {"metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.io'"}}]}}


def load(body, cls):
    kinds = {resource_v1.ResourceClaim: "ResourceClaim", resource_v1.ResourceSlice: "ResourceSlice"}
    about = {"apiVersion": "resource.k8s.io/v1", "kind": kinds.get(cls, "DeviceClass")}
    return loaded({**about, **body}, cls=cls).object


def room(name="n1", **labels):
    return Room(name, 0, 0, 0, 0, Map(), Map(labels), (), unschedulable=False, images=())


def device(name, **more):
    return {"name": name, **more}


def published(*devices, name="s", pool="n1", node="n1", generation=1, count=1, **more):
    where = {"nodeName": node} if node else {}
    spec = {
        "driver": "gpu.io",
        "pool": {"name": pool, "generation": generation, "resourceSliceCount": count},
        **where,
        **more,
    }
    if devices:
        spec["devices"] = list(devices)
    return {"metadata": {"name": name}, "spec": spec}


def claim(*requests, name="c", uid="", **more):
    return {
        "metadata": {"name": name, "namespace": "default", "uid": uid or f"uid-{name}"},
        "spec": {"devices": {"requests": list(requests), **more}},
    }


def exactly(name="r", **more):
    return {"name": name, "exactly": {"deviceClassName": "gpu", **more}}


def selecting(expression):
    return [{"cel": {"expression": expression}}]


def table(cls, resource, *bodies):
    rows = [load(body, cls) for body in bodies]
    keys = [f"default/{row.metadata.name}" if row.metadata.namespace else row.metadata.name for row in rows]
    return Table.of(zip(keys, rows, strict=True), indexes_of(resource))


def found(slices, claims, *, taken=(), where=None, classes=(CLASS,), decided=NOTHING_DECIDED):
    devices = Devices(
        table(resource_v1.ResourceClaim, "resourceclaims.resource.k8s.io", *taken),
        table(resource_v1.ResourceSlice, "resourceslices.resource.k8s.io", *slices),
        table(resource_v1.DeviceClass, "deviceclasses.resource.k8s.io", *classes),
    )
    wanted = tuple([load(body, resource_v1.ResourceClaim) for body in claims])
    return allocated(wanted, where or room(), devices, Holdings(devices, decided))


def names(result):
    return None if result is None else [[(each.option.name, each.offer.id[2]) for each in rows] for rows in result]


def having(*devices, name="old", **more):
    rows = [{"driver": "gpu.io", "pool": "n1", "device": each, "request": "r", **more} for each in devices]
    return {**claim(exactly(), name=name), "status": {"allocation": {"devices": {"results": rows}}}}


def test_devices_are_taken_by_name_and_none_twice():
    slices = [published(device("b"), device("a"), name="s2", count=2), published(device("z"), name="s1", count=2)]
    assert names(found(slices, [claim(exactly(count=2)), claim(exactly(), name="d")])) == [
        [("r", "z"), ("r", "b")],
        [("r", "a")],
    ]
    assert found(slices, [claim(exactly(count=4))]) is None


def test_what_another_claim_has_is_not_given_again_but_to_an_admin():
    slices = [published(device("a"), device("b"))]
    assert names(found(slices, [claim(exactly())], taken=[having("a")])) == [[("r", "b")]]
    assert names(found(slices, [claim(exactly(adminAccess=True))], taken=[having("a", "b")])) == [[("r", "a")]]
    watched = having("a", adminAccess=True)
    assert names(found(slices, [claim(exactly())], taken=[watched])) == [[("r", "a")]]


def test_what_is_decided_counts_before_it_is_written():
    slices = [published(device("a"), device("b"))]
    held = load(having("a"), resource_v1.ResourceClaim).status.allocation
    assert names(found(slices, [claim(exactly())], decided=Decided(pending=Map({"u": held})))) == [[("r", "b")]]
    fresh = load(
        {**having("b"), "metadata": {**having("b")["metadata"], "resourceVersion": "7"}}, resource_v1.ResourceClaim
    )
    stale = {**claim(exactly(), name="old"), "metadata": {**claim(name="old")["metadata"], "resourceVersion": "5"}}
    decided = Decided(assumed=Map({"default/old": fresh}))
    assert names(found(slices, [claim(exactly())], taken=[stale], decided=decided)) == [[("r", "a")]]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("device.attributes['gpu.io'].model == 'A'", "a"),
        ("device.attributes['gpu.io'].version.isGreaterThan(semver('1.0.0'))", "b"),
        ("device.capacity['gpu.io'].memory.compareTo(quantity('40Gi')) >= 0", "b"),
        ("'other.io' in device.attributes && device.attributes['gpu.io'].count == 2", "b"),
        ("has(device.attributes['gpu.io'].fast) && device.attributes['gpu.io'].fast", "a"),
    ],
)
def test_selectors_see_attributes_and_capacities(expression, expected):
    first = device(
        "a",
        attributes={
            "model": {"string": "A"},
            "version": {"version": "1.0.0"},
            "count": {"int": 1},
            "fast": {"bool": True},
        },
        capacity={"memory": {"value": "16Gi"}},
    )
    second = device(
        "b",
        attributes={"gpu.io/model": {"string": "B"}, "version": {"version": "1.2.0"}, "count": {"int": 2}},
        capacity={"memory": {"value": "80Gi"}},
    )
    asked = claim(exactly(selectors=selecting(expression)))
    assert names(found([published(first, second)], [asked])) == [[("r", expected)]]


def test_a_selector_that_is_wrong_is_an_error():
    slices = [published(device("a"))]
    with pytest.raises(
        UnallocatableError, match=r"claim default/c: selector #0: CEL runtime error: no such key: model"
    ):
        found(slices, [claim(exactly(selectors=selecting("device.attributes['gpu.io'].model == 'A'")))])
    with pytest.raises(UnallocatableError, match="claim default/c: selector #0: CEL compile error: compilation failed"):
        found(slices, [claim(exactly(selectors=selecting("device.")))])
    with pytest.raises(UnallocatableError, match="could not retrieve device class gpu"):
        found(slices, [claim(exactly())], classes=())


def test_all_devices_or_none():
    slices = [published(device("a"), device("b"))]
    every = exactly(allocationMode="All")
    assert names(found(slices, [claim(every)])) == [[("r", "a"), ("r", "b")]]
    assert found(slices, [claim(every)], taken=[having("b")]) is None
    assert found([], [claim(every)]) is None
    with pytest.raises(
        UnallocatableError, match=r"asks for all devices, but resource pool gpu.io/n1 is currently being"
    ):
        found([published(device("a"), count=2)], [claim(every)])


def test_the_first_alternative_that_can_be_had_is_taken():
    request = {
        "name": "r",
        "firstAvailable": [
            {"name": "two", "deviceClassName": "gpu", "count": 2},
            {"name": "one", "deviceClassName": "gpu"},
        ],
    }
    assert names(found([published(device("a"), device("b"))], [claim(request)])) == [[("r/two", "a"), ("r/two", "b")]]
    assert names(found([published(device("a"))], [claim(request)])) == [[("r/one", "a")]]
    both = [claim(request), claim(exactly(), name="d")]
    assert names(found([published(device("a"), device("b"))], both)) == [[("r/one", "a")], [("r", "b")]]


def test_devices_of_a_claim_match_in_an_attribute_or_differ():
    slices = [
        published(
            *[device(name, attributes={"numa": {"int": node}}) for name, node in zip("abc", (0, 1, 1), strict=True)]
        )
    ]
    same = claim(exactly(count=2), constraints=[{"matchAttribute": "gpu.io/numa"}])
    assert names(found(slices, [same])) == [[("r", "b"), ("r", "c")]]
    apart = claim(exactly("x"), exactly("y"), constraints=[{"distinctAttribute": "gpu.io/numa"}])
    assert names(found(slices, [apart])) == [[("x", "a"), ("y", "b")]]
    lacking = claim(exactly(), constraints=[{"matchAttribute": "gpu.io/socket"}])
    assert found(slices, [lacking]) is None
    every = claim(exactly(allocationMode="All"), constraints=[{"matchAttribute": "gpu.io/numa"}])
    with pytest.raises(UnallocatableError, match=r"cannot add device gpu.io/n1/b because a claim constraint"):
        found(slices, [every])


def test_taints_keep_devices_from_those_who_do_not_tolerate_them():
    slices = [published(device("a", taints=[{"key": "broken", "effect": "NoSchedule"}]))]
    assert found(slices, [claim(exactly())]) is None
    patient = exactly(tolerations=[{"key": "broken", "operator": "Exists"}])
    assert names(found(slices, [claim(patient)])) == [[("r", "a")]]
    harmless = [published(device("a", taints=[{"key": "broken", "effect": "None"}]))]
    assert names(found(harmless, [claim(exactly())])) == [[("r", "a")]]


def test_counters_are_shared_by_the_devices_of_a_pool():
    sets = [{"name": "card", "counters": {"memory": {"value": "40Gi"}}}]

    def part(name, size):
        return device(name, consumesCounters=[{"counterSet": "card", "counters": {"memory": {"value": size}}}])

    slices = [
        published(name="s1", count=2, sharedCounters=sets),
        published(part("half-1", "20Gi"), part("half-2", "20Gi"), part("whole", "40Gi"), name="s2", count=2),
    ]
    assert names(found(slices, [claim(exactly(count=2))])) == [[("r", "half-1"), ("r", "half-2")]]
    assert found(slices, [claim(exactly(count=3))]) is None
    assert found(slices, [claim(exactly(count=2))], taken=[having("half-1")]) is None
    assert names(found(slices, [claim(exactly())], taken=[having("half-1")])) == [[("r", "half-2")]]


def test_a_device_that_may_be_shared_is_shared_by_capacity():
    shared = device("a", allowMultipleAllocations=True, capacity={"memory": {"value": "10Gi"}})
    slices = [published(shared)]
    part = exactly(capacity={"requests": {"memory": "4Gi"}})
    result = found(slices, [claim(part), claim(part, name="d")])
    assert [str(rows[0].share["memory"]) for rows in result] == ["4Gi", "4Gi"]
    assert found(slices, [claim(part), claim(part, name="d"), claim(part, name="e")]) is None
    held = having("a", shareID="s-1", consumedCapacity={"memory": "8Gi"})
    assert found(slices, [claim(part)], taken=[held]) is None


def test_requests_of_capacity_are_rounded_by_the_policy_of_the_device():
    policy = {"default": "1Gi", "validRange": {"min": "1Gi", "step": "2Gi", "max": "9Gi"}}
    shared = device("a", allowMultipleAllocations=True, capacity={"memory": {"value": "10Gi", "requestPolicy": policy}})
    for asked, given in (("4Gi", "5Gi"), ("500Mi", "1Gi"), (None, "1Gi")):
        more = {} if asked is None else {"capacity": {"requests": {"memory": asked}}}
        result = found([published(shared)], [claim(exactly(**more))])
        assert str(result[0][0].share["memory"]) == given
    beyond = exactly(capacity={"requests": {"memory": "9500Mi"}})
    assert found([published(shared)], [claim(beyond)]) is None
    unknown = exactly(capacity={"requests": {"cores": "1"}})
    assert found([published(shared)], [claim(unknown)]) is None


def test_only_the_newest_generation_of_a_pool_counts():
    slices = [published(device("old"), name="s1"), published(device("new"), name="s2", generation=2)]
    assert names(found(slices, [claim(exactly())])) == [[("r", "new")]]
    elsewhere = published(device("x"), name="s3", node="n2", generation=3)
    assert found([published(device("old"), name="s1", count=2), elsewhere], [claim(exactly())]) is None


def test_a_pool_that_contradicts_itself_is_said_to_be_invalid():
    with pytest.raises(InvalidPoolsError):
        found([published(device("a"), device("a"))], [claim(exactly())])
    other = published(device("b"), name="s2", pool="other")
    assert names(found([published(device("a"), device("a")), other], [claim(exactly())])) == [[("r", "b")]]


def test_devices_that_a_node_does_not_reach_are_not_taken():
    zone = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["z1"]}]}]}
    slices = [published(device("a"), node="", pool="net", nodeSelector=zone)]
    asked = claim(exactly())
    assert names(found(slices, [asked], where=room("n1", zone="z1"))) == [[("r", "a")]]
    assert found(slices, [asked], where=room("n1", zone="z2")) is None
    each = [
        published(
            device("a", nodeName="n2"), device("b", allNodes=True), node="", pool="p", perDeviceNodeSelection=True
        )
    ]
    assert names(found(each, [asked])) == [[("r", "b")]]


def test_a_claim_holds_at_most_so_many_devices():
    slices = [published(*[device(f"d{number:02}") for number in range(40)])]
    assert len(found(slices, [claim(exactly(count=32))])[0]) == 32
    with pytest.raises(UnallocatableError, match="number of requested devices 33 exceeds the claim limit of 32"):
        found(slices, [claim(exactly(count=33))])


def test_what_is_found_is_said_with_its_configuration_and_where_it_can_be_used():
    config = [{"opaque": {"driver": "gpu.io", "parameters": {"mode": "fast"}}}]
    classes = [{**CLASS, "spec": {**CLASS["spec"], "config": config}}]
    own = [{"requests": ["r"], "opaque": {"driver": "gpu.io", "parameters": {"mode": "slow"}}}]
    asked = claim(exactly(), config=own)
    result = found([published(device("a"))], [asked], classes=classes)
    said, _ = allocation_of(load(asked, resource_v1.ResourceClaim), result[0], "n1", Dice(1, "x"))
    assert [(each.source, each.requests) for each in said.devices.config] == [
        ("FromClass", ("r",)),
        ("FromClaim", ("r",)),
    ]
    term = said.node_selector.node_selector_terms[0].match_fields[0]
    assert (term.key, term.values) == ("metadata.name", ("n1",))
    everywhere = found([published(device("a"), node="", pool="p", allNodes=True)], [asked])
    assert (
        allocation_of(load(asked, resource_v1.ResourceClaim), everywhere[0], "n1", Dice(1, "x"))[0].node_selector
        is None
    )
