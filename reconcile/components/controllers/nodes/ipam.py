"""
Node IPAM: every node gets a part of the cluster's range for the addresses of its pods.

Parts are given one after the other, round and round; that of a node that goes is free again. What is the services' is
never given.

Takes:    changes of nodes.
Gives:    the spec.podCIDR and podCIDRs of nodes; Kubernetes Events about those for whom nothing is left.
Source:   pkg/controller/nodeipam/ipam: range_allocator.go, cidrset.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, TypeAlias

import attrs

from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Outcome,
    Source,
    Views,
    keys_of_itself,
    service_account,
)
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "node-ipam-controller"
_Network: TypeAlias = IPv4Network | IPv6Network
_FULL: Final = (
    "failed to allocate cidr from cluster cidr at idx:0: CIDR allocation failed; there are no remaining CIDRs left"
)


@attrs.frozen
class Range:
    """The cluster's range, how many bits a node's part of it keeps, and the services' ranges."""

    cluster: str
    bits: int
    services: str = ""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Memory:
    """
    What is given to whom.

    Args:
        used: which parts are: bit n for the nth.
        next: where to look for the next one that is free.
        nodes: node -> the parts that are its.
    """

    used: int = 0
    next: int = 0
    nodes: Table[str, tuple[int, ...]] = attrs.field(factory=Table)


def first_memory(given: Range) -> Memory:
    """Give the memory of an allocator that has seen no node yet: what is the services' is taken."""
    used = 0
    for each in given.services.split(",") if given.services else ():
        used |= _bits(given, each)
    return Memory(used=used)


def observe(given: Range, memory: Memory, change: Change, _: Views, __: Instant) -> Memory:
    """Take in which parts of the range a node has; those of one that is gone are free."""
    known = memory.nodes.get(change.key, ())
    if change.new is None:
        return _freed(memory, change.key) if known else memory
    if not change.new.spec.pod_cidrs:
        return memory
    places = _places(given, change.new)
    if places == known:
        return memory
    used = memory.used & ~_mask(known) | _mask(places)
    return replace(memory, used=used, nodes=memory.nodes.set(change.key, places))


def reconcile(given: Range, ask: Ask) -> Outcome:
    """Give one node its part of the range, if it has none."""
    memory: Memory = ask.memory
    node = ask.views.get("nodes", ask.key)
    for _, response in ask.answers:
        if response.ok or response.code == NOT_FOUND:
            return Outcome()
        # It is given back at once: nobody has it.
        records = (_record(node, "CIDRAssignmentFailed"),) if node is not None else ()
        return Outcome(memory=_freed(memory, ask.key), records=records, error=text_of(response))
    if node is None or node.metadata.deletion_timestamp is not None or node.spec.pod_cidrs:
        return Outcome()
    known = memory.nodes.get(ask.key, ())
    if not known:
        place = _free(given, memory)
        if place is None:
            return Outcome(records=(_record(node, "CIDRNotAvailable"),), error=_FULL)
        known = (place,)
        memory = Memory(
            used=memory.used | 1 << place, next=(place + 1) % _count(given), nodes=memory.nodes.set(ask.key, known)
        )
    text = str(_part(given, known[0]))
    body = Map({"spec": Map({"podCIDR": text, "podCIDRs": (text,)})})
    request = Request(verb="patch", resource="nodes", name=ask.key, body=body, patch_type="strategic")
    return Outcome(calls=(request,), memory=memory, again=True)


def _free(given: Range, memory: Memory) -> int | None:
    count = _count(given)
    for step in range(count):
        place = (memory.next + step) % count
        if not memory.used >> place & 1:
            return place
    return None


def _freed(memory: Memory, key: str) -> Memory:
    known = memory.nodes.get(key, ())
    if not known:
        return memory
    return replace(memory, used=memory.used & ~_mask(known), nodes=memory.nodes.remove(key))


def _record(node: Any, reason: str) -> Record:
    said = f"Node {node.metadata.name} status is now: {reason}"
    return Record(node, "Normal", reason, said, component="cidrAllocator")


@lru_cache(maxsize=64)
def _network(text: str) -> _Network:
    return ip_network(text)


def _count(given: Range) -> int:
    """Give how many parts the range has."""
    return 1 << given.bits - _network(given.cluster).prefixlen


def _part(given: Range, place: int) -> _Network:
    cluster = _network(given.cluster)
    size = 1 << cluster.max_prefixlen - given.bits
    return ip_network((int(cluster.network_address) + place * size, given.bits))


def _places(given: Range, node: Any) -> tuple[int, ...]:
    """Give the parts of the range that a node's own says to have."""
    return tuple([place for each in node.spec.pod_cidrs for place in _within(given, each)])


def _within(given: Range, text: str) -> range:
    cluster, part = _network(given.cluster), _network(text)
    if part.version != cluster.version or not part.overlaps(cluster):
        return range(0)
    size = 1 << cluster.max_prefixlen - given.bits
    base = int(cluster.network_address)
    first = max(int(part.network_address) - base, 0) // size
    last = min(int(part.broadcast_address), int(cluster.broadcast_address)) - base
    return range(first, last // size + 1)


def _bits(given: Range, text: str) -> int:
    return _mask(tuple(_within(given, text)))


def _mask(places: tuple[int, ...]) -> int:
    found = 0
    for place in places:
        found |= 1 << place
    return found


def controller_of(given: Range) -> Controller:
    """Give the controller that shares out a range."""
    return Controller(
        name=NAME,
        sources=(Source("nodes", keys_of_itself),),
        reconcile=partial(reconcile, given),
        memory=partial(first_memory, given),
        observe=partial(observe, given),
        workers=1,
        component="cidrAllocator",
        user=service_account("node-controller"),
    )
