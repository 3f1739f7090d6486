"""Structural schemas applied: filling, judging, lists, rules."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.components.apiserver.registry import structural
from reconcile.components.apiserver.registry.structural.paths import PathError, field_path

SPEC = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 8, "pattern": "^[a-z]+$"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        "ratio": {"type": "number", "multipleOf": 0.5, "exclusiveMaximum": True, "maximum": 4},
        "color": {"type": "string", "enum": ["red", "blue"]},
        "when": {"type": "string", "format": "date-time"},
        "port": {"x-kubernetes-int-or-string": True},
        "tags": {"type": "array", "maxItems": 2, "minItems": 1, "items": {"type": "string"}},
        "labels": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
        "flag": {"type": "boolean", "nullable": True},
        "one": {"type": "integer", "oneOf": [{"minimum": 5}, {"maximum": 2}]},
        "any": {"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": 2}]},
        "all": {"type": "integer", "allOf": [{"minimum": 5}, {"maximum": 7}]},
        "not": {"type": "integer", "not": {"minimum": 5}},
        "i32": {"type": "integer", "format": "int32"},
        "nested": {"type": "object", "default": {}, "properties": {"deep": {"type": "string", "default": "d"}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "pod": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "properties": {"spec": {"type": "object"}},
        },
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "map": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {
                "type": "object",
                "properties": {"k": {"type": "string"}, "v": {"type": "integer", "maximum": 5}},
            },
        },
    },
}
ROOT = {"type": "object", "properties": {"spec": SPEC}}


def told(spec: Any, **old: Any) -> list[tuple[str | None, str | None]]:
    before = {"old": {"spec": old["old"]}} if old else {}
    return [(cause.field, cause.message) for cause in structural.faults({"spec": spec}, ROOT, "", **before)]


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({}, "spec.name", "Required value"),
        ({"name": "a"}, "spec.name", 'Invalid value: "a": spec.name in body should be at least 2 chars long'),
        ({"name": "abcdefghij"}, "spec.name", "Too long: may not be more than 8 bytes"),
        ({"name": "ABC"}, "spec.name", "Invalid value: \"ABC\": spec.name in body should match '^[a-z]+$'"),
        (
            {"name": "ab", "count": "x"},
            "spec.count",
            'Invalid value: "string": spec.count in body must be of type integer: "string"',
        ),
        (
            {"name": "ab", "count": 0},
            "spec.count",
            "Invalid value: 0: spec.count in body should be greater than or equal to 1",
        ),
        (
            {"name": "ab", "count": 10},
            "spec.count",
            "Invalid value: 10: spec.count in body should be less than or equal to 9",
        ),
        ({"name": "ab", "ratio": 4.5}, "spec.ratio", "Invalid value: 4.5: spec.ratio in body should be less than 4"),
        (
            {"name": "ab", "ratio": 0.3},
            "spec.ratio",
            "Invalid value: 0.3: spec.ratio in body should be a multiple of 0.5",
        ),
        (
            {"name": "ab", "color": "green"},
            "spec.color",
            'Unsupported value: "green": supported values: "red", "blue"',
        ),
        (
            {"name": "ab", "when": "now"},
            "spec.when",
            'Invalid value: "now": spec.when in body must be of type date-time: "now"',
        ),
        (
            {"name": "ab", "port": True},
            "spec.port",
            'Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
        ),
        ({"name": "ab", "tags": ["a", "b", "c"]}, "spec.tags", "Too many: 3: must have at most 2 items"),
        ({"name": "ab", "tags": []}, "spec.tags", "Invalid value: 0: spec.tags in body should have at least 1 items"),
        (
            {"name": "ab", "tags": [1]},
            "spec.tags[0]",
            'Invalid value: "integer": spec.tags[0] in body must be of type string: "integer"',
        ),
        ({"name": "ab", "labels": {"a": "b", "c": "d"}}, "spec.labels", "Too many: 2: must have at most 1 item"),
        (
            {"name": "ab", "one": 3},
            "<nil>",
            'Invalid value: "": "spec.one" must validate one and only one schema (oneOf). Found none valid',
        ),
        (
            {"name": "ab", "any": 3},
            "<nil>",
            'Invalid value: "": "spec.any" must validate at least one schema (anyOf)',
        ),
        ({"name": "ab", "not": 6}, "<nil>", 'Invalid value: "": "spec.not" must not validate the schema (not)'),
        (
            {"name": "ab", "i32": 3_000_000_000},
            "<nil>",
            'Invalid value: "": Checked value must be of type integer with format int32 in spec.i32',
        ),
        ("x", "spec", 'Invalid value: "string": spec in body must be of type object: "string"'),
        (None, "spec", 'Invalid value: "null": spec in body must be of type object: "null"'),
    ],
)
def test_faults(spec: Any, field: str, message: str) -> None:
    assert told(spec)[0] == (field, message)


def test_nothing_is_wrong_with_what_fits() -> None:
    spec = {
        "name": "ab",
        "count": 9.0,
        "ratio": 1.5,
        "flag": None,
        "one": 2,
        "all": 6,
        "port": "80",
        "when": "2024-01-01T00:00:00Z",
    }
    assert told(spec) == []


def test_a_float_is_told_twice() -> None:
    assert told({"name": "ab", "count": 3.5}) == [
        ("spec.count", 'Invalid value: "number": spec.count in body must be of type integer: "number"'),
        ("<nil>", 'Invalid value: "": Checked value must be of type integer (default format) in spec.count'),
    ]


def test_what_has_not_changed_is_not_judged() -> None:
    assert told({"name": "A", "count": 4}, old={"name": "A", "count": 3}) == []
    assert len(told({"name": "B", "count": 4}, old={"name": "A", "count": 3})) == 1
    bad = [{"k": "1", "v": 9}]
    assert told({"name": "ab", "map": [{"k": "0"}, *bad]}, old={"name": "ab", "map": bad}) == []


def test_filling() -> None:
    data = {
        "spec": {
            "name": "ab",
            "count": None,
            "flag": None,
            "extra": 1,
            "free": {"x": [None]},
            "pod": {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"a": 1}},
            "labels": {"a": "b"},
        },
        "other": 2,
        "metadata": {"name": "x"},
    }
    filled = structural.defaulted(structural.without_nulls(data, ROOT), ROOT)
    kept, unknown = structural.kept(filled, ROOT, root=True)
    assert unknown == ("other", "spec.extra", "spec.pod.spec.a")
    assert kept["spec"] == {
        "name": "ab",
        "count": 3,
        "flag": None,
        "free": {"x": [None]},
        "pod": {"kind": "Pod", "metadata": {"name": "p"}, "spec": {}},
        "labels": {"a": "b"},
        "nested": {"deep": "d"},
    }
    assert kept["metadata"] == {"name": "x"}


def test_lists() -> None:
    spec = {"set": ["a", "b", "a", "a"], "map": [{"k": "1", "v": 1}, {"k": "1", "v": 2}]}
    found = [(cause.field, cause.message) for cause in structural.list_faults({"spec": spec}, ROOT)]
    assert found == [("spec.set[2]", 'Duplicate value: "a"'), ("spec.map[1]", 'Duplicate value: {"k":"1"}')]


def ruled(*rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    spec = {"type": "object", "properties": properties, "x-kubernetes-validations": list(rules)}
    return {"type": "object", "properties": {"spec": spec}}


def broken(schema: Any, spec: Any, **old: Any) -> list[tuple[str | None, str | None]]:
    before = {"old": {"spec": old["old"]}} if old else {}
    causes, _ = structural.rule_faults({"spec": spec}, schema, "", root=True, **before)
    return [(cause.field, cause.message) for cause in causes]


def test_a_rule_that_does_not_hold() -> None:
    schema = ruled({"rule": "self.a < self.b"}, a={"type": "integer"}, b={"type": "integer"})
    assert broken(schema, {"a": 1, "b": 2}) == []
    assert broken(schema, {"a": 2, "b": 2}) == [("spec", "Invalid value: failed rule: self.a < self.b")]
    assert broken(schema, {"a": 2}) == [
        ("spec", 'Invalid value: "object": no such key: b evaluating rule: self.a < self.b')
    ]


def test_what_a_rule_says() -> None:
    rule = {
        "rule": "self.n != ''",
        "messageExpression": "'n is ' + self.n",
        "reason": "FieldValueForbidden",
        "fieldPath": ".n",
    }
    assert broken(ruled(rule, n={"type": "string"}), {"n": ""}) == [("spec.n", "Forbidden: n is")]
    rule = {"rule": "self.n != ''", "message": "say n", "reason": "FieldValueRequired"}
    assert broken(ruled(rule, n={"type": "string"}), {"n": ""}) == [("spec", "Required value: say n")]


def test_transitions() -> None:
    schema = ruled({"rule": "self.a == oldSelf.a", "message": "set once"}, a={"type": "string"})
    assert broken(schema, {"a": "x"}) == []
    assert broken(schema, {"a": "y"}, old={"a": "x"}) == [("spec", "Invalid value: set once")]
    schema = ruled({"rule": "oldSelf.hasValue() || self.a == 'x'", "optionalOldSelf": True}, a={"type": "string"})
    assert broken(schema, {"a": "x"}) == []
    assert len(broken(schema, {"a": "y"})) == 1


def test_a_rule_is_not_held_against_what_has_not_changed() -> None:
    schema = ruled({"rule": "false"}, a={"type": "string"})
    causes, warnings = structural.rule_faults({"spec": {"a": "x"}}, schema, "", {"spec": {"a": "x"}}, root=True)
    assert (causes, warnings) == ([], ("spec: Invalid value: failed rule: false",))


def test_names_of_fields_that_are_no_names_are_escaped() -> None:
    schema = ruled({"rule": "self.a__dash__b == self.__in__"}, **{"a-b": {"type": "string"}, "in": {"type": "string"}})
    assert broken(schema, {"a-b": "x", "in": "x"}) == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [(".spec.name", "spec.name"), (".spec.labels['a.b']", "spec.labels[a.b]"), ("['spec'].tags", "spec.tags")],
)
def test_paths(path: str, shown: str) -> None:
    assert field_path(path, ROOT)[0] == shown


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".spec.nope", "does not refer to a valid field"),
        ("spec", "expected [ or . but got: spec"),
        (".spec.labels[a]", "expected single quoted string but got a"),
        (".", "unexpected end of JSON path"),
    ],
)
def test_paths_that_are_none(path: str, said: str) -> None:
    with pytest.raises(PathError) as caught:
        field_path(path, ROOT)
    assert str(caught.value) == said
