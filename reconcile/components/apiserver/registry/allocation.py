"""
Allocation: the cluster IP and the node ports of a service.

Who holds which address stands in IPAddress objects, one for each, as the API server keeps it since it has more than
one range: an address is taken if its object is there, and the transaction that writes the service writes the object
too. Who holds which node port is asked of the services' index `node-port`.

An address that nobody asked for comes from the upper part of the range first, so that the lower part stays free for
those who ask for a certain one (KEP-3070); a node port likewise.

Source:   the API server's service REST storage and its ipallocator and portallocator.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any, Final

from reconcile.api import core_v1, meta_v1, networking_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver.refusals import Cause, Refusal, wrong
from reconcile.components.apiserver.registry.validation.core.services import checks_health
from reconcile.components.apiserver.state import Ask, drawing
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.store import Compare, Delete, Put

ADDRESSES: Final = "ipaddresses.networking.k8s.io"
_LABELS: Final = Map(
    {"ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
)
_DRAWS: Final = 32
_EXPOSED: Final = ("NodePort", "LoadBalancer")
_NO_BALANCER: Final = core_v1.LoadBalancerStatus()

Operations = tuple[Put | Delete, ...]
Compares = tuple[Compare, ...]


def allocated(
    ask: Ask, service: core_v1.Service, old: core_v1.Service | None
) -> tuple[core_v1.Service, Compares, Operations]:
    """Give *service* with its addresses and node ports, and what must be written beside it."""
    spec = _families(service)
    before = old.spec if old is not None else None
    held = before.cluster_ip if before is not None else None
    compares: Compares = ()
    operations: Operations = ()
    if spec.type == "ExternalName":
        spec = replace(spec, cluster_ip=None, cluster_ips=None, internal_traffic_policy=None)
    elif not spec.cluster_ip or spec.cluster_ip not in ("None", held):
        spec = _with_address(ask, service, spec)
        compares += (Compare(ADDRESSES, spec.cluster_ip or "", 0),)
        operations += (Put(ADDRESSES, spec.cluster_ip or "", _address(ask, service, spec.cluster_ip or "")),)
    if _is_address(held) and held != spec.cluster_ip:
        operations += (Delete(ADDRESSES, held or ""),)
    spec = _with_health_port(ask, service, _with_node_ports(ask, service, spec, before), before)
    return replace(service, spec=spec), compares, operations


def carried(service: core_v1.Service, old: core_v1.Service) -> core_v1.Service:
    """
    Give what an update means: what it leaves out of addresses and ports stays, what only the old type had goes.

    Nothing goes that the update changed as well: that is for validation to refuse.
    """
    spec, before = service.spec, old.spec
    assert spec is not None and before is not None, "defaults give every service a specification"  # noqa: PT018
    spec = _without_old_type(_with_old_ports(spec, before), before)
    spec = _with_old_address(spec, before)
    if checks_health(spec) and checks_health(before) and not spec.health_check_node_port:
        spec = replace(spec, health_check_node_port=before.health_check_node_port)
    elif not checks_health(spec) and spec.health_check_node_port == before.health_check_node_port:
        spec = replace(spec, health_check_node_port=None)
    status = service.status
    if spec.type != "LoadBalancer" and status is not None and status.load_balancer != _NO_BALANCER:
        status = replace(status, load_balancer=_NO_BALANCER)
    return replace(service, spec=spec, status=status)


def released(service: core_v1.Service) -> Operations:
    """Give what must be deleted with *service*."""
    address = service.spec.cluster_ip if service.spec is not None else None
    return (Delete(ADDRESSES, address),) if address and _is_address(address) else ()


def bands(first: int, last: int, lowest: int, largest: int, step: int) -> tuple[int, int]:
    """
    Give the first number of the upper band of *first* to *last*, and the last number.

    The lower band has one number in *step*, at least *lowest* and at most *largest* of them; all of the range is the
    upper band if it is no larger than *lowest*.
    """
    size = last - first + 1
    lower = min(max(lowest, size // step), largest)
    return (first if lower >= size else first + lower), last


def _is_address(text: str | None) -> bool:
    return bool(text) and text != "None"


def _families(service: core_v1.Service) -> core_v1.ServiceSpec:
    """Give the specification with its address families: IPv4, which is all that this cluster has."""
    spec = service.spec
    assert spec is not None, "defaults give every service a specification"
    if spec.type == "ExternalName":
        return spec
    first = spec.cluster_ip or (spec.cluster_ips or ("",))[0] or None
    policy, families = spec.ip_family_policy, spec.ip_families or ("IPv4",)
    if first == "None" and not spec.selector:
        # Whoever fills its endpoints may have addresses of both.
        policy = policy or "RequireDualStack"
        if policy != "SingleStack" and len(families) == 1:
            families += ("IPv6" if families[0] == "IPv4" else "IPv4",)
    else:
        policy = policy or "SingleStack"
        if policy == "RequireDualStack":
            _refuse(
                service, wrong("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")
            )
        for place, family in enumerate(families):
            if family != "IPv4":
                _refuse(service, wrong(f"spec.ipFamilies[{place}]", family, "not configured on this cluster"))
    return replace(
        spec,
        cluster_ip=first,
        cluster_ips=spec.cluster_ips or ((first,) if first else None),
        ip_families=families,
        ip_family_policy=policy,
    )


def _with_old_address(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec) -> core_v1.ServiceSpec:
    if "ExternalName" in (spec.type, before.type):
        return spec
    if spec.ip_family_policy is None:
        spec = replace(spec, ip_family_policy=before.ip_family_policy)
    if not spec.cluster_ip:
        return replace(spec, cluster_ip=before.cluster_ip, cluster_ips=before.cluster_ips)
    same = spec.cluster_ip == before.cluster_ip
    if not spec.cluster_ips:
        return replace(spec, cluster_ips=before.cluster_ips if same else None)
    # Whoever knows only the first address changes that alone.
    return spec if same or spec.cluster_ips != before.cluster_ips else replace(spec, cluster_ips=None)


def _with_old_ports(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec) -> core_v1.ServiceSpec:
    if spec.type not in _EXPOSED or before.type not in _EXPOSED or not spec.ports:
        return spec
    known = {(port.port, port.protocol): port.node_port for port in before.ports or ()}
    ports = [
        port if port.node_port else replace(port, node_port=known.get((port.port, port.protocol)))
        for port in spec.ports
    ]
    if all(new is old for new, old in zip(ports, spec.ports, strict=True)):
        return spec
    return replace(spec, ports=tuple(ports))


def _without_old_type(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec) -> core_v1.ServiceSpec:
    if spec.type == before.type:
        return spec
    gone: list[str] = []
    if spec.type == "ExternalName":
        same = (spec.cluster_ip, spec.cluster_ips) == (before.cluster_ip, before.cluster_ips)
        gone += ["cluster_ip", "cluster_ips"] if same else []
        gone += [name for name in ("ip_families", "ip_family_policy") if getattr(spec, name) == getattr(before, name)]
    if before.type == "LoadBalancer":
        names = ("allocate_load_balancer_node_ports", "load_balancer_class")
        gone += [name for name in names if getattr(spec, name) == getattr(before, name)]
    if before.type in _EXPOSED and spec.type not in _EXPOSED:
        if spec.external_traffic_policy == before.external_traffic_policy and not spec.external_ips:
            gone.append("external_traffic_policy")
        had = {port.node_port for port in before.ports or ()}
        if all(port.node_port in had for port in spec.ports or () if port.node_port):
            ports = tuple([replace(port, node_port=None) for port in spec.ports or ()])
            spec = replace(spec, ports=ports if spec.ports else spec.ports)
    return replace(spec, **dict.fromkeys(gone))


def _with_address(ask: Ask, service: core_v1.Service, spec: core_v1.ServiceSpec) -> core_v1.ServiceSpec:
    taken = ask.store.table(ADDRESSES)
    network = _network(ask.state.service_cidr)
    if spec.cluster_ip:
        address = spec.cluster_ip
        fault = _fault_of(address, network)
        if not fault and address in taken:
            fault = "failed to allocate IP " + address + ": provided IP is already allocated"
        if fault:
            _refuse(service, wrong("spec.clusterIPs", [address], fault))
    else:
        first, last = int(network[1]), int(network[-2])
        found = _free(drawing(ask, "cluster-ip"), first, last, (16, 256, 16), lambda at: str(IPv4Address(at)) in taken)
        if found is None:
            raise Refusal(statuses.internal("failed to allocate a serviceIP: range is full"))
        address = str(IPv4Address(found))
        if service.metadata is None or not service.metadata.name:
            # What is allocated says for whom, and a service without a name is nobody.
            whose = f'IPAddress.networking.k8s.io "{address}" is invalid: spec.parentRef.name: Required value'
            _refuse(service, wrong("spec.clusterIPs", ("",), f"failed to allocate IP: {whose}"))
    return replace(spec, cluster_ip=address, cluster_ips=(address,))


def _fault_of(address: str, network: IPv4Network) -> str:
    try:
        at = IPv4Address(address)
    except AddressValueError:
        return "must be empty, 'None', or a valid IP address" if ":" not in address else "must be an IPv4 address"
    if at not in network or at in (network[0], network[-1]):
        why = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {network}"
        return f"failed to allocate IP {address}: {why}"
    return ""


@lru_cache(maxsize=16)
def _network(text: str) -> IPv4Network:
    return IPv4Network(text)


def _free(
    dice: Dice, first: int, last: int, shape: tuple[int, int, int], is_taken: Callable[[int], bool]
) -> int | None:
    """Draw a free number, of the upper band while there is one; after some draws in vain look through them all."""
    upper, end = bands(first, last, *shape)
    for low, high in ((upper, end), (first, upper - 1)):
        if high < low:
            continue
        for _ in range(_DRAWS):
            drawn, dice = dice.below(high - low + 1)
            if not is_taken(low + drawn):
                return low + drawn
        for at in range(low, high + 1):
            if not is_taken(at):
                return at
    return None


def _address(ask: Ask, service: core_v1.Service, address: str) -> networking_v1.IPAddress:
    metadata = service.metadata
    assert metadata is not None, "a service that is written has metadata"
    uid, _ = drawing(ask, "address").uuid()
    return networking_v1.IPAddress(
        metadata=meta_v1.ObjectMeta(
            name=address, uid=uid, creation_timestamp=Time.at(ask.now), labels=_LABELS, resource_version="0"
        ),
        spec=networking_v1.IPAddressSpec(
            parent_ref=networking_v1.ParentReference(
                group="", resource="services", namespace=metadata.namespace, name=metadata.name or ""
            )
        ),
    )


def _with_node_ports(
    ask: Ask, service: core_v1.Service, spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec | None
) -> core_v1.ServiceSpec:
    if not spec.ports or (before is not None and spec.ports is before.ports and spec.type == before.type):
        return spec
    exposed = spec.type in _EXPOSED
    wanted = exposed and (spec.type == "NodePort" or spec.allocate_load_balancer_node_ports is not False)
    own = {port.node_port for port in (before.ports if before is not None else None) or () if port.node_port}
    given: dict[int, str] = {}
    ports: list[core_v1.ServicePort] = []
    dice = drawing(ask, "node-port")
    for place, port in enumerate(spec.ports):
        at = port.node_port
        if at and exposed:
            fault = _node_port_fault(ask, port, own, given)
            if fault:
                _refuse(service, wrong(f"spec.ports[{place}].nodePort", at, fault))
        elif wanted:
            at, dice = _drawn_port(ask, given, dice)
        if at:
            given[at] = port.protocol or "TCP"
        ports.append(replace(port, node_port=at))
    return replace(spec, ports=tuple(ports))


def _with_health_port(
    ask: Ask, service: core_v1.Service, spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec | None
) -> core_v1.ServiceSpec:
    """Give the port at which each node says whether it has endpoints, where a load balancer has to know."""
    at = spec.health_check_node_port
    if not checks_health(spec) or (at and before is not None and at == before.health_check_node_port):
        return spec
    given = {port.node_port: port.protocol or "TCP" for port in spec.ports or () if port.node_port}
    if not at:
        at, _ = _drawn_port(ask, given, drawing(ask, "health-port"))
    elif fault := _node_port_fault(ask, core_v1.ServicePort(port=at, node_port=at, protocol="TCP"), set(), given):
        _refuse(service, wrong("spec.healthCheckNodePort", at, fault))
    return replace(spec, health_check_node_port=at)


def _node_port_fault(ask: Ask, port: core_v1.ServicePort, own: set[int], given: dict[int, str]) -> str:
    at = port.node_port or 0
    first, last = ask.state.node_ports
    if not first <= at <= last:
        return f"provided port is not in the valid range. The range of valid ports is {first}-{last}"
    taken = at not in own and ask.store.table("services").count("node-port", at) > 0
    return "provided port is already allocated" if taken or given.get(at) == port.protocol else ""


def _drawn_port(ask: Ask, given: dict[int, str], dice: Dice) -> tuple[int, Dice]:
    services = ask.store.table("services")
    first, last = ask.state.node_ports
    found = _free(dice, first, last, (16, 128, 32), lambda at: at in given or services.count("node-port", at) > 0)
    if found is None:
        raise Refusal(statuses.internal("failed to allocate a nodePort: range is full"))
    return found, dice.named(str(found))


def _refuse(service: Any, cause: Cause) -> None:
    raise Refusal(statuses.invalid("", "Service", service.metadata.name or "", (cause,)))
