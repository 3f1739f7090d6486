"""Bodies as objects, options and patches; what cannot be read is refused in upstream's words."""

import json

import attrs
import pytest

from reconcile.api import core_v1, kinds, protobuf
from reconcile.api.scalars import freeze
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest import HttpRequest, decoding

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}}
SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'


def _http(body, kind="application/json"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(method="POST", path="/", headers=(("content-type", kind),), body=body)


def _decoded(body, validation="", kind="application/json"):
    return decoding.decoded(_http(body, kind), core_v1.ConfigMap, validation, kinds.resource("configmaps"))


def _refused(body, validation="", kind="application/json"):
    with pytest.raises(Refusal) as caught:
        _decoded(body, validation, kind)
    return caught.value.response.code, caught.value.response.body.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"),
        (
            b"hello",
            (
                "couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value"
                " (68656c6c6f)"
            ),
        ),
        (
            {"apiVersion": 1},
            (
                "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field"
                ' .apiVersion of type string ({"apiVersion": 1})'
            ),
        ),
        (
            {**CONFIG_MAP, "apiVersion": "a/b/c"},
            'unexpected GroupVersion string: a/b/c ({"apiVersion": "a/b/c", "kind" ...)',
        ),
    ],
)
def test_what_does_not_say_what_it_is_is_unrecognized(body, said):
    assert _refused(body) == (400, f"the object provided is unrecognized (must be of type ConfigMap): {said}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "Nope"}, f'no kind "Nope" is registered for version "v1" {SCHEME}'),
        ({"apiVersion": "apps/v1"}, f'no kind "ConfigMap" is registered for version "apps/v1" {SCHEME}'),
        ({"kind": "Pod", "data": None}, "converting (v1.Pod) to (core.ConfigMap): unknown conversion"),
        ({"data": {"a": 1}}, "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"),
    ],
)
def test_what_is_something_else_cannot_become_what_the_path_takes(change, said):
    body = {**CONFIG_MAP, **change}
    version = body["apiVersion"].rpartition("/")[2]
    assert _refused(body) == (400, f'{body["kind"]} in version "{version}" cannot be handled as a ConfigMap: {said}')


def test_another_version_of_the_same_is_told_apart():
    cls, resource = (
        kinds.class_for("autoscaling/v2", "HorizontalPodAutoscaler"),
        kinds.resource("horizontalpodautoscalers.autoscaling"),
    )
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}
    with pytest.raises(Refusal) as caught:
        decoding.decoded(_http(body), cls, "", resource)
    assert caught.value.response.body.message == (
        "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)"
    )


@pytest.mark.parametrize("leaves", [(), ("kind",), ("apiVersion",), ("apiVersion", "kind")])
def test_what_a_body_leaves_out_the_path_says(leaves):
    found = _decoded({key: value for key, value in CONFIG_MAP.items() if key not in leaves})
    assert found.object.metadata.name == "x"
    assert found.object.data == {"a": "b"}


STRICT = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","a":"2"},"Data":{}}'
WRONG = ('duplicate field "data.a"', 'unknown field "Data"')


def test_strictness_refuses_warns_or_is_silent():
    said = f'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: {", ".join(WRONG)}'
    assert _refused(STRICT, "Strict") == (400, said)
    assert _decoded(STRICT, "Warn").warnings == _decoded(STRICT).warnings == WRONG
    assert _decoded(STRICT, "Ignore").warnings == ()
    assert _decoded(STRICT).object.data == {"a": "2"}


YAML = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: '1'\n  a: '2'\n"


def test_yaml_is_json_in_other_words():
    kind = "application/yaml"
    assert _decoded(YAML, kind=kind).object.data == {"a": "2"}
    assert _decoded(YAML, kind=kind).warnings == ('line 6: key "a" already set in map',)
    said = 'yaml: unmarshal errors:\n  line 6: key "a" already set in map'
    assert _refused(YAML, "Strict", kind)[1].endswith(f"strict decoding error: {said}")
    said = "(must be of type ConfigMap): yaml: line 1: did not find expected node content ({)"
    assert _refused(b"{", kind=kind) == (400, f"the object provided is unrecognized {said}")
    assert _refused(b"&a [*a]", kind=kind)[1].endswith("yaml: anchor 'a' value contains itself (2661205b2a615d)")


def test_protobuf_is_read():
    kind = "application/vnd.kubernetes.protobuf"
    body = protobuf.enveloped("core_v1.ConfigMap", CONFIG_MAP, "v1", "ConfigMap")
    assert _decoded(body, kind=kind).object.data == {"a": "b"}
    said = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (7b7d)"
    assert _refused(b"{}", kind=kind)[1].endswith("[107 56 115 0] ({})"), said
    assert _refused(body[:-20], kind=kind)[0] == 400


@pytest.mark.parametrize("kind", ["x", "application/json;;", "application/cbor", "text/plain"])
def test_other_forms_are_unsupported(kind):
    code, said = _refused(CONFIG_MAP, kind=kind)
    assert code == 415
    assert said.startswith("the body of the request was in an unknown format - accepted media types include: ")


def test_a_body_has_a_largest_size():
    said = "Request entity too large: limit is 3145728"
    assert _refused(b" " * (decoding.MOST_BYTES + 1)) == (413, said)


def test_a_patch_stays_text():
    # Whether there is something to patch is known before what it says.
    assert decoding.patch_body(_http(b'{"a": "\xff"')) == '{"a": "\ufffd"'


def test_delete_options_are_what_they_say():
    assert decoding.options_body(_http(b"")) is None
    found = decoding.options_body(_http({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 3}))
    assert found.grace_period_seconds == 3
    with pytest.raises(Refusal) as caught:
        decoding.options_body(_http({"apiVersion": "v1", "kind": "Pod"}))
    assert caught.value.response.body.message == f'no kind "Pod" is registered for version "v1" {SCHEME}'


THING = attrs.evolve(kinds.resource("configmaps"), group="example.com", version="v1", kind="Thing", plural="things")


def _custom(body, validation=""):
    body = {"apiVersion": "example.com/v1", "kind": "Thing", **body}
    return decoding.decoded(_http(body), CustomObject, validation, THING)


def test_of_a_custom_object_the_metadata_have_a_shape():
    found = _custom({"metadata": {"name": "x", "foo": 1}, "spec": {"a": [1.5, None]}})
    assert found.object.metadata.name == "x"
    assert found.object.body == freeze({"spec": {"a": [1.5, None]}})
    assert found.warnings == ('unknown field "metadata.foo"',)
    said = "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
    with pytest.raises(Refusal) as caught:
        _custom({"metadata": {"labels": {"a": 1}}})
    assert caught.value.response.body.message == f'Thing in version "v1" cannot be handled as a Thing: {said}'
    # What is of another version is refused where the schemas of all versions are at hand.
    assert _custom({"apiVersion": "example.com/v2"}).object.api_version == "example.com/v2"


@pytest.mark.parametrize(
    ("path", "api_version", "kind", "said"),
    [
        ("/apis/apps/v1/namespaces/default/deployments", "apps/v1beta2", "Deployment", "(apps/v1)"),
        ("/apis/apps/v1/namespaces/default/deployments", "extensions/v1beta1", "Deployment", "(apps/v1)"),
        ("/apis/apps/v1/namespaces/default/deployments", "apps/v1beta3", "Deployment", "no kind"),
        ("/api/v1/namespaces/default/pods", "policy/v1beta1", "PodDisruptionBudget", "unknown conversion"),
    ],
)
def test_versions_that_are_served_no_more_are_known(client, path, api_version, kind, said):
    code, status = client.read("POST", path, {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}})
    assert (code, said in status["message"]) == (400, True)


def test_an_eviction_may_be_of_its_older_version(client):
    body = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "x"}}
    code, status = client.read("POST", "/api/v1/namespaces/default/pods/x/eviction", body)
    assert (code, status["message"]) == (404, 'pods "x" not found')
