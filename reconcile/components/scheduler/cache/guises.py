"""
Guises: what pods look like to each other.

A pod is counted by others through its namespace and labels, and it has rules of its own about who may be near. Pods of
one guise are alike in all of that. Everything here is plain text and numbers, so that guises can be compared, sorted
and looked up.

Source:   core/v1 PodSpec: affinity.podAffinity, affinity.podAntiAffinity; the scheduler framework's AffinityTerm.
Left out: nothing known: matchLabelKeys and mismatchLabelKeys are in a term's selector when a pod has been admitted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, cast

from reconcile.api import meta_v1
from reconcile.lib.mapping import Map
from reconcile.model.selectors import Operator, Requirement, fits, requirements_of

Selector = tuple[tuple[str, str, tuple[str, ...]], ...]
"""What labels must fulfil: key, operator, values; an empty one everything fulfils."""

NEVER: Final[Selector] = (("", "never", ()),)
"""What no labels fulfil."""

ALL: Final = ("*",)
"""In place of names of namespaces: all of them."""

Role = Literal["attracts", "prefers", "repels"]


class PodTerm(NamedTuple):
    """
    A term of pod affinity.

    Args:
        key: the topology key: near is who is on a node with the same value of this label.
        namespaces: pods of these namespaces are meant,
        chooses: and those of namespaces with such labels.
        selector: of them those with such labels.
    """

    key: str
    namespaces: tuple[str, ...]
    chooses: Selector
    selector: Selector


class Rule(NamedTuple):
    """
    What a pod says of pods near it.

    *attracts* and *repels* are required; *prefers* weighs, and may be negative. One that is said several times weighs
    so often: the weight of what is required is how often it is said.
    """

    role: Role
    weight: int
    term: PodTerm


class Guise(NamedTuple):
    """
    What pods see of a pod.

    Args:
        namespace: where it is.
        labels: its own, as pairs.
        leaving: whether it is being deleted.
        rules: its own about other pods.
    """

    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    leaving: bool = False
    rules: tuple[Rule, ...] = ()


class Sought(NamedTuple):
    """
    Which guises are counted: those that every part of *terms* selects.

    Args:
        terms: namespaces, or `ALL`, and what labels there must fulfil.
        staying: only those that are not being deleted.
        rules: only those that have these rules themselves.
    """

    terms: tuple[tuple[tuple[str, ...], Selector], ...] = ()
    staying: bool = False
    rules: tuple[Rule, ...] = ()


def guise_of(pod: Any) -> Guise:
    """Give what other pods see of *pod*."""
    metadata = pod.metadata
    labels = metadata.labels
    affinity = pod.spec.affinity
    rules: tuple[Rule, ...] = ()
    if affinity is not None and (affinity.pod_affinity is not None or affinity.pod_anti_affinity is not None):
        rules = rules_of(affinity, metadata.namespace or "")
    return Guise(
        metadata.namespace or "",
        tuple(labels.items()) if labels else (),
        metadata.deletion_timestamp is not None,
        rules,
    )


def rules_of(affinity: Any, namespace: str) -> tuple[Rule, ...]:
    """Give the rules of an Affinity, which a pod of *namespace* has."""
    near, apart = affinity.pod_affinity, affinity.pod_anti_affinity
    found: list[Rule] = []
    if near is not None:
        required = near.required_during_scheduling_ignored_during_execution
        found += [Rule("attracts", 1, _term(term, namespace)) for term in required or ()]
        preferred = near.preferred_during_scheduling_ignored_during_execution
        found += [Rule("prefers", each.weight, _term(each.pod_affinity_term, namespace)) for each in preferred or ()]
    if apart is not None:
        required = apart.required_during_scheduling_ignored_during_execution
        found += [Rule("repels", 1, _term(term, namespace)) for term in required or ()]
        preferred = apart.preferred_during_scheduling_ignored_during_execution
        found += [Rule("prefers", -each.weight, _term(each.pod_affinity_term, namespace)) for each in preferred or ()]
    return _together(found) if len(found) > 1 else tuple(found)


def _together(rules: list[Rule]) -> tuple[Rule, ...]:
    """Put those together that differ in nothing but their weights; what is preferred and what is not stay apart."""
    weights: dict[tuple[Role, bool, PodTerm], int] = {}
    for role, weight, term in rules:
        what = role, weight > 0, term
        weights[what] = weights.get(what, 0) + weight
    return tuple([Rule(role, weight, term) for (role, _, term), weight in weights.items()])


def selector_of(selector: meta_v1.LabelSelector | None) -> Selector:
    """Give a LabelSelector as plain values; none selects nothing."""
    return NEVER if selector is None else plain(requirements_of(selector))


def plain(requirements: tuple[Requirement, ...]) -> Selector:
    """Give requirements as plain values."""
    return tuple([(each.key, each.operator, tuple(each.values)) for each in requirements])


@lru_cache(maxsize=4096)
def selects(selector: Selector, labels: tuple[tuple[str, str], ...]) -> bool:
    """Tell whether *labels* fulfil a selector."""
    if selector == NEVER:
        return False
    requirements = [Requirement(key, cast("Operator", operator), values) for key, operator, values in selector]
    return fits(tuple(requirements), dict(labels))


def namespaces_of(term: PodTerm, namespaces: Any) -> tuple[str, ...]:
    """Give the namespaces that a term means, or `ALL`; *namespaces* is the table of those that there are."""
    if term.chooses == NEVER:
        return term.namespaces
    if not term.chooses:
        return ALL
    chosen = [name for name, each in namespaces.items() if selects(term.chooses, _pairs(each.metadata.labels))]
    return tuple(sorted({*term.namespaces, *chosen}))


def means(term: PodTerm, guise: Guise, namespaces: Any) -> bool:
    """Tell whether a term is about pods of this guise."""
    if guise.namespace not in term.namespaces:
        if term.chooses == NEVER:
            return False
        home = namespaces.get(guise.namespace, None)
        if not selects(term.chooses, _pairs(None if home is None else home.metadata.labels)):
            return False
    return selects(term.selector, guise.labels)


@lru_cache(maxsize=16384)
def is_sought(sought: Sought, guise: Guise) -> bool:
    """Tell whether pods of this guise are counted."""
    if sought.staying and guise.leaving:
        return False
    if not all(rule in guise.rules for rule in sought.rules):
        return False
    for namespaces, selector in sought.terms:
        if namespaces is not ALL and namespaces != ALL and guise.namespace not in namespaces:
            return False
        if not selects(selector, guise.labels):
            return False
    return True


def _term(term: Any, namespace: str) -> PodTerm:
    chooses = NEVER if term.namespace_selector is None else selector_of(term.namespace_selector)
    named = tuple(sorted(term.namespaces or ()))
    if not named and term.namespace_selector is None:
        named = (namespace,)
    return PodTerm(term.topology_key, named, chooses, selector_of(term.label_selector))


def _pairs(labels: Map[str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(labels.items()) if labels else ()
