"""
Filters: whether a node will do for a pod, and if not, why.

The filters run in upstream's order and the first that refuses a node gives its reasons. They fall into two halves: what
the node itself says (`refused_by_node`), and what is left there (`refused_by_use`).

Source:   the scheduler plugins NodeUnschedulable, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit. NodeName
          has nothing to refuse: a pod that names its node is never in the queue.
Left out: volumes, other pods' places; see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.scheduler.demand import Demand, overlaps
from reconcile.components.scheduler.nodes import Room, Used
from reconcile.components.scheduler.wishes import Requirement, Term, Toleration, Wishes
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

_UNSCHEDULABLE_TAINT: Final = ("node.kubernetes.io/unschedulable", "", "NoSchedule")


@quick
@attrs.frozen(order=True, weakref_slot=False)
class Refusal:
    """
    Why a filter refused a node.

    Args:
        plugin: the filter.
        reasons: in its words.
        final: nothing that pods do, not even their preemption, would help (upstream: UnschedulableAndUnresolvable).
    """

    plugin: str
    reasons: tuple[str, ...]
    final: bool


CORDONED: Final = Refusal("NodeUnschedulable", ("node(s) were unschedulable",), final=True)
TAINTED: Final = Refusal("TaintToleration", ("node(s) had untolerated taint(s)",), final=True)
UNFIT: Final = Refusal("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",), final=True)
PORTS_TAKEN: Final = Refusal("NodePorts", ("node(s) didn't have free ports for the requested pod ports",), final=False)


def refused_by_node(wishes: Wishes, room: Room) -> Refusal | None:
    """Tell why the node itself, whatever runs there, will not do; None if it will."""
    if room.unschedulable and not _tolerated(wishes.tolerations, _UNSCHEDULABLE_TAINT):
        return CORDONED
    if room.taints and not tolerates(wishes, room):
        return TAINTED
    if (wishes.selector or wishes.affine) and not attracted(wishes, room):
        return UNFIT
    return None


def refused_by_use(demand: Demand, room: Room, used: Used) -> Refusal | None:
    """Tell why what is left on the node will not do; None if it will."""
    if demand.ports and any(overlaps(port, taken) for port in demand.ports for taken in used.ports):
        return PORTS_TAKEN
    if (
        used.pods < room.pods
        and not demand.others
        and (not demand.cpu or used.cpu + demand.cpu <= room.cpu)
        and (not demand.memory or used.memory + demand.memory <= room.memory)
        and (not demand.storage or used.storage + demand.storage <= room.storage)
    ):
        return None
    return _lacking(demand, room, used)


def tolerates(wishes: Wishes, room: Room) -> bool:
    """Tell whether every taint of the node that keeps pods away is tolerated."""
    return all(taint[2] == "PreferNoSchedule" or _tolerated(wishes.tolerations, taint) for taint in room.taints)


def disliked(wishes: Wishes, room: Room) -> int:
    """Count the node's taints that would rather keep the pod away."""
    return sum(taint[2] == "PreferNoSchedule" and not _tolerated(wishes.tolerations, taint) for taint in room.taints)


def attracted(wishes: Wishes, room: Room) -> bool:
    """Tell whether the node has what nodeSelector and required node affinity ask."""
    labels = room.labels
    for key, value in wishes.selector:
        if labels.get(key) != value:
            return False
    return not wishes.affine or any(fulfils(term, room) for term in wishes.required)


def fulfils(term: Term, room: Room) -> bool:
    """Tell whether the node fulfils every requirement of a term, and the term has any."""
    expressions, fields = term
    if not expressions and not fields:
        return False
    named = Map({"metadata.name": room.name}) if fields else room.labels
    return all(_required(each, room.labels) for each in expressions) and all(_required(each, named) for each in fields)


def fits_empty(demand: Demand, room: Room) -> bool:
    """Tell whether the node has enough of everything for this pod alone."""
    return refused_by_use(demand._replace(ports=()), room, Used()) is None


def _lacking(demand: Demand, room: Room, used: Used) -> Refusal | None:
    reasons: list[str] = []
    final = False
    if used.pods >= room.pods:
        reasons.append("Too many pods")
    taken = dict(used.others)
    asked = (
        ("cpu", demand.cpu, used.cpu, room.cpu),
        ("memory", demand.memory, used.memory, room.memory),
        ("ephemeral-storage", demand.storage, used.storage, room.storage),
        *[(name, amount, taken.get(name, 0), room.others.get(name, 0)) for name, amount in demand.others],
    )
    for name, amount, there, allocatable in asked:
        if amount and amount > allocatable - there:
            reasons.append(f"Insufficient {name}")
            final = final or amount > allocatable
    return Refusal("NodeResourcesFit", tuple(reasons), final) if reasons else None


def _tolerated(tolerations: tuple[Toleration, ...], taint: tuple[str, str, str]) -> bool:
    for key, operator, value, effect in tolerations:
        if effect and effect != taint[2]:
            continue
        if key and key != taint[0]:
            continue
        if operator == "Exists" or (operator == "Equal" and key and value == taint[1]):
            return True
    return False


def _required(requirement: Requirement, labels: Map[str]) -> bool:
    key, operator, values = requirement
    value = labels.get(key)
    match operator:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            here, there = _integer(value), _integer(values[0] if len(values) == 1 else None)
            if here is None or there is None:
                return False
            return here > there if operator == "Gt" else here < there
        case _:
            return False


def _integer(text: str | None) -> int | None:
    """Read a decimal integer as Go does: a sign and ASCII digits, within 64 bits."""
    if text is None or not text.isascii():
        return None
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not digits.isdigit() or not -(1 << 63) <= int(text) < 1 << 63:
        return None
    return int(text)
