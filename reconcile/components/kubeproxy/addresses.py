"""IPv4 addresses and CIDRs as the packet filter compares them: integers under a mask."""

from __future__ import annotations

from functools import lru_cache

from reconcile.lib.errors import ReconcileError

LOOPBACK = "127.0.0.0/8"


def inside(ip: str, cidr: str) -> bool:
    """Tell whether the address *ip* lies in *cidr*, which may be one address."""
    if ip == cidr:
        return True
    network, mask = parsed(cidr)
    return parsed(ip)[0] & mask == network & mask


@lru_cache(maxsize=4096)
def parsed(cidr: str) -> tuple[int, int]:
    """
    Give the address and the mask of a CIDR or an address.

    Raises:
        ReconcileError: it is neither.
    """
    text, slash, length = cidr.partition("/")
    parts = text.split(".")
    right = len(parts) == 4 and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)  # noqa: PLR2004
    if not right or (slash and not (length.isascii() and length.isdigit() and int(length) <= 32)):  # noqa: PLR2004
        raise ReconcileError(f"{cidr!r} is not an IPv4 address, nor a CIDR such as 10.0.0.0/8")
    address = 0
    for part in parts:
        address = address << 8 | int(part)
    bits = int(length) if slash else 32
    return address, (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF
