"""
Placing: whether a pod's specification lets it be on a node, whatever runs there.

The scheduler asks the same of many nodes and keeps its own form of it; here it is asked of one node at a time.

Takes:    pod specs, nodes.
Gives:    yes or no.
Source:   core/v1 PodSpec: nodeSelector, affinity.nodeAffinity, tolerations; k8s.io/component-helpers/scheduling/corev1.
Left out: the toleration operators Lt and Gt, which are alpha.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.model import selectors

_NAME: Final = "metadata.name"
_BITS: Final = 63


def tolerates(toleration: Any, taint: Any) -> bool:
    """Tell whether *toleration* makes up for *taint*."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in (None, "", "Equal") and (toleration.value or "") == (taint.value or "")


def tolerates_all(tolerations: Any, taints: Any, effects: tuple[str, ...]) -> bool:
    """Tell whether every one of *taints* that has one of *effects* is tolerated."""
    return all(
        any(tolerates(toleration, taint) for toleration in tolerations or ())
        for taint in taints or ()
        if taint.effect in effects
    )


def attracts(spec: Any, node: Any) -> bool:
    """Tell whether the node has what nodeSelector and required node affinity ask."""
    labels = node.metadata.labels or {}
    if spec.node_selector and not selectors.matches_all(spec.node_selector, labels):
        return False
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    required = None if affinity is None else affinity.required_during_scheduling_ignored_during_execution
    return required is None or any(_fulfils(term, node.metadata.name, labels) for term in required.node_selector_terms)


def _fulfils(term: Any, name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a node fulfils every requirement of a term, and the term has any."""
    if not term.match_expressions and not term.match_fields:
        return False
    return all(_has(each, labels) for each in term.match_expressions or ()) and all(
        _has(each, {_NAME: name}) for each in term.match_fields or ()
    )


def _has(requirement: Any, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    values: tuple[str, ...] = requirement.values or ()
    match requirement.operator:
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
            return here > there if requirement.operator == "Gt" else here < there
        case _:
            return False


def _integer(text: str | None) -> int | None:
    """Read a decimal integer as Go does: a sign and ASCII digits, within 64 bits."""
    if text is None or not text.isascii():
        return None
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not digits.isdigit() or len(digits) > _BITS:
        return None
    return int(text) if -(1 << _BITS) <= int(text) < 1 << _BITS else None
