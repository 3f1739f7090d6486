"""
Selection: the nodes that a node selector selects, asked of topologies instead of each node.

Source:   core/v1 NodeSelector; component-helpers nodeaffinity.
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.components.scheduler.cache.census import OpenCensus
from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.cache.wishes import Requirement, Term
from reconcile.components.scheduler.plugins.node_affinity import required
from reconcile.lib.mapping import Map


def suited(terms: tuple[Term, ...], nodes: Nodes, census: OpenCensus) -> int:
    """Give the set of nodes that fulfil one of the terms, asked of topologies instead of each node."""
    found = 0
    for expressions, fields in terms:
        if not expressions and not fields:
            continue
        left = nodes.fleet.known
        for key, operator, values in expressions:
            left &= _with_label(key, operator, values, nodes, census)
        for requirement in fields:
            left &= _named(requirement, nodes)
        found |= left
    return found


def _with_label(key: str, operator: str, values: tuple[str, ...], nodes: Nodes, census: OpenCensus) -> int:
    topology = census.topology(key)
    domains, known = topology.domains, nodes.fleet.known
    if operator in {"In", "NotIn"}:
        among = 0
        for value in values:
            among |= domains.get(value, 0)
        return among if operator == "In" else known & ~among
    if operator in {"Exists", "DoesNotExist"}:
        return topology.having if operator == "Exists" else known & ~topology.having
    found = 0
    for value, members in domains.items():
        if required((key, operator, values), Map({key: value})):
            found |= members
    return found


def _named(requirement: Requirement, nodes: Nodes) -> int:
    key, operator, values = requirement
    slots, known = nodes.fleet.slots, nodes.fleet.known
    if key != "metadata.name" or operator not in {"In", "NotIn"}:
        return 0
    among = 0
    for name in values:
        if name in slots:
            among |= 1 << slots[name]
    return known & among if operator == "In" else known & ~among
