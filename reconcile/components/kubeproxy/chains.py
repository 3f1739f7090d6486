"""
The chains that services and endpoints mean: what kube-proxy installs on its node.

A `RuleSet` holds services and endpoints; their chains and rules are made when they are asked for, each service's by
itself. So a change costs what it changes, on a thousand nodes too.

Source:   pkg/proxy/iptables: names, order and text of chains and rules.
Left out: see docs/limits.md, "Services and kube-proxy".
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Hashable, Iterable, Iterator
from hashlib import sha256
from typing import Final, TypeAlias

import attrs

from reconcile.components.kubeproxy.addresses import inside
from reconcile.components.kubeproxy.ports import Backed, Choice, Endpoint, ServicePort, chosen, endpoints_of, ports_of
from reconcile.components.kubeproxy.rules import (
    CERTAIN,
    Chance,
    Dnat,
    Jump,
    Local,
    Marked,
    Port,
    Remember,
    Rule,
    Seen,
    Tables,
    Target,
    Tracked,
)
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Index, Table


def _addresses(backed: Backed) -> tuple[Hashable, ...]:
    service = backed.service
    if service is None or service.spec is None:
        return ()
    spec = service.spec
    balancer = service.status.load_balancer if service.status else None
    ingress = (balancer.ingress if balancer else None) or ()
    if not spec.external_ips and not ingress:
        return (spec.cluster_ip,)
    found = [spec.cluster_ip, *(spec.external_ips or ()), *[entry.ip for entry in ingress if entry.ip]]
    return tuple(dict.fromkeys(found))


def _node_ports(backed: Backed) -> tuple[Hashable, ...]:
    spec = backed.service.spec if backed.service else None
    if spec is None or spec.type not in ("NodePort", "LoadBalancer"):
        return ()
    numbers = [*[port.node_port for port in spec.ports or ()], spec.health_check_node_port]
    return tuple(dict.fromkeys([number for number in numbers if number]))


INDEXES: Final[tuple[Index[Backed], ...]] = (Index("address", _addresses), Index("node port", _node_ports))


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RuleSet:
    """
    Everything that a node's packet filter is told.

    Args:
        node: whose it is.
        addresses: the node's own.
        local_cidr: where the packets of the node's (or the cluster's) own pods come from; empty if that is not known.
        services: the services, by key.
        zone: the node's; empty if it is not known.
    """

    node: str
    addresses: tuple[str, ...] = ()
    local_cidr: str = ""
    services: Table[str, Backed] = attrs.field(factory=lambda: Table(INDEXES))
    zone: str = ""


def tables_of(rules: RuleSet, keys: Iterable[str] | None = None) -> Tables:
    """Give the chains and rules that *rules* means; with *keys*, those of these services only."""
    tables: dict[str, dict[str, list[Rule]]] = {
        "filter": {name: list(fixed) for name, fixed in _FILTER.items()},
        "nat": {name: list(fixed) for name, fixed in _NAT.items()},
    }
    for key in rules.services.keys() if keys is None else keys:
        backed = rules.services[key]
        for port in ports_of(backed.service) if backed.service else ():
            choice = chosen(port, endpoints_of(port, backed.slices, rules.node), rules.node, rules.zone)
            for table, chain, rule in _rules(port, choice, rules):
                tables[table].setdefault(chain, []).append(rule)
    tables["nat"]["KUBE-SERVICES"].append(_TO_NODE_PORTS)
    return Tables(*[Map({name: tuple(chain) for name, chain in tables[table].items()}) for table in ("filter", "nat")])


def chain_name(kind: str, port: ServicePort, endpoint: str = "") -> str:
    """Name a chain of a service port (SVC, SVL, EXT, FW) or of one of its endpoints (SEP)."""
    hashed = sha256(f"{port.name}{port.protocol}{endpoint}".encode()).digest()
    return f"KUBE-{kind}-{b32encode(hashed)[:16].decode()}"


# What a service port adds

Placed: TypeAlias = tuple[str, str, Rule]
"""A rule, after its table and chain."""


def _rules(port: ServicePort, choice: Choice, rules: RuleSet) -> Iterator[Placed]:
    """Give a service port's rules, each chain's in order."""
    internal = "SVL" if port.internal_local else "SVC"
    external = "SVL" if port.external_local else "SVC"
    internal_reached = bool(choice.local) if port.internal_local else choice.any
    external_reached = bool(choice.local) if port.external_local else choice.any
    if internal_reached:
        to_chain = Jump(chain_name(internal, port))
        yield "nat", "KUBE-SERVICES", _to(port, port.cluster_ip, "cluster IP", to_chain)
    else:
        yield "filter", "KUBE-SERVICES", _refusal(port, port.cluster_ip, choice)
    if port.external:
        if choice.any:
            yield from _entrances(port)
            yield from _firewall(port, rules.addresses)
            yield from _external(port, external, rules.local_cidr, reached=external_reached)
        if not external_reached:
            yield from _external_refusals(port, choice)
    if port.health_port:
        comment = f"{port.name} health check node port"
        yield (
            "filter",
            "KUBE-NODEPORTS",
            Rule(protocol="tcp", comment=comment, matches=(Port(port.health_port),), target="ACCEPT"),
        )
    if internal_reached and rules.local_cidr:
        from_elsewhere = _to(port, port.cluster_ip, "cluster IP", Jump("KUBE-MARK-MASQ"))
        yield "nat", chain_name(internal, port), attrs.evolve(from_elsewhere, source=rules.local_cidr, elsewhere=True)
    for kind, endpoints in (("SVC", choice.cluster), ("SVL", choice.local)):
        yield from _balanced(port, chain_name(kind, port), endpoints)
    for endpoint in dict.fromkeys([*choice.cluster, *choice.local]):
        yield from _endpoint(port, endpoint)


def _entrances(port: ServicePort) -> Iterator[Placed]:
    """Catch what goes to another address than the cluster IP."""
    to_external = Jump(chain_name("EXT", port))
    for ip in port.external_ips:
        yield "nat", "KUBE-SERVICES", _to(port, ip, "external IP", to_external)
    to_balancer = Jump(chain_name("FW", port)) if port.balancer_ranges else to_external
    for ip in port.balancer_ips:
        yield "nat", "KUBE-SERVICES", _to(port, ip, "loadbalancer IP", to_balancer)
    if port.node_port:
        matches = (Port(port.node_port),)
        rule = Rule(protocol=port.protocol, comment=port.name, matches=matches, target=to_external)
        yield "nat", "KUBE-NODEPORTS", rule


def _firewall(port: ServicePort, addresses: tuple[str, ...]) -> Iterator[Placed]:
    """Open the load balancer's addresses to those only who may use them."""
    if not port.balancer_ips or not port.balancer_ranges:
        return
    chain, to_external = chain_name("FW", port), Jump(chain_name("EXT", port))
    comment = f"{port.name} loadbalancer IP"
    for allowed in port.balancer_ranges:
        yield "nat", chain, Rule(source=allowed, comment=comment, target=to_external)
    if any(inside(address, allowed) for address in addresses for allowed in port.balancer_ranges):
        # What this node sends to a load balancer's address may come back with that address as its source.
        for ip in port.balancer_ips:
            yield "nat", chain, Rule(source=ip, comment=comment, target=to_external)
    yield "nat", chain, Rule(comment=f"other traffic to {port.name} will be dropped by KUBE-PROXY-FIREWALL")
    for ip in port.balancer_ips:
        yield "filter", "KUBE-PROXY-FIREWALL", _to(port, ip, f"traffic not accepted by {chain}", "DROP")


def _external(port: ServicePort, kind: str, local_cidr: str, *, reached: bool) -> Iterator[Placed]:
    """Bring traffic from outside to the endpoints, and let the answers find their way back through this node."""
    chain, to_cluster = chain_name("EXT", port), Jump(chain_name("SVC", port))
    to_mark, outside = Jump("KUBE-MARK-MASQ"), f"{port.name} external destinations"
    if not port.external_local:
        yield "nat", chain, Rule(comment=f"masquerade traffic for {outside}", target=to_mark)
    else:
        # What comes from the cluster itself may go anywhere, and keeps its source if a pod sent it.
        if local_cidr:
            yield "nat", chain, Rule(source=local_cidr, comment=f"pod traffic for {outside}", target=to_cluster)
        local = (Local("src"),)
        yield "nat", chain, Rule(comment=f"masquerade LOCAL traffic for {outside}", matches=local, target=to_mark)
        yield "nat", chain, Rule(comment=f"route LOCAL traffic for {outside}", matches=local, target=to_cluster)
    if reached:
        yield "nat", chain, Rule(target=Jump(chain_name(kind, port)))


def _external_refusals(port: ServicePort, choice: Choice) -> Iterator[Placed]:
    for ip in (*port.external_ips, *port.balancer_ips):
        yield "filter", "KUBE-EXTERNAL-SERVICES", _refusal(port, ip, choice)
    if port.node_port:
        rule = _refusal(port, "", choice)
        matches = (Local("dst"), Port(port.node_port))
        yield "filter", "KUBE-EXTERNAL-SERVICES", attrs.evolve(rule, matches=matches)


def _refusal(port: ServicePort, ip: str, choice: Choice) -> Rule:
    # Another node may have an endpoint: then silence, so that a client tries again.
    return (
        _to(port, ip, "has no local endpoints", "DROP") if choice.any else _to(port, ip, "has no endpoints", "REJECT")
    )


def _to(port: ServicePort, ip: str, what: str, target: Target) -> Rule:
    comment = f"{port.name} {what}"
    return Rule(destination=ip, protocol=port.protocol, comment=comment, matches=(Port(port.port),), target=target)


def _balanced(port: ServicePort, chain: str, endpoints: tuple[Endpoint, ...]) -> Iterator[Placed]:
    """Choose one of the endpoints: the n-th of those that are left with probability 1/left, so that all are alike."""
    names = [(chain_name("SEP", port, endpoint.text), f"{port.name} -> {endpoint.text}") for endpoint in endpoints]
    if port.affinity:
        for name, comment in names:
            yield "nat", chain, Rule(comment=comment, matches=(Seen(name, port.affinity),), target=Jump(name))
    for place, (name, comment) in enumerate(names):
        left = len(names) - place
        matches = (Chance(probability(left)),) if left > 1 else ()
        yield "nat", chain, Rule(comment=comment, matches=matches, target=Jump(name))


def probability(count: int) -> int:
    """Give 1 / *count* in parts of `CERTAIN`: first in ten digits, as upstream writes it, then as the kernel has it."""
    digits = (10**10 + count // 2) // count
    return (digits * CERTAIN + 5 * 10**9) // 10**10


def _endpoint(port: ServicePort, endpoint: Endpoint) -> Iterator[Placed]:
    name = chain_name("SEP", port, endpoint.text)
    # A pod that reaches itself through its service must see the answer come from the service.
    yield "nat", name, Rule(source=endpoint.ip, comment=port.name, target=Jump("KUBE-MARK-MASQ"))
    remember = (Remember(name),) if port.affinity else ()
    rule = Rule(
        protocol=port.protocol, comment=port.name, matches=(*remember, Port()), target=Dnat(endpoint.ip, endpoint.port)
    )
    yield "nat", name, rule


# What is always there


def _jump(chain: str, comment: str = "", states: tuple[str, ...] = ()) -> Rule:
    return Rule(comment=comment, matches=(Tracked(states),) if states else (), target=Jump(chain))


_NEW: Final = ("NEW",)
_PORTALS: Final = _jump("KUBE-SERVICES", "kubernetes service portals", _NEW)
_EXTERNAL: Final = _jump("KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", _NEW)
_BALANCER: Final = _jump("KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", _NEW)

_FILTER: Final[dict[str, tuple[Rule, ...]]] = {
    "INPUT": (
        _BALANCER,
        _jump("KUBE-NODEPORTS", "kubernetes health check service ports"),
        _EXTERNAL,
        _jump("KUBE-FIREWALL"),
    ),
    "FORWARD": (_BALANCER, _jump("KUBE-FORWARD", "kubernetes forwarding rules"), _PORTALS, _EXTERNAL),
    "OUTPUT": (_BALANCER, _PORTALS, _jump("KUBE-FIREWALL")),
    "KUBE-EXTERNAL-SERVICES": (),
    "KUBE-FIREWALL": (
        Rule(
            source="127.0.0.0/8",
            elsewhere=True,
            destination="127.0.0.0/8",
            comment="block incoming localnet connections",
            matches=(Tracked(("RELATED", "ESTABLISHED", "DNAT"), negated=True),),
            target="DROP",
        ),
    ),
    "KUBE-FORWARD": (
        Rule(matches=(Tracked(("INVALID",)),), target="DROP"),
        Rule(comment="kubernetes forwarding rules", matches=(Marked(),), target="ACCEPT"),
        Rule(
            comment="kubernetes forwarding conntrack rule",
            matches=(Tracked(("RELATED", "ESTABLISHED")),),
            target="ACCEPT",
        ),
    ),
    "KUBE-NODEPORTS": (),
    "KUBE-PROXY-FIREWALL": (),
    "KUBE-SERVICES": (),
}

_NAT: Final[dict[str, tuple[Rule, ...]]] = {
    "PREROUTING": (_jump("KUBE-SERVICES", "kubernetes service portals"),),
    "INPUT": (),
    "OUTPUT": (_jump("KUBE-SERVICES", "kubernetes service portals"),),
    "POSTROUTING": (_jump("KUBE-POSTROUTING", "kubernetes postrouting rules"),),
    "KUBE-MARK-MASQ": (Rule(target="MARK"),),
    "KUBE-NODEPORTS": (),
    "KUBE-POSTROUTING": (
        Rule(matches=(Marked(negated=True),), target="RETURN"),
        Rule(target="UNMARK"),
        Rule(comment="kubernetes service traffic requiring SNAT", target="MASQUERADE"),
    ),
    "KUBE-SERVICES": (),
}

_TO_NODE_PORTS: Final = Rule(
    comment="kubernetes service nodeports; NOTE: this must be the last rule in this chain",
    matches=(Local("dst"),),
    target=Jump("KUBE-NODEPORTS"),
)
