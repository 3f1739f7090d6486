"""
Merging: the labels of a new pod by which its rules about other pods are narrowed become part of their selectors.

Source:   the pod's strategy: mutatePodAffinity, mutateTopologySpreadConstraints (MatchLabelKeysInPodAffinity,
          MatchLabelKeysInPodTopologySpreadSelectorMerge, both on in 1.36).
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.memo import Same
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_REQUIRED = "required_during_scheduling_ignored_during_execution"
_PREFERRED = "preferred_during_scheduling_ignored_during_execution"


def names_keys(spec: core_v1.PodSpec) -> bool:
    """Tell whether any of a pod's rules about others names labels of its own."""
    if any(each.match_label_keys for each in spec.topology_spread_constraints or ()):
        return True
    if spec.affinity is None:
        return False
    return any(
        term.match_label_keys or term.mismatch_label_keys
        for each in (spec.affinity.pod_affinity, spec.affinity.pod_anti_affinity)
        if each is not None
        for term in (
            *(getattr(each, _REQUIRED) or ()),
            *[one.pod_affinity_term for one in getattr(each, _PREFERRED) or ()],
        )
    )


def merged(spec: core_v1.PodSpec, labels: Map[str] | None) -> core_v1.PodSpec:
    """Give a specification with selectors that say what the pod's own *labels* say; remembered by both."""
    return _merged(Same(spec), Same(labels or _NO_LABELS))


_NO_LABELS = Map[str]()


@lru_cache(maxsize=4096)
def _merged(same: Same, labels: Same) -> core_v1.PodSpec:
    spec: core_v1.PodSpec = same.value
    own: Map[str] = labels.value
    if spec.topology_spread_constraints:
        constraints = tuple([_narrowed(each, own) for each in spec.topology_spread_constraints])
        spec = replace(spec, topology_spread_constraints=constraints)
    if spec.affinity is not None:
        affinity = replace(
            spec.affinity,
            pod_affinity=_all_narrowed(spec.affinity.pod_affinity, own),
            pod_anti_affinity=_all_narrowed(spec.affinity.pod_anti_affinity, own),
        )
        spec = replace(spec, affinity=affinity)
    return spec


def _all_narrowed(rules: Any, own: Map[str]) -> Any:
    if rules is None:
        return None
    required, preferred = getattr(rules, _REQUIRED), getattr(rules, _PREFERRED)
    changes: dict[str, Any] = {}
    if required:
        changes[_REQUIRED] = tuple([_narrowed(each, own) for each in required])
    if preferred:
        changes[_PREFERRED] = tuple(
            [replace(each, pod_affinity_term=_narrowed(each.pod_affinity_term, own)) for each in preferred]
        )
    return replace(rules, **changes)


def _narrowed(rule: Any, own: Map[str]) -> Any:
    """Give a term or a constraint whose selector says which of the pod's own labels others must have, or may not."""
    selector = rule.label_selector
    if selector is None:
        return rule
    more = [_requirement(key, "In", own[key]) for key in rule.match_label_keys or () if key in own]
    mismatch = getattr(rule, "mismatch_label_keys", None) or ()
    more += [_requirement(key, "NotIn", own[key]) for key in mismatch if key in own]
    if not more:
        return rule
    expressions = (*(selector.match_expressions or ()), *more)
    return replace(rule, label_selector=replace(selector, match_expressions=expressions))


def _requirement(key: str, operator: str, value: str) -> meta_v1.LabelSelectorRequirement:
    return meta_v1.LabelSelectorRequirement(key=key, operator=operator, values=(value,))
