"""Connections: what is refused before one is made, and what is said where nobody answers."""

import pytest

SPACE = "/api/v1/namespaces/default"
CONTAINERS = [{"name": "a", "image": "i", "ports": [{"containerPort": 81}]}, {"name": "b", "image": "i"}]


@pytest.fixture
def pods(client):
    for name, spec in {"idle": {}, "placed": {"nodeName": "n"}, "lost": {"nodeName": "gone"}}.items():
        body = {"metadata": {"name": name}, "spec": {"containers": CONTAINERS, **spec}}
        assert client.read("POST", f"{SPACE}/pods", body)[0] == 201
    assert client.read("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})[0] == 201
    return client


NO_NAME = "a container name must be specified for pod idle, choose one of: [a b]"


@pytest.mark.parametrize(
    ("path", "query", "code", "said"),
    [
        ("pods/none/exec", {}, 404, 'pods "none" not found'),
        ("pods/idle/exec", {}, 400, NO_NAME),
        ("pods/idle/exec", {"container": "zz"}, 400, "container zz is not valid for pod idle"),
        ("pods/idle/attach", {"container": "a"}, 400, "pod idle does not have a host assigned"),
        ("pods/idle/portforward", {}, 400, "pod idle does not have a host assigned"),
        ("pods/lost/portforward", {}, 404, 'nodes "gone" not found'),
        ("pods/placed/exec", {"container": "a"}, 500, "no preferred addresses found; known addresses: []"),
        ("pods/idle/proxy", {}, 400, "address not allowed"),
        ("pods/a:b:c:d/proxy", {}, 400, 'invalid pod request "a:b:c:d"'),
        ("pods/ftp:idle:1/proxy", {}, 400, 'invalid pod request "ftp:idle:1"'),
        ("services/none/proxy", {}, 404, 'endpoints "none" not found'),
        ("services/none:80/proxy/x", {}, 404, 'services "none" not found'),
        ("services/kubernetes:81/proxy", {}, 503, 'no service port 81 found for service "kubernetes"'),
    ],
)
def test_refused_before_there_is_a_connection(pods, path, query, code, said):
    found, answer = pods.read("GET", f"{SPACE}/{path}", **query)
    assert (found, answer["message"]) == (code, said)


def test_nobody_answers_behind_the_server(pods):
    status = {"status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]}}
    node = pods.read("GET", "/api/v1/nodes/n")[1]
    assert pods.read("PUT", "/api/v1/nodes/n/status", {**node, **status})[0] == 200
    assert pods.read("GET", f"{SPACE}/pods/placed/exec", container="a")[1]["message"] == "Upgrade request required"
    code, answer = pods.read("GET", "/api/v1/nodes/n/proxy/")
    refused = "error trying to reach service: dial tcp 192.0.2.7:10250: connect: connection refused"
    assert (code, answer["message"], answer["reason"]) == (503, refused, "ServiceUnavailable")


def test_a_pod_that_runs_nowhere_has_written_nothing(pods):
    response = pods("GET", f"{SPACE}/pods/idle/log", container="a")
    assert (response.code, response.body) == (204, b"")
    code, answer = pods.read("GET", f"{SPACE}/pods/none/log", tailLines=-1, limitBytes=0)
    assert code == 422
    assert [each["field"] for each in answer["details"]["causes"]] == ["tailLines", "limitBytes"]
