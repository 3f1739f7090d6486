"""
Validation of roles and bindings.

Source:   pkg/apis/rbac/validation.
Left out: the selectors of an aggregation rule.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.rbac_v1 import PolicyRule, RoleRef, Subject
from reconcile.components.apiserver.refusals import Cause, Causes, not_supported, required, wrong
from reconcile.model import names

_GROUP: Final = "rbac.authorization.k8s.io"
_BOTH: Final = "rules cannot apply to both regular resources and non-resource URLs"


def role_causes(role: Any) -> Causes:
    """Say what is wrong with a role or a cluster role."""
    namespaced = role.metadata.namespace is not None
    found = [
        cause
        for place, rule in enumerate(role.rules or ())
        for cause in _rule_causes(f"rules[{place}]", rule, namespaced=namespaced)
    ]
    rule = getattr(role, "aggregation_rule", None)
    if rule is not None and not rule.cluster_role_selectors:
        why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        found.append(required("aggregationRule.clusterRoleSelectors", why))
    return tuple(found)


def binding_causes(binding: Any) -> Causes:
    """Say what is wrong with a binding of a role or of a cluster role."""
    namespaced = binding.metadata.namespace is not None
    reference: RoleRef = binding.role_ref
    found: list[Cause] = []
    if reference.api_group != _GROUP:
        found.append(not_supported("roleRef.apiGroup", reference.api_group, (_GROUP,)))
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    if reference.kind not in kinds:
        found.append(not_supported("roleRef.kind", reference.kind, kinds))
    if not reference.name:
        found.append(required("roleRef.name"))
    else:
        faults = names.path_segment_faults(reference.name)
        found += [wrong("roleRef.name", reference.name, fault) for fault in faults]
    for place, subject in enumerate(binding.subjects or ()):
        found += _subject_causes(f"subjects[{place}]", subject, namespaced=namespaced)
    return tuple(found)


def binding_change_causes(new: Any, old: Any) -> Causes:
    """Say that a binding keeps its role."""
    reference: RoleRef = new.role_ref
    if reference == old.role_ref:
        return ()
    shown = {"APIGroup": reference.api_group, "Kind": reference.kind, "Name": reference.name}
    return (wrong("roleRef", shown, "cannot change roleRef"),)


def _rule_causes(field: str, rule: PolicyRule, *, namespaced: bool) -> list[Cause]:
    found: list[Cause] = []
    if not rule.verbs:
        found.append(required(f"{field}.verbs", "verbs must contain at least one value"))
    paths = rule.non_resource_urls
    if paths:
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
            found.append(wrong(f"{field}.nonResourceURLs", paths, why))
        if rule.api_groups or rule.resources or rule.resource_names:
            found.append(wrong(f"{field}.nonResourceURLs", paths, _BOTH))
        return found
    if not rule.api_groups:
        found.append(required(f"{field}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.resources:
        found.append(required(f"{field}.resources", "resource rules must supply at least one resource"))
    return found


def _subject_causes(field: str, subject: Subject, *, namespaced: bool) -> list[Cause]:
    found: list[Cause] = []
    if not subject.name:
        found.append(required(f"{field}.name"))
    match subject.kind:
        case "ServiceAccount":
            faults = names.subdomain_faults(subject.name) if subject.name else ()
            found += [wrong(f"{field}.name", subject.name, fault) for fault in faults]
            if subject.api_group:
                found.append(not_supported(f"{field}.apiGroup", subject.api_group, ("",)))
            if not namespaced and not subject.namespace:
                found.append(required(f"{field}.namespace"))
        case "User" | "Group":
            if subject.api_group != _GROUP:
                found.append(not_supported(f"{field}.apiGroup", subject.api_group or "", (_GROUP,)))
        case _:
            found.append(not_supported(f"{field}.kind", subject.kind, ("ServiceAccount", "User", "Group")))
    return found
