"""
NodeAffinity: which nodes a pod's nodeSelector and node affinity ask for, and which they prefer.

Source:   the scheduler plugin NodeAffinity; component-helpers nodeaffinity.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.cache.wishes import Requirement, Term, Wishes
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.lib.mapping import Map

UNFIT: Final = Refusal("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",), final=True)
ENFORCED: Final = Refusal("NodeAffinity", ("node(s) didn't match scheduler-enforced node affinity",), final=True)
ELSEWHERE: Final = Refusal("NodeAffinity", ("node(s) didn't satisfy plugin(s) [NodeAffinity]",), final=True)
"""Why nodes that required node affinity does not name are not looked at."""


def attracted(wishes: Wishes, room: Room) -> bool:
    """Tell whether the node has what nodeSelector and required node affinity ask."""
    labels = room.labels
    for key, value in wishes.selector:
        if labels.get(key) != value:
            return False
    return not wishes.affine or any(fulfils(term, room) for term in wishes.required)


def admitted(wishes: Wishes, room: Room) -> bool:
    """Tell whether the node has that, and what the scheduler asks itself."""
    return attracted(wishes, room) and all(any(fulfils(term, room) for term in terms) for terms in wishes.enforced)


def preference(wishes: Wishes, room: Room) -> int:
    """Give the sum of the weights of the preferred terms that the node fulfils."""
    return sum([weight for weight, term in wishes.preferred if fulfils(term, room)])


def fulfils(term: Term, room: Room) -> bool:
    """Tell whether the node fulfils every requirement of a term, and the term has any."""
    expressions, fields = term
    if not expressions and not fields:
        return False
    named = Map({"metadata.name": room.name}) if fields else room.labels
    return all(required(each, room.labels) for each in expressions) and all(required(each, named) for each in fields)


def required(requirement: Requirement, labels: Map[str]) -> bool:
    """Tell whether labels fulfil one requirement of a node selector."""
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
