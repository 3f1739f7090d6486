import attrs
import pytest

from reconcile.api import core_v1, discovery_v1, meta_v1
from reconcile.components.kubeproxy import RuleSet
from reconcile.components.kubeproxy.chains import INDEXES
from reconcile.components.kubeproxy.ports import Backed
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table

NODE = "node-1"


@attrs.frozen
class Make:
    """Makers of services, slices and rule sets; short, so that a test says only what it is about."""

    @staticmethod
    def port(name="p80", port=80, protocol="TCP", node_port=None):
        return core_v1.ServicePort(name=name, port=port, protocol=protocol, node_port=node_port)

    @staticmethod
    def service(namespace, name, ip, *ports, labels=(), ingress=(), **spec):
        return core_v1.Service(
            metadata=meta_v1.ObjectMeta(namespace=namespace, name=name, labels=Map.of(dict(labels))),
            spec=core_v1.ServiceSpec(cluster_ip=ip, ports=ports or (Make.port(),), **{"type": "ClusterIP", **spec}),
            status=core_v1.ServiceStatus(
                load_balancer=core_v1.LoadBalancerStatus(
                    ingress=tuple([core_v1.LoadBalancerIngress(ip=address) for address in ingress]) or None
                )
            ),
        )

    @staticmethod
    def endpoint(ip, node="node-2", ready=True, serving=None, terminating=None, *, zones=(), nodes=()):
        conditions = discovery_v1.EndpointConditions(ready=ready, serving=serving, terminating=terminating)
        hints = discovery_v1.EndpointHints(
            for_zones=tuple([discovery_v1.ForZone(name=zone) for zone in zones]) or None,
            for_nodes=tuple([discovery_v1.ForNode(name=name) for name in nodes]) or None,
        )
        hints = hints if zones or nodes else None
        return discovery_v1.Endpoint(addresses=(ip,), conditions=conditions, node_name=node, hints=hints)

    @staticmethod
    def slice(service, *endpoints, name="", port=80, port_name="p80", protocol="TCP", labels=(), family="IPv4"):
        namespace, _, of = service.partition("/")
        return discovery_v1.EndpointSlice(
            metadata=meta_v1.ObjectMeta(
                namespace=namespace,
                name=name or f"{of}-x",
                labels=Map.of({"kubernetes.io/service-name": of, **dict(labels)}),
            ),
            address_type=family,
            endpoints=endpoints,
            ports=(discovery_v1.EndpointPort(name=port_name, port=port, protocol=protocol),),
        )

    @staticmethod
    def rules(*backed, cidr="10.0.0.0/8", addresses=("192.168.1.1",)):
        pairs = [(f"{of.service.metadata.namespace}/{of.service.metadata.name}", of) for of in backed]
        return RuleSet(node=NODE, addresses=addresses, local_cidr=cidr, services=Table.of(pairs, INDEXES))

    @staticmethod
    def backed(service, *slices):
        return Backed(service, slices)


@pytest.fixture(scope="session")
def make():
    return Make()


@pytest.fixture(scope="session")
def five(make):
    """Five services that between them need every kind of rule."""
    one = make.service("ns1", "svc1", "172.30.0.41")
    two = make.service(
        "ns2",
        "svc2",
        "172.30.0.42",
        make.port(node_port=3001),
        type="LoadBalancer",
        external_ips=("192.168.99.22",),
        external_traffic_policy="Local",
        health_check_node_port=30000,
        ingress=("1.2.3.4",),
    )
    three = make.service("ns3", "svc3", "172.30.0.43", make.port(node_port=3003), type="NodePort")
    four = make.service(
        "ns4",
        "svc4",
        "172.30.0.44",
        make.port("p53", 53, "UDP"),
        session_affinity="ClientIP",
        external_ips=("5.5.5.5",),
    )
    five = make.service(
        "ns5",
        "svc5",
        "172.30.0.45",
        make.port(node_port=3002),
        type="LoadBalancer",
        load_balancer_source_ranges=("203.0.113.0/25", "192.168.1.0/24"),
        ingress=("5.6.7.8",),
    )
    return make.rules(
        make.backed(one, make.slice("ns1/svc1", make.endpoint("10.180.0.1"))),
        make.backed(two, make.slice("ns2/svc2", make.endpoint("10.180.0.2"))),
        make.backed(three),
        make.backed(
            four,
            make.slice(
                "ns4/svc4",
                make.endpoint("10.180.0.4", node=NODE),
                make.endpoint("10.180.0.5"),
                make.endpoint("10.180.0.6"),
                port=5353,
                port_name="p53",
                protocol="UDP",
            ),
        ),
        make.backed(five, make.slice("ns5/svc5", make.endpoint("10.180.0.3"))),
    )
