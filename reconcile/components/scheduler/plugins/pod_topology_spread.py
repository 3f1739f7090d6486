"""
PodTopologySpread: pods that belong together are spread over the domains of a topology.

A pod says so itself (`topologySpreadConstraints`), or the cluster does for pods of a service or a workload, as a
preference: over nodes, and over zones.

Source:   the scheduler plugin PodTopologySpread, with its default constraints of the system.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from functools import cache, lru_cache
from math import floor
from typing import Any, Final, TypeAlias

from reconcile.components.scheduler.cache.census import Kin, OpenCensus
from reconcile.components.scheduler.cache.guises import NEVER, Guise, Selector, Sought, selector_of, selects
from reconcile.components.scheduler.cache.tallies import Tally
from reconcile.components.scheduler.cache.topologies import HOSTNAME, ZONE, Scope
from reconcile.components.scheduler.cache.traits import Constraint, Traits
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.lib.mapping import Map

SKEWED: Final = Refusal("PodTopologySpread", ("node(s) didn't match pod topology spread constraints",), final=False)
UNLABELLED: Final = Refusal(
    "PodTopologySpread",
    ("node(s) didn't match pod topology spread constraints (missing required label)",),
    final=True,
)
Normalised: TypeAlias = Callable[[dict[int, int], int], list[tuple[int, int]]]

BEST: Final = 100
SYSTEM_DEFAULTS: Final = ((HOSTNAME, 3), (ZONE, 5))
"""Topology keys, and how much skew is tolerated, for pods that say nothing."""


def refused(
    constraints: tuple[Constraint, ...], traits: Traits, wishes: Wishes, left: int, census: OpenCensus
) -> list[tuple[Refusal, int]]:
    """Tell which of the nodes *left* are refused because a pod there would make the skew too great."""
    found: list[tuple[Refusal, int]] = []
    for constraint, tally in tallies(constraints, traits, wishes, census):
        unlabelled = left & ~tally.shown.having
        left &= ~unlabelled
        most = most_allowed(constraint, traits.guise, least(tally, constraint))
        skewed = 0
        for pods, nodes in tally.levels.items():
            if pods > most:
                skewed |= nodes
        found += [(UNLABELLED, unlabelled), (SKEWED, left & skewed)]
        left &= ~skewed
    return found


def tallies(
    constraints: tuple[Constraint, ...], traits: Traits, wishes: Wishes, census: OpenCensus
) -> list[tuple[Constraint, Tally]]:
    """Give the tally of each hard constraint."""
    keys = tuple(dict.fromkeys([each.key for each in constraints]))
    return [
        (each, census.tally(sought_by(each, traits.guise), each.key, _scope(each, keys, wishes)))
        for each in constraints
    ]


def least(tally: Tally, constraint: Constraint) -> int:
    """Give the number of pods of the domain that has least; none if there are too few domains."""
    if len(tally.domains) < constraint.min_domains:
        return 0
    for pods in tally.levels:
        return pods
    return 0


def most_allowed(constraint: Constraint, guise: Guise, at_least: int) -> int:
    """Give how many pods a domain may have for one more to be allowed there."""
    itself = selects(constraint.selector, guise.labels)
    return constraint.max_skew + at_least - itself


def sought_by(constraint: Constraint, guise: Guise) -> Sought:
    """Say which pods a constraint counts: upstream counts none for a selector that is empty."""
    return Sought((((guise.namespace,), constraint.selector or NEVER),), staying=True)


def hard(constraints: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
    """Give the constraints that refuse nodes."""
    return tuple([each for each in constraints if each.hard])


def soft(constraints: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
    """Give the constraints that are preferred."""
    return tuple([each for each in constraints if not each.hard])


def system_defaults(selector: Selector) -> tuple[Constraint, ...]:
    """Give the constraints of the system for pods of a service or a workload."""
    return tuple([Constraint(key, skew, hard=False, selector=selector) for key, skew in SYSTEM_DEFAULTS])


def belonging(pod: Any, traits: Traits, views: Views, census: OpenCensus) -> Selector:
    """Say which pods belong together with *pod*: its services' and its workload's; empty if there is none."""
    owners = pod.metadata.owner_references
    services = views.services
    if not owners and not services:
        return ()
    workload = _workload(traits.guise.namespace, owners, views) if owners else None
    asked = None if workload is None else workload.spec.selector
    kin = census.kin
    if kin is not None and kin.asked is asked and kin.guise is traits.guise and kin.services is services:
        return kin.selector
    labels = dict(traits.guise.labels)
    merged: dict[str, str] = {}
    for pair in traits.guise.labels if services else ():
        for key in services.keys_under("selector", (traits.guise.namespace, *pair)):
            selector = services[key].spec.selector or {}
            if all(labels.get(name) == value for name, value in selector.items()):
                merged.update(selector)
    if isinstance(asked, Map):
        merged.update(asked)
        asked = None
    found: Selector = tuple([(key, "=", (value,)) for key, value in sorted(merged.items())])
    if asked is not None:
        found = (*found, *selector_of(asked))
    census.kin = Kin(traits.guise, services, None if workload is None else workload.spec.selector, found)
    return found


def _workload(namespace: str, owners: Any, views: Views) -> Any:
    """Give the workload that controls a pod, if it is of a kind that counts here."""
    for owner in owners:
        if owner.controller:
            key = f"{namespace}/{owner.name}"
            match owner.kind, owner.api_version:
                case "ReplicaSet", "apps/v1":
                    return views.replicasets.get(key, None)
                case "StatefulSet", "apps/v1":
                    return views.statefulsets.get(key, None)
                case "ReplicationController", "v1":
                    return views.replicationcontrollers.get(key, None)
                case _:
                    return None
    return None


def scored_by_default(selector: Selector, traits: Traits, fit: int, census: OpenCensus) -> list[tuple[int, int]] | None:
    """
    Score the nodes that will do by the system's constraints, where no node says its zone: 0 to `BEST`.

    It is what `scored` gives, found in fewer steps, as most pods are so; None if some node does say its zone.
    """
    if census.topology(ZONE).having & fit or fit & ~census.topology(HOSTNAME).having:
        return None
    groups: list[tuple[int, int]] = []
    left = fit
    for place, nodes in enumerate(
        census.headcount(Sought((((traits.guise.namespace,), selector),), staying=True)).levels
    ):
        if here := nodes & left:
            groups.append((place + 1, here))
            left ^= here
    if left:
        groups.insert(0, (0, left))
    if len(groups) == 1:
        return [(BEST, fit)]
    least, most, domains = groups[0][0], groups[-1][0], fit.bit_count()
    return [(_on_host(pods, least, most, domains), nodes) for pods, nodes in groups]


@lru_cache(maxsize=4096)
def _on_host(pods: int, least_: int, most: int, domains: int) -> int:
    skew, weight = SYSTEM_DEFAULTS[0][1] - 1, _weight(domains)
    highest, lowest = _rounded(most * weight + skew), _rounded(least_ * weight + skew)
    return BEST * (highest + lowest - _rounded(pods * weight + skew)) // highest


def scored(
    constraints: tuple[Constraint, ...],
    traits: Traits,
    wishes: Wishes,
    fit: int,
    census: OpenCensus,
    *,
    everywhere: bool,
    normalised: Normalised | None = None,
) -> list[tuple[int, int]]:
    """
    Score the nodes that will do, by groups: 0 to `BEST`.

    Args:
        constraints: those that are preferred.
        traits: the pod's.
        wishes: the pod's.
        fit: the nodes that will do.
        census: topologies and tallies.
        everywhere: whether nodes without some of the labels are scored as well, as for constraints of the system.
        normalised: makes scores of what was counted, and of the nodes that are ignored, where it is not as usual.
    """
    keys = tuple(dict.fromkeys([each.key for each in constraints]))
    counted = fit
    if not everywhere:
        for key in keys:
            counted &= census.topology(key).having
    raw: dict[float, int] = {0.0: counted}
    for each in constraints:
        scope = _scope(each, () if everywhere else keys, wishes)
        raw = _credited(raw, each, counted, census, traits=traits, scope=scope)
    groups: dict[int, int] = {}
    for score, nodes in raw.items():
        whole = _rounded(score)
        groups[whole] = groups.get(whole, 0) | nodes
    return (normalised or _normalised)(groups, fit & ~counted)


def _scope(each: Constraint, keys: tuple[str, ...], wishes: Wishes) -> Scope:
    asks = each.affinity and (wishes.selector or wishes.affine)
    affinity = (Wishes(selector=wishes.selector, affine=wishes.affine, required=wishes.required),) if asks else ()
    # A topology has only nodes with its own key, so that need not be said.
    others = keys if len(keys) > 1 else ()
    return Scope(others, affinity, (wishes.tolerations,) if each.taints else ())


def _credited(
    raw: dict[float, int], each: Constraint, counted: int, census: OpenCensus, *, traits: Traits, scope: Scope
) -> dict[float, int]:
    """Add to each node's raw score what one constraint says: the pods of its domain, the more domains the heavier."""
    topology = census.topology(each.key)
    labelled = topology.having & counted
    if not labelled:
        return raw
    sought = sought_by(each, traits.guise)
    levels: list[tuple[int, int]] = []
    if each.key == HOSTNAME:
        weight = _weight(counted.bit_count())
        levels += [(place + 1, nodes) for place, nodes in enumerate(census.headcount(sought).levels)]
    else:
        unlabelled = 1 if counted & ~labelled else 0
        weight = _weight(_domains(topology.domains, topology.having, counted) + unlabelled)
        levels += list(census.tally(sought, each.key, scope).levels.items())
    found: dict[float, int] = {}
    left = labelled
    for pods, nodes in levels:
        here = nodes & labelled
        if here and pods:
            _added(found, raw, here, pods * weight + (each.max_skew - 1))
            left &= ~here
    _added(found, raw, left, float(each.max_skew - 1))
    _added(found, raw, counted & ~labelled, 0.0)
    return found


def _added(found: dict[float, int], raw: dict[float, int], nodes: int, credit: float) -> None:
    for score, group in raw.items():
        both = group & nodes
        if both:
            found[score + credit] = found.get(score + credit, 0) | both


def _domains(domains: Any, having: int, counted: int) -> int:
    """Count the domains that have a node among *counted*."""
    if not having & ~counted:
        return len(domains)
    return sum([1 for nodes in domains.values() if nodes & counted])


@cache
def _weight(domains: int) -> float:
    """
    Give the natural logarithm of two more than the number of domains.

    It is computed in decimal and rounded once, so that it is the same everywhere: a platform's own may differ in the
    last bit.
    """
    return float(Context(prec=30).ln(Decimal(domains + 2)))


def _rounded(score: float) -> int:
    """Round halves up, as upstream does for what is not negative."""
    whole = floor(score)
    return whole + 1 if score - whole >= 0.5 else whole  # noqa: PLR2004 -- a half


def _normalised(groups: dict[int, int], ignored: int) -> list[tuple[int, int]]:
    scores = [score for score, nodes in groups.items() if nodes]
    most, fewest = max(scores, default=0), min(scores, default=0)
    found: dict[int, int] = {0: ignored} if ignored else {}
    for score, nodes in groups.items():
        if nodes:
            better = BEST * (most + fewest - score) // most if most else BEST
            found[better] = found.get(better, 0) | nodes
    return sorted(found.items())
