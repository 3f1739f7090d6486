"""Validation of webhook configurations, and of the rules that say which requests they are asked about."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import admissionregistration_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, required, too_many, wrong
from reconcile.components.apiserver.registry.validation.expressions import expression_causes
from reconcile.components.apiserver.registry.validation.metadata import selector_causes
from reconcile.components.apiserver.registry.validation.parts import (
    chosen,
    faulty,
    full_name_causes,
    given,
    named,
    service_causes,
    url_causes,
)
from reconcile.model.text import names

FAILURES: Final = ("Fail", "Ignore")
MATCHES: Final = ("Equivalent", "Exact")
INVOCATIONS: Final = ("IfNeeded", "Never")
_EFFECTS: Final = ("None", "NoneOnDryRun")
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_REVIEWS: Final = ("v1", "v1beta1")
_LONGEST_WAIT: Final = 30
_MOST_CONDITIONS: Final = 64
_WAIT: Final = f"the timeout value must be between 1 and {_LONGEST_WAIT} seconds"


def configuration_causes(obj: Any) -> Causes:
    """Say what is wrong with a configuration of validating or of mutating webhooks."""
    found: list[Cause] = []
    known: list[str] = []
    for place, hook in enumerate(obj.webhooks or ()):
        at = f"webhooks[{place}]"
        found += _hook_causes(at, hook)
        found += _reviews_causes(f"{at}.admissionReviewVersions", hook.admission_review_versions or ())
        if hook.name and hook.name in known:
            found.append(duplicate(f"{at}.name", hook.name))
        known.append(hook.name)
    return tuple(found)


def configuration_update_causes(new: Any, old: Any) -> Causes:  # noqa: ARG001 -- as all updates
    """Say what is wrong with an update of a configuration of webhooks."""
    return configuration_causes(new)


def _hook_causes(field: str, hook: Any) -> list[Cause]:
    found = full_name_causes(f"{field}.name", hook.name)
    for place, rule in enumerate(hook.rules or ()):
        found += rule_causes(f"{field}.rules[{place}]", rule)
    if hook.failure_policy is not None:
        found += chosen(f"{field}.failurePolicy", hook.failure_policy, FAILURES)
    if hook.match_policy is not None:
        found += chosen(f"{field}.matchPolicy", hook.match_policy, MATCHES)
    if hook.side_effects is None:
        found.append(required(f"{field}.sideEffects", "must specify one of " + ", ".join(_EFFECTS)))
    else:
        found += chosen(f"{field}.sideEffects", hook.side_effects, _EFFECTS)
    seconds = hook.timeout_seconds
    if seconds is not None and not 1 <= seconds <= _LONGEST_WAIT:
        found.append(wrong(f"{field}.timeoutSeconds", seconds, _WAIT))
    found += selector_causes(f"{field}.namespaceSelector", hook.namespace_selector)
    found += selector_causes(f"{field}.objectSelector", hook.object_selector)
    invoked = getattr(hook, "reinvocation_policy", None)
    if invoked is not None:
        found += chosen(f"{field}.reinvocationPolicy", invoked, INVOCATIONS)
    client = given(hook.client_config, admissionregistration_v1.WebhookClientConfig)
    service, at = client.service, f"{field}.clientConfig"
    if (client.url is None) == (service is None):
        found.append(required(at, "exactly one of url or service is required"))
    elif service is None:
        found += url_causes(f"{at}.url", client.url or "")
    else:
        # The two names are given the wrong way round upstream.
        found += service_causes(f"{at}.service", service.name, service.namespace, service.path, service.port)
    return found + conditions_causes(f"{field}.matchConditions", hook.match_conditions or ())


def conditions_causes(field: str, conditions: tuple[Any, ...], *, params: bool = False) -> list[Cause]:
    """Say what is wrong with the conditions under which something is asked; with *params* they may ask for those."""
    found: list[Cause] = []
    known: list[str] = []
    if len(conditions) > _MOST_CONDITIONS:
        found.append(too_many(field, len(conditions), _MOST_CONDITIONS))
    for place, condition in enumerate(conditions):
        at, name = f"{field}[{place}]", condition.name
        expression = (condition.expression or "").strip()
        if not expression:
            found.append(required(f"{at}.expression"))
        else:
            found += expression_causes(f"{at}.expression", expression, params=params)
        found += named(f"{at}.name", name, names.qualified_faults)
        if name and name in known:
            found.append(duplicate(f"{at}.name", name))
        known.append(name)
    return found


def _reviews_causes(field: str, versions: tuple[str, ...]) -> list[Cause]:
    if not versions:
        return [required(field, "must specify one of " + ", ".join(_REVIEWS))]
    found: list[Cause] = []
    for place, version in enumerate(versions):
        at = f"{field}[{place}]"
        if version in versions[:place]:
            found.append(wrong(at, version, "duplicate version"))
        else:
            found += faulty(at, version, names.label_1035_faults(version))
    if not any(version in _REVIEWS for version in versions):
        found.append(wrong(field, versions, "must include at least one of " + ", ".join(_REVIEWS)))
    return found


def rule_causes(field: str, rule: Any) -> list[Cause]:
    """Say what is wrong with a rule: operations on resources."""
    operations = rule.operations or ()
    found: list[Cause] = [] if operations else [required(f"{field}.operations")]
    found += _alone(f"{field}.operations", operations, "operations")
    for place, operation in enumerate(operations):
        found += chosen(f"{field}.operations[{place}]", operation, _OPERATIONS)
    groups, versions = rule.api_groups or (), rule.api_versions or ()
    found += [] if groups else [required(f"{field}.apiGroups")]
    found += _alone(f"{field}.apiGroups", groups, "API groups")
    found += [] if versions else [required(f"{field}.apiVersions")]
    found += _alone(f"{field}.apiVersions", versions, "API versions")
    found += [required(f"{field}.apiVersions[{place}]") for place, version in enumerate(versions) if not version]
    found += _resources_causes(f"{field}.resources", rule.resources or ())
    return found if rule.scope is None else found + chosen(f"{field}.scope", rule.scope, _SCOPES)


def _alone(field: str, values: tuple[str, ...], what: str) -> list[Cause]:
    if len(values) > 1 and "*" in values:
        return [wrong(field, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resources_causes(field: str, resources: tuple[str, ...]) -> list[Cause]:
    found: list[Cause] = [] if resources else [required(field)]
    all_of: list[str] = []
    in_all: list[str] = []
    last_is_whole = False
    for place, text in enumerate(resources):
        at = f"{field}[{place}]"
        if not text:
            found.append(required(at))
            continue
        resource, slash, part = text.partition("/")
        if not slash:
            last_is_whole = text != "*"
            continue
        if resource in all_of:
            found.append(wrong(at, text, f"if '{resource}/*' is present, must not specify {text}"))
        if part in in_all:
            found.append(wrong(at, text, f"if '*/{part}' is present, must not specify {text}"))
        if part == "*":
            all_of.append(resource)
        if resource == "*":
            in_all.append(part)
    if len(resources) > 1 and "*/*" in resources:
        found.append(wrong(field, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and last_is_whole:
        why = "if '*' is present, must not specify other resources without subresources"
        found.append(wrong(field, resources, why))
    return found
