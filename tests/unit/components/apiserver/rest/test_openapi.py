"""The documents that say which requests there are, and of which form their objects."""

import json
import struct

import jsonschema
import pytest

from reconcile.api import convert, golang, kinds
from reconcile.api.wire import parts
from reconcile.components.apiserver.registry.served import NOTHING
from reconcile.components.apiserver.rest import openapi
from reconcile.components.apiserver.rest.openapi import gnostic

PODS = "/api/v1/namespaces/{namespace}/pods"


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for entry in value.values():
            yield from references(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from references(entry)


def index():
    return json.loads(openapi.index(NOTHING).body)["paths"]


def document_of(name):
    return json.loads(openapi.document(name, NOTHING).body)


NAMES = sorted(index())


@pytest.mark.parametrize("name", NAMES)
def test_a_document_holds_whatever_it_refers_to(name):
    document = document_of(name)
    schemas = document["components"].get("schemas", {})
    assert {ref.removeprefix("#/components/schemas/") for ref in references(document)} <= set(schemas)
    assert list(document["paths"])


def test_every_served_version_of_every_group_has_one():
    assert {resource.path.lstrip("/") for resource in kinds.all_resources()} <= set(NAMES)
    assert openapi.document("apis/nope/v1", NOTHING) is None


def test_a_hash_changes_with_its_document():
    urls = [row["serverRelativeURL"] for row in index().values()]
    assert len({url.partition("hash=")[2] for url in urls}) == len(urls)


def test_a_patch_says_that_it_takes_field_validation():
    # By which kubectl knows that the server validates.
    patch = document_of("api/v1")["paths"][PODS + "/{name}"]["patch"]
    assert "fieldValidation" in [each["name"] for each in patch["parameters"]]
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]


def test_schemas_say_how_lists_are_merged_and_what_is_there_by_itself():
    schemas = document_of("api/v1")["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert schemas["io.k8s.api.core.v1.Container"]["properties"]["resources"]["default"] == {}
    assert schemas["io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"]["x-kubernetes-map-type"] == "atomic"
    assert schemas["io.k8s.api.core.v1.Pod"]["x-kubernetes-group-version-kind"] == [
        {"group": "", "kind": "Pod", "version": "v1"}
    ]


def test_an_object_is_valid_by_its_schema_and_a_wrong_one_is_not():
    document = document_of("apis/apps/v1")
    schema = {"$ref": "#/components/schemas/io.k8s.api.apps.v1.Deployment", "components": document["components"]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "c"}]}}
    deployment = convert.load(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": template},
        }
    ).object
    written = golang.written(deployment)
    jsonschema.validate(written, schema)
    written["spec"]["replicas"] = "three"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, schema)


def test_version_2_holds_all_of_version_3():
    swagger = json.loads(openapi.swagger(NOTHING).body)
    found = set(swagger["definitions"])
    assert {ref.removeprefix("#/definitions/") for ref in references(swagger)} <= found
    assert set(document_of("api/v1")["components"]["schemas"]) <= found
    create = swagger["paths"][PODS]["post"]
    assert create["parameters"][0] == {
        "in": "body",
        "name": "body",
        "required": True,
        "schema": {"$ref": "#/definitions/io.k8s.api.core.v1.Pod"},
    }


def of(content, *numbers):
    """Give the fields that a path of numbers leads to in a message of protobuf."""
    found = [content]
    for number in numbers:
        found = [value for each in found for field, _, value in parts(memoryview(each), "") if field == number]
    return [bytes(each).decode() if isinstance(each, memoryview) else each for each in found]


def test_version_2_is_served_in_protobuf_too():
    # kubectl asks for it of what the server says nothing of, such as a kind: List in a file.
    written, swagger = openapi.swagger(NOTHING, protobuf=True), openapi.swagger(NOTHING)
    document = json.loads(swagger.body)
    assert written.hash == swagger.hash
    assert of(written.body, 1) == ["2.0"]
    assert of(written.body, 8, 2, 1) == list(document["paths"])
    assert of(written.body, 9, 1, 1) == list(document["definitions"])
    assert of(written.body, 13, 1, 2, 2, 3) == ["header"]


def test_a_schema_in_protobuf_has_its_fields_by_number():
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"$ref": "#/definitions/A"}, "b": {"type": "array", "items": {"maxLength": 300}}},
        "additionalProperties": False,
        "enum": [{"z": 1}],
        "maximum": 1.5,
        "x-kubernetes-map-type": "atomic",
    }
    whole = gnostic.document({"definitions": {"S": schema}})
    assert of(whole, 9, 1, 1) == ["S"]
    assert of(whole, 9, 1, 2, 22, 1) == ["object"]
    assert of(whole, 9, 1, 2, 19) == ["a"]
    assert of(whole, 9, 1, 2, 25, 1, 1) == ["a", "b"]
    assert of(whole, 9, 1, 2, 25, 1, 2, 1) == ["#/definitions/A"]
    assert of(whole, 9, 1, 2, 25, 1, 2, 23, 1, 11) == [300]
    assert of(whole, 9, 1, 2, 21, 2) == [0]
    assert of(whole, 9, 1, 2, 20, 2) == ['{"z":1}']
    assert b"\x39" + struct.pack("<d", 1.5) in whole
    assert of(whole, 9, 1, 2, 31, 1) == ["x-kubernetes-map-type"]
    assert of(whole, 9, 1, 2, 31, 2, 2) == ['"atomic"']


def test_a_parameter_in_protobuf_says_where_it_stands():
    rows = [{"in": place, "name": place, "type": "string"} for place in ("header", "query", "path")]
    body = {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/A"}}
    whole = gnostic.document({"paths": {"/a": {"parameters": [body, *rows, {"$ref": "#/parameters/p"}]}}})
    at = (8, 2, 2, 9)
    assert of(whole, 8, 2, 1) == ["/a"]
    assert of(whole, *at, 1, 1, 5, 1) == ["#/definitions/A"]
    assert [of(whole, *at, 1, 2, number, 4) for number in (1, 3, 4)] == [["header"], ["query"], ["path"]]
    assert [of(whole, *at, 1, 2, number, sort) for number, sort in ((1, 5), (3, 6), (4, 5))] == [["string"]] * 3
    assert of(whole, *at, 2, 1) == ["#/parameters/p"]
