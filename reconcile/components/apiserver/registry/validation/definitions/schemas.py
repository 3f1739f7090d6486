"""
The schema of one version: its OpenAPI, its extensions, its defaults, its rules.

Takes:    a schema as plain JSON data.
Gives:    causes, in upstream's words.
Source:   apiextensions-apiserver's validation of definitions.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from reconcile.components.apiserver.refusals import Cause, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry import structural
from reconcile.components.apiserver.registry.structural.paths import PathError, field_path
from reconcile.components.apiserver.registry.validation.definitions.structure import (
    Schema,
    structural_causes,
    unsupported,
)
from reconcile.lib.mapping import Map

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_REASONS: Final = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_IDENTITY: Final = ("metadata", "kind", "apiVersion")
_UNIQUE: Final = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
_AT_ROOT: Final = {
    "description": "Description",
    "type": "Type",
    "format": "Format",
    "title": "Title",
    "maximum": "Maximum",
    "exclusiveMaximum": "ExclusiveMaximum",
    "minimum": "Minimum",
    "exclusiveMinimum": "ExclusiveMinimum",
    "maxLength": "MaxLength",
    "minLength": "MinLength",
    "pattern": "Pattern",
    "maxItems": "MaxItems",
    "minItems": "MinItems",
    "uniqueItems": "UniqueItems",
    "multipleOf": "MultipleOf",
    "required": "Required",
    "items": "Items",
    "properties": "Properties",
    "externalDocs": "ExternalDocs",
    "example": "Example",
    "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields",
    "x-kubernetes-validations": "XValidations",
}
# What no schema of a definition may have, in the order in which it is told.
_FORBIDDEN: Final = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_CEL_NAMES: Final = {
    "Rule": "rule",
    "Message": "message",
    "MessageExpression": "messageExpression",
    "Reason": "reason",
    "FieldPath": "fieldPath",
    "OptionalOldSelf": "optionalOldSelf",
}


@attrs.frozen
class _Place:
    """
    Where in a schema one is.

    Args:
        root: at its top.
        no_defaults: why none may be set; empty if they may.
        in_metadata: within what every object has.
        uncorrelated: the outermost path within which it cannot be told what was before; empty if it can.
        logic: within logic: rules are not looked at.
    """

    root: bool = False
    no_defaults: str = ""
    in_metadata: bool = False
    uncorrelated: str = ""
    logic: bool = False


def schema_causes(schema: Schema, field: str, *, status: bool) -> list[Cause]:
    """Say what is wrong with the schema of a version; *status* if its status is apart."""
    found: list[Cause] = list(_root_causes(schema, field)) if status else []
    if schema.get("nullable"):
        found.append(forbidden(f"{field}.nullable", "nullable cannot be true at the root"))
    unreadable = unsupported(schema)
    with_rules = False
    if not unreadable:
        broken = structural_causes(schema, field) or _default_causes(schema, field)
        found += broken
        with_rules = not broken
    plain, rules = _walk(schema, field, _Place(root=True), with_rules=with_rules)
    found += [*plain, *rules]
    if not found and unreadable:
        found.append(wrong(field, "", unreadable))
    return found


def _root_causes(schema: Schema, field: str) -> Iterator[Cause]:
    for key, value in schema.items():
        if key == "type":
            if value and value != "object":
                said = 'only "object" is allowed as the type at the root of the schema if the status subresource is'
                yield wrong(f"{field}.type", value, f"{said} enabled")
                return
        elif key not in _AT_ROOT:
            listed = " ".join(_AT_ROOT.values())
            said = f"only [{listed}] fields are allowed at the root of the schema if the status subresource is enabled"
            yield wrong(field, dict(schema), said)
            return


def _walk(schema: Schema, field: str, place: _Place, *, with_rules: bool) -> tuple[list[Cause], list[Cause]]:
    """Give the causes of a schema and all below it: those of the schema itself, and those of its rules."""
    found = list(_standard(schema, field, place))
    rules: list[Cause] = []
    if schema.get("uniqueItems"):
        found.append(forbidden(f"{field}.uniqueItems", _UNIQUE))
    for inner, there, below in _below(schema, field, place):
        told, broken = _walk(inner, there, below, with_rules=with_rules and not below.logic)
        found += told
        rules += broken
    if schema.get("properties") and schema.get("additionalProperties") not in (None, True):
        said = "additionalProperties and properties are mutual exclusive"
        found.append(forbidden(f"{field}.additionalProperties", said))
    found += _extensions(schema, field)
    found += _rule_forms(schema, field)
    if schema.get("x-kubernetes-validations") and not found and with_rules:
        rules += _rule_causes(schema, field, place)
    return found, rules


def _below(schema: Schema, field: str, place: _Place) -> Iterator[tuple[Schema, str, _Place]]:
    rest = schema.get("additionalProperties")
    if isinstance(rest, Mapping):
        why = "inside additionalProperties applying to object metadata" if place.in_metadata else place.no_defaults
        yield rest, f"{field}.additionalProperties", attrs.evolve(place, root=False, no_defaults=why)
    for name, inner in (schema.get("properties") or {}).items():
        below = attrs.evolve(place, root=False)
        if schema.get("x-kubernetes-map-type") not in (None, "granular", "atomic") and not place.uncorrelated:
            below = attrs.evolve(below, uncorrelated=field)
        if (place.root or schema.get("x-kubernetes-embedded-resource")) and name in _IDENTITY:
            why = f"in top-level {name}" if place.root else below.no_defaults
            below = attrs.evolve(below, in_metadata=True, no_defaults=why)
        yield inner, f"{field}.properties[{name}]", below
    inside = attrs.evolve(place, root=False, logic=True)
    if schema.get("not") is not None:
        yield schema["not"], f"{field}.not", inside
    for logic in ("allOf", "oneOf", "anyOf"):
        for number, inner in enumerate(schema.get(logic) or ()):
            yield inner, f"{field}.{logic}[{number}]", inside
    for name, inner in (schema.get("definitions") or {}).items():
        yield inner, f"{field}.definitions[{name}]", inside
    items = schema.get("items")
    below = attrs.evolve(place, root=False)
    if schema.get("x-kubernetes-list-type") != "map" and not place.uncorrelated:
        below = attrs.evolve(below, uncorrelated=field)
    if isinstance(items, Mapping):
        yield items, f"{field}.items", below
    else:
        for number, inner in enumerate(items or ()):
            yield inner, f"{field}.items[{number}]", below


def _standard(schema: Schema, field: str, place: _Place) -> Iterator[Cause]:
    kind = schema.get("type") or ""
    if kind and kind not in _TYPES:
        yield not_supported(f"{field}.type", kind, _TYPES)
    if schema.get("default") is not None and place.no_defaults:
        yield forbidden(f"{field}.default", f"must not be set {place.no_defaults}")
    for key in _FORBIDDEN:
        if schema.get(key) not in (None, "", {}):
            yield forbidden(f"{field}.{key}", f"{key} is not supported")
    if kind == "null":
        yield forbidden(f"{field}.type", "type cannot be set to null, use nullable as an alternative")
    if isinstance(schema.get("items"), (list, tuple)):
        yield forbidden(f"{field}.items", "items must be a schema object and not an array")
    if place.in_metadata and schema.get("x-kubernetes-embedded-resource"):
        yield forbidden(f"{field}.x-kubernetes-embedded-resource", "must not be used inside of resource meta")


def _extensions(schema: Schema, field: str) -> Iterator[Cause]:
    kind = schema.get("type") or ""
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield wrong(f"{field}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined")  # noqa: FBT003 -- the value
    for key, wanted, options in (
        ("x-kubernetes-map-type", "object", ("atomic", "granular")),
        ("x-kubernetes-list-type", "array", ("atomic", "set", "map")),
    ):
        value = schema.get(key)
        if value is None:
            continue
        if kind != wanted:
            said = f"must be {wanted} if {key} is specified"
            yield wrong(f"{field}.type", kind, said) if kind else required(f"{field}.type", said)
        elif value == "set":
            yield from _set_items(schema, field)
        if value not in options:
            yield not_supported(f"{field}.{key}", value, options)
    yield from _keys(schema, field)


def _set_items(schema: Schema, field: str) -> Iterator[Cause]:
    items = schema.get("items")
    if not isinstance(items, Mapping):
        return
    said = "must be atomic as item of a list with x-kubernetes-list-type=set"
    if items.get("type") == "array" and items.get("x-kubernetes-list-type") not in (None, "atomic"):
        yield wrong(f"{field}.items.x-kubernetes-list-type", items.get("x-kubernetes-list-type"), said)
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        yield wrong(f"{field}.items.x-kubernetes-map-type", items.get("x-kubernetes-list-type"), said)


def _keys(schema: Schema, field: str) -> Iterator[Cause]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    where = f"{field}.x-kubernetes-list-map-keys"
    if keys and kind != "map":
        said = "must be map if x-kubernetes-list-map-keys is non-empty"
        there = f"{field}.x-kubernetes-list-type"
        yield required(there, said) if kind is None else wrong(there, kind, said)
    items = schema.get("items")
    if kind == "map":
        if not keys:
            yield required(where, "must not be empty if x-kubernetes-list-type is map")
        if items is None:
            yield required(f"{field}.items", "must have a schema if x-kubernetes-list-type is map")
        elif isinstance(items, Mapping):
            yield from _key_properties(items, keys, field)
    if kind in ("set", "map") and isinstance(items, Mapping):
        yield from _needed_keys(items, keys if kind == "map" else (), str(kind), field)


def _key_properties(items: Schema, keys: Any, field: str) -> Iterator[Cause]:
    kind = items.get("type") or ""
    where = f"{field}.x-kubernetes-list-map-keys"
    if kind != "object":
        said = "must be object if parent array's x-kubernetes-list-type is map"
        yield wrong(f"{field}.items.type", kind, said)
        return
    seen = set()
    for key in keys:
        named = (items.get("properties") or {}).get(key)
        if named is None:
            yield wrong(where, list(keys), "entries must all be names of item properties")
        elif named.get("type") in ("array", "object"):
            said = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield wrong(f"{field}.items.properties[{key}].type", kind, said)
        if key in seen:
            yield wrong(where, list(keys), "must not contain duplicate entries")
        seen.add(key)


def _needed_keys(items: Schema, keys: Any, kind: str, field: str) -> Iterator[Cause]:
    if items.get("nullable"):
        said = f"cannot be nullable when x-kubernetes-list-type is {kind}"
        yield forbidden(f"{field}.items.nullable", said)
    said = "this property is in x-kubernetes-list-map-keys, so it"
    for key in keys:
        named = (items.get("properties") or {}).get(key)
        if named is None:
            continue
        there = f"{field}.items.properties[{key}]"
        if key not in (items.get("required") or ()) and named.get("default") is None:
            yield required(f"{there}.default", f"{said} must have a default or be a required property")
        if named.get("nullable"):
            yield forbidden(f"{there}.nullable", f"{said} cannot be nullable")


# ---------------------------------------------------------------- defaults


def _default_causes(schema: Schema, field: str) -> list[Cause]:
    """Say which defaults are no values of their own schemas."""
    return list(_defaults({**schema, "x-kubernetes-embedded-resource": True}, field, in_metadata=False))


def _defaults(schema: Schema, field: str, *, in_metadata: bool) -> Iterator[Cause]:
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    default = schema.get("default")
    if default is not None:
        where = f"{field}.default"
        value = _thawed(default)
        if not in_metadata and structural.kept(value, schema)[0] != value:
            yield wrong(where, value, "must not have unknown fields")
        told = structural.faults(value, schema, where)
        yield from told
        if not told:
            yield from structural.rule_faults(value, schema, where)[0]
    if isinstance(schema.get("items"), Mapping):
        yield from _defaults(schema["items"], f"{field}.items", in_metadata=in_metadata)
    for name, inner in (schema.get("properties") or {}).items():
        within = in_metadata or (embedded and name in _IDENTITY)
        yield from _defaults(inner, f"{field}.properties[{name}]", in_metadata=within)


def _thawed(value: Any) -> Any:
    if isinstance(value, (Map, Mapping)):
        return {key: _thawed(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_thawed(entry) for entry in value]
    return value


# ---------------------------------------------------------------- rules


def _rule_forms(schema: Schema, field: str) -> Iterator[Cause]:
    for number, said in enumerate(schema.get("x-kubernetes-validations") or ()):
        where = f"{field}.x-kubernetes-validations[{number}]"
        yield from _rule_texts(said, where)
        reason = said.get("reason")
        if reason is not None and reason not in _REASONS:
            yield not_supported(f"{where}.reason", reason, _REASONS)
        path = said.get("fieldPath") or ""
        if path and not path.strip():
            yield wrong(f"{where}.fieldPath", path, "must be non-empty if specified")
        if _breaks(path):
            yield wrong(f"{where}.fieldPath", path, "must not contain line breaks")
        if path:
            try:
                field_path(path, schema)
            except PathError:
                yield wrong(f"{where}.fieldPath", path, "must be a valid path")


def _rule_texts(said: Mapping[str, Any], where: str) -> Iterator[Cause]:
    rule, message = said.get("rule") or "", said.get("message") or ""
    if not rule.strip():
        yield required(f"{where}.rule", "rule is not specified")
    elif message and not message.strip():
        yield wrong(f"{where}.message", message, "must be non-empty if specified")
    elif _breaks(message.strip()):
        yield wrong(f"{where}.message", message, "must not contain line breaks")
    elif _breaks(rule.strip()) and not message.strip():
        yield required(f"{where}.message", "message must be specified if rule contains line breaks")
    expression = said.get("messageExpression") or ""
    if expression and not expression.strip():
        yield required(f"{where}.messageExpression", "messageExpression must be non-empty if specified")


def _rule_causes(schema: Schema, field: str, place: _Place) -> Iterator[Cause]:
    for number, rule in enumerate(structural.compile_rules(schema, root=place.root)):
        where = f"{field}.x-kubernetes-validations[{number}]"
        if rule.error:
            yield _shown(f"{where}.rule", rule.said, rule.error)
        if rule.message_error:
            yield _shown(f"{where}.messageExpression", rule.said, rule.message_error)
        if rule.transition and place.uncorrelated:
            said = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelated}"
            yield wrong(f"{where}.rule", rule.said.get("rule"), said)
        elif not rule.transition and rule.said.get("optionalOldSelf") is not None:
            said = "may not be set if oldSelf is not used in rule"
            yield wrong(f"{where}.optionalOldSelf", rule.said["optionalOldSelf"], said)


def _shown(field: str, said: Mapping[str, Any], why: str) -> Cause:
    """Say that a rule is none, the rule shown as upstream shows its own struct."""
    texts = {name: said.get(key) for name, key in _CEL_NAMES.items()}
    values = {
        name: value if value is not None or name in ("Reason", "OptionalOldSelf") else ""
        for name, value in texts.items()
    }
    written = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    for letter, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        written = written.replace(letter, escape)
    return Cause(reason="FieldValueInvalid", message=f"Invalid value: {written}: {why}", field=field)


def _breaks(text: str) -> bool:
    return re.search(r"[\n\r]", text) is not None
