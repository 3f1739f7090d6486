"""
Ranges of addresses that a topology gives to services and pods.

Takes:    what a topology says.
Gives:    nothing; ReconcileError, where it is none.
Source:   kube-apiserver's --service-cluster-ip-range; the controller-manager's --cluster-cidr, --node-cidr-mask-size.
Left out: nothing known.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import Final

from reconcile.lib.errors import ReconcileError

SMALLEST_NETWORK: Final = 30  # its four addresses are the network's, the gateway's, a pod's, and the broadcast address
_MOST_BITS: Final = 16  # how much finer than the range its parts may be, as upstream has it
_ROOM: Final = range(3, 21)  # bits that are left for services, as upstream's server takes


def check_service_ranges(text: str) -> None:
    """Refuse what is no range of services' addresses, or is two of one family."""
    ranges = text.split(",")
    try:
        found = [ip_network(each) for each in ranges]
    except ValueError:
        found = []
    families = {each.version for each in found}
    if (
        not found
        or len(families) < len(found)
        or any(each.max_prefixlen - each.prefixlen not in _ROOM for each in found)
    ):
        said = "is not a network, or one of IPv4 and one of IPv6, with room for 6 to 1048574 services each"
        raise ReconcileError(f"topology: service_cidr: {text!r} {said}, such as 10.96.0.0/12,fd00:10:96::/108")


def check_cluster_range(text: str, bits: int) -> None:
    """Refuse what is no range of pods' addresses of which nodes can get parts with so many *bits*."""
    try:
        network = IPv4Network(text)
    except ValueError:
        said = "is not an IPv4 network, such as 10.244.0.0/16"
        raise ReconcileError(f"topology: cluster_cidr: {text!r} {said}") from None
    if not network.prefixlen <= bits <= min(network.prefixlen + _MOST_BITS, SMALLEST_NETWORK):
        said = f"is not between {network.prefixlen} and {min(network.prefixlen + _MOST_BITS, SMALLEST_NETWORK)}"
        raise ReconcileError(f"topology: node_cidr_mask_size: {bits!r} {said}, as cluster_cidr is {text}")
