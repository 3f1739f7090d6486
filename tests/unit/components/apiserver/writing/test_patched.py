"""Patches as clients send them: text that is read, unknown and repeated fields, what comes of bad ones."""

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.lib.mapping import Map

CONFIG = core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name="x"), data=Map({"a": "1"}))


@pytest.fixture
def patch(server):
    server.made("configmaps", CONFIG)

    def ask(body, kind="merge", **others):
        return server("patch", "configmaps", "default", "x", body, patch_type=kind, **others)

    return ask


@pytest.mark.parametrize(
    ("kind", "body", "data"),
    [
        ("json", '[{"op": "add", "path": "/data/b", "value": "2"}]', {"a": "1", "b": "2"}),
        ("json", [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/a"}], None),
        ("json", "null", {"a": "1"}),
        ("merge", '{"data": {"a": null, "b": "2"}}', {"b": "2"}),
        ("strategic", '{"data": {"$patch": "replace", "b": "2"}}', {"b": "2"}),
        ("strategic", {"data": {"b": "2"}}, {"a": "1", "b": "2"}),
        ("strategic", "null", {"a": "1"}),
    ],
)
def test_each_kind(patch, kind, body, data):
    response = patch(body, kind)
    assert (response.code, response.body.data or None) == (200, data)


@pytest.mark.parametrize(
    ("kind", "body", "code", "said"),
    [
        ("json", '{"op": "add"}', 400, "error decoding patch: json: cannot unmarshal object into Go value of type []h"),
        ("json", '["x"]', 400, "error decoding patch: json: cannot unmarshal string into Go value of type handlers.js"),
        (
            "json",
            '[{"op": 1}]',
            400,
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatch",
        ),
        (
            "json",
            '[{"op": "remove", "path": "/x"}]',
            422,
            "the server rejected our request due to an error in our request",
        ),
        (
            "json",
            [{"op": "add"}] * 10_001,
            413,
            "Request entity too large: The allowed maximum operations in a JSON patch",
        ),
        (
            "merge",
            "[]",
            400,
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interf",
        ),
        ("merge", "null", 400, "Invalid JSON Patch"),
        ("merge", "", 400, "error decoding patch: unexpected end of JSON input"),
        ("json", "{", 400, "error decoding patch: unexpected end of JSON input"),
        ("strategic", "hello", 400, "invalid character 'h' looking for beginning of value"),
        ("merge", '{"kind": "Odd"}', 422, ' "" is invalid: patch: Invalid value: '),
        ("strategic", '"x"', 400, "json: cannot unmarshal string into Go value of type map[string]interface {}"),
        ("strategic", '{"$patch": "odd"}', 500, "unknown patch type: odd in map: map[$patch:odd]"),
        ("strategic", '{"$retainKeys": 1}', 400, "invalid patch format of retainKeys"),
        ("strategic", '{"$patch": "replace"}', 400, "the name of the object (x based on URL) was undeterminable"),
        (
            "strategic",
            '{"data": "x"}',
            422,
            ' "" is invalid: patch: Invalid value: "map[data:x]": cannot restore map fro',
        ),
        (
            "merge",
            '{"data": "x"}',
            422,
            ' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"v1\\",\\"data\\":\\"x\\"',
        ),
        (
            "merge",
            '{"metadata": {"uid": "u"}}',
            422,
            'ConfigMap "x" is invalid: metadata.uid: Invalid value: "u": field is',
        ),
    ],
)
def test_bad_ones(patch, kind, body, code, said):
    response = patch(body, kind)
    assert (response.code, response.body.message[: len(said)]) == (code, said)


@pytest.mark.parametrize(
    ("kind", "body", "warnings"),
    [
        ("merge", '{"odd": 1, "data": {"b": "1", "b": "2"}}', ('duplicate field "data.b"', 'unknown field "odd"')),
        ("strategic", '{"odd": 1, "data": {"b": "1", "b": "2"}}', ('duplicate field "data.b"', 'unknown field "odd"')),
        (
            "json",
            '[{"op": "add", "op": "add", "path": "/data/b", "value": "2", "odd": 1}]',
            ('json patch duplicate field "[0].op"', 'json patch unknown field "[0].odd"'),
        ),
    ],
)
def test_what_is_strictly_wrong(patch, kind, body, warnings):
    refused = patch(body, kind, field_validation="Strict")
    assert refused.code == 422
    assert refused.body.message.endswith(f": strict decoding error: {', '.join(warnings)}")
    response = patch(body, kind)
    assert (response.warnings, response.body.data["b"]) == (warnings, "2")
    assert patch(body, kind, field_validation="Ignore").warnings == ()


def test_a_patch_of_what_is_not_there_is_not_read(server):
    assert server("patch", "configmaps", "default", "x", "{", patch_type="json").code == 404
