"""Shapes: tables and metadata alone, of lists, of single objects, in watches."""

import pytest

from reconcile.api import authorization_v1
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.components.apiserver.rest.negotiation import Accepted
from reconcile.components.apiserver.rest.shapes import shaped

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

CONFIGS = "/api/v1/namespaces/default/configmaps"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def names(table):
    return [column["name"] for column in table["columnDefinitions"]]


def test_a_list_is_a_table_with_its_metadata(client):
    for name in ("a", "b", "c"):
        client.config(name)
    code, table = client.read("GET", CONFIGS, accept=TABLE, limit=2)
    assert (code, table["kind"], table["apiVersion"]) == (200, "Table", "meta.k8s.io/v1")
    assert names(table) == ["Name", "Data", "Age"]
    assert [row["cells"] for row in table["rows"]] == [["a", 1, "0s"], ["b", 1, "0s"]]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    metadata = table["metadata"]
    assert metadata["remainingItemCount"] >= 1
    _, rest = client.read("GET", CONFIGS, accept=TABLE, **{"continue": metadata["continue"]})
    assert next(row["cells"][0] for row in rest["rows"]) == "c"
    assert rest["metadata"]["resourceVersion"] == metadata["resourceVersion"]


@pytest.mark.parametrize(
    ("included", "kind"),
    [("", "PartialObjectMetadata"), ("Metadata", "PartialObjectMetadata"), ("Object", "ConfigMap")],
)
def test_rows_carry_what_is_asked_for(client, included, kind):
    client.config("a")
    _, table = client.read("GET", f"{CONFIGS}/a", accept=TABLE, includeObject=included)
    (row,) = table["rows"]
    assert row["object"]["kind"] == kind
    assert table["metadata"]["resourceVersion"] == row["object"]["metadata"]["resourceVersion"]


def test_rows_carry_nothing_or_are_refused(client):
    client.config("a")
    _, table = client.read("GET", f"{CONFIGS}/a", accept=TABLE, includeObject="None")
    assert table["rows"] == [{"cells": ["a", 1, "0s"], "object": None}]
    code, status = client.read("GET", f"{CONFIGS}/a", accept=TABLE, includeObject="All")
    why = "must be 'Metadata', 'Object', 'None', or empty"
    said = f'Unable to convert to Table as requested: includeObject: Invalid value: "All": {why}'
    assert (code, status["message"]) == (400, said)


def test_nothing_is_no_rows_or_null(client):
    assert client.read("GET", "/api/v1/podtemplates", accept=TABLE)[1]["rows"] == []
    assert client.read("GET", "/apis/storage.k8s.io/v1/csistoragecapacities", accept=TABLE)[1]["rows"] is None


def test_a_pod_that_has_ended_says_so(client):
    client("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    assert client("POST", "/api/v1/namespaces/default/pods", pod).code == 201
    _, stored = client.read("GET", "/api/v1/namespaces/default/pods/p")
    stored["status"]["phase"] = "Failed"
    assert client("PUT", "/api/v1/namespaces/default/pods/p/status", stored).code == 200
    _, table = client.read("GET", "/api/v1/namespaces/default/pods/p", accept=TABLE)
    assert table["rows"][0]["conditions"] == [
        {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}
    ]


def test_metadata_alone(client):
    client.config("a", app="web")
    _, one = client.read("GET", f"{CONFIGS}/a", accept=PARTIAL)
    assert (one["kind"], one["metadata"]["labels"], "data" in one) == ("PartialObjectMetadata", {"app": "web"}, False)
    _, many = client.read("GET", CONFIGS, accept=PARTIALS, labelSelector="app")
    assert [each["metadata"]["name"] for each in many["items"]] == ["a"]
    asked = "you requested PartialObjectMetadata"
    code, status = client.read("GET", CONFIGS, accept=PARTIAL)
    assert (code, status["message"]) == (406, f"{asked}, but the requested object is a list (*core.ConfigMapList)")
    code, status = client.read("GET", f"{CONFIGS}/a", accept=PARTIALS)
    assert (code, status["message"]) == (406, f"{asked}List, but the requested object is not a list (*core.ConfigMap)")


def test_a_watch_of_lists_tells_what_is_there(client):
    client.config("a")
    events = client.watched(CONFIGS, accept=PARTIALS, fieldSelector="metadata.name=a")
    assert [event["object"]["kind"] for event in events] == ["ConfigMap"]


@pytest.mark.parametrize(
    "path",
    [
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/api/v1/namespaces/default/bindings",
        "/api/v1/namespaces/default/pods/a/eviction",
        "/api/v1/namespaces/default/pods/a/resize",
        "/api/v1/namespaces/default/serviceaccounts/a/token",
    ],
)
def test_what_is_not_kept_has_no_table(client, path):
    method = "GET" if path.endswith("resize") else "POST"
    code, status = client.read(method, path, {}, accept=TABLE.partition(",")[0])
    served = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    assert (code, status["message"]) == (406, f"only the following media types are accepted: {served}")


def test_a_review_may_be_shown_by_its_metadata_alone():
    review = authorization_v1.SelfSubjectAccessReview(spec=authorization_v1.SelfSubjectAccessReviewSpec())
    accepted = Accepted("json", "PartialObjectMetadata", "meta.k8s.io", "v1")
    http = HttpRequest(method="POST", path="/")
    found = shaped(accepted, http, "selfsubjectaccessreviews.authorization.k8s.io", review, 0)
    assert found == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {}}


def test_the_older_version_is_served_too(client):
    client.config("a")
    _, table = client.read("GET", f"{CONFIGS}/a", accept="application/json;as=Table;v=v1beta1;g=meta.k8s.io")
    assert (table["apiVersion"], table["rows"][0]["object"]["apiVersion"]) == ("meta.k8s.io/v1beta1",) * 2


def test_a_status_has_one_shape(client):
    code, status = client.read("GET", f"{CONFIGS}/none", accept=TABLE)
    assert (code, status["kind"], status["message"]) == (404, "Status", 'configmaps "none" not found')


def test_only_a_watchs_first_table_has_headings(client):
    client.config("a")
    client.config("b")
    events = client.watched(CONFIGS, accept=TABLE)
    assert [event["object"]["columnDefinitions"] is None for event in events][:2] == [False, True]
    assert [event["object"]["rows"][0]["cells"][0] for event in events][:2] == ["a", "b"]


def test_the_end_of_the_initial_events_is_told_in_a_table_too(client):
    client.config("a")
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    events = client.watched(CONFIGS, accept=TABLE, fieldSelector="metadata.name=a", includeObject="None", **query)
    assert [event["type"] for event in events][:2] == ["ADDED", "BOOKMARK"]
    (row,) = events[1]["object"]["rows"]
    assert row["cells"] == ["", 0, "<unknown>"]
    assert row["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_custom_resource_has_the_columns_of_its_definition(client):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Free", "type": "number", "jsonPath": ".spec.free", "priority": 1},
    ]
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    body = {
        "metadata": {"name": "things.e.com"},
        "spec": {
            "group": "e.com",
            "scope": "Cluster",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{**version, "additionalPrinterColumns": columns}],
        },
    }
    client("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body)
    _, table = client.read("GET", "/apis/e.com/v1/things", accept=TABLE)
    assert table["rows"] == []
    thing = {"apiVersion": "e.com/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": {"size": 1}}
    code, table = client.read("POST", "/apis/e.com/v1/things", thing, accept=TABLE)
    assert (code, names(table)) == (201, ["Name", "Size", "Free"])
    assert [row["cells"] for row in table["rows"]] == [["x", 1, None]]


def test_no_partial_objects_are_null(client):
    code, body = client.read("GET", f"{CONFIGS}", accept=PARTIALS, labelSelector="nobody=has")
    assert (code, body["items"]) == (200, None)
