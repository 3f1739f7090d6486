"""Allocation: cluster IPs and node ports."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import meta_v1, networking_v1
from reconcile.api.scalars import Time
from reconcile.components import apiserver
from reconcile.components.apiserver.registry.addresses import ADDRESSES, bands
from reconcile.lib.replacing import replace


def test_services_get_addresses_from_the_upper_band(server, service):
    made = server.made("services", service)
    address = ip_address(made.spec.cluster_ip)
    assert address in ip_network("10.96.0.0/12")
    assert address >= ip_address("10.96.1.1")
    assert (made.spec.cluster_ips, made.spec.ip_families) == ((made.spec.cluster_ip,), ("IPv4",))
    held = server.store.get(ADDRESSES, made.spec.cluster_ip)
    assert (held.spec.parent_ref.namespace, held.spec.parent_ref.name) == ("default", "web")
    server("delete", "services", "default", "web")
    assert server.store.get(ADDRESSES, made.spec.cluster_ip) is None


def test_an_address_is_given_once(server, service):
    service["spec"]["clusterIP"] = "10.96.0.1"
    response = server("create", "services", "default", body=service)
    assert response.body.message == (
        'Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1:'
        " provided IP is already allocated"
    )
    for address, said in (
        ("192.168.0.1", "the provided network does not match the current range"),
        ("10.96.0.0", "the provided IP (10.96.0.0) is not in the valid range. The range of valid IPs is 10.96.0.0/12"),
    ):
        service["spec"]["clusterIP"] = address
        refused = server("create", "services", "default", body=service)
        assert refused.body.message.endswith(f'["{address}"]: failed to allocate IP {address}: {said}')


def test_headless_and_external_services_have_none(server, service):
    service["spec"]["clusterIP"] = "None"
    assert server.made("services", service).spec.cluster_ip == "None"
    named = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ext"}}
    named["spec"] = {"type": "ExternalName", "externalName": "example.com"}
    assert server.made("services", named).spec.cluster_ip is None


def test_address_stays_and_cannot_change(server, service):
    made = server.made("services", service)
    again = server("update", "services", "default", "web", service)
    assert again.body.spec.cluster_ip == made.spec.cluster_ip
    service["spec"]["clusterIP"] = "10.97.0.9"
    response = server("update", "services", "default", "web", service)
    assert "may not change once set" in response.body.message


def test_node_ports_come_and_go_with_the_type(server, service):
    made = server.made("services", service)
    wanted = replace(made, spec=replace(made.spec, type="NodePort"))
    exposed = server("update", "services", "default", "web", wanted).body
    port = exposed.spec.ports[0].node_port
    assert 30000 <= port <= 32767
    service["metadata"]["name"] = "other"
    service["spec"].update(type="NodePort", ports=[{"port": 80, "nodePort": port}])
    message = server("create", "services", "default", body=service).body.message
    assert message.endswith(f"spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated")
    hidden = server("patch", "services", "default", "web", {"spec": {"type": "ClusterIP"}}).body
    assert hidden.spec == made.spec
    assert server("create", "services", "default", body=service).code == 201


def test_a_service_that_gets_another_name_gives_its_address_back(server, service):
    made = server.made("services", service)
    named = {"type": "ExternalName", "externalName": "example.com"}
    spec = server("patch", "services", "default", "web", {"spec": named}).body.spec
    assert (spec.cluster_ip, spec.cluster_ips, spec.ip_families, spec.ip_family_policy) == (None, None, None, None)
    assert spec.internal_traffic_policy is None  # upstream drops it when it answers
    assert server.store.get(ADDRESSES, made.spec.cluster_ip) is None
    spec = server(
        "patch", "services", "default", "web", {"spec": {"type": "ClusterIP", "externalName": None}}
    ).body.spec
    assert server.store.get(ADDRESSES, spec.cluster_ip) is not None


def test_what_only_a_load_balancer_has_goes_with_the_type(server, service):
    service["spec"].update(type="LoadBalancer", loadBalancerClass="a.b/c", externalTrafficPolicy="Local")
    server.made("services", service)
    balanced = {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}
    assert server("patch", "services", "default", "web", balanced, subresource="status").ok
    made = server("patch", "services", "default", "web", {"spec": {"type": "NodePort"}}).body
    assert (made.spec.load_balancer_class, made.spec.allocate_load_balancer_node_ports) == (None, None)
    assert (made.spec.external_traffic_policy, made.status.load_balancer.ingress) == ("Local", None)


def test_a_load_balancer_that_keeps_traffic_on_its_nodes_asks_them(server, service):
    service["spec"].update(type="LoadBalancer", externalTrafficPolicy="Local")
    port = server.made("services", service).spec.health_check_node_port
    assert 30000 <= port <= 32767
    assert server("update", "services", "default", "web", service).body.spec.health_check_node_port == port
    response = server("patch", "services", "default", "web", {"spec": {"healthCheckNodePort": port + 1}})
    assert response.body.message.endswith("spec.healthCheckNodePort: Forbidden: field is immutable")
    service["metadata"]["name"], service["spec"]["healthCheckNodePort"] = "other", port
    response = server("create", "services", "default", body=service)
    assert response.body.message.endswith(f"Invalid value: {port}: provided port is already allocated")
    everywhere = {"spec": {"externalTrafficPolicy": "Cluster"}}
    assert server("patch", "services", "default", "web", everywhere).body.spec.health_check_node_port is None
    assert server("create", "services", "default", body=service).code == 201
    service["metadata"]["name"], service["spec"]["externalTrafficPolicy"] = "third", "Cluster"
    message = server("create", "services", "default", body=service).body.message
    assert message.endswith("may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")


@pytest.mark.parametrize(
    ("asked", "families", "policy"),
    [
        ({}, ("IPv4",), "SingleStack"),
        ({"ipFamilyPolicy": "PreferDualStack"}, ("IPv4",), "PreferDualStack"),
        ({"clusterIP": "None"}, ("IPv4",), "SingleStack"),
        ({"clusterIP": "None", "selector": None}, ("IPv4", "IPv6"), "RequireDualStack"),
        ({"clusterIP": "None", "selector": None, "ipFamilyPolicy": "SingleStack"}, ("IPv4",), "SingleStack"),
    ],
)
def test_families_of_addresses(server, service, asked, families, policy):
    service["spec"].update(asked)
    spec = server.made("services", service).spec
    assert (spec.ip_families, spec.ip_family_policy) == (families, policy)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
        (
            {"ipFamilyPolicy": "RequireDualStack"},
            (
                'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack'
                " services"
            ),
        ),
    ],
)
def test_families_that_the_cluster_lacks(server, service, asked, said):
    service["spec"].update(asked)
    message = server("create", "services", "default", body=service).body.message
    assert message == f'Service "web" is invalid: {said}'


def test_what_an_update_changes_with_the_type_does_not_go(server, service):
    service["spec"]["type"] = "NodePort"
    server.made("services", service)
    changed = {"spec": {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": 30001}]}}
    response = server("patch", "services", "default", "web", changed)
    assert response.body.message.endswith("nodePort: Forbidden: may not be used when `type` is 'ClusterIP'")


def test_addresses_are_one_and_the_first_of_all(server, service):
    service["spec"]["clusterIP"] = "None"
    assert server.made("services", service).spec.cluster_ips == ("None",)
    without = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"a": "b"}}}
    spec = server("update", "services", "default", "web", without).body.spec
    assert (spec.cluster_ip, spec.cluster_ips) == ("None", ("None",))
    response = server("patch", "services", "default", "web", {"spec": {"clusterIPs": ["10.96.0.9"]}})
    assert 'spec.clusterIPs: Invalid value: ["10.96.0.9"]: first value must match `clusterIP`' in response.body.message


def bootstrapped(server, ranges):
    """Let a server start in a cluster of its own, with these ranges."""
    made = type(server)()
    made.state = replace(made.state, service_cidr=ranges)
    for request in apiserver.bootstrap(made.state, made.now):
        assert made(request.verb, request.resource, request.namespace, body=request.body).ok
    return made


def test_small_range_fills_up_and_another_one_helps(server, service):
    server = bootstrapped(server, "10.96.0.0/29")
    seen = {"10.96.0.1"}
    for place in range(5):
        service["metadata"]["name"] = f"s{place}"
        seen.add(server.made("services", service).spec.cluster_ip)
    assert seen == {f"10.96.0.{last}" for last in range(1, 7)}
    service["metadata"]["name"] = "one-more"
    refused = server("create", "services", "default", body=service)
    assert (refused.reason, refused.body.message) == (
        "InternalError",
        'Internal error occurred: failed to allocate a serviceIP for Service "one-more": range is full',
    )
    added(server, "more", "10.200.0.0/29", ready=False)
    assert not server("create", "services", "default", body=service).ok
    added(server, "most", "10.200.0.0/29")
    assert server.made("services", service).spec.cluster_ip in {f"10.200.0.{last}" for last in range(1, 7)}
    server("delete", "servicecidrs.networking.k8s.io", name="most")
    service["metadata"]["name"] = "too-late"
    service["spec"]["clusterIP"] = "10.200.0.6"
    assert "does not match the current range" in server("create", "services", "default", body=service).body.message


def added(server, name, *ranges, ready=True):
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": name}}
    body |= {"spec": {"cidrs": list(ranges)}}
    body["metadata"]["finalizers"] = ["networking.k8s.io/service-cidr-finalizer"]
    made = server("create", "servicecidrs.networking.k8s.io", body=body)
    assert made.ok, made.body.message
    if ready:
        status = networking_v1.ServiceCIDRStatus(
            conditions=(meta_v1.Condition(type="Ready", status="True", reason="", message="", last_transition_time=AT),)
        )
        wanted = replace(made.body, status=status)
        done = server("update", "servicecidrs.networking.k8s.io", name=name, body=wanted, subresource="status")
        assert done.ok, done.body.message


AT = Time.at(0)
NAMED = {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd00:10:96::7"], "ipFamilyPolicy": "RequireDualStack"}
REQUIRED = {"ipFamilyPolicy": "RequireDualStack"}
V4, V6 = "10.96.0.0/12", "fd00:10:96::/108"


@pytest.fixture
def dual(server):
    return bootstrapped(server, f"{V4},{V6}")


@pytest.mark.parametrize(
    ("spec", "policy", "families"),
    [
        ({}, "SingleStack", ("IPv4",)),
        ({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}, "SingleStack", ("IPv6",)),
        ({"ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", ("IPv4", "IPv6")),
        ({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]}, "RequireDualStack", ("IPv6", "IPv4")),
        ({"clusterIP": "fd00:10:96::7"}, "SingleStack", ("IPv6",)),
        ({"clusterIP": "10.96.0.7", "ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", ("IPv4", "IPv6")),
        (NAMED, "RequireDualStack", ("IPv4", "IPv6")),
    ],
)  # fmt: skip
def test_a_service_has_an_address_of_each_of_its_families(dual, service, spec, policy, families):
    service["spec"] |= spec
    made = dual.made("services", service).spec
    assert (made.ip_family_policy, made.ip_families) == (policy, families)
    for family, address in zip(families, made.cluster_ips, strict=True):
        assert ip_address(address) in ip_network(V4 if family == "IPv4" else V6)
        labels = dual.store.get(ADDRESSES, address).metadata.labels
        assert labels["ipaddress.kubernetes.io/ip-family"] == family
    assert made.cluster_ip == made.cluster_ips[0]
    for place, address in enumerate(spec.get("clusterIPs", [spec.get("clusterIP", made.cluster_ip)])):
        assert made.cluster_ips[place] == address
    dual("delete", "services", "default", "web")
    assert [address for address in made.cluster_ips if dual.store.get(ADDRESSES, address)] == []


@pytest.mark.parametrize(
    ("ranges", "spec", "said"),
    [
        (V4, REQUIRED, ('spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster'
         " is not configured for dual-stack services")),
        (V4, {"ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
        (V4, {"clusterIP": "fd00::7"}, ('spec.clusterIPs[0]: Invalid value: ["fd00::7"]: IPv6 is not configured on this'
         " cluster")),
        (f"{V4},{V6}", {"ipFamilies": ["IPv4", "IPv6"]}, ('spec.ipFamilyPolicy: Invalid value: "SingleStack": must be'
         " 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified")),
        (f"{V4},{V6}", {"clusterIP": "fd00:10:97::7"}, ('spec.clusterIPs: Invalid value: ["fd00:10:97::7"]: failed to'
         " allocate IP fd00:10:97::7: the provided network does not match the current range")),
    ],
)  # fmt: skip
def test_families_that_a_cluster_has_not(server, service, ranges, spec, said):
    service["spec"] |= spec
    refused = bootstrapped(server, ranges)("create", "services", "default", body=service)
    assert refused.body.message == f'Service "web" is invalid: {said}'


def test_a_service_gains_and_loses_its_second_address(dual, service):
    made = dual.made("services", service)
    first = made.spec.cluster_ip

    def change(**spec):
        found = dual("patch", "services", "default", "web", {"spec": spec})
        assert found.ok, found.body.message
        return found.body.spec

    both = change(ipFamilyPolicy="PreferDualStack")
    assert (both.cluster_ips[0], both.ip_families) == (first, ("IPv4", "IPv6"))
    assert dual.store.get(ADDRESSES, both.cluster_ips[1]) is not None
    assert change(sessionAffinity="ClientIP").cluster_ips == both.cluster_ips
    one = change(ipFamilyPolicy="SingleStack")
    assert (one.cluster_ips, one.ip_families) == ((first,), ("IPv4",))
    assert dual.store.get(ADDRESSES, both.cluster_ips[1]) is None
    assert dual.store.get(ADDRESSES, first) is not None


def test_a_service_that_prefers_both_takes_what_there_is(server, service):
    service["spec"]["ipFamilyPolicy"] = "PreferDualStack"
    made = server.made("services", service).spec
    assert (made.ip_family_policy, made.ip_families, len(made.cluster_ips)) == ("PreferDualStack", ("IPv4",), 1)


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_upper_band_is_never_empty(first, size):
    low, high = bands(first, first + size - 1, 16, 256, 16)
    assert first <= low <= high == first + size - 1
    assert low - first == 0 or 16 <= low - first <= 256
