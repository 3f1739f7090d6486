"""
What kube-proxy makes of a Service and its EndpointSlices: service ports, and for each the endpoints that may be used.

Source:   pkg/proxy: ServicePortMap, EndpointsMap, CategorizeEndpoints.
Left out: see docs/limits.md, "Services and kube-proxy".
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.api import core_v1, discovery_v1
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

_HEADLESS: Final = "service.kubernetes.io/headless"
_OTHER_PROXY: Final = "service.kubernetes.io/service-proxy-name"
_AFFINITY_SECONDS: Final = 10800


@quick
@attrs.frozen(weakref_slot=False)
class Backed:
    """A Service (None while there is none) and its EndpointSlices, by name."""

    service: core_v1.Service | None = None
    slices: tuple[discovery_v1.EndpointSlice, ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ServicePort:
    """
    One port of a service, as far as packets are concerned.

    Args:
        name: `namespace/name:port`, without the colon if the port has no name.
        protocol: tcp, udp or sctp.
        cluster_ip: the service's own address.
        port: at that address.
        node_port: at every address of every node; 0 for none.
        external_ips: more addresses at which *port* is served.
        balancer_ips: those of a load balancer that leaves the destination as it is.
        balancer_ranges: whom the load balancer's addresses are open to; all, if there are none.
        internal_local: traffic from inside goes to endpoints on the same node only.
        external_local: the same for traffic from outside.
        affinity: for how many seconds a client comes back to the endpoint that it had; 0 for not at all.
        health_port: where a load balancer asks whether this node has an endpoint; 0 for none.
    """

    name: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    balancer_ips: tuple[str, ...] = ()
    balancer_ranges: tuple[str, ...] = ()
    internal_local: bool = False
    external_local: bool = False
    affinity: int = 0
    health_port: int = 0

    @property
    def external(self) -> bool:
        """Tell whether it can be reached at another address than the cluster IP."""
        return bool(self.node_port or self.external_ips or self.balancer_ips)


@quick
@attrs.frozen(order=True, weakref_slot=False)
class Endpoint:
    """Where packets may go; ordered by `ip:port`, as upstream orders them."""

    text: str
    ip: str = attrs.field(order=False)
    port: int = attrs.field(order=False)
    ready: bool = attrs.field(order=False)
    fading: bool = attrs.field(order=False)  # terminating, and still serving
    local: bool = attrs.field(order=False)
    zones: tuple[str, ...] = attrs.field(default=(), order=False)  # whose proxies are to prefer it, by its hints
    nodes: tuple[str, ...] = attrs.field(default=(), order=False)  # likewise


@quick
@attrs.frozen(weakref_slot=False)
class Choice:
    """
    The endpoints of a service port that are used.

    Args:
        cluster: for traffic that may go to any node; empty if there is no such traffic.
        local: for traffic that must stay on this node; empty if there is no such traffic.
        any: there are endpoints somewhere.
    """

    cluster: tuple[Endpoint, ...]
    local: tuple[Endpoint, ...]
    any: bool


def is_proxied(service: core_v1.Service) -> bool:
    """Tell whether this proxy serves *service*: it has a cluster IP, and no other proxy is named."""
    spec = service.spec
    return (
        spec is not None
        and spec.type != "ExternalName"
        and spec.cluster_ip not in (None, "", "None")
        and ":" not in (spec.cluster_ip or "")
        and _OTHER_PROXY not in _labels(service)
    )


def is_used(piece: discovery_v1.EndpointSlice) -> bool:
    """Tell whether this proxy looks at an EndpointSlice."""
    labels = _labels(piece)
    return _HEADLESS not in labels and _OTHER_PROXY not in labels and piece.address_type == "IPv4"


def ports_of(service: core_v1.Service) -> tuple[ServicePort, ...]:
    """Give the ports of a service that is proxied, as they are in its spec."""
    spec, metadata = service.spec, service.metadata
    assert spec is not None
    assert metadata is not None
    ingress = (service.status and service.status.load_balancer and service.status.load_balancer.ingress) or ()
    external_ips = tuple([ip for ip in spec.external_ips or () if ":" not in ip])
    reaches_out = spec.type in ("NodePort", "LoadBalancer") or bool(external_ips)
    key = f"{metadata.namespace}/{metadata.name}"
    return tuple(
        [
            ServicePort(
                name=f"{key}:{port.name}" if port.name else key,
                protocol=(port.protocol or "TCP").lower(),
                cluster_ip=spec.cluster_ip or "",
                port=port.port,
                node_port=(port.node_port or 0) if spec.type in ("NodePort", "LoadBalancer") else 0,
                external_ips=external_ips,
                balancer_ips=tuple([found.ip for found in ingress if found.ip and found.ip_mode != "Proxy"]),
                balancer_ranges=tuple([text for text in spec.load_balancer_source_ranges or () if ":" not in text]),
                internal_local=spec.internal_traffic_policy == "Local",
                external_local=reaches_out and spec.external_traffic_policy == "Local",
                affinity=_affinity(spec),
                health_port=spec.health_check_node_port or 0,
            )
            for port in spec.ports or ()
        ]
    )


def endpoints_of(port: ServicePort, slices: tuple[discovery_v1.EndpointSlice, ...], node: str) -> tuple[Endpoint, ...]:
    """Give every endpoint of a service port in order; one that is in several slices counts once."""
    name = port.name.partition(":")[2]
    found: dict[str, Endpoint] = {}
    for piece in slices:
        for slice_port in piece.ports or ():
            if (slice_port.name or "") != name or (slice_port.protocol or "TCP").lower() != port.protocol:
                continue
            for endpoint in piece.endpoints or ():
                if not slice_port.port or not endpoint.addresses:
                    continue
                text = f"{endpoint.addresses[0]}:{slice_port.port}"
                conditions = endpoint.conditions or _NO_CONDITIONS
                known = found.get(text)
                found[text] = Endpoint(
                    text,
                    endpoint.addresses[0],
                    slice_port.port,
                    conditions.ready is not False,
                    conditions.serving is not False and conditions.terminating is True,
                    endpoint.node_name == node or (known is not None and known.local),
                    *_hinted(endpoint.hints),
                )
    return tuple(sorted(found.values()))


def _hinted(hints: discovery_v1.EndpointHints | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if hints is None:
        return (), ()
    zones = tuple([each.name for each in hints.for_zones or ()])
    return zones, tuple([each.name for each in hints.for_nodes or ()])


def chosen(port: ServicePort, endpoints: tuple[Endpoint, ...], node: str = "", zone: str = "") -> Choice:
    """
    Choose among the endpoints: those that are ready, or, if none is, those that are terminating but still serve.

    Of the ready ones those that are hinted for *node*, else for *zone*, where traffic need not stay on the node.
    """
    cluster: tuple[Endpoint, ...] = ()
    local: tuple[Endpoint, ...] = ()
    # Even if traffic from outside must stay on the node, what comes from its own pods and processes may go anywhere.
    if not port.internal_local or port.external:
        cluster = _nearest(_ready_or_fading(endpoints), node, zone)
    if port.internal_local or (port.external and port.external_local):
        local = _ready_or_fading(tuple([endpoint for endpoint in endpoints if endpoint.local]))
    return Choice(cluster, local, any(endpoint.ready or endpoint.fading for endpoint in endpoints))


def _ready_or_fading(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    ready = tuple([endpoint for endpoint in endpoints if endpoint.ready])
    return ready or tuple([endpoint for endpoint in endpoints if endpoint.fading])


def _nearest(endpoints: tuple[Endpoint, ...], node: str, zone: str) -> tuple[Endpoint, ...]:
    """Give those that hints mean for a node, else for its zone; all, unless every one is hinted and one is near."""
    if not endpoints or not endpoints[0].ready:
        return endpoints
    if all(endpoint.nodes for endpoint in endpoints):
        near = tuple([endpoint for endpoint in endpoints if node in endpoint.nodes])
        if near:
            return near
    if all(endpoint.zones for endpoint in endpoints):
        near = tuple([endpoint for endpoint in endpoints if zone in endpoint.zones])
        if near:
            return near
    return endpoints


_NO_CONDITIONS: Final = discovery_v1.EndpointConditions()


def _affinity(spec: core_v1.ServiceSpec) -> int:
    if spec.session_affinity != "ClientIP":
        return 0
    config = spec.session_affinity_config
    client_ip = config.client_ip if config else None
    return (client_ip.timeout_seconds if client_ip else None) or _AFFINITY_SECONDS


def _labels(obj: core_v1.Service | discovery_v1.EndpointSlice) -> Map[str]:
    return (obj.metadata.labels if obj.metadata else None) or Map()
