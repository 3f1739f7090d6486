"""Validation of single values: numbers, choices, names, ports, addresses, paths."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from reconcile.components.apiserver.refusals import Cause, Causes, not_supported, required, wrong
from reconcile.model.text import names

IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"
POSITIVE: Final = "must be greater than zero"
ADDRESS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
LAST_PORT: Final = 65535
LARGEST_INT32: Final = 2**31 - 1
LARGEST_MODE: Final = 0o777


def at_least_zero(field: str, value: int | None) -> Causes:
    """Say that a number is negative, if it is."""
    return (wrong(field, value, NOT_NEGATIVE),) if value is not None and value < 0 else ()


def above_zero(field: str, value: int) -> Causes:
    """Say that a number is not above zero, if it is not."""
    return (wrong(field, value, POSITIVE),) if value <= 0 else ()


def between(field: str, value: int | None, least: int, most: int) -> Causes:
    """Say that a number is out of its range, if it is."""
    if value is None or least <= value <= most:
        return ()
    return (wrong(field, value, f"must be between {least} and {most}, inclusive"),)


def one_of(field: str, value: Any, supported: tuple[str, ...]) -> Causes:
    """Say that a value is none of those that there are, if it is not; that it is missing, if it is empty."""
    if value in supported:
        return ()
    return (not_supported(field, value, supported) if value else required(field),)


def among(field: str, value: Any, supported: tuple[str, ...]) -> Causes:
    """Say that a value is none of those that there are, if it is not; an empty one is no other than any."""
    return () if value in supported else (not_supported(field, value or "", supported),)


def named(field: str, text: str, faults: names.Faults) -> list[Cause]:
    """Say of a name what its faults are."""
    return [wrong(field, text, fault) for fault in faults]


def label(field: str, text: str) -> list[Cause]:
    """Say what keeps *text* from being a label of DNS."""
    return named(field, text, names.label_faults(text))


def subdomain(field: str, text: str) -> list[Cause]:
    """Say what keeps *text* from being a subdomain of DNS."""
    return named(field, text, names.subdomain_faults(text))


def qualified(field: str, text: str) -> list[Cause]:
    """Say what keeps *text* from being a qualified name, such as the key of a label."""
    return named(field, text, names.qualified_faults(text))


def port_causes(field: str, port: int | None) -> list[Cause]:
    """Say that a number is no port, if it is not."""
    return [*between(field, port or 0, 1, LAST_PORT)]


def port_or_name_causes(field: str, port: int | str | None) -> list[Cause]:
    """Say that something is neither a port nor the name of one, if it is not."""
    if isinstance(port, str):
        return named(field, port, names.port_name_faults(port))
    return port_causes(field, port)


def mode_causes(field: str, mode: int | None) -> list[Cause]:
    """Say that a number is no mode of a file, if it is not."""
    if mode is None or 0 <= mode <= LARGEST_MODE:
        return []
    return [wrong(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")]


def no_way_up(field: str, path: str) -> list[Cause]:
    """Say that a path leads upwards, if it does."""
    return [wrong(field, path, "must not contain '..'")] if ".." in path.split("/") else []


def downward(field: str, path: str) -> list[Cause]:
    """Say that a path does not only lead downwards from where one is."""
    found = [wrong(field, path, "must be a relative path")] if path.startswith("/") else []
    return found + no_way_up(field, path)


def unreserved(field: str, path: str) -> list[Cause]:
    """Say that a path does not only lead downwards, or to what a volume keeps for itself."""
    found = downward(field, path)
    if path.startswith("..") and not path.startswith("../"):
        found.append(wrong(field, path, "must not start with '..'"))
    return found


@lru_cache(maxsize=65536)
def is_address(text: str) -> bool:
    """Tell whether *text* is an IP address."""
    return address_of(text) is not None


@lru_cache(maxsize=65536)
def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Give the address that *text* is, though its numbers have leading zeros; None if it is none."""
    if "%" in text:
        return None
    try:
        return ip_address(text)
    except ValueError:
        pass
    parts = text.split(".")
    if any(not (part.isascii() and part.isdecimal()) for part in parts) or len(parts) != 4:  # noqa: PLR2004
        return None
    try:
        return ip_address(".".join([str(int(part)) for part in parts]))
    except ValueError:
        return None


def address_causes(field: str, text: str, known: tuple[str, ...] = ()) -> list[Cause]:
    """Say what keeps *text* from being an address; one of those that are *known* from before is well."""
    if text in known:
        return []
    address = address_of(text)
    if address is None:
        return [wrong(field, text, ADDRESS)]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return [wrong(field, text, "must not be an IPv4-mapped IPv6 address")]
    if isinstance(address, IPv4Address) and str(address) != text:
        return [wrong(field, text, "must not have leading 0s")]
    return []


def cidr_causes(field: str, text: str, known: tuple[str, ...] = ()) -> list[Cause]:
    """Say what keeps *text* from being a block of addresses; one of those that are *known* from before is well."""
    if text in known:
        return []
    begin, slash, length = text.partition("/")
    address = address_of(begin)
    bits = 32 if isinstance(address, IPv4Address) else 128
    digits = length.isascii() and length.isdecimal()
    if address is None or not slash or not digits or int(length) > bits:
        return [wrong(field, text, CIDR)]
    plain = isinstance(address, IPv6Address) or str(address) == begin
    if not plain or (length != "0" and length.startswith("0")):
        return [wrong(field, text, "must not have leading 0s in IP or prefix length")]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return [wrong(field, text, "must not have an IPv4-mapped IPv6 address")]
    if ip_network(f"{address}/{length}", strict=False).network_address != address:
        return [wrong(field, text, "must not have bits set beyond the prefix length")]
    return []


def is_dual(texts: tuple[str, ...]) -> bool:
    """Tell whether addresses or blocks are of both families."""
    return len({":" in text for text in texts}) > 1


@lru_cache(maxsize=65536)
def backend_faults(text: str) -> tuple[str, ...]:
    """Say what keeps an address from being one that packets can be sent on to."""
    address = address_of(text)
    if address is None:
        return ("must be a valid IP address",)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    address = mapped or address
    faults: tuple[str, ...] = ()
    if address.is_unspecified:
        faults += (f"may not be unspecified ({text})",)
    if address.is_loopback:
        faults += ("may not be in the loopback range (127.0.0.0/8, ::1/128)",)
    if address.is_link_local:
        faults += ("may not be in the link-local range (169.254.0.0/16, fe80::/10)",)
    packed = address.packed
    if packed[:3] == b"\xe0\x00\x00" or (len(packed) > 4 and packed[0] == 0xFF and packed[1] & 0x0F == 2):  # noqa: PLR2004
        faults += ("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",)
    return faults
