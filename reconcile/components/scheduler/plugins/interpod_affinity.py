"""
InterPodAffinity: which pods want to be near which others, and which do not.

A pod's own required terms count pods that are there; the required anti-affinity of pods that are there counts against
the pod, whatever it asks itself. The same holds for what is preferred.

Source:   the scheduler plugin InterPodAffinity.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.scheduler.cache.census import OpenCensus
from reconcile.components.scheduler.cache.guises import (
    ALL,
    Guise,
    PodTerm,
    Rule,
    Sought,
    means,
    namespaces_of,
    selects,
)
from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.lib.table import Table

ALONE: Final = Refusal("InterPodAffinity", ("node(s) didn't match pod affinity rules",), final=True)
CROWDED: Final = Refusal("InterPodAffinity", ("node(s) didn't match pod anti-affinity rules",), final=False)
UNWANTED: Final = Refusal(
    "InterPodAffinity", ("node(s) didn't satisfy existing pods anti-affinity rules",), final=False
)
BEST: Final = 100


def refused(
    guise: Guise, nodes: Nodes, left: int, census: OpenCensus, namespaces: Table[str, Any]
) -> list[tuple[Refusal, int]]:
    """Tell which of the nodes *left* are refused for what pods are near."""
    found: list[tuple[Refusal, int]] = []
    if guise.rules:
        attracting = attractions(guise)
        if attracting:
            alone = left & ~_near_all(guise, attracting, census, namespaces)
            found.append((ALONE, alone))
            left &= ~alone
        crowded = 0
        for term in repulsions(guise):
            crowded |= census.tally(sought_by((term,), namespaces), term.key).occupied
        found.append((CROWDED, left & crowded))
        left &= ~crowded
    unwanted = 0
    for rule in objections(guise, nodes, namespaces):
        unwanted |= census.tally(having(rule), rule.term.key).occupied
    found.append((UNWANTED, left & unwanted))
    return found


def scored(
    guise: Guise,
    nodes: Nodes,
    fit: int,
    census: OpenCensus,
    namespaces: Table[str, Any],
    *,
    hard_weight: int = 1,
    raw_only: bool = False,
) -> list[tuple[int, int]] | None:
    """Score the nodes that will do, by groups: 0 to `BEST`, or as counted; None if no pod has to do with this one."""
    raw = {0: fit}
    touched = False
    for weight, sought, key in opinions(guise, nodes, namespaces, hard_weight=hard_weight):
        levels = census.tally(sought, key).levels
        after: dict[int, int] = {}
        for pods, members in levels.items():
            if not pods:
                continue
            touched = True
            for score, group in raw.items():
                both = group & members
                if both:
                    better = score + weight * pods
                    after[better] = after.get(better, 0) | both
        moved = 0
        for group in after.values():
            moved |= group
        for score, group in raw.items():
            stays = group & ~moved
            if stays:
                after[score] = after.get(score, 0) | stays
        raw = after
    if not touched:
        return None
    return sorted(raw.items()) if raw_only else _normalised(raw)


def attractions(guise: Guise) -> tuple[PodTerm, ...]:
    """Give the required terms of pod affinity."""
    return tuple([rule.term for rule in guise.rules if rule.role == "attracts"])


def repulsions(guise: Guise) -> tuple[PodTerm, ...]:
    """Give the required terms of pod anti-affinity."""
    return tuple([rule.term for rule in guise.rules if rule.role == "repels"])


def objections(guise: Guise, nodes: Nodes, namespaces: Table[str, Any]) -> list[Rule]:
    """Give the required anti-affinity of pods on nodes that is about a pod like this."""
    return [rule for rule in nodes.rules if rule.role == "repels" and means(rule.term, guise, namespaces)]


def opinions(
    guise: Guise, nodes: Nodes, namespaces: Table[str, Any], *, hard_weight: int
) -> list[tuple[int, Sought, str]]:
    """Give what each of which pods near weighs, and in which topology: what this pod prefers, and what others do."""
    found = [
        (rule.weight, sought_by((rule.term,), namespaces), rule.term.key)
        for rule in guise.rules
        if rule.role == "prefers"
    ]
    for rule in nodes.rules:
        weight = hard_weight * rule.weight if rule.role == "attracts" else rule.weight
        if weight and rule.role != "repels" and means(rule.term, guise, namespaces):
            found.append((weight, having(rule), rule.term.key))
    return found


def sought_by(terms: tuple[PodTerm, ...], namespaces: Table[str, Any]) -> Sought:
    """Say which pods fulfil all of these terms."""
    return Sought(tuple([(namespaces_of(term, namespaces), term.selector) for term in terms]))


def having(rule: Rule) -> Sought:
    """Say which pods have a rule."""
    return Sought(rules=(rule,))


def suits_itself(guise: Guise, terms: tuple[PodTerm, ...], namespaces: Table[str, Any]) -> bool:
    """Tell whether a pod fulfils its own terms: then the first of a group may come where none of it is."""
    for term in terms:
        homes = namespaces_of(term, namespaces)
        if (homes != ALL and guise.namespace not in homes) or not selects(term.selector, guise.labels):
            return False
    return True


def _near_all(guise: Guise, terms: tuple[PodTerm, ...], census: OpenCensus, namespaces: Table[str, Any]) -> int:
    sought = sought_by(terms, namespaces)
    near = labelled = -1
    anywhere = 0
    for term in terms:
        tally = census.tally(sought, term.key)
        occupied = tally.occupied
        near &= occupied
        anywhere |= occupied
        labelled &= tally.shown.having
    if not anywhere and suits_itself(guise, terms, namespaces):
        return labelled
    return near & labelled


def _normalised(raw: dict[int, int]) -> list[tuple[int, int]]:
    least, most = min(raw), max(raw)
    between = most - least
    found: dict[int, int] = {}
    for score, group in raw.items():
        # As upstream: a quotient of floats, times a hundred, without its fraction.
        better = int(BEST * ((score - least) / between)) if between else 0
        found[better] = found.get(better, 0) | group
    return sorted(found.items())
