"""ResourceQuota: used in the transaction that stores what uses it."""

import pytest

from reconcile import Cluster, Topology, apply, settle
from reconcile.api.quantity import Quantity


def quota(server, hard, used=None, **spec):
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": {"hard": hard, **spec},
    }
    server.made("resourcequotas", body)
    body["status"] = {"hard": hard, "used": used or dict.fromkeys(hard, "0")}
    assert server("update", "resourcequotas", "default", "q", body, subresource="status").ok


def used(server):
    return {key: value.text for key, value in server.store.get("resourcequotas", "default/q").status.used.items()}


def refusal(server, resource, body):
    response = server("create", resource, "default", body=body)
    assert response.code == 403
    return response.body.message


def test_what_is_created_is_counted(server, pod):
    quota(server, {"pods": "1", "count/configmaps": "5"})
    server.made("pods", pod)
    assert used(server) == {"pods": "1", "count/configmaps": "0"}
    pod["metadata"]["name"] = "next"
    said = "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    assert refusal(server, "pods", pod) == f'pods "next" is forbidden: {said}'
    assert used(server)["pods"] == "1"


def test_what_is_limited_must_be_said(server, pod):
    quota(server, {"cpu": "1", "memory": "1Gi"})
    assert "failed quota: q: must specify cpu for: main; memory for: main" in refusal(server, "pods", pod)
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2", "memory": "2Gi"}}
    said = "requested: cpu=2,memory=2Gi, used: cpu=0,memory=0, limited: cpu=1,memory=1Gi"
    assert refusal(server, "pods", pod).endswith(said)


def test_a_quota_that_nobody_has_counted_yet(faithful, pod):
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "1"}},
    }
    faithful.made("resourcequotas", body)
    assert "status unknown for quota: q, resources: " in refusal(faithful, "pods", pod)


@pytest.mark.parametrize(
    ("scope", "pod_spec", "counts"),
    [
        ("BestEffort", {}, True),
        ("NotBestEffort", {}, False),
        ("Terminating", {}, False),
        ("Terminating", {"activeDeadlineSeconds": 5}, True),
        ("NotTerminating", {}, True),
    ],
)
def test_a_quota_of_a_scope(server, pod, scope, pod_spec, counts):
    quota(server, {"pods": "5"}, scopes=[scope])
    pod["spec"] |= pod_spec
    server.made("pods", pod)
    assert used(server)["pods"] == ("1" if counts else "0")


def test_services_and_their_ports(server, service):
    quota(server, {"services": "2", "services.nodeports": "0"})
    server.made("services", service)
    service["metadata"]["name"] = "b"
    service["spec"] |= {"type": "NodePort", "clusterIP": None}
    assert "requested: services.nodeports=1, used: services.nodeports=0" in refusal(server, "services", service)


def test_claims_by_class(server):
    storage = "gold.storageclass.storage.k8s.io/requests.storage"
    quota(server, {"requests.storage": "5Gi", storage: "1Gi"})
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "gold",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    server.made("persistentvolumeclaims", claim)
    assert used(server) == {"requests.storage": "1Gi", storage: "1Gi"}
    claim["metadata"]["name"] = "d"
    assert f"requested: {storage}=1Gi" in refusal(server, "persistentvolumeclaims", claim)


def test_a_dry_run_uses_nothing(server, pod):
    quota(server, {"pods": "1"})
    assert server("create", "pods", "default", body=pod, dry_run=True).ok
    assert used(server) == {"pods": Quantity.parse("0").text}


def test_until_it_is_counted_a_quota_lets_nothing_in(pod):
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}
    cluster, _ = apply(cluster, body)
    response = apply(cluster, pod)[1]
    assert response.code == 403
    assert response.body.message == 'pods "web" is forbidden: status unknown for quota: q, resources: '
    cluster = settle(cluster).cluster
    cluster, response = apply(cluster, pod)
    assert response.code == 201
    response = apply(cluster, {**pod, "metadata": {"name": "other"}})[1]
    said = "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    assert response.body.message == f'pods "other" is forbidden: {said}'
