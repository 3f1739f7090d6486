import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings

from reconcile import effects as do
from reconcile import events as on
from reconcile.api import core_v1, meta_v1
from reconcile.cluster import Cluster, Topology
from reconcile.driver.choices import choices
from reconcile.driver.client import create
from reconcile.driver.run import run, settle
from reconcile.driver.step import step
from reconcile.driver.telling.describe import describe, method_of, path_of
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.model import statuses
from reconcile.model.hosts import Host
from reconcile.model.requests import List, Request, Response
from reconcile.testing.vocabulary import values

FOLDER = Path(__file__).parents[4] / "schemas" / "kubernetes"
SCHEMAS = {
    document["$id"]: document
    for document in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob("*.json")))
}
POD = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="web", namespace="default"), spec=core_v1.PodSpec(containers=()))
GET = Request(verb="get", resource="pods", namespace="default", name="web")
REFUSED = Response(404, meta_v1.Status(code=404, reason="NotFound", message='pods "web" not found'))
AT = 1_767_225_600_500_000_000


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (on.Begin("kubelet/node-1"), "begin kubelet/node-1"),
        (on.Deliver("kube-scheduler/node-1", "pods", 3), "deliver 3 of pods to kube-scheduler/node-1"),
        (on.Deliver("kube-scheduler/node-1", "pods"), "deliver all of pods to kube-scheduler/node-1"),
        (on.Work("kube-controller-manager/node-1", "deployment"), "work kube-controller-manager/node-1 deployment"),
        (on.Execute(12), "execute 12"),
        (on.Return(12), "return 12"),
        (on.Carry(12), "carry 12"),
        (on.Fire("kubelet/node-1", ("lease",)), "fire kubelet/node-1 lease"),
        (on.Fire("a", ("after", "job", (None, "x", 3))), "fire a after job x 3"),
        (on.Advance(AT), "advance to 2026-01-01T00:00:00.5Z"),
        (on.Submit(request=GET), "submit GET /api/v1/namespaces/default/pods/web by kubernetes-admin"),
        (
            on.ReportIn("node-1", on.SandboxReady("u1", "10.0.0.1")),
            "report in from node-1: sandbox of u1 ready at 10.0.0.1",
        ),
        (on.StopHost("node-1"), "stop host node-1"),
        (on.StartHost("node-1"), "start host node-1"),
        (on.AddHost(Host(name="new", ip="10.0.0.9", pod_cidr="10.1.0.0/24")), "add host new"),
        (on.SetBackends(("node-1", "node-2")), "let the balancer send to node-1, node-2"),
        (on.StopProcess("kubelet/node-1"), "stop process kubelet/node-1"),
        (on.StartProcess("kubelet/node-1"), "start process kubelet/node-1"),
        (on.KillContainer("default/web", "c"), "kill container c of default/web"),
        (on.KillSandbox("default/web"), "kill sandbox of default/web"),
        (on.ReportIn("node-1", on.SandboxLost("u1")), "report in from node-1: sandbox of u1 lost"),
        (
            on.ReportIn("node-1", on.SandboxFailed("u1", "no")),
            "report in from node-1: sandbox of u1 could not be made: no",
        ),
        (on.Strain("node-1", "memory.available", "1Gi"), "strain node-1: memory.available 1Gi"),
        (on.Strain("node-1", "memory.available"), "strain node-1: memory.available as at first"),
        (on.ShutDown("node-1"), "shut down node-1"),
        (on.ShutDown("node-1", cancelled=True), "cancel the shutdown of node-1"),
        (on.WriteManifest("node-1", POD), "write manifest Pod default/web to node-1"),
        (on.RemoveManifest("node-1", "default/web"), "remove manifest default/web from node-1"),
        (on.Reported(AT, on.Hooked("u1", "web", "preStop", True)), "reported preStop hook of web of u1 succeeded"),
        (on.Reported(AT, on.ContainerResized("u1", "web")), "reported container web of u1 resized"),
        (on.Reported(AT, on.HostStrained("pid.available", 3)), "reported host strained: pid.available 3"),
        (on.Reported(AT, on.HostStrained("pid.available", -1)), "reported host strained: pid.available as at first"),
        (on.Reported(AT, on.HostShutsDown()), "reported host shuts down"),
        (on.Reported(AT, on.HostShutsDown(cancelled=True)), "reported host does not shut down"),
        (on.Reported(AT, on.ManifestsChanged((POD,))), "reported manifests changed: Pod default/web"),
        (on.Reported(AT, on.ManifestsChanged(())), "reported manifests changed: none"),
        (on.Ordered(AT, do.RunHook("u1", "web", "postStart", "tcp :80")), "ordered run postStart hook of web of u1"),
        (on.Ordered(AT, do.RemoveImage("web:1")), "ordered remove image web:1"),
        (
            on.Ordered(AT, do.ResizeContainer("u1", "web", core_v1.ResourceRequirements())),
            "ordered resize container web of u1",
        ),
        (on.CutWatch("kubelet/node-1", "pods"), "cut pods of kubelet/node-1"),
        (on.SkipChanges("kubelet/node-1", "pods", 2), "skip 2 of pods to kubelet/node-1"),
        (on.HoldWatch("kubelet/node-1", "pods"), "hold pods of kubelet/node-1"),
        (on.HoldCache("kube-apiserver/node-1"), "hold the cache of kube-apiserver/node-1"),
        (on.HoldCache("kube-apiserver/node-1", 5 * SECOND), "hold the cache of kube-apiserver/node-1 5s behind"),
        (on.ReleaseCache("kube-apiserver/node-1"), "release the cache of kube-apiserver/node-1"),
        (on.ResetCall(7), "reset 7"),
        (on.DelayCall(7, 2_000_000_000), "delay 7 by 2s"),
        (on.ReleaseWatch("kubelet/node-1", "pods"), "release pods of kubelet/node-1"),
        (on.DropCall(12), "drop 12"),
        (on.RepeatCall(12), "repeat 12"),
        (on.DropOrder(12), "drop order 12"),
        (on.Disconnect("node-1"), "disconnect node-1"),
        (on.CutLink("node-1", "node-2"), "cut the link of node-1 and node-2"),
        (on.MendLink("node-1", "node-2", one_way=True), "mend the link from node-1 to node-2"),
        (
            on.SlowLink("node-1", "node-2", 80 * MILLISECOND, 20 * MILLISECOND, 1000),
            "let what goes between node-1 and node-2 take 80ms to 100ms, and 1000 ppm of it be lost",
        ),
        (on.Reconnect("node-1"), "reconnect node-1"),
        (on.Compact(55), "compact to 55"),
        (on.Started(AT), "started"),
        (
            on.Answered(AT, ("bind", "default/web"), REFUSED),
            'answered bind default/web: 404 NotFound: pods "web" not found',
        ),
        (on.TimerFired(AT, ("lease",)), "timer fired: lease"),
        (on.Turned(AT, "deployment"), "turned deployment"),
        (on.Ordered(AT, do.PullImage("u1", "web", "nginx")), "ordered pull image nginx for web of u1"),
        (
            on.Reported(AT, on.ContainerExited("u1", "web", "c1", 1, "Error")),
            "reported container web of u1 exited with 1, Error",
        ),
        (do.Call(GET, ("get",)), "call GET /api/v1/namespaces/default/pods/web"),
        (do.SetTimer(("lease",), AT, periodic=True), "set periodic timer lease to 2026-01-01T00:00:00.5Z"),
        (do.CancelTimer(("lease",)), "cancel timer lease"),
        (do.Wake("deployment"), "wake deployment"),
        (
            do.Record(POD, "Normal", "Scheduled", "Successfully assigned default/web to node-1"),
            "record Normal Scheduled about Pod default/web: Successfully assigned default/web to node-1",
        ),
        (
            do.StartContainer("u1", "web", "nginx", 2, "default/web"),
            "start container web of u1, image nginx, attempt 2",
        ),
        (do.StopContainer("u1", "web", 30 * SECOND), "stop container web of u1 within 30s"),
        (do.Exit(1, "lost the lock"), "exit with 1: lost the lock"),
        (do.LaunchProcess("kube-scheduler"), "launch kube-scheduler"),
        (do.Answer("kubectl", "1", Response(201, POD), 13_000_000), "answer kubectl 1: 201 Pod default/web in 13ms"),
        (
            do.Answer("kubectl", "1", Response(0, statuses.unanswered('Get "https://a:6443/": EOF'))),
            'answer kubectl 1: no answer: Get "https://a:6443/": EOF in 0s',
        ),
        (
            do.Answer("kubectl", "1", Response(200, List(resource="pods", items=(POD,), resource_version="1"))),
            "answer kubectl 1: 200 1 object of pods in 0s",
        ),
        (do.Order("node-1", do.RunPodSandbox("default/web", "u1")), "order node-1: run sandbox of u1, default/web"),
    ],
)
def test_describe(what, text):
    assert describe(what) == text


CLASSES = sorted(
    {cls for union in (on.ClusterEvent, on.Hears, do.Effect, do.OutsideEffect) for cls in get_args(union)},
    key=lambda cls: cls.__name__,
)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_event_and_effect_has_a_text(cls):
    @settings(max_examples=settings.default.max_examples // 10)
    @given(values(cls, SCHEMAS))
    def has_a_text(value):
        assert describe(value)
        assert cls.__name__ + "(" not in describe(value)

    has_a_text()


def test_what_is_neither_is_refused():
    with pytest.raises(ReconcileError, match="neither an event nor an effect: 3"):
        describe(3)


def test_a_number_is_said_in_words_where_the_cluster_is_known():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=7)).cluster
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }
    cluster, _ = step(cluster, on.Submit(request=create(pod)))
    line = "POST /api/v1/namespaces/default/pods"
    call = next(choice for choice in choices(cluster) if isinstance(choice, on.Execute))
    assert describe(call, cluster) == f"execute {call.call}: {line} by kubernetes-admin"
    cluster, _ = step(cluster, call)
    answer = next(choice for choice in choices(cluster) if isinstance(choice, on.Return))
    assert describe(answer, cluster) == f"return {answer.call}: 201 Pod default/web to kubectl, {line}"
    texts = []
    while not (after := run(cluster, steps=1)).idle:
        texts += [describe(choice, cluster) for choice in choices(cluster) if isinstance(choice, on.Carry)]
        cluster = after.cluster
    assert any(text.endswith("to runtime/node-1") and ": run sandbox of " in text for text in texts)


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (GET, "GET /api/v1/namespaces/default/pods/web"),
        (
            Request(verb="create", resource="deployments.apps", namespace="x"),
            "POST /apis/apps/v1/namespaces/x/deployments",
        ),
        (
            Request(verb="create", resource="pods", namespace="x", name="y", subresource="binding"),
            "POST /api/v1/namespaces/x/pods/y/binding",
        ),
        (
            Request(verb="update", resource="pods", namespace="x", name="y", subresource="status"),
            "PUT /api/v1/namespaces/x/pods/y/status",
        ),
        (Request(verb="patch", resource="nodes", name="node-1"), "PATCH /api/v1/nodes/node-1"),
        (Request(verb="delete", resource="namespaces", name="x"), "DELETE /api/v1/namespaces/x"),
        (
            Request(verb="list", resource="pods", label_selector="app=web,tier!=db", limit=500),
            "GET /api/v1/pods?labelSelector=app%3Dweb%2Ctier%21%3Ddb&limit=500",
        ),
        (
            Request(
                verb="deletecollection",
                resource="pods",
                namespace="x",
                field_selector="spec.nodeName=node-1",
                dry_run=True,
            ),
            "DELETE /api/v1/namespaces/x/pods?dryRun=All&fieldSelector=spec.nodeName%3Dnode-1",
        ),
        (
            Request(verb="get", resource="clusterroles.rbac.authorization.k8s.io", name="system:node"),
            "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        ),
        (Request(verb="get", resource="pods", namespace="x", name="a/b c"), "GET /api/v1/namespaces/x/pods/a%2Fb%20c"),
        (Request(verb="list", resource="things.example.com"), "GET /apis/example.com/v1/things"),
        (
            Request(verb="list", resource="horizontalpodautoscalers.autoscaling"),
            "GET /apis/autoscaling/v2/horizontalpodautoscalers",
        ),
    ],
)
def test_request_lines(request_, line):
    assert f"{method_of(request_)} {path_of(request_)}" == line
