"""Validation of rbac: roles and the bindings that give them to subjects."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import rbac_v1
from reconcile.components.apiserver.refusals import Cause, Causes, required, wrong
from reconcile.components.apiserver.registry.validation.metadata import selector_causes
from reconcile.components.apiserver.registry.validation.parts import chosen, faulty, given, named, same
from reconcile.model.text import names

_GROUP: Final = "rbac.authorization.k8s.io"
_SUBJECTS: Final = ("ServiceAccount", "User", "Group")


def role_causes(obj: rbac_v1.Role) -> Causes:
    """Say what is wrong with a role."""
    return tuple(_rules_causes(obj.rules, namespaced=True))


def cluster_role_causes(obj: rbac_v1.ClusterRole) -> Causes:
    """Say what is wrong with a cluster role."""
    found = _rules_causes(obj.rules, namespaced=False)
    aggregation, at = obj.aggregation_rule, "aggregationRule.clusterRoleSelectors"
    if aggregation is not None:
        if not aggregation.cluster_role_selectors:
            why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            found.append(required(at, why))
        for place, selector in enumerate(aggregation.cluster_role_selectors or ()):
            faults = selector_causes(f"{at}[{place}]", selector)
            found += faults
            if faults:
                found.append(wrong(f"{at}[{place}]", None, "invalid label selector."))
    return tuple(found)


def _rules_causes(rules: tuple[rbac_v1.PolicyRule, ...] | None, *, namespaced: bool) -> list[Cause]:
    found: list[Cause] = []
    for place, rule in enumerate(rules or ()):
        at = f"rules[{place}]"
        if not rule.verbs:
            found.append(required(f"{at}.verbs", "verbs must contain at least one value"))
        urls = rule.non_resource_urls
        if urls:
            if namespaced:
                why = "namespaced rules cannot apply to non-resource URLs"
                found.append(wrong(f"{at}.nonResourceURLs", urls, why))
            if rule.api_groups or rule.resources or rule.resource_names:
                why = "rules cannot apply to both regular resources and non-resource URLs"
                found.append(wrong(f"{at}.nonResourceURLs", urls, why))
            continue
        if not rule.api_groups:
            found.append(required(f"{at}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.resources:
            found.append(required(f"{at}.resources", "resource rules must supply at least one resource"))
    return found


def binding_causes(obj: rbac_v1.RoleBinding) -> Causes:
    """Say what is wrong with a role binding."""
    return tuple(_binding_causes(obj, ("Role", "ClusterRole"), namespaced=True))


def cluster_binding_causes(obj: rbac_v1.ClusterRoleBinding) -> Causes:
    """Say what is wrong with a cluster role binding."""
    return tuple(_binding_causes(obj, ("ClusterRole",), namespaced=False))


def binding_change_causes(new: Any, old: Any) -> Causes:
    """Say that a binding was given another role, which it may not."""
    return () if same(new.role_ref, old.role_ref) else (wrong("roleRef", new.role_ref, "cannot change roleRef"),)


def _binding_causes(obj: Any, kinds: tuple[str, ...], *, namespaced: bool) -> list[Cause]:
    role = given(obj.role_ref, rbac_v1.RoleRef)
    found = chosen("roleRef.apiGroup", role.api_group, (_GROUP,))
    found += chosen("roleRef.kind", role.kind, kinds)
    found += named("roleRef.name", role.name, names.path_segment_faults)
    for place, subject in enumerate(obj.subjects or ()):
        found += _subject_causes(f"subjects[{place}]", subject, namespaced=namespaced)
    return found


def _subject_causes(field: str, subject: rbac_v1.Subject, *, namespaced: bool) -> list[Cause]:
    found = [] if subject.name else [required(f"{field}.name")]
    if subject.kind == "ServiceAccount":
        if subject.name:
            found += faulty(f"{field}.name", subject.name, names.subdomain_faults(subject.name))
        found += chosen(f"{field}.apiGroup", subject.api_group or "", ("",))
        if not namespaced and not subject.namespace:
            found.append(required(f"{field}.namespace"))
    elif subject.kind in ("User", "Group"):
        found += chosen(f"{field}.apiGroup", subject.api_group, (_GROUP,))
    else:
        found += chosen(f"{field}.kind", subject.kind, _SUBJECTS)
    return found
