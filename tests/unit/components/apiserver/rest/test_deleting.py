"""Deletions over HTTP: their options in the body and in the query, in upstream's words."""

import pytest

CONFIGS = "/api/v1/namespaces/default/configmaps"
NO_KIND = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct {"
    ' APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
INVALID = 'DeleteOptions.meta.k8s.io "" is invalid: '


@pytest.mark.parametrize(
    ("query", "body", "code", "message"),
    [
        ({"dryRun": "Some"}, None, 422, INVALID + 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        (
            {"propagationPolicy": ""},
            None,
            422,
            INVALID
            + 'propagationPolicy: Unsupported value: "": supported values: "Foreground", "Background", "Orphan", "nil"',
        ),
        ({"gracePeriodSeconds": "x"}, None, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            {},
            {"kind": "Pod", "apiVersion": "v1"},
            400,
            'no kind "Pod" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"',
        ),
        (
            {},
            [1],
            400,
            NO_KIND,
        ),
        (
            {},
            {"orphanDependents": True, "propagationPolicy": "Orphan"},
            422,
            INVALID
            + 'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        ),
    ],
)
def test_options_that_are_none_are_refused(client, query, body, code, message):
    client.config("a")
    found, status = client.read("DELETE", f"{CONFIGS}/a", body, **query)
    assert (found, status["message"]) == (code, message)
    assert client("GET", f"{CONFIGS}/a").code == 200


@pytest.mark.parametrize(("query", "body"), [({"dryRun": "All"}, None), ({}, {"dryRun": ["All"], "unknown": 1})])
def test_dry_runs_answer_alike_and_delete_nothing(client, query, body):
    uid = client.config("a")["metadata"]["uid"]
    code, status = client.read("DELETE", f"{CONFIGS}/a", body, **query)
    assert (code, status["status"], status["details"]) == (
        200,
        "Success",
        {"name": "a", "kind": "configmaps", "uid": uid},
    )
    assert client("GET", f"{CONFIGS}/a").code == 200


def test_a_body_hides_the_query(client):
    client.config("a")
    assert client("DELETE", f"{CONFIGS}/a", {"gracePeriodSeconds": 0}, dryRun="All").code == 200
    assert client("GET", f"{CONFIGS}/a").code == 404


def test_a_collection_goes_one_by_one_and_in_chunks(client):
    for name in "abc":
        client.config(name, s="1")
    since = client.read("GET", CONFIGS)[1]["metadata"]["resourceVersion"]
    _, first = client.read("DELETE", CONFIGS, labelSelector="s", limit=1)
    assert [each["metadata"]["name"] for each in first["items"]] == ["a"]
    assert first["metadata"]["continue"]
    client("DELETE", CONFIGS, labelSelector="s")
    events = client.watched(CONFIGS, resourceVersion=since)
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("DELETED", name) for name in "abc"
    ]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert len(set(versions)) == 3


def test_a_query_may_say_what_is_meant(client):
    made = client.config("a")
    for query in ({"resourceVersion": "1"}, {"uid": "other"}):
        code, status = client.read("DELETE", f"{CONFIGS}/a", **query)
        assert (code, status["reason"]) == (409, "Conflict")
    assert client("DELETE", f"{CONFIGS}/a", uid=made["metadata"]["uid"]).code == 200
    client.config("b", own="1")
    code, status = client.read("DELETE", CONFIGS, labelSelector="own", resourceVersion="0")
    assert (code, status["details"]["name"]) == (409, "b")
    code, status = client.read("DELETE", CONFIGS, labelSelector="own", resourceVersion="x")
    assert (code, status["message"].split(":")[0]) == (400, "invalid resource version")


def test_all_may_be_said_twice(client):
    client.config("a")
    tried = {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All", "All"]}
    assert client("DELETE", f"{CONFIGS}/a", tried).code == 200
    assert client("GET", f"{CONFIGS}/a").code == 200
