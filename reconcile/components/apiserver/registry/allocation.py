"""
Allocation: the addresses and the node ports of a service.

Addresses are `addresses`' business. Who holds which node port is asked of the services' index `node-port`: a request
is planned and stored in one step, so no two servers can give one port at once. A node port that nobody asked for comes
from the upper part of the range first, as an address does.

Source:   the API server's service REST storage and its portallocator.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, Refusal, wrong
from reconcile.components.apiserver.registry.addresses import Compares, Operations, free, with_addresses
from reconcile.components.apiserver.registry.addresses import released as released_addresses
from reconcile.components.apiserver.registry.validation.core.services import checks_health
from reconcile.components.apiserver.state import Ask, drawing
from reconcile.lib.dice import Dice
from reconcile.lib.replacing import replace
from reconcile.model import statuses

_NO_PORT: Final = 32768
_EXPOSED: Final = ("NodePort", "LoadBalancer")
_NO_BALANCER: Final = core_v1.LoadBalancerStatus()


def allocated(
    ask: Ask, service: core_v1.Service, old: core_v1.Service | None
) -> tuple[core_v1.Service, Compares, Operations]:
    """Give *service* with its addresses and node ports, and what must be written beside it."""
    before = old.spec if old is not None else None
    spec, compares, operations = with_addresses(ask, service, before)
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
    return released_addresses(service.spec)


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
    if not ask.request.dry_run and not first <= at <= last:
        return f"provided port is not in the valid range. The range of valid ports is {first}-{last}"
    taken = at not in own and ask.store.table("services").count("node-port", at) > 0
    return "provided port is already allocated" if taken or given.get(at) == port.protocol else ""


def _drawn_port(ask: Ask, given: dict[int, str], dice: Dice) -> tuple[int, Dice]:
    if ask.request.dry_run:
        # What is not kept need not be free.
        return max(given, default=_NO_PORT) + 1, dice
    services = ask.store.table("services")
    first, last = ask.state.node_ports
    found = free(dice, first, last, (16, 128, 32), lambda at: at in given or services.count("node-port", at) > 0)
    if found is None:
        raise Refusal(statuses.internal("failed to allocate a nodePort: range is full"))
    return found, dice.named(str(found))


def _refuse(service: Any, cause: Cause) -> None:
    raise Refusal(statuses.invalid("", "Service", service.metadata.name or "", (cause,)))
