"""Who owns which fields: in the version that a client speaks, before anything is dropped or added."""

import json

import pytest

from reconcile import Cluster, Topology, settle
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.driver.serving.exchange import exchange

EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
SCALERS = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
EVENT = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "x"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "action": "Doing",
    "reason": "Because",
    "type": "Normal",
    "reportingController": "example.com/c",
    "reportingInstance": "c-1",
    "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
}


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(Topology(nodes=1, managed_fields=True), seed=1)).cluster


@pytest.fixture
def ask(booted):
    at = [booted]

    def asked(method, path, body=None, content="application/json", **query):
        headers = (("content-type", content), ("user-agent", "tests/1"))
        data = b"" if body is None else json.dumps(body).encode()
        http = HttpRequest(
            method=method,
            path=path,
            query=tuple(query.items()),
            headers=headers,
            body=data,
            certificate=("admin", ("system:masters",)),
        )
        at[0], response = exchange(at[0], http)
        answer = json.loads(response.body)
        assert response.code < 300, answer
        return answer

    return asked


def owned(obj):
    return {each["manager"]: each["fieldsV1"] for each in obj["metadata"]["managedFields"]}


def test_an_event_is_owned_in_the_words_of_its_group(ask):
    assert {"f:regarding", "f:reportingController"} <= owned(ask("POST", EVENTS, EVENT))["tests"].keys()


def test_an_event_is_applied_in_the_words_of_its_group(ask):
    first = ask("PATCH", EVENTS + "/x", EVENT, "application/apply-patch+yaml", fieldManager="one")
    assert first["reportingController"] == "example.com/c"
    again = ask("PATCH", EVENTS + "/x", EVENT, "application/apply-patch+yaml", fieldManager="one")
    assert owned(again) == owned(first)


def test_what_another_version_owns_is_taken_in_that_version(ask):
    spec = {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "x", "apiVersion": "apps/v1"}}
    utilization = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}
    utilization["resource"]["target"]["averageUtilization"] = 50
    body = {"metadata": {"name": "x"}, "spec": {**spec, "metrics": [utilization]}}
    made = ask("POST", SCALERS.format("v2"), body, fieldManager="two")
    assert "f:metrics" in owned(made)["two"]["f:spec"]
    change = {"spec": {"targetCPUUtilizationPercentage": 60}}
    made = ask("PATCH", SCALERS.format("v1") + "/x", change, "application/merge-patch+json", fieldManager="one")
    assert owned(made)["one"] == {"f:spec": {"f:targetCPUUtilizationPercentage": {}}}
    assert "f:metrics" not in owned(made)["two"]["f:spec"]


def test_a_daemon_set_owns_the_count_that_its_version_shows(ask):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    body = {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    made = ask("POST", "/apis/apps/v1/namespaces/default/daemonsets", body)
    count = "f:deprecated.daemonset.template.generation"
    assert owned(made)["tests"]["f:metadata"] == {"f:annotations": {".": {}, count: {}}}


def test_nobody_owns_when_a_new_object_goes(ask):
    metadata = {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 4}
    made = ask("POST", "/api/v1/namespaces/default/configmaps", {"metadata": metadata, "data": {"a": "1"}})
    assert owned(made) == {"tests": {"f:data": {".": {}, "f:a": {}}}}


def test_the_server_owns_what_it_wrote_at_power_on(ask):
    role = ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
    assert owned(role)["clusterrole-aggregation-controller"] == {"f:rules": {}}
    assert "f:rules" not in owned(role)["kube-apiserver"]


def test_an_owner_is_named_once(client):
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}
    body = {"metadata": {"name": "twice", "ownerReferences": [owner, owner]}}
    response = client("POST", "/api/v1/namespaces/default/configmaps", body)
    assert json.loads(response.body)["metadata"]["ownerReferences"] == [owner]
    assert "duplicate UID(s) observed: 1" in response.header("warning")
