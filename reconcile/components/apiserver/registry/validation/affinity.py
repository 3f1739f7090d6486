"""Validation of what a pod says of where it wants to be: affinity and spreading."""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.metadata import one_of, selector_causes
from reconcile.model import names

_WEIGHT: Final = "must be in the range 1-100"
_HEAVIEST: Final = 100
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def affinity_causes(field: str, affinity: core_v1.Affinity) -> list[Cause]:
    """Say what is wrong with a pod's affinity."""
    found: list[Cause] = []
    nodes = affinity.node_affinity
    if nodes is not None:
        found += _node_affinity_causes(f"{field}.nodeAffinity", nodes)
    for name, pods in (("podAffinity", affinity.pod_affinity), ("podAntiAffinity", affinity.pod_anti_affinity)):
        if pods is None:
            continue
        for place, term in enumerate(pods.required_during_scheduling_ignored_during_execution or ()):
            found += _pod_term_causes(f"{field}.{name}.{_REQUIRED}[{place}]", term)
        for place, weighted in enumerate(pods.preferred_during_scheduling_ignored_during_execution or ()):
            at = f"{field}.{name}.{_PREFERRED}[{place}]"
            found += _weight_causes(at, weighted.weight)
            found += _pod_term_causes(f"{at}.podAffinityTerm", weighted.pod_affinity_term)
    return found


def spread_causes(field: str, constraints: tuple[core_v1.TopologySpreadConstraint, ...]) -> list[Cause]:
    """Say what is wrong with a pod's topology spread constraints."""
    found: list[Cause] = []
    for place, constraint in enumerate(constraints):
        at = f"{field}[{place}]"
        if constraint.max_skew <= 0:
            found.append(wrong(f"{at}.maxSkew", constraint.max_skew, "must be greater than zero"))
        if not constraint.topology_key:
            found.append(required(f"{at}.topologyKey", "can not be empty"))
        else:
            found += _key_causes(f"{at}.topologyKey", constraint.topology_key)
        found += one_of(f"{at}.whenUnsatisfiable", constraint.when_unsatisfiable, ("DoNotSchedule", "ScheduleAnyway"))
        least = constraint.min_domains
        if least is not None:
            if least <= 0:
                found.append(wrong(f"{at}.minDomains", least, "must be greater than zero"))
            if constraint.when_unsatisfiable != "DoNotSchedule":
                why = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
                found.append(wrong(f"{at}.minDomains", least, why))
        found += selector_causes(f"{at}.labelSelector", constraint.label_selector)
    return found


def _node_affinity_causes(field: str, affinity: core_v1.NodeAffinity) -> list[Cause]:
    found: list[Cause] = []
    needed = affinity.required_during_scheduling_ignored_during_execution
    if needed is not None:
        at = f"{field}.{_REQUIRED}.nodeSelectorTerms"
        if not needed.node_selector_terms:
            found.append(required(at, "must have at least one node selector term"))
        for place, term in enumerate(needed.node_selector_terms):
            found += _node_term_causes(f"{at}[{place}]", term)
    for place, preferred in enumerate(affinity.preferred_during_scheduling_ignored_during_execution or ()):
        at = f"{field}.{_PREFERRED}[{place}]"
        found += _weight_causes(at, preferred.weight)
        found += _node_term_causes(f"{at}.preference", preferred.preference)
    return found


def _node_term_causes(field: str, term: core_v1.NodeSelectorTerm) -> list[Cause]:
    found: list[Cause] = []
    for place, wanted in enumerate(term.match_expressions or ()):
        found += _requirement_causes(f"{field}.matchExpressions[{place}]", wanted)
    for place, wanted in enumerate(term.match_fields or ()):
        at = f"{field}.matchFields[{place}]"
        found += one_of(f"{at}.operator", wanted.operator, ("In", "NotIn"))
        if len(wanted.values or ()) != 1:
            found.append(
                required(
                    f"{at}.values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
                )
            )
        if wanted.key != "metadata.name":
            found.append(wrong(f"{at}.key", wanted.key, "not a valid field selector key"))
    return found


def _requirement_causes(field: str, wanted: core_v1.NodeSelectorRequirement) -> list[Cause]:
    found: list[Cause] = []
    operator, values = wanted.operator, wanted.values or ()
    if operator in ("In", "NotIn"):
        if not values:
            found.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{field}.values", why))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            found.append(required(f"{field}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    else:
        found.append(wrong(f"{field}.operator", operator, "not a valid selector operator"))
    return found + _key_causes(f"{field}.key", wanted.key)


def _pod_term_causes(field: str, term: core_v1.PodAffinityTerm) -> list[Cause]:
    found = [
        *selector_causes(f"{field}.labelSelector", term.label_selector),
        *selector_causes(f"{field}.namespaceSelector", term.namespace_selector),
    ]
    for name in term.namespaces or ():
        found += [wrong(f"{field}.namespaces", name, fault) for fault in names.label_faults(name)]
    if not term.topology_key:
        found.append(required(f"{field}.topologyKey", "can not be empty"))
        return found
    return found + _key_causes(f"{field}.topologyKey", term.topology_key)


def _weight_causes(field: str, weight: int) -> list[Cause]:
    return [] if 1 <= weight <= _HEAVIEST else [wrong(f"{field}.weight", weight, _WEIGHT)]


def _key_causes(field: str, key: str) -> list[Cause]:
    return [wrong(field, key, fault) for fault in names.qualified_faults(key)]
