"""Validation of where a pod wants to be: affinity, tolerations, spreading; and of terms that select nodes."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.refusals import Cause, duplicate, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.metadata import selector_causes
from reconcile.components.apiserver.registry.validation.values import above_zero, among, label, qualified, subdomain
from reconcile.model.text import names

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_HEAVIEST: Final = 100
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_TWICE: Final = "exists in both matchLabelKeys and labelSelector"
_UNSELECTED: Final = "must not be specified when labelSelector is not set"


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


def _node_affinity_causes(field: str, affinity: core_v1.NodeAffinity) -> list[Cause]:
    found: list[Cause] = []
    needed = affinity.required_during_scheduling_ignored_during_execution
    if needed is not None:
        found += node_selector_causes(f"{field}.{_REQUIRED}", needed)
    for place, preferred in enumerate(affinity.preferred_during_scheduling_ignored_during_execution or ()):
        at = f"{field}.{_PREFERRED}[{place}]"
        found += _weight_causes(at, preferred.weight)
        # A preference that no node can fulfil does no harm.
        found += _node_term_causes(f"{at}.preference", preferred.preference, values=False)
    return found


def node_selector_causes(field: str, selector: core_v1.NodeSelector) -> list[Cause]:
    """Say what is wrong with what selects nodes."""
    at = f"{field}.nodeSelectorTerms"
    if not selector.node_selector_terms:
        return [required(at, "must have at least one node selector term")]
    found: list[Cause] = []
    for place, term in enumerate(selector.node_selector_terms):
        found += _node_term_causes(f"{at}[{place}]", term, values=True)
    return found


def _node_term_causes(field: str, term: core_v1.NodeSelectorTerm, *, values: bool) -> list[Cause]:
    found: list[Cause] = []
    for place, wanted in enumerate(term.match_expressions or ()):
        found += _requirement_causes(f"{field}.matchExpressions[{place}]", wanted, values=values)
    for place, wanted in enumerate(term.match_fields or ()):
        found += _field_causes(f"{field}.matchFields[{place}]", wanted)
    return found


def _requirement_causes(field: str, wanted: core_v1.NodeSelectorRequirement, *, values: bool) -> list[Cause]:
    found: list[Cause] = []
    operator, given = wanted.operator, wanted.values or ()
    if operator in ("In", "NotIn"):
        if not given:
            found.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if given:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{field}.values", why))
    elif operator in ("Gt", "Lt"):
        if len(given) != 1:
            found.append(required(f"{field}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    else:
        found.append(wrong(f"{field}.operator", operator, "not a valid selector operator"))
    found += qualified(f"{field}.key", wanted.key)
    for place, value in enumerate(given if values else ()):
        found += [wrong(f"{field}.values[{place}]", value, fault) for fault in names.label_value_faults(value)]
    return found


def _field_causes(field: str, wanted: core_v1.NodeSelectorRequirement) -> list[Cause]:
    found: list[Cause] = []
    if wanted.operator not in ("In", "NotIn"):
        found.append(wrong(f"{field}.operator", wanted.operator, "not a valid selector operator"))
    elif len(wanted.values or ()) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        found.append(required(f"{field}.values", why))
    if wanted.key != "metadata.name":
        return [*found, wrong(f"{field}.key", wanted.key, "not a valid field selector key")]
    for place, value in enumerate(wanted.values or ()):
        found += subdomain(f"{field}.values[{place}]", value)
    return found


def _pod_term_causes(field: str, term: core_v1.PodAffinityTerm) -> list[Cause]:
    found = [
        *selector_causes(f"{field}.labelSelector", term.label_selector),
        *selector_causes(f"{field}.namespaceSelector", term.namespace_selector),
    ]
    for name in term.namespaces or ():
        found += label(f"{field}.namespace", name)
    found += _keys_causes(field, term.match_label_keys or (), term.mismatch_label_keys or (), term.label_selector)
    if not term.topology_key:
        found.append(required(f"{field}.topologyKey", "can not be empty"))
    return found + qualified(f"{field}.topologyKey", term.topology_key)


def _keys_causes(
    field: str,
    match: tuple[str, ...],
    mismatch: tuple[str, ...],
    selector: meta_v1.LabelSelector | None,
) -> list[Cause]:
    """Say what is wrong with labels whose values the pod's own are to be, or not to be."""
    found: list[Cause] = []
    for name, keys in (("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)):
        if keys and selector is None:
            found.append(forbidden(f"{field}.{name}", _UNSELECTED))
            continue
        for place, key in enumerate(keys):
            found += qualified(f"{field}.{name}[{place}]", key)
    if selector is not None:
        places = {key: place for place, key in enumerate(match)}
        selected = set(selector.match_labels or ())
        for expression in selector.match_expressions or ():
            key = expression.key
            if key in places and key in selected:
                found.append(wrong(f"{field}[{places[key]}]", key, _TWICE))
            selected.add(key)
    for place, key in enumerate(match):
        if key in mismatch:
            why = "exists in both matchLabelKeys and mismatchLabelKeys"
            found.append(wrong(f"{field}.matchLabelKeys[{place}]", key, why))
    return found


def _weight_causes(field: str, weight: int) -> list[Cause]:
    return [] if 1 <= weight <= _HEAVIEST else [wrong(f"{field}.weight", weight, "must be in the range 1-100")]


def spread_causes(field: str, constraints: tuple[core_v1.TopologySpreadConstraint, ...]) -> list[Cause]:
    """Say what is wrong with a pod's topology spread constraints."""
    found: list[Cause] = []
    for place, constraint in enumerate(constraints):
        at, key, how = f"{field}[{place}]", constraint.topology_key, constraint.when_unsatisfiable
        found += above_zero(f"{at}.maxSkew", constraint.max_skew)
        if not key:
            found.append(required(f"{at}.topologyKey", "can not be empty"))
        found += among(f"{at}.whenUnsatisfiable", how, ("DoNotSchedule", "ScheduleAnyway"))
        for other in constraints[place + 1 :]:
            if (other.topology_key, other.when_unsatisfiable) == (key, how):
                found.append(duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {how}}}"))
                break
        if constraint.min_domains is not None:
            found += above_zero(f"{at}.minDomains", constraint.min_domains)
            if how != "DoNotSchedule":
                why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {how}"
                found.append(wrong(f"{at}.minDomains", constraint.min_domains, why))
        for name, policy in (
            ("nodeAffinityPolicy", constraint.node_affinity_policy),
            ("nodeTaintsPolicy", constraint.node_taints_policy),
        ):
            if policy is not None:
                found += among(f"{at}.{name}", policy, ("Honor", "Ignore"))
        found += _keys_causes(at, constraint.match_label_keys or (), (), constraint.label_selector)
        found += selector_causes(f"{at}.labelSelector", constraint.label_selector)
    return found


def tolerations_causes(field: str, tolerations: tuple[core_v1.Toleration, ...]) -> list[Cause]:
    """Say what is wrong with a pod's tolerations."""
    found: list[Cause] = []
    for place, toleration in enumerate(tolerations):
        found += _toleration_causes(f"{field}[{place}]", toleration)
    return found


def _toleration_causes(field: str, toleration: core_v1.Toleration) -> list[Cause]:
    key, operator, effect = toleration.key, toleration.operator or "", toleration.effect or ""
    value = toleration.value or ""
    found = qualified(f"{field}.key", key) if key else []
    if not key and operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        found.append(wrong(f"{field}.operator", operator, why))
    if toleration.toleration_seconds is not None and effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        found.append(wrong(f"{field}.effect", effect, why))
    if operator in ("Equal", ""):
        faults = names.label_value_faults(value)
        if faults:
            found.append(wrong(f"{field}.operator", value, ";".join(faults)))
    elif operator == "Exists":
        if value:
            found.append(wrong(f"{field}.operator", value, "value must be empty when `operator` is 'Exists'"))
    elif operator in ("Lt", "Gt"):
        # The comparing ones are known, but not to be had by default.
        found.append(not_supported(f"{field}.operator", operator, ("Equal", "Exists", "Lt", "Gt")))
    else:
        found.append(not_supported(f"{field}.operator", operator, ("Equal", "Exists")))
    if effect and effect not in EFFECTS:
        found.append(not_supported(f"{field}.effect", effect, EFFECTS))
    return found


def taints_causes(field: str, taints: tuple[core_v1.Taint, ...]) -> list[Cause]:
    """Say what is wrong with a node's taints."""
    found: list[Cause] = []
    seen: set[tuple[Any, Any]] = set()
    for place, taint in enumerate(taints):
        at, value, effect = f"{field}[{place}]", taint.value or "", taint.effect
        found += qualified(f"{at}.key", taint.key)
        faults = names.label_value_faults(value)
        if faults:
            found.append(wrong(f"{at}.value", value, ";".join(faults)))
        if not effect:
            found.append(required(f"{at}.effect"))
        else:
            found += among(f"{at}.effect", effect, EFFECTS)
        if (taint.key, effect) in seen:
            found.append(duplicate(at, taint, "taints must be unique by key and effect pair"))
        seen.add((taint.key, effect))
    return found
