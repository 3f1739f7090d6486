"""Validation of endpoint slices."""

from __future__ import annotations

from typing import Final

from reconcile.api import discovery_v1
from reconcile.components.apiserver.refusals import Causes, duplicate, required, too_many, wrong
from reconcile.components.apiserver.registry.validation.values import (
    ADDRESS,
    IMMUTABLE,
    PROTOCOLS,
    backend_faults,
    is_address,
    one_of,
)
from reconcile.model import names

_MOST_ENDPOINTS: Final = 1000
_MOST_ADDRESSES: Final = 100
_MOST_PORTS: Final = 100


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
            faults = backend_faults(address) if is_address(address) else (ADDRESS,)
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
