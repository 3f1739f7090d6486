"""Validation of services."""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.metadata import labels_causes
from reconcile.components.apiserver.registry.validation.values import (
    IMMUTABLE,
    PROTOCOLS,
    address_causes,
    among,
    backend_faults,
    cidr_causes,
    is_dual,
    label,
    named,
    one_of,
    port_causes,
    port_or_name_causes,
    qualified,
    subdomain,
)
from reconcile.lib.mapping import Map
from reconcile.model.text import names

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES: Final = ("Cluster", "Local")
_FAMILIES: Final = ("IPv4", "IPv6")
_FAMILY_POLICIES: Final = ("PreferDualStack", "RequireDualStack", "SingleStack")
_DISTRIBUTIONS: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")
_LONGEST_STICK: Final = 86400
_HINTS: Final = "service.kubernetes.io/topology-aware-hints"
_MODE: Final = "service.kubernetes.io/topology-mode"
_RANGES: Final = "service.beta.kubernetes.io/load-balancer-source-ranges"
_BALANCED_ONLY: Final = "may only be used when `type` is 'LoadBalancer'"


def service_causes(obj: core_v1.Service, old: core_v1.Service | None = None) -> Causes:
    """Say what is wrong with a service; what was in the *old* one is well."""
    spec = obj.spec
    assert spec is not None, "defaults give every service a specification"
    before = (old.spec if old is not None else None) or core_v1.ServiceSpec()
    annotations = (obj.metadata.annotations if obj.metadata is not None else None) or Map[str]()
    found: list[Cause] = []
    hints, mode = annotations.get(_HINTS), annotations.get(_MODE)
    if hints is not None and mode is not None and hints != mode:
        why = f"must match annotations[{_HINTS}] when both are specified"
        found.append(wrong(f"metadata.annotations[{_MODE}]", mode, why))
    if not spec.ports and not is_headless(spec) and spec.type != "ExternalName":
        found.append(required("spec.ports"))
    found += _type_causes(spec)
    found += _ports_causes(spec)
    if spec.selector and not names.labels_are_well(spec.selector):
        found += labels_causes("spec.selector", spec.selector)
    found += _affinity_causes(spec)
    if spec.type != "ExternalName":
        found += _addresses_causes(spec, before)
    for place, address in enumerate(spec.external_ips or ()):
        at = f"spec.externalIPs[{place}]"
        found += address_causes(at, address, before.external_ips or ()) or named(at, address, backend_faults(address))
    found += one_of("spec.type", spec.type, _TYPES)
    found += _repeated_causes(spec)
    found += _ranges_causes(spec, before, annotations, old)
    found += _balancer_causes(spec)
    found += _policies_causes(spec)
    return tuple(found)


def is_headless(spec: core_v1.ServiceSpec) -> bool:
    """Tell whether a service has no address of its own."""
    return addresses_of(spec) == ("None",)


def addresses_of(spec: core_v1.ServiceSpec) -> tuple[str, ...]:
    """Give a service's addresses, of which the first may be said alone."""
    return spec.cluster_ips or ((spec.cluster_ip,) if spec.cluster_ip else ())


def checks_health(spec: core_v1.ServiceSpec) -> bool:
    """Tell whether a load balancer has to know which nodes have endpoints."""
    return spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local"


def _is_reached(spec: core_v1.ServiceSpec) -> bool:
    """Tell whether a service can be reached from outside."""
    return spec.type in ("LoadBalancer", "NodePort") or (spec.type == "ClusterIP" and bool(spec.external_ips))


def _type_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    if spec.type in ("LoadBalancer", "NodePort") and is_headless(spec):
        why = f"may not be set to 'None' for {spec.type} services"
        return [wrong("spec.clusterIPs[0]", "None", why)]
    if spec.type != "ExternalName":
        return []
    why = "may not be set for ExternalName services"
    parts = (
        ("clusterIPs", addresses_of(spec)),
        ("ipFamilies", spec.ip_families),
        ("ipFamilyPolicy", spec.ip_family_policy is not None),
    )
    found = [forbidden(f"spec.{name}", why) for name, said in parts if said]
    name = (spec.external_name or "").removesuffix(".")
    return found + (subdomain("spec.externalName", name) if name else [required("spec.externalName")])


def _ports_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    ports = spec.ports or ()
    for place, port in enumerate(ports):
        at, name = f"spec.ports[{place}]", port.name or ""
        if name:
            found += label(f"{at}.name", name)
            if name in seen:
                found.append(duplicate(f"{at}.name", name))
            seen.add(name)
        elif len(ports) > 1:
            found.append(required(f"{at}.name"))
        found += port_causes(f"{at}.port", port.port)
        found += one_of(f"{at}.protocol", port.protocol, PROTOCOLS)
        found += port_or_name_causes(f"{at}.targetPort", port.target_port)
        if port.app_protocol is not None:
            found += qualified(f"{at}.appProtocol", port.app_protocol)
    return found


def _repeated_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    """Say which ports there are twice, and which are of nodes though nobody comes through nodes."""
    ports = spec.ports or ()
    found = [
        forbidden(f"spec.ports[{place}].nodePort", "may not be used when `type` is 'ClusterIP'")
        for place, port in enumerate(ports)
        if spec.type == "ClusterIP" and port.node_port
    ]
    of_nodes: set[tuple[str | None, int]] = set()
    for place, port in enumerate(ports):
        if port.node_port:
            if (port.protocol, port.node_port) in of_nodes:
                found.append(duplicate(f"spec.ports[{place}].nodePort", port.node_port))
            of_nodes.add((port.protocol, port.node_port))
    known: set[tuple[str | None, int]] = set()
    for place, port in enumerate(ports):
        if (port.protocol, port.port) in known:
            shown = core_v1.ServicePort(port=port.port, protocol=port.protocol)
            found.append(duplicate(f"spec.ports[{place}]", shown))
        known.add((port.protocol, port.port))
    return found


def _affinity_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    found = [*one_of("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None"))]
    sticky, at = spec.session_affinity_config, "spec.sessionAffinityConfig"
    if spec.session_affinity == "None" and sticky is not None:
        found.append(forbidden(at, "must not be set when session affinity is None"))
    if spec.session_affinity != "ClientIP":
        return found
    why = "when session affinity type is ClientIP"
    if sticky is None:
        return [*found, required(at, why)]
    if sticky.client_ip is None:
        return [*found, required(f"{at}.clientIP", why)]
    seconds, at = sticky.client_ip.timeout_seconds, f"{at}.clientIP.timeoutSeconds"
    if seconds is None:
        return [*found, required(at, why)]
    if not 0 < seconds <= _LONGEST_STICK:
        found.append(wrong(at, seconds, f"must be greater than 0 and less than {_LONGEST_STICK}"))
    return found


def service_addresses_causes(obj: core_v1.Service, old: core_v1.Service | None = None) -> Causes:
    """Say what is wrong with the addresses that a service asks for, and their families."""
    spec = obj.spec
    if spec is None or spec.type == "ExternalName":
        return ()
    return tuple(_addresses_causes(spec, (old.spec if old is not None else None) or core_v1.ServiceSpec()))


def _addresses_causes(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec) -> list[Cause]:
    addresses, families, at = spec.cluster_ips or (), spec.ip_families or (), "spec.clusterIPs"
    found: list[Cause] = []
    if spec.cluster_ip:
        # Allocation gives the list where only the first of it is said.
        if addresses and addresses[0] != spec.cluster_ip:
            found.append(wrong(at, addresses, "first value must match `clusterIP`"))
    elif addresses:
        found.append(wrong(at, addresses, "must be empty when `clusterIP` is not specified"))
    for place, family in enumerate(families):
        found += among(f"spec.ipFamilies[{place}]", family, _FAMILIES)
        if family in families[:place]:
            found.append(duplicate(f"spec.ipFamilies[{place}]", family))
    if spec.ip_family_policy is not None:
        found += among("spec.ipFamilyPolicy", spec.ip_family_policy, _FAMILY_POLICIES)
    faults = _each_address_causes(spec, before)
    found += faults
    if len(addresses) > 2:  # noqa: PLR2004 -- one of each family
        found.append(wrong(at, addresses, "may only hold up to 2 values"))
    if faults:
        return found
    if len(addresses) > 1 and not is_dual(addresses):
        found.append(wrong(at, addresses, "may specify no more than one IP for each IP family"))
    if not is_headless(spec):
        for place, (address, family) in enumerate(zip(addresses, families, strict=False)):
            if family in _FAMILIES and (":" in address) is not (family == "IPv6"):
                which = "an IPv4" if family == "IPv4" else "an IPv6"
                why = f"expected {which} value as indicated by `ipFamilies[{place}]`"
                found.append(wrong(f"{at}[{place}]", address, why))
    return found


def _each_address_causes(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec) -> list[Cause]:
    addresses = addresses_of(spec)
    found: list[Cause] = []
    for place, address in enumerate(addresses):
        if not place and address == "None":
            if len(addresses) > 1:
                found.append(wrong("spec.clusterIPs", addresses, "'None' must be the first and only value"))
            continue
        found += address_causes(f"spec.clusterIPs[{place}]", address, before.cluster_ips or ())
    return found


def _ranges_causes(
    spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec, annotations: Map[str], old: core_v1.Service | None
) -> list[Cause]:
    ranges, at = spec.load_balancer_source_ranges or (), "spec.LoadBalancerSourceRanges"
    found: list[Cause] = []
    if ranges:
        if spec.type != "LoadBalancer":
            found.append(forbidden(at, _BALANCED_ONLY))
        known = tuple([text.strip() for text in before.load_balancer_source_ranges or ()])
        for place, text in enumerate(ranges):
            found += cidr_causes(f"{at}[{place}]", text.strip(), known)
    elif _RANGES in annotations:
        at, said = f"metadata.annotations[{_RANGES}]", annotations[_RANGES]
        if spec.type != "LoadBalancer":
            found.append(forbidden(at, _BALANCED_ONLY))
        had = old.metadata.annotations if old is not None and old.metadata is not None else None
        if said.strip() and (had is None or had.get(_RANGES) != said):
            for text in said.strip().split(","):
                found += cidr_causes(at, text.strip())
    return found


def _balancer_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    found: list[Cause] = []
    balanced = spec.type == "LoadBalancer"
    if spec.allocate_load_balancer_node_ports is not None and not balanced:
        found.append(forbidden("spec.allocateLoadBalancerNodePorts", _BALANCED_ONLY))
    if balanced and spec.allocate_load_balancer_node_ports is None:
        found.append(required("allocateLoadBalancerNodePorts"))
    return found + _class_causes(spec)


def _class_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    if spec.load_balancer_class is None:
        return []
    if spec.type != "LoadBalancer":
        return [forbidden("spec.loadBalancerClass", _BALANCED_ONLY)]
    return qualified("spec.loadBalancerClass", spec.load_balancer_class)


def _policies_causes(spec: core_v1.ServiceSpec) -> list[Cause]:
    found: list[Cause] = []
    outer, at = spec.external_traffic_policy, "spec.externalTrafficPolicy"
    if _is_reached(spec):
        found += one_of(at, outer, _POLICIES)
    elif outer:
        found.append(wrong(at, outer, "may only be set for externally-accessible services"))
    if spec.health_check_node_port:
        if checks_health(spec):
            found += port_causes("spec.healthCheckNodePort", spec.health_check_node_port)
        else:
            why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            found.append(wrong("spec.healthCheckNodePort", spec.health_check_node_port, why))
    inner, at = spec.internal_traffic_policy, "spec.internalTrafficPolicy"
    if inner is None:
        if spec.type in ("NodePort", "LoadBalancer", "ClusterIP"):
            found.append(required(at))
    else:
        found += among(at, inner, _POLICIES)
    spread = spec.traffic_distribution
    if spread is not None and spread not in _DISTRIBUTIONS:
        found.append(not_supported("spec.trafficDistribution", spread, _DISTRIBUTIONS))
    return found


def service_change_causes(new: core_v1.Service, old: core_v1.Service) -> Causes:
    """Say what of a service may only change with its type."""
    spec, before = new.spec, old.spec
    assert spec is not None and before is not None, "a stored service has one"  # noqa: PT018
    found: list[Cause] = []
    if "ExternalName" not in (spec.type, before.type):
        if not (is_headless(spec) and is_headless(before)):
            found += _released_causes(spec, before)
        if is_headless(spec) == is_headless(before) and not is_headless(spec):
            found += _families_causes(spec, before)
    if spec.type == before.type == "LoadBalancer" and spec.load_balancer_class != before.load_balancer_class:
        found.append(wrong("spec.loadBalancerClass", spec.load_balancer_class, "may not change once set"))
    found += _class_causes(spec)
    if checks_health(spec) and checks_health(before) and spec.health_check_node_port != before.health_check_node_port:
        found.append(forbidden("spec.healthCheckNodePort", IMMUTABLE))
    return tuple(found)


def _released_causes(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec) -> list[Cause]:
    new, old, at = addresses_of(spec), addresses_of(before), "spec.clusterIPs"
    once = "may not change once set"
    if len(new) == len(old):
        changed = [place for place, (was, said) in enumerate(zip(old, new, strict=True)) if was != said]
        return [wrong(f"{at}[{place}]", new, once) for place in changed]
    found: list[Cause] = []
    if len(old) > len(new) and not new:
        found.append(wrong(f"{at}[0]", new, "primary clusterIP can not be unset"))
    if old and new and new[0] != old[0]:
        found.append(wrong(f"{at}[0]", new, once))
    if len(old) > len(new) == 1 and spec.ip_family_policy != "SingleStack":
        why = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        found.append(wrong("spec.ipFamilyPolicy", spec.ip_family_policy, why))
    return found


def _families_causes(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec) -> list[Cause]:
    new, old, at = spec.ip_families or (), before.ip_families or (), "spec.ipFamilies[0]"
    once = "may not change once set"
    if len(new) == len(old):
        return [wrong(at, new, once) for pair in zip(old, new, strict=True) if len({*pair}) > 1]
    found: list[Cause] = []
    if len(old) > len(new) and not addresses_of(spec):
        found.append(wrong(at, new, "primary ipFamily can not be unset"))
    if old and new and new[0] != old[0]:
        found.append(wrong(at, addresses_of(spec), once))
    if len(old) > len(new) == 1 and spec.ip_family_policy != "SingleStack":
        why = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        found.append(wrong("spec.ipFamilyPolicy", spec.ip_family_policy, why))
    return found
