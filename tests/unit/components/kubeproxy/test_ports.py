import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1
from reconcile.components.kubeproxy.ports import Endpoint, ServicePort, chosen, endpoints_of, is_proxied, ports_of

NAME = "ns/svc:p80"


def service_port(**changes):
    return ServicePort(name=NAME, protocol="tcp", cluster_ip="172.30.0.1", port=80, **changes)


def test_a_service_port_is_what_packets_depend_on(make):
    service = make.service(
        "ns",
        "svc",
        "172.30.0.1",
        make.port(node_port=30080),
        make.port("", 53, None),
        type="LoadBalancer",
        external_ips=("1.1.1.1", "fd00::1"),
        external_traffic_policy="Local",
        internal_traffic_policy="Local",
        session_affinity="ClientIP",
        session_affinity_config=core_v1.SessionAffinityConfig(client_ip=core_v1.ClientIPConfig(timeout_seconds=60)),
        load_balancer_source_ranges=("2.0.0.0/8",),
        health_check_node_port=32000,
        ingress=("3.3.3.3",),
    )
    shared = {
        "cluster_ip": "172.30.0.1",
        "external_ips": ("1.1.1.1",),
        "balancer_ips": ("3.3.3.3",),
        "balancer_ranges": ("2.0.0.0/8",),
        "internal_local": True,
        "external_local": True,
        "affinity": 60,
        "health_port": 32000,
    }
    assert ports_of(service) == (
        ServicePort(name="ns/svc:p80", protocol="tcp", port=80, node_port=30080, **shared),
        ServicePort(name="ns/svc", protocol="tcp", port=53, **shared),
    )


def test_affinity_lasts_three_hours_unless_said_otherwise(make):
    (port,) = ports_of(make.service("ns", "svc", "172.30.0.1", session_affinity="ClientIP"))
    assert port.affinity == 10800


def test_a_policy_for_outside_means_nothing_where_there_is_no_outside(make):
    (port,) = ports_of(make.service("ns", "svc", "172.30.0.1", external_traffic_policy="Local"))
    assert not port.external_local
    assert not port.external


@pytest.mark.parametrize("ip", [None, "", "None", "fd00::1"])
def test_a_service_without_an_address_is_not_proxied(make, ip):
    assert not is_proxied(make.service("ns", "svc", ip))


def test_endpoints_are_found_by_port_name_and_protocol_once_each_and_in_order(make):
    slices = (
        make.slice("ns/svc", make.endpoint("10.0.0.9"), make.endpoint("10.0.0.10"), port=8080, name="a"),
        make.slice("ns/svc", make.endpoint("10.0.0.9", node="node-1"), port=8080, name="b"),
        make.slice("ns/svc", make.endpoint("10.0.0.3"), port_name="other", name="c"),
        make.slice("ns/svc", make.endpoint("10.0.0.4"), protocol="UDP", name="d"),
    )
    assert endpoints_of(service_port(), slices, "node-1") == (
        Endpoint("10.0.0.10:8080", "10.0.0.10", 8080, ready=True, fading=False, local=False),
        Endpoint("10.0.0.9:8080", "10.0.0.9", 8080, ready=True, fading=False, local=True),
    )


def test_what_a_slice_does_not_say_is_ready(make):
    piece = make.slice("ns/svc", make.endpoint("10.0.0.1", ready=None))
    assert endpoints_of(service_port(), (piece,), "node-1")[0].ready


STANDING = st.sampled_from([(True, False), (False, False), (False, True)])
ENDPOINTS = st.lists(st.tuples(STANDING, st.booleans()), max_size=6).map(
    lambda drawn: tuple(
        [Endpoint(f"10.0.0.{n}:80", f"10.0.0.{n}", 80, *standing, local) for n, (standing, local) in enumerate(drawn)]
    )
)
PORTS = st.builds(
    service_port,
    internal_local=st.booleans(),
    external_local=st.booleans(),
    node_port=st.sampled_from([0, 30000]),
)


@given(PORTS, ENDPOINTS)
def test_ready_endpoints_go_first_then_those_that_still_serve(port, endpoints):
    choice = chosen(port, endpoints)
    usable = [endpoint for endpoint in endpoints if endpoint.ready or endpoint.fading]
    assert choice.any == bool(usable)
    for used, among in ((choice.cluster, usable), (choice.local, [endpoint for endpoint in usable if endpoint.local])):
        assert len({endpoint.ready for endpoint in used}) <= 1, "either ready ones or fading ones"
        assert set(used) <= set(among)
        if used and not used[0].ready:
            assert not any(endpoint.ready for endpoint in among)
    wants_cluster = not port.internal_local or port.node_port
    assert bool(choice.cluster) == bool(usable and wants_cluster)
    wants_local = port.internal_local or (port.external_local and port.node_port)
    assert bool(choice.local) == bool(wants_local and any(endpoint.local for endpoint in usable))


def reached(make, *endpoints, node="node-1", zone="east", **changes):
    """The addresses that traffic is sent to which may go to any node."""
    port = service_port(**changes)
    slices = (make.slice("ns/svc", *endpoints),)
    return [each.ip for each in chosen(port, endpoints_of(port, slices, node), node, zone).cluster]


def test_a_hint_for_the_zone_is_heeded_if_every_ready_endpoint_has_one_and_one_is_for_it(make):
    east, west = make.endpoint("10.0.0.1", zones=("east",)), make.endpoint("10.0.0.2", zones=("west",))
    assert reached(make, east, west) == ["10.0.0.1"]
    assert reached(make, east, west, zone="north") == ["10.0.0.1", "10.0.0.2"]
    assert reached(make, east, west, zone="") == ["10.0.0.1", "10.0.0.2"]
    assert reached(make, east, make.endpoint("10.0.0.3")) == ["10.0.0.1", "10.0.0.3"]
    assert reached(make, east, west, make.endpoint("10.0.0.3", ready=False)) == ["10.0.0.1"]
    both = make.endpoint("10.0.0.4", zones=("east", "west"))
    assert reached(make, east, west, both) == ["10.0.0.1", "10.0.0.4"]


def test_a_hint_for_the_node_goes_before_one_for_its_zone(make):
    here = make.endpoint("10.0.0.1", zones=("east",), nodes=("node-1",))
    near = make.endpoint("10.0.0.2", zones=("east",), nodes=("node-2",))
    far = make.endpoint("10.0.0.3", zones=("west",), nodes=("node-3",))
    assert reached(make, here, near, far) == ["10.0.0.1"]
    assert reached(make, near, far) == ["10.0.0.2"]
    assert reached(make, far) == ["10.0.0.3"]


def test_what_is_ending_is_used_wherever_it_is_and_local_traffic_knows_no_hints(make):
    fading = make.endpoint("10.0.0.1", ready=False, serving=True, terminating=True, zones=("west",))
    gone = make.endpoint("10.0.0.2", ready=False, zones=("east",))
    assert reached(make, fading, gone) == ["10.0.0.1"]
    port = service_port(external_local=True, node_port=30000)
    slices = (
        make.slice(
            "ns/svc",
            make.endpoint("10.0.0.1", node="node-1", zones=("west",)),
            make.endpoint("10.0.0.2", node="node-2", zones=("east",)),
        ),
    )
    choice = chosen(port, endpoints_of(port, slices, "node-1"), "node-1", "east")
    assert [each.ip for each in choice.cluster] == ["10.0.0.2"]
    assert [each.ip for each in choice.local] == ["10.0.0.1"]
