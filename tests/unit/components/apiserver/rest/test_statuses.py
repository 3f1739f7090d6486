"""Statuses that clients write: what is wrong with them, and what the server makes of them."""

import pytest

SPACE = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x"},
    "spec": {"containers": [{"name": "a", "image": "i"}]},
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
WORKLOAD = {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, "spec": {"suspend": True, "template": {
    "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}}}}  # fmt: skip
BUDGET = {"metadata": {"name": "x"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}


def kind(body, version, name):
    return {"apiVersion": version, "kind": name, **body}


OBJECTS = {
    "pod": (f"{SPACE}/pods", POD),
    "service": (
        f"{SPACE}/services",
        kind({"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}, "v1", "Service"),
    ),
    "quota": (f"{SPACE}/resourcequotas", kind({"metadata": {"name": "x"}}, "v1", "ResourceQuota")),
    "namespace": ("/api/v1/namespaces", kind({"metadata": {"name": "x"}}, "v1", "Namespace")),
    "node": ("/api/v1/nodes", kind({"metadata": {"name": "x"}}, "v1", "Node")),
    "deployment": (f"{APPS}/deployments", kind({**WORKLOAD}, "apps/v1", "Deployment")),
    "replica set": (f"{APPS}/replicasets", kind({**WORKLOAD}, "apps/v1", "ReplicaSet")),
    "daemon set": (f"{APPS}/daemonsets", kind({**WORKLOAD}, "apps/v1", "DaemonSet")),
    "job": ("/apis/batch/v1/namespaces/default/jobs", JOB),
    "budget": (
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        kind(BUDGET, "policy/v1", "PodDisruptionBudget"),
    ),
}
MORE = "cannot be greater than status.replicas"
CASES = [
    ("pod", {"conditions": [{"type": "a b", "status": "True"}]}, "status.conditions[0].Type: Invalid value"),
    ("pod", {"podIPs": [{"ip": "x"}]}, 'status.podIPs[0]: Invalid value: "x": must be a valid IP address'),
    ("pod", {"podIPs": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.5"}]}, "may specify no more than one IP for each IP family"),
    ("pod", {"hostIP": "1.2.3.4", "hostIPs": [{"ip": "1.2.3.5"}]}, "must be equal to `hostIP`"),
    ("pod", {"qosClass": "Guaranteed"}, 'status.qosClass: Invalid value: "Guaranteed": field is immutable'),
    ("pod", {"nominatedNodeName": "A_"}, "status.nominatedNodeName: Invalid value"),
    (
        "service",
        {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
        "may only be used when `spec.type` is 'LoadBalancer'",
    ),
    (
        "quota",
        {"hard": {"none": "1"}},
        'status.hard[none]: Invalid value: "none": must be a standard resource for quota',
    ),
    ("namespace", {"phase": "Terminating"}, "may only be 'Active' if `deletionTimestamp` is empty"),
    ("node", {"addresses": [{"type": "Hostname", "address": "a"}] * 2}, "status.addresses[1]: Duplicate value"),
    (
        "deployment",
        {"replicas": 1, "readyReplicas": 2, "updatedReplicas": 3},
        f"status.updatedReplicas: Invalid value: 3: {MORE}",
    ),
    ("deployment", {"replicas": -1}, "status.replicas: Invalid value: -1: must be greater than or equal to 0"),
    ("replica set", {"replicas": 2, "availableReplicas": 1}, "cannot be greater than readyReplicas"),
    ("daemon set", {"numberAvailable": -1}, "status.numberAvailable: Invalid value: -1"),
    ("job", {"conditions": [{"type": "Complete", "status": "True"}]}, "completionTime is required for Complete jobs"),
    ("job", {"ready": 1}, "status.ready: Invalid value: 1: cannot set more ready pods than active"),
    ("job", {"completedIndexes": "1"}, "cannot set non-empty completedIndexes when non-indexed completion mode"),
    ("budget", {"currentHealthy": -1}, "status.currentHealthy: Invalid value: -1"),
    ("budget", {"conditions": [{"type": "A", "status": "x", "reason": "", "message": ""}]}, 'Unsupported value: "x"'),
]


@pytest.mark.parametrize(("name", "status", "said"), CASES)
def test_what_is_wrong_with_a_status(client, name, status, said):
    path, body = OBJECTS[name]
    assert client.read("POST", path, body)[0] == 201
    made = client.read("GET", f"{path}/x")[1]
    code, answer = client.read("PUT", f"{path}/x/status", {**made, "status": status})
    assert code == 422
    assert said in answer["message"]


def test_a_status_gets_its_defaults(client):
    path, body = OBJECTS["node"]
    made = client.read("POST", path, body)[1]
    answer = client.read("PUT", f"{path}/x/status", {**made, "status": {"capacity": {"cpu": "1"}}})[1]
    assert answer["status"]["allocatable"] == {"cpu": "1"}
