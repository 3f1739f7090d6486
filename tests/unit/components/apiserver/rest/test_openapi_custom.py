"""What is said of custom resources: their schemas in both versions, their requests, and hashes that go with them."""

import json

import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.components.apiserver.rest.openapi.structural import schema_of, schema_of_2
from reconcile.driver.client import applied
from reconcile.driver.machine import Machine
from reconcile.driver.run import settle
from reconcile.driver.serving.exchange import exchanged

META = {"$ref": "#/m"}
TYPE = {"type": "string"}
UNKNOWN = {"x-kubernetes-preserve-unknown-fields": True}
EITHER = {"x-kubernetes-int-or-string": True}
KINDS = [{"type": "integer"}, {"type": "string"}]
PATTERN = {**EITHER, "anyOf": [{"pattern": "a"}]}


def inner(schema):
    """Give the one schema that is not what all objects have."""
    found = schema["properties"]
    assert (found["apiVersion"], found["kind"], found["metadata"]) == (TYPE, TYPE, META)
    return found["x"]


@pytest.mark.parametrize(
    ("given", "third", "second"),
    [
        ({"type": "string", "default": "a", "enum": ["a"]}, ..., {"type": "string", "enum": ["a"]}),
        ({"type": "string", "nullable": True}, ..., {}),
        ({"type": "string", "nullable": False, "uniqueItems": False}, {"type": "string"}, {"type": "string"}),
        ({"type": "object", "oneOf": [{"required": ["a"]}], "not": {"required": ["b"]}}, ..., {"type": "object"}),
        (EITHER, {**EITHER, "anyOf": KINDS}, EITHER),
        ({**EITHER, "anyOf": KINDS}, ..., EITHER),
        ({**EITHER, "allOf": [{"anyOf": KINDS}]}, ..., EITHER),
        (PATTERN, {**PATTERN, "allOf": [{"anyOf": KINDS}]}, EITHER),
        ({"type": "object", **UNKNOWN, "properties": {"a": TYPE}}, ..., UNKNOWN),
        ({"type": "array", **UNKNOWN, "items": TYPE}, ..., UNKNOWN),
        ({"type": "array", "items": {"type": "integer", "nullable": True}}, ..., {"type": "array", "items": {}}),
        ({"type": "object", "additionalProperties": True}, ..., ...),
        (
            {"type": "object", "required": ["a", "b"], "properties": {"a": {**TYPE, "nullable": True}, "b": TYPE}},
            ...,
            {"type": "object", "required": ["b"], "properties": {"a": {}, "b": TYPE}},
        ),
        (
            {"type": "object", "required": ["a"], "additionalProperties": {**TYPE, "nullable": True}},
            ...,
            {"type": "object", "additionalProperties": {}},
        ),
    ],
)  # fmt: skip
def test_a_schema_in_both_versions(given, third, second):
    schema = {"type": "object", "properties": {"x": given}}
    third = given if third is ... else third
    assert inner(schema_of(schema, META)) == third
    assert inner(schema_of_2(schema, META)) == (third if second is ... else second)


def test_an_embedded_object_has_what_all_objects_have():
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": {"type": "object"}}}
    whole = {
        **embedded,
        "required": ["kind", "apiVersion"],
        "properties": {"apiVersion": TYPE, "kind": TYPE, "metadata": META, "spec": {"type": "object"}},
    }
    schema = {"type": "object", "properties": {"x": {"type": "array", "items": embedded}}}
    for version in (schema_of, schema_of_2):
        assert inner(version(schema, META))["items"] == whole
    lax = {"type": "object", "properties": {"x": {**embedded, **UNKNOWN}}}
    assert inner(schema_of(lax, META)) == {**whole, **UNKNOWN}
    assert inner(schema_of_2(lax, META)) == {"x-kubernetes-embedded-resource": True, **UNKNOWN}


def test_where_anything_goes_version_2_says_nothing_at_all():
    assert schema_of({}, META) == schema_of_2({}, META) == schema_of_2({"type": "object", **UNKNOWN}, META)
    assert schema_of_2({"type": "object", **UNKNOWN}, META) == {"type": "object"}
    assert set(schema_of({"type": "object", **UNKNOWN}, META)["properties"]) == {"apiVersion", "kind", "metadata"}


def definition(plural, kind, *, namespaced=True, size="string", versions=("v1",)):
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": size}}}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}Set"},
            "versions": [
                {
                    "name": name,
                    "served": name != "v0",
                    "storage": name == "v1",
                    "subresources": {
                        "status": {},
                        "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"},
                    },
                    "selectableFields": [{"jsonPath": ".spec.size"}],
                    "schema": {"openAPIV3Schema": schema},
                }
                for name in versions
            ],
        },
    }


class Server:
    def __init__(self):
        self.machine = Machine(settle(Cluster.boot(Topology(nodes=1))).cluster)

    def apply(self, *args, **more):
        assert applied(self.machine, definition(*args, **more)).ok
        cluster = settle(self.machine.closed()).cluster
        self.machine = Machine(cluster)

    def get(self, path, **headers):
        raw, _, query = path.partition("?")
        pairs = tuple([tuple(each.split("=")) for each in query.split("&") if each])
        sent = tuple([(name.replace("_", "-"), value) for name, value in headers.items()])
        asked = HttpRequest(
            method="GET", path=raw, query=pairs, headers=sent, body=b"", certificate=("a", ("system:masters",))
        )
        return exchanged(self.machine, asked)

    def document(self, path):
        return json.loads(self.get(path).body)


@pytest.fixture(scope="module")
def server():
    found = Server()
    found.apply("widgets", "Widget", versions=("v1", "v1beta1", "v0"))
    found.apply("glass", "Glass", namespaced=False)
    return found


def test_every_served_version_has_a_document_of_all_its_kinds(server):
    paths = server.document("/openapi/v3")["paths"]
    assert sorted(name for name in paths if "example" in name) == ["apis/example.com/v1", "apis/example.com/v1beta1"]
    found = server.document("/openapi/v3/apis/example.com/v1")
    kinds = {name: each["x-kubernetes-group-version-kind"] for name, each in found["components"]["schemas"].items()
             if name.startswith("com.")}  # fmt: skip
    assert kinds == {
        f"com.example.v1.{kind}": [{"group": "example.com", "version": "v1", "kind": kind}]
        for kind in ("Widget", "WidgetSet", "Glass", "GlassSet")
    }
    widget = found["components"]["schemas"]["com.example.v1.Widget"]
    assert widget["x-kubernetes-selectable-fields"] == [{"fieldPath": "spec.size"}]
    assert widget["properties"]["spec"] == {"type": "object", "properties": {"size": {"type": "string"}}}
    assert server.get("/openapi/v3/apis/example.com/v0").code == 404


def test_every_request_is_there(server):
    paths = server.document("/openapi/v3/apis/example.com/v1")["paths"]
    head, one = "/apis/example.com/v1", "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"
    operations = {
        path: {method: each["operationId"] for method, each in item.items() if method != "parameters"}
        for path, item in paths.items()
    }
    assert operations[f"{head}/widgets"] == {"get": "listExampleComV1WidgetForAllNamespaces"}
    assert operations[f"{one}/status"]["patch"] == "patchExampleComV1NamespacedWidgetStatus"
    assert operations[f"{one}/scale"] == {
        "get": "readExampleComV1NamespacedWidgetScale",
        "put": "replaceExampleComV1NamespacedWidgetScale",
        "patch": "patchExampleComV1NamespacedWidgetScale",
    }
    assert operations[f"{head}/glass"]["delete"] == "deleteExampleComV1CollectionGlass"
    assert paths[f"{head}/glass"]["post"]["description"] == "create a Glass"
    assert f"{head}/namespaces/{{namespace}}/glass" not in paths


def test_version_2_holds_them_beside_all_others(server):
    found = server.document("/openapi/v2")
    assert found["definitions"]["com.example.v1.Widget"]["properties"]["metadata"] == {
        "$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    }
    post = found["paths"]["/apis/example.com/v1/glass"]["post"]
    assert post["consumes"] == post["produces"] == ["application/json", "application/yaml"]
    assert "io.k8s.api.core.v1.Pod" in found["definitions"]


def test_a_hash_is_that_of_the_document_and_changes_with_it(server):
    name = "apis/example.com/v1"
    place = server.document("/openapi/v3")["paths"][name]["serverRelativeURL"]
    found = server.get(place)
    headers = dict(found.headers)
    assert (found.code, headers["Cache-Control"]) == (200, "public, immutable")
    assert headers["Etag"] == f'"{place.partition("hash=")[2]}"'
    assert server.get(place, if_none_match=headers["Etag"]).code == 304
    server.apply("widgets", "Widget", versions=("v1", "v1beta1", "v0"), size="integer")
    now = server.document("/openapi/v3")["paths"][name]["serverRelativeURL"]
    assert now != place
    moved = server.get(place)
    assert (moved.code, dict(moved.headers)["Location"]) == (301, now)
    assert server.get(f"/openapi/v3/{name}", if_none_match=headers["Etag"]).code == 200
