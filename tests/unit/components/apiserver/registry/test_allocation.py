"""Allocation: cluster IPs and node ports."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.apiserver.registry.allocation import ADDRESSES, bands
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
    service["spec"]["clusterIP"] = "192.168.0.1"
    assert "is not in the valid range" in server("create", "services", "default", body=service).body.message


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


def test_small_range_fills_up(server, service):
    server.state = replace(server.state, service_cidr="10.96.0.0/29")
    seen = {"10.96.0.1"}
    for place in range(5):
        service["metadata"]["name"] = f"s{place}"
        seen.add(server.made("services", service).spec.cluster_ip)
    assert seen == {f"10.96.0.{last}" for last in range(1, 7)}
    service["metadata"]["name"] = "one-more"
    assert server("create", "services", "default", body=service).reason == "InternalError"


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_upper_band_is_never_empty(first, size):
    low, high = bands(first, first + size - 1, 16, 256, 16)
    assert first <= low <= high == first + size - 1
    assert low - first == 0 or 16 <= low - first <= 256
