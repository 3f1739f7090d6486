"""Warnings of single values: addresses that could be written better."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

from reconcile.components.apiserver.registry.validation.values import address_of


def listed(texts: tuple[str, ...]) -> str:
    """Give texts as Go prints a list of them."""
    return f"[{' '.join(texts)}]"


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def address_warnings(field: str, text: str) -> list[str]:
    """Say how an address is better written."""
    address = address_of(text)
    if address is None or str(address) == text:
        return []
    plain = _plain(address)
    if plain is not address or isinstance(address, IPv4Address):
        return [f'{field}: non-standard IP address "{text}" is invalid: use "{plain}"']
    return [f'{field}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']


def block_warnings(field: str, text: str) -> list[str]:
    """Say how a block of addresses is better written."""
    begin, _, length = text.partition("/")
    address = address_of(begin)
    if address is None or not length.isdecimal():
        return []
    network = ip_network(f"{address}/{int(length)}", strict=False)
    found: list[str] = []
    if network.network_address != address:
        one = f"{address}/{address.max_prefixlen}"
        found.append(f'{field}: CIDR value "{text}" is ambiguous in this context (should be "{network}" or "{one}"?)')
    plain = _plain(address)
    odd = isinstance(address, IPv4Address) and str(address) != begin
    if odd or plain is not address or (length != "0" and length.startswith("0")):
        found.append(f'{field}: non-standard CIDR value "{text}" is invalid: use "{network}"')
    if not found and isinstance(address, IPv6Address) and f"{address}/{length}" != text:
        found.append(f'{field}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{address}/{length}")')
    return found
