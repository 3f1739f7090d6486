"""Stages that are played: on the nodes that are theirs, at their time, and over again."""

from __future__ import annotations

import pytest

from reconcile import Cluster, Topology, apply, ask, delete, settle
from reconcile.components.controllers.stages import controllers_of
from reconcile.driver.run import run
from reconcile.driver.telling.failures import failures
from reconcile.driver.wire import topology_from_json, topology_to_json
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.conditions import find

SETTINGS = {
    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
    "kind": "KwokConfiguration",
    "options": {"nodeIP": "10.200.0.1", "cidr": "10.201.0.1/16", "enableCRDs": ["Stage"]},
}
READY = '{type: Ready, status: "True", reason: R, lastHeartbeatTime: {{ Now }}}'


def stage(name, kind, **spec):
    known = {"resourceRef": {"apiGroup": "v1", "kind": kind}, "selector": {}, "next": {}} | spec
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": known}


def asks(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def begins(kind, template, **more):
    missing = asks(".status.phase", "NotIn", "Running")
    return stage(f"{kind}-begins", kind, selector=missing, next={"statusTemplate": template}, **more)


NODE = begins("Node", f"phase: Running\nallocatable: {{cpu: 8, memory: 8Gi, pods: 10}}\nconditions: [{READY}]")
POD = begins("Pod", "phase: Running\npodIP: {{ PodIPWith .spec.nodeName .spec.hostNetwork '' }}\nhostIP: {{ NodeIP }}")
POD["spec"]["next"]["statusTemplate"] = POD["spec"]["next"]["statusTemplate"].replace("''", '""')
AGAIN = stage(
    "node-again",
    "Node",
    selector=asks(".status.phase", "In", "Running"),
    delay={"durationMilliseconds": 20000, "jitterDurationMilliseconds": 25000},
    next={"statusTemplate": f"conditions: [{READY}]"},
    immediateNextStage=True,
)
GONE = stage("gone", "Pod", selector=asks(".metadata.deletionTimestamp", "Exists"), next={"delete": True})


def node(name="fake", **annotations):
    annotations = annotations or {"kwok.x-k8s.io/node": "fake"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "annotations": annotations}}


def pod(name="web", on="fake", **metadata):
    spec = {"nodeName": on, "containers": [{"name": "c", "image": "c"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def played(*stages, objects=(), **parts):
    cluster = settle(Cluster.boot(Topology(nodes=1, stages=[*stages], **parts), seed=2)).cluster
    return applied(cluster, *objects)


def applied(cluster, *objects):
    for each in objects:
        cluster, response = apply(cluster, each)
        assert response.ok, response.body
    done = settle(cluster)
    assert done.settled, done.moving
    return done.cluster


def test_without_documents_there_is_no_controller():
    assert controllers_of(()) == ()


def test_a_node_and_its_pods_are_played():
    cluster = played(NODE, POD, GONE, SETTINGS, objects=[node(), pod("a"), pod("b")])
    assert find(cluster.get("nodes", "fake").status.conditions, "Ready").status == "True"
    found = [cluster.get("pods", name).status for name in ("a", "b")]
    assert [(each.phase, each.pod_ip, each.host_ip) for each in found] == [
        ("Running", "10.201.0.1", "10.200.0.1"),
        ("Running", "10.201.0.2", "10.200.0.1"),
    ]
    cluster, _ = ask(cluster, delete("pods", "a"))
    cluster = applied(settle(cluster).cluster, pod("c"))
    assert cluster.get("pods", "a") is None
    assert cluster.get("pods", "c").status.pod_ip == "10.201.0.1"  # it came back


@pytest.mark.parametrize(
    ("settings", "fake", "is_played"),
    [
        ({}, node(), True),
        ({}, node(other="x"), False),
        ({"manageAllNodes": True}, node(other="x"), True),
        ({"manageAllNodes": True, "manageSingleNode": "fake"}, node(other="x"), True),
        ({"manageSingleNode": "another"}, node(), False),
        ({"manageNodesWithAnnotationSelector": "other=x"}, node(other="x"), True),
        ({"manageNodesWithLabelSelector": "type=kwok"}, node(), False),
        ({}, node(**{"kwok.x-k8s.io/node": "fake", "kwok.x-k8s.io/status": "custom"}), False),
    ],
)
def test_which_nodes_are_played(settings, fake, is_played):
    cluster = played(NODE, {**SETTINGS, "options": settings}, objects=[fake])
    phases = [getattr(cluster.get("nodes", name).status, "phase", None) for name in ("fake", "node-1")]
    assert phases == ["Running" if is_played else None, "Running" if list(settings) == ["manageAllNodes"] else None]


def test_a_lease_keeps_a_node_alive_and_heartbeats_go_on():
    cluster = played(NODE, AGAIN, objects=[node()])
    lease = cluster.get("leases", "fake", namespace="kube-node-lease")
    assert (lease.spec.holder_identity, lease.spec.lease_duration_seconds) == ("kwok-controller", 40)
    assert lease.metadata.owner_references[0].name == "fake"
    later = run(cluster, until=cluster.now + 5 * MINUTE).cluster
    assert later.now - cluster.now >= 5 * MINUTE - SECOND
    ready = find(later.get("nodes", "fake").status.conditions, "Ready")
    assert ready.status == "True"
    assert later.now - ready.last_heartbeat_time.instant < 30 * SECOND
    renewed = later.get("leases", "fake", namespace="kube-node-lease").spec.renew_time.instant
    assert later.now - renewed <= 11 * SECOND


def test_a_node_without_a_lease_and_heartbeats_is_lost():
    cluster = played(NODE, {**SETTINGS, "options": {"nodeLeaseDurationSeconds": 0}}, objects=[node()])
    assert cluster.get("leases", "fake", namespace="kube-node-lease") is None
    later = run(cluster, until=cluster.now + 3 * MINUTE).cluster
    assert find(later.get("nodes", "fake").status.conditions, "Ready").status == "Unknown"


def test_without_heartbeats_a_lease_holds():
    cluster = played(NODE, objects=[node()], heartbeats=False)
    later = run(cluster, until=cluster.now + 10 * MINUTE).cluster
    assert find(later.get("nodes", "fake").status.conditions, "Ready").status == "True"


def test_a_change_meanwhile_decides_anew():
    waits = {**POD, "spec": {**POD["spec"], "delay": {"durationMilliseconds": 60000}}}
    cluster = settle(Cluster.boot(Topology(nodes=1, stages=[NODE, waits, GONE]), seed=2)).cluster
    cluster = applied(cluster, node())
    cluster, _ = apply(cluster, pod())
    cluster = run(cluster, until=cluster.now + 5 * SECOND).cluster
    assert cluster.get("pods", "web").status.phase == "Pending"
    cluster, _ = ask(cluster, delete("pods", "web"))
    assert settle(cluster).cluster.get("pods", "web") is None


LABELED = {"name": "m", "labels": {"a": "b"}}


def test_other_resources_have_stages_too():
    other = stage(
        "noted",
        "ConfigMap",
        selector={"matchLabels": {"a": "b"}},
        steps=[{"patch": {"template": "data: {seen: '{{ .metadata.name }}'}"}}],
    )
    other["spec"].pop("next")
    cluster = played(other, objects=[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": LABELED}])
    assert dict(cluster.get("configmaps", "m").data) == {"seen": "m"}


def test_what_cannot_be_played_is_said():
    bad = begins("Node", "a: {{ index .none 0 }}")
    cluster = settle(Cluster.boot(Topology(nodes=1, stages=[bad]), seed=2)).cluster
    cluster, _ = apply(cluster, node())
    done = settle(cluster, limit=20 * SECOND)
    assert not done.settled
    assert "stage Node-begins cannot be played: template: line 1: error calling index" in str(failures(done.cluster))


def test_equal_seeds_give_equal_runs_and_others_do_not():
    waits = {**POD, "spec": {**POD["spec"], "delay": {"durationMilliseconds": 1, "jitterDurationMilliseconds": 9000}}}
    known = [applied(_booted(seed, waits), node(), pod()).now for seed in (2, 2, 3)]
    assert known[0] == known[1] != known[2]


def _booted(seed, *stages):
    return settle(Cluster.boot(Topology(nodes=1, stages=[NODE, *stages]), seed=seed)).cluster


def test_a_topology_with_stages_as_json():
    topology = Topology(stages=[NODE, SETTINGS])
    assert topology_from_json(topology_to_json(topology)) == topology
    with pytest.raises(ReconcileError, match=r"topology: stages\[0\] \(x\).spec.resourceRef: no such kind"):
        Topology(stages=[stage("x", "Nodule")])
