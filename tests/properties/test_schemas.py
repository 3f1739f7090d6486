"""Structural schemas: judged as jsonschema judges them, filled once and for all, pruned once and for all."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.apiserver.registry import structural
from reconcile.model.fields.schemas import shape_of_schema

NAMES = st.sampled_from(["a", "b", "c"])
BOUNDS = st.integers(-3, 6)
SCALARS = st.one_of(st.booleans(), st.integers(-5, 8), st.sampled_from(["", "a", "ab", "abc", "a1"]))
VALUES = st.recursive(
    st.one_of(st.none(), SCALARS, st.sampled_from([0.5, 1.0, 2.5])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["string", "integer", "number", "boolean"]))
    schema: dict[str, Any] = {"type": kind}
    if kind == "string":
        schema |= draw(
            st.fixed_dictionaries({}, optional={"minLength": st.integers(0, 2), "maxLength": st.integers(1, 3)})
        )
        schema |= draw(st.fixed_dictionaries({}, optional={"pattern": st.sampled_from(["^a", "b$", "^[a-z]*$"])}))
    elif kind != "boolean":
        schema |= draw(st.fixed_dictionaries({}, optional={"minimum": BOUNDS, "maximum": BOUNDS}))
        schema |= draw(st.fixed_dictionaries({}, optional={"multipleOf": st.sampled_from([2, 3])}))
    if draw(st.booleans()):
        schema["enum"] = draw(
            st.lists(SCALARS.filter(lambda value: not isinstance(value, bool)), min_size=1, max_size=3)
        )
    return schema


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    kind = draw(st.sampled_from(["leaf", "object", "map", "array"])) if depth else "leaf"
    inner = schemas(depth=depth - 1) if depth else leaves()
    match kind:
        case "leaf":
            return draw(leaves())
        case "object":
            schema: dict[str, Any] = {"type": "object", "properties": draw(st.dictionaries(NAMES, inner, max_size=3))}
            schema |= draw(st.fixed_dictionaries({}, optional={"required": st.lists(NAMES, max_size=2, unique=True)}))
            return schema
        case "map":
            limits = {"minProperties": st.integers(0, 2), "maxProperties": st.integers(0, 3)}
            return {
                "type": "object",
                "additionalProperties": draw(inner),
                **draw(st.fixed_dictionaries({}, optional=limits)),
            }
        case _:
            limits = {"minItems": st.integers(0, 2), "maxItems": st.integers(0, 3)}
            return {"type": "array", "items": draw(inner), **draw(st.fixed_dictionaries({}, optional=limits))}


@st.composite
def defaulting(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """Give an object's schema with defaults that it takes itself."""
    properties: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, unique=True)):
        if depth and draw(st.booleans()):
            properties[name] = draw(defaulting(depth=depth - 1))
            if draw(st.booleans()):
                properties[name]["default"] = {}
        else:
            properties[name] = {"type": "integer", **draw(st.fixed_dictionaries({}, optional={"default": BOUNDS}))}
            properties[name]["nullable"] = draw(st.booleans())
    return {"type": "object", "properties": properties}


@given(schemas(), VALUES)
def test_values_are_judged_as_jsonschema_judges_them(schema: dict[str, Any], value: Any) -> None:
    ours = not structural.faults(value, schema)
    assert ours == jsonschema.Draft4Validator(_plain(schema)).is_valid(value)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Give a schema without a `required` that is empty, which draft 4 does not take."""
    made = {key: _plain(value) if isinstance(value, dict) else value for key, value in schema.items()}
    if made.get("required") == []:
        del made["required"]
    return made


@given(schemas(), VALUES)
def test_what_has_not_changed_is_well(schema: dict[str, Any], value: Any) -> None:
    assert structural.faults(value, schema, "", value) == []


@given(schemas(), VALUES)
def test_pruning_twice_is_pruning_once(schema: dict[str, Any], value: Any) -> None:
    once, _ = structural.kept(value, schema)
    assert structural.kept(once, schema) == (once, ())


@given(defaulting(), VALUES)
def test_filling_twice_is_filling_once(schema: dict[str, Any], value: Any) -> None:
    once = structural.defaulted(structural.without_nulls(value, schema), schema)
    assert structural.defaulted(structural.without_nulls(once, schema), schema) == once


@given(schemas())
def test_every_schema_has_a_shape(schema: dict[str, Any]) -> None:
    assert shape_of_schema(schema if schema["type"] == "object" else {}).kind == "map"
