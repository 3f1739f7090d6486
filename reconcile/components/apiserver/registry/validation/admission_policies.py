"""Validation of admission policies, validating and mutating, and of their bindings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import admissionregistration_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.expressions import (
    expression_causes,
    is_identifier,
    variables_of,
)
from reconcile.components.apiserver.registry.validation.metadata import selector_causes
from reconcile.components.apiserver.registry.validation.parts import chosen, faulty, given, named, required_choice
from reconcile.components.apiserver.registry.validation.webhooks import (
    FAILURES,
    INVOCATIONS,
    MATCHES,
    conditions_causes,
    rule_causes,
)
from reconcile.lib.replacing import replace
from reconcile.model.text import names

_ACTIONS: Final = ("Audit", "Deny", "Warn")
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_MUTATING: Final = ("*", "CONNECT", "CREATE", "UPDATE")
_PATCHES: Final = ("ApplyConfiguration", "JSONPatch")
_MOST_ANNOTATIONS: Final = 20
_LONGEST_VALUE: Final = 5 * 1024
_NOTHING: Final = "validations or auditAnnotations must contain at least one item"
_EXCLUSIVE: Final = "name and selector are mutually exclusive"
_TWICE: Final = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API response and"
    " headers serves no purpose)"
)


def validating_causes(obj: admissionregistration_v1.ValidatingAdmissionPolicy) -> Causes:
    """Say what is wrong with a validating admission policy."""
    spec = given(obj.spec, admissionregistration_v1.ValidatingAdmissionPolicySpec)
    found = _policy_causes(spec)
    annotations = spec.audit_annotations or ()
    if not (spec.validations or annotations):
        return (*found, required("spec.validations", _NOTHING), required("spec.auditAnnotations", _NOTHING))
    params, more = spec.param_kind is not None, variables_of(spec)
    for place, validation in enumerate(spec.validations or ()):
        found += _validation_causes(f"spec.validations[{place}]", validation, params=params, more=more)
    if len(annotations) > _MOST_ANNOTATIONS:
        why = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        found.append(wrong("spec.auditAnnotations", annotations, why))
    name = (obj.metadata.name if obj.metadata is not None else None) or ""
    known: list[str] = []
    for place, annotation in enumerate(annotations):
        at = f"spec.auditAnnotations[{place}]"
        found += _annotation_causes(at, name, annotation, params=params, more=more)
        if annotation.key in known:
            found.append(duplicate(f"{at}.key", annotation.key))
        known.append(annotation.key)
    return tuple(found)


def mutating_causes(obj: admissionregistration_v1.MutatingAdmissionPolicy) -> Causes:
    """Say what is wrong with a mutating admission policy."""
    spec = given(obj.spec, admissionregistration_v1.MutatingAdmissionPolicySpec)
    found = _policy_causes(spec, mutating=True)
    if not spec.mutations:
        found.append(required("spec.mutations", "mutations must contain at least one item"))
    for place, mutation in enumerate(spec.mutations or ()):
        found += _mutation_causes(f"spec.mutations[{place}]", mutation, spec)
    return (*found, *required_choice("spec.reinvocationPolicy", spec.reinvocation_policy, INVOCATIONS))


def validating_binding_causes(obj: admissionregistration_v1.ValidatingAdmissionPolicyBinding) -> Causes:
    """Say what is wrong with the binding of a validating admission policy."""
    spec = given(obj.spec, admissionregistration_v1.ValidatingAdmissionPolicyBindingSpec)
    found = _binding_causes(spec)
    actions, at = spec.validation_actions or (), "spec.validationActions"
    for place, action in enumerate(actions):
        found += chosen(f"{at}[{place}]", action, _ACTIONS)
        if action in actions[:place]:
            found.append(duplicate(f"{at}[{place}]", action))
    if "Deny" in actions and "Warn" in actions:
        found.append(wrong(at, actions, _TWICE))
    if not actions:
        found.append(required(at, "at least one validation action is required"))
    return tuple(found)


def mutating_binding_causes(obj: admissionregistration_v1.MutatingAdmissionPolicyBinding) -> Causes:
    """Say what is wrong with the binding of a mutating admission policy."""
    spec = given(obj.spec, admissionregistration_v1.MutatingAdmissionPolicyBindingSpec)
    return (*_binding_causes(spec), *_operations_causes("spec.matchResources", spec.match_resources))


def _policy_causes(spec: Any, *, mutating: bool = False) -> list[Cause]:
    found: list[Cause] = []
    policy = spec.failure_policy
    found += [required("spec.failurePolicy")] if policy is None else chosen("spec.failurePolicy", policy, FAILURES)
    if spec.param_kind is not None:
        found += _kind_causes("spec.paramKind", spec.param_kind)
    at, matched = "spec.matchConstraints", spec.match_constraints
    if matched is None:
        found.append(required(at))
    else:
        found += _match_causes(at, matched)
        if not matched.resource_rules:
            found.append(required(f"{at}.resourceRules"))
        if mutating:
            found += _operations_causes(at, matched)
    found += conditions_causes("spec.matchConditions", spec.match_conditions or (), params=spec.param_kind is not None)
    params, before = spec.param_kind is not None, list[Any]()
    for place, variable in enumerate(spec.variables or ()):
        at = f"spec.variables[{place}]"
        name = variable.name or ""
        if not name.strip():
            found.append(required(f"{at}.name", "name is not specified"))
        elif not is_identifier(name):
            found.append(wrong(f"{at}.name", name, "must be a valid CEL identifier"))
        if not (variable.expression or "").strip():
            found.append(required(f"{at}.expression", "expression is not specified"))
        else:
            more = variables_of(replace(spec, variables=tuple(before)), always=True)
            found += expression_causes(f"{at}.expression", variable.expression, (), params=params, more=more)
        before.append(variable)
    return found


def _operations_causes(field: str, matched: Any) -> list[Cause]:
    rules = (matched.resource_rules if matched is not None else None) or ()
    asked = [operation for rule in rules for operation in rule.operations or ()]
    at = f"{field}.resourceRules.operations"
    return [not_supported(at, operation, _MUTATING) for operation in asked if operation not in _MUTATING]


def _kind_causes(field: str, kind: Any) -> list[Cause]:
    found: list[Cause] = []
    text, at = kind.api_version or "", f"{field}.apiVersion"
    group, _, version = text.rpartition("/")
    if not text:
        found.append(required(at))
    elif text.count("/") > 1:
        found.append(wrong(at, text, f"unexpected GroupVersion string: {text}"))
    else:
        if group and names.subdomain_faults(group):
            found.append(wrong(at, group, ",".join(names.subdomain_faults(group))))
        if not version:
            found.append(wrong(at, text, "version must be specified"))
        elif names.label_1035_faults(version):
            found.append(wrong(at, version, ",".join(names.label_1035_faults(version))))
    name = kind.kind or ""
    if not name:
        return [*found, required(f"{field}.kind")]
    faults = names.label_1035_faults(name.lower())
    if faults:
        why = "may have mixed case, but should otherwise match: " + ",".join(faults)
        found.append(wrong(f"{field}.kind", name, why))
    return found


def _match_causes(field: str, matched: Any) -> list[Cause]:
    at, policy = f"{field}.matchPolicy", matched.match_policy
    found = [required(at)] if policy is None else chosen(at, policy, MATCHES)
    for name, selector in (
        ("namespaceSelector", matched.namespace_selector),
        ("objectSelector", matched.object_selector),
    ):
        at = f"{field}.{name}"
        found += [required(at)] if selector is None else selector_causes(at, selector)
    for name, rules in (
        ("resourceRules", matched.resource_rules),
        ("excludeResourceRules", matched.exclude_resource_rules),
    ):
        for place, rule in enumerate(rules or ()):
            found += _named_rule_causes(f"{field}.{name}[{place}]", rule)
    return found


def _named_rule_causes(field: str, rule: Any) -> list[Cause]:
    found: list[Cause] = []
    known = rule.resource_names or ()
    for place, name in enumerate(known):
        at = f"{field}.resourceNames[{place}]"
        found += faulty(at, name, names.path_segment_faults(name))
        found += [duplicate(at, name)] if name in known[:place] else []
    return found + rule_causes(field, rule)


def _validation_causes(field: str, validation: Any, *, params: bool, more: Mapping[str, Any]) -> list[Cause]:
    found: list[Cause] = []
    message, expression = validation.message or "", validation.message_expression or ""
    if not (validation.expression or "").strip():
        found.append(required(f"{field}.expression", "expression is not specified"))
    else:
        found += expression_causes(f"{field}.expression", validation.expression, params=params, more=more)
    if expression and not expression.strip():
        found.append(wrong(f"{field}.messageExpression", expression, "must be non-empty if specified"))
    elif expression:
        at = f"{field}.messageExpression"
        found += expression_causes(at, expression, ("string",), params=params, authorizer=False, more=more)
    if message and not message.strip():
        found.append(wrong(f"{field}.message", message, "must be non-empty if specified"))
    elif "\n" in message.strip() or "\r" in message.strip():
        found.append(wrong(f"{field}.message", message, "must not contain line breaks"))
    if validation.reason is not None:
        found += chosen(f"{field}.reason", validation.reason, _REASONS)
    return found


def _annotation_causes(
    field: str, policy: str, annotation: Any, *, params: bool, more: Mapping[str, Any]
) -> list[Cause]:
    found: list[Cause] = []
    if policy:
        key = f"{policy}/{annotation.key}"
        found += faulty(f"{field}.key", key, names.qualified_faults(key))
    else:
        found.append(wrong(f"{field}.key", annotation.key, "requires metadata.name be non-empty"))
    value = (annotation.value_expression or "").strip()
    if not value:
        found.append(required(f"{field}.valueExpression", "valueExpression is not specified"))
    elif len(value) > _LONGEST_VALUE:
        found.append(required(f"{field}.valueExpression", f"must not exceed {_LONGEST_VALUE} bytes in length"))
    else:
        types, text = ("string", "null_type"), annotation.value_expression
        found += expression_causes(f"{field}.valueExpression", text, types, params=params, more=more)
    return found


def _mutation_causes(field: str, mutation: Any, spec: Any) -> list[Cause]:
    ways = (
        ("JSONPatch", "jsonPatch", mutation.json_patch),
        ("ApplyConfiguration", "applyConfiguration", mutation.apply_configuration),
    )
    kind, found = mutation.patch_type, list[Cause]()
    if not kind or kind not in _PATCHES:
        return required_choice(f"{field}.patchType", kind, _PATCHES)
    for own, name, way in ways:
        if own == kind and way is None:
            found.append(required(f"{field}.{name}", f"must be specified when patchType is {kind}"))
        elif own == kind and not (way.expression or "").strip():
            found.append(required(f"{field}.{name}.expression"))
        elif own == kind:
            # What a mutation makes is of types that are named by what they lead to: Object.spec.template.
            result = "Object" if own == "ApplyConfiguration" else "list(JSONPatch)"
            more = {**variables_of(spec, always=True), **{each: _type_of(each) for each in ("Object", "JSONPatch")}}
            at, params = f"{field}.{name}.expression", spec.param_kind is not None
            found += expression_causes(at, way.expression, (result,), params=params, more=more)
    for own, name, way in ways:
        if own != kind and way is not None:
            why = f"must not be specified when patchType is {kind}"
            found.append(wrong(f"{field}.{name}", f"{{{name}}}", why))
    return found


def _type_of(name: str) -> Any:
    from reconcile.lib.cel import Type  # noqa: PLC0415 -- few clusters speak CEL

    return Type("type", (Type(name),))


def _binding_causes(spec: Any) -> list[Cause]:
    found = named("spec.policyName", spec.policy_name, names.subdomain_faults)
    if spec.param_ref is not None:
        found += _reference_causes("spec.paramRef", spec.param_ref)
    return found if spec.match_resources is None else found + _match_causes("spec.matchResources", spec.match_resources)


def _reference_causes(field: str, reference: Any) -> list[Cause]:
    found: list[Cause] = []
    name, selector = reference.name or "", reference.selector
    if name:
        found += faulty(f"{field}.name", name, names.path_segment_faults(name))
        found += [] if selector is None else [forbidden(f"{field}.name", _EXCLUSIVE)]
    if selector is not None:
        found += selector_causes(f"{field}.selector", selector)
        found += [forbidden(f"{field}.selector", _EXCLUSIVE)] if name else []
    if not name and selector is None:
        found.append(required(field, "one of name or selector must be specified"))
    action = reference.parameter_not_found_action
    return found + required_choice(f"{field}.parameterNotFoundAction", action, ("Deny", "Allow"))
