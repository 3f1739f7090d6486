"""
Judging: whether a value is what its schema says: types, formats, bounds, and the logic over them.

Takes:    plain JSON data, its schema, what it was before.
Gives:    causes, in upstream's words.
Source:   kube-openapi's validation of schemas, as apiextensions asks it, and its ratcheting.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from reconcile.components.apiserver.refusals import Cause, not_supported, required, too_long, too_many, wrong
from reconcile.components.apiserver.registry.structural.filling import Schema, items_of
from reconcile.lib.cel.standard import number_text
from reconcile.lib.errors import ReconcileError
from reconcile.lib.regexp import compiled
from reconcile.model.text import formats

NOWHERE: Final = "<nil>"  # how a path is printed that leads nowhere
MISSING: Final = object()
_TYPES: Final = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
_RANGES: Final = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
}
_FLOAT32: Final = 3.4028234663852886e38


@attrs.define
class _Result:
    """What one look has found: causes, and how many checks were passed, by which alternatives are ranked."""

    causes: list[Cause] = attrs.field(factory=list)
    matches: int = 0

    def merge(self, other: _Result) -> None:
        self.causes += other.causes
        self.matches += other.matches


def faults(value: Any, schema: Schema, field: str = "", old: Any = MISSING) -> list[Cause]:
    """
    Say what is wrong with *value*.

    Args:
        value: plain JSON data.
        schema: what it must be.
        field: the path that leads to it; its own paths, in the texts, begin at it.
        old: what it was before: what has not changed is not judged.
    """
    return _judged(value, schema, "", field, old).causes


def _field(prefix: str, path: str) -> str:
    inner = path.removeprefix(".")
    if not inner:
        return prefix or NOWHERE
    if not prefix:
        return inner
    return f"{prefix}.{inner}"


def _judged(value: Any, schema: Schema, path: str, prefix: str, old: Any) -> _Result:
    result = _Result()
    if old is not MISSING and same(value, old):
        return result
    field = _field(prefix, path)
    result.merge(_typed(value, schema, path, field))
    if value is None:
        result.merge(_listed(value, schema, path, field))
        return result
    result.merge(_combined(value, schema, path, prefix))
    if isinstance(value, str):
        result.merge(_text(value, schema, path, field))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        result.merge(_number(value, schema, path, prefix, field))
    elif isinstance(value, list):
        result.merge(_array(value, schema, path, prefix, field, old))
    result.merge(_listed(value, schema, path, field))
    if isinstance(value, Mapping):
        result.merge(_object(value, schema, path, prefix, field, old))
    result.matches += 1
    return result


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON: 1, 1.0 and true are three."""
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return one.__class__ is other.__class__ and bool(one == other)


def equal_json(one: Any, other: Any) -> bool:
    """Tell whether two values are written alike: 1 and 1.0 are."""
    numbers = [isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other)]
    return bool(one == other) if all(numbers) else same(one, other)


def type_of(value: Any) -> str:
    """Give the name of a value's type in JSON Schema."""
    return "null" if value is None else _TYPES.get(value.__class__, "object")


def types_of(schema: Schema) -> tuple[str, ...]:
    """Give the types that a schema takes; none if it takes all."""
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    return (schema["type"],) if schema.get("type") else ()


def _typed(value: Any, schema: Schema, path: str, field: str) -> _Result:
    wanted, given = types_of(schema), type_of(value)
    shape = schema.get("format") or ""
    if not wanted and not shape:
        return _Result()
    if value is None:
        if wanted and not schema.get("nullable"):
            return _Result([_of_type(path, field, ",".join(wanted), "null")])
        return _Result(matches=1)
    is_whole = given == "number" and value == int(value) if isinstance(value, float) and abs(value) < 2.0**63 else False
    if shape and given not in ("string", "array") and wanted and not _is_format(given, shape, wanted, whole=is_whole):
        known = {"integer": "int64", "number": "float64"}.get(given, "")
        return _Result([_of_type(path, field, shape, known)])
    fits = given in wanted or (is_whole and "integer" in wanted) or (given == "integer" and "number" in wanted)
    if not {"integer", "number"} & {*wanted} and shape and given in ("string", "array"):
        fits = True  # the format says what it must look like
    if not fits and wanted:
        return _Result([_of_type(path, field, ",".join(wanted), given)])
    return _Result(matches=2)


def _is_format(given: str, shape: str, wanted: tuple[str, ...], *, whole: bool) -> bool:
    """Tell whether a value that is no text may have a type that has this format."""
    numeric = (whole and "integer" in wanted) or (given == "integer" and "number" in wanted)
    return given in wanted or numeric or shape == {"integer": "int64", "number": "float64"}.get(given)


def _of_type(path: str, field: str, wanted: str, value: str) -> Cause:
    quoted = json.dumps(value, ensure_ascii=False)
    said = f"Invalid value: {quoted}: {path} in body must be of type {wanted}: {quoted}"
    return Cause(reason="FieldValueTypeInvalid", message=said, field=field)


def _combined(value: Any, schema: Schema, path: str, prefix: str) -> _Result:
    result = _Result(matches=1)
    quoted = json.dumps(path, ensure_ascii=False)
    # These errors have no place of their own.
    where = prefix or NOWHERE
    alternatives = schema.get("anyOf") or ()
    if alternatives:
        looks = [_judged(value, each, path, prefix, MISSING) for each in alternatives]
        if all(look.causes for look in looks):
            result.causes.append(wrong(where, "", f"{quoted} must validate at least one schema (anyOf)"))
            result.merge(max(looks, key=lambda look: look.matches))
    alternatives = schema.get("oneOf") or ()
    if alternatives:
        looks = [_judged(value, each, path, prefix, MISSING) for each in alternatives]
        valid = sum(not look.causes for look in looks)
        if valid != 1:
            found = f"Found {valid} valid alternatives" if valid else "Found none valid"
            result.causes.append(wrong(where, "", f"{quoted} must validate one and only one schema (oneOf). {found}"))
            if not valid:
                result.merge(max(looks, key=lambda look: look.matches))
    every = schema.get("allOf") or ()
    if every:
        looks = [_judged(value, each, path, prefix, MISSING) for each in every]
        for look in looks:
            result.merge(look)
        if any(look.causes for look in looks):
            none = ". None validated" if all(look.causes for look in looks) else ""
            result.causes.append(wrong(where, "", f"{quoted} must validate all the schemas (allOf){none}"))
    if schema.get("not") is not None and not _judged(value, schema["not"], path, prefix, MISSING).causes:
        result.causes.append(wrong(where, "", f"{quoted} must not validate the schema (not)"))
    return result


def _text(value: str, schema: Schema, path: str, field: str) -> _Result:
    result = _Result(matches=1)
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is not None and len(value) > longest:
        result.causes.append(too_long(field, longest))
    elif shortest is not None and len(value) < shortest:
        result.causes.append(wrong(field, value, f"{path} in body should be at least {shortest} chars long"))
    elif pattern and not _matches(value, pattern):
        result.causes.append(wrong(field, value, f"{path} in body should match '{pattern}'"))
    shape = schema.get("format")
    if shape and not formats.fits(shape, value):
        quoted = json.dumps(value, ensure_ascii=False)
        said = f"Invalid value: {quoted}: {path} in body must be of type {shape}: {quoted}"
        result.causes.append(Cause(reason="FieldValueTypeInvalid", message=said, field=field))
    return result


def _matches(value: str, pattern: str) -> bool:
    try:
        return compiled(pattern).search(value) is not None
    except ReconcileError:
        return False


def _number(value: Any, schema: Schema, path: str, prefix: str, field: str) -> _Result:
    result = _Result(matches=1)
    wanted, shape = types_of(schema), schema.get("format") or ""
    if len(wanted) == 1 and not _in_range(value, wanted[0], shape):
        how = f"with format {shape}" if shape in _RANGES or shape in ("float", "double") else "(default format)"
        said = f"Checked value must be of type {wanted[0]} {how} in {path}"
        result.causes.append(wrong(prefix or NOWHERE, "", said))
    step = schema.get("multipleOf")
    most, least = schema.get("maximum"), schema.get("minimum")
    if isinstance(value, int):
        # Upstream compares whole numbers with whole numbers, whatever the schema says.
        step, most, least = (None if bound is None else int(bound) for bound in (step, most, least))
    if step == 0:
        result.causes.append(wrong(field, 0, f"factor MultipleOf declared for {path} must be positive: 0"))
    elif step and Decimal(str(value)) % Decimal(str(step)):
        result.causes.append(wrong(field, value, f"{path} in body should be a multiple of {bound_text(step, value)}"))
    if most is not None and (value > most or (value == most and schema.get("exclusiveMaximum"))):
        words = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        result.causes.append(wrong(field, value, f"{path} in body should be {words} {bound_text(most, value)}"))
    if least is not None and (value < least or (value == least and schema.get("exclusiveMinimum"))):
        words = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        result.causes.append(wrong(field, value, f"{path} in body should be {words} {bound_text(least, value)}"))
    return result


def _in_range(value: Any, wanted: str, shape: str) -> bool:
    if wanted == "integer":
        if isinstance(value, float) and value != int(value):
            return False
        least, most = _RANGES.get(shape, _RANGES["int64"])
        return bool(least <= value <= most)
    return shape != "float" or bool(abs(value) <= _FLOAT32)


def bound_text(bound: Any, value: Any) -> str:
    """Give a bound as upstream prints it: a whole number where it is compared with one, else as Go prints floats."""
    if isinstance(value, int) and bound == int(bound):
        return str(int(bound))
    number = float(bound)
    if abs(number) >= 1e21 or (number and abs(number) < 1e-4):  # noqa: PLR2004 -- where Go turns to exponents
        return f"{number:e}"
    return number_text(number)


def _array(value: list[Any], schema: Schema, path: str, prefix: str, field: str, old: Any) -> _Result:  # noqa: PLR0917 -- one look's own
    result = _Result(matches=1)
    inner = items_of(schema)
    if inner is not None:
        before = correlated(schema, old)
        for place, item in enumerate(value):
            was = before.get(key_text(schema, item), MISSING) if before else MISSING
            result.merge(_judged(item, inner, f"{path}[{place}]", prefix, was))
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        result.causes.append(wrong(field, len(value), f"{path} in body should have at least {least} items"))
    if most is not None and len(value) > most:
        result.causes.append(too_many(field, len(value), most))
    return result


def correlated(schema: Schema, old: Any) -> dict[str, Any]:
    """Give the items of an old list by their keys, if it is a map: of no other can it be told which became which."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return {}
    return {key_text(schema, item): item for item in reversed(old)}


def key_text(schema: Schema, item: Any) -> str:
    """Give what tells an item of a list from the others, if that is a map."""
    if not isinstance(item, Mapping):
        return ""
    return json.dumps([item.get(key) for key in schema.get("x-kubernetes-list-map-keys") or ()])


def _listed(value: Any, schema: Schema, path: str, field: str) -> _Result:  # noqa: ARG001 -- as its like
    result = _Result(matches=1)
    options = schema.get("enum")
    if (
        options
        and not (value is None and schema.get("nullable"))
        and not any(equal_json(value, each) for each in options)
    ):
        shown = tuple([each if isinstance(each, str) else json.dumps(each, separators=(",", ":")) for each in options])
        result.causes.append(not_supported(field, value, shown))
    return result


def _object(value: Mapping[str, Any], schema: Schema, path: str, prefix: str, field: str, old: Any) -> _Result:  # noqa: PLR0917 -- one look's own
    result = _Result(matches=1)
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        result.causes.append(wrong(field, len(value), f"{path} in body should have at least {least} properties"))
    if most is not None and len(value) > most:
        result.causes.append(too_many(field, len(value), most))
    named = schema.get("properties") or {}
    rest = schema.get("additionalProperties")
    before = old if isinstance(old, Mapping) else {}
    for key in value:
        inner = rest if isinstance(rest, Mapping) and key not in named else None
        if inner is not None:
            result.merge(_judged(value[key], inner, f"{path}.{key}", prefix, before.get(key, MISSING)))
        elif rest is False and key not in named:
            said = f"{path}.{key} in body is a forbidden property"
            result.causes.append(wrong(field, "", said))
    for key, inner in named.items():
        if key in value:
            there = f"{path}.{key}" if path else key
            result.merge(_judged(value[key], inner, there, prefix, before.get(key, MISSING)))
    result.causes += [
        required(_field(prefix, f"{path}.{key}")) for key in schema.get("required") or () if key not in value
    ]
    return result
