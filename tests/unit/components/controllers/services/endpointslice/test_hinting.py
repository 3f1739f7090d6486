"""Hints by zone: which zones' proxies are to prefer an endpoint."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import discovery_v1, meta_v1
from reconcile.api.quantity import Quantity
from reconcile.components.controllers.services import endpointslice
from reconcile.components.controllers.services.endpointslice import _hinting as hinting
from reconcile.components.controllers.services.endpointslice._controller import RESOURCE
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from tests.unit.components.controllers.lab import Lab
from tests.unit.components.controllers.parts import node, pod, service

ZONE = "topology.kubernetes.io/zone"
AUTO = Map({"service.kubernetes.io/topology-mode": "Auto"})


def machine(name, zone, cpu="1", *, ready="True", labels=()):
    made = node(name, ready=ready, labels={**({ZONE: zone} if zone else {}), **dict(labels)})
    status = replace(made.status, allocatable=Map({"cpu": Quantity.parse(cpu)} if cpu else {}))
    return replace(made, status=status)


def asking(annotations=AUTO, **spec):
    made = service(**spec)
    return replace(made, metadata=replace(made.metadata, annotations=annotations))


def hints(lab):
    """Which zones each endpoint is hinted for, by its address; None where it has no hints."""
    return {
        endpoint.addresses[0]: endpoint.hints and [each.name for each in endpoint.hints.for_zones]
        for slice_ in lab.store.table(RESOURCE).values()
        for endpoint in slice_.endpoints or ()
    }


def lab_of(nodes, pods, asked=None):
    """A controller's process, and a cluster of these nodes, with pods NAME -> node."""
    lab = Lab(endpointslice.CONTROLLER)
    for each in nodes:
        lab.put("nodes", each)
    lab.put("services", asking() if asked is None else asked)
    for place, (name, host) in enumerate(pods.items()):
        lab.put("pods", pod(name, ip=f"10.0.0.{place + 1}", node=host))
    lab.run()
    return lab


def told(lab):
    return [(record.type, record.reason, record.message) for record in lab.records]


ENABLED = ("Normal", "TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled, addressType: IPv4")


def test_endpoints_are_hinted_for_their_own_zone_and_that_is_told_once():
    lab = lab_of([machine("a", "east"), machine("b", "west")], {"x": "a", "y": "b"})
    assert hints(lab) == {"10.0.0.1": ["east"], "10.0.0.2": ["west"]}
    assert told(lab) == [ENABLED]
    lab.put("pods", pod("z", ip="10.0.0.3", node="a"))
    lab.put("pods", pod("w", ip="10.0.0.4", node="b"))
    lab.run()
    assert set(map(tuple, hints(lab).values())) == {("east",), ("west",)}
    assert told(lab) == [ENABLED]


def test_a_zone_with_too_few_endpoints_is_given_some_of_another():
    nodes = [machine("a", "east"), machine("b", "west")]
    lab = lab_of(nodes, {"p": "a", "q": "a", "r": "a", "s": "b"})
    found = sorted(zone for (zone,) in hints(lab).values())
    assert found == ["east", "east", "west", "west"]


def test_the_zones_share_as_their_processors_are():
    nodes = [machine("a", "east", "3"), machine("b", "west", "1")]
    lab = lab_of(nodes, dict.fromkeys("pqrs", "b"))
    assert sorted(zone for (zone,) in hints(lab).values()) == ["east", "east", "east", "west"]


def test_without_enough_endpoints_there_are_no_hints():
    lab = lab_of([machine("a", "east"), machine("b", "west")], {"x": "a"})
    assert hints(lab) == {"10.0.0.1": None}
    said = "Insufficient number of endpoints (1 endpoints, 2 zones), addressType: IPv4"
    assert told(lab)[-1] == ("Warning", "TopologyAwareHintsDisabled", said)


def test_zones_that_cannot_be_shared_among_have_no_hints():
    nodes = [machine("a", "east", "1"), machine("b", "west", "1"), machine("c", "north", "1")]
    lab = lab_of(nodes, {"w": "a", "x": "a", "y": "b", "z": "c"})
    said = (
        "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold "
        "(4 endpoints, 3 zones), addressType: IPv4"
    )
    assert told(lab)[-1] == ("Warning", "TopologyAwareHintsDisabled", said)
    assert set(hints(lab).values()) == {None}


def test_too_little_is_known_of_nodes():
    why = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
    for nodes in (
        [machine("a", "east"), machine("b", "")],
        [machine("a", "east"), machine("b", "west", "")],
        [machine("a", "east"), machine("b", "east")],
        [machine("a", "east"), machine("b", "west", ready="False")],
        [machine("a", "east"), machine("b", "west", labels={"node-role.kubernetes.io/control-plane": ""})],
    ):
        lab = lab_of(nodes, {"x": "a", "y": "b"})
        assert told(lab)[-1] == ("Warning", "TopologyAwareHintsDisabled", f"{why}, addressType: IPv4")


def test_an_endpoint_without_a_zone_takes_all_hints_away():
    nodes = [
        machine("a", "east"),
        machine("b", "west"),
        machine("c", "", labels={"node-role.kubernetes.io/master": ""}),
    ]
    lab = lab_of(nodes, {"x": "a", "y": "b"})
    for name, ip in (("v", "10.0.0.3"), ("w", "10.0.0.4")):
        lab.put("pods", pod(name, ip=ip, node="c"))
    lab.run()
    assert set(hints(lab).values()) == {None}
    said = "One or more endpoints do not have a zone specified, addressType: IPv4"
    assert told(lab)[-1] == ("Warning", "TopologyAwareHintsDisabled", said)


def test_when_a_zone_grows_endpoints_are_shared_anew():
    lab = lab_of([machine("a", "east"), machine("b", "west")], {"p": "a", "q": "a", "r": "b", "s": "b"})
    assert sorted(zone for (zone,) in hints(lab).values()) == ["east", "east", "west", "west"]
    lab.put("nodes", machine("c", "west", "2"))
    lab.run()
    assert sorted(zone for (zone,) in hints(lab).values()) == ["east", "west", "west", "west"]
    assert told(lab) == [ENABLED]


def test_when_nodes_are_no_longer_ready_hints_go():
    lab = lab_of([machine("a", "east"), machine("b", "west")], {"x": "a", "y": "b"})
    lab.put("nodes", machine("b", "west", ready="Unknown"))
    lab.run()
    assert set(hints(lab).values()) == {None}
    assert told(lab)[-1][1] == "TopologyAwareHintsDisabled"


def test_who_asks_no_more_has_none_and_is_told():
    lab = lab_of([machine("a", "east"), machine("b", "west")], {"x": "a", "y": "b"})
    lab.put("services", replace(lab.get("services", "default/web"), metadata=asking(Map()).metadata))
    lab.run()
    assert set(hints(lab).values()) == {None}
    said = "Topology Aware Hints has been disabled, addressType: IPv4"
    assert told(lab) == [ENABLED, ("Warning", "TopologyAwareHintsDisabled", said)]


def test_the_annotation_goes_before_the_traffic_distribution_and_the_old_one_before_the_new():
    nodes = [machine("a", "east"), machine("b", "west")]
    lab = lab_of(nodes, {"x": "a"}, asking(traffic_distribution="PreferSameZone"))
    assert hints(lab) == {"10.0.0.1": None}
    old = Map({"service.kubernetes.io/topology-aware-hints": "Disabled", **AUTO})
    assert not hinting.asks(asking(old))
    assert hinting.asks(asking(Map({"service.kubernetes.io/topology-aware-hints": "auto"})))


def test_what_is_well_hinted_is_not_written_again():
    lab = lab_of([machine("a", "east"), machine("b", "west")], {"x": "a", "y": "b"})
    before = len(lab.writes())
    lab.put("nodes", machine("c", "west", "100m"))
    lab.run()
    assert len(lab.writes()) == before


@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(1, 8), st.integers(0, 5)), min_size=2))
def test_no_zone_is_short_of_endpoints_where_there_are_hints(zones):
    """Whatever the zones' processors and endpoints: all are hinted or none, and no zone is overloaded."""
    nodes = Table.of([(zone, machine(zone, zone, str(cpu))) for zone, (cpu, _) in zones.items()], ())
    shares = hinting.ratios(nodes)
    ready = discovery_v1.EndpointConditions(ready=True)
    endpoints = tuple(
        [
            discovery_v1.Endpoint(addresses=(f"{zone}{place}",), zone=zone, conditions=ready)
            for zone, (_, count) in sorted(zones.items())
            for place in range(count)
        ]
    )
    slice_ = discovery_v1.EndpointSlice(
        metadata=meta_v1.ObjectMeta(uid="u"), address_type="IPv4", endpoints=endpoints, ports=()
    )
    creates, updates, hinted, said = hinting.hint("IPv4", ([slice_], []), [], shares, hinting.Hinted())
    assert not updates
    assert said is not None
    given_hints = [endpoint.hints for endpoint in creates[0].endpoints]
    if said[0] == "Warning":
        assert not any(given_hints)
        assert not hinted.counts
    else:
        assert all(given_hints)
        counted = {}
        for each in given_hints:
            counted[each.for_zones[0].name] = counted.get(each.for_zones[0].name, 0) + 1
        assert dict(hinted.counts) == {"IPv4": tuple(sorted(counted.items()))}
        # Nobody is more than a fifth above its part, but for what is lost because an endpoint is whole.
        total = sum(counted.values())
        for zone, ratio in shares:
            assert counted.get(zone, 0) >= ratio * total / 1.2 - 1
        kept = hinting.hint("IPv4", ([], []), creates, shares, hinted)
        assert kept[3] is None


def test_a_service_grows_and_its_hints_come_and_go_as_upstreams_do():
    """What kube-controller-manager 1.36 was seen to do with the same objects, one after the other."""
    lab = lab_of([machine("a", "east"), machine("b", "west")], {})
    seen = []

    def look():
        lab.run()
        seen.append([hints(lab)[ip] and hints(lab)[ip][0] for ip in sorted(hints(lab))])

    for place, host in enumerate("abaa", start=1):
        lab.put("pods", pod(f"p{place}", ip=f"10.0.0.{place}", node=host))
        look()
    lab.put("nodes", machine("c", "west", "2"))
    look()
    lab.put("services", replace(lab.get("services", "default/web"), metadata=asking(Map()).metadata))
    look()
    assert seen == [
        [None],
        ["east", "west"],
        [None, None, None],
        ["west", "west", "east", "east"],
        ["west", "west", "west", "east"],
        [None, None, None, None],
    ]
    over = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
    assert [
        reason.removeprefix("TopologyAwareHints") + message.partition(", address")[0]
        for _, reason, message in told(lab)
    ] == [
        "DisabledInsufficient number of endpoints (0 endpoints, 2 zones)",
        "DisabledInsufficient number of endpoints (1 endpoints, 2 zones)",
        "EnabledTopology Aware Hints has been enabled",
        f"Disabled{over} (3 endpoints, 2 zones)",
        "EnabledTopology Aware Hints has been enabled",
        "DisabledTopology Aware Hints has been disabled",
    ]
