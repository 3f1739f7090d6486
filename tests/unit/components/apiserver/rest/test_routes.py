"""Routes: what is served nowhere, and what by another method only."""

import json

import pytest

NOT_FOUND = "the server could not find the requested resource"
NOT_ALLOWED = "the server does not allow this method on the requested resource"
NAMESPACED = "/api/v1/namespaces/default"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", f"{NAMESPACED}/pods/x", 405),
        ("PUT", f"{NAMESPACED}/pods", 405),
        ("PATCH", f"{NAMESPACED}/pods", 405),
        ("DELETE", "/api/v1/pods", 405),
        ("POST", "/api/v1/pods", 405),
        ("GET", "/api/v1/pods/x", 404),
        ("GET", f"{NAMESPACED}/nodes", 404),
        ("GET", "/api/v1/nodes/x/foo", 404),
        ("DELETE", "/api/v1/namespaces", 405),
        ("OPTIONS", "/api/v1/namespaces", 405),
        ("PUT", f"{NAMESPACED}/pods/x/log", 405),
        ("GET", f"{NAMESPACED}/pods/x/eviction", 405),
        ("DELETE", f"{NAMESPACED}/pods/x/status", 405),
        ("POST", "/apis/apps/v1/nope", 404),
        ("GET", "/apis/apps/v9/deployments", 404),
        ("POST", "/version", 405),
        ("PUT", "/api", 405),
        ("POST", "/apis/apps/v1", 405),
        ("GET", "/api/v2/pods", 404),
        ("GET", "/api/v2", 404),
        ("GET", "/apis/apps/v9", 404),
    ],
)
def test_refused_in_upstreams_words(client, method, path, code):
    assert client.read(method, path)[1]["message"] == (NOT_FOUND if code == 404 else NOT_ALLOWED)
    assert client(method, path).code == code


@pytest.mark.parametrize("path", ["/nope", "/apis/nope", "/apis/nope/v1", "/apis/extensions/v1beta1/deployments"])
def test_what_is_no_group_is_no_page(client, path):
    response = client("GET", path)
    assert (response.code, response.body, response.header("content-type")) == (
        404,
        b"404 page not found\n",
        "text/plain; charset=utf-8",
    )


def test_health_takes_any_method_and_head_has_no_body(client):
    assert client("DELETE", "/healthz").body == b"ok"
    head = client("HEAD", f"{NAMESPACED}/pods")
    assert (head.code, head.body) == (405, b"")
    assert client("POST", "/apis").code == 200


def test_a_namespace_has_its_own_path(client):
    assert client.read("GET", "/api/v1/namespaces/default")[1]["metadata"]["name"] == "default"
    code, status = client.read("DELETE", "/api/v1/namespaces/kube-system")
    assert (code, status["message"]) == (
        403,
        'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    )


@pytest.mark.parametrize("accept", ["application/xml", "application/*"])
def test_what_cannot_be_served_is_said(client, accept):
    one = client.read("GET", "/api/v1/namespaces/default", accept=accept)
    served = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    assert one[0] == 406
    assert one[1]["message"] == f"406: Not Acceptable\n\nAvailable representations: {served}"
    many = client.read("GET", "/api/v1/namespaces", accept=accept)[1]["message"]
    assert many.endswith(", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch")


def test_a_shape_that_is_none_is_not_acceptable(client):
    code, status = client.read("GET", "/api/v1/namespaces", accept="application/json;as=Chair;v=v1;g=meta.k8s.io")
    assert (code, status["message"].startswith("only the following media types are accepted")) == (406, True)
    assert "details" not in status


def test_a_watch_may_stand_in_the_path(client):
    client.config("a")
    client.config("b")
    watched = client("GET", "/api/v1/watch/namespaces/default/configmaps/b", timeoutSeconds="1")
    events = [json.loads(line) for line in watched.body.splitlines()]
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [("ADDED", "b")]
    other = {"fieldSelector": "metadata.name=a", "timeoutSeconds": "1"}
    code, status = client.read("GET", "/api/v1/watch/namespaces/default/configmaps/b", **other)
    assert (code, status["message"]) == (400, "fieldSelector metadata.name doesn't match requested name")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/api/v1/watch/namespaces/default/configmaps", 405),
        ("DELETE", "/apis/apps/v1/watch/deployments", 405),
        ("GET", "/api/v1/watch/nope", 404),
        ("GET", "/api/v1/watch/pods/x", 404),
        ("GET", "/api/v1/watch/namespaces/default/pods/x/status", 404),
        ("GET", "/api/v1/watch/namespaces/default/bindings", 404),
        ("GET", "/api/v1/proxy/nodes/x", 404),
    ],
)
def test_what_no_old_path_leads_to(client, method, path, code):
    assert client(method, path).code == code


def test_a_verb_alone_is_no_path(client):
    response = client("GET", "/api/v1/watch")
    assert (response.code, response.body) == (
        500,
        (
            b'Internal Server Error: "/api/v1/watch": failed to create RequestInfo: unable to determine kind and'
            b" namespace from url, /api/v1/watch\n"
        ),
    )


def test_the_root_takes_any_method_and_documents_of_groups_only_get(client):
    assert client("POST", "/").code == 200
    assert client("HEAD", "/api").code == 405
