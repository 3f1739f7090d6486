"""Allocation: cluster IPs and node ports."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.apiserver.allocation import ADDRESSES, bands
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
    hidden = replace(
        exposed, spec=replace(exposed.spec, type="ClusterIP", ports=made.spec.ports, external_traffic_policy=None)
    )
    assert server("update", "services", "default", "web", hidden).body.spec.ports[0].node_port is None
    assert server("create", "services", "default", body=service).code == 201


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
