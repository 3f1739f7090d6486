"""Validation of addresses: IP addresses, networks, and the form that each should be written in."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from reconcile.components.apiserver.refusals import Cause, wrong

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NO_ADDRESS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NO_NETWORK: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_ZEROS: Final = re.compile(r"(^|\.)0+(?=[0-9])")


@lru_cache(maxsize=4096)
def address(text: str) -> Address | None:
    """Give the address that *text* is, be it written with zeros ahead of its numbers, or None."""
    if "%" in text:
        return None
    head, colon, tail = text.rpartition(":")
    if "." in tail:
        tail = _ZEROS.sub(r"\1", tail)
    try:
        return ip_address(head + colon + tail)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def network(text: str) -> Network | None:
    """Give the network that *text* is, with whatever is set beyond its prefix left out, or None."""
    base, slash, length = text.partition("/")
    found = address(base)
    if found is None or not slash or not (length.isascii() and length.isdigit()):
        return None
    try:
        return ip_network(f"{found}/{int(length)}", strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def address_faults(text: str) -> tuple[str, ...]:
    """Say what keeps *text* from being an IP address, in whatever form."""
    found = address(text)
    if found is None:
        return (NO_ADDRESS,)
    faults: tuple[str, ...] = ()
    if "." in text and _ZEROS.search(text.rpartition(":")[2]):
        faults += ("must not have leading 0s",)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        faults += ("must not be an IPv4-mapped IPv6 address",)
    return faults


def canonical_faults(text: str) -> tuple[str, ...]:
    """Say what keeps *text* from being an IP address in the one form that is its own."""
    faults = address_faults(text)
    if faults:
        return faults
    shown = str(address(text))
    return () if shown == text else (f'must be in canonical form ("{shown}")',)


def network_causes(field: str, text: str, *, canonical: bool = False) -> list[Cause]:
    """Say what keeps *text* from being a network, in whatever form or in its own."""
    found = network(text)
    if found is None:
        return [wrong(field, text, _NO_NETWORK)]
    base, _, length = text.partition("/")
    if address_faults(base)[:1] == ("must not have leading 0s",) or length != str(int(length)):
        return [wrong(field, text, "must not have leading 0s in IP or prefix length")]
    if address_faults(base):
        return [wrong(field, text, "must not have an IPv4-mapped IPv6 address")]
    if address(base) != found.network_address:
        return [wrong(field, text, "must not have bits set beyond the prefix length")]
    if canonical and str(found) != text:
        return [wrong(field, text, f'must be in canonical form ("{found}")')]
    return []
