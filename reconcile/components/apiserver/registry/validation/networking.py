"""Validation of networking: network policies, IP addresses, service CIDRs."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import networking_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.addresses import network, network_causes
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE, selector_causes
from reconcile.components.apiserver.registry.validation.parts import (
    chosen,
    faulty,
    given,
    named,
    port_faults,
    unchanged,
)
from reconcile.model.text import names

_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_TYPES: Final = ("Ingress", "Egress")
_MOST_NETWORKS: Final = 2
_ONE_FAMILY: Final = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


def policy_causes(obj: networking_v1.NetworkPolicy, tolerated: frozenset[str] = frozenset()) -> Causes:
    """Say what is wrong with a network policy; networks that are *tolerated* are not looked at."""
    spec = given(obj.spec, networking_v1.NetworkPolicySpec)
    found = [*selector_causes("spec.podSelector", spec.pod_selector)]
    for place, rule in enumerate(spec.ingress or ()):
        found += _rule_causes(f"spec.ingress[{place}]", rule.ports, "from", rule.from_, tolerated)
    for place, way in enumerate(spec.egress or ()):
        found += _rule_causes(f"spec.egress[{place}]", way.ports, "to", way.to, tolerated)
    types = spec.policy_types or ()
    if len(types) > len(_TYPES):
        return (*found, wrong("spec.policyTypes", types, "may not specify more than two policyTypes"))
    for place, kind in enumerate(types):
        found += chosen(f"spec.policyTypes[{place}]", kind, _TYPES)
    return tuple(found)


def policy_update_causes(new: networking_v1.NetworkPolicy, old: networking_v1.NetworkPolicy) -> Causes:
    """Say what is wrong with an update of a network policy; the networks that it has may stay as they are."""
    spec = given(old.spec, networking_v1.NetworkPolicySpec)
    peers = [peer for rule in spec.ingress or () for peer in rule.from_ or ()]
    peers += [peer for way in spec.egress or () for peer in way.to or ()]
    blocks = [peer.ip_block for peer in peers if peer.ip_block is not None]
    had = [text for block in blocks for text in (block.cidr, *(block.except_ or ()))]
    return policy_causes(new, frozenset(had))


def _rule_causes(field: str, ports: Any, name: str, peers: Any, tolerated: frozenset[str]) -> list[Cause]:
    found: list[Cause] = []
    for place, port in enumerate(ports or ()):
        found += _port_causes(f"{field}.ports[{place}]", port)
    for place, peer in enumerate(peers or ()):
        found += _peer_causes(f"{field}.{name}[{place}]", peer, tolerated)
    return found


def _port_causes(field: str, port: networking_v1.NetworkPolicyPort) -> list[Cause]:
    found = [] if port.protocol is None else chosen(f"{field}.protocol", port.protocol, _PROTOCOLS)
    first, last, at = port.port, port.end_port, f"{field}.endPort"
    if first is None:
        if last is not None:
            found.append(wrong(at, last, "may not be specified when `port` is not specified"))
        return found
    if isinstance(first, int):
        found += faulty(f"{field}.port", first, port_faults(first))
        if last is not None and last < first:
            found.append(wrong(at, first, "must be greater than or equal to `port`"))
        return found if last is None else found + faulty(at, last, port_faults(last))
    if last is not None:
        found.append(wrong(at, last, "may not be specified when `port` is non-numeric"))
    return found + faulty(f"{field}.port", first, names.port_name_faults(first))


def _peer_causes(field: str, peer: networking_v1.NetworkPolicyPeer, tolerated: frozenset[str]) -> list[Cause]:
    found = [*selector_causes(f"{field}.podSelector", peer.pod_selector)]
    found += selector_causes(f"{field}.namespaceSelector", peer.namespace_selector)
    others = peer.pod_selector is not None or peer.namespace_selector is not None
    if peer.ip_block is not None:
        found += _block_causes(f"{field}.ipBlock", peer.ip_block, tolerated)
        if others:
            found.append(forbidden(field, "may not specify both ipBlock and another peer"))
    elif not others:
        found.append(required(field, "must specify a peer"))
    return found


def _block_causes(field: str, block: networking_v1.IPBlock, tolerated: frozenset[str]) -> list[Cause]:
    if not block.cidr:
        return [required(f"{field}.cidr")]
    found = [] if block.cidr in tolerated else network_causes(f"{field}.cidr", block.cidr)
    whole = network(block.cidr)
    if whole is None:
        return found
    for place, text in enumerate(block.except_ or ()):
        at = f"{field}.except[{place}]"
        found += [] if text in tolerated else network_causes(at, text)
        part = network(text)
        if part is None:
            continue
        within = part.version == whole.version and part.network_address in whole
        if not within or whole.prefixlen >= part.prefixlen:
            found.append(wrong(at, text, "must be a strict subset of `cidr`"))
    return found


def address_causes(obj: networking_v1.IPAddress) -> Causes:
    """Say what is wrong with an IPAddress beside its name."""
    parent: networking_v1.ParentReference | None = obj.spec.parent_ref
    if parent is None:
        return (required("spec.parentRef"),)
    at = "spec.parentRef"
    found = faulty(f"{at}.group", parent.group, names.subdomain_faults(parent.group)) if parent.group else []
    found += named(f"{at}.resource", parent.resource, names.path_segment_faults)
    found += named(f"{at}.name", parent.name, names.path_segment_faults)
    if parent.namespace:
        found += faulty(f"{at}.namespace", parent.namespace, names.path_segment_faults(parent.namespace))
    return tuple(found)


def address_update_causes(new: networking_v1.IPAddress, old: networking_v1.IPAddress) -> Causes:
    """Say what is wrong with an update of an IPAddress: it belongs to one object for good."""
    return tuple(unchanged("spec.parentRef", new.spec.parent_ref, old.spec.parent_ref))


def cidr_causes(obj: networking_v1.ServiceCIDR) -> Causes:
    """Say what is wrong with a ServiceCIDR."""
    spec = given(obj.spec, networking_v1.ServiceCIDRSpec)
    at, cidrs = "spec.cidrs", spec.cidrs or ()
    if not cidrs:
        return (required(at, "at least one CIDR required"),)
    if len(cidrs) > _MOST_NETWORKS:
        return (wrong(at, spec, f"may only hold up to {_MOST_NETWORKS} values"),)
    found: list[Cause] = []
    for place, text in enumerate(cidrs):
        found += network_causes(f"{at}[{place}]", text, canonical=True)
    families = [one.version for one in map(network, cidrs) if one is not None]
    if len(families) == _MOST_NETWORKS and families[0] == families[1]:
        found.append(wrong(at, cidrs, _ONE_FAMILY))
    return tuple(found)


def cidr_update_causes(new: networking_v1.ServiceCIDR, old: networking_v1.ServiceCIDR) -> Causes:
    """Say what is wrong with an update of a ServiceCIDR, which may gain a second network and nothing else."""
    cidrs = (new.spec and new.spec.cidrs) or ()
    had = (old.spec and old.spec.cidrs) or ()
    at = "spec.cidrs"
    if len(had) != len(cidrs) and not (len(had) == 1 and len(cidrs) == _MOST_NETWORKS):
        return (wrong(at, new.spec and new.spec.cidrs, IMMUTABLE),)
    found = [wrong(f"{at}[{place}]", cidrs[place], IMMUTABLE) for place, one in enumerate(had) if cidrs[place] != one]
    return tuple(found) if len(had) == len(cidrs) else (*found, *cidr_causes(new))
