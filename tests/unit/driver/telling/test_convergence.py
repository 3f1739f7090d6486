import re

import pytest

from reconcile.api import convert
from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import apply, ask, delete
from reconcile.driver.run import settle
from reconcile.driver.telling.convergence import (
    Replicas,
    at_rest,
    leftovers,
    named,
    replicas,
    shortfall,
    shortfalls,
    why_not_ready,
)
from reconcile.model.behaviours import Behaviours

TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
SELECTOR = {"matchLabels": {"a": "b"}}


def deployment(generation=1, deleted=False, **status):
    metadata = {"name": "web", "namespace": "default", "generation": generation}
    if deleted:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]}
    spec = {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE, "progressDeadlineSeconds": 600}
    return convert.load(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}
    ).object


FULL = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
LATE = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
FAILED = [{"type": "ReplicaFailure", "status": "True", "message": "forbidden"}]


@pytest.mark.parametrize(
    ("obj", "said"),
    [
        (deployment(**FULL), ""),
        (deployment(), "its controller has not looked at it yet"),
        (deployment(generation=2, **FULL), "its controller has not looked at it yet"),
        (deployment(**FULL | {"updatedReplicas": 1}), "1 of 3 replicas are of the new template"),
        (deployment(**FULL | {"replicas": 4}), "1 replicas of the old template are still there"),
        (deployment(**FULL | {"availableReplicas": 2}), "2 of 3 replicas are available"),
        (
            deployment(**FULL | {"availableReplicas": 2, "conditions": LATE}),
            "2 of 3 replicas are available, and its progress deadline of 600s is exceeded",
        ),
        (
            deployment(**FULL | {"updatedReplicas": 0, "conditions": FAILED}),
            "0 of 3 replicas are of the new template; forbidden",
        ),
        (deployment(deleted=True, **FULL), "it is being deleted, but has the finalizers a/b"),
        (None, "it is gone"),
    ],
)
def test_deployment(obj, said):
    assert shortfall("deployments.apps", obj) == said


def replicated(**status):
    return convert.load({
        "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "rc", "generation": 1},
        "spec": {"replicas": 2, "selector": {"a": "b"}, "template": TEMPLATE}, "status": {"replicas": 0} | status,
    }).object  # fmt: skip


@pytest.mark.parametrize(
    ("obj", "said"),
    [
        (replicated(observedGeneration=1, replicas=2, readyReplicas=2), ""),
        (replicated(observedGeneration=1, replicas=2, readyReplicas=1), "1 of 2 replicas are ready"),
        (replicated(observedGeneration=1, replicas=1, readyReplicas=1), "1 replicas are there, 2 are wanted"),
        (replicated(replicas=2), "its controller has not looked at it yet"),
    ],
)
def test_replicated(obj, said):
    assert shortfall("replicationcontrollers", obj) == said


def job(**status):
    return convert.load({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": TEMPLATE},
        "status": status,
    }).object  # fmt: skip


def test_job():
    assert shortfall("jobs.batch", job(startTime="2026-01-01T00:00:00Z")) == "0 of 1 completions"
    assert shortfall("jobs.batch", job(conditions=[{"type": "Complete", "status": "True"}])) == ""
    assert (
        shortfall("jobs.batch", job(conditions=[{"type": "Failed", "status": "True", "message": "too often"}]))
        == "it has failed: too often"
    )


def daemonset():
    return convert.load({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"app": "d"}}, "template": TEMPLATE},
    }).object  # fmt: skip


def test_what_nobody_has_looked_at():
    assert shortfall("daemonsets.apps", daemonset()) == "its controller has not looked at it yet"


def test_what_was_deleted_and_is_still_there():
    booted = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    kept = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "finalizers": ["a.b/c"]}}
    cluster = apply(booted, kept)[0]
    places = [("configmaps", "default/kept"), ("configmaps", "default/never")]
    assert leftovers(cluster, places) == ()
    cluster = ask(cluster, delete("configmaps", "kept"))[0]
    assert leftovers(cluster, places) == (
        "configmap/kept in default: it is being deleted, but has the finalizers a.b/c",
    )
    gone = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    cluster = ask(apply(booted, gone)[0], delete("namespaces", "n"))[0]
    assert leftovers(cluster, [("namespaces", "n")]) == (
        "namespace/n: it is being deleted, but has the finalizers kubernetes",
    )
    assert leftovers(settle(cluster).cluster, [("namespaces", "n")]) == ()


def test_pods_that_crash_alike_are_told_together_with_how_they_ended():
    behaviours = Behaviours.parse({"images": {"i": "exit 3 after 1s"}})
    cluster = settle(Cluster.boot(Topology(nodes=1, behaviours=behaviours), seed=1)).cluster
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE},
    }
    cluster = settle(apply(cluster, web)[0], limit=60_000_000_000).cluster
    _, said = shortfalls(cluster, [("deployments.apps", "default/web")])
    assert "and 2 more of ReplicaSet web-" in said
    assert re.search(r"back-off \S+ restarting failed container=c \(last exit code 3, Error\)$", said)


def test_what_is_there_is_done():
    assert shortfall("configmaps", convert.load({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}).object) == ""


def test_replicas():
    assert replicas("deployments.apps", deployment(**FULL | {"updatedReplicas": 1})) == Replicas(3, 3, 1)
    assert replicas("deployments.apps", deployment()) == Replicas(0, 3, 0)
    assert replicas("jobs.batch", job(succeeded=1)) == Replicas(1, 1, 1)
    assert replicas("pods", None) is None


def test_names():
    assert named("deployments.apps", "shop/web") == "deployment.apps/web in shop"
    assert named("nodes", "node-1") == "node/node-1"


def pod(phase="Pending", node="node-1", **status):
    return convert.load({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "c"}]} | ({"nodeName": node} if node else {}),
        "status": {"phase": phase, **status},
    }).object  # fmt: skip


def container(state, ready=False, **more):
    return {"name": "c", "image": "i", "imageID": "", "ready": ready, "restartCount": 0, "state": state, **more}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            pod(
                node="",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "m"}],
            ),
            "Unschedulable: m",
        ),
        (pod(node=""), "no scheduler has looked at it yet"),
        (pod(), "it is Pending, and not ready"),
        (pod("Failed", reason="Evicted", message="low on memory"), "Evicted: low on memory"),
        (
            pod(containerStatuses=[container({"waiting": {"reason": "ContainerCreating"}})]),
            "container c: ContainerCreating",
        ),
        (
            pod(
                containerStatuses=[
                    container(
                        {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
                        lastState={"terminated": {"exitCode": 3, "reason": "Error"}},
                    )
                ]
            ),
            "container c: CrashLoopBackOff: back-off 10s (last exit code 3, Error)",
        ),
        (pod("Running", containerStatuses=[container({"running": {}})]), "container c: it runs but is not ready"),
        (
            pod("Failed", containerStatuses=[container({"terminated": {"exitCode": 2}})]),
            "container c: Error, exit code 2",
        ),
    ],
)
def test_why_a_pod_is_not_ready(found, said):
    assert why_not_ready(found) == said


def test_a_cluster_that_waits():
    behaviours = Behaviours.parse({"images": {"i": "absent"}})
    cluster = Cluster.boot(Topology(nodes=1, behaviours=behaviours), seed=1)
    assert not at_rest(cluster)
    cluster = settle(cluster).cluster
    assert at_rest(cluster)
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE},
    }
    cluster, response = apply(cluster, web)
    assert response.ok
    cluster = settle(cluster, limit=60_000_000_000).cluster
    first, *others = shortfalls(cluster, [("deployments.apps", "default/web"), ("namespaces", "default")])
    assert first == "deployment.apps/web in default: 0 of 3 replicas are available"
    assert others
    assert all(text.startswith("pod/web-") and "ErrImagePull" in text for text in others)
    assert any(" more of ReplicaSet web-" in text for text in others) or len(others) == 3


def test_what_waits_for_volumes_says_for_what():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    late = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    container = {"name": "c", "image": "web"}
    manifests = (
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "late"}, **late},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "later"},
            "spec": {**spec, "storageClassName": "late"},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p"},
            "spec": {"containers": [container], "volumes": [{"name": "v", "configMap": {"name": "gone"}}]},
        },
    )
    for manifest in manifests:
        cluster, response = apply(cluster, manifest)
        assert response.ok, response.body.message
    cluster = settle(cluster, limit=60_000_000_000).cluster
    declared = [("persistentvolumeclaims", f"default/{name}") for name in ("data", "later")]
    claim, pod_ = shortfalls(cluster, [*declared, ("pods", "default/p")])
    why = "no persistent volumes available for this claim and no storage class is set"
    assert claim == f"persistentvolumeclaim/data in default: it is Pending: {why}"
    why = 'MountVolume.SetUp failed for volume "v" : configmap "gone" not found'
    assert pod_ == f"pod/p in default: container c: ContainerCreating: {why}"
