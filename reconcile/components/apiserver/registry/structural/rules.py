"""
Rules: x-kubernetes-validations, in CEL, over an object and what it was before.

A rule that reads `oldSelf` is asked only of what was there before; one that does not is not held against what has not
changed.

Takes:    plain JSON data, its schema, what it was before.
Gives:    causes, in upstream's words; what is wrong with a schema's rules.
Source:   https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.components.apiserver.refusals import Cause, forbidden, required, wrong
from reconcile.components.apiserver.registry.structural.filling import EMBEDDED, Schema, items_of, property_of
from reconcile.components.apiserver.registry.structural.judging import MISSING, NOWHERE, correlated, key_text, same
from reconcile.components.apiserver.registry.structural.paths import PathError, field_path
from reconcile.lib.cel import DYN, NONE, Optional, Span, Timestamp, Type, list_of, map_of, names_in, optional_of
from reconcile.lib.cel.standard import duration, timestamp
from reconcile.lib.cel.types import BOOL, INT, STRING
from reconcile.lib.cel.values import CelError, present
from reconcile.model import cel

BUDGET: Final = 10_000_000
"""How many steps the rules of one object may take together."""

_RULES: Final = "x-kubernetes-validations"
_LONGEST_MESSAGE: Final = 5 * 1024
_TOO_DEAR: Final = "validation failed due to running out of cost budget, no further validation rules will be run"
_RESERVED: Final = frozenset(
    [
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    ]
)
_ESCAPES: Final = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_IDENTITY: Final = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}},
}


@attrs.frozen(kw_only=True)
class Rule:
    """
    One rule, compiled.

    Args:
        said: as the schema says it.
        program: of the rule; None if it has errors.
        message: the program of messageExpression, if there is one and it has no errors.
        error: what is wrong with the rule.
        message_error: what is wrong with messageExpression.
        transition: whether it reads what was before.
        path: that its faults are told at, below the value's own.
    """

    said: Mapping[str, Any]
    program: cel.Program | None = None
    message: cel.Program | None = None
    error: str = ""
    message_error: str = ""
    transition: bool = False
    path: str = ""


def escaped(name: str) -> str:
    """Give the name by which CEL knows a field; empty if it has none."""
    if name in _RESERVED:
        return f"__{name}__"
    for plain, escape in _ESCAPES:
        name = name.replace(plain, escape)
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else ""


def with_identity(schema: Schema) -> Schema:
    """Give the schema of a whole object, with what every object has."""
    return {**schema, "properties": {**(schema.get("properties") or {}), **_IDENTITY}}


def rule_type(schema: Schema, *, root: bool = False) -> Type | None:
    """Give the CEL type of what a schema describes; None of what rules cannot read."""
    if schema.get("x-kubernetes-int-or-string"):
        return DYN
    if root or schema.get(EMBEDDED):
        schema = with_identity(schema)
    match schema.get("type"):
        case "array":
            inner = items_of(schema)
            element = None if inner is None else rule_type(inner)
            return None if element is None else list_of(element)
        case "object":
            return _object_type(schema)
        case "string":
            formats = {"byte": "bytes", "duration": "duration", "date": "timestamp", "date-time": "timestamp"}
            named = formats.get(schema.get("format") or "")
            return STRING if named is None else Type(named)
        case "boolean":
            return BOOL
        case "number":
            return Type("double")
        case "integer":
            return INT
        case _:
            return None


def _object_type(schema: Schema) -> Type | None:
    rest = schema.get("additionalProperties")
    if isinstance(rest, Mapping):
        element = rule_type(rest)
        return None if element is None else map_of(STRING, element)
    fields = {}
    for name, inner in (schema.get("properties") or {}).items():
        found = rule_type(inner)
        if found is not None and escaped(name):
            fields[escaped(name)] = found
    return Type("object", fields=fields)


def compile_rules(schema: Schema, *, root: bool = False) -> tuple[Rule, ...]:
    """Compile the rules that stand at the top of a schema; *root* of a whole object's."""
    if not schema.get(_RULES):
        return ()
    return _compiled(json.dumps(schema), root)


@lru_cache(maxsize=512)
def _compiled(text: str, root: bool) -> tuple[Rule, ...]:  # noqa: FBT001 -- a cached function's key
    schema = json.loads(text)
    kind = rule_type(schema, root=root)
    if kind is None:
        return ()
    return tuple([_rule(said, schema, kind) for said in schema[_RULES]])


def _rule(said: Mapping[str, Any], schema: Schema, kind: Type) -> Rule:
    text = said.get("rule") or ""
    if not text.strip():
        return Rule(said=said)
    variables = {"self": kind, "oldSelf": optional_of(kind) if said.get("optionalOldSelf") else kind}
    program = cel.compiled(text, variables)
    if program.errors:
        return Rule(said=said, error=f"compilation failed: {program.errors}")
    if program.result.name != "bool":
        return Rule(said=said, error="cel expression must evaluate to a bool")
    message, message_error = None, ""
    if said.get("messageExpression"):
        message = cel.compiled(said["messageExpression"], variables)
        if message.errors:
            message_error = f"messageExpression compilation failed: {message.errors}"
        elif message.result.name != "string":
            message_error = "messageExpression must evaluate to a string"
    path = ""
    if said.get("fieldPath"):
        try:
            path = field_path(said["fieldPath"], schema)[0]
        except PathError:
            path = ""
    return Rule(
        said=said,
        program=program,
        message=None if message_error else message,
        message_error=message_error,
        transition="oldSelf" in names_in(program.node),
        path=path,
    )


def cel_value(value: Any, schema: Schema | None, *, root: bool = False) -> Any:
    """Give plain JSON data as CEL sees it through its schema."""
    if schema is None or value is None or schema.get("x-kubernetes-int-or-string"):
        return value
    if root or schema.get(EMBEDDED):
        schema = with_identity(schema)
    if isinstance(value, Mapping):
        if isinstance(schema.get("additionalProperties"), Mapping):
            return {key: cel_value(entry, property_of(schema, key)) for key, entry in value.items()}
        named = schema.get("properties") or {}
        return {escaped(key): cel_value(entry, named[key]) for key, entry in value.items() if key in named}
    if isinstance(value, list):
        inner = items_of(schema)
        return tuple([cel_value(item, inner) for item in value])
    if schema.get("type") == "number" and isinstance(value, int):
        return float(value)
    if schema.get("type") == "integer" and isinstance(value, float):
        return int(value)
    return _formatted(value, schema.get("format") or "") if isinstance(value, str) else value


def _formatted(value: str, shape: str) -> Any:
    found: bytes | Span | Timestamp | str = value
    try:
        if shape == "byte":
            found = base64.b64decode(value)
        elif shape == "duration":
            found = duration(value)
        elif shape in ("date", "date-time"):
            found = timestamp(value if shape == "date-time" else f"{value}T00:00:00Z")
    except (CelError, binascii.Error):
        return value
    return found


@attrs.define
class _Asking:
    """One object's rules on their way: what was found, and what may still be spent."""

    left: int = BUDGET
    causes: list[Cause] = attrs.field(factory=list)
    warnings: list[str] = attrs.field(factory=list)


def rule_faults(
    value: Any, schema: Schema, field: str = "", old: Any = MISSING, *, root: bool = False
) -> tuple[list[Cause], tuple[str, ...]]:
    """
    Say which rules *value* breaks, and warn of those that it broke before.

    Args:
        value: plain JSON data.
        schema: with the rules.
        field: the path that leads to it.
        old: what it was before.
        root: whether it is a whole object.
    """
    asking = _Asking()
    _asked(asking, value, schema, field, old, unchanged=False, root=root)
    return asking.causes, tuple(asking.warnings)


def has_rules(schema: Any) -> bool:
    """Tell whether a schema has a rule anywhere."""
    if not isinstance(schema, Mapping):
        return False
    if schema.get(_RULES):
        return True
    inner = (items_of(schema), schema.get("additionalProperties"), *(schema.get("properties") or {}).values())
    return any(map(has_rules, inner))


def _asked(
    asking: _Asking, value: Any, schema: Schema, field: str, old: Any, *, unchanged: bool, root: bool = False
) -> None:
    if value is None or asking.left < 0:
        return
    unchanged = unchanged or (old is not MISSING and same(value, old))
    rules = compile_rules(schema, root=root)
    if rules:
        _held(asking, rules, value, schema, field, old, unchanged=unchanged, root=root)
    if isinstance(value, Mapping):
        before = old if isinstance(old, Mapping) else {}
        named = schema.get("properties") or {}
        for key, entry in value.items():
            inner = property_of(schema, key)
            if inner is not None:
                below = (f"{field}.{key}" if field else key) if key in named else f"{field}[{key}]"
                _asked(asking, entry, inner, below, before.get(key, MISSING), unchanged=unchanged)
    elif isinstance(value, list):
        inner = items_of(schema)
        earlier = correlated(schema, old)
        for place, item in enumerate(value if inner is not None else ()):
            was = earlier.get(key_text(schema, item), MISSING) if earlier else MISSING
            _asked(asking, item, inner or {}, f"{field}[{place}]", was, unchanged=unchanged)


def _held(  # noqa: PLR0917 -- one value's own
    asking: _Asking,
    rules: tuple[Rule, ...],
    value: Any,
    schema: Schema,
    field: str,
    old: Any,
    *,
    unchanged: bool,
    root: bool,
) -> None:
    """Ask the rules of one value."""
    where = field or NOWHERE
    kind = schema.get("type") or ""
    itself = cel_value(value, schema, root=root)
    there = old is not MISSING and old is not None
    before = cel_value(old, schema, root=root) if there else None
    for rule in rules:
        if rule.error:
            asking.causes.append(wrong(where, kind, f"rule compile error: {rule.error}"))
            continue
        optional = bool(rule.said.get("optionalOldSelf"))
        if rule.program is None or (rule.transition and not there and not optional):
            continue
        variables = {"self": itself, "oldSelf": _maybe(before, there=there) if optional else before}
        try:
            found = _run(asking, rule.program, variables)
        except CelError as error:
            asking.causes.append(wrong(where, kind, _failed(asking, str(error), rule.said)))
            if asking.left < 0:
                return
            continue
        if found is True:
            continue
        cause = _broken(asking, rule, value, field, kind, variables)
        if unchanged and not rule.transition:
            asking.warnings.append(f"{cause.field}: {cause.message}")
        else:
            asking.causes.append(cause)


def _maybe(value: Any, *, there: bool) -> Optional:
    return present(value) if there else NONE


def _run(asking: _Asking, program: cel.Program, variables: Mapping[str, Any]) -> Any:
    steps = min(asking.left, cel.LIMIT)
    found, left = cel.run(program, variables, steps)
    asking.left -= steps - left
    return found


def _failed(asking: _Asking, error: str, said: Mapping[str, Any]) -> str:
    shown = (said.get("message") or said.get("rule") or "").strip()
    if error.startswith("no such overload"):
        why = "call arguments did not match a supported operator, function or macro signature for rule"
        return f"'{error}': {why}: {shown}"
    if error.startswith("operation cancelled: actual cost limit exceeded"):
        asking.left = -1
        return f"'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {shown}"
    return f"{error} evaluating rule: {shown}"


def _broken(  # noqa: PLR0917 -- one rule's own
    asking: _Asking, rule: Rule, value: Any, field: str, kind: str, variables: Mapping[str, Any]
) -> Cause:
    """Say that a rule does not hold."""
    said = rule.said
    detail = _message(asking, rule, variables)
    if not detail:
        detail = (said.get("message") or "").strip() or f"failed rule: {(said.get('rule') or '').strip()}"
    where = ".".join([part for part in (field, rule.path) if part]) or NOWHERE
    match said.get("reason"):
        case "FieldValueForbidden":
            return forbidden(where, detail)
        case "FieldValueRequired":
            return required(where, detail)
        case "FieldValueDuplicate" if kind in ("object", "array"):
            return Cause(reason="FieldValueDuplicate", message="Duplicate value", field=where)
        case "FieldValueDuplicate":
            shown = json.dumps(value, ensure_ascii=False)
            return Cause(reason="FieldValueDuplicate", message=f"Duplicate value: {shown}", field=where)
        case _ if kind in ("object", "array"):
            return Cause(reason="FieldValueInvalid", message=f"Invalid value: {detail}", field=where)
        case _:
            return wrong(where, value, detail)


def _message(asking: _Asking, rule: Rule, variables: Mapping[str, Any]) -> str:
    """Give the message that is computed; empty if that fails, or comes to nothing that can be told."""
    if rule.message is None:
        return ""
    try:
        text = _run(asking, rule.message, variables)
    except CelError:
        return ""
    text = text.strip() if isinstance(text, str) else ""
    return "" if "\n" in text or len(text.encode()) > _LONGEST_MESSAGE else text
