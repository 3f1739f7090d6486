"""Validation of discovery: endpoint slices."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from reconcile.api import discovery_v1
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, required, too_many, wrong
from reconcile.components.apiserver.registry.validation.addresses import address, address_faults, canonical_faults
from reconcile.components.apiserver.registry.validation.metadata import labels_causes
from reconcile.components.apiserver.registry.validation.parts import (
    chosen,
    domain_causes,
    faulty,
    required_choice,
    unchanged,
)
from reconcile.model.text import names

_FAMILIES: Final = ("FQDN", "IPv4", "IPv6")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_MOST_LABELS: Final = 16
_MOST_ADDRESSES: Final = 100
_MOST_PORTS: Final = 20000
_MOST_ENDPOINTS: Final = 1000
_MOST_HINTS: Final = 8
_MULTICAST: Final = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"


def slice_causes(obj: discovery_v1.EndpointSlice) -> Causes:
    """Say what is wrong with an endpoint slice."""
    found = required_choice("addressType", obj.address_type, _FAMILIES)
    found += _ports_causes(obj.ports or ())
    endpoints = obj.endpoints or ()
    if len(endpoints) > _MOST_ENDPOINTS:
        return (*found, too_many("endpoints", len(endpoints), _MOST_ENDPOINTS))
    for place, endpoint in enumerate(endpoints):
        found += _endpoint_causes(f"endpoints[{place}]", Same(endpoint), obj.address_type or "")
    return tuple(found)


def slice_update_causes(new: discovery_v1.EndpointSlice, old: discovery_v1.EndpointSlice) -> Causes:
    """Say what is wrong with an update of an endpoint slice, whose addresses stay of one kind."""
    return (*slice_causes(new), *unchanged("addressType", new.address_type, old.address_type))


def _ports_causes(ports: tuple[discovery_v1.EndpointPort, ...]) -> list[Cause]:
    if len(ports) > _MOST_PORTS:
        return [too_many("ports", len(ports), _MOST_PORTS)]
    found: list[Cause] = []
    known: list[str] = []
    for place, port in enumerate(ports):
        at, name = f"ports[{place}]", port.name or ""
        found += faulty(f"{at}.name", name, names.label_faults(name)) if name else []
        if name in known:
            found.append(duplicate(f"{at}.name", name))
        else:
            known.append(name)
        if port.protocol is None:
            found.append(required(f"{at}.protocol"))
        else:
            found += chosen(f"{at}.protocol", port.protocol, _PROTOCOLS)
        if port.app_protocol is not None:
            found += faulty(f"{at}.appProtocol", port.app_protocol, names.qualified_faults(port.app_protocol))
    return found


@lru_cache(maxsize=16384)
def _endpoint_causes(field: str, same: Same, family: str) -> Causes:
    endpoint: discovery_v1.Endpoint = same.value
    at, addresses = f"{field}.addresses", endpoint.addresses or ()
    found: list[Cause] = []
    if not addresses:
        found.append(required(at, "must contain at least 1 address"))
    elif len(addresses) > _MOST_ADDRESSES:
        found.append(too_many(at, len(addresses), _MOST_ADDRESSES))
    for place, text in enumerate(addresses):
        found += _address_causes(at, place, text, family)
    if endpoint.node_name is not None:
        faults = names.subdomain_faults(endpoint.node_name)
        found += faulty(f"{field}.nodeName", endpoint.node_name, faults)
    topology = endpoint.deprecated_topology
    if topology:
        if len(topology) > _MOST_LABELS:
            found.append(too_many(f"{field}.deprecatedTopology", len(topology), _MOST_LABELS))
        found += labels_causes(f"{field}.deprecatedTopology", topology)
    if endpoint.hostname is not None:
        found += faulty(f"{field}.hostname", endpoint.hostname, names.label_faults(endpoint.hostname))
    if endpoint.hints is not None:
        found += _hints_causes(f"{field}.hints", endpoint.hints)
    return tuple(found)


def _address_causes(field: str, place: int, text: str, family: str) -> list[Cause]:
    at = f"{field}[{place}]"
    if family == "FQDN":
        return domain_causes(at, text)
    if family not in ("IPv4", "IPv6"):
        return []
    faults = address_faults(text) if family == "IPv4" else canonical_faults(text)
    if faults:
        return faulty(at, text, faults)
    found: list[Cause] = []
    read = address(text)
    if not isinstance(read, IPv4Address if family == "IPv4" else IPv6Address):
        found.append(wrong(field, text, f"must be an {family} address"))
    return found + endpoint_address_causes(at, text)


def endpoint_address_causes(field: str, text: str) -> list[Cause]:
    """Say why no endpoint can be at an address that is one."""
    read = address(text)
    if read is None:
        return []
    found: list[Cause] = []
    if read.is_unspecified:
        found.append(wrong(field, text, f"may not be unspecified ({text})"))
    if read.is_loopback:
        found.append(wrong(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if read.is_link_local:
        found.append(wrong(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if read.is_multicast and (str(read).startswith("224.0.0.") or str(read).startswith("ff02:")):
        found.append(wrong(field, text, _MULTICAST))
    return found


def _hints_causes(field: str, hints: discovery_v1.EndpointHints) -> list[Cause]:
    found: list[Cause] = []
    for name, entries, naming in (
        ("forZones", hints.for_zones or (), names.label_value_faults),
        ("forNodes", hints.for_nodes or (), names.subdomain_faults),
    ):
        if len(entries) > _MOST_HINTS:
            return [*found, too_many(f"{field}.{name}", len(entries), _MOST_HINTS)]
        known = [entry.name for entry in entries]
        for place, entry in enumerate(known):
            at = f"{field}.{name}[{place}].name"
            if entry in known[:place]:
                found.append(duplicate(at, entry))
            found += faulty(at, entry, naming(entry))
    return found
