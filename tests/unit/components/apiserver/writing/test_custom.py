"""Custom resources from their definition to their end."""

from __future__ import annotations

import pytest

from reconcile.api import convert
from reconcile.api.scalars import freeze
from reconcile.model.definitions import DEFINITIONS

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer", "default": 1},
                "color": {"type": "string"},
            },
            "x-kubernetes-validations": [{"rule": "self.replicas < 10", "message": "too many"}],
        },
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    },
}
VERSION = {
    "name": "v1",
    "served": True,
    "storage": True,
    "schema": {"openAPIV3Schema": SCHEMA},
    "subresources": {
        "status": {},
        "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
    },
    "selectableFields": [{"jsonPath": ".spec.color"}],
}
OLD = {"name": "v1beta1", "served": True, "storage": False, "deprecated": True, "schema": {"openAPIV3Schema": SCHEMA}}
THINGS = "things.example.com"


def definition(name="things", kind="Thing", **spec):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": name, "kind": kind},
            "versions": [VERSION, OLD],
            **spec,
        },
    }


def thing(name="x", version="v1", **body):
    return {"apiVersion": f"example.com/{version}", "kind": "Thing", "metadata": {"name": name}, **body}


@pytest.fixture
def served(server):
    assert server("create", DEFINITIONS, body=definition()).code == 201
    return server


def conditions(server, name=THINGS):
    crd = server("get", DEFINITIONS, name=name).body
    return {each.type: (each.status, each.reason) for each in crd.status.conditions}


def test_a_definition_is_answered_before_it_is_established(server):
    response = server("create", DEFINITIONS, body=definition())
    assert response.body.status.conditions is None
    assert conditions(server) == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert server("get", DEFINITIONS, name=THINGS).body.status.accepted_names.list_kind == "ThingList"


def test_names_that_are_taken_are_not_accepted_until_they_are_free(served):
    assert served("create", DEFINITIONS, body=definition("others", "Thing")).code == 201
    assert conditions(served, "others.example.com") == {
        "NamesAccepted": ("False", "ListKindConflict"),
        "Established": ("False", "NotAccepted"),
    }
    assert served("list", "others.example.com").code == 404
    assert served("delete", DEFINITIONS, name=THINGS).code == 200
    assert conditions(served, "others.example.com")["Established"] == ("True", "InitialNamesAccepted")


def test_what_nobody_defines_is_not_served(server):
    assert server("list", THINGS).code == 404


def test_an_object_is_filled_pruned_and_judged(served):
    response = served(
        "create", THINGS, "default", body=thing(spec={"color": "red", "extra": 1}, status={"replicas": 3})
    )
    assert response.code == 201
    assert response.warnings == ('unknown field "spec.extra"',)
    assert convert.dump(response.body)["spec"] == {"color": "red", "replicas": 1}
    assert "status" not in response.body.body
    assert response.body.metadata.generation == 1
    refused = served("create", THINGS, "default", body=thing("y", spec={"replicas": 10}))
    assert refused.body.message == 'Thing.example.com "y" is invalid: spec: Invalid value: too many'
    strict = served("create", THINGS, "default", body=thing("y", spec={"extra": 1}), field_validation="Strict")
    assert strict.body.message == (
        'Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field "spec.extra"'
    )


def test_rules_wait_for_what_is_wrong_otherwise(served):
    refused = served("create", THINGS, "default", body=thing(spec={"replicas": "x"}))
    assert [cause.reason for cause in refused.body.details.causes] == ["FieldValueTypeInvalid", "FieldValueInvalid"]


def test_versions_differ_in_their_apiversion_alone(served):
    served("create", THINGS, "default", body=thing(spec={}))
    old = served("get", THINGS, "default", "x", version="v1beta1")
    assert old.body.api_version == "example.com/v1beta1"
    assert old.warnings == ("example.com/v1beta1 Thing is deprecated",)
    made = served("create", THINGS, "default", body=thing("y", "v1beta1", spec={}), version="v1beta1")
    assert made.body.api_version == "example.com/v1beta1"
    assert served.store.get(THINGS, "default/y").api_version == "example.com/v1"
    refused = served("create", THINGS, "default", body=thing("z", "v1beta1"))
    assert refused.body.message == (
        "the API version in the data (example.com/v1beta1) does not match the expected API version (example.com/v1)"
    )


def test_a_conversion_by_webhook_is_refused_where_it_is_needed(server):
    webhook = {"clientConfig": {"url": "https://x.example.com"}, "conversionReviewVersions": ["v1"]}
    server("create", DEFINITIONS, body=definition(conversion={"strategy": "Webhook", "webhook": webhook}))
    assert server("create", THINGS, "default", body=thing(spec={})).code == 201
    assert server("get", THINGS, "default", "x").code == 200
    refused = server("get", THINGS, "default", "x", version="v1beta1")
    assert (refused.code, "conversion webhook" in refused.body.message) == (500, True)


def test_spec_and_status_are_apart(served):
    served("create", THINGS, "default", body=thing(spec={}))
    body = freeze({"spec": {"replicas": 2}, "status": {"replicas": 5}})
    spec = served("patch", THINGS, "default", "x", body)
    assert (spec.body.metadata.generation, "status" in spec.body.body) == (2, False)
    status = served(
        "patch",
        THINGS,
        "default",
        "x",
        freeze({"spec": {"replicas": 7}, "status": {"replicas": 5}}),
        subresource="status",
    )
    assert (status.body.metadata.generation, status.body.body["status"]["replicas"]) == (2, 5)
    assert status.body.body["spec"]["replicas"] == 2
    bad = served("patch", THINGS, "default", "x", freeze({"status": {"replicas": "x"}}), subresource="status")
    assert bad.body.details.causes[0].message == (
        'Invalid value: "string": replicas in body must be of type integer: "string"'
    )


def test_an_update_names_the_version_that_it_is_of(served):
    made = served("create", THINGS, "default", body=thing(spec={})).body
    refused = served("update", THINGS, "default", "x", thing(spec={}))
    assert refused.body.message == (
        'things.example.com "x" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update'
    )
    same = served("update", THINGS, "default", "x", made)
    assert same.body.metadata.resource_version == made.metadata.resource_version


def test_scale(served):
    served("create", THINGS, "default", body=thing(spec={"replicas": 3}))
    assert served("get", THINGS, "default", "x", subresource="scale").body.spec.replicas == 3
    scaled = served("patch", THINGS, "default", "x", freeze({"spec": {"replicas": 4}}), subresource="scale")
    assert (scaled.code, scaled.body.kind, scaled.body.spec.replicas) == (200, "Scale", 4)
    assert served.store.get(THINGS, "default/x").body["spec"]["replicas"] == 4
    over = served("patch", THINGS, "default", "x", freeze({"spec": {"replicas": 40}}), subresource="scale")
    assert over.code == 422


def test_selectable_fields(served):
    for name, color in (("a", "red"), ("b", "blue")):
        served("create", THINGS, "default", body=thing(name, spec={"color": color}))
    found = served("list", THINGS, "default", field_selector="spec.color=red").body.items
    assert [each.metadata.name for each in found] == ["a"]
    refused = served("list", THINGS, "default", field_selector="spec.replicas=1")
    assert refused.body.message == "field label not supported: spec.replicas"


def test_a_definition_takes_its_objects_with_it(served):
    served("create", THINGS, "default", body=thing("a", spec={}))
    body = thing("b", spec={})
    body["metadata"]["finalizers"] = ["example.com/wait"]
    served("create", THINGS, "default", body=body)
    marked = served("delete", DEFINITIONS, name=THINGS).body
    assert marked.metadata.finalizers == ("customresourcecleanup.apiextensions.k8s.io",)
    assert [each.metadata.name for each in served("list", THINGS, "default").body.items] == ["b"]
    assert conditions(served)["Terminating"] == ("True", "InstanceDeletionInProgress")
    refused = served("create", THINGS, "default", body=thing("c", spec={}))
    assert refused.body.message == "create not allowed while custom resource definition is terminating"
    served("patch", THINGS, "default", "b", freeze({"metadata": {"finalizers": None}}))
    assert served("get", DEFINITIONS, name=THINGS).code == 404
    assert served("list", THINGS, "default").code == 404


def test_only_the_server_itself_looks_at_definitions(served):
    from reconcile.model.requests import User

    admin = User(name="admin", groups=("system:masters", "system:authenticated"))
    assert served("update", DEFINITIONS, name=THINGS, subresource="establish", user=admin).code == 404


def test_a_version_shows_what_it_knows(server):
    spec = {"a": {"type": "integer"}, "c": {"type": "string"}}
    known = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    versions = [VERSION, {**OLD, "name": "v2", "schema": {"openAPIV3Schema": known}}]
    assert server("create", DEFINITIONS, body=definition(versions=versions)).code == 201
    assert server("create", THINGS, "default", "", thing(spec={"color": "red"}), version="v1").code == 201
    assert dict(server("get", THINGS, "default", "x", version="v2").body.body["spec"]) == {}
    made = server("create", THINGS, "default", "", thing("y", "v2", spec={"a": 1, "c": "x"}), version="v2")
    assert (made.code, dict(made.body.body["spec"])) == (201, {})
    assert dict(server("get", THINGS, "default", "y", version="v1").body.body["spec"]) == {"replicas": 1}


def test_a_scale_is_not_applied_nor_merged_strategically(served):
    served("create", THINGS, "default", "", thing(spec={}), version="v1")
    others = {"subresource": "scale", "version": "v1"}
    body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "x"}, "spec": {"replicas": 2}}
    applied = served("patch", THINGS, "default", "x", body, patch_type="apply", field_manager="m", **others)
    assert (applied.code, "request to convert CR to an invalid group/version" in applied.body.message) == (500, True)
    for name in ("x", "nobody"):
        assert served("patch", THINGS, "default", name, {}, patch_type="strategic", version="v1").code == 415
    assert served("patch", THINGS, "default", "x", {}, patch_type="strategic", **others).code == 415
