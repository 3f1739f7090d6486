"""
Subsets: the canonical layout of the addresses of Endpoints.

Each port, by its number, its name and what it speaks, stands once, with all the addresses that offer it; ports that the
very same addresses offer, ready or not, share a subset. Addresses go by their IP and by the uid of what is behind it.

Takes:    rows: the ports of an address, whether it is ready, its order, itself; or subsets as somebody wrote them.
Gives:    core_v1.EndpointSubset.
Source:   pkg/api/v1/endpoints/util.go: RepackSubsets.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from reconcile.api import core_v1

Ports: TypeAlias = tuple[core_v1.EndpointPort, ...]
# Sorted by IP and uid, as texts.
Order: TypeAlias = tuple[str, str]
Row: TypeAlias = tuple[Ports, bool, Order, core_v1.EndpointAddress]
Group: TypeAlias = tuple[list[tuple[Order, core_v1.EndpointAddress]], list[tuple[Order, core_v1.EndpointAddress]]]


def packed(rows: Iterable[Row | None]) -> tuple[core_v1.EndpointSubset, ...]:
    """Give the subsets for *rows*, in which no order is twice; None is no address."""
    groups: dict[Ports, Group] = {}
    last: Any = None
    group: Group = ([], [])
    for row in rows:
        if row is None:
            continue
        ports, ready, order, address = row
        if ports is not last or not groups:  # it costs to hash ports
            last, group = ports, groups.setdefault(ports, ([], []))
        group[not ready].append((order, address))
    if len(groups) > 1:
        groups = _by_addresses(groups)
    return tuple([_subset(ports, *groups[ports]) for ports in sorted(groups, key=_ports_order)])


def repacked(subsets: Iterable[core_v1.EndpointSubset]) -> tuple[core_v1.EndpointSubset, ...]:
    """Give the canonical layout of *subsets*; an address of a port that is ready and not ready is not."""
    known: dict[Order, core_v1.EndpointAddress] = {}
    by_port: dict[core_v1.EndpointPort | None, dict[Order, bool]] = {}
    for subset in subsets:
        for ready, addresses in ((True, subset.addresses), (False, subset.not_ready_addresses)):
            for address in addresses or ():
                order = (address.ip or "", (address.target_ref.uid or "") if address.target_ref else "")
                known.setdefault(order, address)
                for port in subset.ports or (None,):
                    standing = by_port.setdefault(port, {})
                    standing[order] = ready and standing.get(order, True)
    groups: dict[Ports, Group] = {}
    for port, standing in by_port.items():
        group: Group = ([], [])
        for order, ready in standing.items():
            group[not ready].append((order, known[order]))
        groups[() if port is None else (port,)] = group
    groups = _by_addresses(groups)
    return tuple([_subset(ports, *groups[ports]) for ports in sorted(groups, key=_ports_order)])


def sorted_ports(ports: Iterable[core_v1.EndpointPort]) -> Ports:
    """Give *ports* as a subset has them."""
    return tuple(sorted(ports, key=_port_order))


def _by_addresses(groups: dict[Ports, Group]) -> dict[Ports, Group]:
    """Give the groups anew: each port once, with others that have the very same addresses."""
    by_port: dict[core_v1.EndpointPort | None, Group] = {}
    for ports, (ready, not_ready) in groups.items():
        for port in ports or (None,):
            group = by_port.setdefault(port, ([], []))
            group[0].extend(ready)
            group[1].extend(not_ready)
    alike: dict[Any, tuple[list[core_v1.EndpointPort], Group]] = {}
    for port, group in by_port.items():
        standing = frozenset([(order, place) for place, found in enumerate(group) for order, _ in found])
        alike.setdefault(standing, ([], group))[0].extend(() if port is None else (port,))
    return {sorted_ports(ports): group for ports, group in alike.values()}


def _port_order(port: core_v1.EndpointPort) -> tuple[str, int, str]:
    return (port.name or "", port.port, port.protocol or "")


def _ports_order(ports: Ports) -> list[tuple[str, int, str]]:
    return [_port_order(port) for port in ports]


def _subset(ports: Ports, ready: list[Any], not_ready: list[Any]) -> core_v1.EndpointSubset:
    # Of pairs (order, address) no two have the same order.
    ready.sort()
    not_ready.sort()
    return core_v1.EndpointSubset(
        addresses=tuple([address for _, address in ready]) or None,
        not_ready_addresses=tuple([address for _, address in not_ready]) or None,
        ports=ports or None,
    )
