"""Validation of flowcontrol: flow schemas and priority levels."""

from __future__ import annotations

import math
from typing import Any, Final

from reconcile.api import flowcontrol_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.parts import (
    between,
    faulty,
    given,
    named,
    positive,
    required_choice,
)
from reconcile.model.text import names

_HIGHEST_PRECEDENCE: Final = 10_000
_MOST_QUEUES: Final = 10_000_000
_MOST_HASH_BITS: Final = 60
_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS: Final = ("Group", "ServiceAccount", "User")
_METHODS: Final = ("ByNamespace", "ByUser")
_LEVELS: Final = ("Exempt", "Limited")
_RESPONSES: Final = ("Queue", "Reject")
_NAMESPACE: Final = "each member of this list must be '*' or a DNS-1123 label; "
_NOT_NEGATIVE: Final = "must be a non-negative integer"
_KEEP_ZERO: Final = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"


def schema_causes(obj: flowcontrol_v1.FlowSchema) -> Causes:
    """Say what is wrong with a flow schema."""
    spec = given(obj.spec, flowcontrol_v1.FlowSchemaSpec)
    name = obj.metadata.name if obj.metadata is not None else None
    precedence, at = spec.matching_precedence or 0, "spec.matchingPrecedence"
    found = positive(at, precedence, "must be a positive value")
    if precedence > _HIGHEST_PRECEDENCE:
        found.append(wrong(at, precedence, f"must not be greater than {_HIGHEST_PRECEDENCE}"))
    if precedence == 1 and name != "exempt":
        found.append(wrong(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"))
    method = spec.distinguisher_method
    if method is not None and method.type not in _METHODS:
        found.append(not_supported("spec.distinguisherMethod.type", method, _METHODS))
    level = given(spec.priority_level_configuration, flowcontrol_v1.PriorityLevelConfigurationReference)
    at = "spec.priorityLevelConfiguration.name"
    found += named(at, level.name, names.subdomain_faults, "must reference a priority level")
    for place, rule in enumerate(spec.rules or ()):
        found += _rule_causes(f"spec.rules[{place}]", rule)
    return tuple(found + schema_status_causes(obj))


def schema_status_causes(obj: Any) -> list[Cause]:
    """Say what is wrong with the conditions of a flow schema or of a priority level."""
    found: list[Cause] = []
    known: list[str] = []
    for place, condition in enumerate((obj.status.conditions if obj.status is not None else None) or ()):
        at, kind = f"status.conditions[{place}].type", condition.type or ""
        found += [duplicate(at, kind)] if kind in known else []
        known.append(kind)
        found += [] if kind else [required(at)]
    return found


def _rule_causes(field: str, rule: flowcontrol_v1.PolicyRulesWithSubjects) -> list[Cause]:
    found: list[Cause] = []
    for place, subject in enumerate(rule.subjects or ()):
        found += _subject_causes(f"{field}.subjects[{place}]", subject)
    if not rule.subjects:
        found.append(required(f"{field}.subjects", "subjects must contain at least one value"))
    if not (rule.resource_rules or rule.non_resource_rules):
        why = "at least one of resourceRules and nonResourceRules has to be non-empty"
        found.append(required(field, why))
    for place, resources in enumerate(rule.resource_rules or ()):
        found += _resources_causes(f"{field}.resourceRules[{place}]", resources)
    for place, urls in enumerate(rule.non_resource_rules or ()):
        found += _urls_causes(f"{field}.nonResourceRules[{place}]", urls)
    return found


def _subject_causes(field: str, subject: flowcontrol_v1.Subject) -> list[Cause]:
    parts = (
        ("ServiceAccount", "serviceAccount", subject.service_account),
        ("User", "user", subject.user),
        ("Group", "group", subject.group),
    )
    if subject.kind not in _SUBJECTS:
        return [not_supported(f"{field}.kind", subject.kind or "", _SUBJECTS)]
    found: list[Cause] = []
    for kind, name, part in parts:
        at = f"{field}.{name}"
        if kind != subject.kind:
            continue
        if part is None:
            found.append(required(at, f"{name} is required when subject kind is '{kind}'"))
        elif kind == "ServiceAccount":
            found += _account_causes(at, part)
        elif not part.name:
            found.append(required(f"{at}.name"))
    for kind, name, part in parts:
        if kind != subject.kind and part is not None:
            why = f"{name} is forbidden when subject kind is not '{kind}'"
            found.append(forbidden(f"{field}.{name}", why))
    return found


def _account_causes(field: str, account: Any) -> list[Cause]:
    found: list[Cause] = []
    if not account.name:
        found.append(required(f"{field}.name"))
    elif account.name != "*":
        found += faulty(f"{field}.name", account.name, names.subdomain_faults(account.name))
    why = "must specify namespace for service account"
    return found + named(f"{field}.namespace", account.namespace, names.label_faults, why)


def _verbs_causes(field: str, verbs: tuple[str, ...] | None) -> list[Cause]:
    if not verbs:
        return [required(field, "verbs must contain at least one value")]
    if "*" in verbs:
        return _alone(field, verbs, "verbs")
    return [] if all(verb in _VERBS for verb in verbs) else [not_supported(field, verbs, _VERBS)]


def _alone(field: str, values: tuple[str, ...], what: str) -> list[Cause]:
    if "*" in values and len(values) > 1:
        return [wrong(field, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resources_causes(field: str, rule: flowcontrol_v1.ResourcePolicyRule) -> list[Cause]:
    found = _verbs_causes(f"{field}.verbs", rule.verbs)
    for name, values, one, what in (
        ("apiGroups", rule.api_groups, "api group", "api groups"),
        ("resources", rule.resources, "resource", "resources"),
    ):
        if not values:
            found.append(required(f"{field}.{name}", f"resource rules must supply at least one {one}"))
        else:
            found += _alone(f"{field}.{name}", values, what)
    namespaces, at = rule.namespaces or (), f"{field}.namespaces"
    if not namespaces and not rule.cluster_scope:
        why = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*found, required(at, why)]
    if "*" in namespaces:
        return found + _alone(at, namespaces, "namespaces")
    for place, namespace in enumerate(namespaces):
        faults = [_NAMESPACE + fault for fault in names.label_faults(namespace)]
        found += faulty(f"{at}[{place}]", namespace, faults)
    return found


def _urls_causes(field: str, rule: flowcontrol_v1.NonResourcePolicyRule) -> list[Cause]:
    found = _verbs_causes(f"{field}.verbs", rule.verbs)
    urls, at = rule.non_resource_urls, f"{field}.nonResourceURLs"
    if not urls:
        return [*found, required(at, "nonResourceURLs must contain at least one value")]
    if "*" in urls:
        return found + _alone(at, urls, "non-resource URLs")
    for place, url in enumerate(urls):
        fault = _url_fault(url)
        found += [] if fault is None else [wrong(f"{at}[{place}]", url, fault)]
    return found


def _url_fault(url: str) -> str | None:
    if not url:
        return "must not be empty"
    if url == "/":
        return None
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    count = url.count("*")
    return "wildcard can only do suffix matching" if count > 1 or (count and not url.endswith("/*")) else None


def level_causes(obj: flowcontrol_v1.PriorityLevelConfiguration) -> Causes:
    """Say what is wrong with a priority level."""
    spec = given(obj.spec, flowcontrol_v1.PriorityLevelConfigurationSpec)
    metadata, found = obj.metadata, list[Cause]()
    if metadata is not None and _KEEP_ZERO in (metadata.annotations or {}):
        found.append(forbidden("metadata.annotations", f"annotation '{_KEEP_ZERO}' is forbidden"))
    name = metadata.name if metadata is not None else None
    if (name == "exempt") != (spec.type == "Exempt"):
        why = "must be 'Exempt' if and only if `name` is 'exempt'"
        found.append(wrong("spec.type", spec.type or "", why))
    if spec.type == "Exempt":
        if spec.limited is not None:
            found.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        if spec.exempt is not None:
            found += _shares_causes("spec.exempt", spec.exempt)
            found += between("spec.exempt.lendablePercent", spec.exempt.lendable_percent, 0, 100)
    elif spec.type == "Limited":
        if spec.exempt is not None:
            found.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        if spec.limited is None:
            found.append(required("spec.limited", "must not be empty when type is Limited"))
        else:
            found += _limited_causes("spec.limited", spec.limited)
    else:
        found += required_choice("spec.type", spec.type, _LEVELS)
    return tuple(found + schema_status_causes(obj))


def _shares_causes(field: str, part: Any) -> list[Cause]:
    shares = part.nominal_concurrency_shares
    if shares is None or shares >= 0:
        return []
    return [wrong(f"{field}.nominalConcurrencyShares", shares, _NOT_NEGATIVE)]


def _limited_causes(field: str, limited: flowcontrol_v1.LimitedPriorityLevelConfiguration) -> list[Cause]:
    found = _shares_causes(field, limited)
    response = given(limited.limit_response, flowcontrol_v1.LimitResponse)
    queuing, at = response.queuing, f"{field}.limitResponse.queuing"
    if response.type == "Reject":
        if queuing is not None:
            found.append(forbidden(at, "must be nil if limited.limitResponse.type is not Limited"))
    elif response.type == "Queue":
        if queuing is None:
            found.append(required(at, "must not be empty if limited.limitResponse.type is Limited"))
        else:
            found += _queuing_causes(at, queuing)
    else:
        found += required_choice(f"{field}.limitResponse.type", response.type, _RESPONSES)
    found += between(f"{field}.lendablePercent", limited.lendable_percent, 0, 100)
    borrowed = limited.borrowing_limit_percent
    if borrowed is not None and borrowed < 0:
        found.append(wrong(f"{field}.borrowingLimitPercent", borrowed, f"if specified, {_NOT_NEGATIVE}"))
    return found


def _queuing_causes(field: str, queuing: flowcontrol_v1.QueuingConfiguration) -> list[Cause]:
    queues, hand = queuing.queues or 0, queuing.hand_size or 0
    found = positive(f"{field}.queueLengthLimit", queuing.queue_length_limit, "must be positive")
    found += positive(f"{field}.queues", queues, "must be positive")
    if queues > _MOST_QUEUES:
        found.append(wrong(f"{field}.queues", queues, f"must not be greater than {_MOST_QUEUES}"))
    at = f"{field}.handSize"
    if hand <= 0:
        return found + positive(at, hand, "must be positive")
    if hand > queues:
        return [*found, wrong(at, hand, f"should not be greater than queues ({queues})")]
    # How many bits it takes to deal a hand out of all queues.
    bits = math.ceil(sum(math.log2(queues - dealt) for dealt in range(hand)))
    if bits > _MOST_HASH_BITS:
        sizes = f"deckSize {queues} and handSize {hand}"
        why = f"required entropy bits of {sizes} should not be greater than {_MOST_HASH_BITS}"
        found.append(wrong(at, hand, why))
    return found
