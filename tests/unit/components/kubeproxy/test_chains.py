import pytest

from reconcile.components.kubeproxy import tables_of
from reconcile.components.kubeproxy.chains import chain_name, probability
from reconcile.components.kubeproxy.ports import ServicePort
from reconcile.components.kubeproxy.rules import CERTAIN, Chance, Jump


def service_port(name, protocol="tcp"):
    return ServicePort(name=name, protocol=protocol, cluster_ip="172.30.0.1", port=80)


# Names that upstream gives: from the expectations of its own tests, and (default/kubernetes) from any cluster.
@pytest.mark.parametrize(
    ("kind", "port", "endpoint", "name"),
    [
        ("SVC", "default/kubernetes:https", "", "KUBE-SVC-NPX46M4PTMTKRN6Y"),
        ("SVC", "ns1/svc1:p80", "", "KUBE-SVC-XPGD46QRK7WJZT7O"),
        ("EXT", "ns2/svc2:p80", "", "KUBE-EXT-GNZBNJ2PO5MGZ6GT"),
        ("SVC", "ns4/svc4:p80", "", "KUBE-SVC-4SW47YFZTEDKD3PK"),
        ("FW", "ns5/svc5:p80", "", "KUBE-FW-NUKIZ6OKUXPJNT4C"),
        ("SEP", "ns1/svc1:p80", "10.180.0.1:80", "KUBE-SEP-SXIVWICOYRO3J4NJ"),
        ("SEP", "ns4/svc4:p80", "10.180.0.4:80", "KUBE-SEP-UKSFD7AGPMPPLUHC"),
        ("SEP", "ns4/svc4:p80", "10.180.0.5:80", "KUBE-SEP-C6EBXVWJJZMIWKLZ"),
    ],
)
def test_chains_have_upstreams_names(kind, port, endpoint, name):
    assert chain_name(kind, service_port(port), endpoint) == name
    assert len(name) <= 28


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 100, 1000])
def test_probabilities_are_one_over_n(count):
    assert abs(probability(count) * count - CERTAIN) <= count


def test_all_endpoints_are_alike(make):
    endpoints = [make.endpoint(f"10.0.0.{n}") for n in range(1, 8)]
    rules = make.rules(make.backed(make.service("ns", "svc", "172.30.0.1"), make.slice("ns/svc", *endpoints)), cidr="")
    chain = tables_of(rules).nat[chain_name("SVC", service_port("ns/svc:p80"))]
    left, shares = CERTAIN, []
    for rule in chain:
        share = left * rule.matches[0].parts // CERTAIN if rule.matches else left
        shares.append(share)
        left -= share
    assert left == 0
    assert max(shares) - min(shares) < CERTAIN // 10**6
    assert [isinstance(match, Chance) for rule in chain for match in rule.matches] == [True] * 6


def test_some_services_alone_are_those_services(make, five):
    whole, part = tables_of(five), tables_of(five, ["ns1/svc1"])
    assert part.nat["KUBE-SVC-XPGD46QRK7WJZT7O"] == whole.nat["KUBE-SVC-XPGD46QRK7WJZT7O"]
    assert "KUBE-SVC-GNZBNJ2PO5MGZ6GT" not in part.nat
    assert set(part.nat["KUBE-SERVICES"]) < set(whole.nat["KUBE-SERVICES"])


def test_the_node_ports_come_last(five):
    assert tables_of(five).nat["KUBE-SERVICES"][-1].target == Jump("KUBE-NODEPORTS")


def test_every_jump_leads_somewhere(five):
    tables = tables_of(five)
    for chains in (tables.filter, tables.nat):
        for rules in chains.values():
            assert all(rule.target.chain in chains for rule in rules if isinstance(rule.target, Jump))
