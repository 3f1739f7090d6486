"""Validation of Endpoints."""

from __future__ import annotations

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, Causes, required
from reconcile.components.apiserver.registry.validation.values import (
    PROTOCOLS,
    address_causes,
    backend_faults,
    label,
    named,
    one_of,
    port_causes,
    qualified,
    subdomain,
)


def endpoints_causes(obj: core_v1.Endpoints) -> Causes:
    """Say what is wrong with endpoints."""
    found: list[Cause] = []
    for place, subset in enumerate(obj.subsets or ()):
        at = f"subsets[{place}]"
        if not subset.addresses and not subset.not_ready_addresses:
            found.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for field, addresses in (("addresses", subset.addresses), ("notReadyAddresses", subset.not_ready_addresses)):
            for number, address in enumerate(addresses or ()):
                found += _address_causes(f"{at}.{field}[{number}]", address)
        ports = subset.ports or ()
        for number, port in enumerate(ports):
            found += _port_causes(f"{at}.ports[{number}]", port, named_=len(ports) > 1)
    return tuple(found)


def _address_causes(field: str, address: core_v1.EndpointAddress) -> list[Cause]:
    found = address_causes(f"{field}.ip", address.ip)
    if address.hostname:
        found += label(f"{field}.hostname", address.hostname)
    if address.node_name is not None:
        found += subdomain(f"{field}.nodeName", address.node_name)
    return found + named(f"{field}.ip", address.ip, backend_faults(address.ip))


def _port_causes(field: str, port: core_v1.EndpointPort, *, named_: bool) -> list[Cause]:
    found: list[Cause] = []
    if port.name:
        found += label(f"{field}.name", port.name)
    elif named_:
        found.append(required(f"{field}.name"))
    found += port_causes(f"{field}.port", port.port)
    found += one_of(f"{field}.protocol", port.protocol, PROTOCOLS)
    if port.app_protocol is not None:
        found += qualified(f"{field}.appProtocol", port.app_protocol)
    return found
