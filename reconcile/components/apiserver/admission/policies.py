"""
ValidatingAdmissionPolicy, MutatingAdmissionPolicy: rules in CEL, where bindings put them to use.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/,
          https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/; these plugins.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from reconcile.api import kinds, meta_v1
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.admission import matching, reviews
from reconcile.components.apiserver.admission.expressions import evaluated, scope_of, with_policy
from reconcile.components.apiserver.admission.mutating import Again, rebuilt
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served
from reconcile.components.apiserver.state import Ask
from reconcile.lib.cel import CelError
from reconcile.lib.errors import ReconcileError
from reconcile.model import selectors, statuses
from reconcile.model.fields import typed
from reconcile.model.fields.shapes import shape_of

_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
_LONGEST: Final = 5 << 10  # of a message that an expression makes
_LONGEST_NOTE: Final = 10 << 10  # of an annotation for the audit
_FAILURE: Final = "validation.policy.admission.k8s.io/validation_failure"
_NOBODY: Final = "no params found for policy binding with `Deny` parameterNotFoundAction"

# What is denied: the message and its reason.
Denied = tuple[str, str]


def validate(ask: Ask, new: Any, old: Any) -> tuple[str, ...]:
    """Refuse a write that a validating policy denies; give the warnings of those that only warn."""
    if matching.is_exempt(ask) or "ValidatingAdmissionPolicy" in ask.state.disabled:
        return ()
    warnings: list[str] = []
    denied: list[tuple[str, str]] = []
    scopes: dict[matching.Place, dict[str, Any]] = {}
    for policy, binding, place in _bound(ask, "validatingadmissionpolic", new, old):
        scope = scopes.get(place)
        if scope is None:
            scope = scopes[place] = scope_of(ask, new, old, place)
        named = f"ValidatingAdmissionPolicy '{policy.metadata.name}' with binding '{binding.metadata.name}'"
        actions = binding.spec.validation_actions or ()
        for place_of_it, (message, reason) in enumerate(_found(ask, policy, binding, scope)):
            if "Audit" in actions:
                _note_failure(ask, policy, binding, message, place_of_it)
            if "Deny" in actions:
                denied.append((f"{named} denied request: {message}", reason))
            if "Warn" in actions:
                warnings.append(f"Validation failed for {named}: {message}")
    if denied:
        message, reason = denied[0]
        raise Refusal(_refused(ask, new, old, message, reason))
    return tuple(warnings)


def mutate(ask: Ask, new: Any, old: Any, again: Again) -> Any:
    """Give an object with what mutating policies make of it."""
    if matching.is_exempt(ask) or "MutatingAdmissionPolicy" in ask.state.disabled:
        return new
    again.enter(new)
    for policy, binding, place in _bound(ask, "mutatingadmissionpolic", new, old):
        uid = f"{policy.metadata.name}/{binding.metadata.name}"
        if again.skips(uid):
            continue
        before = new
        try:
            for params in _params(ask, policy.spec, binding.spec):
                new = _mutated(ask, policy.spec, params, new, old, place)
        except (CelError, ReconcileError) as error:
            if policy.spec.failure_policy != "Ignore":
                said = f"policy '{policy.metadata.name}' with binding '{binding.metadata.name}' denied request: {error}"
                raise Refusal(_refused(ask, new, old, said, "Invalid", whole=True)) from None
        if new is not before:
            again.require()
        if policy.spec.reinvocation_policy == "IfNeeded":
            again.asked(uid)
    again.leave(new)
    return new


def _bound(ask: Ask, stem: str, new: Any, old: Any) -> Iterator[tuple[Any, Any, matching.Place]]:
    """Give each policy that is about the write, with each binding of it that is, and where the write is to it."""
    operation = matching.operation_of(new, old)
    policies = f"{stem}ies.{matching.GROUP}"
    for binding in ask.store.table(f"{stem}ybindings.{matching.GROUP}").values():
        policy = ask.store.get(policies, binding.spec.policy_name or "")
        if policy is None:
            continue
        place = _matched(ask, policy.spec.match_constraints, operation, new, old)
        if place is None:
            continue
        resources = binding.spec.match_resources
        if resources is None or _matched(ask, resources, operation, new, old, or_all=True) is not None:
            yield policy, binding, place


def _matched(
    ask: Ask, wanted: Any, operation: str, new: Any, old: Any, *, or_all: bool = False
) -> matching.Place | None:
    """Give where a write is to match resources; None if they are not about it. Without rules they are *or_all*."""
    if wanted is None or not matching.selects(ask, wanted, new, old):
        return None
    policy = wanted.match_policy
    if matching.place(ask, wanted.exclude_resource_rules, operation, policy) is not None:
        return None
    if not wanted.resource_rules:
        return matching.own_place(ask) if or_all else None
    return matching.place(ask, wanted.resource_rules, operation, policy)


def _found(ask: Ask, policy: Any, binding: Any, scope: dict[str, Any]) -> list[Denied]:
    """Give what a policy denies as a binding puts it to use."""
    spec, lenient = policy.spec, policy.spec.failure_policy == "Ignore"
    try:
        every = _params(ask, spec, binding.spec)
    except ReconcileError as error:
        return [] if lenient else [(f"failed to configure binding: {error}", "")]
    found: list[Denied] = []
    for params in every:
        inner = with_policy(scope, params, spec.variables)
        try:
            if not _conditions(spec, inner):
                continue
        except CelError as error:
            found += [] if lenient else [(str(error), "")]
            continue
        for validation in spec.validations or ():
            found += _judged(validation, inner, lenient=lenient)
        if spec.audit_annotations:
            found += _annotated(ask, policy, inner, lenient=lenient)
    return found


def _annotated(ask: Ask, policy: Any, scope: Mapping[str, Any], *, lenient: bool) -> list[Denied]:
    """Note what a policy wants in the audit; give what it denies because that cannot be told."""
    found: list[Denied] = []
    for each in policy.spec.audit_annotations:
        try:
            value = evaluated(each.value_expression, scope)
        except CelError as error:
            found += [] if lenient else [(str(error), "")]
            continue
        if not isinstance(value, str) or not value.strip() or ask.notes is None:
            continue
        key, said = f"{policy.metadata.name}/{each.key}", value.strip()[:_LONGEST_NOTE]
        known = ask.notes.annotations.get(key)
        if known is None or said not in known.split(", "):
            ask.notes.annotations[key] = said if known is None else f"{known}, {said}"
    return found


def _note_failure(ask: Ask, policy: Any, binding: Any, message: str, index: int) -> None:
    if ask.notes is None:
        return
    failure = {
        "message": message,
        "policy": policy.metadata.name,
        "binding": binding.metadata.name,
        "expressionIndex": index,
        "validationActions": list(binding.spec.validation_actions or ()),
    }
    text = json.dumps([failure], separators=(",", ":"), ensure_ascii=False)
    ask.notes.annotations.setdefault(_FAILURE, text)


def _conditions(spec: Any, scope: Mapping[str, Any]) -> bool:
    return all(evaluated(each.expression, scope) is True for each in spec.match_conditions or ())


def _judged(validation: Any, scope: Mapping[str, Any], *, lenient: bool) -> list[Denied]:
    try:
        if evaluated(validation.expression, scope) is True:
            return []
    except CelError as error:
        return [] if lenient else [(str(error), "")]
    return [(_message(validation, scope), validation.reason or "Invalid")]


def _message(validation: Any, scope: Mapping[str, Any]) -> str:
    said: Any = ""
    if validation.message_expression:
        try:
            said = evaluated(validation.message_expression, scope)
        except CelError:
            said = ""
    said = said.strip() if isinstance(said, str) else ""
    if not said or len(said) > _LONGEST or "\n" in said:
        said = (validation.message or "").strip()
    return said or f"failed expression: {validation.expression.strip()}"


def _params(ask: Ask, spec: Any, binding: Any) -> tuple[Any, ...]:
    """Give the objects that a policy takes its parameters from, None for one that takes none."""
    kind, reference = spec.param_kind, getattr(binding, "param_ref", None)
    if kind is None or reference is None:
        return (None,)
    known = next(
        (each for each in kinds.all_resources() if (each.api_version, each.kind) == (kind.api_version, kind.kind)), None
    )
    if known is None:
        raise ReconcileError(f"paramKind kind `{kind.api_version}, Kind={kind.kind}` not known")
    if reference.namespace and not known.namespaced:
        raise ReconcileError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    namespace = (reference.namespace or ask.request.namespace) if known.namespaced else ""
    if known.namespaced and not namespace:
        raise ReconcileError("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    if reference.name:
        one = ask.store.get(known.key, f"{namespace}/{reference.name}" if namespace else reference.name)
        found = () if one is None else (one,)
    else:
        table = ask.store.table(known.key)
        every = table.under("namespace", namespace) if namespace else tuple(table.values())
        found = tuple([each for each in every if selectors.matches(reference.selector, each.metadata.labels)])
    if not found and reference.parameter_not_found_action == "Deny":
        raise ReconcileError(_NOBODY)
    return found


def _mutated(  # noqa: PLR0917 -- what there is at hand of a write
    ask: Ask, spec: Any, params: Any, new: Any, old: Any, place: matching.Place
) -> Any:
    inner = with_policy(scope_of(ask, new, old, place), params, spec.variables)
    if not _conditions(spec, inner):
        return new
    for mutation in spec.mutations or ():
        inner = with_policy(scope_of(ask, new, old, place), params, spec.variables)
        plain = reviews.shown(ask, new, place, fresh=old is None)
        if mutation.apply_configuration is not None:
            config = _thawed(evaluated(mutation.apply_configuration.expression or "", inner))
            after = typed.merged(_shape(ask, new), plain, config)
        else:
            patch = _thawed(evaluated(mutation.json_patch.expression or "" if mutation.json_patch else "[]", inner))
            after = plain
            for operation in patch:
                after = _patched(after, operation)
        new = new if after == plain else rebuilt(ask, after, new)
    return new


def _shape(ask: Ask, obj: Any) -> Any:
    """Give how an object is merged."""
    definition = served.definition(ask.store, ask.request.resource) if isinstance(obj, CustomObject) else None
    return shape_of(obj.__class__) if definition is None else definition.version(ask.request.version).shape


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(entry) for key, entry in value.items()}
    return [_thawed(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _patched(document: Any, operation: Mapping[str, Any]) -> Any:
    """Give a document with one operation of a JSON patch (RFC 6902) done to it."""
    op, value = operation.get("op"), operation.get("value")
    path = [part.replace("~1", "/").replace("~0", "~") for part in str(operation.get("path", "")).split("/")[1:]]
    if op in ("copy", "move"):
        source = [part.replace("~1", "/").replace("~0", "~") for part in str(operation.get("from", "")).split("/")[1:]]
        value = _at(document, source)
        document = _with(document, source, "remove", None) if op == "move" else document
        op = "add"
    if op == "test":
        if _at(document, path) != value:
            raise ReconcileError(f"testing value {operation.get('path')} failed")
        return document
    return _with(document, path, str(op), value)


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        try:
            document = document[int(part)] if isinstance(document, list) else document[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise ReconcileError(f"missing path: /{'/'.join(path)}") from None
    return document


def _with(document: Any, path: list[str], op: str, value: Any) -> Any:
    """Give a document in which what stands at *path* is another."""
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(document, list):
        place = len(document) if part == "-" else int(part)
        head, tail = document[:place], document[place:]
        if rest:
            return [*head, _with(_at(document, [part]), rest, op, value), *tail[1:]]
        return [*head, *([] if op == "remove" else [value]), *(tail if op == "add" else tail[1:])]
    if not isinstance(document, dict) or (part not in document and (rest or op != "add")):
        raise ReconcileError(f"missing path: /{'/'.join(path)}")
    if rest:
        return {**document, part: _with(document[part], rest, op, value)}
    without = {key: each for key, each in document.items() if key != part}
    return without if op == "remove" else {**document, part: value}


def _refused(ask: Ask, new: Any, old: Any, message: str, reason: str, *, whole: bool = False) -> meta_v1.Status:
    """Give the refusal; *whole* if the message stands alone."""
    metadata = (new if new is not None else old).metadata
    name = ask.request.name or (metadata.name if metadata is not None else "") or ""
    status = statuses.forbidden(ask.request.resource, name, message)
    reason = reason or "Invalid"
    details = attrs.evolve(status.details or meta_v1.StatusDetails(), causes=(meta_v1.StatusCause(message=message),))
    text = message if whole else status.message
    code = 403 if whole else _CODES.get(reason, 422)
    return attrs.evolve(status, message=text, reason=reason, code=code, details=details)
