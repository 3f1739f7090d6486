"""Server-side apply by the API server: what is refused before anything is merged, and what each subresource takes."""

import attrs
import pytest

from reconcile.model.requests import User

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}


@pytest.fixture
def tracking(server):
    server.state = attrs.evolve(server.state, managed_fields=True)
    return server


def apply(server, body, who="alpha", resource="configmaps", name="x", **others):
    return server("patch", resource, "default", name, body, patch_type="apply", field_manager=who, **others)


def owners(obj):
    return [(entry.manager, entry.operation, entry.subresource or "") for entry in obj.metadata.managed_fields or ()]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("a: [", 400, "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find expected node"),
        ("[1]", 400, "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array"),
        ("", 400, "invalid object type: /, Kind="),
        ({**CONFIG, "apiVersion": "v2"}, 400, "invalid object type: /v2, Kind=ConfigMap"),
        ({**CONFIG, "apiVersion": "apps/v1"}, 400, "invalid object type: apps/v1, Kind=ConfigMap"),
        ({**CONFIG, "metadata": {"name": "x", "managedFields": []}}, 400, "metadata.managedFields must be nil"),
        ({**CONFIG, "metadata": {}}, 400, "the name of the object (x based on URL) was undeterminable"),
        (
            {**CONFIG, "metadata": {"name": "y"}},
            400,
            "the name of the object (y) does not match the name on the URL (x)",
        ),
        (
            {**CONFIG, "metadata": {"name": "x", "namespace": "o"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {**CONFIG, "metadata": {"name": "x", "uid": "u"}},
            409,
            'Operation cannot be fulfilled on configmaps "x": uid mismatch: the provided object specified uid u, and',
        ),
        (
            {**CONFIG, "data": {"a": 1}},
            500,
            "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .data.a: expected string, got",
        ),
        (
            {**CONFIG, "metadata": {"name": "x", "creationTimestamp": 1}},
            500,
            "failed to convert new object (/x; /v1, Kind=ConfigMap) to proper version: unable to convert unstructured",
        ),
    ],
)
def test_what_is_refused(tracking, body, code, said):
    response = apply(tracking, body)
    assert (response.code, response.body.message[: len(said)]) == (code, said)


def test_yaml_is_read_and_creates(tracking):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: '1'\n  a: two\n"
    response = apply(tracking, text)
    assert (response.code, response.body.data) == (201, {"a": "two"})
    assert response.warnings == ('line 7: key "a" already set in map',)
    refused = apply(tracking, text, field_validation="Strict")
    assert refused.body.message.endswith('yaml: unmarshal errors:\n  line 7: key "a" already set in map')
    assert apply(tracking, text, field_validation="Ignore").warnings == ()


def test_a_version_is_no_hindrance_to_a_create_and_one_to_an_update(tracking):
    body = {**CONFIG, "metadata": {"name": "x", "resourceVersion": "1"}}
    assert apply(tracking, body).code == 201
    assert apply(tracking, body).reason == "Conflict"


def test_an_apply_that_changes_nothing_writes_nothing(tracking):
    body = {**CONFIG, "data": {"a": "1"}}
    assert apply(tracking, body).code == 201
    before = tracking.store
    tracking.now += 10**12
    assert apply(tracking, body).code == 200
    assert tracking.store is before


def test_a_dry_run_writes_nothing(tracking):
    assert apply(tracking, CONFIG, dry_run=True).code == 201
    assert tracking("get", "configmaps", "default", "x").code == 404


def test_conflicts_are_told_in_order_and_forced(tracking):
    apply(tracking, {**CONFIG, "data": {"a": "1"}})
    tracking("patch", "configmaps", "default", "x", {"data": {"b": "1"}}, field_manager="gamma")
    body = {**CONFIG, "data": {"a": "2", "b": "2"}}
    response = apply(tracking, body, "beta")
    assert response.body.message == (
        'Apply failed with 2 conflicts: conflicts with "alpha":\n- .data.a\nconflicts with "gamma" using v1:\n- .data.b'
    )
    forced = apply(tracking, body, "beta", force=True).body
    assert owners(forced) == [("beta", "Apply", "")]


def test_what_was_there_before_belongs_to_nobody_in_particular(tracking):
    tracking.made("configmaps", {**CONFIG, "data": {"a": "1"}})
    tracking("patch", "configmaps", "default", "x", {"metadata": {"managedFields": [{}]}})
    found = apply(tracking, {**CONFIG, "data": {"a": "1"}}).body
    assert owners(found) == [("alpha", "Apply", ""), ("before-first-apply", "Update", "")]
    # It changed nothing: who comes new to it has no time.
    assert [entry.time is None for entry in found.metadata.managed_fields] == [True, False]


def test_what_kubectl_said_on_the_client_goes_over_to_the_server(tracking):
    said = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","b":"1"}}'
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    first = {**CONFIG, "metadata": {"name": "x", "annotations": {annotation: said}}, "data": {"a": "1", "b": "2"}}
    tracking("create", "configmaps", "default", body=first, field_manager="kubectl-client-side-apply")
    response = apply(tracking, {**CONFIG, "data": {"a": "2", "b": "3"}}, "kubectl")
    assert response.body.message == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.b'
    )
    taken = apply(tracking, {**CONFIG, "data": {"a": "2"}}, "kubectl").body
    assert taken.metadata.annotations[annotation] == (
        '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"x"}}\n'
    )


def test_status_is_applied_apart(tracking, pod):
    tracking.made("pods", pod)
    condition = {"type": "example.com/c", "status": "True"}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "status": {"conditions": [condition]}}
    found = apply(tracking, body, "kubelet", "pods", "web", subresource="status").body
    assert ("kubelet", "Apply", "status") in owners(found)
    other = {**body, "status": {"conditions": [{**condition, "status": "False"}]}}
    response = apply(tracking, other, "other", "pods", "web", subresource="status")
    assert response.body.message == (
        'Apply failed with 1 conflict: conflict with "kubelet" with subresource "status":'
        ' .status.conditions[type="example.com/c"].status'
    )
    body["metadata"]["name"] = "nobody"
    assert apply(tracking, body, "other", "pods", "nobody", subresource="status").code == 404


def test_whoever_scales_owns_the_replicas(tracking, deployment):
    deployment["spec"]["replicas"] = 1
    assert apply(tracking, deployment, "alpha", "deployments.apps", "web").code == 201
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}}
    where = ("deployments.apps", "web")
    refused = apply(tracking, scale, "scaler", *where, subresource="scale")
    assert refused.body.message == 'Apply failed with 1 conflict: conflict with "alpha": .spec.replicas'
    forced = apply(tracking, scale, "scaler", *where, subresource="scale", force=True)
    assert (forced.code, forced.body.spec.replicas) == (200, 4)
    found = tracking("get", "deployments.apps", "default", "web").body
    assert owners(found) == [("scaler", "Apply", "scale"), ("alpha", "Apply", "")]
    tracking(
        "patch", *where[:1], "default", "web", {"spec": {"replicas": 5}}, subresource="scale", field_manager="hand"
    )
    found = tracking("get", "deployments.apps", "default", "web").body
    assert owners(found) == [("alpha", "Apply", ""), ("hand", "Update", "scale")]
    # It no longer owns them: they stay when it no longer says them.
    del deployment["spec"]["replicas"]
    assert apply(tracking, deployment, "alpha", *where).body.spec.replicas == 5


def test_a_scale_is_of_its_own_kind(tracking, deployment):
    tracking.made("deployments.apps", deployment)
    response = apply(tracking, deployment, "a", "deployments.apps", "web", subresource="scale")
    assert response.body.message == "invalid object type: apps/v1, Kind=Deployment"


def test_who_may_not_patch_creates_nothing(tracking):
    response = tracking(
        "patch", "configmaps", "default", "x", CONFIG, User(name="u"), patch_type="apply", field_manager="a"
    )
    assert response.code == 403
