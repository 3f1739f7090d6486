"""The canonical layout of addresses that somebody wrote."""

from __future__ import annotations

from reconcile.api import core_v1
from reconcile.components.controllers.services.subsets import repacked


def subset(ready=(), unready=(), ports=()):
    return core_v1.EndpointSubset(
        addresses=tuple([core_v1.EndpointAddress(ip=ip) for ip in ready]) or None,
        not_ready_addresses=tuple([core_v1.EndpointAddress(ip=ip) for ip in unready]) or None,
        ports=tuple([core_v1.EndpointPort(name=name, port=port) for name, port in ports]) or None,
    )


def test_ports_with_the_same_addresses_share_a_subset():
    given = [
        subset(["10.0.0.2"], ports=[("b", 2)]),
        subset(["10.0.0.1"], ports=[("b", 2)]),
        subset(["10.0.0.1", "10.0.0.2"], ports=[("a", 1)]),
        subset(["10.0.0.1"], ports=[("c", 3)]),
    ]
    assert repacked(given) == (
        subset(["10.0.0.1", "10.0.0.2"], ports=[("a", 1), ("b", 2)]),
        subset(["10.0.0.1"], ports=[("c", 3)]),
    )


def test_who_is_ready_and_not_ready_is_not():
    given = [subset(["10.0.0.1"], ports=[("a", 1)]), subset([], ["10.0.0.1"], ports=[("a", 1)])]
    assert repacked(given) == (subset([], ["10.0.0.1"], ports=[("a", 1)]),)


def test_addresses_without_ports_stand_by_themselves():
    given = [subset(["10.0.0.2"]), subset(["10.0.0.1"]), subset(["10.0.0.1"], ports=[("a", 1)])]
    assert repacked(given) == (subset(["10.0.0.1", "10.0.0.2"]), subset(["10.0.0.1"], ports=[("a", 1)]))
