"""Services, their endpoints, and what else concerns the network, as `kubectl get` shows it."""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.instant import Instant
from reconcile.model.printing.ages import age
from reconcile.model.printing.shape import NONE, UNSET, Cells, Fill, first_of, listed, pairs_text, selector_text

_HOSTS: Final = 3
_DEFAULT_CLASS: Final = "ingressclass.kubernetes.io/is-default-class"


def _service(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    ips = spec.cluster_ips or ()
    return (
        obj.metadata.name,
        spec.type or "ClusterIP",
        ips[0] if ips else spec.cluster_ip or NONE,
        _external(obj),
        listed([_port(port) for port in spec.ports or ()]),
        age(obj, now),
        pairs_text(spec.selector),
    )


def _external(service: Any) -> str:
    spec = service.spec
    if spec.type == "ExternalName":
        return spec.external_name or ""
    if spec.type == "LoadBalancer":
        return listed([*_given(service.status), *(spec.external_ips or ())], "<pending>")
    return listed(spec.external_ips or ())


def _given(status: Any) -> list[str]:
    """Give the addresses that a load balancer has given."""
    given = status.load_balancer if status is not None else None
    found = {each.ip or each.hostname or "" for each in (given and given.ingress) or ()}
    return sorted(found - {""})


def _port(port: Any) -> str:
    protocol = port.protocol or "TCP"
    return f"{port.port}:{port.node_port}/{protocol}" if port.node_port else f"{port.port}/{protocol}"


def _endpoints(obj: Any, now: Instant) -> Cells:
    found: list[str] = []
    for subset in obj.subsets or ():
        addresses = subset.addresses or ()
        if subset.ports:
            found += [f"{_host(each.ip)}:{port.port}" for port in subset.ports for each in addresses]
        else:
            found += [each.ip for each in addresses]
    text = first_of(found) if obj.subsets else NONE
    return (obj.metadata.name, text, age(obj, now))


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _endpoint_slice(obj: Any, now: Instant) -> Cells:
    ports = [str(port.port if port.port is not None else port.name or "*") for port in obj.ports or ()]
    found = [address for endpoint in obj.endpoints or () for address in endpoint.addresses]
    return (
        obj.metadata.name,
        obj.address_type,
        first_of(ports) or UNSET,
        first_of(found) or UNSET,
        age(obj, now),
    )


def _ingress(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        spec.ingress_class_name or NONE,
        _hosts(spec.rules or ()),
        listed(_given(obj.status), ""),
        "80, 443" if spec.tls else "80",
        age(obj, now),
    )


def _hosts(rules: tuple[Any, ...]) -> str:
    shown: list[str] = []
    for rule in rules:
        if len(shown) == _HOSTS:
            # Every rule counts, also one without a host.
            return f"{','.join(shown)} + {len(rules) - _HOSTS} more..."
        shown += [rule.host] if rule.host else []
    return ",".join(shown) or "*"


def _ingress_class(obj: Any, now: Instant) -> Cells:
    spec = obj.spec
    parameters = spec.parameters
    text = NONE
    if parameters is not None:
        kind = f"{parameters.kind}.{parameters.api_group}" if parameters.api_group else parameters.kind
        text = f"{kind}/{parameters.name}"
    default = (obj.metadata.annotations or {}).get(_DEFAULT_CLASS) == "true"
    name = f"{obj.metadata.name} (default)" if default else obj.metadata.name
    return (name, spec.controller, text, age(obj, now))


def _network_policy(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, selector_text(obj.spec.pod_selector), age(obj, now))


def _ip_address(obj: Any, now: Instant) -> Cells:
    parent = obj.spec.parent_ref
    text = NONE
    if parent is not None:
        kind = f"{parent.resource}.{parent.group}" if parent.group else parent.resource or ""
        text = "/".join([kind.lower(), *([parent.namespace] if parent.namespace else []), parent.name or ""])
    return (obj.metadata.name, text, age(obj, now))


def _service_cidr(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, listed(obj.spec.cidrs or (), ""), age(obj, now))


NETWORK: Final[dict[str, Fill]] = {
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "ingresses.networking.k8s.io": _ingress,
    "ingressclasses.networking.k8s.io": _ingress_class,
    "networkpolicies.networking.k8s.io": _network_policy,
    "ipaddresses.networking.k8s.io": _ip_address,
    "servicecidrs.networking.k8s.io": _service_cidr,
}
