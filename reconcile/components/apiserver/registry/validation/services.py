"""Validation of services and of what stands behind them: endpoints and endpoint slices."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from reconcile.api import core_v1, discovery_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, too_many, wrong
from reconcile.components.apiserver.registry.validation.containers import PROTOCOLS, port_causes, port_or_name_causes
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE, labels_causes, one_of
from reconcile.components.apiserver.registry.validation.pods import ADDRESS, is_address
from reconcile.model import names

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES: Final = ("Cluster", "Local")
_MOST_ENDPOINTS: Final = 1000
_MOST_ADDRESSES: Final = 100
_MOST_PORTS: Final = 100
_LONGEST_STICK: Final = 86400


def service_causes(obj: core_v1.Service) -> Causes:
    """Say what is wrong with a service."""
    spec = obj.spec
    assert spec is not None, "defaults give every service a specification"
    found: list[Cause] = []
    headless = spec.cluster_ip == "None"
    if not spec.ports and not headless and spec.type != "ExternalName":
        found.append(required("spec.ports"))
    found += _type_causes(spec)
    found += _ports_causes(spec)
    if spec.selector and not names.labels_are_well(spec.selector):
        found += labels_causes("spec.selector", spec.selector)
    found += one_of("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None"))
    sticky = spec.session_affinity_config
    seconds = sticky.client_ip.timeout_seconds if sticky is not None and sticky.client_ip is not None else None
    if seconds is not None and not 0 < seconds <= _LONGEST_STICK:
        at = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        found.append(wrong(at, seconds, f"must be greater than 0 and less than {_LONGEST_STICK}"))
    found += one_of("spec.type", spec.type, _TYPES)
    if spec.cluster_ip and spec.cluster_ips and spec.cluster_ips[0] != spec.cluster_ip:
        found.append(wrong("spec.clusterIPs", spec.cluster_ips, "first value must match `clusterIP`"))
    if spec.cluster_ip and not headless and not is_address(spec.cluster_ip):
        found.append(wrong("spec.clusterIPs[0]", spec.cluster_ip, ADDRESS))
    if spec.health_check_node_port and not checks_health(spec):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        found.append(wrong("spec.healthCheckNodePort", spec.health_check_node_port, why))
    for place, address in enumerate(spec.external_ips or ()):
        if not is_address(address):
            found.append(wrong(f"spec.externalIPs[{place}]", address, ADDRESS))
    for field, policy in (
        ("externalTrafficPolicy", spec.external_traffic_policy),
        ("internalTrafficPolicy", spec.internal_traffic_policy),
    ):
        if policy is not None:
            found += one_of(f"spec.{field}", policy, _POLICIES)
    return tuple(found)


def checks_health(spec: core_v1.ServiceSpec) -> bool:
    """Tell whether a load balancer has to know which nodes have endpoints."""
    return spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local"


def service_change_causes(new: core_v1.Service, old: core_v1.Service) -> Causes:
    """Say that a service's address changed, which it may only with its type."""
    spec, before = new.spec, old.spec
    assert spec is not None and before is not None, "a stored service has one"  # noqa: PT018
    found: Causes = ()
    if checks_health(spec) and checks_health(before) and spec.health_check_node_port != before.health_check_node_port:
        found += (wrong("spec.healthCheckNodePort", spec.health_check_node_port, IMMUTABLE),)
    if "ExternalName" in (spec.type, before.type):
        return found
    if spec.cluster_ip and before.cluster_ip and spec.cluster_ip != before.cluster_ip:
        found += (wrong("spec.clusterIPs[0]", (spec.cluster_ip,), "may not change once set"),)
    return found


def _type_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    found: list[Cause] = []
    if spec.type == "ExternalName":
        name = spec.external_name or ""
        if not name:
            found.append(required("spec.externalName"))
        plain = name.rstrip(".")
        found += [wrong("spec.externalName", name, fault) for fault in names.subdomain_faults(plain) if name]
        if spec.cluster_ip:
            found.append(forbidden("spec.clusterIPs", "may not be set when `type` is 'ExternalName'"))
    elif spec.type in ("NodePort", "LoadBalancer") and spec.cluster_ip == "None":
        found.append(wrong("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {spec.type} services"))
    if spec.type == "ClusterIP" and spec.external_traffic_policy is not None and not spec.external_ips:
        why = "may only be set for externally-accessible services"
        found.append(wrong("spec.externalTrafficPolicy", spec.external_traffic_policy, why))
    return found


def _ports_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    known: set[tuple[str | None, int]] = set()
    ports = spec.ports or ()
    for place, port in enumerate(ports):
        at = f"spec.ports[{place}]"
        name = port.name or ""
        if not name and len(ports) > 1:
            found.append(required(f"{at}.name"))
        if name:
            found += [wrong(f"{at}.name", name, fault) for fault in names.label_faults(name)]
            if name in seen:
                found.append(duplicate(f"{at}.name", name))
            seen.add(name)
        found += port_causes(f"{at}.port", port.port)
        found += one_of(f"{at}.protocol", port.protocol, PROTOCOLS)
        if port.target_port is not None:
            found += port_or_name_causes(f"{at}.targetPort", port.target_port)
        if port.node_port and spec.type == "ClusterIP":
            found.append(forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'"))
        key = (port.protocol, port.port)
        if key in known:
            found.append(duplicate(at, core_v1.ServicePort(port=port.port, protocol=port.protocol)))
        known.add(key)
    return found


def endpoints_causes(obj: core_v1.Endpoints) -> Causes:
    """Say what is wrong with endpoints."""
    found: list[Cause] = []
    for place, subset in enumerate(obj.subsets or ()):
        at = f"subsets[{place}]"
        if not subset.addresses and not subset.not_ready_addresses:
            found.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for field, addresses in (
            ("addresses", subset.addresses),
            ("notReadyAddresses", subset.not_ready_addresses),
        ):
            for number, address in enumerate(addresses or ()):
                found += [
                    wrong(f"{at}.{field}[{number}].ip", address.ip, fault) for fault in _backend_faults(address.ip)
                ]
        ports = subset.ports or ()
        for number, port in enumerate(ports):
            if not port.name and len(ports) > 1:
                found.append(required(f"{at}.ports[{number}].name"))
            found += port_causes(f"{at}.ports[{number}].port", port.port)
            found += one_of(f"{at}.ports[{number}].protocol", port.protocol, PROTOCOLS)
    return tuple(found)


def slice_causes(obj: discovery_v1.EndpointSlice) -> Causes:
    """Say what is wrong with an endpoint slice."""
    found = [*one_of("addressType", obj.address_type, ("FQDN", "IPv4", "IPv6"))]
    endpoints, ports = obj.endpoints or (), obj.ports or ()
    if len(endpoints) > _MOST_ENDPOINTS:
        return (*found, too_many("endpoints", len(endpoints), _MOST_ENDPOINTS))
    for place, endpoint in enumerate(endpoints):
        at = f"endpoints[{place}].addresses"
        if not endpoint.addresses:
            found.append(required(at, "must contain at least 1 address"))
        elif len(endpoint.addresses) > _MOST_ADDRESSES:
            found.append(too_many(at, len(endpoint.addresses), _MOST_ADDRESSES))
        if obj.address_type == "FQDN":
            continue
        for number, address in enumerate(endpoint.addresses):
            faults = _backend_faults(address)
            if faults:
                found += [wrong(f"{at}[{number}]", address, fault) for fault in faults]
    if len(ports) > _MOST_PORTS:
        return (*found, too_many("ports", len(ports), _MOST_PORTS))
    seen: set[str] = set()
    for place, port in enumerate(ports):
        name = port.name or ""
        if name in seen:
            found.append(duplicate("ports", name))
        seen.add(name)
        if name:
            found += [wrong(f"ports[{place}].name", name, fault) for fault in names.label_faults(name)]
        found += one_of(f"ports[{place}].protocol", port.protocol, PROTOCOLS)
    return tuple(found)


def slice_change_causes(new: discovery_v1.EndpointSlice, old: discovery_v1.EndpointSlice) -> Causes:
    """Say that a slice's address type changed, which it may not."""
    return () if new.address_type == old.address_type else (wrong("addressType", new.address_type, IMMUTABLE),)


@lru_cache(maxsize=65536)
def _backend_faults(text: str) -> tuple[str, ...]:
    """Say what keeps an address from being one that packets can be sent on to."""
    try:
        address = ip_address(text)
    except ValueError:
        return (ADDRESS,)
    faults: tuple[str, ...] = ()
    if address.is_unspecified:
        faults += (f"may not be unspecified ({text})",)
    if address.is_loopback:
        faults += ("may not be in the loopback range (127.0.0.0/8, ::1/128)",)
    if address.is_link_local:
        faults += ("may not be in the link-local range (169.254.0.0/16, fe80::/10)",)
    if address.is_multicast:
        faults += ("may not be in the multicast range (224.0.0.0/4, ff00::/10)",)
    return faults
